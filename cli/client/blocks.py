"""Stop deployments and allow them again: freezes, locks, holds and bans."""

from datetime import UTC, datetime

from bot.errors import Refusal
from bot.rules.times import parse_time
from cli.client.caller import Caller
from cli.client.exits import Outcome, Usage
from cli.client.following import duration
from cli.client.gates import moment
from cli.client.options import BlockOptions
from cli.client.service import path
from cli.client.shapes import Freeze, Lock

ALL = "all"  # of a project's environments; none has this name
NOT_LOCKED = "The environment is not locked."
NOT_BANNED = "Release candidate is not banned"


def scope_of(environment: str | None, service: bool) -> str | None:
    """The environment that is meant, None for the whole service. Refuses neither, and both."""
    if service == (environment is not None):
        raise Usage("Name an environment, `all` for every one of the project, or --service for all projects.")
    return environment


async def freeze(caller: Caller, environment: str | None, reason: str, options: BlockOptions) -> Outcome:
    """Freeze an environment, with `all` every one of a project, and without one every one of the service."""
    terms = _terms(reason, options)
    where, scope = await _freezes(caller, environment)
    frozen: Freeze = await caller.service.post(where, terms)
    return Outcome(frozen, (f"Froze {_subject(scope, environment)}{_until(frozen['until'])}: {frozen['reason']}",))


async def unfreeze(caller: Caller, environment: str | None) -> Outcome:
    """End the freezes of an environment, of a project as a whole, or of the service; says which others remain."""
    where, scope = await _freezes(caller, environment)
    found: list[Freeze] = await caller.service.get(where)
    ended = [each for each in found if each["scope"] == scope]
    for each in ended:
        await caller.service.end(f"{where}{path(each['id'])}")
    remaining = [each for each in found if each not in ended]
    subject = _subject(scope, environment)
    lines = [f"Ended the freeze of {subject} by {each['by']}: {each['reason']}" for each in ended]
    lines += [] if ended else [f"There is no freeze of {subject} itself to end."]
    lines += [
        f"Still in force: the freeze of {_remaining(each)} by {each['by']}: {each['reason']}" for each in remaining
    ]
    return Outcome({"ended": ended, "remaining": remaining}, lines)


async def lock(caller: Caller, environment: str, reason: str, options: BlockOptions) -> Outcome:
    """Reserve an environment: nobody else can deploy there."""
    terms = _terms(reason, options)
    taken: Lock = await caller.service.post(await _lock(caller, environment), terms)
    line = f"Locked {environment} for {taken['owner']}{_until(taken['until'])}: {taken['reason']}"
    return Outcome(taken, (line, "Nobody else can deploy there."))


async def unlock(caller: Caller, environment: str) -> Outcome:
    """Release the lock of an environment."""
    await caller.service.end(await _lock(caller, environment), ended=NOT_LOCKED)
    return Outcome({"environment": environment, "lock": None}, (f"Released the lock of {environment}.",))


async def hold(caller: Caller, version: str, reason: str) -> Outcome:
    """Hold a release: none of its candidates can be deployed."""
    answer = await caller.service.post(await _hold(caller, version), {"reason": reason})
    held = answer["held"]
    if held["reason"] != reason.strip():
        return Outcome(answer, (f"{version} was held before, by {held['by']}: {held['reason']}",))
    return Outcome(answer, (f"Held {version}: {held['reason']}", "None of its candidates can be deployed."))


async def unhold(caller: Caller, version: str) -> Outcome:
    """End the hold of a release."""
    await caller.service.end(await _hold(caller, version))
    return Outcome({"release_version": version, "held": None}, (f"Ended the hold of {version}.",))


async def ban(caller: Caller, candidate: str, reason: str) -> Outcome:
    """Ban a candidate: it can no longer be deployed."""
    answer = await caller.service.post(await _ban(caller, candidate), {"reason": reason})
    return Outcome(answer, (f"Banned {candidate}: {answer['reason']}", "It can no longer be deployed."))


async def unban(caller: Caller, candidate: str) -> Outcome:
    """End the ban of a candidate."""
    await caller.service.end(await _ban(caller, candidate), ended=NOT_BANNED)
    return Outcome({"release_candidate_version": candidate, "banned": False}, (f"Ended the ban of {candidate}.",))


async def _freezes(caller: Caller, environment: str | None) -> tuple[str, str]:
    """Where the freezes of an environment, of a project or of the service are, and the scope of its own."""
    if environment is None:
        return path("api", "freezes"), "service"
    project = path("api", "projects", await caller.project())
    if environment == ALL:
        return f"{project}{path('freezes')}", "project"
    return f"{project}{path('environments', environment, 'freezes')}", "environment"


async def _lock(caller: Caller, environment: str) -> str:
    return path("api", "projects", await caller.project(), "environments", environment, "lock")


async def _hold(caller: Caller, version: str) -> str:
    return path("api", "projects", await caller.project(), "releases", version, "hold")


async def _ban(caller: Caller, candidate: str) -> str:
    return path("api", "projects", await caller.project(), "candidates", candidate, "ban")


def _terms(reason: str, options: BlockOptions) -> dict[str, object]:
    """Why something is stopped, and until when, as requests say it."""
    if options.until is not None and options.lasts is not None:
        raise Usage("Say either --until or --for, not both.")
    if options.lasts is not None:
        duration(options.lasts, "--for")
        return {"reason": reason, "for": options.lasts}
    return {"reason": reason} if options.until is None else {"reason": reason, "until": _time(options.until)}


def _time(text: str) -> str:
    """A time that --until says, as requests say it."""
    try:
        return parse_time(text).after(datetime.now(UTC)).isoformat()
    except Refusal as refused:
        expected = refused.details.get("expected")
        wanted = f" write {expected}" if expected else " write one in the future"
        raise Usage(f"--until: `{text}` is not a time to come:{wanted}.") from None


def _subject(scope: str, environment: str | None) -> str:
    return {"service": "the whole service", "project": "the whole project"}.get(scope, environment or "")


def _remaining(freeze: Freeze) -> str:
    return f"{_subject(freeze['scope'], freeze['environment'])}{_until(freeze['until'])}"


def _until(time: str | None) -> str:
    return f" until {moment(time)}" if time else ""
