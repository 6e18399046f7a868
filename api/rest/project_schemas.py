"""Request and response models of the native API for projects, their environments and releases."""

from typing import Annotated

from pydantic import BaseModel, Field

from api.http.bodies import MAX_ITEMS, StrictModel
from api.http.types import ReleaseStatus, Timestamp, ZonedDateTime, parsed_by
from api.rest.block_schemas import FreezeResponse, LockResponse
from api.rest.gate_schemas import GateFields, GatesResponse, WeakenedResponse
from api.rest.schemas import CandidateResponse, DeploymentWithRunResponse, ReleaseSummary
from bot.rules.packages import parse_files
from bot.rules.versions import parse_bump

# Lists and objects of limited size, whose validation stops at the first error.
LIMITED = Field(max_length=MAX_ITEMS, fail_fast=True)
Texts = Annotated[list[str], LIMITED]
Inputs = Annotated[dict[str, str], LIMITED]


class ShowBody(StrictModel):
    """What is shown on GitHub; a part that is left out is shown."""

    comments: bool = True
    deployments: bool = True
    checks: bool = True
    protection: bool = True


class ShowResponse(BaseModel):
    """What is shown on GitHub."""

    comments: bool
    deployments: bool
    checks: bool
    protection: bool


class ProjectSettings(StrictModel):
    """The settings of a project."""

    repo: str | None = Field(None, description="`owner/name` on GitHub.", examples=["acme/site"])
    permalink: str | None = None
    build_workflow: str | None = Field(None, examples=["build.yml"])
    build_inputs: Inputs | None = None
    build_deadline_minutes: int | None = None
    allowed_branches: Texts | None = None
    tag_prefix: str | None = None
    trigger_tag_prefix: str | None = None
    tag_candidates: bool | None = None
    version_scheme: str | None = None
    promote_on_tag: str | None = Field(
        None, description="The environment to which the tag of a release, pushed by a person, deploys its candidate."
    )
    show: ShowBody | None = Field(None, examples=[{"comments": False}])


class CreateProjectBody(ProjectSettings):
    """A project to create."""

    name: str


class ChangeProjectBody(ProjectSettings):
    """Changes to a project; only the fields that are sent are changed."""

    name: str | None = None
    archived: bool | None = None


class ProjectResponse(BaseModel):
    """A project."""

    id: int
    name: str
    permalink: str
    repo: str | None
    build_workflow: str | None
    build_inputs: dict[str, str]
    build_deadline_minutes: int
    allowed_branches: list[str] | None
    tag_prefix: str
    trigger_tag_prefix: str
    tag_candidates: bool
    version_scheme: str
    promote_on_tag: str | None
    show: ShowResponse
    archived: bool
    created_at: Timestamp


class WaitingChangeResponse(BaseModel):
    """Weaker changes that wait for approval: of an environment, or if that is null of the project's own settings."""

    environment: str | None
    commit: str
    needed: int
    approvers: list[str]
    approved_by: list[str]
    changes: list[dict[str, object]]


class ConfigurationResponse(BaseModel):
    """The configuration file of the project's repository. `managed`: it sets this project."""

    file: str
    state: str
    managed: bool
    commit: str | None
    errors: list[dict[str, object]]
    waiting: list[WaitingChangeResponse]


class ShownProjectResponse(ProjectResponse):
    """A project, with the state of its repository's configuration file; null if there is none."""

    configuration: ConfigurationResponse | None


class ChangedProjectResponse(ProjectResponse):
    """A project that was created or changed, and what is wrong with the workflow files that were named."""

    warnings: list[str]


class CreateEnvironmentBody(GateFields):
    """An environment to create."""

    name: str
    tier: str
    workflow: str | None = None
    inputs: Inputs | None = None
    order: int | None = None
    deploy_deadline_minutes: int | None = None
    url: str | None = Field(None, description="Where to see what is deployed.", examples=["https://example.com/"])


class FreezeBody(StrictModel):
    """The reason and the end of a freeze; without `until` it does not expire."""

    reason: str
    until: ZonedDateTime | None = None


class ChangeEnvironmentBody(GateFields):
    """Changes to an environment; only the fields that are sent are changed.

    `frozen: null` unfreezes it, `closed: null` opens one that has left the configuration file.
    """

    name: str | None = None
    tier: str | None = None
    workflow: str | None = None
    inputs: Inputs | None = None
    order: int | None = None
    deploy_deadline_minutes: int | None = None
    url: str | None = Field(None, description="Where to see what is deployed.", examples=["https://example.com/"])
    frozen: FreezeBody | None = None
    closed: None = Field(None, examples=[None])


class EnvironmentResponse(GatesResponse):
    """An environment, with the settings of its gates that are in force.

    `freezes` are those in force, whatever their scope, `frozen` is the oldest of them. `closed` says why it takes no
    deployments at all; `waiting` is the id of the deployment that waits for its gates. `managed`: the repository's
    configuration file sets the environment.
    """

    id: int
    name: str
    tier: str
    workflow: str | None
    inputs: dict[str, str]
    order: int
    deploy_deadline_minutes: int
    frozen: dict[str, object] | None
    freezes: list[FreezeResponse]
    lock: LockResponse | None
    url: str | None
    closed: str | None
    managed: bool
    waiting: int | None
    weakened: WeakenedResponse | None
    created_at: Timestamp


class ChangedEnvironmentResponse(EnvironmentResponse):
    """An environment that was created or changed, and what is wrong with the workflow file that was named."""

    warnings: list[str]


class NextVersionQuery(BaseModel):
    """Which part of a SemVer version to increment."""

    bump: Annotated[str, parsed_by(parse_bump)] = "patch"


class NextVersionResponse(BaseModel):
    """The next version of a project."""

    release_version: str
    release_candidate_version: str


class ChangeReleaseBody(StrictModel):
    """Changes to a release; only the fields that are sent are changed. Status 20 holds it, any other unholds it."""

    status: ReleaseStatus | None = Field(None, examples=[40])
    release_date: ZonedDateTime | None = None
    notes: str | None = None


class ReplaceFilesBody(StrictModel):
    """All files of a release: paths by group."""

    files: Annotated[dict[str, list[str]], parsed_by(parse_files)] = Field(examples=[{"js": ["js/site.js"]}])


class ReleaseFilesResponse(BaseModel):
    """All files of a release."""

    files: dict[str, list[str]]


class ReleaseResponse(ReleaseSummary):
    """A release with its candidates, their builds, and its deployments.

    `held` names who holds it, the reason, and since when.
    """

    release_date: Timestamp | None
    notes: str
    held: dict[str, object] | None
    files: dict[str, list[str]]
    candidates: list[CandidateResponse]
    deployments: list[DeploymentWithRunResponse]
