"""Pull requests, comments and reactions."""

from collections.abc import Mapping

from sandbox import git
from sandbox.errors import SandboxError, invalid
from sandbox.events import emit
from sandbox.records import Comment, Person, PullRequest, Reaction, Repository
from sandbox.serializers import discussion as shapes
from sandbox.serializers.accounts import Json
from sandbox.state import State
from sandbox.use_cases import refs

LONGEST = 65_536


async def open_pull_request(
    state: State,
    repository: Repository,
    title: str,
    by: Person,
    files: Mapping[str, str | None] | None,
    body: str | None = None,
) -> PullRequest:
    """Make a branch with one commit and open a pull request from it to the default branch."""
    repository.numbers += 1
    number, base = repository.numbers, repository.default_branch
    head = f"{by.login}/change-{number}"
    base_sha = repository.history.refs[f"refs/heads/{base}"]
    sha = await refs.commit_on_new_branch(state, repository, head, title, files, by)
    pull = PullRequest(next(state.numbers.pulls), number, title, by, head, base, base_sha, state.now(), body)
    pull.head_sha = sha
    repository.pulls[number] = pull
    _send_pull(state, repository, pull, "opened", by)
    return pull


async def merge(state: State, repository: Repository, pull: PullRequest, by: Person) -> str:
    """Squash a pull request onto its base: one commit there whose files are the head's changes."""
    changed = await git.difference(repository.path, pull.base_sha, pull.head_sha)
    files: dict[str, str | None] = {}
    for one in changed:
        found = await git.read_file(repository.path, pull.head_sha, one.name)
        files[one.name] = found[1].decode(errors="replace") if found else None
    message = f"{pull.title} (#{pull.number})"
    sha = await refs.commit(state, repository, pull.base, message, files, by)
    pull.state, pull.merged_at, pull.merged_by, pull.merge_sha = "closed", state.now(), by, sha
    _send_pull(state, repository, pull, "closed", by)
    return sha


def _send_pull(state: State, repository: Repository, pull: PullRequest, action: str, by: Person) -> None:
    shown = shapes.pull_request(state, repository, pull)
    emit(state, "pull_request", repository, by, {"action": action, "number": pull.number, "pull_request": shown})


def find_comment(repository: Repository, number: int) -> Comment:
    """Find a comment by id."""
    if number not in repository.comments:
        raise SandboxError(f"There is no comment {number} in {repository.full_name}.")
    return repository.comments[number]


def _check_body(body: object) -> str:
    if not isinstance(body, str) or not body:
        raise invalid(
            "Validation Failed", errors=[{"resource": "IssueComment", "code": "missing_field", "field": "body"}]
        )
    if len(body) > LONGEST:
        raise invalid("Validation Failed", errors=[f"Body is too long (maximum is {LONGEST} characters)"])
    return body


def comment(
    state: State, repository: Repository, number: int, body: object, by: Person, *, by_app: bool = False
) -> Comment:
    """Comment on a pull request."""
    if number not in repository.pulls:
        raise SandboxError(f"There is no pull request {number} in {repository.full_name}.")
    now = state.now()
    one = Comment(next(state.numbers.comments), by, _check_body(body), now, now, number=number, by_app=by_app)
    repository.comments[one.id] = one
    _send_comment(state, repository, one, "created", by)
    return one


def edit_comment(state: State, repository: Repository, one: Comment, body: object, by: Person) -> None:
    """Change a comment's text."""
    before, one.body, one.updated_at = one.body, _check_body(body), state.now()
    _send_comment(state, repository, one, "edited", by, changes={"body": {"from": before}})


def delete_comment(state: State, repository: Repository, one: Comment, by: Person) -> None:
    """Delete a comment."""
    _send_comment(state, repository, one, "deleted", by)
    del repository.comments[one.id]


def _send_comment(state: State, repository: Repository, one: Comment, action: str, by: Person, **more: Json) -> None:
    pull = repository.pulls[one.number or 0]
    shown = {"issue": shapes.issue(state, repository, pull), "comment": shapes.issue_comment(state, repository, one)}
    emit(state, "issue_comment", repository, by, {"action": action, **shown, **more})


def commit_comment(
    state: State, repository: Repository, sha: str, body: object, by: Person, **place: str | int | None
) -> Comment:
    """Comment on a commit; this is the only event that commit comments have."""
    now = state.now()
    one = Comment(next(state.numbers.comments), by, _check_body(body), now, now, sha=sha)
    for name, value in place.items():
        setattr(one, name, value)
    repository.commit_comments[one.id] = one
    shown = shapes.commit_comment(state, repository, one)
    emit(state, "commit_comment", repository, by, {"action": "created", "comment": shown})
    return one


def react(state: State, one: Comment, content: str, by: Person) -> tuple[Reaction, bool]:
    """React to a comment; tells whether the reaction is new."""
    if content not in shapes.EMOJI:
        raise invalid("Validation Failed", errors=[{"resource": "Reaction", "code": "invalid", "field": "content"}])
    for there in one.reactions:
        if there.user is by and there.content == content:
            return there, False
    made = Reaction(next(state.numbers.others), by, content, state.now())
    one.reactions.append(made)
    return made, True
