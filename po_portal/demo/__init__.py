"""A lived-in organisation to try the portal with, built by `manage.py load_demo`; demo only."""
