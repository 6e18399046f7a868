"""Serialize records to GitHub's JSON with pure functions."""
