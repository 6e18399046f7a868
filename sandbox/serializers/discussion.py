"""Pull requests, comments and reactions as JSON."""

from collections import Counter
from dataclasses import replace

from sandbox.accounts import Account
from sandbox.records import Comment, Issue, PullRequest, Reaction, Repository, format_time
from sandbox.serializers.accounts import Json, app, node_id, repository, repository_url, user
from sandbox.state import State

REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")


def author_association(repository: Repository, person: Account) -> str:
    """Return the author association, which must never be used for authorization."""
    return "MEMBER" if person.id in repository.roles else "NONE"


def _reaction_counts(url: str, reactions: list[Reaction]) -> Json:
    counts = Counter(reaction.content for reaction in reactions)
    return {"url": f"{url}/reactions", "total_count": len(reactions), **{name: counts[name] for name in REACTIONS}}


def reaction(state: State, reaction: Reaction) -> Json:
    """Serialize a reaction."""
    return {
        "id": reaction.id,
        "node_id": node_id("REA", reaction.id),
        "user": user(state, reaction.user),
        "content": reaction.content,
        "created_at": format_time(reaction.created_at),
    }


def issue_comment(state: State, repository: Repository, comment: Comment) -> Json:
    """Serialize a comment on an issue or pull request."""
    base, kind = repository_url(state, repository), "issues" if comment.number in repository.issues else "pull"
    url = f"{base}/issues/comments/{comment.id}"
    return {
        "url": url,
        "html_url": f"{state.html_url}/{repository.full_name}/{kind}/{comment.number}#issuecomment-{comment.id}",
        "issue_url": f"{base}/issues/{comment.number}",
        "id": comment.id,
        "node_id": node_id("IC", comment.id),
        "user": user(state, comment.user),
        "created_at": format_time(comment.created_at),
        "updated_at": format_time(comment.updated_at),
        "author_association": author_association(repository, comment.user),
        "body": comment.body,
        "reactions": _reaction_counts(url, comment.reactions),
        "performed_via_github_app": app(state) if comment.by_app else None,
    }


def commit_comment(state: State, repository: Repository, comment: Comment) -> Json:
    """Serialize a comment on a commit."""
    url = f"{repository_url(state, repository)}/comments/{comment.id}"
    return {
        "url": url,
        "html_url": f"{state.html_url}/{repository.full_name}/commit/{comment.sha}#commitcomment-{comment.id}",
        "id": comment.id,
        "node_id": node_id("CC", comment.id),
        "user": user(state, comment.user),
        "position": comment.position,
        "line": comment.line,
        "path": comment.path,
        "commit_id": comment.sha,
        "created_at": format_time(comment.created_at),
        "updated_at": format_time(comment.updated_at),
        "author_association": author_association(repository, comment.user),
        "body": comment.body,
        "reactions": _reaction_counts(url, comment.reactions),
    }


def _dates(pull: PullRequest | Issue) -> Json:
    created = format_time(pull.created_at)
    closed = format_time(pull.merged_at) or (created if pull.state == "closed" else None)
    return {"created_at": created, "updated_at": closed or created, "closed_at": closed}


def _pull_in_issue(url: str, html: str, pull: PullRequest | Issue) -> Json:
    if isinstance(pull, Issue):
        return {}
    links = {"url": url, "html_url": html, "diff_url": f"{html}.diff", "patch_url": f"{html}.patch"}
    return {"draft": False, "pull_request": {**links, "merged_at": format_time(pull.merged_at)}}


def issue(state: State, repository: Repository, pull: PullRequest | Issue) -> Json:
    """Serialize an issue, or a pull request as one."""
    base, is_issue = repository_url(state, repository), isinstance(pull, Issue)
    kind = "issues" if is_issue else "pull"
    url, html = f"{base}/issues/{pull.number}", f"{state.html_url}/{repository.full_name}/{kind}/{pull.number}"
    return {
        "url": url,
        "repository_url": base,
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "timeline_url": f"{url}/timeline",
        "html_url": html,
        "id": pull.id,
        "node_id": node_id("I" if is_issue else "PR", pull.id),
        "number": pull.number,
        "title": pull.title,
        "user": user(state, pull.user),
        "labels": [],
        "state": pull.state,
        "state_reason": None,
        "locked": False,
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "comments": sum(comment.number == pull.number for comment in repository.comments.values()),
        **_dates(pull),
        "author_association": author_association(repository, pull.user),
        "active_lock_reason": None,
        **_pull_in_issue(f"{base}/pulls/{pull.number}", html, pull),
        "body": pull.body,
        "reactions": _reaction_counts(url, []),
        "performed_via_github_app": None,
    }


def _head_repository(repository: Repository, pull: PullRequest) -> Repository:
    """The repository of a pull request's branch, which may be a fork."""
    if pull.fork_owner is None:
        return repository
    return replace(repository, id=repository.id + pull.fork_owner.id, owner=pull.fork_owner)


def _pull_ref(state: State, repo: Repository, name: str, sha: str, fork: bool = False) -> Json:
    return {
        "label": f"{repo.owner.login}:{name}",
        "ref": name,
        "sha": sha,
        "user": user(state, repo.owner),
        "repo": {
            **repository(state, repo),
            "fork": fork,
            "allow_merge_commit": True,
            "allow_squash_merge": True,
            "allow_rebase_merge": True,
            "allow_auto_merge": False,
            "delete_branch_on_merge": False,
        },
    }


def _pull_links(base: str, html: str, pull: PullRequest) -> Json:
    pull_url, issue_url = f"{base}/pulls/{pull.number}", f"{base}/issues/{pull.number}"
    return {
        "url": pull_url,
        "html_url": html,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
        "issue_url": issue_url,
        "commits_url": f"{pull_url}/commits",
        "review_comments_url": f"{pull_url}/comments",
        "review_comment_url": f"{base}/pulls/comments{{/number}}",
        "comments_url": f"{issue_url}/comments",
        "statuses_url": f"{base}/statuses/{pull.head_sha}",
    }


def pull_request_summary(state: State, repository: Repository, pull: PullRequest, version: str) -> Json:
    """Serialize a pull request as in lists; the newer API version omits some keys."""
    html = f"{state.html_url}/{repository.full_name}/pull/{pull.number}"
    links, head = _pull_links(repository_url(state, repository), html, pull), _head_repository(repository, pull)
    link_objects = {
        name: {"href": links[f"{name}_url"]} for name in ("comments", "commits", "statuses", "html", "issue")
    }
    link_objects |= {name: {"href": links[f"{name}_url"]} for name in ("review_comments", "review_comment")}
    older_fields = {"merge_commit_sha": pull.merge_sha, "assignee": None} if version < "2026" else {}
    return {
        **links,
        "id": pull.id,
        "node_id": node_id("PR", pull.id),
        "number": pull.number,
        "state": pull.state,
        "locked": False,
        "title": pull.title,
        "user": user(state, pull.user),
        "body": pull.body,
        **_dates(pull),
        "merged_at": format_time(pull.merged_at),
        **older_fields,
        **{name: [] for name in ("assignees", "requested_reviewers", "requested_teams", "labels")},
        "milestone": None,
        "draft": False,
        "head": _pull_ref(state, head, pull.head, pull.head_sha, fork=pull.fork_owner is not None),
        "base": _pull_ref(state, repository, pull.base, pull.base_sha),
        "_links": {"self": {"href": links["url"]}, **link_objects},
        "author_association": author_association(repository, pull.user),
        "auto_merge": None,
        "active_lock_reason": None,
    }


def pull_request(state: State, repository: Repository, pull: PullRequest, version: str = "2022-11-28") -> Json:
    """Serialize a pull request in full."""
    comments = sum(comment.number == pull.number for comment in repository.comments.values())
    return {
        **pull_request_summary(state, repository, pull, version),
        "merged": pull.merged_at is not None,
        "mergeable": True,
        "rebaseable": True,
        "mergeable_state": "clean",
        "merged_by": user(state, pull.merged_by) if pull.merged_by else None,
        "comments": comments,
        "review_comments": 0,
        "maintainer_can_modify": False,
        "commits": 1,
        "additions": 1,
        "deletions": 0,
        "changed_files": 1,
    }
