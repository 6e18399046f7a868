"""Events of people's approvals of candidates."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from bot.events.releases import CandidateEvent
from bot.rules.ids import ApprovalId


@dataclass(frozen=True, kw_only=True)
class ApprovalEvent(CandidateEvent):
    """Something happened to an approval of a candidate for an environment.

    `by_operator`: it was given with a token that an operator made for this person.
    """

    subject_format: ClassVar[str] = "{environment}: {version}"
    after_fields: ClassVar[Mapping[str, str]] = {"by": "by", "comment": "comment", "made_by_operator": "by_operator"}

    environment: str
    approval_id: ApprovalId
    by: str
    comment: str
    by_operator: bool

    @property
    def result_id(self) -> int:
        """The approval's row."""
        return self.approval_id


@dataclass(frozen=True, kw_only=True)
class ApprovalGiven(ApprovalEvent):
    """A person approved a candidate for an environment."""

    act: ClassVar[str] = "approval.given"


@dataclass(frozen=True, kw_only=True)
class ApprovalWithdrawn(ApprovalEvent):
    """A person withdrew their approval."""

    act: ClassVar[str] = "approval.withdrawn"
