"""Workflow runs: dispatch them, track them to their end, and reconcile them with GitHub."""
