"""What waits for a person to say something, with the forms to say it; and its number, for the navigation."""

from aiohttp import web

from bot.operations import announcements, approvals, bans, config_approvals, deployments, releases, reviews
from bot.rules.ids import CommitSha, DeploymentId
from bot.rules.versions import CandidateVersion, parse_candidate_version
from web.requests import PageRequest
from web.routes import Route

WAITING = "/waiting"
DEPLOYMENT = WAITING + "/deployments/{project:[^/]+}/{environment:[^/]+}/{candidate:[^/]+}/{deployment}"
ANNOUNCEMENT = WAITING + "/announcements/{project:[^/]+}/{version:[^/]+}/{announcement}"
CHANGE = WAITING + "/changes/{project:[^/]+}/{environment:[^/]+}/{commit}"


async def show(page: PageRequest) -> web.StreamResponse:
    """Show what waits. Why an act was refused stands at its form, or above all if that does not wait any more."""
    found = await reviews.read(page.context)
    here = {
        *(f"deployment {each.deployment}" for each in found.approvals),
        *(f"announcement {each['id']}" for each in found.announcements),
        *(f"change {each.project} {each.environment}" for each in found.changes),
    }
    named = page.form.get("form", "").partition(" ")[2]
    return await page.render("waiting.html", found=found, gone=page.failure if named not in here else None)


async def show_count(page: PageRequest) -> web.StreamResponse:
    """Show how much waits, as the part of the navigation that pages load once they are shown."""
    return await page.render("waiting_count.html", count=await reviews.count(page.context))


async def approve(page: PageRequest) -> web.StreamResponse:
    """Approve a candidate for an environment."""
    environment, comment = page.part("environment"), page.field("comment")
    await approvals.approve(page.acting(), page.part("project"), environment, _version(page), comment)
    return page.redirect(WAITING)


async def cancel(page: PageRequest) -> web.StreamResponse:
    """Cancel a deployment."""
    deployment = DeploymentId(page.row_id("deployment"))
    await deployments.cancel(page.acting(), page.part("project"), page.part("environment"), deployment)
    return page.redirect(WAITING)


async def hold(page: PageRequest) -> web.StreamResponse:
    """Hold the release of a candidate."""
    await releases.hold(page.acting(), page.part("project"), _version(page).release, page.field("reason"))
    return page.redirect(WAITING)


async def ban(page: PageRequest) -> web.StreamResponse:
    """Ban a candidate."""
    await bans.ban(page.acting(), page.part("project"), _version(page), page.field("reason"))
    return page.redirect(WAITING)


async def approve_announcement(page: PageRequest) -> web.StreamResponse:
    """Approve an announcement: the one that was shown, and no newer one."""
    announcement = page.row_id("announcement")
    await announcements.approve(page.acting(), page.part("project"), page.part("version"), announcement)
    return page.redirect(WAITING)


async def reject_announcement(page: PageRequest) -> web.StreamResponse:
    """Reject an announcement with a reason."""
    reason, announcement = page.field("reason"), page.row_id("announcement")
    await announcements.reject(page.acting(), page.part("project"), page.part("version"), reason, announcement)
    return page.redirect(WAITING)


async def approve_change(page: PageRequest) -> web.StreamResponse:
    """Approve weaker changes of a configuration file: those of the commit that was shown."""
    commit = CommitSha(page.part("commit"))
    await config_approvals.approve(page.acting(), page.part("project"), page.part("environment"), at=commit)
    return page.redirect(WAITING)


def _version(page: PageRequest) -> CandidateVersion:
    return parse_candidate_version(page.part("candidate"))


ROUTES = (
    Route("GET", WAITING, show, "person"),
    Route("GET", f"{WAITING}/count", show_count, "person"),
    Route("POST", f"{DEPLOYMENT}/approve", approve, "person", show),
    Route("POST", f"{DEPLOYMENT}/cancel", cancel, "person", show),
    Route("POST", f"{DEPLOYMENT}/hold", hold, "person", show),
    Route("POST", f"{DEPLOYMENT}/ban", ban, "person", show),
    Route("POST", f"{ANNOUNCEMENT}/approve", approve_announcement, "person", show),
    Route("POST", f"{ANNOUNCEMENT}/reject", reject_announcement, "person", show),
    Route("POST", f"{CHANGE}/approve", approve_change, "person", show),
)
