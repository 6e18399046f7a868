"""Records as GitHub's JSON: pure functions, one module for each kind of thing."""
