"""A made-up history that breaks off half-way."""
