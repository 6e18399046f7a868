"""GitHub's door: the only place with webhook JSON."""
