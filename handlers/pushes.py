"""`push` of tags: people's own cut candidates, and candidates' tags are watched."""

from collections.abc import Mapping
from typing import Any

from bot.context import Context
from bot.operations import tags

TAGS = "refs/tags/"


async def pushed(context: Context, payload: Mapping[str, Any], guid: str) -> None:
    """Hear that a tag was created, moved or deleted. Branches are nothing to us.

    Of an annotated tag `after` is the tag object; its commit is that of `head_commit`.
    """
    ref = str(payload["ref"])
    if not ref.startswith(TAGS):
        return
    tag, repository = ref.removeprefix(TAGS), int(payload["repository"]["id"])
    head = payload.get("head_commit")
    commit = None if payload["deleted"] or head is None else str(head["id"])
    sender = payload["sender"]
    await tags.changed(context, repository, tag, commit)
    if commit is not None:
        await tags.hear(context, tags.Pushed(repository, tag, commit, int(sender["id"]), str(sender["login"]), guid))
