"""Who may do what, through which channel: expectations, written by hand, which every channel is held to.

Nothing here is derived from the code that decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass

PULL, COMMIT, MESSAGE = "pull comment", "commit comment", "message of a tag"
TAG, BUTTON, FILE = "pushed tag", "check button", "file"
PAGE, TOKEN, PERSONAL = "page", "token of a program", "personal token"
CHANNELS = (PULL, COMMIT, MESSAGE, TAG, BUTTON, PAGE, FILE, TOKEN, PERSONAL)

WRITTEN = frozenset({PULL, COMMIT, MESSAGE})
REST = frozenset({TOKEN, PERSONAL})
NOBODY = "nobody"

ROLES = ("none", "read", "triage", "write", "maintain", "admin")
PUBLIC = {"none": "read"}
"""What GitHub tells of somebody without a role: everybody reads a public repository."""
CUSTOM = {"read": "read", "triage": "read", "write": "write", "maintain": "write"}
"""Custom roles by the role that they extend, with the role that GitHub tells of them: a plain permission."""
OF_ROLES = frozenset(
    (
        *("project:read", "release:cut", "deployment:start", "deployment:production", "deployment:report"),
        *("deployment:force", "release:hold", "freeze:write", "announcement:submit", "announcement:approve"),
        "project:write",
    )
)
"""The grants that some role on GitHub brings."""
GRANTS = OF_ROLES | {"content:read", "content:write", "admin"}
FLOORS = {MESSAGE: "write"}
"""The lowest role that is heard at all. The message of a tag by somebody below it is not read."""


@dataclass(frozen=True)
class Act:
    """An act: the lowest role on GitHub that may do it, the grants that a token needs for it, and its channels.

    A pair is for environments that are not for production, and for those that are; anything else does not depend on an
    environment. Several grants are joined with `+`. A channel that is not named does not offer the act.
    """

    name: str
    role: str | tuple[str, str]
    grants: str | tuple[str, str]
    channels: frozenset[str]

    @property
    def tiers(self) -> tuple[str, ...]:
        """The tiers of the environments on which it is attempted."""
        return ("staging", "production") if isinstance(self.role, tuple) else ("staging",)

    def needed_role(self, tier: str) -> str:
        """The lowest role for an environment of a tier, or NOBODY."""
        return self.role if isinstance(self.role, str) else self.role[tier == "production"]

    def needed_grants(self, tier: str) -> frozenset[str]:
        """The grants that a token needs for an environment of a tier; NOBODY where none suffices."""
        grants = self.grants if isinstance(self.grants, str) else self.grants[tier == "production"]
        return frozenset(grants.split("+")) if grants else frozenset()

    def is_for(self, role: str, tier: str, channel: str) -> bool:
        """Whether a role, as GitHub tells it, suffices."""
        needed = self.needed_role(tier)
        lowest = max(ROLES.index(FLOORS.get(channel, "none")), ROLES.index("none" if needed == NOBODY else needed))
        return needed != NOBODY and ROLES.index(role) >= lowest


ON_TIER = ("write", "maintain")
START = ("deployment:start", "deployment:production")
FORCE = ("deployment:start+deployment:force", "deployment:production+deployment:force")
ADMIN, MAINTAIN, ANYBODY = ("admin", "admin"), ("maintain", "maintain"), ("read", "read")
NO_TOKEN = (NOBODY, NOBODY)

ACTS = (
    # releases
    Act("cut", "write", "release:cut", WRITTEN | REST | {TAG, PAGE}),
    Act("cancel a build", "write", "release:cut", WRITTEN | REST | {BUTTON, PAGE}),
    Act("build again", "write", "release:cut", REST | {BUTTON, PAGE}),
    Act("hold", "maintain", "release:hold", WRITTEN | REST | {PAGE}),
    Act("end a hold", "maintain", "release:hold", WRITTEN | REST | {PAGE}),
    Act("ban", "maintain", "release:hold", WRITTEN | REST | {PAGE}),
    Act("end a ban", "maintain", "release:hold", WRITTEN | REST | {PAGE}),
    Act("announce", "write", "announcement:submit", WRITTEN | REST),
    Act("withdraw one's announcement", "write", "announcement:submit", REST),
    Act("withdraw somebody's announcement", NOBODY, NOBODY, REST),
    Act("approve an announcement", "maintain", "announcement:approve", WRITTEN | REST | {PAGE}),
    Act("reject an announcement", "maintain", "announcement:approve", WRITTEN | REST | {PAGE}),
    Act("create a release", "admin", "project:write", REST),
    Act("change a release", "admin", "project:write", REST),
    Act("add files", "admin", "project:write", REST),
    Act("replace files", "admin", "project:write", REST),
    # deployments
    Act("deploy", ON_TIER, START, WRITTEN | REST | {TAG, BUTTON, PAGE}),
    Act("deploy with force", ADMIN, FORCE, WRITTEN | REST | {PAGE}),
    Act("promote", ON_TIER, START, WRITTEN | REST | {PAGE}),
    Act("promote with force", ADMIN, FORCE, WRITTEN | REST | {PAGE}),
    Act("roll back", ON_TIER, START, WRITTEN | REST | {PAGE}),
    Act("roll back with force", ADMIN, FORCE, WRITTEN | REST | {PAGE}),
    Act("cancel a deployment", ON_TIER, START, WRITTEN | REST | {BUTTON, PAGE}),
    Act("report a deployment", MAINTAIN, ("deployment:report",) * 2, REST),
    Act("report the run of a build", "maintain", "deployment:report", REST),
    Act("report the run of a deployment", MAINTAIN, ("deployment:report",) * 2, REST),
    # approvals, where nothing but their number is set
    Act("approve", ON_TIER, NO_TOKEN, WRITTEN | REST | {PAGE}),
    Act("withdraw one's approval", ANYBODY, ("project:read",) * 2, WRITTEN | {PERSONAL, PAGE}),
    Act("withdraw somebody's approval", NO_TOKEN, NO_TOKEN, REST),
    Act("approve a weaker file", ON_TIER, NO_TOKEN, WRITTEN | REST | {PAGE}),
    Act("approve a weaker file where nobody had to approve", ADMIN, NO_TOKEN, WRITTEN | REST | {PAGE}),
    # environments
    Act("freeze", MAINTAIN, ("freeze:write",) * 2, WRITTEN | REST | {PAGE}),
    Act("end a freeze", MAINTAIN, ("freeze:write",) * 2, WRITTEN | REST | {PAGE}),
    Act("freeze a project", "maintain", "freeze:write", WRITTEN | REST | {PAGE}),
    Act("end the freeze of a project", "maintain", "freeze:write", WRITTEN | REST | {PAGE}),
    Act("lock", ON_TIER, START, WRITTEN | REST | {PAGE}),
    Act("release one's lock", ON_TIER, START, WRITTEN | REST | {PAGE}),
    Act("release somebody's lock", ADMIN, FORCE, WRITTEN | REST | {PAGE}),
    # settings
    Act("create a project", NOBODY, "project:write", REST | {FILE, PAGE}),
    Act("change a project", "admin", "project:write", REST | {FILE}),
    Act("change the profile of a project", "admin", "project:write", REST),
    Act("add a link", "admin", "project:write", REST),
    Act("change a link", "admin", "project:write", REST),
    Act("remove a link", "admin", "project:write", REST),
    Act("create an environment", "admin", "project:write", REST | {FILE}),
    Act("make a gate stronger", ADMIN, ("project:write",) * 2, REST | {FILE}),
    Act("make a gate weaker", ADMIN, ("project:write",) * 2, REST),
    # the service
    Act("freeze the service", NOBODY, "freeze:write", REST),
    Act("end the freeze of the service", NOBODY, "freeze:write", REST),
    Act("create a token", NOBODY, "admin", REST),
    Act("revoke a token", NOBODY, "admin", REST),
    Act("write content", NOBODY, "content:write", REST),
    # reading
    Act("ask why", ANYBODY, ("project:read",) * 2, WRITTEN | REST | {PAGE}),
    Act("ask for the status", "read", "project:read", WRITTEN | REST | {PAGE}),
    Act("ask where", "read", "project:read", WRITTEN | REST),
    Act("ask for help", "none", "", WRITTEN),
)
BY_NAME: Mapping[str, Act] = {act.name: act for act in ACTS}


def offered(channel: str) -> list[Act]:
    """The acts that a channel offers."""
    return [act for act in ACTS if channel in act.channels]
