"""Pages of vendors, their catalog and their contracts."""
