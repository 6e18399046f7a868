"""Measured claims, each runnable: `python -m benchmarks.NAME`. Results stand in benchmarks/README.md."""
