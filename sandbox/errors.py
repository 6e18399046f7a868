"""The two ways in which the sandbox says no."""

from collections.abc import Mapping
from typing import Any


class SandboxError(Exception):
    """The sandbox itself cannot do what was asked; the text is one clear sentence."""


class Refused(Exception):
    """An answer that is not a success, as the fake API sends it."""

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


def not_found() -> Refused:
    """Refuse without telling whether the thing exists."""
    return Refused(404, "Not Found")


def invalid(message: str, **body: Any) -> Refused:
    """Refuse a request that is understood but wrong."""
    return Refused(422, message, **body)


def already_exists(resource: str, field: str) -> Refused:
    """Refuse a request with GitHub's list of validation errors."""
    errors = [{"resource": resource, "field": field, "code": "already_exists"}]
    return Refused(422, "Validation Failed", errors=errors)
