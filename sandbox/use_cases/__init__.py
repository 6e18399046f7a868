"""What can happen on the platform: each act changes the state and sends the webhooks that belong to it."""
