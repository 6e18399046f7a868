"""The grants that changes of releases need. Every dialect asks here, so that all of them guard a field alike."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from bot.rules.releases import DEVELOPMENT, STATUS_NAMES

CONTENT, WRITE, HOLD = "content:write", "project:write", "release:hold"
IDENTITY = ("short", "version", "release_type")
"""The fields that say which release it is, `short` being its project; the other dialects show a release by them."""
GRANTS: Mapping[str, str] = {
    **dict.fromkeys((*IDENTITY, "name", "active", "product_version"), CONTENT),
    **dict.fromkeys(("status", "release_date", "notes", "files", "signature"), WRITE),
    "held": HOLD,
}
"""The grant that changing each field needs. The IDENTITY of an established release needs WRITE."""


class Release(Protocol):
    """The columns of a release that say whether it is established."""

    @property
    def release_id(self) -> str:
        """Its id across projects."""

    @property
    def status(self) -> int:
        """Its stored status."""

    @property
    def held(self) -> object:
        """Its hold, or None."""

    @property
    def signature(self) -> str | None:
        """Its signature."""

    @property
    def files(self) -> Collection[str]:
        """The groups of its files."""


@dataclass(frozen=True)
class NeededGrant:
    """A grant that a change needs, and the refusal of a caller without it."""

    grant: str
    sentence: str


def needed_grants(release: Release | None, fields: Collection[str]) -> list[NeededGrant]:
    """The grants that a change of these fields needs.

    None stands for a new release: whoever may create one chooses its IDENTITY.
    """
    return [_needed(release, field) for field in fields if release is not None or field not in IDENTITY]


def why_established(release: Release) -> str | None:
    """What makes other dialects' callers rely on a release; None for one in development without signature or files."""
    if release.held is not None:
        return "is held"
    if release.status != DEVELOPMENT:
        return f"has the status {STATUS_NAMES.get(release.status, release.status)}"
    return "is signed" if release.signature else "has files" if release.files else None


def _needed(release: Release | None, field: str) -> NeededGrant:
    why = why_established(release) if release is not None and field in IDENTITY else None
    if release is not None and why is not None:
        sentence = f"The release {release.release_id} {why}: changing its `{field}` needs the grant `{WRITE}`."
        return NeededGrant(WRITE, sentence)
    grant = GRANTS[field]
    act = "Holding a release" if field == "held" else f"Changing the `{field}` of a release"
    return NeededGrant(grant, f"{act} needs the grant `{grant}`.")
