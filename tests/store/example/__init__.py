"""A made-up application with a history."""
