"""The pages, one file a subject. Each lists its routes in `ROUTES`."""
