"""Events of git tags: those of candidates, and those that people and bots push."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from bot.events.event import Details, Event
from bot.events.releases import CandidateEvent


@dataclass(frozen=True, kw_only=True)
class TagMoved(CandidateEvent):
    """A candidate's tag was moved to another commit."""

    act: ClassVar[str] = "tag.moved"
    alarm: ClassVar[bool] = True
    after_fields: ClassVar[Mapping[str, str]] = {"is": "reason"}

    reason: str


@dataclass(frozen=True, kw_only=True)
class TagElsewhere(TagMoved):
    """A candidate's tag could not be created: it existed already, at another commit."""

    act: ClassVar[str] = "tag.elsewhere"


@dataclass(frozen=True, kw_only=True)
class TagDeleted(Event):
    """A candidate's tag was deleted."""

    act: ClassVar[str] = "tag.deleted"
    alarm: ClassVar[bool] = True
    subject_format: ClassVar[str] = "{tag}"
    after_fields: ClassVar[Mapping[str, str]] = {"is": "by"}

    tag: str
    by: str


@dataclass(frozen=True, kw_only=True)
class CutByTagRefused(Event):
    """A pushed tag named a candidate that was not cut."""

    act: ClassVar[str] = "candidate.refused"
    subject_format: ClassVar[str] = "{tag}"
    after_fields: ClassVar[Mapping[str, str]] = {"refusal": "refusal", "*": "details"}

    tag: str
    refusal: str
    details: Details = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PromotionByTagRefused(CutByTagRefused):
    """A pushed tag named a release whose candidate was not deployed."""

    act: ClassVar[str] = "deployment.tag_refused"


@dataclass(frozen=True, kw_only=True)
class TagIgnored(Event):
    """A pushed tag would have cut or deployed a candidate, or given commands, but was not a person's own act."""

    act: ClassVar[str] = "tag.ignored"
    subject_format: ClassVar[str] = "{tag}"
    after_fields: ClassVar[Mapping[str, str]] = {"by": "by", "reason": "reason"}

    tag: str
    by: str
    reason: str
