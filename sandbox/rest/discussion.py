"""Pull requests, issues, comments and reactions."""

from functools import partial
from typing import Any

from sandbox.records import Comment, Issue, PullRequest
from sandbox.rest.commits import difference, resolve
from sandbox.rest.core import PAGED, ApiRequest, ApiResponse, paginate, route
from sandbox.serializers import commits
from sandbox.serializers import discussion as serialize
from sandbox.use_cases import discussion

WRITE_COMMENTS = "issues:write|pull_requests:write"
MAX_FILES = 3_000
POSITION = ("path", "position", "line")
READ_COMMENTS = "issues:read|pull_requests:read"


def _find_pull(request: ApiRequest) -> PullRequest:
    return request.find(request.repository.pulls, "number")


def _find_issue(request: ApiRequest) -> PullRequest | Issue:
    """The issue of a number; pull requests are issues too."""
    found = request.repository.issues.get(request.int_param("number"))
    return found or _find_pull(request)


def _find_comment(request: ApiRequest) -> Comment:
    return request.find(request.repository.comments, "comment_id")


def _find_commit_comment(request: ApiRequest) -> Comment:
    return request.find(request.repository.commit_comments, "comment_id")


@route("GET", "{repo}/pulls", "pull_requests:read", query=(*PAGED, "state", "head", "base", "direction"))
async def list_pulls(request: ApiRequest) -> ApiResponse:
    """List pull requests, newest first; only open ones by default."""
    state, owner = request.query_param("state") or "open", request.repository.owner
    pulls = [
        pull
        for pull in request.repository.pulls.values()
        if state in ("all", pull.state)
        and request.query_param("head") in (None, f"{(pull.fork_owner or owner).login}:{pull.head}")
        and request.query_param("base") in (None, pull.base)
    ]
    return paginate(
        request,
        pulls if request.query_param("direction") == "asc" else pulls[::-1],
        lambda pull: serialize.pull_request_summary(request.state, request.repository, pull, request.version),
    )


@route("GET", "{repo}/pulls/{number}", "pull_requests:read|contents:read")
async def get_pull(request: ApiRequest) -> ApiResponse:
    """Get a pull request."""
    return ApiResponse(serialize.pull_request(request.state, request.repository, _find_pull(request), request.version))


@route("GET", "{repo}/pulls/{number}/files", "pull_requests:read", query=PAGED)
async def list_files(request: ApiRequest) -> ApiResponse:
    """List the files that a pull request changes."""
    pull, repository = _find_pull(request), request.repository
    compared = repository.history.compare(pull.base_sha, pull.head_sha)
    files = await difference(request, compared.merge_base if compared else None, pull.head_sha)
    serialized = partial(commits.changed_file, request.state, repository, pull.head_sha)
    return paginate(request, files[:MAX_FILES], serialized)


@route("GET", "{repo}/issues/{number}", READ_COMMENTS)
async def get_issue(request: ApiRequest) -> ApiResponse:
    """Get an issue, or a pull request as one."""
    return ApiResponse(serialize.issue(request.state, request.repository, _find_issue(request)))


@route("GET", "{repo}/issues/{number}/comments", READ_COMMENTS, query=(*PAGED, "since"))
async def list_comments(request: ApiRequest) -> ApiResponse:
    """List the comments of an issue or pull request; `since` is about their last change."""
    issue, since = _find_issue(request), request.time_param("since")
    comments = [
        comment
        for comment in request.repository.comments.values()
        if comment.number == issue.number and (since is None or comment.updated_at >= since)
    ]
    return paginate(request, comments, partial(serialize.issue_comment, request.state, request.repository))


@route("POST", "{repo}/issues/{number}/comments", WRITE_COMMENTS, fields=("body",))
async def create_comment(request: ApiRequest) -> ApiResponse:
    """Comment on an issue or pull request."""
    number, body = _find_issue(request).number, request.body.get("body")
    comment = discussion.comment(request.state, request.repository, number, body, request.actor, by_app=True)
    return ApiResponse(serialize.issue_comment(request.state, request.repository, comment), 201)


@route("GET", "{repo}/issues/comments/{comment_id}", READ_COMMENTS)
async def get_comment(request: ApiRequest) -> ApiResponse:
    """Get a comment."""
    return ApiResponse(serialize.issue_comment(request.state, request.repository, _find_comment(request)))


@route("PATCH", "{repo}/issues/comments/{comment_id}", WRITE_COMMENTS, fields=("body",))
async def edit_comment(request: ApiRequest) -> ApiResponse:
    """Edit a comment's body."""
    comment = _find_comment(request)
    discussion.edit_comment(request.state, request.repository, comment, request.body.get("body"), request.actor)
    return ApiResponse(serialize.issue_comment(request.state, request.repository, comment))


@route("DELETE", "{repo}/issues/comments/{comment_id}", WRITE_COMMENTS)
async def delete_comment(request: ApiRequest) -> ApiResponse:
    """Delete a comment."""
    discussion.delete_comment(request.state, request.repository, _find_comment(request), request.actor)
    return ApiResponse(status=204)


def _list_reactions(request: ApiRequest, comment: Comment) -> ApiResponse:
    wanted = request.query_param("content")
    reactions = [reaction for reaction in comment.reactions if wanted in (None, reaction.content)]
    return paginate(request, reactions, partial(serialize.reaction, request.state))


def _react(request: ApiRequest, comment: Comment) -> ApiResponse:
    reaction, is_new = discussion.react(request.state, comment, str(request.body.get("content")), request.actor)
    return ApiResponse(serialize.reaction(request.state, reaction), 201 if is_new else 200)


@route("GET", "{repo}/issues/comments/{comment_id}/reactions", READ_COMMENTS, query=(*PAGED, "content"))
async def list_reactions(request: ApiRequest) -> ApiResponse:
    """List a comment's reactions."""
    return _list_reactions(request, _find_comment(request))


@route("POST", "{repo}/issues/comments/{comment_id}/reactions", "issues:write", fields=("content",))
async def react(request: ApiRequest) -> ApiResponse:
    """React to a comment; 201 when the reaction is new, 200 when it exists."""
    return _react(request, _find_comment(request))


@route("DELETE", "{repo}/issues/comments/{comment_id}/reactions/{reaction_id}", "issues:write")
async def remove_reaction(request: ApiRequest) -> ApiResponse:
    """Remove a reaction to a comment."""
    discussion.remove_reaction(_find_comment(request), request.int_param("reaction_id"), request.actor)
    return ApiResponse(status=204)


@route("DELETE", "{repo}/comments/{comment_id}/reactions/{reaction_id}", "contents:write")
async def remove_commit_reaction(request: ApiRequest) -> ApiResponse:
    """Remove a reaction to a comment on a commit."""
    discussion.remove_reaction(_find_commit_comment(request), request.int_param("reaction_id"), request.actor)
    return ApiResponse(status=204)


@route("GET", "{repo}/comments/{comment_id}", "contents:read")
async def get_commit_comment(request: ApiRequest) -> ApiResponse:
    """Get a comment on a commit."""
    return ApiResponse(serialize.commit_comment(request.state, request.repository, _find_commit_comment(request)))


@route("PATCH", "{repo}/comments/{comment_id}", "contents:write", fields=("body",))
async def edit_commit_comment(request: ApiRequest) -> ApiResponse:
    """Edit the body of a comment on a commit."""
    comment = _find_commit_comment(request)
    discussion.edit_commit_comment(request.state, comment, request.body.get("body"))
    return ApiResponse(serialize.commit_comment(request.state, request.repository, comment))


@route("DELETE", "{repo}/comments/{comment_id}", "contents:write")
async def delete_commit_comment(request: ApiRequest) -> ApiResponse:
    """Delete a comment on a commit."""
    del request.repository.commit_comments[_find_commit_comment(request).id]
    return ApiResponse(status=204)


@route("GET", "{repo}/comments/{comment_id}/reactions", "contents:read", query=(*PAGED, "content"))
async def list_commit_reactions(request: ApiRequest) -> ApiResponse:
    """List a commit comment's reactions."""
    return _list_reactions(request, _find_commit_comment(request))


@route("POST", "{repo}/comments/{comment_id}/reactions", "contents:write", fields=("content",))
async def react_to_commit_comment(request: ApiRequest) -> ApiResponse:
    """React to a comment on a commit."""
    return _react(request, _find_commit_comment(request))


@route("GET", "{repo}/commits/{sha:.+}/comments", "metadata:read", query=PAGED)
async def list_commit_comments(request: ApiRequest) -> ApiResponse:
    """List a commit's comments."""
    sha = resolve(request, request.path_param("sha"))
    comments = [comment for comment in request.repository.commit_comments.values() if comment.sha == sha]
    return paginate(request, comments, partial(serialize.commit_comment, request.state, request.repository))


@route("POST", "{repo}/commits/{sha:.+}/comments", "contents:read", fields=("body", *POSITION))
async def create_commit_comment(request: ApiRequest) -> ApiResponse:
    """Comment on a commit."""
    sha, body = resolve(request, request.path_param("sha")), request.body.get("body")
    position: dict[str, Any] = {name: request.body.get(name) for name in POSITION}
    comment = discussion.commit_comment(request.state, request.repository, sha, body, request.actor, **position)
    return ApiResponse(serialize.commit_comment(request.state, request.repository, comment), 201)
