"""Git tags: those of candidates, and those that people push to cut one."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.errors import Refusal
from bot.rules.ids import CommitSha, GitHubUserId, ProjectId, RepositoryId
from bot.rules.versions import parse_written_candidate

MAX_TAG = 255  # characters of a candidate's tag
_MARK = re.compile(r"(?<![a-z])(?:rc|cr)(?![a-z])|release[-_.]?candidate", re.IGNORECASE)
_NUMBERED = re.compile(r"[0-9].*")
_RULE = "A tag that cuts a candidate is spelled"


@dataclass(frozen=True)
class TagPush:
    """A tag that was pushed, and the commit it points to (annotated tags peeled); None when the tag was deleted.

    `sender_id` is None when GitHub does not say who pushed it. `delivery` is the GUID of the webhook delivery that
    reported it. A tag that was not `deleted` has no commit if it points to something else.
    """

    repository: RepositoryId
    tag: str
    commit: CommitSha | None
    sender_id: GitHubUserId | None
    sender: str
    delivery: str
    deleted: bool = False


@dataclass(frozen=True)
class Prefixes:
    """The prefixes of a project's tags: `trigger` of those that people push to cut candidates, `own` of candidates."""

    trigger: str
    own: str


def tag_name(prefix: str, version: str) -> str:
    """The git tag of a candidate."""
    return f"{prefix}{version}"


def version_in_tag(tag: str, prefixes: Mapping[ProjectId, str]) -> tuple[ProjectId, str] | None:
    """The project with the longest prefix that matches a tag, and the text after the prefix; None without a match."""
    matching = [(len(prefix), project) for project, prefix in prefixes.items() if prefix and tag.startswith(prefix)]
    if not matching:
        return None
    length, project = max(matching)
    return project, tag[length:]


def why_misspelled(tag: str, projects: Iterable[Prefixes]) -> str | None:
    """Say how a pushed tag that names no candidate should have been spelled; None if it is nothing like such a tag.

    It is like one if it contains a number, and `rc` or `cr` as a word, whatever its prefix and case.
    """
    known, lower = list(projects), tag.lower()
    trigger = max(
        (prefixes.trigger for prefixes in known if lower.startswith(prefixes.trigger.lower())), key=len, default=""
    )
    owners = [prefixes for prefixes in known if lower.startswith(prefixes.own.lower())]
    owner = max(owners, key=lambda prefixes: len(prefixes.own), default=None)
    is_owned = owner is not None and len(owner.own) > len(trigger)
    rest = tag if is_owned else tag[len(trigger) :]
    if len(tag) > MAX_TAG or _MARK.search(rest) is None or (numbered := _NUMBERED.search(rest)) is None:
        return None
    if owner is not None and is_owned:
        spelling = _spelling(owner.trigger, tag[len(owner.own) :])
        return f"Tags that begin with `{owner.own}` are Longshore's own. {_RULE} {spelling}."
    if trigger:
        return f"{_RULE} {_spelling(trigger, rest)}."
    spellings = dict.fromkeys(_spelling(prefixes.trigger, numbered[0]) for prefixes in known)
    return f"{_RULE} {' or '.join(spellings)}."


def _spelling(prefix: str, version: str) -> str:
    """How the tag with this prefix is spelled that cuts the candidate with nearly this version."""
    try:
        expected = str(parse_written_candidate(version))
    except Refusal as refusal:
        expected = str(refusal.details["expected"])
    return f"`{prefix}{expected}`" if "," not in expected else f"`{prefix}<release version>-rc<number>`"
