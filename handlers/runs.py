"""`workflow_run`: how a run stands."""

from collections.abc import Mapping
from typing import Any

from bot.context import Context
from bot.github.facts import run_fact
from bot.operations import following


async def told(context: Context, payload: Mapping[str, Any], guid: str) -> None:
    """Hear what GitHub says of a run. All actions say the same: how it stands now."""
    await following.heard(context, int(payload["repository"]["id"]), run_fact(payload["workflow_run"]))
