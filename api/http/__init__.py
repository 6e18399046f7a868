"""The HTTP layer that every dialect shares: endpoints, bodies, authentication, idempotency, pagination."""
