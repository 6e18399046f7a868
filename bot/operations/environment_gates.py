"""The gates' settings of environments: changed within the project, by people whom GitHub knows, and watched."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.context import Context, allowed, unknown_environment
from bot.errors import Conflict, Refusal
from bot.events.administration import GateWeakened
from bot.operations import events, personal_tokens
from bot.operations.waiting import reevaluate
from bot.rules import gate_changes as rules
from bot.rules.config_model import EnvironmentConfig
from bot.rules.config_strength import weaker_in
from bot.rules.gate_settings import FIELDS, GateSettings, read, to_stored
from bot.rules.ids import EnvironmentId, GitHubUserId, ProjectId
from bot.store.audit import AuditEntry
from bot.store.database import fetch
from bot.store.projects import Environment, Project

Listed = Mapping[str, GitHubUserId]
"""GitHub's ids by login, in lower case."""
JUDGED = ("tier", "workflow", "gate_settings")
"""The columns of an environment whose change may weaken its gates."""
WEAKENED = "SELECT id FROM audit_entries WHERE act = 'gate.weakened' AND project_id = $1 ORDER BY id DESC LIMIT $2"
MAX_WEAKENINGS = 500  # of a project, of which the newest of each environment is shown


@dataclass(frozen=True)
class Weakening:
    """The last change over REST that weakened an environment's gates."""

    by: str
    at: str
    fields: tuple[str, ...]


@allowed("project:write")
async def find_users(context: Context, project: Project, name: str | None, changes: Mapping[str, Any]) -> Listed:
    """Ask GitHub for the accounts of the logins that a change of gates newly names, outside of a transaction.

    `name` is that of the environment; None for a new one. A login that stands in its settings already keeps the account
    that it stood for first. Refuses a login that GitHub does not know, naming the field.
    """
    environment = None if name is None else await Environment.get_or_none(project_id=project.id, name=name)
    if environment is None and name is not None:
        raise await unknown_environment(context, project, name)
    stored = {} if environment is None else environment.gate_settings
    known = {} if environment is None else environment.listed_users
    found: dict[str, GitHubUserId] = {}
    for login in sorted(rules.logins(rules.merge(stored, changes)) - known.keys()):
        field = rules.field_of_login(changes, login)
        if project.repository is None:
            raise Refusal(
                f"GitHub cannot be asked for `{login}`: the project has no repository.",
                field=field,
                project=project.name,
            )
        client = context.client_for(project.repository)
        found[login] = (await personal_tokens.find_person(client, login, field)).id
    return found


async def columns(
    project: Project, name: str, environment: Environment | None, changes: Mapping[str, Any], found: Listed
) -> dict[str, Any]:
    """The columns of an environment after a change of its gates, in the caller's transaction.

    The project and `environment` have been locked; None for a new one, whose name is `name`. `found` are the accounts
    that `find_users` found.
    """
    settings = rules.merge({} if environment is None else environment.gate_settings, changes)
    known = {**found, **({} if environment is None else environment.listed_users)}
    named = sorted(rules.logins(settings))
    if any(login not in known for login in named):
        raise Conflict("The environment has just been changed: try again.", environment=name)
    if changes.get("after"):
        await _check_after(project.id, name, environment, settings)
    return {"gate_settings": to_stored(settings), "listed_users": {login: known[login] for login in named}}


async def _check_after(project: ProjectId, name: str, environment: Environment | None, settings: GateSettings) -> None:
    rows = await Environment.filter(project_id=project).only("id", "name", "gate_settings")
    own = None if environment is None else environment.id
    after = {row.name: read(row.gate_settings).after for row in rows if row.id != own}
    rules.check_after(name, {**after, name: settings.after})


async def follow(
    context: Context, project: Project, environment: Environment, before: Mapping[str, Any], name_before: str
) -> None:
    """Do, in the caller's transaction, what follows from a change of an environment.

    `before` has the columns that were changed as they were. The other environments that come after it follow its name;
    a weakening of gates is recorded; waiting deployments are evaluated again.
    """
    if environment.name != name_before:
        await _rename(project, name_before, environment.name)
    if not before.keys().isdisjoint((*JUDGED, "closed")):
        await _record_weakening(context, project, environment, before)
    if environment.name != name_before or "gate_settings" in before:
        await reevaluate(environment__project_id=project.id)
    else:
        await reevaluate(environment_id=environment.id)


async def _rename(project: Project, old: str, new: str) -> None:
    for other in await Environment.filter(project_id=project.id).order_by("id").select_for_update():
        if (stored := rules.with_renamed(other.gate_settings, old, new)) is not None:
            await Environment.filter(id=other.id).update(gate_settings=stored)


async def _record_weakening(
    context: Context, project: Project, environment: Environment, before: Mapping[str, Any]
) -> None:
    now = {column: getattr(environment, column) for column in JUDGED}
    opened = {"closed"} if before.get("closed") is not None else set[str]()
    fields = sorted({*weaker_in(_config({**now, **before}), _config(now)), *opened})
    if not fields:
        return
    event = GateWeakened(
        project_id=project.id,
        target=f"{project.name}/{environment.name}",
        environment_id=environment.id,
        fields=tuple(fields),
        old={column: before[column] for column in (*JUDGED, "closed") if column in before},
        new={column: getattr(environment, column) for column in (*JUDGED, "closed") if column in before},
    )
    await events.record(context, event)


def _config(columns: Mapping[str, Any]) -> EnvironmentConfig:
    """The columns in the form in which two settings of an environment are compared."""
    gates = read(columns["gate_settings"])
    return EnvironmentConfig.model_construct(
        tier=columns["tier"],
        workflow=columns["workflow"],
        deadline=timedelta(),
        **{field: getattr(gates, field) for field in FIELDS},
    )


async def last_weakenings(project: ProjectId) -> dict[EnvironmentId, Weakening]:
    """The last weakening of each environment of a project over REST, by the environment's id."""
    # the ids first, by a statement that has the act in its text, for the partial index
    ids = [row["id"] for row in await fetch(WEAKENED, project, MAX_WEAKENINGS)]
    found: dict[EnvironmentId, Weakening] = {}
    for entry in await AuditEntry.filter(id__in=ids).order_by("-id") if ids else ():
        weakening = Weakening(entry.actor, entry.at.isoformat(), tuple(entry.after["fields"]))
        found.setdefault(EnvironmentId(entry.after["environment"]), weakening)
    return found
