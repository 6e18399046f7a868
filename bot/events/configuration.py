"""Events of configuration files of repositories."""

from dataclasses import dataclass
from typing import ClassVar

from bot.events.event import RowEvent


@dataclass(frozen=True, kw_only=True)
class ConfigurationApplied(RowEvent):
    """A configuration file was read and applied, or found to be gone."""

    act: ClassVar[str] = "configuration.apply"


@dataclass(frozen=True, kw_only=True)
class ConfigurationBroken(RowEvent):
    """The configuration file of a default branch is broken, so that the last good one stays in force."""

    act: ClassVar[str] = "configuration.broken"
    alarm: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class ConfigurationWaits(RowEvent):
    """Weaker changes of a configuration file wait for approval."""

    act: ClassVar[str] = "configuration.wait"


@dataclass(frozen=True, kw_only=True)
class ConfigurationApproved(RowEvent):
    """Somebody approved weaker changes of a configuration file. `row` is the id of the approval."""

    act: ClassVar[str] = "configuration.approve"

    row: int

    @property
    def result_id(self) -> int:
        """The id of the approval."""
        return self.row
