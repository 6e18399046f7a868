"""Errors of the sandbox itself and error responses of the simulated API."""

from collections.abc import Mapping
from typing import Any


class SandboxError(Exception):
    """The sandbox cannot perform an action; the message is one sentence for its user."""


class GitFailed(SandboxError):
    """A git command failed; `output` is all that it wrote about it."""

    def __init__(self, message: str, output: str) -> None:
        super().__init__(message)
        self.output = output


class ApiError(Exception):
    """An error response of the simulated API."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        **body: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.body: dict[str, Any] = {
            "message": message,
            "documentation_url": "https://docs.github.com/rest",
            "status": str(status),
            **body,
        }


def not_found() -> ApiError:
    """Return a 404, which does not reveal whether the resource exists."""
    return ApiError(404, "Not Found")


def invalid(message: str, **body: Any) -> ApiError:
    """Return a 422 validation error."""
    return ApiError(422, message, **body)
