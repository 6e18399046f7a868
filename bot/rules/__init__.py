"""The domain rules: pure functions and tables, without input or output."""
