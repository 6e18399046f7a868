"""Errors that are explained to the caller: worded once where they are raised, rendered by each channel in its form."""

from collections.abc import Mapping
from typing import Any


class Problem(Exception):
    """A sentence for the caller, and details that programs can read. Details that are None are left out."""

    def __init__(self, sentence: str, **details: Any) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.details: Mapping[str, Any] = {name: value for name, value in details.items() if value is not None}


class Refusal(Problem):
    """The request cannot be granted; sent again unchanged, it is refused again."""


class Unauthenticated(Refusal):
    """The request carries no credentials, or invalid ones."""


class RateLimited(Unauthenticated):
    """A caller without rights has asked too often, or somebody for too much at once. `retry_after` is in seconds."""

    def __init__(self, sentence: str, retry_after: int) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class Forbidden(Refusal):
    """The caller is authenticated but lacks a grant."""


class NotFound(Refusal):
    """What the request names does not exist, or is not visible to the caller."""


class UnknownProject(NotFound):
    """No project has this name or permalink. `key` is the column that was looked at."""

    def __init__(self, sentence: str, key: str = "name", **details: Any) -> None:
        super().__init__(sentence, **details)
        self.key = key


class RepositoryNotFound(NotFound):
    """GitHub does not show a repository, and does not say whether it exists or only the App is not installed on it."""

    def __init__(self, **details: Any) -> None:
        super().__init__("GitHub repository not found, or the App is not installed on it", **details)


class PermissionMissing(NotFound):
    """The GitHub App lacks `permissions`, each with its level, where it is installed: nobody has granted them yet."""

    def __init__(self, permissions: Mapping[str, str]) -> None:
        listed = ", ".join(f"`{name}: {level}`" for name, level in permissions.items())
        super().__init__(
            f"The GitHub App was not granted {listed}: grant it, or accept its new permissions in its installation."
        )
        self.permissions = dict(permissions)


class Conflict(Refusal):
    """The request conflicts with the current state."""


class RequestInProgress(Conflict):
    """The first request with the same idempotency key is still in progress. `retry_after` is in seconds."""

    def __init__(self, sentence: str, retry_after: int) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class IdempotencyKeyReused(Refusal):
    """The idempotency key was used for a different request before."""


class Unavailable(Problem):
    """A service that we depend on does not respond at the moment. `retry_after` is in seconds."""

    def __init__(self, sentence: str, retry_after: int = 5, **details: Any) -> None:
        super().__init__(sentence, **details)
        self.retry_after = retry_after


class WrongSettings(Unavailable):
    """GitHub cannot be used until an operator has changed a setting, or something on GitHub.

    The sentence says what GitHub answers, `reason` what has to be right.
    """

    def __init__(self, sentence: str, reason: str) -> None:
        super().__init__(sentence, 60, reason=reason)


class NotSetUp(WrongSettings):
    """There is no GitHub App yet."""

    def __init__(self) -> None:
        super().__init__(
            "The GitHub App is not set up yet",
            "an operator sets it up at /setup, or by LONGSHORE_GITHUB_APP_ID, LONGSHORE_GITHUB_PRIVATE_KEY and "
            "LONGSHORE_GITHUB_WEBHOOK_SECRET",
        )


class FactUnknown(Unavailable):
    """GitHub does not say what a decision depends on: it is down, a permission is missing, or a team is gone.

    It may never say, so people who wait for a reply are told at once.
    """

    def __init__(self, **details: Any) -> None:
        super().__init__("GitHub is unavailable", **details)


class DatabaseUnavailable(Unavailable):
    """The database does not answer, or takes no writes, at the moment."""


class Misconfigured(Problem):
    """A setting is missing or malformed: the operator has to change it before anything starts."""


def project_not_found(**details: Any) -> UnknownProject:
    """Build the error for an unknown project in the dialects that call it a release project."""
    return UnknownProject("Release project not found", **details)


def permalink_not_found() -> UnknownProject:
    """Build the error for an unknown project in the dialects that know projects by their permalinks."""
    return UnknownProject("Project not found", "permalink")


def environment_not_found(**details: Any) -> NotFound:
    """Build the error for an unknown environment of a project."""
    return NotFound("Release environment not found", **details)


def release_not_found(**details: Any) -> NotFound:
    """Build the error for an unknown release, candidate, package release or announcement."""
    return NotFound("Release not found", **details)


def deployment_not_found() -> NotFound:
    """Build the error for an unknown deployment."""
    return NotFound("Deployment not found")
