"""Actions on the simulated platform: each changes the state and sends the webhooks that go with it."""
