"""Errors of the simulated API, for callers of the Python API."""

import contextlib
from collections.abc import Iterator

from sandbox.errors import ApiError, SandboxError


@contextlib.contextmanager
def as_sandbox_error() -> Iterator[None]:
    """Convert an error of the simulated API into a SandboxError."""
    try:
        yield
    except ApiError as error:
        raise SandboxError(f"{error}.") from error
