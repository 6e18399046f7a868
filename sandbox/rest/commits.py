"""Commits and comparisons."""

from sandbox import git
from sandbox.errors import Refused, invalid, not_found
from sandbox.git import FileChange
from sandbox.rest.core import Answer, Asked, link, page, page_number, page_size, route
from sandbox.serializers import commits as shapes
from sandbox.serializers import discussion

MOST_FILES = 300
MOST_COMMITS = 250


def resolve(asked: Asked, ref: str) -> str:
    """Find a commit by SHA, branch or tag, or refuse: 409 in an empty repository, else 422."""
    if not asked.repository.history.commits:
        raise Refused(409, "Git Repository is empty.")
    sha = asked.repository.history.find(ref)
    if sha is None:
        raise invalid(f"No commit found for SHA: {ref}")
    return sha


async def _difference(asked: Asked, base: str | None, head: str) -> list[FileChange]:
    known = asked.state.differences
    if (base, head) not in known:
        known[base, head] = await git.difference(asked.repository.path, base, head)
    return known[base, head]


@route("GET", "{repo}/commits", "contents:read")
async def list_commits(asked: Asked) -> Answer:
    """List commits reachable from a ref, newest first."""
    if not asked.repository.history.commits:
        raise Refused(409, "Git Repository is empty.")
    sha = asked.repository.history.find(asked.query("sha") or asked.repository.default_branch)
    if sha is None:
        raise not_found()
    answer = page(asked, asked.repository.history.log(sha))
    answer.body = [shapes.commit(asked.state, asked.repository, one) for one in answer.body]
    return answer


@route("GET", "{repo}/commits/{sha}/pulls", "pull_requests:read")
async def list_pulls(asked: Asked) -> Answer:
    """List the pull requests that a commit came by."""
    repository, sha = asked.repository, resolve(asked, asked.part("sha"))
    found = []
    for pull in repository.pulls.values():
        inside = repository.history.ancestors(pull.head_sha) - repository.history.ancestors(pull.base_sha)
        if sha == pull.merge_sha or sha in inside:
            found.append(discussion.simple_pull_request(asked.state, repository, pull, asked.version))
    return page(asked, found)


@route("GET", "{repo}/commits/{sha}/branches-where-head", "contents:read")
async def list_branches_where_head(asked: Asked) -> Answer:
    """List the branches whose tip is this commit."""
    repository, sha = asked.repository, resolve(asked, asked.part("sha"))
    names = [name for name in repository.history.names("refs/heads/") if repository.history.ref(f"heads/{name}") == sha]
    return Answer([shapes.short_branch(asked.state, repository, name) for name in names])


@route("GET", "{repo}/git/commits/{sha}", "contents:read")
async def get_git_commit(asked: Asked) -> Answer:
    """Show a commit by its full SHA."""
    sha = asked.part("sha")
    if sha not in asked.repository.history.commits:
        raise not_found()
    return Answer(shapes.git_commit(asked.state, asked.repository, sha))


@route("GET", "{repo}/commits/{ref:.+}", "contents:read")
async def get_commit(asked: Asked) -> Answer:
    """Show a commit, or only its SHA when that media type is asked for."""
    repository, sha = asked.repository, resolve(asked, asked.part("ref"))
    if "sha" in asked.request.headers.get("Accept", "").replace("+json", "").split("."):
        return Answer(text=sha)
    parents = repository.history.commits[sha].parents
    files = await _difference(asked, parents[0] if parents else None, sha)
    return Answer(shapes.full_commit(asked.state, repository, sha, files[:MOST_FILES]))


@route("GET", "{repo}/compare/{basehead:.+}", "contents:read")
async def compare(asked: Asked) -> Answer:
    """Compare two commits; 404 where one is missing or they have no common ancestor."""
    names = asked.part("basehead")
    base_name, dots, head_name = names.partition("...")
    history = asked.repository.history
    base, head = history.find(_own(asked, base_name)), history.find(_own(asked, head_name))
    if not dots or base is None or head is None:
        raise not_found()
    found = history.compare(base, head)
    if found is None:
        raise Refused(404, f"No common ancestor between {base_name} and {head_name}.")
    paged = asked.query("page") is not None or asked.query("per_page") is not None
    size, number = (page_size(asked), page_number(asked)) if paged else (MOST_COMMITS, 1)
    shas = found.ahead[(number - 1) * size : number * size] if paged else found.ahead[-MOST_COMMITS:]
    body = shapes.comparison(asked.state, asked.repository, names, base, found, shas)
    if number == 1:
        files = await _difference(asked, found.merge_base, head)
        body["files"] = [shapes.file(asked.state, asked.repository, head, one) for one in files[:MOST_FILES]]
    last = max(1, -(-len(found.ahead) // size))
    return Answer(body, headers={"Link": link(asked, number, last)} if paged and last > 1 else {})


def _own(asked: Asked, name: str) -> str:
    owner, colon, rest = name.rpartition(":")
    return rest if colon and owner.split(":")[0].lower() == asked.repository.owner.login.lower() else name
