"""Commits, branches and tags."""

import fnmatch
from collections.abc import Mapping

from sandbox import git
from sandbox.errors import SandboxError, invalid
from sandbox.events import emit
from sandbox.history import TagObject
from sandbox.records import ZERO, Person, PullRequest, Repository
from sandbox.serializers import accounts, discussion
from sandbox.serializers import commits as shapes
from sandbox.serializers.accounts import Json
from sandbox.state import State

MOST_TAGS_WITH_EVENTS = 3
MOST_PUSHED_COMMITS = 2048


async def commit(
    state: State, repository: Repository, branch: str, message: str, files: Mapping[str, str | None] | None, by: Person
) -> str:
    """Put a commit on a branch and push it."""
    ref = f"refs/heads/{branch}"
    async with repository.lock:
        before = repository.history.refs.get(ref)
        if before is None:
            raise SandboxError(f"There is no branch {branch} in {repository.full_name}.")
        sha = await _write(state, repository, ref, before, message, files, by)
        repository.history.refs[ref] = sha
    await pushed(state, repository, ref, before, sha, by)
    return sha


async def commit_on_new_branch(
    state: State, repository: Repository, branch: str, message: str, files: Mapping[str, str | None] | None, by: Person
) -> str:
    """Make a branch off the default branch with one commit, and push it."""
    ref = f"refs/heads/{branch}"
    async with repository.lock:
        parent = repository.history.refs[f"refs/heads/{repository.default_branch}"]
        sha = await _write(state, repository, ref, parent, message, files, by)
        repository.history.refs[ref] = sha
    await pushed(state, repository, ref, ZERO, sha, by)
    return sha


async def fork_commit(state: State, repository: Repository, message: str, by: Person) -> str:
    """Make a commit that no branch or tag of the repository contains, as one that was pushed to a fork."""
    number = sum(ref.startswith("refs/forks/") for ref in repository.history.refs) + 1
    ref = f"refs/forks/{number}"
    async with repository.lock:
        parent = repository.history.refs[f"refs/heads/{repository.default_branch}"]
        sha = await _write(state, repository, ref, parent, message, None, by)
        repository.history.refs[ref] = sha
    return sha


async def _write(
    state: State,
    repository: Repository,
    ref: str,
    parent: str,
    message: str,
    files: Mapping[str, str | None] | None,
    by: Person,
) -> str:
    if files is None:
        number = len(repository.history.commits) + 1
        files = {f"changes/{number:05}.txt": f"{message}\n"}
    made, changes = await git.write_commit(repository.path, ref, parent, message, files, state.signature(by))
    repository.history.commits[made.sha] = made
    state.touched[made.sha] = changes
    return made.sha


async def create_ref(state: State, repository: Repository, ref: str, sha: str, by: Person) -> None:
    """Create a ref, refuse one that exists, and push it."""
    async with repository.lock:
        if ref in repository.history.refs:
            raise invalid("Reference already exists")
        await git.update_ref(repository.path, ref, sha)
        repository.history.refs[ref] = sha
    await pushed(state, repository, ref, ZERO, sha, by)


async def move_ref(state: State, repository: Repository, ref: str, sha: str, by: Person, *, force: bool) -> None:
    """Move a ref; without ``force`` only forwards."""
    async with repository.lock:
        history = repository.history
        if ref not in history.refs:
            raise invalid("Reference does not exist")
        before = history.refs[ref]
        if not force and history.peel(before) not in history.ancestors(history.peel(sha)):
            raise invalid("Update is not a fast forward")
        await git.update_ref(repository.path, ref, sha)
        history.refs[ref] = sha
    if before != sha:
        await pushed(state, repository, ref, before, sha, by)


async def delete_ref(state: State, repository: Repository, ref: str, by: Person) -> None:
    """Delete a ref and push that."""
    async with repository.lock:
        before = repository.history.refs.get(ref)
        if before is None:
            raise invalid("Reference does not exist")
        await git.delete_ref(repository.path, ref)
        del repository.history.refs[ref]
    await pushed(state, repository, ref, before, ZERO, by)


async def create_tags(state: State, repository: Repository, tags: Mapping[str, str], by: Person) -> None:
    """Push several lightweight tags at once; more than three send no event at all."""
    refs = {f"refs/tags/{name}": sha for name, sha in tags.items()}
    async with repository.lock:
        for ref in refs:
            if ref in repository.history.refs:
                raise invalid("Reference already exists")
        await git.update_refs(repository.path, refs)
        repository.history.refs.update(refs)
    if len(refs) <= MOST_TAGS_WITH_EVENTS:
        for ref, sha in refs.items():
            await pushed(state, repository, ref, ZERO, sha, by)


async def write_tag(
    state: State, repository: Repository, name: str, target: str, message: str, by: Person
) -> TagObject:
    """Write an annotated tag's object, to which no ref points yet."""
    made = await git.write_tag(repository.path, name, target, message, state.signature(by))
    repository.history.tags[made.sha] = made
    return made


def refused_by_ruleset(repository: Repository, ref: str) -> bool:
    """Tell whether a ruleset refuses to let this ref be made."""
    name = ref.removeprefix("refs/tags/")
    return ref != name and any(fnmatch.fnmatchcase(name, pattern) for pattern in repository.protected_tags)


async def changes_workflows(repository: Repository, sha: str) -> bool:
    """Tell whether a commit's workflow files differ from the default branch's."""
    tip = repository.history.refs[f"refs/heads/{repository.default_branch}"]
    here = await git.list_folder(repository.path, sha, ".github/workflows")
    return here != await git.list_folder(repository.path, tip, ".github/workflows")


async def pushed(state: State, repository: Repository, ref: str, before: str, after: str, by: Person) -> None:
    """Send ``push`` and, for new and deleted refs, ``create`` or ``delete``."""
    repository.pushed_at = state.now()
    emit(state, "push", repository, by, await _push(state, repository, ref, before, after, by))
    if ZERO in (before, after):
        kind, name = ("tag" if ref.startswith("refs/tags/") else "branch"), ref.split("/", 2)[2]
        body: Json = {"ref": name, "ref_type": kind, "pusher_type": "user"}
        if before == ZERO:
            body |= {"master_branch": repository.default_branch, "description": None}
        emit(state, "create" if before == ZERO else "delete", repository, by, body)
    for pull in repository.pulls.values():
        if ref == f"refs/heads/{pull.head}" and pull.state == "open" and after != ZERO:
            _synchronize(state, repository, pull, before, after, by)


def _synchronize(state: State, repository: Repository, pull: PullRequest, before: str, after: str, by: Person) -> None:
    pull.head_sha = after
    shown = discussion.pull_request(state, repository, pull)
    body = {"action": "synchronize", "number": pull.number, "before": before, "after": after, "pull_request": shown}
    emit(state, "pull_request", repository, by, body)


async def _push(state: State, repository: Repository, ref: str, before: str, after: str, by: Person) -> Json:
    history = repository.history
    shas = _new_commits(repository, ref, before, after)
    head = None if after == ZERO else history.peel(after)
    await _read_changes(state, repository, [*shas, *([head] if head else [])])
    old = None if before == ZERO else history.peel(before)
    names = f"{(old or head or '')[:12]}...{(head or '')[:12]}" if old and head else f"{ref.split('/', 2)[2]}"
    shown = {
        sha: shapes.pushed_commit(state, repository, sha, state.touched[sha])
        for sha in {*shas, *([head] if head else [])}
    }
    branches = [name for name, sha in history.refs.items() if sha == after and name.startswith("refs/heads/")]
    base_ref = next((name for name in branches if name != ref), None) if before == ZERO else None
    forced = bool(old and head and old not in history.ancestors(head))
    return {
        "ref": ref,
        "before": before,
        "after": after,
        "repository": _pushed_repository(state, repository),
        "pusher": {"name": by.login, "email": f"{by.login}@users.noreply.github.com"},
        "created": before == ZERO,
        "deleted": after == ZERO,
        "forced": forced,
        "base_ref": base_ref,
        "compare": f"{state.html_url}/{repository.full_name}/compare/{names}",
        "commits": [shown[sha] for sha in shas],
        "head_commit": shown[head] if head else None,
    }


def _pushed_repository(state: State, repository: Repository) -> Json:
    shown = accounts.repository(state, repository)
    owner = {**shown["owner"], "name": repository.owner.login, "email": None}
    dates = {"created_at": int(repository.created_at.timestamp()), "pushed_at": int(repository.pushed_at.timestamp())}
    more = {"stargazers": 0, "master_branch": repository.default_branch, "organization": repository.owner.login}
    return {**shown, **dates, **more, "owner": owner}


def _new_commits(repository: Repository, ref: str, before: str, after: str) -> list[str]:
    history = repository.history
    if after == ZERO or ref.startswith("refs/tags/"):
        return []
    if before != ZERO:
        known = history.ancestors(history.peel(before))
    else:
        others = (sha for name, sha in history.refs.items() if name != ref and name.startswith("refs/heads/"))
        known = set().union(*(history.ancestors(sha) for sha in set(others)))
    return history.log(history.peel(after), known)[::-1][-MOST_PUSHED_COMMITS:]


async def _read_changes(state: State, repository: Repository, shas: list[str]) -> None:
    missing = [sha for sha in shas if sha not in state.touched]
    if missing:
        state.touched.update(await git.touched(repository.path, missing))
        for sha in missing:
            state.touched.setdefault(sha, git.Changes([], [], []))
