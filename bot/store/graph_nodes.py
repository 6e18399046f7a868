"""The node types of the graph, the columns of their rows, and the ordered lists of nodes that can be paged through.

In every SQL expression here `x` is the table of the node type itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Generic, TypedDict, TypeVar

from bot.store.deployments import LIVE_DEPLOYMENT_ID
from bot.store.gates import OLDEST_FREEZE_ID

Timestamp = datetime | str
"""SQLite returns dates and times as ISO 8601 text, PostgreSQL as objects."""
Attribution = dict[str, str | None]
"""A hold or a freeze: who imposed it (`by`), `reason`, `since` and, for a freeze, `until`."""

_RELEASE_STATUS = "CASE WHEN x.held IS NULL THEN x.status ELSE 20 END"
_NEWEST_CANDIDATE_ID = "(SELECT c.id FROM candidates c WHERE c.release_id = x.id ORDER BY c.number DESC LIMIT 1)"
_ENVIRONMENT_PROJECT = "(SELECT e.project_id FROM environments e WHERE e.id = x.environment_id)"
_RELEASE_PROJECT = "(SELECT r.project_id FROM releases r WHERE r.id = x.release_id)"
_DEPLOYMENT_PROJECT = """(SELECT e.project_id FROM deployments d JOIN environments e ON e.id = d.environment_id
    WHERE d.id = x.deployment_id)"""
_RUN_COLUMNS = """x.id, x.github_id AS run_id, x.url, COALESCE(x.status, x.state) AS status, x.conclusion, x.attempt,
    x.deadline_at"""
_CANDIDATE_PROJECT = "(SELECT c.project_id FROM candidates c WHERE c.id = x.candidate_id)"


class Node(TypedDict):
    """The columns that every node has."""

    id: int


N = TypeVar("N", bound=Node)
N_co = TypeVar("N_co", bound=Node, covariant=True)


class ProjectNode(Node):
    """A project."""

    name: str
    permalink: str
    repo: str | None
    build_workflow: str | None
    build_deadline_minutes: int
    allowed_branches: list[str] | None
    tag_prefix: str
    trigger_tag_prefix: str
    tag_candidates: bool
    version_scheme: str
    archived: bool
    oneliner: str
    description: str
    license_list: list[str]
    project_tag_list: list[str]
    created_at: Timestamp
    updated_at: Timestamp


class ReleaseNode(Node):
    """A release; a held one has the status 20."""

    project_id: int
    version: str
    release_type: str
    release_id: str
    status: int
    commit: str | None
    held: Attribution | None
    release_date: Timestamp | None
    release_notes: str
    created_at: Timestamp
    updated_at: Timestamp
    newest_candidate_id: int | None


class CandidateNode(Node):
    """A candidate, with the id of its newest build run."""

    project_id: int
    release_id: int
    number: int
    version: str
    repo: str
    commit: str
    branch: str
    tag: str | None
    status: str
    reason: str | None
    created_by: str
    created_at: Timestamp
    updated_at: Timestamp
    build_id: int | None


class RunNode(Node):
    """A workflow run: of a build or of a deployment."""

    run_id: int | None
    url: str | None
    status: str
    conclusion: str | None
    attempt: int
    deadline_at: Timestamp


class DeploymentNode(Node):
    """A deployment."""

    environment_id: int
    candidate_id: int
    from_candidate_id: int | None
    run_row_id: int | None
    kind: str
    reported: bool
    status: str
    error_message: str | None
    actor: str
    deploy_start_at: Timestamp | None
    deploy_end_at: Timestamp | None
    created_at: Timestamp


class EnvironmentNode(Node):
    """An environment, with the id of its live deployment."""

    project_id: int
    name: str
    tier: str
    workflow: str | None
    position: int
    deploy_deadline_minutes: int
    frozen_by: str | None
    frozen_reason: str | None
    frozen_since: Timestamp | None
    frozen_until: Timestamp | None
    created_at: Timestamp
    live_id: int | None


class AnnouncementNode(Node):
    """An announcement, with the permalink of its project."""

    project_id: int
    release_id: int | None
    permalink: str
    version: str
    changelog: str
    tag_list: list[str]
    hidden_from_frontpage: bool
    state: str
    submitted_by: str
    created_at: Timestamp
    decided_by: str | None
    decided_at: Timestamp | None
    approved_at: Timestamp | None
    reason: str | None


class ScheduleNode(Node):
    """A schedule. `release_number` is the id of the release's row, `release_id` the text that callers know it by."""

    release_number: int
    release_id: str
    date: date | str
    sla_id: int
    sla: str
    sla_description: str


@dataclass(frozen=True, eq=False)
class NodeType(Generic[N_co]):
    """A node type: its table, the type of its rows, and the SQL of their columns.

    `project` is the SQL for the id of the project that a row belongs to. `filters` are conditions by name, in which
    `{}` stands for the values to compare with.
    """

    table: str
    record: type[N_co]
    columns: str
    project: str = "x.project_id"
    joins: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class NodeList(Generic[N_co]):
    """Nodes of one type in a fixed order: all of them, or those whose column `parent` is the id of a parent.

    `keys` are the columns of `x` to order by, unique among the nodes of a parent; all descend or all ascend. `where`
    is a condition on all nodes of the list.
    """

    name: str
    node_type: NodeType[N_co]
    parent: str = ""
    keys: tuple[str, ...] = ("id",)
    descending: bool = True
    where: str = ""
    joins: str = ""


PROJECT = NodeType(
    "projects",
    ProjectNode,
    """x.id, x.name, x.permalink, g.full_name AS repo, x.build_workflow, x.build_deadline_minutes, x.allowed_branches,
    x.tag_prefix, x.trigger_tag_prefix, x.tag_candidates, x.version_scheme, x.archived, x.oneliner, x.description,
    x.license_list, x.tag_list AS project_tag_list, x.created_at, x.updated_at""",
    project="x.id",
    joins="LEFT JOIN repositories g ON g.github_id = x.repository_id",
    filters={"archived": "x.archived = {}"},
)
RELEASE = NodeType(
    "releases",
    ReleaseNode,
    f"""x.id, x.project_id, x.version, x.release_type, x.release_id, {_RELEASE_STATUS} AS status, x."commit", x.held,
    x.release_date, x.notes AS release_notes, x.created_at, x.updated_at,
    {_NEWEST_CANDIDATE_ID} AS newest_candidate_id""",
    filters={
        "project": "x.project_id = (SELECT p.id FROM projects p WHERE p.name = {})",
        "status": f"{_RELEASE_STATUS} IN ({{}})",
    },
)
CANDIDATE = NodeType(
    "candidates",
    CandidateNode,
    """x.id, x.project_id, x.release_id, x.number, x.version, g.full_name AS repo, x."commit", x.branch, x.tag,
    x.status, x.reason, u.name AS created_by, x.created_at, x.updated_at,
    (SELECT max(b.id) FROM runs b WHERE b.candidate_id = x.id) AS build_id""",
    joins="JOIN users u ON u.id = x.created_by_id JOIN repositories g ON g.github_id = x.repository_id",
    filters={"status": "x.status IN ({})"},
)
BUILD = NodeType("runs", RunNode, _RUN_COLUMNS, project=_CANDIDATE_PROJECT)
DEPLOYMENT_RUN = NodeType("runs", RunNode, _RUN_COLUMNS, project=_DEPLOYMENT_PROJECT)
DEPLOYMENT = NodeType(
    "deployments",
    DeploymentNode,
    """x.id, x.environment_id, x.candidate_id, x.from_candidate_id, x.kind, x.reported, x.status, x.error_message,
    u.name AS actor, x.deploy_start_at, x.deploy_end_at, x.created_at,
    (SELECT max(run.id) FROM runs run WHERE run.deployment_id = x.id) AS run_row_id""",
    project=_ENVIRONMENT_PROJECT,
    joins="JOIN users u ON u.id = x.actor_id",
    filters={"status": "x.status IN ({})"},
)
ENVIRONMENT = NodeType(
    "environments",
    EnvironmentNode,
    f"""x.id, x.project_id, x.name, x.tier, x.workflow, x.position, x.deploy_deadline_minutes, x.created_at,
    fu.name AS frozen_by, f.reason AS frozen_reason, f.since AS frozen_since, f.until AS frozen_until,
    {LIVE_DEPLOYMENT_ID.format(environment_id="x.id")} AS live_id""",
    joins=f"""LEFT JOIN freezes f ON f.id = {OLDEST_FREEZE_ID.format(environment="x")}
    LEFT JOIN users fu ON fu.id = f.created_by_id""",
)
ANNOUNCEMENT = NodeType(
    "announcements",
    AnnouncementNode,
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
SCHEDULE = NodeType(
    "schedules",
    ScheduleNode,
    """x.id, x.release_id AS release_number, r.release_id, x.date, l.id AS sla_id, l.name AS sla,
    l.description AS sla_description""",
    project=_RELEASE_PROJECT,
    joins="JOIN releases r ON r.id = x.release_id JOIN slas l ON l.id = x.sla_id",
    filters={
        "release_id": "x.release_id = (SELECT r.id FROM releases r WHERE r.release_id = {})",
        "sla": "x.sla_id IN (SELECT l.id FROM slas l WHERE l.name IN ({}))",
        "date_after": "x.date >= {}",
        "date_before": "x.date <= {}",
    },
)

PROJECTS = NodeList("projects", PROJECT, keys=("name",), descending=False)
RELEASES = NodeList("releases", RELEASE, where="x.release_type = 'ga'")
ANNOUNCEMENTS = NodeList("announcements", ANNOUNCEMENT)
SCHEDULES = NodeList("schedules", SCHEDULE, keys=("date", "id"), descending=False)
PROJECT_RELEASES = NodeList("project releases", RELEASE, "x.project_id", where="x.release_type = 'ga'")
PROJECT_ENVIRONMENTS = NodeList("environments", ENVIRONMENT, "x.project_id", ("position", "id"), descending=False)
PROJECT_ANNOUNCEMENTS = NodeList("project announcements", ANNOUNCEMENT, "x.project_id")
RELEASE_CANDIDATES = NodeList("candidates", CANDIDATE, "x.release_id", ("number",))
RELEASE_ANNOUNCEMENTS = NodeList("release announcements", ANNOUNCEMENT, "x.release_id")
RELEASE_SCHEDULES = NodeList("release schedules", SCHEDULE, "x.release_id", ("date", "id"), descending=False)
RELEASE_DEPLOYMENTS = NodeList(
    "release deployments", DEPLOYMENT, "c.release_id", joins="JOIN candidates c ON c.id = x.candidate_id"
)
CANDIDATE_DEPLOYMENTS = NodeList("candidate deployments", DEPLOYMENT, "x.candidate_id")
ENVIRONMENT_DEPLOYMENTS = NodeList("environment deployments", DEPLOYMENT, "x.environment_id")
