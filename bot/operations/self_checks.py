"""`longshore check`: everything around the service that can be set up wrongly, looked at in one go.

Checks are values that are performed one after the other, each within a time limit. If one fails, those that need
it are skipped. Nothing is changed, but for a row that is written and deleted again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from bot.context import Context, authorize
from bot.errors import Problem
from bot.github import app_settings
from bot.github.app_settings import AppSettings
from bot.github.tokens import GRANTED_LATER, OPTIONAL, PURPOSES
from bot.manifest import read_manifest
from bot.operations import repository_checks
from bot.queue.dead_letters import count_dead_letters
from bot.queue.retention import last_finished, oldest_due
from bot.queue.trial_writes import try_write
from bot.rules import self_checks as rules
from bot.rules.names import in_words
from bot.rules.self_checks import Line, QueueFacts, SignInFacts, is_failed
from bot.store.database import fetch
from bot.store.migrate import pending_migrations

MAX_NAMED = 10  # installations in one sentence
TIME_LIMIT = 20.0  # seconds of one check
FOR_EACH = 0.9  # of that time, for what is checked one by one: the rest is for what is found until then
ESSENTIAL = frozenset(
    name for purpose, needed in PURPOSES.items() if purpose not in GRANTED_LATER for name in needed
).difference(OPTIONAL)
"""Permissions without which nothing works."""

NO_APP = AppSettings("", {}, (), "", "")
"""The App until the check `app` has found it."""
NOT_CHECKED = "not checked"

log = structlog.get_logger()


@dataclass(frozen=True)
class ServiceFacts:
    """What the settings of a process say. `problem` is why they cannot be used, `no_database` why the database cannot.

    `names_url`: they say at which URL (`public_url`) GitHub reaches the service. `key` finds out whether what is stored
    encrypted can be read by this process; it returns what is wrong.
    """

    public_url: str
    names_url: bool
    sign_in: SignInFacts
    problem: str = ""
    warnings: Sequence[str] = ()
    no_database: str = ""
    key: Callable[[], Awaitable[Line | None]] | None = None


@dataclass
class Examination:
    """One run of the checks: what they look at, and what they found."""

    context: Context
    facts: ServiceFacts
    lines: list[Line] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    app: AppSettings = NO_APP
    time_limit: float = TIME_LIMIT

    def failed(self, check: str) -> bool:
        """Whether a check has failed, or was skipped."""
        return check in self.skipped or is_failed(line for line in self.lines if line.check == check)


@dataclass(frozen=True)
class Check:
    """A check: its name, the checks without whose success it is not performed, and what performs it."""

    name: str
    needs: Sequence[str]
    perform: Callable[[Examination], Awaitable[Sequence[Line]]]


async def examine(context: Context, facts: ServiceFacts, time_limit: float = TIME_LIMIT) -> Sequence[Line]:
    """Perform all checks, for an operator, each within so many seconds."""
    authorize(context.actor, "admin", everywhere=True)
    examination = Examination(context, facts, time_limit=time_limit)
    for check in CHECKS:
        if any(examination.failed(name) for name in check.needs):
            examination.skipped.append(check.name)
        else:
            examination.lines += await _perform(check, examination)
    if examination.skipped:
        sentence = f"Nothing is known of {in_words(examination.skipped)} before the failures above are mended."
        examination.lines.append(Line(NOT_CHECKED, "warning", sentence))
    return examination.lines


async def _perform(check: Check, examination: Examination) -> Sequence[Line]:
    try:
        async with asyncio.timeout(examination.time_limit):
            return await check.perform(examination)
    except TimeoutError:
        return [Line(check.name, "failure", f"There was no answer within {examination.time_limit:.0f} seconds.")]
    except Problem as problem:
        return [Line(check.name, "failure", _sentence(problem), _remedy(problem))]
    except Exception as error:
        log.error("check failed", check=check.name, exc_info=error)
        return [Line(check.name, "failure", f"The check itself failed: {error!r}.", "Please report it.")]


def _sentence(problem: Problem) -> str:
    return f"{problem.sentence.rstrip('.')}."


def _remedy(problem: Problem) -> str:
    return str(problem.details.get("reason") or "")


async def _settings(examination: Examination) -> Sequence[Line]:
    facts = examination.facts
    lines = [Line("settings", "warning", warning) for warning in facts.warnings]
    if facts.problem:
        lines.append(Line("settings", "failure", facts.problem, "See the page Settings of the documentation."))
    elif (mistake := examination.context.github.mistake) and not examination.context.github.is_configured:
        lines.append(Line("settings", "failure", _sentence(mistake), _remedy(mistake)))
    return lines or [Line("settings", "ok", "The settings can be used.")]


async def _database(examination: Examination) -> Sequence[Line]:
    if examination.facts.no_database:
        return [Line("database", "failure", examination.facts.no_database)]
    await fetch("SELECT 1 AS one")
    if pending := await pending_migrations():
        sentence = f"The schema is not that of this version: {len(pending)} migrations are not applied."
        return [Line("database", "failure", sentence, "Run `longshore migrate`, or start the service.")]
    await try_write()
    return [Line("database", "ok", "The database can be read and written, and its schema is current.")]


async def _app(examination: Examination) -> Sequence[Line]:
    found = await examination.context.github.identify()
    examination.app = await app_settings.get(examination.context.github)
    return [Line("app", "ok", f"GitHub knows the App {found.slug}.", "", examination.app.url)]


async def _clock(examination: Examination) -> Sequence[Line]:
    context = examination.context
    return [rules.clock(context.github_now() - context.now())]


async def _permissions(examination: Examination) -> Sequence[Line]:
    app, needed = examination.app, read_manifest()["default_permissions"]
    return rules.permissions(needed, app.permissions, ESSENTIAL, f"{app.settings_url}/permissions")


async def _events(examination: Examination) -> Sequence[Line]:
    app = examination.app
    return rules.events(read_manifest()["default_events"], app.events, f"{app.settings_url}/permissions")


async def _webhook(examination: Examination) -> Sequence[Line]:
    app, facts = examination.app, examination.facts
    hook = await app_settings.webhook(examination.context.github)
    return rules.webhook(hook, facts.public_url, is_named=facts.names_url, url=app.settings_url)


async def _deliveries(examination: Examination) -> Sequence[Line]:
    app = examination.app
    statuses = await app_settings.newest_deliveries(examination.context.github)
    return [rules.deliveries(statuses, f"{app.settings_url}/advanced")]


async def _installations(examination: Examination) -> Sequence[Line]:
    app = examination.app
    found = await app_settings.installed(examination.context.github)
    if not found:
        url = f"{app.url}/installations/new"
        return [Line("installations", "failure", "The App is not installed anywhere.", "Install it.", url)]
    needed = _held(read_manifest()["default_permissions"], app.permissions)
    lines: list[Line] = []
    for each in found:
        if each.is_suspended:
            lines.append(
                Line("installations", "failure", f"{each.account} has suspended the App.", "Unsuspend it.", each.url)
            )
        lines += rules.accepted(each.account, rules.lacking(needed, each.permissions), ESSENTIAL, each.url)
    names = ", ".join(each.account for each in found[:MAX_NAMED])
    return lines or [Line("installations", "ok", f"The App is installed on {names}, with its permissions.")]


async def _queue(_: Examination) -> Sequence[Line]:
    facts = QueueFacts(await oldest_due(), await count_dead_letters(), await last_finished())
    return rules.queue(facts)


async def _sign_in(examination: Examination) -> Sequence[Line]:
    return [rules.sign_in(examination.facts.sign_in)]


async def _secret_key(examination: Examination) -> Sequence[Line]:
    find = examination.facts.key
    line = None if find is None else await find()
    return [] if line is None else [line]


async def _repositories(examination: Examination) -> Sequence[Line]:
    return await repository_checks.reachable(examination.context, examination.time_limit * FOR_EACH)


async def _workflows(examination: Examination) -> Sequence[Line]:
    return await repository_checks.workflow_files(examination.context, examination.time_limit * FOR_EACH)


def _held(needed: Mapping[str, str], held: Mapping[str, str]) -> Mapping[str, str]:
    """The permissions that are needed and that the App has: an installation can accept no others."""
    missing = rules.lacking(needed, held)
    return {name: level for name, level in needed.items() if name not in missing}


CHECKS: Sequence[Check] = (
    Check("settings", (), _settings),
    Check("database", (), _database),
    Check("app", ("settings",), _app),
    Check("clock", ("app",), _clock),
    Check("permissions", ("app",), _permissions),
    Check("events", ("app",), _events),
    Check("webhook", ("app",), _webhook),
    Check("deliveries", ("app",), _deliveries),
    Check("installations", ("app",), _installations),
    Check("repositories", ("app", "database"), _repositories),
    Check("workflows", ("app", "database"), _workflows),
    Check("queue", ("database",), _queue),
    Check("sign-in", ("settings",), _sign_in),
    Check("secret key", ("database",), _secret_key),
)
