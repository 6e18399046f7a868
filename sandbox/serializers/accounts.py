"""Accounts, repositories, installations and the App itself as JSON."""

import base64
from typing import Any

from sandbox.records import Installation, Person, Repository, Token, stamp
from sandbox.state import State

Json = dict[str, Any]

USER_LINKS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
REPOSITORY_LINKS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}


def node(kind: str, number: int | str) -> str:
    """Make an opaque global id."""
    return f"{kind}_{base64.urlsafe_b64encode(f'{kind}:{number}'.encode()).decode().rstrip('=')}"


def user(state: State, person: Person) -> Json:
    """Show an account as it stands inside other things."""
    url = f"{state.api}/users/{person.login}"
    return {
        "login": person.login,
        "id": person.id,
        "node_id": node("U", person.id),
        "avatar_url": f"https://avatars.githubusercontent.com/u/{person.id}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{state.html_url}/{person.login}",
        **{name: url + path for name, path in USER_LINKS.items()},
        "type": person.type,
        "user_view_type": "public",
        "site_admin": False,
    }


def public_user(state: State, person: Person) -> Json:
    """Show an account in full."""
    unknown = dict.fromkeys(("company", "location", "email", "hireable", "bio", "twitter_username"))
    counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    dates = dict.fromkeys(("created_at", "updated_at"), "2020-01-01T00:00:00Z")
    return {**user(state, person), "name": person.login, "blog": "", **unknown, **counts, **dates}


def repository_url(state: State, repository: Repository) -> str:
    """Give the API address of a repository."""
    return f"{state.api}/repos/{repository.full_name}"


def minimal_repository(state: State, repository: Repository) -> Json:
    """Show a repository as it stands inside runs and lists."""
    url = repository_url(state, repository)
    return {
        "id": repository.id,
        "node_id": node("R", repository.id),
        "name": repository.name,
        "full_name": repository.full_name,
        "private": repository.private,
        "owner": user(state, repository.owner),
        "html_url": f"{state.html_url}/{repository.full_name}",
        "description": None,
        "fork": False,
        "url": url,
        **{name: url + path for name, path in REPOSITORY_LINKS.items()},
    }


def repository(state: State, one: Repository) -> Json:
    """Show a repository in full."""
    html = f"{state.html_url}/{one.full_name}"
    counts = ("stargazers_count", "watchers_count", "forks_count", "open_issues_count", "forks", "watchers", "size")
    return {
        **minimal_repository(state, one),
        "git_url": f"git://github.com/{one.full_name}.git",
        "ssh_url": f"git@github.com:{one.full_name}.git",
        "clone_url": f"{html}.git",
        "svn_url": html,
        **dict.fromkeys(("mirror_url", "homepage", "language", "license")),
        **dict.fromkeys(counts, 0),
        "open_issues": sum(pull.state == "open" for pull in one.pulls.values()),
        **dict.fromkeys(("has_issues", "has_projects", "has_wiki", "has_downloads", "allow_forking"), True),
        **dict.fromkeys(("has_pages", "has_discussions", "disabled", "is_template"), False),
        "web_commit_signoff_required": False,
        "archived": one.archived,
        "topics": [],
        "visibility": "private" if one.private else "public",
        "default_branch": one.default_branch,
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.pushed_at),
        "pushed_at": stamp(one.pushed_at),
    }


def full_repository(state: State, one: Repository) -> Json:
    """Show a repository as its own address does."""
    return {**repository(state, one), "subscribers_count": 0, "network_count": 0}


def organization(state: State, person: Person) -> Json:
    """Show an organisation as webhooks carry it."""
    url = f"{state.api}/orgs/{person.login}"
    links = {
        name: f"{url}/{name.removesuffix('_url')}" for name in ("repos_url", "events_url", "hooks_url", "issues_url")
    }
    return {
        "login": person.login,
        "id": person.id,
        "node_id": node("O", person.id),
        "url": url,
        **links,
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": f"https://avatars.githubusercontent.com/u/{person.id}?v=4",
        "description": None,
    }


def app(state: State) -> Json:
    """Show the App."""
    return {
        "id": state.app_id,
        "client_id": state.client_id,
        "slug": state.app_slug,
        "node_id": node("A", state.app_id),
        "owner": user(state, state.owner),
        "name": state.app_slug,
        "description": None,
        "external_url": "https://example.invalid/",
        "html_url": f"{state.html_url}/apps/{state.app_slug}",
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "permissions": state.permissions,
        "events": state.events,
    }


def installation(state: State, one: Installation) -> Json:
    """Show an installation of the App."""
    url = f"{state.api}/app/installations/{one.id}"
    return {
        "id": one.id,
        "node_id": node("MDIzOk", one.id),
        "client_id": state.client_id,
        "account": user(state, one.account),
        "repository_selection": "all" if one.repositories is None else "selected",
        "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{state.api}/installation/repositories",
        "html_url": f"{state.html_url}/organizations/{one.account.login}/settings/installations/{one.id}",
        "app_id": state.app_id,
        "app_slug": state.app_slug,
        "target_id": one.account.id,
        "target_type": one.account.type,
        "permissions": one.permissions,
        "events": one.events,
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.created_at),
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": user(state, one.account) if one.suspended_at else None,
        "suspended_at": stamp(one.suspended_at),
    }


def short_repositories(repositories: list[Repository]) -> list[Json]:
    """Show repositories as installation webhooks list them."""
    return [
        {
            "id": one.id,
            "node_id": node("R", one.id),
            "name": one.name,
            "full_name": one.full_name,
            "private": one.private,
        }
        for one in repositories
    ]


def token(state: State, one: Token, repositories: list[Repository] | None) -> Json:
    """Show a fresh installation token."""
    shown: Json = {
        "token": one.value,
        "expires_at": stamp(one.expires_at),
        "permissions": one.permissions,
        "repository_selection": "all" if repositories is None else "selected",
    }
    if repositories is not None:
        shown["repositories"] = [repository(state, each) for each in repositories]
    return shown
