"""The types of the graph. Their fields are the columns of rows, by name; what is more than a column is a relation."""

from collections.abc import Awaitable
from datetime import date, datetime
from enum import Enum
from typing import Any

import strawberry

from api.graphql.connections import Connection, Info, many, one
from bot.rules.gates import is_frozen
from bot.store import graph


@strawberry.enum
class ReleaseStatus(Enum):
    """How far a release has come. The numbers are those of `statusCode`."""

    development = 1
    testing = 10
    hold = 20
    released = 30
    deprecated = 40


@strawberry.enum
class CandidateStatus(Enum):
    """How a candidate stands."""

    pending = "pending"
    building = "building"
    ready = "ready"
    failed = "failed"
    canceled = "canceled"
    banned = "banned"


@strawberry.enum
class DeploymentStatus(Enum):
    """How a deployment stands."""

    pending = "pending"
    in_progress = "in_progress"
    success = "success"
    failure = "failure"
    canceling = "canceling"
    canceled = "canceled"
    error = "error"
    unknown = "unknown"


@strawberry.enum
class DeploymentKind(Enum):
    """What a deployment was asked for as."""

    deploy = "deploy"
    rollback = "rollback"


@strawberry.enum
class Tier(Enum):
    """What an environment is for."""

    development = "development"
    staging = "staging"
    production = "production"


@strawberry.enum
class VersionScheme(Enum):
    """How the versions of a project are formed."""

    any = "any"
    semver = "semver"
    calver = "calver"


@strawberry.enum
class AnnouncementState(Enum):
    """How an announcement stands."""

    pending = "pending"
    approved = "approved"
    rejected = "rejected"
    withdrawn = "withdrawn"


@strawberry.type(description="Who asks, and what they may do.")
class Viewer:
    """Who asks."""

    name: str
    grants: list[str]


@strawberry.type(description="Why no candidate of a release may be deployed.")
class Hold:
    """Why no candidate of a release may be deployed."""

    by: str | None
    reason: str | None
    since: datetime | None


@strawberry.type(description="Why nothing may be deployed to an environment.")
class Freeze:
    """Why nothing may be deployed to an environment."""

    by: str | None
    reason: str | None
    since: datetime | None
    until: datetime | None


@strawberry.type(description="What is built and shipped together.")
class Project:
    """What is built and shipped together."""

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
    releases: Connection["Release"] = many(
        graph.PROJECT_RELEASES, "Its releases, newest first.", status=list[ReleaseStatus]
    )
    environments: Connection["Environment"] = many(
        graph.PROJECT_ENVIRONMENTS, "Where it is deployed to, in the project's order."
    )
    announcements: Connection["Announcement"] | None = many(
        graph.PROJECT_ANNOUNCEMENTS, "Its announcements, newest first.", state=list[AnnouncementState]
    )


def _status(root: Any) -> int:
    return int(root["status"])


def _said(kept: Any, *names: str) -> Any:
    """What was kept of who did something, and why."""
    return None if kept is None else {name: kept.get(name) for name in names}


def _held(root: Any) -> Any:
    return _said(root["held"], "by", "reason", "since")


@strawberry.type(description="A version of a project.")
class Release:
    """A version of a project."""

    id: strawberry.ID
    version: str
    release_type: str
    release_id: str = strawberry.field(description="The text by which it is known across projects.")
    status: ReleaseStatus
    status_code: int = strawberry.field(resolver=_status, description="The status as a number.")
    held: Hold | None = strawberry.field(resolver=_held)
    commit: str | None
    release_date: datetime | None
    release_notes: str
    created_at: datetime
    updated_at: datetime
    project: Project = one(graph.PROJECT, "project_id")
    newest_candidate: "Candidate | None" = one(graph.CANDIDATE, "newest_candidate_id")
    candidates: Connection["Candidate"] = many(
        graph.RELEASE_CANDIDATES, "Its candidates, highest number first.", status=list[CandidateStatus]
    )
    deployments: Connection["Deployment"] = many(
        graph.RELEASE_DEPLOYMENTS, "The deployments of its candidates, newest first.", status=list[DeploymentStatus]
    )
    announcements: Connection["Announcement"] | None = many(
        graph.RELEASE_ANNOUNCEMENTS, "What is told of it.", state=list[AnnouncementState]
    )
    schedules: Connection["Schedule"] | None = many(graph.RELEASE_SCHEDULES, "By when it is bound, and by what.")


@strawberry.type(description="An immutable, numbered attempt at a release.")
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
    project: Project = one(graph.PROJECT, "project_id")
    release: Release = one(graph.RELEASE, "release_id")
    build: "Build | None" = one(graph.BUILD, "build_id", "Its newest build; null where it was cut without one.")
    deployments: Connection["Deployment"] = many(
        graph.CANDIDATE_DEPLOYMENTS, "Its deployments, newest first.", status=list[DeploymentStatus]
    )


@strawberry.type(description="The Actions run that builds a candidate.")
class Build:
    """The Actions run that builds a candidate."""

    run_id: strawberry.ID | None
    url: str | None
    status: str
    conclusion: str | None
    attempt: int
    deadline_at: datetime


@strawberry.type(description="One attempt to put a candidate on an environment.")
class Deployment:
    """One attempt to put a candidate on an environment."""

    id: strawberry.ID
    kind: DeploymentKind
    status: DeploymentStatus
    error_message: str | None
    reported: bool = strawberry.field(description="Whether a pipeline or GitHub told us of it.")
    actor: str
    deploy_start_at: datetime | None
    deploy_end_at: datetime | None
    created_at: datetime
    candidate: Candidate = one(graph.CANDIDATE, "candidate_id")
    from_candidate: Candidate | None = one(graph.CANDIDATE, "from_candidate_id", "What was live before.")
    environment: "Environment" = one(graph.ENVIRONMENT, "environment_id")


def _frozen(root: Any, info: Info) -> Any:
    frozen = root["frozen"]
    return _said(frozen, "by", "reason", "since", "until") if is_frozen(frozen, info.context.now) else None


@strawberry.type(description="A place that a project is deployed to.")
class Environment:
    """A place that a project is deployed to."""

    id: strawberry.ID
    name: str
    tier: Tier
    workflow: str | None
    position: int = strawberry.field(name="order")
    deploy_deadline_minutes: int
    frozen: Freeze | None = strawberry.field(resolver=_frozen)
    created_at: datetime
    project: Project = one(graph.PROJECT, "project_id")
    live: Deployment | None = one(graph.DEPLOYMENT, "live_id", "The deployment that is live.")
    deployments: Connection[Deployment] = many(
        graph.ENVIRONMENT_DEPLOYMENTS, "Its deployments, newest first.", status=list[DeploymentStatus]
    )


def _named(column: str) -> Any:
    """A field that names people or quotes them: strangers are told what is announced, not by whom."""

    def resolve(root: Any, info: Info) -> Any:
        return None if info.context.actor.is_anonymous else root[column]

    return strawberry.field(resolver=resolve)


@strawberry.type(description="The public face of a release.")
class Announcement:
    """The public face of a release."""

    id: strawberry.ID
    permalink: str = strawberry.field(description="The permalink of its project.")
    version: str
    changelog: str
    tag_list: list[str]
    hidden_from_frontpage: bool
    state: AnnouncementState
    submitted_by: str | None = _named("submitted_by")
    created_at: datetime
    approved_at: datetime | None
    decided_by: str | None = _named("decided_by")
    decided_at: datetime | None
    reason: str | None = _named("reason")
    project: Project | None = one(graph.PROJECT, "project_id")
    release: Release | None = one(graph.RELEASE, "release_id", "Its release; null until it is approved.")


def _active(root: Any, info: Info) -> bool:
    return str(root["date"]) >= info.context.today.isoformat()


@strawberry.type(description="The day until which an SLA binds a release.")
class Schedule:
    """The day until which an SLA binds a release."""

    id: strawberry.ID
    release_id: str
    sla: str
    sla_description: str
    date: date
    active: bool = strawberry.field(resolver=_active, description="Whether the day has not passed, in UTC.")
    release: Release | None = one(graph.RELEASE, "release_number")


def _viewer(info: Info) -> Any:
    actor = info.context.actor
    return None if actor.is_anonymous else {"name": actor.name, "grants": sorted(actor.grants)}


def _project(info: Info, name: str) -> Awaitable[Any]:
    return info.context.project(name)


def _release(info: Info, project: str, version: str) -> Awaitable[Any]:
    return info.context.versioned(graph.RELEASE, project, version)


def _candidate(info: Info, project: str, version: str) -> Awaitable[Any]:
    return info.context.versioned(graph.CANDIDATE, project, version)


def _deployment(info: Info, id: strawberry.ID) -> Awaitable[Any]:  # noqa: A002 - the argument's name
    known = id.isascii() and id.isdecimal() and len(id) <= 9
    return info.context.deployment(int(id) if known else 0)


@strawberry.type(description="Where every query begins.")
class Query:
    """Where every query begins."""

    viewer: Viewer | None = strawberry.field(resolver=_viewer, description="Who asks; null without credentials.")
    project: Project | None = strawberry.field(resolver=_project)
    projects: Connection[Project] | None = many(graph.PROJECTS, "Projects by name.", archived=bool)
    release: Release | None = strawberry.field(resolver=_release)
    releases: Connection[Release] | None = many(
        graph.RELEASES, "Releases, newest first.", project=str, status=list[ReleaseStatus]
    )
    candidate: Candidate | None = strawberry.field(resolver=_candidate)
    deployment: Deployment | None = strawberry.field(resolver=_deployment)
    announcements: Connection[Announcement] | None = many(
        graph.ANNOUNCEMENTS, "Announcements, newest first.", permalink=str, state=list[AnnouncementState]
    )
    schedules: Connection[Schedule] | None = many(
        graph.SCHEDULES, "Schedules by date.", release_id=str, sla=list[str], date_after=date, date_before=date
    )
