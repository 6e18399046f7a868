"""Deployments and their statuses. https://docs.github.com/en/rest/deployments/deployments"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlencode

from bot.errors import Refusal
from bot.github.fields import optional_text, required, required_number, required_text, required_time
from bot.github.refusals import refused
from bot.github.repository import RepositoryClient
from bot.github.transport import ApiError
from bot.rules.ids import CommitSha
from bot.rules.texts import cut

MAX_DESCRIPTION = 140
OWN_ID = "longshore"
"""The member of a deployment's payload that holds our own id of it."""

DeploymentState = Literal["error", "failure", "inactive", "in_progress", "queued", "pending", "success"]


@dataclass(frozen=True)
class NewDeployment:
    """A deployment to create. `own_id` is our own id of it, by which it is found again."""

    sha: CommitSha
    environment: str
    own_id: str
    production: bool
    task: str = "deploy"
    description: str = ""
    transient: bool = False


@dataclass(frozen=True)
class DeploymentFact:
    """A deployment as GitHub reports it. `own_id` is None for one that we have not made, such as a job's own.

    `creator` is a login, `github-actions[bot]` for a job's; "" when the account is gone.
    """

    id: int
    sha: CommitSha
    environment: str
    task: str
    creator: str
    own_id: str | None
    payload: Any
    created_at: datetime


@dataclass(frozen=True)
class NewStatus:
    """A status to give to a deployment.

    With `auto_inactive`, a success makes earlier ones of the environment inactive: by GitHub's rule only those that are
    neither transient nor on production.
    """

    state: DeploymentState
    description: str = ""
    log_url: str | None = None
    environment_url: str | None = None
    auto_inactive: bool = True


@dataclass(frozen=True)
class StatusFact:
    """A status of a deployment as GitHub reports it."""

    state: str
    creator: str
    description: str
    log_url: str
    created_at: datetime


async def create(repository: RepositoryClient, deployment: NewDeployment) -> int:
    """Create a deployment of exactly a commit and return GitHub's id of it. GitHub merges nothing and checks nothing.

    After `ResponseLost`, search for it with `find` before this is called again. Refuses what GitHub refuses.
    """
    body = {
        "ref": deployment.sha,
        "environment": deployment.environment,
        "task": deployment.task,
        "description": cut(deployment.description, MAX_DESCRIPTION),
        "payload": {OWN_ID: deployment.own_id},
        "production_environment": deployment.production,
        "transient_environment": deployment.transient,
        "auto_merge": False,
        "required_contexts": [],
    }
    what = f"the deployment to `{deployment.environment}`"
    try:
        url = f"{repository.root}/deployments"
        data = (await repository.request("POST", url, purpose="deployment", data=body)).data
    except ApiError as error:
        raise refused(what, error) from error
    if not isinstance(data, dict) or "id" not in data:  # a 202: it has merged a branch instead
        raise Refusal(f"GitHub did not create {what}: {data.get('message') if isinstance(data, dict) else data}")
    return required_number(data, "id")


async def find(repository: RepositoryClient, sha: CommitSha, environment: str, own_id: str) -> int | None:
    """Find the deployment that we have created with our own id; None when there is none."""
    facts = await _list(repository, sha, environment, purpose="deployment")
    return next((fact.id for fact in facts if fact.own_id == own_id), None)


async def list_for(repository: RepositoryClient, sha: CommitSha, environment: str) -> list[DeploymentFact]:
    """List the deployments of a commit to an environment, by whomever, newest first."""
    return await _list(repository, sha, environment, purpose="read deployments")


async def set_status(repository: RepositoryClient, deployment: int, status: NewStatus) -> bool:
    """Give a deployment a new status; returns False when it no longer exists."""
    urls = {"log_url": status.log_url, "environment_url": status.environment_url}
    body = {
        "state": status.state,
        "description": cut(status.description, MAX_DESCRIPTION),
        "auto_inactive": status.auto_inactive,
        **{name: value for name, value in urls.items() if value is not None},
    }
    try:
        await repository.request("POST", _statuses(repository, deployment), purpose="deployment", data=body)
    except ApiError as error:
        if error.status == 404:
            return False
        raise refused(f"the status `{status.state}` of a deployment", error) from error
    return True


async def statuses(repository: RepositoryClient, deployment: int) -> list[StatusFact]:
    """List the statuses of a deployment, newest first; none when it does not exist."""
    try:
        url = f"{_statuses(repository, deployment)}?per_page=100"
        found = await repository.list(url, purpose="read deployments")
    except ApiError as error:
        error.raise_unless(404)
        return []
    return [_status(status) for status in found]


async def newest_state(repository: RepositoryClient, deployment: int) -> str | None:
    """The newest state of a deployment; None when it has none yet, or does not exist."""
    try:
        url = f"{_statuses(repository, deployment)}?per_page=1"
        found = (await repository.request("GET", url, purpose="read deployments")).data
    except ApiError as error:
        error.raise_unless(404)
        return None
    return required_text(found[0], "state") if found else None


async def _list(repository: RepositoryClient, sha: CommitSha, environment: str, purpose: str) -> list[DeploymentFact]:
    query = urlencode({"sha": sha, "environment": environment, "per_page": 100})
    found = await repository.list(f"{repository.root}/deployments?{query}", purpose=purpose)
    return [deployment_fact(deployment) for deployment in found]


def _statuses(repository: RepositoryClient, deployment: int) -> str:
    return f"{repository.root}/deployments/{deployment}/statuses"


def deployment_fact(data: Any) -> DeploymentFact:
    """Read a deployment from GitHub's REST or webhook JSON."""
    payload = _payload(data.get("payload"))
    own_id = payload.get(OWN_ID) if isinstance(payload, dict) else None
    return DeploymentFact(
        id=required_number(data, "id"),
        sha=CommitSha(required_text(data, "sha")),
        environment=required_text(data, "environment"),
        task=required_text(data, "task"),
        creator=_login(data),
        own_id=own_id if isinstance(own_id, str) else None,
        payload=payload,
        created_at=required_time(data, "created_at"),
    )


def _payload(payload: Any) -> Any:
    """A payload, which GitHub returns as it was sent, or as text that holds JSON."""
    if not isinstance(payload, str):
        return payload
    try:
        return json.loads(payload)
    except ValueError:
        return payload


def _status(data: Any) -> StatusFact:
    return StatusFact(
        state=required_text(data, "state"),
        creator=_login(data),
        description=optional_text(data, "description") or "",
        log_url=optional_text(data, "log_url") or "",
        created_at=required_time(data, "created_at"),
    )


def _login(data: Any) -> str:
    return str(required(data["creator"], "login")) if data.get("creator") else ""
