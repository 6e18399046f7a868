"""GitHub's webhooks: the only package that reads webhook JSON."""
