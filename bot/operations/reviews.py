"""What waits for one person to say something: approvals, announcements, and weaker changes of configuration files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from bot.context import READ, Context, authorize
from bot.errors import FactUnknown
from bot.operations import gate_answers, reviewers
from bot.operations.board import closed_gates
from bot.operations.reviewers import Reviewer
from bot.rules import gate_settings
from bot.rules.approvers import is_listed
from bot.rules.board import ClosedGate
from bot.rules.gate_approvals import why_not_approve
from bot.rules.gate_facts import AuthorsFact, CandidateFact, GateFacts, Requester
from bot.rules.gate_questions import Questions
from bot.rules.ids import CommitSha, DeploymentId, GitHubUserId, UserId
from bot.store import announcement_queries, review_queries
from bot.store.announcement_queries import AnnouncementRow
from bot.store.candidates import Candidate
from bot.store.gate_queries import from_json, known_time, to_time
from bot.store.review_queries import ApprovalRow, ChangeRow, PlaceRow

APPROVE = "announcement:approve"
MAX_SHOWN = 100
"""The most things of a kind that are shown, the oldest first."""
MAX_ASKED = 10
"""For how many deployments GitHub is asked at once who wrote their commits; the answers are stored."""
MAX_VALUE = 200  # characters of a setting that are shown


@dataclass(frozen=True)
class WantedApproval:
    """A deployment that waits for the person's approval, and what else they may do about it."""

    deployment: DeploymentId
    project: str
    environment: str
    version: str
    commit: CommitSha
    since: datetime
    expires_at: datetime | None
    by: str
    automatic: bool
    cut_by: str
    waits_for: Sequence[ClosedGate]
    may_read: bool
    may_cancel: bool
    may_hold: bool


@dataclass(frozen=True)
class SettingChange:
    """A weaker change: `name` is the setting, with its values as JSON, which may be cut off.

    Where all of an environment or project is added or removed, `name` is `added` or `removed`.
    """

    name: str
    old: str
    new: str


@dataclass(frozen=True)
class WantedChange:
    """Weaker changes by one version of the file, and how many have approved them."""

    project: str
    environment: str
    commit: CommitSha
    since: datetime
    given: int
    needed: int
    settings: Sequence[SettingChange]


@dataclass(frozen=True)
class Reviews:
    """What waits for a person. `incomplete`: GitHub did not say about everything whether it does."""

    approvals: Sequence[WantedApproval]
    announcements: Sequence[AnnouncementRow]
    changes: Sequence[WantedChange]
    incomplete: bool


@dataclass(frozen=True)
class _Found:
    """The rows that wait for a person."""

    reviewer: Reviewer
    approvals: Sequence[ApprovalRow]
    announcements: Sequence[PlaceRow]
    changes: Sequence[ChangeRow]


async def read(context: Context) -> Reviews:
    """Read what waits for the caller's word, at most MAX_SHOWN of each kind, the oldest first.

    Approvals and changes wait for people only, by the rules by which they would be judged. Who may approve a deployment
    sees it even without a role in the repository. GitHub's answers may be a minute old: acts ask again.
    """
    found = await _find(context)
    if await _ask_authors(context, found.approvals):
        found = await _find(context)
    ids = [row["id"] for row in found.announcements[:MAX_SHOWN]]
    return Reviews(
        approvals=[_wanted_approval(found.reviewer, row) for row in found.approvals[:MAX_SHOWN]],
        announcements=await announcement_queries.find_announcements(ids),
        changes=_wanted_changes(found.changes)[:MAX_SHOWN],
        incomplete=any(person.problems for person in found.reviewer.people.values()),
    )


async def count(context: Context) -> int:
    """Count what waits for the caller's word, in three statements.

    It counts too many while it is not known who wrote the commits of a deployment: `read` asks for that.
    """
    found = await _find(context)
    return len(found.approvals) + len(found.announcements) + len(_wanted_changes(found.changes))


async def _find(context: Context) -> _Found:
    authorize(context.actor, READ)
    actor = context.actor
    is_person = actor.github_id is not None
    approvals = await review_queries.approvals(actor.user_id) if is_person else []
    changes = await review_queries.changes(actor.user_id) if is_person else []
    announcements = await review_queries.announcements() if actor.holds(APPROVE) else []
    approvals = [row for row in approvals if not _is_own(context, row)]
    lists = [(row, _settings(row).approvers(row["tier"])) for row in approvals]
    lists_of_changes = [(row, from_json(row["approvers"])) for row in changes]
    reviewer = await reviewers.ask(context, [*lists, *lists_of_changes, *((row, ()) for row in announcements)])
    return _Found(
        reviewer,
        [row for row in approvals if _may_approve(context, reviewer, row)],
        [row for row in announcements if reviewer.holds(row, APPROVE)],
        [row for row in changes if row["environment"] and _may_approve_change(reviewer, row)],
    )


def _is_own(context: Context, row: ApprovalRow) -> bool:
    """Whether the caller has approved it already, or asked for it, or cut the candidate."""
    user, approved_at = context.actor.user_id, to_time(row["approved_at"])
    if approved_at is not None and approved_at + _settings(row).approvals.expire_after > context.now():
        return True
    return user == row["cut_by"] or (user == row["requester"] and not row["automatic"])


def _may_approve(context: Context, reviewer: Reviewer, row: ApprovalRow) -> bool:
    person = reviewer.person(row)
    if person is None:
        return False
    try:
        return why_not_approve(_facts(context, row), person, context.actor.user_id) is None
    except FactUnknown:
        return False


def _facts(context: Context, row: ApprovalRow) -> GateFacts:
    """The facts that decide whose approval counts. Authors that are not known yet exclude nobody."""
    return GateFacts(
        environment=row["environment"],
        tier=row["tier"],
        settings=_settings(row),
        candidate=CandidateFact(
            row["version"], CommitSha(row["commit"]), "ready", None, UserId(row["cut_by"]), _id(row["cut_by_github_id"])
        ),
        requester=Requester(
            UserId(row["requester"]), row["requester_name"], _id(row["requester_github_id"]), bool(row["automatic"])
        ),
        now=context.now(),
        authors=AuthorsFact(frozenset(map(GitHubUserId, from_json(row["author_ids"]) or ()))),
        users=from_json(row["listed_users"]),
    )


def _settings(row: ApprovalRow) -> gate_settings.GateSettings:
    return gate_settings.read(from_json(row["gate_settings"]))


def _id(value: int | None) -> GitHubUserId | None:
    return None if value is None else GitHubUserId(value)


def _may_approve_change(reviewer: Reviewer, row: ChangeRow) -> bool:
    person, authors = reviewer.person(row), from_json(row["author_ids"])
    if person is None or authors is None or person.github_id in authors or not reviewer.holds(row, READ):
        return False
    return is_listed(person, from_json(row["approvers"]), from_json(row["listed_users"]))[0] == "yes"


async def _ask_authors(context: Context, rows: Sequence[ApprovalRow]) -> bool:
    """Ask GitHub who wrote the commits of the first deployments of which that is not known; whether any was asked."""
    unknown = [row for row in rows if row["author_ids"] is None and not _settings(row).approvals.authors][:MAX_ASKED]
    for row in unknown:
        since = None if row["since"] is None else CommitSha(row["since"])
        candidate = await Candidate.get(id=row["candidate_id"]).select_related("repository")
        await gate_answers.ask(context, candidate, Questions(authors=True, authors_since=since), fresh=False)
    return bool(unknown)


def _wanted_approval(reviewer: Reviewer, row: ApprovalRow) -> WantedApproval:
    cancels = "deployment:production" if row["tier"] == "production" else "deployment:start"
    may_read = reviewer.holds(row, READ)
    return WantedApproval(
        deployment=DeploymentId(row["id"]),
        project=row["project"],
        environment=row["environment"],
        version=row["version"],
        commit=CommitSha(row["commit"]),
        since=known_time(row["created_at"]),
        expires_at=to_time(row["expires_at"]),
        by=row["requester_name"],
        automatic=bool(row["automatic"]),
        cut_by=row["cut_by_name"],
        waits_for=closed_gates(row["decision"]),
        may_read=may_read,
        may_cancel=reviewer.holds(row, cancels),
        may_hold=reviewer.holds(row, "release:hold"),
    )


def _wanted_changes(rows: Sequence[ChangeRow]) -> list[WantedChange]:
    """The changes, those together that one approval is about."""
    found: dict[tuple[str, str], WantedChange] = {}
    for row in rows:
        wanted = _wanted_change(row)
        known = found.setdefault((wanted.project, wanted.environment), wanted)
        if known is not wanted:
            given, needed = min(known.given, wanted.given), max(known.needed, wanted.needed)
            together = replace(known, given=given, needed=needed, settings=[*known.settings, *wanted.settings])
            found[wanted.project, wanted.environment] = together
    return list(found.values())


def _wanted_change(row: ChangeRow) -> WantedChange:
    return WantedChange(
        project=row["project"],
        environment=row["environment"] or "",
        commit=CommitSha(row["commit"]),
        since=known_time(row["created_at"]),
        given=row["given"],
        needed=row["needed"],
        settings=list(_setting_changes(from_json(row["changes"]))),
    )


def _setting_changes(stored: Sequence[dict[str, Any]]) -> Iterator[SettingChange]:
    for each in stored:
        if each["field"]:
            yield SettingChange(str(each["field"]), _value(each["old"]), _value(each["new"]))
        else:
            yield SettingChange(str(each["kind"]), "", "")


def _value(value: Any) -> str:
    return "unset" if value in (None, [], {}, "") else orjson.dumps(value).decode()[:MAX_VALUE]
