"""What is true: pure functions and tables, without input or output."""
