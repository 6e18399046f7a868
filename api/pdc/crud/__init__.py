"""The mechanism of declared resources: lists with filters, orderings and pages, and writes, singly or in bulk."""
