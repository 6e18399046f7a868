"""Commits, refs, tags, comparisons and pushes as JSON."""

from sandbox.diffs import MAX_FILES, FileChange
from sandbox.git import Changes, TreeEntry
from sandbox.history import Comparison, Signature, TagObject
from sandbox.records import Repository, format_time
from sandbox.serializers.accounts import Json, node_id, repository_url, user
from sandbox.state import State

UNSIGNED: Json = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def _signature(signature: Signature) -> Json:
    return {"name": signature.name, "email": signature.email, "date": format_time(signature.at)}


def _account(state: State, signature: Signature) -> Json | None:
    account = state.author(signature)
    return user(state, account) if account else None


def commit(state: State, repository: Repository, sha: str) -> Json:
    """Serialize a commit as in lists."""
    details = repository.history.commits[sha]
    url, html = repository_url(state, repository), f"{state.html_url}/{repository.full_name}"
    return {
        "sha": sha,
        "node_id": node_id("C", sha),
        "commit": {
            "author": _signature(details.author),
            "committer": _signature(details.committer),
            "message": details.message,
            "tree": {"sha": details.tree, "url": f"{url}/git/trees/{details.tree}"},
            "url": f"{url}/git/commits/{sha}",
            "comment_count": sum(comment.sha == sha for comment in repository.commit_comments.values()),
            "verification": UNSIGNED,
        },
        "url": f"{url}/commits/{sha}",
        "html_url": f"{html}/commit/{sha}",
        "comments_url": f"{url}/commits/{sha}/comments",
        "author": _account(state, details.author),
        "committer": _account(state, details.committer),
        "parents": [
            {"sha": parent, "url": f"{url}/commits/{parent}", "html_url": f"{html}/commit/{parent}"}
            for parent in details.parents
        ],
    }


def git_commit(state: State, repository: Repository, sha: str) -> Json:
    """Serialize a commit as in the Git database API."""
    serialized = commit(state, repository, sha)
    inner = {key: value for key, value in serialized["commit"].items() if key != "comment_count"}
    return {**inner, **{key: serialized[key] for key in ("sha", "node_id", "html_url", "parents")}}


def changed_file(state: State, repository: Repository, head: str, file: FileChange) -> Json:
    """Serialize a changed file."""
    url, html = repository_url(state, repository), f"{state.html_url}/{repository.full_name}"
    optional = {"patch": file.patch, "previous_filename": file.previous}
    return {
        "sha": file.sha,
        "filename": file.name,
        "status": file.status,
        "additions": file.additions,
        "deletions": file.deletions,
        "changes": file.additions + file.deletions,
        "blob_url": f"{html}/blob/{head}/{file.name}",
        "raw_url": f"{html}/raw/{head}/{file.name}",
        "contents_url": f"{url}/contents/{file.name}?ref={head}",
        **{name: value for name, value in optional.items() if value is not None},
    }


def full_commit(state: State, repository: Repository, sha: str, files: list[FileChange]) -> Json:
    """Serialize a commit with its files."""
    plus, minus = sum(file.additions for file in files), sum(file.deletions for file in files)
    return {
        **commit(state, repository, sha),
        "stats": {"total": plus + minus, "additions": plus, "deletions": minus},
        "files": [changed_file(state, repository, sha, file) for file in files[:MAX_FILES]],
    }


def comparison(
    state: State, repository: Repository, names: str, base: str, comparison: Comparison, shas: list[str]
) -> Json:
    """Serialize a comparison with one page of its commits, without files."""
    url, html = repository_url(state, repository), f"{state.html_url}/{repository.full_name}/compare/{names}"
    return {
        "url": f"{url}/compare/{names}",
        "html_url": html,
        "permalink_url": html,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
        "base_commit": commit(state, repository, base),
        "merge_base_commit": commit(state, repository, comparison.merge_base),
        "status": comparison.status,
        "ahead_by": len(comparison.ahead),
        "behind_by": comparison.behind,
        "total_commits": len(comparison.ahead),
        "commits": [commit(state, repository, sha) for sha in shas],
    }


def tree(state: State, repository: Repository, sha: str, entries: list[TreeEntry], count: int) -> Json:
    """Serialize a tree object, whose entries may be fewer than it has."""
    url = f"{repository_url(state, repository)}/git"
    serialized = []
    for entry in entries:
        size = {} if entry.size is None else {"size": entry.size}
        link = {} if entry.type == "commit" else {"url": f"{url}/{entry.type}s/{entry.sha}"}
        named = {"path": entry.path, "mode": entry.mode, "type": entry.type, "sha": entry.sha}
        serialized.append({**named, **size, **link})
    return {"sha": sha, "url": f"{url}/trees/{sha}", "tree": serialized, "truncated": len(entries) < count}


def ref(state: State, repository: Repository, name: str) -> Json:
    """Serialize a ref as in the Git database API."""
    url, sha = repository_url(state, repository), repository.history.refs[name]
    object_type = "tag" if sha in repository.history.tags else "commit"
    return {
        "ref": name,
        "node_id": node_id("REF", f"{repository.id}:{name}"),
        "url": f"{url}/git/{name}",
        "object": {"sha": sha, "type": object_type, "url": f"{url}/git/{object_type}s/{sha}"},
    }


def tag_object(state: State, repository: Repository, tag: TagObject) -> Json:
    """Serialize an annotated tag object."""
    url = repository_url(state, repository)
    return {
        "node_id": node_id("TA", tag.sha),
        "sha": tag.sha,
        "url": f"{url}/git/tags/{tag.sha}",
        "tag": tag.name,
        "message": tag.message,
        "tagger": _signature(tag.tagger),
        "object": {"sha": tag.target, "type": "commit", "url": f"{url}/git/commits/{tag.target}"},
        "verification": UNSIGNED,
    }


def branch_summary(state: State, repository: Repository, name: str) -> Json:
    """Serialize a branch as in lists."""
    sha = repository.history.refs[f"refs/heads/{name}"]
    url = repository_url(state, repository)
    return {"name": name, "commit": {"sha": sha, "url": f"{url}/commits/{sha}"}, "protected": False}


def branch(state: State, repository: Repository, name: str) -> Json:
    """Serialize a branch in full."""
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
    """Serialize a tag as in the list of tags, with the commit that it points at."""
    history, url = repository.history, repository_url(state, repository)
    sha = history.peel(history.refs[f"refs/tags/{name}"])
    return {
        "name": name,
        "zipball_url": f"{url}/zipball/refs/tags/{name}",
        "tarball_url": f"{url}/tarball/refs/tags/{name}",
        "commit": {"sha": sha, "url": f"{url}/commits/{sha}"},
        "node_id": node_id("REF", f"{repository.id}:refs/tags/{name}"),
    }


def _push_author(state: State, signature: Signature) -> Json:
    account = state.author(signature)
    return {**_signature(signature), **({"username": account.login} if account else {})}


def pushed_commit(state: State, repository: Repository, sha: str, changes: Changes) -> Json:
    """Serialize a commit as in push events."""
    details = repository.history.commits[sha]
    return {
        "id": sha,
        "tree_id": details.tree,
        "distinct": True,
        "message": details.message,
        "timestamp": format_time(details.committer.at),
        "url": f"{state.html_url}/{repository.full_name}/commit/{sha}",
        "author": _push_author(state, details.author),
        "committer": _push_author(state, details.committer),
        "added": changes.added,
        "removed": changes.removed,
        "modified": changes.modified,
    }
