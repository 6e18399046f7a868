"""The object types of the schema. Fields without a resolver are the columns of the same name."""

from collections.abc import Awaitable, Mapping
from datetime import date, datetime
from typing import Any, TypedDict

import strawberry

from api.graphql.audit_types import AUDIT, AuditEntry
from api.graphql.board_types import BOARD, BoardProject
from api.graphql.connections import Connection, Info, computed, connection, object_type, reference
from api.graphql.enums import (
    AnnouncementState,
    CandidateStatus,
    DeploymentKind,
    DeploymentStatus,
    ReleaseStatus,
    Tier,
    VersionScheme,
)
from api.graphql.review_types import WAITING, Waiting
from api.graphql.search_types import SEARCH, SearchResults
from bot.rules.ids import parse_row_id
from bot.store import graph_nodes as nodes
from bot.store.graph_nodes import (
    Attribution,
    CandidateNode,
    DeploymentNode,
    EnvironmentNode,
    ProjectNode,
    ReleaseNode,
    ScheduleNode,
)


@object_type
class Viewer:
    """The caller, and the grants that they hold."""

    name: str
    full_name: str = strawberry.field(description="The same as the name.")
    email: str | None = strawberry.field(description="Always null: no addresses are kept.")
    grants: list[str]


@object_type
class Hold:
    """Why no candidate of a release may be deployed."""

    by: str | None
    reason: str | None
    since: datetime | None


@object_type
class Freeze:
    """Why nothing may be deployed to an environment."""

    by: str | None
    reason: str | None
    since: datetime | None
    until: datetime | None


@object_type
class Project:
    """Software that is released and deployed as a unit."""

    id: strawberry.ID
    name: str
    permalink: str
    repo: str | None
    build_workflow: str | None
    build_deadline_minutes: int
    allowed_branches: list[str] | None
    tag_prefix: str
    trigger_tag_prefix: str
    tag_candidates: bool
    version_scheme: VersionScheme
    archived: bool
    oneliner: str
    description: str
    license_list: list[str]
    project_tag_list: list[str]
    created_at: datetime
    updated_at: datetime
    releases: Connection["Release"] = connection(
        nodes.PROJECT_RELEASES, "Its releases, newest first.", status=list[ReleaseStatus]
    )
    environments: Connection["Environment"] = connection(
        nodes.PROJECT_ENVIRONMENTS, "Its environments, in the project's order."
    )
    announcements: Connection["Announcement"] | None = connection(
        nodes.PROJECT_ANNOUNCEMENTS, "Its announcements, newest first.", state=list[AnnouncementState]
    )


def _status_code(root: ReleaseNode) -> int:
    return root["status"]


def _attribution(stored: Attribution | None, *names: str) -> Attribution | None:
    return None if stored is None else {name: stored.get(name) for name in names}


def _held(root: ReleaseNode) -> Attribution | None:
    return _attribution(root["held"], "by", "reason", "since")


@object_type
class Release:
    """A version of a project."""

    id: strawberry.ID
    version: str
    release_type: str
    release_id: str = strawberry.field(description="An identifier that is unique across projects.")
    status: ReleaseStatus
    status_code: int = computed(_status_code, "The status as a number.")
    held: Hold | None = computed(_held)
    commit: str | None
    release_date: datetime | None
    release_notes: str
    created_at: datetime
    updated_at: datetime
    project: Project = reference(nodes.PROJECT, "project_id")
    newest_candidate: "Candidate | None" = reference(nodes.CANDIDATE, "newest_candidate_id")
    candidates: Connection["Candidate"] = connection(
        nodes.RELEASE_CANDIDATES, "Its candidates, highest number first.", status=list[CandidateStatus]
    )
    deployments: Connection["Deployment"] = connection(
        nodes.RELEASE_DEPLOYMENTS, "The deployments of its candidates, newest first.", status=list[DeploymentStatus]
    )
    announcements: Connection["Announcement"] | None = connection(
        nodes.RELEASE_ANNOUNCEMENTS, "Its announcements, newest first.", state=list[AnnouncementState]
    )
    schedules: Connection["Schedule"] | None = connection(nodes.RELEASE_SCHEDULES, "Its schedules, by date.")


@object_type
class Candidate:
    """An immutable, numbered attempt at a release."""

    id: strawberry.ID
    number: int
    version: str
    repo: str
    commit: str
    branch: str
    tag: str | None
    status: CandidateStatus
    reason: str | None
    created_by: str
    created_at: datetime
    updated_at: datetime
    project: Project = reference(nodes.PROJECT, "project_id")
    release: Release = reference(nodes.RELEASE, "release_id")
    build: "Build | None" = reference(nodes.BUILD, "build_id", "Its newest build; null if it was cut without one.")
    deployments: Connection["Deployment"] = connection(
        nodes.CANDIDATE_DEPLOYMENTS, "Its deployments, newest first.", status=list[DeploymentStatus]
    )


@object_type
class Run:
    """A workflow run on GitHub."""

    run_id: strawberry.ID | None
    url: str | None
    status: str
    conclusion: str | None
    attempt: int
    deadline_at: datetime


@object_type
class Build(Run):
    """The workflow run that builds a candidate."""


@object_type
class Deployment:
    """One attempt to deploy a candidate to an environment."""

    id: strawberry.ID
    kind: DeploymentKind
    status: DeploymentStatus
    error_message: str | None
    reported: bool = strawberry.field(
        description="Whether a pipeline or GitHub reported it, as opposed to a deployment requested here."
    )
    actor: str
    deploy_start_at: datetime | None
    deploy_end_at: datetime | None
    created_at: datetime
    candidate: Candidate = reference(nodes.CANDIDATE, "candidate_id")
    from_candidate: Candidate | None = reference(
        nodes.CANDIDATE, "from_candidate_id", "The candidate that was live before."
    )
    environment: "Environment" = reference(nodes.ENVIRONMENT, "environment_id")
    run: Run | None = reference(
        nodes.DEPLOYMENT_RUN, "run_row_id", "Its newest workflow run; null if a pipeline reported it."
    )


def _frozen(root: EnvironmentNode) -> Mapping[str, object] | None:
    if root["frozen_by"] is None:
        return None
    times = {"since": root["frozen_since"], "until": root["frozen_until"]}
    return {"by": root["frozen_by"], "reason": root["frozen_reason"], **times}


@object_type
class Environment:
    """An environment that a project is deployed to."""

    id: strawberry.ID
    name: str
    tier: Tier
    workflow: str | None
    position: int = strawberry.field(name="order")
    deploy_deadline_minutes: int
    frozen: Freeze | None = computed(_frozen)
    created_at: datetime
    project: Project = reference(nodes.PROJECT, "project_id")
    live: Deployment | None = reference(nodes.DEPLOYMENT, "live_id", "The deployment that is live.")
    deployments: Connection[Deployment] = connection(
        nodes.ENVIRONMENT_DEPLOYMENTS, "Its deployments, newest first.", status=list[DeploymentStatus]
    )


def _hidden_from_anonymous(column: str) -> Any:
    """Declare a field that names or quotes a person, which anonymous callers may not read."""

    def resolve(root: Mapping[str, str | None], info: Info) -> str | None:
        return None if info.context.actor.is_anonymous else root[column]

    return computed(resolve)


@object_type
class Announcement:
    """The public announcement of a release."""

    id: strawberry.ID
    permalink: str = strawberry.field(description="The permalink of its project.")
    version: str
    changelog: str
    tag_list: list[str]
    hidden_from_frontpage: bool
    state: AnnouncementState
    submitted_by: str | None = _hidden_from_anonymous("submitted_by")
    created_at: datetime
    approved_at: datetime | None
    decided_by: str | None = _hidden_from_anonymous("decided_by")
    decided_at: datetime | None
    reason: str | None = _hidden_from_anonymous("reason")
    project: Project | None = reference(nodes.PROJECT, "project_id")
    release: Release | None = reference(nodes.RELEASE, "release_id", "Its release; null until it is approved.")


def _active(root: ScheduleNode, info: Info) -> bool:
    return str(root["date"]) >= info.context.today.isoformat()


@object_type
class Schedule:
    """The day until which an SLA binds a release."""

    id: strawberry.ID
    release_id: str
    sla: str
    sla_description: str
    date: date
    active: bool = computed(_active, "Whether the day has not passed yet, in UTC.")
    release: Release | None = reference(nodes.RELEASE, "release_number")


class ViewerRecord(TypedDict):
    """The columns of the caller."""

    name: str
    full_name: str
    email: str | None
    grants: list[str]


def _viewer(info: Info) -> ViewerRecord | None:
    actor = info.context.actor
    if actor.is_anonymous:
        return None
    return {"name": actor.name, "full_name": actor.name, "email": None, "grants": sorted(actor.grants)}


def _project(info: Info, name: str) -> Awaitable[ProjectNode]:
    return info.context.project(name)


def _release(info: Info, project: str, version: str) -> Awaitable[ReleaseNode]:
    return info.context.by_version(nodes.RELEASE, project, version)


def _candidate(info: Info, project: str, version: str) -> Awaitable[CandidateNode]:
    return info.context.by_version(nodes.CANDIDATE, project, version)


def _deployment(info: Info, id: strawberry.ID) -> Awaitable[DeploymentNode]:  # noqa: A002 - the argument's name
    return info.context.deployment(parse_row_id(id) or 0)


@object_type
class Query:
    """The entry points of every query."""

    viewer: Viewer | None = computed(_viewer, "The caller; null without credentials.")
    project: Project | None = computed(_project)
    projects: Connection[Project] | None = connection(nodes.PROJECTS, "Projects by name.", archived=bool)
    release: Release | None = computed(_release)
    releases: Connection[Release] | None = connection(
        nodes.RELEASES, "Releases, newest first.", project=str, status=list[ReleaseStatus]
    )
    candidate: Candidate | None = computed(_candidate)
    deployment: Deployment | None = computed(_deployment)
    announcements: Connection[Announcement] | None = connection(
        nodes.ANNOUNCEMENTS, "Announcements, newest first.", permalink=str, state=list[AnnouncementState]
    )
    schedules: Connection[Schedule] | None = connection(
        nodes.SCHEDULES, "Schedules by date.", release_id=str, sla=list[str], date_after=date, date_before=date
    )
    board: Connection[BoardProject] | None = BOARD
    waiting: Waiting | None = WAITING
    search: SearchResults | None = SEARCH
    audit: Connection[AuditEntry] | None = AUDIT
