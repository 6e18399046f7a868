"""The domain: rules, store, GitHub client, operations, events and the job queue."""
