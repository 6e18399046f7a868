"""Accounts, repositories, installations and the App itself as JSON."""

import base64
from typing import Any

from sandbox.accounts import Account, Installation, OtherApp, Token
from sandbox.credentials import key_pair
from sandbox.records import Repository, format_time
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


def node_id(prefix: str, number: int | str) -> str:
    """Build an opaque global node id."""
    return f"{prefix}_{base64.urlsafe_b64encode(f'{prefix}:{number}'.encode()).decode().rstrip('=')}"


def user(state: State, person: Account) -> Json:
    """Serialize an account as nested in other objects."""
    url = f"{state.api}/users/{person.login}"
    return {
        "login": person.login,
        "id": person.id,
        "node_id": node_id("U", person.id),
        "avatar_url": f"https://avatars.githubusercontent.com/u/{person.id}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{state.html_url}/{person.login}",
        **{name: url + path for name, path in USER_LINKS.items()},
        "type": person.type,
        "user_view_type": "public",
        "site_admin": False,
    }


def full_user(state: State, person: Account) -> Json:
    """Serialize an account in full."""
    unknown = dict.fromkeys(("company", "location", "email", "hireable", "bio", "twitter_username"))
    counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    dates = dict.fromkeys(("created_at", "updated_at"), "2020-01-01T00:00:00Z")
    return {**user(state, person), "name": person.login, "blog": "", **unknown, **counts, **dates}


def repository_url(state: State, repository: Repository) -> str:
    """Return the API URL of a repository."""
    return f"{state.api}/repos/{repository.full_name}"


def minimal_repository(state: State, repository: Repository) -> Json:
    """Serialize a repository as nested in runs and lists."""
    url = repository_url(state, repository)
    return {
        "id": repository.id,
        "node_id": node_id("R", repository.id),
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


def repository(state: State, repo: Repository) -> Json:
    """Serialize a repository in full."""
    html = f"{state.html_url}/{repo.full_name}"
    counts = ("stargazers_count", "watchers_count", "forks_count", "open_issues_count", "forks", "watchers", "size")
    return {
        **minimal_repository(state, repo),
        "git_url": f"git://github.com/{repo.full_name}.git",
        "ssh_url": f"git@github.com:{repo.full_name}.git",
        "clone_url": f"{html}.git",
        "svn_url": html,
        **dict.fromkeys(("mirror_url", "homepage", "language", "license")),
        **dict.fromkeys(counts, 0),
        "open_issues": sum(pull.state == "open" for pull in repo.pulls.values()),
        **dict.fromkeys(("has_issues", "has_projects", "has_wiki", "has_downloads", "allow_forking"), True),
        **dict.fromkeys(("has_pages", "has_discussions", "disabled", "is_template"), False),
        "web_commit_signoff_required": False,
        "archived": repo.archived,
        "topics": [],
        "visibility": "private" if repo.private else "public",
        "default_branch": repo.default_branch,
        "created_at": format_time(repo.created_at),
        "updated_at": format_time(repo.pushed_at),
        "pushed_at": format_time(repo.pushed_at),
    }


def full_repository(state: State, repo: Repository) -> Json:
    """Serialize a repository as returned by its own endpoint."""
    return {**repository(state, repo), "subscribers_count": 0, "network_count": 0}


def organization(state: State, person: Account) -> Json:
    """Serialize an organization as nested in webhooks."""
    url = f"{state.api}/orgs/{person.login}"
    links = {
        name: f"{url}/{name.removesuffix('_url')}" for name in ("repos_url", "events_url", "hooks_url", "issues_url")
    }
    return {
        "login": person.login,
        "id": person.id,
        "node_id": node_id("O", person.id),
        "url": url,
        **links,
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": f"https://avatars.githubusercontent.com/u/{person.id}?v=4",
        "description": None,
    }


def other_app(state: State, other: OtherApp) -> Json:
    """Serialize an App that is not the simulated one."""
    return {
        **app(state),
        "id": other.id,
        "client_id": f"Iv23li{other.id:014}",
        "slug": other.slug,
        "node_id": node_id("A", other.id),
        "owner": user(state, other.owner),
        "name": other.slug,
        "html_url": f"{state.html_url}/apps/{other.slug}",
        "permissions": {"checks": "write", "metadata": "read", "statuses": "write"},
        "events": [],
    }


def app(state: State) -> Json:
    """Serialize the App."""
    return {
        "id": state.app_id,
        "client_id": state.client_id,
        "slug": state.app_slug,
        "node_id": node_id("A", state.app_id),
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


def registered_app(state: State, origin: str) -> Json:
    """Serialize the App with its secrets, as GitHub shows them once; its page is on this server."""
    return {
        **app(state),
        "html_url": f"{origin}{app_path(state)}",
        "client_secret": state.client_secret,
        "webhook_secret": state.deliverer.secret,
        "pem": key_pair(state.key_number)[0],
    }


def app_path(state: State) -> str:
    """The path of the App's page."""
    return f"/{'github-apps' if state.server.enterprise else 'apps'}/{state.app_slug}"


def installation(state: State, installation: Installation) -> Json:
    """Serialize an installation of the App."""
    url = f"{state.api}/app/installations/{installation.id}"
    settings = f"{state.html_url}/organizations/{installation.account.login}/settings"
    return {
        "id": installation.id,
        "node_id": node_id("MDIzOk", installation.id),
        "client_id": state.client_id,
        "account": user(state, installation.account),
        "repository_selection": "all" if installation.repository_ids is None else "selected",
        "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{state.api}/installation/repositories",
        "html_url": f"{settings}/installations/{installation.id}",
        "app_id": state.app_id,
        "app_slug": state.app_slug,
        "target_id": installation.account.id,
        "target_type": installation.account.type,
        "permissions": installation.permissions,
        "events": installation.events,
        "created_at": format_time(installation.created_at),
        "updated_at": format_time(installation.created_at),
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": user(state, installation.account) if installation.suspended_at else None,
        "suspended_at": format_time(installation.suspended_at),
    }


def repository_summaries(repositories: list[Repository]) -> list[Json]:
    """Serialize repositories as listed in installation webhooks."""
    return [
        {
            "id": repo.id,
            "node_id": node_id("R", repo.id),
            "name": repo.name,
            "full_name": repo.full_name,
            "private": repo.private,
        }
        for repo in repositories
    ]


def token(state: State, token: Token, repositories: list[Repository] | None) -> Json:
    """Serialize a new installation token."""
    serialized: Json = {
        "token": token.value,
        "expires_at": format_time(token.expires_at),
        "permissions": token.permissions,
        "repository_selection": "all" if repositories is None else "selected",
    }
    if repositories is not None:
        serialized["repositories"] = [repository(state, repo) for repo in repositories]
    return serialized
