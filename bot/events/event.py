"""The base classes of events.

An act records one event in its own transaction (`bot/operations/events.py`). The audit entry, the log line and the
metrics are made from the event; subscribers of `Context.publish` receive it once it is committed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from bot.rules.ids import CommitSha, ProjectId

Details = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened.

    `act` names it in the audit log and never changes. `subject_format` makes the subject from the event's fields.
    `before_fields` and `after_fields` map the keys of the audit entry's values to fields of the event; the key `*`
    stands for all entries of a field that is a mapping.
    """

    act: ClassVar[str]
    alarm: ClassVar[bool] = False
    subject_format: ClassVar[str]
    before_fields: ClassVar[Mapping[str, str]] = {}
    after_fields: ClassVar[Mapping[str, str]] = {}

    project_id: ProjectId | None = None
    commit: CommitSha | None = None

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names in the audit log that events of this class can have."""
        return (cls.act,)

    @property
    def name(self) -> str:
        """The event's name in the audit log."""
        return self.act

    @property
    def subject(self) -> str:
        """What the event is about, for people."""
        return self.subject_format.format_map(vars(self))

    @property
    def before(self) -> Details | None:
        """The old values for the audit entry, if any."""
        return self._details(self.before_fields)

    @property
    def after(self) -> Details | None:
        """The new values for the audit entry, and reasons, if any."""
        return self._details(self.after_fields)

    @property
    def result_id(self) -> int | None:
        """The id of the row that the act created, by which a repeated request finds it again."""
        return None

    def _details(self, fields: Mapping[str, str]) -> Details | None:
        details: dict[str, Any] = {}
        for key, name in fields.items():
            value = getattr(self, name)
            details |= (value or {}) if key == "*" else {key: value}
        return None if details in ({}, {"is": None}) else details


@dataclass(frozen=True, kw_only=True)
class RowEvent(Event):
    """A row was created, changed or removed: `target` names it, `old` and `new` are the fields concerned."""

    subject_format: ClassVar[str] = "{target}"
    before_fields: ClassVar[Mapping[str, str]] = {"*": "old"}
    after_fields: ClassVar[Mapping[str, str]] = {"*": "new"}

    target: str
    old: Details | None = None
    new: Details | None = None


@dataclass(frozen=True, kw_only=True)
class ResultEvent(RowEvent):
    """Likewise, and it may answer a request from GitHub: `row` is the id by which the act is known again."""

    row: int

    @property
    def result_id(self) -> int:
        """The id of the row that was created or changed."""
        return self.row
