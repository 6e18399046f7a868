"""Deploying, promoting and rolling back: each shows first what it would do and every gate, and then does it."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from bot.errors import NotFound, Problem, Unauthenticated
from bot.operations import candidates, deploying, environments, offers, promotions, rollbacks
from bot.operations.deploying import DeployRequest
from bot.operations.previews import Preview
from bot.rules.gate_results import OVERRIDABLE, ROLLBACK_GATES
from bot.rules.versions import CandidateVersion, parse_candidate_version
from web.errors import status_of
from web.requests import PageRequest

MAX_ENVIRONMENTS = 100


@dataclass(frozen=True)
class Plan:
    """What an act would do, with every gate; `problem` says why not even that can be said."""

    preview: Preview | None = None
    problem: Problem | None = None

    @property
    def verdict(self) -> str:
        """The decision's verdict; `refuse` if there is a problem, `pass` if gates have no say."""
        if self.preview is None:
            return "refuse"
        return "pass" if self.preview.decision is None else self.preview.decision.verdict

    @property
    def would(self) -> tuple[str, ...]:
        """What the act would do, in sentences."""
        return () if self.preview is None else self.preview.would

    @property
    def gates(self) -> list[Any]:
        """Every gate with its result."""
        decision = None if self.preview is None else self.preview.decision
        return [] if decision is None else list(decision.gates)

    def can_override(self, *, rollback: bool = False) -> bool:
        """Whether an override could open every closed gate that refuses."""
        decision = None if self.preview is None else self.preview.decision
        closed = [] if decision is None else decision.closed()
        openable = [gate for gate in OVERRIDABLE if not rollback or gate in ROLLBACK_GATES]
        return any(each.gate in openable for each in closed)


async def plan_deployment(page: PageRequest) -> web.StreamResponse:
    """Show what deploying the candidate to an environment would do, with every gate.

    `reason` in the query: what would happen if gates were overridden for that reason.
    """
    project, version = page.part("project"), _version(page)
    candidate = await candidates.find(page.context, project, version)
    listed = await environments.find_all(page.context, project, limit=MAX_ENVIRONMENTS)
    environment = page.field("environment") or page.query("environment")
    if not environment and listed:
        environment = await _next(page) or listed[0].name
    reason = page.field("reason") or page.query("reason")
    plan = await _plan_deployment(page, environment, DeployRequest(version, wait=True, force=reason or None))
    return await page.render(
        "deploy.html",
        status=200 if plan.problem is None else status_of(plan.problem),
        project_name=project,
        candidate=candidate,
        environments=listed,
        environment=environment,
        reason=reason,
        plan=plan,
        access=await offers.access(page.context, project),
    )


async def deploy(page: PageRequest) -> web.StreamResponse:
    """Deploy the candidate, or let it wait; with a reason, gates are overridden."""
    request = DeployRequest(_version(page), wait=page.field("wait") == "yes", force=page.field("reason") or None)
    started, _ = await deploying.deploy(page.acting(), page.part("project"), page.field("environment"), request)
    return page.redirect("/deployments", started.id)


async def promote(page: PageRequest) -> web.StreamResponse:
    """Go to the page that deploys the candidate to the environment after the last one where it is live."""
    following = await promotions.next_environment(page.context, page.part("project"), _version(page))
    response = page.redirect("/projects", page.part("project"), "candidates", page.part("candidate"), "deploy")
    response.headers["Location"] += f"?{urlencode({'environment': following})}"
    return response


async def plan_rollback(page: PageRequest) -> web.StreamResponse:
    """Show what rolling the environment back would do, with every gate that judges it."""
    project, name = page.part("project"), page.part("environment")
    environment = await environments.find(page.context, project, name)
    is_forced = "yes" in (page.field("force"), page.query("force"))
    reason = page.field("reason") or page.query("reason")
    plan = await _plan_rollback(page, is_forced=is_forced, reason=reason)
    return await page.render(
        "rollback.html",
        status=200 if plan.problem is None else status_of(plan.problem),
        project_name=project,
        environment=environment,
        is_forced=is_forced,
        reason=reason,
        plan=plan,
        access=await offers.access(page.context, project),
    )


async def roll_back(page: PageRequest) -> web.StreamResponse:
    """Roll the environment back to what the form has shown that was live before, or refuse if something else was."""
    started = await rollbacks.roll_back(
        page.acting(),
        page.part("project"),
        page.part("environment"),
        force=page.field("force") == "yes",
        reason=page.field("reason") or None,
        expected=page.field("version") or None,
    )
    return page.redirect("/deployments", started.id)


async def _next(page: PageRequest) -> str:
    """The environment to which the candidate is promoted next; empty if there is none, or it cannot be told."""
    try:
        return await promotions.next_environment(page.context, page.part("project"), _version(page))
    except (NotFound, Unauthenticated):
        raise
    except Problem:  # nothing to promote to, or GitHub does not answer: the plan says what is wrong
        return ""


async def _plan_deployment(page: PageRequest, environment: str, request: DeployRequest) -> Plan:
    try:
        return Plan(await deploying.preview(page.context, page.part("project"), environment, request))
    except (NotFound, Unauthenticated):
        raise
    except Problem as problem:
        return Plan(problem=problem)


async def _plan_rollback(page: PageRequest, *, is_forced: bool, reason: str) -> Plan:
    project, environment = page.part("project"), page.part("environment")
    try:
        preview = await rollbacks.preview(page.context, project, environment, force=is_forced, reason=reason or None)
    except Unauthenticated:
        raise
    except Problem as problem:  # such as that there is nothing to roll back to
        return Plan(problem=problem)
    return Plan(preview)


def _version(page: PageRequest) -> CandidateVersion:
    return parse_candidate_version(page.part("candidate"))
