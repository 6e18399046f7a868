"""Workflow runs. https://docs.github.com/en/rest/actions/workflow-runs"""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from bot.github.fields import optional_text, required_number, required_text, required_time
from bot.github.repository import RepositoryClient
from bot.github.transport import ApiError
from bot.rules.ids import CommitSha, GitHubUserId, RunId
from bot.rules.runs import RunFact, workflow_file, workflow_path


async def get(repository: RepositoryClient, run: RunId) -> RunFact | None:
    """Get a run; None when the repository has no run with that id, whatever its name is now.

    GitHub sometimes answers 404 for a run that exists: ask again later before you believe it.
    """
    for root in _roots(repository):
        try:
            return run_fact((await repository.request("GET", f"{root}/actions/runs/{run}")).data)
        except ApiError as error:
            error.raise_unless(404)
    return None


async def dispatched_since(repository: RepositoryClient, workflow: str, since: datetime) -> tuple[list[RunFact], bool]:
    """List the dispatched runs of a workflow that were created since a time by GitHub's clock, newest first.

    The second value is whether they are all.
    """
    path = workflow_path(workflow)
    created = quote(f">={since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", safe="")
    query = f"event=workflow_dispatch&created={created}&per_page=100"
    try:
        url = f"{repository.root}/actions/workflows/{workflow_file(path)}/runs?{query}"
        listing = await repository.listing(url, "workflow_runs")
        facts = [run_fact(run) for run in listing.items]
    except ApiError as error:
        error.raise_unless(404)  # the file is no longer on the default branch
        listing = await repository.listing(f"{repository.root}/actions/runs?{query}", "workflow_runs")
        facts = [fact for fact in map(run_fact, listing.items) if fact.workflow == path]
    return [fact for fact in facts if fact.created_at >= since], listing.complete


async def cancel(repository: RepositoryClient, run: RunId, *, force: bool = False) -> None:
    """Request that a run be canceled; does nothing when it has ended or does not exist.

    With `force`, steps that otherwise always run (`if: always()`) are skipped too.
    """
    for root in _roots(repository):
        try:
            url = f"{root}/actions/runs/{run}/{'force-cancel' if force else 'cancel'}"
            await repository.request("POST", url, purpose="run", data={})
        except ApiError as error:
            error.raise_unless(404, 409)
            if error.status == 404:
                continue
        return


def _roots(repository: RepositoryClient) -> tuple[str, str]:
    """The paths of a repository by its name and by its id: another may have the name by now."""
    return repository.root, f"/repositories/{repository.id}"


def run_fact(data: Any) -> RunFact:
    """Read a run from GitHub's REST or webhook JSON."""
    login, github_id = _account(data.get("triggering_actor"))
    return RunFact(
        id=RunId(required_number(data, "id")),
        attempt=required_number(data, "run_attempt") if data.get("run_attempt") else 1,
        status=required_text(data, "status"),
        conclusion=optional_text(data, "conclusion"),
        head_sha=CommitSha(required_text(data, "head_sha")),
        head_branch=optional_text(data, "head_branch"),
        workflow=workflow_path(optional_text(data, "path") or ""),
        title=optional_text(data, "display_title") or "",
        url=optional_text(data, "html_url") or "",
        event=optional_text(data, "event") or "",
        actor=optional_text(data.get("actor") or {}, "login") or "",
        created_at=required_time(data, "created_at"),
        updated_at=_optional_time(data, "updated_at"),
        triggering_actor=login,
        triggering_actor_id=github_id,
    )


def _account(actor: Any) -> tuple[str, GitHubUserId | None]:
    """The login and the id of an account, which may be gone."""
    login, number = (actor.get("login"), actor.get("id")) if isinstance(actor, dict) else (None, None)
    if not isinstance(login, str) or type(number) is not int:
        return "", None
    return login, GitHubUserId(number)


def _optional_time(data: Any, name: str) -> datetime | None:
    return required_time(data, name) if optional_text(data, name) else None
