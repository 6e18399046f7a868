"""An example application whose migrations fail."""
