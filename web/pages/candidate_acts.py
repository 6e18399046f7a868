"""Acts on a candidate: approvals of it, holds of its release, bans of it, and its build."""

from aiohttp import web

from bot.operations import approvals, bans, cancellations, rebuilds, releases
from bot.rules.versions import CandidateVersion, parse_candidate_version
from web.requests import PageRequest


async def approve(page: PageRequest) -> web.StreamResponse:
    """Approve the candidate for an environment."""
    comment = page.field("comment")
    await approvals.approve(page.acting(), page.part("project"), page.field("environment"), _version(page), comment)
    return _back(page)


async def withdraw(page: PageRequest) -> web.StreamResponse:
    """Withdraw one's own approval of the candidate for an environment."""
    await approvals.withdraw_own(page.acting(), page.part("project"), page.field("environment"), _version(page))
    return _back(page)


async def hold(page: PageRequest) -> web.StreamResponse:
    """Hold the candidate's release."""
    await releases.hold(page.acting(), page.part("project"), _version(page).release, page.field("reason"))
    return _back(page)


async def unhold(page: PageRequest) -> web.StreamResponse:
    """End the hold of the candidate's release."""
    await releases.unhold(page.acting(), page.part("project"), _version(page).release)
    return _back(page)


async def ban(page: PageRequest) -> web.StreamResponse:
    """Ban the candidate: it is not deployed any more."""
    await bans.ban(page.acting(), page.part("project"), _version(page), page.field("reason"))
    return _back(page)


async def unban(page: PageRequest) -> web.StreamResponse:
    """End the candidate's ban."""
    await bans.unban(page.acting(), page.part("project"), _version(page))
    return _back(page)


async def cancel(page: PageRequest) -> web.StreamResponse:
    """Cancel the candidate's build."""
    await cancellations.cancel_build(page.acting(), page.part("project"), _version(page))
    return _back(page)


async def rebuild(page: PageRequest) -> web.StreamResponse:
    """Build the candidate again, by a new run."""
    await rebuilds.rebuild(page.acting(), page.part("project"), _version(page))
    return _back(page)


def _version(page: PageRequest) -> CandidateVersion:
    return parse_candidate_version(page.part("candidate"))


def _back(page: PageRequest) -> web.StreamResponse:
    return page.redirect("/projects", page.part("project"), "candidates", page.part("candidate"))
