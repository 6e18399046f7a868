"""Events of what people say about deployments: freezes, locks, holds and bans."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from bot.events.event import ResultEvent
from bot.events.releases import CandidateEvent
from bot.rules.ids import CandidateId


@dataclass(frozen=True, kw_only=True)
class EnvironmentFrozen(ResultEvent):
    """An environment was frozen."""

    act: ClassVar[str] = "environment.freeze"


@dataclass(frozen=True, kw_only=True)
class EnvironmentUnfrozen(ResultEvent):
    """Freezes of an environment were ended."""

    act: ClassVar[str] = "environment.unfreeze"


@dataclass(frozen=True, kw_only=True)
class ProjectFrozen(ResultEvent):
    """All environments of a project were frozen."""

    act: ClassVar[str] = "project.freeze"


@dataclass(frozen=True, kw_only=True)
class ProjectUnfrozen(ResultEvent):
    """Freezes of a project were ended."""

    act: ClassVar[str] = "project.unfreeze"


@dataclass(frozen=True, kw_only=True)
class ServiceFrozen(ResultEvent):
    """All environments of all projects were frozen."""

    act: ClassVar[str] = "service.freeze"


@dataclass(frozen=True, kw_only=True)
class ServiceUnfrozen(ResultEvent):
    """A freeze of all projects was ended."""

    act: ClassVar[str] = "service.unfreeze"


@dataclass(frozen=True, kw_only=True)
class EnvironmentLocked(ResultEvent):
    """An environment was locked, or its owner changed the reason or the end of the lock."""

    act: ClassVar[str] = "environment.lock"


@dataclass(frozen=True, kw_only=True)
class EnvironmentUnlocked(ResultEvent):
    """An environment's lock was released."""

    act: ClassVar[str] = "environment.unlock"


@dataclass(frozen=True, kw_only=True)
class ReleaseHeld(ResultEvent):
    """A release was put on hold."""

    act: ClassVar[str] = "release.hold"


@dataclass(frozen=True, kw_only=True)
class ReleaseUnheld(ResultEvent):
    """A release's hold was ended."""

    act: ClassVar[str] = "release.unhold"


@dataclass(frozen=True, kw_only=True)
class BanEvent(CandidateEvent):
    """A candidate was banned or unbanned. `reason` is that of the ban."""

    candidate_id: CandidateId
    reason: str

    @property
    def result_id(self) -> int:
        """The candidate's row."""
        return self.candidate_id


@dataclass(frozen=True, kw_only=True)
class CandidateBanned(BanEvent):
    """A candidate was banned, by somebody or because its tag is not at its commit."""

    act: ClassVar[str] = "candidate.ban"
    after_fields: ClassVar[Mapping[str, str]] = {"reason": "reason"}


@dataclass(frozen=True, kw_only=True)
class CandidateUnbanned(BanEvent):
    """A candidate's ban was ended."""

    act: ClassVar[str] = "candidate.unban"
    before_fields: ClassVar[Mapping[str, str]] = {"reason": "reason"}
