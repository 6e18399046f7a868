"""`push`: a tag that a person pushes may cut a candidate, and candidates' own tags are watched.

Of pushes to branches, those to the default branch that may have changed the configuration file are handled.
"""

from collections.abc import Awaitable, Mapping
from typing import Any

from bot.context import Context
from bot.operations import configuration, tags
from bot.operations.configuration import PushHint
from bot.rules.config_nodes import PATH
from bot.rules.ids import CommitSha, GitHubUserId, InstallationId
from bot.rules.tags import TagPush
from handlers.fields import id_of, part, repository_id

TAGS = "refs/tags/"
MAX_COMMITS = 2_048  # that a payload lists
MAX_FILES = 3_000  # of a commit
FILES = ("added", "modified", "removed")


def on_push(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Handle a tag that was created, moved or deleted, or a push to the default branch.

    `after` of an annotated tag is the tag object; the commit is that of `head_commit`.
    """
    ref, repository = payload.get("ref"), repository_id(payload)
    if repository is None or not isinstance(ref, str):
        return None
    if not ref.startswith(TAGS):
        return _on_branch(payload, ref)
    commit, sender = part(payload, "head_commit").get("id"), part(payload, "sender")
    sender_id, login, email = id_of(sender), sender.get("login"), part(payload, "pusher").get("email")
    target, pushed_at = payload.get("after"), part(payload, "repository").get("pushed_at")
    return tags.on_push(
        context,
        TagPush(
            repository=repository,
            tag=ref.removeprefix(TAGS),
            commit=CommitSha(commit) if isinstance(commit, str) and not payload.get("deleted") else None,
            deleted=bool(payload.get("deleted")),
            sender_id=None if sender_id is None else GitHubUserId(sender_id),
            sender=login if isinstance(login, str) else "somebody",
            delivery=guid,
            object=target if isinstance(target, str) and not payload.get("deleted") else None,
            by_bot=sender.get("type") == "Bot",
            email=email if isinstance(email, str) else None,
            pushed_at=pushed_at if type(pushed_at) is int else None,
        ),
    )


def _on_branch(payload: Mapping[str, Any], ref: str) -> Awaitable[None] | None:
    """Handle a push to a branch: of the default one, if it may have changed the configuration file."""
    repository, sender = part(payload, "repository"), id_of(part(payload, "sender"))
    known = repository_id(payload)
    if known is None or ref != f"refs/heads/{repository.get('default_branch')}" or not _may_change(payload):
        return None
    installation = id_of(part(payload, "installation"))
    return configuration.on_push(
        PushHint(
            repository=known,
            installation=None if installation is None else InstallationId(installation),
            pusher=None if sender is None else GitHubUserId(sender),
        )
    )


def _may_change(payload: Mapping[str, Any]) -> bool:
    """Whether a push may have changed the configuration file: one that does not list all its commits may."""
    commits = payload.get("commits")
    if not isinstance(commits, list) or not commits or len(commits) >= MAX_COMMITS:
        return True
    listed = [commit for commit in commits if isinstance(commit, dict) and all(name in commit for name in FILES)]
    return len(listed) < len(commits) or any(
        isinstance(commit[name], list) and (PATH in commit[name] or len(commit[name]) >= MAX_FILES)
        for commit in listed
        for name in FILES
    )
