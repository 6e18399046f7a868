"""An example application with migrations."""
