"""What waits for people to say something, read by one statement a kind; whose turn it is, callers find out."""

from typing import Any, TypedDict

from bot.rules.announcements import PENDING
from bot.store.database import fetch_as
from bot.store.deployments import LIVE_DEPLOYMENT_ID, NEWEST_SUCCESS
from bot.store.visibility import PUBLIC

MAX_READ = 500
"""The most rows of a kind that are read, the oldest first."""

_PLACE = f"""p.id AS project_id, p.name AS project, g.github_id AS repository_id, g.installation_id, g.full_name,
    (g.github_id IS NULL OR {PUBLIC}) AS is_public"""
# Read in the order of their ids, SQLite would go through all deployments.
_APPROVALS = f"""
WITH waiting AS MATERIALIZED (
    SELECT d.id, d.environment_id, e.project_id,
        COALESCE(lc."commit", {NEWEST_SUCCESS.format(project_id="p.id", but="")}) AS since
    FROM deployments d
    JOIN environments e ON e.id = d.environment_id
    JOIN projects p ON p.id = e.project_id
    LEFT JOIN deployments l ON l.id = {LIVE_DEPLOYMENT_ID.format(environment_id="e.id")}
    LEFT JOIN candidates lc ON lc.id = l.candidate_id
    WHERE d.waiting AND CAST(d.waits_for AS TEXT) LIKE '%"approvals"%' AND NOT p.archived
)
SELECT {_PLACE}, d.id, d.candidate_id, d.created_at, d.expires_at, d.automatic, d.decision,
    d.actor_id AS requester, ru.name AS requester_name, ru.github_id AS requester_github_id,
    c.version, c."commit", c.created_by_id AS cut_by, cu.name AS cut_by_name, cu.github_id AS cut_by_github_id,
    e.name AS environment, e.tier, e.gate_settings, e.listed_users, w.since, m.author_ids,
    (SELECT max(a.approved_at) FROM approvals a WHERE a.candidate_id = d.candidate_id
        AND a.environment_id = d.environment_id AND a.user_id = $1 AND a.withdrawn_at IS NULL) AS approved_at
FROM waiting w
JOIN deployments d ON d.id = w.id
JOIN environments e ON e.id = w.environment_id
JOIN projects p ON p.id = w.project_id
JOIN repositories g ON g.github_id = p.repository_id
JOIN candidates c ON c.id = d.candidate_id
JOIN users cu ON cu.id = c.created_by_id
JOIN users ru ON ru.id = d.actor_id
LEFT JOIN comparisons m ON m.repository_id = c.repository_id AND m.head = c."commit"
    AND m.base = COALESCE(w.since, c."commit")
ORDER BY w.id LIMIT {MAX_READ}
"""  # noqa: S608 - subqueries of ours
_ANNOUNCEMENTS = f"""
SELECT {_PLACE}, a.id FROM announcements a
JOIN projects p ON p.id = a.project_id
LEFT JOIN repositories g ON g.github_id = p.repository_id
WHERE a.state = '{PENDING}' AND NOT p.archived ORDER BY a.id LIMIT {MAX_READ}
"""  # noqa: S608 - constants of ours
_CHANGES = f"""
SELECT {_PLACE}, h.id, h.changes, h.needed, h.approvers, h.listed_users, h.author_ids, h."commit", h.created_at,
    COALESCE(e.name, re.name, (
        SELECT first.name FROM environments first WHERE first.project_id = p.id
        ORDER BY first.position, first.id LIMIT 1
    )) AS environment,
    (SELECT count(*) FROM config_approvals o WHERE o.change_id = h.id) AS given
FROM config_changes h
JOIN projects p ON p.id = h.project_id
JOIN repositories g ON g.github_id = p.repository_id
LEFT JOIN environments e ON e.id = h.environment_id
LEFT JOIN environments re ON re.id = h.rule_environment_id
LEFT JOIN config_files f ON f.repository_id = h.repository_id
WHERE h.outcome IS NULL AND COALESCE(f.state, '') <> 'broken'
    AND NOT EXISTS (SELECT 1 FROM config_approvals o WHERE o.change_id = h.id AND o.user_id = $1)
ORDER BY h.id LIMIT {MAX_READ}
"""  # noqa: S608 - constants of ours


class PlaceRow(TypedDict):
    """The project that something is about, and its repository."""

    id: int
    project_id: int
    project: str
    repository_id: int | None
    installation_id: int | None
    full_name: str | None
    is_public: int | bool


class ApprovalRow(PlaceRow):
    """A deployment that waits for approvals, with what decides whose approval counts.

    `since` is the commit from which on its authors are counted, `author_ids` their ids if they were asked for;
    `approved_at` is when the caller approved it.
    """

    candidate_id: int
    created_at: Any
    expires_at: Any
    automatic: int | bool
    decision: Any
    requester: int
    requester_name: str
    requester_github_id: int | None
    version: str
    commit: str
    cut_by: int
    cut_by_name: str
    cut_by_github_id: int | None
    environment: str
    tier: str
    gate_settings: Any
    listed_users: Any
    since: str | None
    author_ids: Any
    approved_at: Any


class ChangeRow(PlaceRow):
    """Weaker changes of a configuration file that the caller has not approved."""

    changes: Any
    needed: int
    approvers: Any
    listed_users: Any
    author_ids: Any
    commit: str
    created_at: Any
    environment: str | None
    given: int


async def approvals(user_id: int) -> list[ApprovalRow]:
    """Read the deployments that wait for approvals, the oldest first, without those of archived projects."""
    return await fetch_as(ApprovalRow, _APPROVALS, user_id)


async def announcements() -> list[PlaceRow]:
    """Read where announcements are pending, the oldest first, without those of archived projects."""
    return await fetch_as(PlaceRow, _ANNOUNCEMENTS)


async def changes(user_id: int) -> list[ChangeRow]:
    """Read the weaker changes that wait, and that a user has not approved, without those of files that are broken."""
    return await fetch_as(ChangeRow, _CHANGES, user_id)
