"""The dialects that are declared as endpoints, and the native API."""
