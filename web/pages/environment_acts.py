"""Acts on an environment: freeze and unfreeze, lock and unlock."""

from aiohttp import web

from bot.operations import freezes, locks
from web.pages.ends import end_of, shown
from web.requests import PageRequest


async def freeze(page: PageRequest) -> web.StreamResponse:
    """Stop deployments to the environment."""
    project, environment = _names(page)
    await freezes.freeze_environment(page.acting(), project, environment, page.field("reason"), **end_of(page))
    return _back(page)


async def unfreeze(page: PageRequest) -> web.StreamResponse:
    """End those freezes of the environment's own that the form has shown."""
    await freezes.end_all_of_environment(page.acting(), *_names(page), only=shown(page))
    return _back(page)


async def lock(page: PageRequest) -> web.StreamResponse:
    """Reserve the environment for oneself."""
    project, environment = _names(page)
    await locks.lock(page.acting(), project, environment, page.field("reason"), **end_of(page))
    return _back(page)


async def unlock(page: PageRequest) -> web.StreamResponse:
    """Release the lock that the form has shown."""
    await locks.unlock(page.acting(), *_names(page), expected=next(iter(shown(page) or ()), None))
    return _back(page)


def _names(page: PageRequest) -> tuple[str, str]:
    return page.part("project"), page.part("environment")


def _back(page: PageRequest) -> web.StreamResponse:
    project, environment = _names(page)
    return page.redirect("/projects", project, "environments", environment)
