"""What the service answers, as far as the client reads it."""

from typing import Any, TypedDict

Json = dict[str, Any]


class Run(TypedDict):
    """A workflow run on GitHub."""

    url: str | None
    status: str | None
    conclusion: str | None


class Gate(TypedDict):
    """A gate with its verdict."""

    gate: str
    verdict: str
    sentence: str
    until: str | None
    who_can_help: list[str]


class Decision(TypedDict):
    """Whether a candidate may be deployed to an environment."""

    candidate: str
    environment: str
    verdict: str
    gates: list[Gate]


class Preview(TypedDict):
    """What a request would do."""

    would: list[str]
    decision: Decision | None


class Deployment(TypedDict):
    """A deployment, as lists show it and as the answer to the request for one."""

    id: int
    environment_name: str
    release_candidate_version: str
    status: str
    error_message: str | None
    deploy_start_at: str | None
    deploy_end_at: str | None
    waits_for: list[str] | None


class DeploymentDetails(Deployment):
    """A deployment with all that is known about it."""

    run: Run | None
    wait_outcome: str | None
    expires_at: str | None
    decision: Decision | None


class Candidate(TypedDict):
    """A release candidate."""

    release_candidate_version: str
    commit: str
    status: str
    reason: str | None
    build: Run | None


class Project(TypedDict):
    """A project."""

    name: str
    repo: str | None
    build_workflow: str | None
    archived: bool


class Freeze(TypedDict):
    """A freeze in force."""

    id: int
    scope: str
    environment: str | None
    by: str
    reason: str
    until: str | None


class Lock(TypedDict):
    """A lock of an environment."""

    owner: str
    reason: str
    until: str | None
