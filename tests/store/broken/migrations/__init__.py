"""Example migrations that fail half-way."""
