"""Acts on a project: cut a candidate, freeze and unfreeze the project, hold and unhold a release."""

from dataclasses import dataclass

from aiohttp import web

from bot.errors import NotFound, Problem, Refusal, Unauthenticated
from bot.operations import candidates, commit_sources, cut_previews, freezes, projects, releases
from bot.operations.candidates import CutRequest
from bot.rules.versions import parse_requested_version
from web.errors import status_of
from web.pages.ends import end_of, shown
from web.requests import PageRequest


@dataclass(frozen=True)
class CutPlan:
    """What cutting would do: the request with its commit in full, and sentences; `problem` says why it is refused."""

    request: CutRequest | None = None
    would: tuple[str, ...] = ()
    problem: Problem | None = None


async def freeze(page: PageRequest) -> web.StreamResponse:
    """Stop deployments to all environments of the project."""
    await freezes.freeze_project(page.acting(), page.part("project"), page.field("reason"), **end_of(page))
    return page.redirect("/projects", page.part("project"))


async def unfreeze(page: PageRequest) -> web.StreamResponse:
    """End those freezes of the project as a whole that the form has shown."""
    await freezes.end_all_of_project(page.acting(), page.part("project"), only=shown(page))
    return page.redirect("/projects", page.part("project"))


async def hold(page: PageRequest) -> web.StreamResponse:
    """Hold a release, so that none of its candidates is deployed."""
    await releases.hold(page.acting(), page.part("project"), page.field("release"), page.field("reason"))
    return page.redirect("/projects", page.part("project"))


async def unhold(page: PageRequest) -> web.StreamResponse:
    """End the hold of a release."""
    await releases.unhold(page.acting(), page.part("project"), page.field("release"))
    return page.redirect("/projects", page.part("project"))


async def plan_cut(page: PageRequest) -> web.StreamResponse:
    """Show the form for a new candidate; once it is filled in, what cutting it would do."""
    project = await projects.find(page.context, page.part("project"))
    version, commit = page.query("version") or page.field("version"), page.query("commit") or page.field("commit")
    plan = CutPlan() if not version or page.failure is not None else await _plan(page, version, commit)
    return await page.render(
        "cut.html",
        status=200 if plan.problem is None else status_of(plan.problem),
        project=project,
        version=version,
        proposed=version or await _proposed(page),
        commit=page.field("named") or commit,
        plan=plan,
    )


async def cut(page: PageRequest) -> web.StreamResponse:
    """Cut the candidate at the commit that the page before showed."""
    wanted = parse_requested_version(page.field("version"))
    request = CutRequest(wanted.release, page.field("commit"), wanted.number)
    candidate, _ = await candidates.cut(page.acting(), page.part("project"), request)
    return page.redirect("/projects", page.part("project"), "candidates", candidate.version)


async def _plan(page: PageRequest, version: str, commit: str) -> CutPlan:
    try:
        wanted = parse_requested_version(version)
        sha = await commit_sources.resolve(page.context, page.part("project"), commit)
        request = CutRequest(wanted.release, sha, wanted.number)
        preview = await cut_previews.preview_cut(page.context, page.part("project"), request)
    except (NotFound, Unauthenticated):
        raise
    except Problem as problem:
        return CutPlan(problem=problem)
    return CutPlan(request, preview.would)


async def _proposed(page: PageRequest) -> str:
    """The next release version by the project's scheme; empty if the scheme does not say."""
    try:
        return (await projects.next_version(page.context, page.part("project")))["release_version"]
    except Refusal:
        return ""
