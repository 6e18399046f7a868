"""Check runs and commit statuses: of the App through the API, of other Apps through the control API."""

from typing import Any

from sandbox.accounts import Account
from sandbox.errors import SandboxError
from sandbox.events import emit
from sandbox.records import CheckRun, CommitStatus, Repository, format_time
from sandbox.serializers import checks as serialize
from sandbox.serializers import commits
from sandbox.serializers.accounts import Json
from sandbox.state import State

CHECK_STATUSES = ("queued", "in_progress", "completed")
CONCLUSIONS = ("action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out")
STATUS_STATES = ("error", "failure", "pending", "success")
MAX_BRANCHES = 10


def emit_check(
    state: State, repository: Repository, check: CheckRun, action: str, sender: Account, **extra: Json
) -> None:
    """Send a `check_run` event."""
    serialized = serialize.webhook_check_run(state, repository, check)
    emit(state, "check_run", repository, sender, {"action": action, "check_run": serialized, **extra})


def report_check(state: State, repository: Repository, name: str, sha: str, result: str | None, slug: str) -> CheckRun:
    """Create a check run of another App, or complete the App's unfinished one of that name on the commit.

    `result` is a conclusion, or a status when the check run is not completed; None stands for in_progress.
    """
    status = "completed" if result in CONCLUSIONS else result or "in_progress"
    if status not in CHECK_STATUSES or (status == "completed" and result == status):
        raise SandboxError(f"{result} is not a conclusion, and not a status of an unfinished check run.")
    app = state.other_app(slug)
    check = _unfinished(repository, name, sha, slug)
    created = check is None
    if check is None:
        number = next(state.ids.checks)
        check = CheckRun(number, name, sha, "queued", None, "", None, state.now(), None, {}, app=app)
        repository.checks[number] = check
    check.status = status
    if status == "completed":
        check.conclusion, check.completed_at = result, state.now()
    if created or status == "completed":
        action = "completed" if status == "completed" else "created"
        emit_check(state, repository, check, action, state.account(f"{slug}[bot]"))
    return check


def _unfinished(repository: Repository, name: str, sha: str, slug: str) -> CheckRun | None:
    for check in reversed(repository.checks.values()):
        if check.app and (check.app.slug, check.name, check.head_sha) == (slug, name, sha):
            return None if check.status == "completed" else check
    return None


def find_check(repository: Repository, number: int) -> CheckRun:
    """Find a check run by id."""
    if number not in repository.checks:
        raise SandboxError(f"No check run {number} in {repository.full_name}.")
    return repository.checks[number]


def click_button(state: State, repository: Repository, check: CheckRun, identifier: str, by: Account) -> None:
    """Click a button of a check run; only the App that created it gets the event."""
    if identifier not in [action["identifier"] for action in check.actions]:
        raise SandboxError(f"The check run {check.name} has no button {identifier}.")
    emit_check(state, repository, check, "requested_action", by, requested_action={"identifier": identifier})


def rerequest(state: State, repository: Repository, check: CheckRun, by: Account) -> None:
    """Request a check run again, which does not change it; only the App that created it gets the event."""
    if check.app is None:
        emit_check(state, repository, check, "rerequested", by)


def add_status(state: State, repository: Repository, sha: str, body: dict[str, Any], by: Account) -> CommitStatus:
    """Add a commit status whose `state`, `context`, `description` and `target_url` are in `body`."""
    context, number = str(body.get("context") or "default"), next(state.ids.others)
    text, url = body.get("description"), body.get("target_url")
    status = CommitStatus(number, sha, body["state"], context, text, url, by, state.now())
    repository.statuses.append(status)
    _emit_status(state, repository, status)
    return status


def _emit_status(state: State, repository: Repository, status: CommitStatus) -> None:
    serialized = serialize.status(state, repository, status)
    copied = ("id", "state", "description", "target_url", "context", "avatar_url")
    names = _containing(repository, status.sha)
    body = {
        **{name: serialized[name] for name in copied},
        "sha": status.sha,
        "name": repository.full_name,
        "commit": commits.commit(state, repository, status.sha),
        "branches": [commits.branch_summary(state, repository, name) for name in names],
        "created_at": format_time(status.created_at),
        "updated_at": format_time(status.created_at),
    }
    emit(state, "status", repository, status.creator, body)


def _containing(repository: Repository, sha: str) -> list[str]:
    """The first branches that contain a commit, at most as many as GitHub lists."""
    history, names = repository.history, list[str]()
    for name in history.ref_names("refs/heads/"):
        head = history.refs[f"refs/heads/{name}"]
        if len(names) < MAX_BRANCHES and (head == sha or sha in history.ancestors(head)):
            names.append(name)
    return names
