"""Pages for those who set up and oversee an entity."""
