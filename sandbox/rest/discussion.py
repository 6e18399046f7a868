"""Pull requests, comments and reactions."""

from typing import Any

from sandbox.errors import not_found
from sandbox.records import Comment, PullRequest
from sandbox.rest.commits import resolve
from sandbox.rest.core import Answer, Asked, page, route
from sandbox.serializers import discussion as shapes
from sandbox.use_cases import discussion

SPEAK = "issues:write|pull_requests:write"
LISTEN = "issues:read|pull_requests:read"


def _pull(asked: Asked) -> PullRequest:
    number = asked.number("number")
    if number not in asked.repository.pulls:
        raise not_found()
    return asked.repository.pulls[number]


def _comment(asked: Asked) -> Comment:
    number = asked.number("comment_id")
    if number not in asked.repository.comments:
        raise not_found()
    return asked.repository.comments[number]


def _commit_comment(asked: Asked) -> Comment:
    number = asked.number("comment_id")
    if number not in asked.repository.commit_comments:
        raise not_found()
    return asked.repository.commit_comments[number]


@route("GET", "{repo}/pulls", "pull_requests:read")
async def list_pulls(asked: Asked) -> Answer:
    """List pull requests, newest first; open ones unless another state is asked for."""
    wanted = asked.query("state") or "open"
    found = [one for one in reversed(asked.repository.pulls.values()) if wanted in ("all", one.state)]
    return page(asked, [shapes.simple_pull_request(asked.state, asked.repository, one, asked.version) for one in found])


@route("GET", "{repo}/pulls/{number}", "pull_requests:read|contents:read")
async def get_pull(asked: Asked) -> Answer:
    """Show a pull request."""
    return Answer(shapes.pull_request(asked.state, asked.repository, _pull(asked), asked.version))


@route("GET", "{repo}/issues/{number}/comments", LISTEN)
async def list_comments(asked: Asked) -> Answer:
    """List a pull request's comments."""
    pull = _pull(asked)
    found = [one for one in asked.repository.comments.values() if one.number == pull.number]
    return page(asked, [shapes.issue_comment(asked.state, asked.repository, one) for one in found])


@route("POST", "{repo}/issues/{number}/comments", SPEAK)
async def create_comment(asked: Asked) -> Answer:
    """Comment on a pull request."""
    number, body = _pull(asked).number, asked.body.get("body")
    one = discussion.comment(asked.state, asked.repository, number, body, asked.actor, by_app=True)
    return Answer(shapes.issue_comment(asked.state, asked.repository, one), 201)


@route("GET", "{repo}/issues/comments/{comment_id}", LISTEN)
async def get_comment(asked: Asked) -> Answer:
    """Show a comment."""
    return Answer(shapes.issue_comment(asked.state, asked.repository, _comment(asked)))


@route("PATCH", "{repo}/issues/comments/{comment_id}", SPEAK)
async def edit_comment(asked: Asked) -> Answer:
    """Change a comment's text."""
    one = _comment(asked)
    discussion.edit_comment(asked.state, asked.repository, one, asked.body.get("body"), asked.actor)
    return Answer(shapes.issue_comment(asked.state, asked.repository, one))


@route("DELETE", "{repo}/issues/comments/{comment_id}", SPEAK)
async def delete_comment(asked: Asked) -> Answer:
    """Delete a comment."""
    discussion.delete_comment(asked.state, asked.repository, _comment(asked), asked.actor)
    return Answer(status=204)


def _reactions(asked: Asked, one: Comment) -> Answer:
    return page(asked, [shapes.reaction(asked.state, each) for each in one.reactions])


def _react(asked: Asked, one: Comment) -> Answer:
    made, new = discussion.react(asked.state, one, str(asked.body.get("content")), asked.actor)
    return Answer(shapes.reaction(asked.state, made), 201 if new else 200)


@route("GET", "{repo}/issues/comments/{comment_id}/reactions", LISTEN)
async def list_reactions(asked: Asked) -> Answer:
    """List a comment's reactions."""
    return _reactions(asked, _comment(asked))


@route("POST", "{repo}/issues/comments/{comment_id}/reactions", "issues:write")
async def react(asked: Asked) -> Answer:
    """React to a comment: 201 when the reaction is new, 200 when it was there."""
    return _react(asked, _comment(asked))


@route("GET", "{repo}/comments/{comment_id}", "contents:read")
async def get_commit_comment(asked: Asked) -> Answer:
    """Show a comment on a commit."""
    return Answer(shapes.commit_comment(asked.state, asked.repository, _commit_comment(asked)))


@route("GET", "{repo}/comments/{comment_id}/reactions", "contents:read")
async def list_commit_reactions(asked: Asked) -> Answer:
    """List a commit comment's reactions."""
    return _reactions(asked, _commit_comment(asked))


@route("POST", "{repo}/comments/{comment_id}/reactions", "contents:write")
async def react_to_commit_comment(asked: Asked) -> Answer:
    """React to a comment on a commit."""
    return _react(asked, _commit_comment(asked))


@route("GET", "{repo}/commits/{sha}/comments", "metadata:read")
async def list_commit_comments(asked: Asked) -> Answer:
    """List a commit's comments."""
    sha = resolve(asked, asked.part("sha"))
    found = [one for one in asked.repository.commit_comments.values() if one.sha == sha]
    return page(asked, [shapes.commit_comment(asked.state, asked.repository, one) for one in found])


@route("POST", "{repo}/commits/{sha}/comments", "contents:read")
async def create_commit_comment(asked: Asked) -> Answer:
    """Comment on a commit."""
    sha, body = resolve(asked, asked.part("sha")), asked.body.get("body")
    place: dict[str, Any] = {name: asked.body.get(name) for name in ("path", "position", "line")}
    one = discussion.commit_comment(asked.state, asked.repository, sha, body, asked.actor, **place)
    return Answer(shapes.commit_comment(asked.state, asked.repository, one), 201)
