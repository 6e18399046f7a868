"""Workflow runs: dispatched, tracked to their end, and reconciled with GitHub."""
