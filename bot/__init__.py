"""The house: rules, store, GitHub and operations, with the queue that finishes what was begun."""
