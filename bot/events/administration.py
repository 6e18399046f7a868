"""Events of repositories and commands, and of changes by operators and API clients."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from bot.events.event import Details, Event, ResultEvent, RowEvent
from bot.rules.ids import EnvironmentId


@dataclass(frozen=True, kw_only=True)
class RepositoryChanged(RowEvent):
    """A repository's name, default branch, visibility, archival or installation changed on GitHub."""

    act: ClassVar[str] = "repository.change"


@dataclass(frozen=True, kw_only=True)
class RepositoryUnreachable(Event):
    """No installation of the App reaches a project's repository now."""

    act: ClassVar[str] = "repository.unreachable"
    alarm: ClassVar[bool] = True
    subject_format: ClassVar[str] = "{full_name}"
    after_fields: ClassVar[Mapping[str, str]] = {"why": "reason"}

    full_name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class CommandRefused(Event):
    """A command in a comment was refused."""

    act: ClassVar[str] = "command.refused"
    subject_format: ClassVar[str] = "{repository}"
    after_fields: ClassVar[Mapping[str, str]] = {"*": "command", "refusal": "refusal", "comment": "comment"}

    repository: str
    command: Details
    refusal: str
    comment: str


# --- projects, environments and links


@dataclass(frozen=True, kw_only=True)
class ProjectCreated(RowEvent):
    """A project was created."""

    act: ClassVar[str] = "project.create"


@dataclass(frozen=True, kw_only=True)
class ProjectChanged(RowEvent):
    """A project was changed."""

    act: ClassVar[str] = "project.change"


@dataclass(frozen=True, kw_only=True)
class EnvironmentCreated(RowEvent):
    """An environment was created."""

    act: ClassVar[str] = "environment.create"


@dataclass(frozen=True, kw_only=True)
class EnvironmentChanged(RowEvent):
    """An environment was changed."""

    act: ClassVar[str] = "environment.change"


@dataclass(frozen=True, kw_only=True)
class GateWeakened(RowEvent):
    """An environment was changed so that its gates may let pass what they would not have before.

    `fields` are the settings concerned; `environment_id` is the environment, which may be renamed later.
    """

    act: ClassVar[str] = "gate.weakened"
    after_fields: ClassVar[Mapping[str, str]] = {"*": "new", "fields": "fields", "environment": "environment_id"}

    environment_id: EnvironmentId
    fields: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LinkCreated(RowEvent):
    """A link was added to a project."""

    act: ClassVar[str] = "link.create"


@dataclass(frozen=True, kw_only=True)
class LinkChanged(RowEvent):
    """A link of a project was changed."""

    act: ClassVar[str] = "link.change"


@dataclass(frozen=True, kw_only=True)
class LinkRemoved(RowEvent):
    """A link was removed from a project."""

    act: ClassVar[str] = "link.remove"


# --- releases and their announcements


@dataclass(frozen=True, kw_only=True)
class ReleaseCreated(RowEvent):
    """A release was created."""

    act: ClassVar[str] = "release.create"


@dataclass(frozen=True, kw_only=True)
class ReleaseChanged(RowEvent):
    """A release was changed."""

    act: ClassVar[str] = "release.change"


@dataclass(frozen=True, kw_only=True)
class ReleaseFilesAdded(RowEvent):
    """Files were added to a release."""

    act: ClassVar[str] = "release.add_files"


@dataclass(frozen=True, kw_only=True)
class ReleaseFilesReplaced(RowEvent):
    """The files of a release were replaced."""

    act: ClassVar[str] = "release.replace_files"


@dataclass(frozen=True, kw_only=True)
class AnnouncementSubmitted(ResultEvent):
    """An announcement was submitted."""

    act: ClassVar[str] = "announcement.submit"


@dataclass(frozen=True, kw_only=True)
class AnnouncementWithdrawn(ResultEvent):
    """A pending announcement was withdrawn by the user who submitted it."""

    act: ClassVar[str] = "announcement.withdraw"


@dataclass(frozen=True, kw_only=True)
class AnnouncementApproved(ResultEvent):
    """An announcement was approved."""

    act: ClassVar[str] = "announcement.approve"


@dataclass(frozen=True, kw_only=True)
class AnnouncementRejected(ResultEvent):
    """An announcement was rejected."""

    act: ClassVar[str] = "announcement.reject"


# --- tokens, the content network, and dead letters


@dataclass(frozen=True, kw_only=True)
class TokenCreated(ResultEvent):
    """A token was created."""

    act: ClassVar[str] = "token.create"


@dataclass(frozen=True, kw_only=True)
class TokenRenewed(RowEvent):
    """A token got another secret."""

    act: ClassVar[str] = "token.renew"


@dataclass(frozen=True, kw_only=True)
class TokenRevoked(RowEvent):
    """A token was revoked."""

    act: ClassVar[str] = "token.revoke"


@dataclass(frozen=True, kw_only=True)
class RecordsChanged(RowEvent):
    """Rows of the PDC dialect were changed, by one change set."""

    act: ClassVar[str] = "records.apply"


@dataclass(frozen=True, kw_only=True)
class DeadLetterRetried(RowEvent):
    """A dead letter was queued again."""

    act: ClassVar[str] = "delivery.retry"


@dataclass(frozen=True, kw_only=True)
class DeadLetterDiscarded(RowEvent):
    """A dead letter was discarded."""

    act: ClassVar[str] = "delivery.discard"


# --- the App, and signing in to the pages


@dataclass(frozen=True, kw_only=True)
class AppRegistered(RowEvent):
    """The App was registered in the browser, and its credentials were stored."""

    act: ClassVar[str] = "app.register"


@dataclass(frozen=True, kw_only=True)
class AppCredentialsReplaced(RowEvent):
    """Credentials of the App were entered in the browser. Which ones is recorded, but none of their values."""

    act: ClassVar[str] = "app.replace_credentials"


@dataclass(frozen=True, kw_only=True)
class SignedIn(RowEvent):
    """Somebody signed in to the pages."""

    act: ClassVar[str] = "session.begin"


@dataclass(frozen=True, kw_only=True)
class SignedOut(RowEvent):
    """A session ended: its owner signed out, or it was ended by its owner, by an operator or by GitHub."""

    act: ClassVar[str] = "session.end"


@dataclass(frozen=True, kw_only=True)
class LoginLinkCreated(RowEvent):
    """A link was made that signs in as the operator."""

    act: ClassVar[str] = "session.link"
