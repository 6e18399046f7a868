"""The HTTP APIs for programs: one dialect a module, on the shared mechanism of `api.http` or of `api.pdc.crud`."""
