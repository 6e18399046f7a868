"""Push commits, branches and tags."""

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sandbox import git
from sandbox.accounts import Account
from sandbox.errors import SandboxError, invalid
from sandbox.events import emit
from sandbox.history import Signature, TagObject
from sandbox.records import ZERO_SHA, PullRequest, Push, Repository
from sandbox.serializers import accounts, discussion
from sandbox.serializers import commits as serialize
from sandbox.serializers.accounts import Json
from sandbox.state import State

MAX_TAGS_WITH_EVENTS = 3
MAX_PUSHED_COMMITS = 2048


@dataclass(frozen=True, slots=True)
class NewCommit:
    """Contents of a commit to write.

    A file whose content is None is removed; without `files` the commit adds one small file. `author` pushes it, and is
    its author and committer too unless `written_by` and `committed_by` have other names and e-mail addresses. With
    `merged`, it is a merge of that commit.
    """

    message: str
    author: Account
    files: Mapping[str, str | None] | None = None
    written_by: tuple[str, str] | None = None
    committed_by: tuple[str, str] | None = None
    merged: str | None = None


async def commit(state: State, repository: Repository, branch: str, *changes: NewCommit) -> str:
    """Push commits to a branch, all at once, and return the SHA of the last one."""
    ref = f"refs/heads/{branch}"
    async with repository.lock:
        before = repository.history.refs.get(ref)
        if before is None:
            raise SandboxError(f"No branch {branch} in {repository.full_name}.")
        sha = before
        for change in changes:
            sha = await _write_commit(state, repository, ref, sha, change)
        repository.history.refs[ref] = sha
    await emit_push(state, repository, ref, before, sha, changes[-1].author)
    return sha


async def commit_on_new_branch(state: State, repository: Repository, branch: str, change: NewCommit) -> str:
    """Push a new branch with one commit on top of the default branch, and return its SHA."""
    ref = f"refs/heads/{branch}"
    async with repository.lock:
        parent = repository.history.refs[f"refs/heads/{repository.default_branch}"]
        sha = await _write_commit(state, repository, ref, parent, change)
        repository.history.refs[ref] = sha
    await emit_push(state, repository, ref, ZERO_SHA, sha, change.author)
    return sha


async def fork_commit(state: State, repository: Repository, change: NewCommit, parent: str | None = None) -> str:
    """Write a commit that no branch or tag of the repository contains, like one pushed to a fork.

    Its parent is the head of the default branch unless another one is given.
    """
    number = sum(ref.startswith("refs/forks/") for ref in repository.history.refs) + 1
    ref = f"refs/forks/{number}"
    async with repository.lock:
        parent = parent or repository.history.refs[f"refs/heads/{repository.default_branch}"]
        sha = await _write_commit(state, repository, ref, parent, change)
        repository.history.refs[ref] = sha
    return sha


async def _write_commit(state: State, repository: Repository, ref: str, parent: str, change: NewCommit) -> str:
    files = change.files
    if files is None:
        number = len(repository.history.commits) + 1
        files = {f"changes/{number:05}.txt": f"{change.message}\n"}
    pusher = state.signature(change.author)
    author = _sign(pusher, change.written_by)
    signatures = (author, _sign(author, change.committed_by))
    commit, changes = await git.write_commit(repository.path, ref, parent, change.message, files, signatures)
    if change.merged:
        commit = await git.write_merge(repository.path, ref, commit, change.merged)
    repository.history.commits[commit.sha] = commit
    state.changes_by_commit[commit.sha] = changes
    return commit.sha


def _sign(default: Signature, other: tuple[str, str] | None) -> Signature:
    return replace(default, name=other[0], email=other[1]) if other else default


async def create_ref(state: State, repository: Repository, ref: str, sha: str, by: Account) -> None:
    """Push a new ref; refuse one that exists."""
    async with repository.lock:
        if ref in repository.history.refs:
            raise invalid("Reference already exists")
        await git.update_ref(repository.path, ref, sha)
        repository.history.refs[ref] = sha
    await emit_push(state, repository, ref, ZERO_SHA, sha, by)


async def move_ref(state: State, repository: Repository, ref: str, sha: str, by: Account, *, force: bool) -> None:
    """Move a ref; without `force` the update must be a fast-forward."""
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
        await emit_push(state, repository, ref, before, sha, by)


async def delete_ref(state: State, repository: Repository, ref: str, by: Account) -> None:
    """Delete a ref."""
    async with repository.lock:
        before = repository.history.refs.get(ref)
        if before is None:
            raise invalid("Reference does not exist")
        await git.delete_ref(repository.path, ref)
        del repository.history.refs[ref]
    await emit_push(state, repository, ref, before, ZERO_SHA, by)


async def add_refs(repository: Repository, refs: Mapping[str, str]) -> None:
    """Add several refs without events; refuse one that exists."""
    async with repository.lock:
        if not refs.keys().isdisjoint(repository.history.refs):
            raise invalid("Reference already exists")
        await git.update_refs(repository.path, refs)
        repository.history.refs.update(refs)


async def create_tags(state: State, repository: Repository, tags: Mapping[str, str], by: Account) -> None:
    """Push several lightweight tags at once; GitHub sends no events for more than three."""
    refs = {f"refs/tags/{name}": sha for name, sha in tags.items()}
    await add_refs(repository, refs)
    if len(refs) <= MAX_TAGS_WITH_EVENTS:
        for ref, sha in refs.items():
            await emit_push(state, repository, ref, ZERO_SHA, sha, by)


async def write_tag(repository: Repository, name: str, target: str, message: str, tagger: Signature) -> TagObject:
    """Write an annotated tag object without creating a ref for it."""
    tag = await git.write_tag(repository.path, name, target, message, tagger)
    repository.history.tags[tag.sha] = tag
    return tag


def refused_by_ruleset(repository: Repository, ref: str) -> bool:
    """Return whether a ruleset forbids creating this ref."""
    name = ref.removeprefix("refs/tags/")
    return ref != name and any(fnmatch.fnmatchcase(name, pattern) for pattern in repository.protected_tags)


async def changes_workflows(repository: Repository, sha: str) -> bool:
    """Return whether a commit's workflow files differ from those of the default branch."""
    head = repository.history.refs[f"refs/heads/{repository.default_branch}"]
    files = await git.list_folder(repository.path, sha, ".github/workflows")
    return files != await git.list_folder(repository.path, head, ".github/workflows")


async def emit_push(state: State, repository: Repository, ref: str, before: str, after: str, by: Account) -> None:
    """Send `push`, `create` or `delete` for new and deleted refs, and tell those who listen for pushes."""
    repository.pushed_at = state.now()
    payload = await _push_payload(state, repository, ref, before, after, by)
    emit(state, "push", repository, by, payload)
    if ZERO_SHA in (before, after):
        ref_type, name = ("tag" if ref.startswith("refs/tags/") else "branch"), ref.split("/", 2)[2]
        body: Json = {"ref": name, "ref_type": ref_type, "pusher_type": "user"}
        if before == ZERO_SHA:
            body |= {"master_branch": repository.default_branch, "description": None}
        emit(state, "create" if before == ZERO_SHA else "delete", repository, by, body)
    for pull in repository.pulls.values():
        is_head = ref == f"refs/heads/{pull.head}" and pull.fork_owner is None
        if is_head and pull.state == "open" and after != ZERO_SHA:
            pull.head_sha = after
            synchronize(state, repository, pull, before, by)
    if after != ZERO_SHA:
        kinds = ("added", "removed", "modified")
        files = frozenset(name for pushed in payload["commits"] for kind in kinds for name in pushed[kind])
        for listener in state.push_listeners:
            await listener(repository, Push(ref, repository.history.peel(after), by, files))


def synchronize(state: State, repository: Repository, pull: PullRequest, before: str, by: Account) -> None:
    """Send the event of a push to the branch of a pull request."""
    serialized = discussion.pull_request(state, repository, pull)
    body = {
        "action": "synchronize",
        "number": pull.number,
        "before": before,
        "after": pull.head_sha,
        "pull_request": serialized,
    }
    emit(state, "pull_request", repository, by, body)


async def _push_payload(state: State, repository: Repository, ref: str, before: str, after: str, by: Account) -> Json:
    history = repository.history
    shas = _new_commits(repository, ref, before, after)
    head = None if after == ZERO_SHA else history.peel(after)
    await _load_changes(state, repository, [*shas, *([head] if head else [])])
    previous = None if before == ZERO_SHA else history.peel(before)
    names = f"{(previous or head or '')[:12]}...{(head or '')[:12]}" if previous and head else f"{ref.split('/', 2)[2]}"
    serialized = {
        sha: serialize.pushed_commit(state, repository, sha, state.changes_by_commit[sha])
        for sha in {*shas, *([head] if head else [])}
    }
    branches = [name for name, sha in history.refs.items() if sha == after and name.startswith("refs/heads/")]
    base_ref = next((name for name in branches if name != ref), None) if before == ZERO_SHA else None
    forced = bool(previous and head and previous not in history.ancestors(head))
    return {
        "ref": ref,
        "before": before,
        "after": after,
        "repository": _repository_in_push(state, repository),
        "pusher": {"name": by.login, "email": f"{by.login}@users.noreply.github.com"},
        "created": before == ZERO_SHA,
        "deleted": after == ZERO_SHA,
        "forced": forced,
        "base_ref": base_ref,
        "compare": f"{state.html_url}/{repository.full_name}/compare/{names}",
        "commits": [serialized[sha] for sha in shas],
        "head_commit": serialized[head] if head else None,
    }


def _repository_in_push(state: State, repository: Repository) -> Json:
    serialized = accounts.repository(state, repository)
    owner = {**serialized["owner"], "name": repository.owner.login, "email": None}
    dates = {"created_at": int(repository.created_at.timestamp()), "pushed_at": int(repository.pushed_at.timestamp())}
    extra = {"stargazers": 0, "master_branch": repository.default_branch, "organization": repository.owner.login}
    return {**serialized, **dates, **extra, "owner": owner}


def _new_commits(repository: Repository, ref: str, before: str, after: str) -> list[str]:
    history = repository.history
    if after == ZERO_SHA or ref.startswith("refs/tags/"):
        return []
    if before != ZERO_SHA:
        already_known = history.ancestors(history.peel(before))
    else:
        others = (sha for name, sha in history.refs.items() if name != ref and name.startswith("refs/heads/"))
        already_known = set().union(*(history.ancestors(sha) for sha in set(others)))
    return history.log(history.peel(after), already_known)[::-1][-MAX_PUSHED_COMMITS:]


async def _load_changes(state: State, repository: Repository, shas: list[str]) -> None:
    missing = [sha for sha in shas if sha not in state.changes_by_commit]
    if missing:
        state.changes_by_commit.update(await git.changed_files(repository.path, missing))
        for sha in missing:
            state.changes_by_commit.setdefault(sha, git.Changes([], [], []))
