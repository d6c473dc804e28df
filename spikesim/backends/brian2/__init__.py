"""Brian2 as a reference backend, and the import of Brian2 networks."""
