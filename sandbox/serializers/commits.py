"""Commits, refs, tags, comparisons and pushes as JSON."""

from typing import Any

from sandbox.git import Changes, FileChange
from sandbox.history import Comparison, Signature, TagObject
from sandbox.records import Repository, stamp
from sandbox.serializers.accounts import Json, node, repository_url, user
from sandbox.state import State

UNVERIFIED: Json = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def _git_user(one: Signature) -> Json:
    return {"name": one.name, "email": one.email, "date": stamp(one.at)}


def _account(state: State, one: Signature) -> Json | None:
    person = state.author(one)
    return user(state, person) if person else None


def commit(state: State, repository: Repository, sha: str) -> Json:
    """Show a commit as lists do."""
    one = repository.history.commits[sha]
    url, html = repository_url(state, repository), f"{state.html_url}/{repository.full_name}"
    return {
        "sha": sha,
        "node_id": node("C", sha),
        "commit": {
            "author": _git_user(one.author),
            "committer": _git_user(one.committer),
            "message": one.message,
            "tree": {"sha": one.tree, "url": f"{url}/git/trees/{one.tree}"},
            "url": f"{url}/git/commits/{sha}",
            "comment_count": sum(each.sha == sha for each in repository.commit_comments.values()),
            "verification": UNVERIFIED,
        },
        "url": f"{url}/commits/{sha}",
        "html_url": f"{html}/commit/{sha}",
        "comments_url": f"{url}/commits/{sha}/comments",
        "author": _account(state, one.author),
        "committer": _account(state, one.committer),
        "parents": [
            {"sha": each, "url": f"{url}/commits/{each}", "html_url": f"{html}/commit/{each}"} for each in one.parents
        ],
    }


def git_commit(state: State, repository: Repository, sha: str) -> Json:
    """Show a commit as the git database does."""
    shown = commit(state, repository, sha)
    inner = {key: value for key, value in shown["commit"].items() if key != "comment_count"}
    return {**inner, **{key: shown[key] for key in ("sha", "node_id", "html_url", "parents")}}


def file(state: State, repository: Repository, head: str, one: FileChange) -> Json:
    """Show a changed file."""
    url, html = repository_url(state, repository), f"{state.html_url}/{repository.full_name}"
    return {
        "sha": one.sha,
        "filename": one.name,
        "status": one.status,
        "additions": one.additions,
        "deletions": one.deletions,
        "changes": one.additions + one.deletions,
        "blob_url": f"{html}/blob/{head}/{one.name}",
        "raw_url": f"{html}/raw/{head}/{one.name}",
        "contents_url": f"{url}/contents/{one.name}?ref={head}",
    }


def full_commit(state: State, repository: Repository, sha: str, files: list[FileChange]) -> Json:
    """Show a commit with its files."""
    plus, minus = sum(one.additions for one in files), sum(one.deletions for one in files)
    return {
        **commit(state, repository, sha),
        "stats": {"total": plus + minus, "additions": plus, "deletions": minus},
        "files": [file(state, repository, sha, one) for one in files],
    }


def comparison(state: State, repository: Repository, names: str, base: str, found: Comparison, shas: list[str]) -> Json:
    """Show a comparison with one page of its commits, without files."""
    url, html = repository_url(state, repository), f"{state.html_url}/{repository.full_name}/compare/{names}"
    return {
        "url": f"{url}/compare/{names}",
        "html_url": html,
        "permalink_url": html,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
        "base_commit": commit(state, repository, base),
        "merge_base_commit": commit(state, repository, found.merge_base),
        "status": found.status,
        "ahead_by": len(found.ahead),
        "behind_by": found.behind,
        "total_commits": len(found.ahead),
        "commits": [commit(state, repository, sha) for sha in shas],
    }


def ref(state: State, repository: Repository, name: str) -> Json:
    """Show a ref as the git database does."""
    url, sha = repository_url(state, repository), repository.history.refs[name]
    kind = "tag" if sha in repository.history.tags else "commit"
    return {
        "ref": name,
        "node_id": node("REF", f"{repository.id}:{name}"),
        "url": f"{url}/git/{name}",
        "object": {"sha": sha, "type": kind, "url": f"{url}/git/{kind}s/{sha}"},
    }


def tag_object(state: State, repository: Repository, one: TagObject) -> Json:
    """Show an annotated tag's object."""
    url = repository_url(state, repository)
    return {
        "node_id": node("TA", one.sha),
        "sha": one.sha,
        "url": f"{url}/git/tags/{one.sha}",
        "tag": one.name,
        "message": one.message,
        "tagger": _git_user(one.tagger),
        "object": {"sha": one.target, "type": "commit", "url": f"{url}/git/commits/{one.target}"},
        "verification": UNVERIFIED,
    }


def short_branch(state: State, repository: Repository, name: str) -> Json:
    """Show a branch as lists do."""
    sha = repository.history.refs[f"refs/heads/{name}"]
    url = repository_url(state, repository)
    return {"name": name, "commit": {"sha": sha, "url": f"{url}/commits/{sha}"}, "protected": False}


def branch(state: State, repository: Repository, name: str) -> Json:
    """Show a branch in full."""
    sha = repository.history.refs[f"refs/heads/{name}"]
    url = f"{repository_url(state, repository)}/branches/{name}"
    checks = {"enforcement_level": "off", "contexts": [], "checks": []}
    return {
        "name": name,
        "commit": commit(state, repository, sha),
        "_links": {"self": url, "html": f"{state.html_url}/{repository.full_name}/tree/{name}"},
        "protected": False,
        "protection": {"enabled": False, "required_status_checks": checks},
        "protection_url": f"{url}/protection",
    }


def tag(state: State, repository: Repository, name: str) -> Json:
    """Show a tag as the list of tags does; annotated ones by their commit."""
    history, url = repository.history, repository_url(state, repository)
    sha = history.peel(history.refs[f"refs/tags/{name}"])
    return {
        "name": name,
        "zipball_url": f"{url}/zipball/refs/tags/{name}",
        "tarball_url": f"{url}/tarball/refs/tags/{name}",
        "commit": {"sha": sha, "url": f"{url}/commits/{sha}"},
        "node_id": node("REF", f"{repository.id}:refs/tags/{name}"),
    }


def pushed_commit(state: State, repository: Repository, sha: str, changes: Changes) -> Json:
    """Show a commit as the push event does."""

    def person(one: Signature) -> Json:
        account = state.author(one)
        shown: dict[str, Any] = {"name": one.name, "email": one.email, "date": stamp(one.at)}
        return {**shown, "username": account.login} if account else shown

    one = repository.history.commits[sha]
    return {
        "id": sha,
        "tree_id": one.tree,
        "distinct": True,
        "message": one.message,
        "timestamp": stamp(one.committer.at),
        "url": f"{state.html_url}/{repository.full_name}/commit/{sha}",
        "author": person(one.author),
        "committer": person(one.committer),
        "added": changes.added,
        "removed": changes.removed,
        "modified": changes.modified,
    }
