"""Performance claims, each measured by `python -m benchmarks.NAME`; the results are in benchmarks/README.md."""
