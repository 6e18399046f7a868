"""Programs' door: the only place with our JSON. A dialect is a file of declarations, `endpoints` the mechanism."""
