"""Freezes, locks, holds and bans: why and until when, and the sentences that tell people about them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.errors import Refusal

MAX_REASON = 1000  # characters of a reason that are kept


@dataclass(frozen=True)
class Terms:
    """Why something is stopped, since when, and until when; None until somebody ends it."""

    reason: str
    since: datetime
    until: datetime | None


def terms(
    now: datetime, reason: str, until: datetime | None = None, lasts: timedelta | None = None, within: str = ""
) -> Terms:
    """Return the terms of what begins now. Refuses an empty reason, and an end that is none.

    `within` comes before the names of fields in refusals.
    """
    return Terms(check_reason(reason, f"{within}reason"), now, end_of(now, until, lasts, f"{within}until"))


def check_reason(reason: str, field: str = "reason") -> str:
    """Return a reason without the white space around it, of at most MAX_REASON characters. Refuses an empty one."""
    if not reason.strip():
        raise Refusal(f"`{field}` must say why, for those who are stopped by it.", field=field)
    return reason.strip()[:MAX_REASON]


def end_of(now: datetime, until: datetime | None, lasts: timedelta | None, field: str = "until") -> datetime | None:
    """Return when something ends that begins now: at `until`, or after `lasts`; None if neither says.

    Refuses an end that is not in the future, and both at once.
    """
    if lasts is None:
        if until is not None and until <= now:
            raise Refusal(f"`{field}` must be in the future.", field=field)
        return until
    if until is not None:
        raise Refusal(f"Say either `{field}` or `for`, not both.", field="for")
    if lasts <= timedelta():
        raise Refusal("`for` must be longer than zero.", field="for")
    return now + lasts


def moment_in_words(moment: datetime, now: datetime) -> str:
    """Write a time for people: `14:02 UTC` on the same day as `now`, else with its date. Both are in UTC."""
    date = "" if moment.date() == now.date() else f"{moment:%Y-%m-%d} "
    return f"{date}{moment:%H:%M} UTC"


def told(fact: str, since: datetime, until: datetime | None, reason: str, now: datetime) -> str:
    """Say that something has been so since a time, until when, and why: `The environment is locked by ada since …`."""
    end = "" if until is None else f", until {moment_in_words(until, now)}"
    return f"{fact} since {moment_in_words(since, now)}{end}: {reason.rstrip('.')}."
