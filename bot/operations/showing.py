"""What all that is shown on GitHub has in common: how often it changes, and which failures are only logged."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog
from cachetools import LRUCache

from bot.context import Context
from bot.errors import PermissionMissing, Refusal
from bot.github.transport import ApiError
from bot.queue.jobs import RetryLater
from bot.rules.views import Part

INTERVAL = timedelta(seconds=5)  # between two changes of the same text
GONE = (404, 410)
HOPELESS = (403, 404, 410, 422, 451)
"""Answers that would be the same if the request were sent again."""

log = structlog.get_logger()
_told: LRUCache[tuple[int, Part], bool] = LRUCache(10_000)
"""The repositories, each with the part that it does not show, about which the log says that a permission is missing."""


class Shown:
    """Whether something was shown in the end. `is_gone`: there is no place for it any more."""

    def __init__(self) -> None:
        self.is_gone = False


@contextmanager
def showing(part: Part, repository: int) -> Iterator[Shown]:
    """Show something, or only log why that is not possible: it is no reason to try again, nor for a dead letter.

    What may be possible later, after an outage or when a limit has passed, is raised.
    """
    shown = Shown()
    try:
        yield shown
    except PermissionMissing as missing:
        if (repository, part) not in _told:
            _told[repository, part] = True
            log.warning("not shown on GitHub", part=part, repository=repository, why=missing.sentence)
    except Refusal as refusal:
        log.info("not shown on GitHub", part=part, repository=repository, why=refusal.sentence)
    except ApiError as error:
        error.raise_unless(*HOPELESS)
        shown.is_gone = error.status in GONE
        log.info("not shown on GitHub", part=part, repository=repository, why=str(error.details.get("reason")))


def digest_of(*texts: object) -> str:
    """A digest of what is shown, by which it is known not to have changed."""
    return hashlib.sha256(repr(texts).encode("utf-8", "replace")).hexdigest()


def wait_for_interval(context: Context, shown_at: datetime | None) -> None:
    """Put a job off that would change a text too soon after its last change."""
    if shown_at is not None and context.now() < shown_at + INTERVAL:
        raise RetryLater(shown_at + INTERVAL, "it has just been changed")
