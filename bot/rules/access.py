"""What somebody may do in a project, as far as their grants say: which acts are offered to them."""

from dataclasses import dataclass

from bot.rules.gate_settings import PRODUCTION

OFFERED = (
    *("release:cut", "release:hold", "freeze:write", "project:write"),
    *("deployment:start", "deployment:production", "deployment:force"),
)
"""Grants for acts that people are offered."""


@dataclass(frozen=True)
class Access:
    """The grants of OFFERED that somebody holds in a project, and whether they are a person, who may approve."""

    grants: frozenset[str] = frozenset()
    is_person: bool = False

    def may(self, grant: str) -> bool:
        """Whether a grant is held."""
        return grant in self.grants

    def may_deploy_to(self, tier: str) -> bool:
        """Whether deployments to an environment of a tier may be started, canceled and rolled back."""
        return self.may("deployment:production" if tier == PRODUCTION else "deployment:start")
