"""The git database: refs and annotated tags."""

from sandbox import git
from sandbox.credentials import allows
from sandbox.errors import Refused, invalid, not_found
from sandbox.rest.core import Answer, Asked, page, route
from sandbox.serializers import commits as shapes
from sandbox.use_cases import refs

RULES = "Repository rule violations found\n\nCannot create ref due to creations being restricted.\n\n"
WORKFLOWS = "contents=write; contents=write,workflows=write"


@route("GET", "{repo}/git/ref/{ref:.+}", "contents:read")
async def get_ref(asked: Asked) -> Answer:
    """Show exactly one ref."""
    name = f"refs/{asked.part('ref')}"
    if not _visible(asked, name):
        raise not_found()
    return Answer(shapes.ref(asked.state, asked.repository, name))


def _visible(asked: Asked, name: str) -> bool:
    return name in asked.repository.history.refs and name.startswith(("refs/heads/", "refs/tags/"))


@route("GET", "{repo}/git/matching-refs/{ref:.+}", "contents:read")
async def list_refs(asked: Asked) -> Answer:
    """List refs that begin so."""
    prefix = f"refs/{asked.part('ref')}"
    names = sorted(one for one in asked.repository.history.refs if one.startswith(prefix) and _visible(asked, one))
    return page(asked, [shapes.ref(asked.state, asked.repository, name) for name in names])


@route("POST", "{repo}/git/refs", "contents:write")
async def create_ref(asked: Asked) -> Answer:
    """Create a ref: the platform's atomic lock."""
    repository, name, sha = asked.repository, asked.text("ref"), asked.text("sha")
    if not repository.history.commits:
        raise Refused(409, "Git Repository is empty.")
    if not name.startswith(("refs/heads/", "refs/tags/")) or not await git.check_ref_name(name, repository.path):
        raise invalid("Reference name is invalid" if name.startswith("refs/") else "Reference must start with 'refs/'")
    if name in repository.history.refs:
        raise invalid("Reference already exists")
    _check_object(asked, sha)
    if refs.refused_by_ruleset(repository, name):
        raise invalid(RULES)
    await _check_workflows(asked, sha)
    await refs.create_ref(asked.state, repository, name, sha, asked.actor)
    return Answer(shapes.ref(asked.state, repository, name), 201)


def _check_object(asked: Asked, sha: str) -> None:
    history = asked.repository.history
    if sha not in history.commits and sha not in history.tags:
        raise invalid("Object does not exist")


async def _check_workflows(asked: Asked, sha: str) -> None:
    repository, token = asked.repository, asked.caller.token
    if not repository.workflows_permission or token is None or allows(token.permissions, "workflows:write"):
        return
    if await refs.changes_workflows(repository, repository.history.peel(sha)):
        status = repository.workflows_status
        word = "Not Found" if status == 404 else "Resource not accessible by integration"
        raise Refused(status, word, headers={"X-Accepted-GitHub-Permissions": WORKFLOWS})


@route("PATCH", "{repo}/git/refs/{ref:.+}", "contents:write")
async def move_ref(asked: Asked) -> Answer:
    """Move a ref; only forwards unless forced."""
    repository, name, sha = asked.repository, f"refs/{asked.part('ref')}", asked.text("sha")
    _check_object(asked, sha)
    await _check_workflows(asked, sha)
    force = asked.body.get("force") is True
    await refs.move_ref(asked.state, repository, name, sha, asked.actor, force=force)
    return Answer(shapes.ref(asked.state, repository, name))


@route("DELETE", "{repo}/git/refs/{ref:.+}", "contents:write")
async def delete_ref(asked: Asked) -> Answer:
    """Delete a ref."""
    await refs.delete_ref(asked.state, asked.repository, f"refs/{asked.part('ref')}", asked.actor)
    return Answer(status=204)


@route("POST", "{repo}/git/tags", "contents:write")
async def create_tag(asked: Asked) -> Answer:
    """Write an annotated tag's object; a ref for it is made separately."""
    repository, name, target = asked.repository, asked.text("tag"), asked.text("object")
    if asked.body.get("type", "commit") != "commit" or target not in repository.history.commits:
        raise invalid("Could not verify object")
    if not await git.check_ref_name(f"refs/tags/{name}", repository.path):
        raise invalid("Tag name is invalid")
    message = asked.text("message")
    made = await refs.write_tag(asked.state, repository, name, target, message, asked.actor)
    return Answer(shapes.tag_object(asked.state, repository, made), 201)


@route("GET", "{repo}/git/tags/{sha}", "contents:read")
async def get_tag(asked: Asked) -> Answer:
    """Show an annotated tag's object."""
    found = asked.repository.history.tags.get(asked.part("sha"))
    if found is None:
        raise not_found()
    return Answer(shapes.tag_object(asked.state, asked.repository, found))
