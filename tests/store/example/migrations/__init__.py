"""Example migrations, of which the second rebuilds a table that another table references."""
