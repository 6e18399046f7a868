"""A made-up application whose history breaks off."""
