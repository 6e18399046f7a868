"""The composition root: one process with its routes, middleware, queue and worker."""
