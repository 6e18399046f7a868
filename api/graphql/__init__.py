"""GraphQL: a read-only graph of everything that the other dialects expose."""
