"""The two ways in which the sandbox says no."""

from collections.abc import Mapping
from typing import Any


class SandboxError(Exception):
    """The sandbox itself cannot do what was asked; the text is one clear sentence."""


class ApiError(Exception):
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


def not_found() -> ApiError:
    """Refuse without telling whether the thing exists."""
    return ApiError(404, "Not Found")


def invalid(message: str, **body: Any) -> ApiError:
    """Refuse a request that is understood but wrong."""
    return ApiError(422, message, **body)
