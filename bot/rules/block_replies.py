"""The replies to commands that stop deployments or allow them again, and to those about announcements."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bot.rules.escaping import code
from bot.rules.replies import Act, moment


@dataclass(frozen=True)
class Block:
    """Something that stops deployments: who said so, why, and until when (None: until it is ended)."""

    by: str
    reason: str
    until: datetime | None = None


@dataclass(frozen=True)
class RemainingFreeze:
    """A freeze that still stops deployments after others were ended; `scope` is environment, project or service."""

    scope: str
    environment: str | None
    block: Block


def held(version: str, block: Block, *, already: bool) -> Act:
    """Say that a release is on hold, perhaps since before."""
    if already:
        known = f"It was put on hold before, by {code(block.by)}: {code(block.reason)}."
        return Act("Kept", "keep", f"{code(version)} on hold", (known,))
    effect = "None of its candidates is deployed until the hold is ended."
    return Act("Put", "put", f"{code(version)} on hold: {code(block.reason)}", (effect,))


def unheld(version: str) -> Act:
    """Say that a release is not on hold."""
    return Act("Ended", "end", f"the hold of {code(version)}")


def banned(version: str, reason: str) -> Act:
    """Say that a candidate is banned."""
    return Act("Banned", "ban", f"{code(version)}: {code(reason)}", ("It is not deployed any more.",))


def unbanned(version: str) -> Act:
    """Say that a candidate may be deployed again."""
    return Act("Ended", "end", f"the ban of {code(version)}")


def frozen(environment: str | None, block: Block) -> Act:
    """Say that an environment, or every one of a project, is frozen."""
    return Act("Froze", "freeze", f"{_environment(environment)}{_until(block.until)}: {code(block.reason)}")


def unfrozen(environment: str | None, remaining: Iterable[RemainingFreeze]) -> Act:
    """Say that the freezes of an environment, or of a project as a whole, are ended, and which others remain."""
    return Act("Ended", "end", f"the freezes of {_environment(environment)}", tuple(map(_remaining, remaining)))


def locked(environment: str, block: Block) -> Act:
    """Say for whom an environment is locked."""
    who = f"{code(environment)} for {code(block.by)}{_until(block.until)}"
    return Act("Locked", "lock", f"{who}: {code(block.reason)}", ("Nobody else can deploy there.",))


def unlocked(environment: str, owner: str) -> Act:
    """Say whose lock of an environment was released."""
    return Act("Released", "release", f"the lock of {code(environment)} that {code(owner)} had")


def announced(version: str) -> Act:
    """Say that a release waits in the queue of announcements."""
    return Act("Submitted", "submit", f"{code(version)} as an announcement", ("It waits to be approved or rejected.",))


def announcement_approved(version: str) -> Act:
    """Say that an announcement was approved."""
    return Act("Approved", "approve", f"the announcement of {code(version)}")


def announcement_rejected(version: str, reason: str) -> Act:
    """Say that an announcement was rejected, and why."""
    return Act("Rejected", "reject", f"the announcement of {code(version)}: {code(reason)}")


def _environment(name: str | None) -> str:
    return "all environments of the project" if name is None else code(name)


def _until(time: datetime | None) -> str:
    return "" if time is None else f" until {moment(time)}"


def _remaining(freeze: RemainingFreeze) -> str:
    where = {"environment": f"{code(freeze.environment)} is", "service": "Every project is"}
    still = f"{where.get(freeze.scope, 'The whole project is')} still frozen by {code(freeze.block.by)}"
    return f"{still}{_until(freeze.block.until)}: {code(freeze.block.reason)}."
