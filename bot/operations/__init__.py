"""The operations: one function per act, one file per noun."""
