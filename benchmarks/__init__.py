"""Performance claims, measured by `python -m benchmarks.NAME`; benchmarks/README.md has the results."""
