"""GitHub's webhooks: the only place with webhook JSON."""
