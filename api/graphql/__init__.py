"""GraphQL: one graph over what the other dialects say, read only."""
