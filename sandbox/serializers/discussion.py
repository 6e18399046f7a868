"""Pull requests, comments and reactions as JSON."""

from collections import Counter

from sandbox.records import Comment, PullRequest, Reaction, Repository, stamp
from sandbox.serializers.accounts import Json, app, node, repository, repository_url, user
from sandbox.state import State

EMOJI = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")


def association(state: State, repository: Repository, login: str) -> str:
    """Give the word that must never be used to decide what a person may do."""
    return "MEMBER" if login.lower() in repository.roles else "NONE"


def _counts(url: str, reactions: list[Reaction]) -> Json:
    found = Counter(one.content for one in reactions)
    return {"url": f"{url}/reactions", "total_count": len(reactions), **{name: found[name] for name in EMOJI}}


def reaction(state: State, one: Reaction) -> Json:
    """Show a reaction."""
    return {
        "id": one.id,
        "node_id": node("REA", one.id),
        "user": user(state, one.user),
        "content": one.content,
        "created_at": stamp(one.created_at),
    }


def issue_comment(state: State, repository: Repository, one: Comment) -> Json:
    """Show a comment on a pull request."""
    base = repository_url(state, repository)
    url = f"{base}/issues/comments/{one.id}"
    return {
        "url": url,
        "html_url": f"{state.html_url}/{repository.full_name}/pull/{one.number}#issuecomment-{one.id}",
        "issue_url": f"{base}/issues/{one.number}",
        "id": one.id,
        "node_id": node("IC", one.id),
        "user": user(state, one.user),
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.updated_at),
        "author_association": association(state, repository, one.user.login),
        "body": one.body,
        "reactions": _counts(url, one.reactions),
        "performed_via_github_app": app(state) if one.by_app else None,
    }


def commit_comment(state: State, repository: Repository, one: Comment) -> Json:
    """Show a comment on a commit."""
    url = f"{repository_url(state, repository)}/comments/{one.id}"
    return {
        "url": url,
        "html_url": f"{state.html_url}/{repository.full_name}/commit/{one.sha}#commitcomment-{one.id}",
        "id": one.id,
        "node_id": node("CC", one.id),
        "user": user(state, one.user),
        "position": one.position,
        "line": one.line,
        "path": one.path,
        "commit_id": one.sha,
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.updated_at),
        "author_association": association(state, repository, one.user.login),
        "body": one.body,
        "reactions": _counts(url, one.reactions),
    }


def _dates(one: PullRequest) -> Json:
    created = stamp(one.created_at)
    closed = stamp(one.merged_at) or (created if one.state == "closed" else None)
    return {"created_at": created, "updated_at": closed or created, "closed_at": closed}


def issue(state: State, repository: Repository, one: PullRequest) -> Json:
    """Show a pull request as an issue, as comment events carry it."""
    base = repository_url(state, repository)
    url, html = f"{base}/issues/{one.number}", f"{state.html_url}/{repository.full_name}/pull/{one.number}"
    pull = f"{base}/pulls/{one.number}"
    return {
        "url": url,
        "repository_url": base,
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "timeline_url": f"{url}/timeline",
        "html_url": html,
        "id": one.id,
        "node_id": node("PR", one.id),
        "number": one.number,
        "title": one.title,
        "user": user(state, one.user),
        "labels": [],
        "state": one.state,
        "state_reason": None,
        "locked": False,
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "comments": sum(each.number == one.number for each in repository.comments.values()),
        **_dates(one),
        "author_association": association(state, repository, one.user.login),
        "active_lock_reason": None,
        "draft": False,
        "pull_request": {
            "url": pull,
            "html_url": html,
            "diff_url": f"{html}.diff",
            "patch_url": f"{html}.patch",
            "merged_at": stamp(one.merged_at),
        },
        "body": one.body,
        "reactions": _counts(url, []),
        "performed_via_github_app": None,
    }


def _end(state: State, where: Repository, name: str, sha: str) -> Json:
    return {
        "label": f"{where.owner.login}:{name}",
        "ref": name,
        "sha": sha,
        "user": user(state, where.owner),
        "repo": {
            **repository(state, where),
            "allow_merge_commit": True,
            "allow_squash_merge": True,
            "allow_rebase_merge": True,
            "allow_auto_merge": False,
            "delete_branch_on_merge": False,
        },
    }


def _pull_links(base: str, html: str, one: PullRequest) -> Json:
    pull, issues = f"{base}/pulls/{one.number}", f"{base}/issues/{one.number}"
    return {
        "url": pull,
        "html_url": html,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
        "issue_url": issues,
        "commits_url": f"{pull}/commits",
        "review_comments_url": f"{pull}/comments",
        "review_comment_url": f"{base}/pulls/comments{{/number}}",
        "comments_url": f"{issues}/comments",
        "statuses_url": f"{base}/statuses/{one.head_sha}",
    }


def simple_pull_request(state: State, repository: Repository, one: PullRequest, version: str) -> Json:
    """Show a pull request as lists do; the newer API version leaves some keys out."""
    html = f"{state.html_url}/{repository.full_name}/pull/{one.number}"
    links = _pull_links(repository_url(state, repository), html, one)
    hrefs = {name: {"href": links[f"{name}_url"]} for name in ("comments", "commits", "statuses", "html", "issue")}
    hrefs |= {name: {"href": links[f"{name}_url"]} for name in ("review_comments", "review_comment")}
    older = {"merge_commit_sha": one.merge_sha, "assignee": None} if version < "2026" else {}
    return {
        **links,
        "id": one.id,
        "node_id": node("PR", one.id),
        "number": one.number,
        "state": one.state,
        "locked": False,
        "title": one.title,
        "user": user(state, one.user),
        "body": one.body,
        **_dates(one),
        "merged_at": stamp(one.merged_at),
        **older,
        **{name: [] for name in ("assignees", "requested_reviewers", "requested_teams", "labels")},
        "milestone": None,
        "draft": False,
        "head": _end(state, repository, one.head, one.head_sha),
        "base": _end(state, repository, one.base, one.base_sha),
        "_links": {"self": {"href": links["url"]}, **hrefs},
        "author_association": association(state, repository, one.user.login),
        "auto_merge": None,
        "active_lock_reason": None,
    }


def pull_request(state: State, repository: Repository, one: PullRequest, version: str = "2022-11-28") -> Json:
    """Show a pull request in full."""
    comments = sum(each.number == one.number for each in repository.comments.values())
    return {
        **simple_pull_request(state, repository, one, version),
        "merged": one.merged_at is not None,
        "mergeable": True,
        "rebaseable": True,
        "mergeable_state": "clean",
        "merged_by": user(state, one.merged_by) if one.merged_by else None,
        "comments": comments,
        "review_comments": 0,
        "maintainer_can_modify": False,
        "commits": 1,
        "additions": 1,
        "deletions": 0,
        "changed_files": 1,
    }
