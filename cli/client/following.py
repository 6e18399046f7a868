"""Follow a deployment or a build until it has ended, asking politely: seldom, and only for what has changed."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from bot.errors import Refusal
from bot.rules.durations import format_duration, parse_duration
from cli.client.caller import Caller
from cli.client.exits import WAITS, Outcome, Table, Unreachable, Usage

T = TypeVar("T")
GROWTH = 1.5  # how much longer the next pause between two looks is


@dataclass(frozen=True)
class Followed(Generic[T]):
    """What is followed: where it is shown, and how it is told about.

    `ended` returns the outcome of what has ended, None while it goes on. `again` is the command that follows it again.
    """

    path: str
    describe: Callable[[T], str]
    ended: Callable[[T], Outcome | None]
    explain: Callable[[T], Table | None]
    again: str


def parse_timeout(text: str | None, *, wait: bool) -> timedelta | None:
    """The value of --timeout, which makes sense with --wait only."""
    if text is None:
        return None
    if not wait:
        raise Usage("--timeout says how long to wait: it needs --wait.")
    return duration(text, "--timeout")


def duration(text: str, name: str) -> timedelta:
    """The duration that an option says."""
    try:
        return parse_duration(text)
    except Refusal as refused:
        raise Usage(f"{name}: `{text}` is not a duration: write {refused.details['expected']}.") from None


async def follow(caller: Caller, followed: Followed[T], limit: timedelta | None) -> Outcome:
    """Tell how something goes on until it has ended, or for as long as `limit`."""
    try:
        return await _follow(caller, followed, limit)
    except asyncio.CancelledError:
        caller.progress.say(f"It goes on without you: `{followed.again}` follows it again.")
        raise
    except Unreachable as error:
        sentence = f"{error.sentence} It may go on: `{followed.again}` follows it again."
        raise Unreachable(sentence, **error.details) from error


async def _follow(caller: Caller, followed: Followed[T], limit: timedelta | None) -> Outcome:
    end = None if limit is None else time.monotonic() + limit.total_seconds()
    pause = caller.service.pace.first_look
    current, tag = await caller.service.get_if_changed(followed.path, None)
    while (outcome := followed.ended(current)) is None:
        caller.progress.show_state(followed.describe(current))
        left = pause if end is None else end - time.monotonic()
        if left <= 0 and limit is not None:
            return _unfinished(followed, current, limit)
        await asyncio.sleep(min(pause, left))
        pause = min(pause * GROWTH, caller.service.pace.last_look)
        changed, tag = await caller.service.get_if_changed(followed.path, tag)
        current = current if changed is None else changed
    return outcome


def _unfinished(followed: Followed[T], current: T, limit: timedelta) -> Outcome:
    table = followed.explain(current)
    problem = f"{followed.describe(current)}, after {format_duration(limit)}. `{followed.again}` follows it again."
    return Outcome(current, () if table is None else (table,), WAITS, problem)
