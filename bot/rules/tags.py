"""Git tags: those of candidates, and those that people push to cut one."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from bot.errors import Refusal
from bot.rules.comments import Place
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

    `object` is the SHA that the tag itself points to: of an annotated tag, that of the tag object. `by_bot`: a bot or
    a workflow pushed it, else somebody whose e-mail address is `email`. `pushed_at` is when, in seconds since 1970 by
    GitHub's clock. `is_found`: no webhook reported it, so nobody knows who pushed it.
    """

    repository: RepositoryId
    tag: str
    commit: CommitSha | None
    sender_id: GitHubUserId | None
    sender: str
    delivery: str
    deleted: bool = False
    object: str | None = None
    by_bot: bool = False
    email: str | None = None
    pushed_at: int | None = None
    is_found: bool = False

    @property
    def is_annotated(self) -> bool:
        """Whether the tag is an object of its own, with a message."""
        return self.object not in (None, self.commit)

    @property
    def marker(self) -> str:
        """A name of what was pushed, for the comment that answers it: that of a tag with its object."""
        digest = sha256(f"{self.repository}:{self.tag}:{self.object}".encode(errors="replace")).hexdigest()
        return f"tag:{digest[:32]}"


@dataclass(frozen=True)
class TagMessage:
    """The message of an annotated tag, with commands of who pushed it. `created_at` is when it was made (ISO 8601)."""

    repository_id: RepositoryId
    commit: CommitSha
    object: str
    author_id: GitHubUserId
    created_at: str

    @property
    def marker(self) -> str:
        """A unique name of the message: one object may be pushed to several repositories."""
        return f"tag-message:{self.repository_id}:{self.object}"

    @property
    def place(self) -> Place:
        """The commit that was tagged."""
        return Place("commit", self.commit)


MAX_MESSAGE_AGE = timedelta(hours=1)  # of a tag whose message may carry commands
MAX_AHEAD = timedelta(minutes=5)  # of the clock of who made a tag


def why_no_commands(push: TagPush, tagger_email: str | None, tagged_at: datetime | None, now: datetime) -> str | None:
    """Say why the message of a tag carries no commands; None if it does: who pushed the tag has just made it.

    `now` is by GitHub's clock.
    """
    if tagger_email is None or push.email is None or tagger_email.lower() != push.email.lower():
        return "its tagger's e-mail address is not that of who pushed it"
    if tagged_at is None or not -MAX_AHEAD <= now - tagged_at <= MAX_MESSAGE_AGE:
        return "it was not made within the last hour"
    return None


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
