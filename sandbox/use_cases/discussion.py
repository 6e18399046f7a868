"""Open, merge and close pull requests, open issues, comment and react."""

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox import diffs, git
from sandbox.accounts import Account
from sandbox.errors import ApiError, SandboxError, invalid, not_found
from sandbox.events import emit
from sandbox.history import Commit
from sandbox.records import Comment, Issue, PullRequest, Reaction, Repository
from sandbox.serializers import discussion as serialize
from sandbox.serializers.accounts import Json
from sandbox.state import WEB_FLOW_EMAIL, State
from sandbox.use_cases import refs

MAX_BODY_CHARACTERS = 65_536
WEB_FLOW = ("GitHub", WEB_FLOW_EMAIL)


@dataclass(frozen=True, slots=True)
class NewPullRequest:
    """A pull request to open from a branch with one commit of these files; with `fork`, from one of a fork."""

    title: str
    files: Mapping[str, str | None] | None = None
    body: str | None = None
    fork: bool = False


async def open_pull_request(state: State, repository: Repository, new: NewPullRequest, by: Account) -> PullRequest:
    """Push a branch with one commit and open a pull request from it into the default branch."""
    repository.last_number += 1
    number, base = repository.last_number, repository.default_branch
    head, change = f"{by.login}/change-{number}", refs.NewCommit(new.title, by, new.files)
    base_sha = repository.history.refs[f"refs/heads/{base}"]
    pull = PullRequest(next(state.ids.pulls), number, new.title, by, head, base, base_sha, state.now(), new.body)
    if new.fork:
        pull.fork_owner, pull.head_sha = by, await refs.fork_commit(state, repository, change)
    else:
        pull.head_sha = await refs.commit_on_new_branch(state, repository, head, change)
    repository.pulls[number] = pull
    _emit_pull(state, repository, pull, "opened", by)
    return pull


async def push_to_pull_request(state: State, repository: Repository, pull: PullRequest, change: refs.NewCommit) -> None:
    """Push a commit to the branch of a pull request, whether in the repository or in a fork."""
    if pull.fork_owner is None:
        await refs.commit(state, repository, pull.head, change)
        return
    before, pull.head_sha = pull.head_sha, await refs.fork_commit(state, repository, change, pull.head_sha)
    refs.synchronize(state, repository, pull, before, change.author)


async def merge(state: State, repository: Repository, pull: PullRequest, by: Account, method: str = "squash") -> str:
    """Merge a pull request by `merge`, `squash` or `rebase`; return the SHA of the commit by which it landed."""
    if pull.state == "closed":
        raise SandboxError(f"The pull request {pull.number} is closed already.")
    landing = {"merge": _merge_commit, "squash": _squashed_commit, "rebase": _rebased_commits}
    if method not in landing:
        raise SandboxError(f"{method} is not a merge method: use {', '.join(landing)}.")
    changes = await landing[method](state, repository, pull, by)
    before = repository.history.ancestors(repository.history.refs[f"refs/heads/{pull.base}"])
    sha = await refs.commit(state, repository, pull.base, *changes)
    pull.landed = repository.history.ancestors(sha) - before
    pull.state, pull.merged_at, pull.merged_by, pull.merge_sha = "closed", state.now(), by, sha
    _emit_pull(state, repository, pull, "closed", by)
    return sha


def _commits(repository: Repository, pull: PullRequest) -> list[Commit]:
    """The commits of a pull request, oldest first."""
    history = repository.history
    shas = history.log(pull.head_sha, history.ancestors(pull.base_sha))[::-1]
    return [history.commits[sha] for sha in shas]


async def _changed_files(repository: Repository, base: str, head: str) -> dict[str, str | None]:
    changes = await diffs.difference(repository.path, base, head, renames=False)
    files: dict[str, str | None] = {}
    for change in changes:
        blob = await git.read_file(repository.path, head, change.name)
        files[change.name] = blob[1].decode(errors="replace") if blob else None
    return files


async def _squashed_commit(
    state: State, repository: Repository, pull: PullRequest, by: Account
) -> list[refs.NewCommit]:
    """One commit by who opened the pull request, committed by GitHub."""
    signature = state.signature(pull.user)
    message = _squash_message(repository, pull, signature.email)
    files = await _changed_files(repository, pull.base_sha, pull.head_sha)
    return [refs.NewCommit(message, by, files, (signature.name, signature.email), WEB_FLOW)]


async def _merge_commit(state: State, repository: Repository, pull: PullRequest, by: Account) -> list[refs.NewCommit]:
    """A merge by who merges, committed by GitHub."""
    signature, owner = state.signature(by), (pull.fork_owner or repository.owner).login
    message = f"Merge pull request #{pull.number} from {owner}/{pull.head}\n\n{pull.title}"
    files = await _changed_files(repository, pull.base_sha, pull.head_sha)
    return [refs.NewCommit(message, by, files, (signature.name, signature.email), WEB_FLOW, pull.head_sha)]


async def _rebased_commits(
    state: State, repository: Repository, pull: PullRequest, by: Account
) -> list[refs.NewCommit]:
    """A copy of each commit, committed by who merges."""
    signature, changes = state.signature(by), []
    for commit in _commits(repository, pull):
        files = await _changed_files(repository, commit.parents[0], commit.sha)
        people = (commit.author.name, commit.author.email), (signature.name, signature.email)
        changes.append(refs.NewCommit(commit.message, by, files, *people))
    return changes


def _squash_message(repository: Repository, pull: PullRequest, email: str) -> str:
    """The title, and a trailer for each other author of the commits."""
    authors = [commit.author for commit in _commits(repository, pull)]
    trailers = [f"Co-authored-by: {each.name} <{each.email}>" for each in authors if each.email != email]
    return "\n\n".join([f"{pull.title} (#{pull.number})", *filter(None, ["\n".join(dict.fromkeys(trailers))])])


def reopen(state: State, repository: Repository, pull: PullRequest, by: Account) -> None:
    """Open a closed pull request again."""
    if pull.state == "open" or pull.merged_at:
        raise SandboxError(f"The pull request {pull.number} is open or merged.")
    pull.state = "open"
    _emit_pull(state, repository, pull, "reopened", by)


def close(state: State, repository: Repository, pull: PullRequest, by: Account) -> None:
    """Close a pull request without merging it."""
    if pull.state == "closed":
        raise SandboxError(f"The pull request {pull.number} is closed already.")
    pull.state = "closed"
    _emit_pull(state, repository, pull, "closed", by)


def open_issue(state: State, repository: Repository, title: str, by: Account, body: str | None) -> Issue:
    """Open an issue; its number is the next one after those of issues and pull requests."""
    repository.last_number += 1
    issue = Issue(next(state.ids.pulls), repository.last_number, title, by, state.now(), body)
    repository.issues[issue.number] = issue
    emit(state, "issues", repository, by, {"action": "opened", "issue": serialize.issue(state, repository, issue)})
    return issue


def _emit_pull(state: State, repository: Repository, pull: PullRequest, action: str, by: Account) -> None:
    serialized = serialize.pull_request(state, repository, pull)
    emit(state, "pull_request", repository, by, {"action": action, "number": pull.number, "pull_request": serialized})


def find_comment(repository: Repository, number: int) -> Comment:
    """Find a comment on an issue or pull request by id."""
    if number not in repository.comments:
        raise SandboxError(f"No comment {number} in {repository.full_name}.")
    return repository.comments[number]


def _validate_body(body: object) -> str:
    if not isinstance(body, str) or not body:
        raise invalid(
            "Validation Failed", errors=[{"resource": "IssueComment", "code": "missing_field", "field": "body"}]
        )
    if len(body) > MAX_BODY_CHARACTERS:
        raise invalid("Validation Failed", errors=[f"Body is too long (maximum is {MAX_BODY_CHARACTERS} characters)"])
    return body


def comment(
    state: State, repository: Repository, number: int, body: object, by: Account, *, by_app: bool = False
) -> Comment:
    """Comment on an issue or pull request."""
    if number not in repository.pulls and number not in repository.issues:
        raise SandboxError(f"No pull request {number} in {repository.full_name}.")
    now = state.now()
    created = Comment(next(state.ids.comments), by, _validate_body(body), now, now, number=number, by_app=by_app)
    repository.comments[created.id] = created
    _emit_comment(state, repository, created, "created", by)
    return created


def edit_comment(state: State, repository: Repository, target: Comment, body: object, by: Account) -> None:
    """Edit a comment's body."""
    before, target.body, target.updated_at = target.body, _validate_body(body), state.now()
    _emit_comment(state, repository, target, "edited", by, changes={"body": {"from": before}})


def delete_comment(state: State, repository: Repository, target: Comment, by: Account) -> None:
    """Delete a comment."""
    _emit_comment(state, repository, target, "deleted", by)
    del repository.comments[target.id]


def _emit_comment(
    state: State, repository: Repository, target: Comment, action: str, by: Account, **extra: Json
) -> None:
    number = target.number or 0
    serialized = {
        "issue": serialize.issue(state, repository, repository.issues.get(number) or repository.pulls[number]),
        "comment": serialize.issue_comment(state, repository, target),
    }
    emit(state, "issue_comment", repository, by, {"action": action, **serialized, **extra})


def commit_comment(
    state: State, repository: Repository, sha: str, body: object, by: Account, **position: str | int | None
) -> Comment:
    """Comment on a commit; GitHub sends no events for edited or deleted commit comments."""
    now = state.now()
    created = Comment(next(state.ids.comments), by, _validate_body(body), now, now, sha=sha)
    for name, value in position.items():
        setattr(created, name, value)
    repository.commit_comments[created.id] = created
    serialized = serialize.commit_comment(state, repository, created)
    emit(state, "commit_comment", repository, by, {"action": "created", "comment": serialized})
    return created


def find_commit_comment(repository: Repository, number: int) -> Comment:
    """Find a commit's comment by id."""
    if number not in repository.commit_comments:
        raise SandboxError(f"No comment {number} on a commit in {repository.full_name}.")
    return repository.commit_comments[number]


def edit_commit_comment(state: State, target: Comment, body: object) -> None:
    """Edit the body of a commit's comment, of which GitHub sends no event."""
    target.body, target.updated_at = _validate_body(body), state.now()


def remove_reaction(target: Comment, number: int, by: Account) -> None:
    """Remove a reaction, which only who added it may do; 404 when there is none."""
    found = next((reaction for reaction in target.reactions if reaction.id == number), None)
    if found is None:
        raise not_found()
    if found.user is not by:
        raise ApiError(403, "Resource not accessible by integration")
    target.reactions.remove(found)


def react(state: State, target: Comment, content: str, by: Account) -> tuple[Reaction, bool]:
    """React to a comment; return the reaction and whether it is new."""
    if content not in serialize.REACTIONS:
        raise invalid("Validation Failed", errors=[{"resource": "Reaction", "code": "invalid", "field": "content"}])
    for existing in target.reactions:
        if existing.user is by and existing.content == content:
            return existing, False
    created = Reaction(next(state.ids.others), by, content, state.now())
    target.reactions.append(created)
    return created, True
