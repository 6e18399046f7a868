"""What GitHub knows: the only place with GitHub's REST JSON."""
