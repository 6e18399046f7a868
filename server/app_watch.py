"""Ask GitHub at the start, and from time to time, whether it knows the App by its id and key."""

import asyncio
from contextlib import suppress

import structlog

from bot.errors import Unavailable, WrongSettings
from bot.github.app import GitHub

KNOWN_PAUSE = 3600.0  # seconds until GitHub is asked again
UNKNOWN_PAUSE = 60.0

log = structlog.get_logger()


class AppWatch:
    """Logs what GitHub says about the App, each time that this changes."""

    def __init__(self, github: GitHub) -> None:
        self._github, self._said = github, ""
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Ask soon: it is another App now."""
        self._woken.set()

    async def run(self) -> None:
        """Ask until canceled."""
        while True:
            self._woken.clear()
            is_known = await self.check()
            with suppress(TimeoutError):
                async with asyncio.timeout(KNOWN_PAUSE if is_known else UNKNOWN_PAUSE):
                    await self._woken.wait()

    async def check(self) -> bool:
        """Ask once; returns whether GitHub knows the App. Until it is set up, there is nothing to ask."""
        if not self._github.is_configured:
            return False
        try:
            app = await self._github.identify()
        except Unavailable as problem:
            changed, self._said = self._said != problem.sentence, problem.sentence
            if changed:
                level = log.error if isinstance(problem, WrongSettings) else log.warning
                level("app not confirmed", problem=problem.sentence, reason=problem.details.get("reason"))
            return False
        if self._said != app.slug:
            log.info("app confirmed", id=app.id, slug=app.slug)
        self._said = app.slug
        return True
