"""The dialects that are declared as endpoints, and Longshore's own routes."""
