"""What we do: one function for each act, one file for each noun."""
