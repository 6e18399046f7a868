"""Rows for who walks from one to the next: of a kind by their numbers, and pages of them for many parents at once.

Every statement asks whether the rows are seen, however the walk came to them. In each of them `x` is the table of the
rows' own kind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import orjson

from bot.rules.permissions import Visibility
from bot.store import visibility
from bot.store.database import dialect, fetch
from bot.store.lists import Conditions

Row = dict[str, Any]
Filters = tuple[tuple[str, tuple[Any, ...]], ...]

_JSON = ("allowed_branches", "frozen", "held", "license_list", "project_tag_list", "tag_list")
# The rows of a page that each parent has; neither database knows the other's way.
_EACH = {
    "postgres": "CROSS JOIN LATERAL ({page}) AS pages JOIN {table} x ON x.id = pages.id",
    "sqlite": "JOIN {table} x ON x.id IN ({page})",
}
_OF_ENVIRONMENT = "(SELECT e.project_id FROM environments e WHERE e.id = x.environment_id)"
_OF_RELEASE = "(SELECT r.project_id FROM releases r WHERE r.id = x.release_id)"
_OF_CANDIDATE = "(SELECT c.project_id FROM candidates c WHERE c.id = x.candidate_id)"


@dataclass(frozen=True)
class ViewerVisibility:
    """Who reads: whose projects, announcements and schedules they see, and announcements that are not approved too."""

    projects: Visibility
    announcements: Visibility
    undecided: Visibility
    schedules: Visibility
    user_id: int


@dataclass(frozen=True)
class Kind:
    """Rows of one kind. `project` is the expression of the project that a row belongs to.

    `filters` are conditions by name; each `{}` in one stands for the values that are asked for.
    """

    table: str
    columns: str
    project: str = "x.project_id"
    joins: str = ""
    filters: Mapping[str, str] = field(default_factory=dict, hash=False, compare=False)


@dataclass(frozen=True)
class Listing:
    """Rows of a kind in an order, all of them or those of a parent, whose column is `parent`.

    `keys` are columns of `x` that tell the rows of a parent apart; they all descend or all ascend.
    """

    name: str
    kind: Kind
    parent: str = ""
    keys: tuple[str, ...] = ("id",)
    descends: bool = True
    where: str = ""
    joins: str = ""


@dataclass(frozen=True)
class Window:
    """Which part of a list: this many rows from one end of what is left between the keys `after` and `before`."""

    size: int
    backwards: bool = False
    after: tuple[Any, ...] | None = None
    before: tuple[Any, ...] | None = None


PROJECT = Kind(
    "projects",
    """x.id, x.name, x.permalink, g.full_name AS repo, x.build_workflow, x.build_deadline_minutes, x.allowed_branches,
    x.tag_prefix, x.trigger_tag_prefix, x.tag_candidates, x.version_scheme, x.archived, x.oneliner, x.description,
    x.license_list, x.tag_list AS project_tag_list, x.created_at, x.updated_at""",
    project="x.id",
    joins="LEFT JOIN repositories g ON g.github_id = x.repository_id",
    filters={"archived": "x.archived = {}"},
)
RELEASE = Kind(
    "releases",
    """x.id, x.project_id, x.version, x.release_type, x.release_id,
    CASE WHEN x.held IS NULL THEN x.status ELSE 20 END AS status, x."commit", x.held, x.release_date,
    x.notes AS release_notes, x.created_at, x.updated_at,
    (SELECT c.id FROM candidates c WHERE c.release_id = x.id ORDER BY c.number DESC LIMIT 1) AS newest_candidate_id""",
    filters={
        "project": "x.project_id = (SELECT p.id FROM projects p WHERE p.name = {})",
        "status": "CASE WHEN x.held IS NULL THEN x.status ELSE 20 END IN ({})",
    },
)
CANDIDATE = Kind(
    "candidates",
    """x.id, x.project_id, x.release_id, x.number, x.version, g.full_name AS repo, x."commit", x.branch, x.tag,
    x.status, x.reason, u.name AS created_by, x.created_at, x.updated_at,
    (SELECT max(b.id) FROM runs b WHERE b.candidate_id = x.id) AS build_id""",
    joins="JOIN users u ON u.id = x.created_by_id JOIN repositories g ON g.github_id = x.repository_id",
    filters={"status": "x.status IN ({})"},
)
BUILD = Kind(
    "runs",
    """x.id, x.github_id AS run_id, x.url, COALESCE(x.status, x.state) AS status, x.conclusion, x.attempt,
    x.deadline_at""",
    project=_OF_CANDIDATE,
)
DEPLOYMENT = Kind(
    "deployments",
    """x.id, x.environment_id, x.candidate_id, x.from_candidate_id, x.kind, x.reported, x.status, x.error_message,
    u.name AS actor, x.deploy_start_at, x.deploy_end_at, x.created_at""",
    project=_OF_ENVIRONMENT,
    joins="JOIN users u ON u.id = x.actor_id",
    filters={"status": "x.status IN ({})"},
)
ENVIRONMENT = Kind(
    "environments",
    """x.id, x.project_id, x.name, x.tier, x.workflow, x.position, x.deploy_deadline_minutes, x.frozen, x.created_at,
    (SELECT d.id FROM deployments d WHERE d.environment_id = x.id AND d.status = 'success'
        ORDER BY d.deploy_end_at DESC, d.id DESC LIMIT 1) AS live_id""",
)
ANNOUNCEMENT = Kind(
    "announcements",
    """x.id, x.project_id, x.release_id, p.permalink, x.version, x.changelog, x.tag_list, x.hidden_from_frontpage,
    x.state, s.name AS submitted_by, x.created_at, d.name AS decided_by, x.decided_at,
    CASE WHEN x.state = 'approved' THEN x.decided_at END AS approved_at, x.reason""",
    joins="""JOIN projects p ON p.id = x.project_id JOIN users s ON s.id = x.submitted_by_id
    LEFT JOIN users d ON d.id = x.decided_by_id""",
    filters={
        "permalink": "x.project_id = (SELECT p.id FROM projects p WHERE p.permalink = {})",
        "state": "x.state IN ({})",
    },
)
SCHEDULE = Kind(
    "schedules",
    """x.id, x.release_id AS release_number, r.release_id, x.date, l.id AS sla_id, l.name AS sla,
    l.description AS sla_description""",
    project=_OF_RELEASE,
    joins="JOIN releases r ON r.id = x.release_id JOIN slas l ON l.id = x.sla_id",
    filters={
        "release_id": "x.release_id = (SELECT r.id FROM releases r WHERE r.release_id = {})",
        "sla": "x.sla_id IN (SELECT l.id FROM slas l WHERE l.name IN ({}))",
        "date_after": "x.date >= {}",
        "date_before": "x.date <= {}",
    },
)

PROJECTS = Listing("projects", PROJECT, keys=("name",), descends=False)
RELEASES = Listing("releases", RELEASE, where="x.release_type = 'ga'")
ANNOUNCEMENTS = Listing("announcements", ANNOUNCEMENT)
SCHEDULES = Listing("schedules", SCHEDULE, keys=("date", "id"), descends=False)
PROJECT_RELEASES = Listing("project releases", RELEASE, "x.project_id", where="x.release_type = 'ga'")
PROJECT_ENVIRONMENTS = Listing("environments", ENVIRONMENT, "x.project_id", ("position", "id"), descends=False)
PROJECT_ANNOUNCEMENTS = Listing("project announcements", ANNOUNCEMENT, "x.project_id")
RELEASE_CANDIDATES = Listing("candidates", CANDIDATE, "x.release_id", ("number",))
RELEASE_ANNOUNCEMENTS = Listing("release announcements", ANNOUNCEMENT, "x.release_id")
RELEASE_SCHEDULES = Listing("release schedules", SCHEDULE, "x.release_id", ("date", "id"), descends=False)
RELEASE_DEPLOYMENTS = Listing(
    "release deployments", DEPLOYMENT, "c.release_id", joins="JOIN candidates c ON c.id = x.candidate_id"
)
CANDIDATE_DEPLOYMENTS = Listing("candidate deployments", DEPLOYMENT, "x.candidate_id")
ENVIRONMENT_DEPLOYMENTS = Listing("environment deployments", DEPLOYMENT, "x.environment_id")


async def by_number(kind: Kind, eyes: ViewerVisibility, numbers: Sequence[int]) -> dict[int, Row]:
    """The rows of these numbers, by number; those that are not there or not seen are left out."""
    where = Conditions()
    where.add_in("x.id", numbers)
    return {row["id"]: row for row in await _rows(kind, eyes, where)}


async def project(eyes: ViewerVisibility, name: str) -> Row | None:
    """The project of a name, where it is seen."""
    where = Conditions()
    where.add("x.name = {}", name)
    return next(iter(await _rows(PROJECT, eyes, where)), None)


async def versioned(kind: Kind, eyes: ViewerVisibility, project: str, version: str) -> Row | None:
    """The release or candidate of a version of a project, where it is seen."""
    where = Conditions()
    where.add("x.project_id = (SELECT p.id FROM projects p WHERE p.name = {}) AND x.version = {}", project, version)
    if kind is RELEASE:
        where.add("x.release_type = 'ga'")
    return next(iter(await _rows(kind, eyes, where)), None)


async def pages(
    listing: Listing, eyes: ViewerVisibility, parents: Sequence[int], window: Window, filters: Filters = ()
) -> dict[int, list[Row]]:
    """A page for each parent, by parent, with one row more where there is more to come; 0 is the parent of all rows.

    In one statement each parent's page is found by itself on its index, however many rows the parent has. Numbering
    rows by a window function instead reads all of them, which took a hundred times as long.
    """
    kind, where = listing.kind, _within(listing, eyes, filters)
    _between(listing, window, where)
    if listing.parent:
        where.add(f"{listing.parent} = parents.id")
    direction = "DESC" if listing.descends != window.backwards else "ASC"
    order = ", ".join(f'x."{key}" {direction}' for key in listing.keys)
    page = f"SELECT x.id FROM {kind.table} x {listing.joins} {where} ORDER BY {order} LIMIT {int(window.size) + 1}"
    rows = await fetch(
        f"WITH parents (id) AS (VALUES {_numbers(where, parents)}) SELECT {kind.columns}, parents.id AS parent "
        f"FROM parents {_EACH[dialect()].format(table=kind.table, page=page)} {kind.joins} "
        f"ORDER BY parents.id, {order}",
        *where.args,
    )
    found: dict[int, list[Row]] = {parent: [] for parent in parents}
    for row in _told(rows[::-1] if window.backwards else rows):
        found[row["parent"]].append(row)
    return found


def _between(listing: Listing, window: Window, where: Conditions) -> None:
    """Leave only what is between the edges of a window."""
    keys, places = ", ".join(f'x."{key}"' for key in listing.keys), ", ".join("{}" for _ in listing.keys)
    for edge, falls in ((window.after, listing.descends), (window.before, not listing.descends)):
        if edge is not None:
            where.add(f"({keys}) {'<' if falls else '>'} ({places})", *map(_bound, edge))


def _numbers(where: Conditions, numbers: Sequence[int]) -> str:
    """Numbers as rows of one column."""
    where.args += numbers
    last = len(where.args)
    return ", ".join(f"(CAST(${place} AS INT))" for place in range(last - len(numbers) + 1, last + 1))


async def counts(
    listing: Listing, eyes: ViewerVisibility, parents: Sequence[int], filters: Filters = ()
) -> dict[int, int]:
    """How many rows each parent has that are seen, by parent; 0 stands for none."""
    where = _within(listing, eyes, filters)
    if listing.parent:
        where.add_in(listing.parent, parents)
    parent = listing.parent or "0"
    grouped = f"GROUP BY {listing.parent}" if listing.parent else ""
    source = f"{listing.kind.table} x {listing.joins}"
    rows = await fetch(f"SELECT {parent} AS parent, count(*) AS count FROM {source} {where} {grouped}", *where.args)
    return {**dict.fromkeys(parents, 0), **{row["parent"]: int(row["count"]) for row in rows}}


async def _rows(kind: Kind, eyes: ViewerVisibility, where: Conditions) -> list[Row]:
    _seen(kind, eyes, where)
    return _told(await fetch(f"SELECT {kind.columns} FROM {kind.table} x {kind.joins} {where}", *where.args))


def _within(listing: Listing, eyes: ViewerVisibility, filters: Filters) -> Conditions:
    """What holds for every row of a list, whoever its parent is."""
    where = Conditions()
    if listing.where:
        where.add(listing.where)
    for name, values in filters:
        places = ", ".join("{}" for _ in values)
        where.add(listing.kind.filters[name].format(places) if values else "1 = 0", *map(_bound, values))
    _seen(listing.kind, eyes, where)
    return where


def _seen(kind: Kind, eyes: ViewerVisibility, where: Conditions) -> None:
    """Leave only what is seen. Announcements that nobody has approved are so by who submitted them or approves."""
    viewer = {"announcements": eyes.announcements, "schedules": eyes.schedules}.get(kind.table, eyes.projects)
    if condition := visibility.condition(viewer, kind.project, where.args):
        where.clauses.append(condition)
    if kind is ANNOUNCEMENT and (undecided := visibility.condition(eyes.undecided, kind.project, where.args)):
        where.add(f"(x.state = 'approved' OR {undecided} OR x.submitted_by_id = {{}})", eyes.user_id)


def _bound(value: Any) -> Any:
    """A value as the database compares it: SQLite keeps days as text."""
    return value.isoformat() if isinstance(value, date) and dialect() == "sqlite" else value


def _told(rows: list[dict[str, Any]]) -> list[Row]:
    """Rows with their JSON read: it comes as text."""
    for row in rows:
        for name in _JSON:
            if isinstance(row.get(name), str):
                row[name] = orjson.loads(row[name])
    return rows
