"""The object types of the schema. Fields without a resolver are the columns of the same name."""

from collections.abc import Awaitable, Mapping
from datetime import date, datetime
from typing import Any, TypedDict

import strawberry

from api.graphql.audit_types import AUDIT, AuditEntry
from api.graphql.board_types import BOARD, BoardProject
from api.graphql.connections import Connection, Info, computed, connection, described, object_type, reference
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

Day = date
"""The type of a field that is called `date`."""


@object_type
class Viewer:
    """The caller, and the grants that they hold."""

    name: str = described("The name of the user.")
    full_name: str = strawberry.field(description="The same as the name.")
    email: str | None = strawberry.field(description="Always null: no addresses are kept.")
    grants: list[str] = described("The grants.")


@object_type
class Hold:
    """Why no candidate of a release may be deployed."""

    by: str | None = described("Who holds it.")
    reason: str | None = described("Why it is held.")
    since: datetime | None = described("Since when it is held.")


@object_type
class Freeze:
    """Why nothing may be deployed to an environment."""

    by: str | None = described("Who has frozen it.")
    reason: str | None = described("Why it is frozen.")
    since: datetime | None = described("Since when it is frozen.")
    until: datetime | None = described("When the freeze ends by itself; null if it does not.")


@object_type
class Project:
    """Software that is released and deployed as a unit."""

    id: strawberry.ID = described("Its id.")
    name: str = described("Its name.")
    permalink: str = described("Its name in the addresses of announcements.")
    repo: str | None = described("Its repository on GitHub.")
    build_workflow: str | None = described("The workflow that builds candidates; null if they need no build.")
    build_deadline_minutes: int = described("How many minutes a build may take.")
    allowed_branches: list[str] | None = described(
        "The branches from which candidates are cut; null for the default ones."
    )
    tag_prefix: str = described("What the tags of candidates begin with.")
    trigger_tag_prefix: str = described("What the tags begin with that cut a candidate.")
    tag_candidates: bool = described("Whether candidates are tagged.")
    version_scheme: VersionScheme = described("The form of its versions.")
    archived: bool = described("Whether it is archived.")
    oneliner: str = described("What it is, in one line.")
    description: str = described("What it is.")
    license_list: list[str] = described("Its licenses.")
    project_tag_list: list[str] = described("Its tags.")
    created_at: datetime = described("When it was created.")
    updated_at: datetime = described("When it was changed last.")
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

    id: strawberry.ID = described("Its id.")
    version: str = described("Its version.")
    release_type: str = described("Its type, such as `ga`.")
    release_id: str = strawberry.field(description="An identifier that is unique across projects.")
    status: ReleaseStatus = described("How far it has come.")
    status_code: int = computed(_status_code, "The status as a number.")
    held: Hold | None = computed(_held, "Why none of its candidates may be deployed.")
    commit: str | None = described("The commit that is released.")
    release_date: datetime | None = described("When it was or will be released.")
    release_notes: str = described("What has changed.")
    created_at: datetime = described("When it was created.")
    updated_at: datetime = described("When it was changed last.")
    project: Project = reference(nodes.PROJECT, "project_id", "Its project.")
    newest_candidate: "Candidate | None" = reference(
        nodes.CANDIDATE, "newest_candidate_id", "Its candidate with the highest number."
    )
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

    id: strawberry.ID = described("Its id.")
    number: int = described("Its number within the release.")
    version: str = described("Its version, such as `1.4.0-rc1`.")
    repo: str = described("The repository of its commit.")
    commit: str = described("Its commit's SHA.")
    branch: str = described("The branch that its commit is on.")
    tag: str | None = described("Its tag; null if it has none.")
    status: CandidateStatus = described("Its status.")
    reason: str | None = described("Why it failed, was canceled or is banned.")
    created_by: str = described("Who cut it.")
    created_at: datetime = described("When it was cut.")
    updated_at: datetime = described("When it was changed last.")
    project: Project = reference(nodes.PROJECT, "project_id", "Its project.")
    release: Release = reference(nodes.RELEASE, "release_id", "Its release.")
    build: "Build | None" = reference(nodes.BUILD, "build_id", "Its newest build; null if it was cut without one.")
    deployments: Connection["Deployment"] = connection(
        nodes.CANDIDATE_DEPLOYMENTS, "Its deployments, newest first.", status=list[DeploymentStatus]
    )


@object_type
class Run:
    """A workflow run on GitHub."""

    run_id: strawberry.ID | None = described("GitHub's id of the run; null until it is known.")
    url: str | None = described("Its page on GitHub.")
    status: str = described("Its status, as GitHub calls it.")
    conclusion: str | None = described("How it ended, as GitHub calls it.")
    attempt: int = described("Which attempt of it counts.")
    deadline_at: datetime = described("When it has to have ended.")


@object_type
class Build(Run):
    """The workflow run that builds a candidate."""


@object_type
class Deployment:
    """One attempt to deploy a candidate to an environment."""

    id: strawberry.ID = described("Its id.")
    kind: DeploymentKind = described("Whether it is a rollback.")
    status: DeploymentStatus = described("Its status.")
    error_message: str | None = described("Why it failed.")
    reported: bool = strawberry.field(
        description="Whether a pipeline or GitHub reported it, as opposed to a deployment requested here."
    )
    actor: str = described("Who asked for it.")
    deploy_start_at: datetime | None = described("When it began.")
    deploy_end_at: datetime | None = described("When it ended.")
    created_at: datetime = described("When it was asked for.")
    candidate: Candidate = reference(nodes.CANDIDATE, "candidate_id", "What was deployed.")
    from_candidate: Candidate | None = reference(
        nodes.CANDIDATE, "from_candidate_id", "The candidate that was live before."
    )
    environment: "Environment" = reference(nodes.ENVIRONMENT, "environment_id", "Where it was deployed.")
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

    id: strawberry.ID = described("Its id.")
    name: str = described("Its name.")
    tier: Tier = described("Its purpose.")
    workflow: str | None = described("The workflow that deploys to it; null if deployments are only reported.")
    position: int = strawberry.field(name="order", description="Its place among the environments of its project.")
    deploy_deadline_minutes: int = described("How many minutes a deployment may take.")
    frozen: Freeze | None = computed(_frozen, "The oldest of the freezes that stop it.")
    created_at: datetime = described("When it was created.")
    project: Project = reference(nodes.PROJECT, "project_id", "Its project.")
    live: Deployment | None = reference(nodes.DEPLOYMENT, "live_id", "The deployment that is live.")
    deployments: Connection[Deployment] = connection(
        nodes.ENVIRONMENT_DEPLOYMENTS, "Its deployments, newest first.", status=list[DeploymentStatus]
    )


def _hidden_from_anonymous(column: str, description: str) -> Any:
    """Declare a field that names or quotes a person, which anonymous callers may not read."""

    def resolve(root: Mapping[str, str | None], info: Info) -> str | None:
        return None if info.context.actor.is_anonymous else root[column]

    return computed(resolve, description)


@object_type
class Announcement:
    """The public announcement of a release."""

    id: strawberry.ID = described("Its id.")
    permalink: str = strawberry.field(description="The permalink of its project.")
    version: str = described("The version that is announced.")
    changelog: str = described("What has changed.")
    tag_list: list[str] = described("Its tags.")
    hidden_from_frontpage: bool = described("Whether it is kept off the front page.")
    state: AnnouncementState = described("Its state.")
    submitted_by: str | None = _hidden_from_anonymous("submitted_by", "Who has submitted it.")
    created_at: datetime = described("When it was submitted.")
    approved_at: datetime | None = described("When it was approved.")
    decided_by: str | None = _hidden_from_anonymous("decided_by", "Who has decided about it.")
    decided_at: datetime | None = described("When it was decided about.")
    reason: str | None = _hidden_from_anonymous("reason", "Why it was rejected.")
    project: Project | None = reference(nodes.PROJECT, "project_id", "Its project.")
    release: Release | None = reference(nodes.RELEASE, "release_id", "Its release; null until it is approved.")


def _active(root: ScheduleNode, info: Info) -> bool:
    return str(root["date"]) >= info.context.today.isoformat()


@object_type
class Schedule:
    """The day until which an SLA binds a release."""

    id: strawberry.ID = described("Its id.")
    release_id: str = described("The identifier of its release.")
    sla: str = described("The name of its SLA.")
    sla_description: str = described("What the SLA is.")
    date: Day = described("The last day.")
    active: bool = computed(_active, "Whether the day has not passed yet, in UTC.")
    release: Release | None = reference(nodes.RELEASE, "release_number", "Its release.")


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
    project: Project | None = computed(_project, "The project with a name.")
    projects: Connection[Project] | None = connection(nodes.PROJECTS, "Projects by name.", archived=bool)
    release: Release | None = computed(_release, "The release of a project with a version.")
    releases: Connection[Release] | None = connection(
        nodes.RELEASES, "Releases, newest first.", project=str, status=list[ReleaseStatus]
    )
    candidate: Candidate | None = computed(_candidate, "The candidate of a project with a version.")
    deployment: Deployment | None = computed(_deployment, "The deployment with an id.")
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
