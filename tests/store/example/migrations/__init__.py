"""A made-up history whose second step rebuilds a table that others refer to."""
