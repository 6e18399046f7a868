"""Tortoise's registry of our models, which is built once for each engine: building it takes longer than connecting."""

from __future__ import annotations

from typing import Any

from tortoise.apps import Apps
from tortoise.context import TortoiseContext, set_global_context

from bot.store.configuration import CONNECTION

_built: dict[str, Apps | None] = {}
"""The engine that the models are bound to, with their registry; binding them to another one changes the models."""


async def initialize(context: TortoiseContext, config: dict[str, Any], *, globally: bool = False) -> None:
    """Do what `context.init(config)` does, but bind the models to the engine only if they are not yet.

    `globally`: tasks without a context of their own use this one. Raises ConfigurationError as `init` does.
    """
    engine = config["connections"][CONNECTION]["engine"]
    if (apps := _built.get(engine)) is None:
        _built.clear()
        await context.init(config=config, _enable_global_fallback=globally)
        _built[engine] = context.apps
        return
    await context.connections._init(config["connections"], create_db=False)
    context._init_timezone(config["use_tz"], config["timezone"])
    context._init_routers()
    context._apps, context._default_connection, context._inited = apps, CONNECTION, True
    if globally:
        set_global_context(context)
