"""The conventions of the REST interface that every resource shares (see the API contract)."""
