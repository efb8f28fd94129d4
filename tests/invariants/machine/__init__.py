"""A model of the books in plain Python, and a machine that compares the portal with it."""
