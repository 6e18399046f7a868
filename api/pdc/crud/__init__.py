"""Declared resources: listed, filtered, ordered, paged and written, singly or in bulk."""
