"""What `longshore check` does: it works without a service, without a database, and without settings."""

from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace

import aiohttp
from tortoise.exceptions import OperationalError

from bot.context import Actor, Context
from bot.errors import Problem
from bot.github.app import AppKeys, GitHub
from bot.metrics import Metrics
from bot.operations import self_checks
from bot.operations.self_checks import ServiceFacts
from bot.rules import addresses
from bot.rules.ids import UserId
from bot.rules.self_checks import Line, SignInFacts
from bot.settings import Settings, read_database_url, read_settings, unknown_variables
from bot.store.database import open_database, refuse_in_transaction
from cli.operator import naming_database_setting, refuse_missing_file
from server.app_identity import AppIdentity
from server.self_check import service_facts
from server.service import app_keys

NOTHING = ServiceFacts("", False, SignInFacts(False, False))
OPERATOR = Actor(UserId(0), "operator", frozenset({"admin"}))
"""Who has a shell on the host. Nothing is written in this name, so that no database is needed for it."""


async def examine() -> Sequence[Line]:
    """Perform all checks with what there is of settings and database."""
    settings, facts = _settings()
    keys = AppKeys("", "", addresses.GITHUB_API) if settings is None else app_keys(settings)
    async with AsyncExitStack() as resources:
        facts = replace(facts, no_database=await _open_database(resources))
        guard = _allow if facts.no_database else refuse_in_transaction
        session = await resources.enter_async_context(aiohttp.ClientSession())
        github = GitHub(keys, session, Metrics().on_github_call, guard)
        if settings is not None:
            facts = await _use_stored_app(settings, github, facts)
        return await self_checks.examine(Context(github=github, actor=OPERATOR, channel="cli"), facts)


def _allow(request: str) -> None:
    """Let a request be sent: without a database there are no transactions."""


def _settings() -> tuple[Settings | None, ServiceFacts]:
    try:
        settings = read_settings()
    except Problem as problem:
        return None, replace(NOTHING, problem=problem.sentence)
    return settings, NOTHING


async def _use_stored_app(settings: Settings, github: GitHub, facts: ServiceFacts) -> ServiceFacts:
    """Act as the App that was set up in the browser, if the settings name none; returns what is known then."""
    identity = AppIdentity(settings, github.use)
    if not facts.no_database:
        with suppress(OperationalError, Problem):  # the check of the database says why it cannot be asked
            await identity.refresh()
    found = service_facts(settings, identity)
    told = unknown_variables()  # on standard error, as by every command
    warnings = [warning for warning in found.warnings if warning not in told]
    return replace(found, warnings=warnings, no_database=facts.no_database)


async def _open_database(resources: AsyncExitStack) -> str:
    """Open the database until the resources are released; returns why that is not possible."""
    try:
        url = read_database_url()
        refuse_missing_file(url)
        with naming_database_setting():
            database = await open_database(url)
    except Problem as problem:
        return problem.sentence
    except OperationalError as error:
        return f"{error}."
    resources.push_async_callback(database.close)
    return ""
