"""The durable queue: jobs, the worker that performs them, webhook intake and the schedule."""
