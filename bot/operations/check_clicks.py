"""Clicks on check runs: they do what a command of the same person would do, and nothing more."""

import structlog

from bot.context import Context
from bot.errors import Conflict, FactUnknown, Problem, Refusal
from bot.events.administration import CommandRefused
from bot.operations import (
    cancellations,
    check_runs,
    deploying,
    deployments,
    events,
    performed_requests,
    rebuilds,
    users,
)
from bot.operations import views as shown
from bot.operations.deploying import DeployRequest
from bot.operations.view_jobs import ClickButton
from bot.queue.jobs import enqueue
from bot.rules import candidates as candidate_rules
from bot.rules.candidate_checks import Button, button_of
from bot.rules.ids import DeploymentId
from bot.rules.replies import code
from bot.rules.versions import parse_candidate_version
from bot.rules.views import shows
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.deployments import Deployment
from bot.store.projects import Environment

CHANNEL = "check button"
OUTDATED = "The button shows what was true some time ago: look at the check again."

log = structlog.get_logger()


async def on_click(context: Context, click: ClickButton) -> None:
    """Enqueue what somebody asked for by a click, if the check run is that of a candidate of the repository."""
    if await Candidate.exists(id=click.candidate, repository_id=click.repository):
        await enqueue(click)


async def perform(context: Context, click: ClickButton) -> None:
    """Job: do what somebody asked for, with the role that they have now; the check run tells why it is refused.

    Two clicks on the same button are one request: its identifier changes with what it does.
    """
    related = ("project", "repository", "release")
    candidate = await Candidate.get(id=click.candidate).select_related(*related)
    view = await check_runs.view_of(context, candidate.id)
    if not shows(candidate.project.show, "checks") or view.github_id not in (None, click.check_run):
        log.info("click ignored", why="it is on another check run", check_run=click.check_run)
        return
    try:
        actor = await users.actor_from_github(context, click.person, click.login, candidate.repository)
    except Refusal as refusal:  # the App is no longer installed
        log.info("click ignored", why=refusal.sentence, check_run=click.check_run)
        return
    origin = f"check-run:{click.check_run}:{click.identifier or click.act}"
    acting, note = context.acting_as(actor, CHANNEL).with_origin(origin), None
    try:
        await _perform(acting, candidate, click)
    except (Refusal, FactUnknown) as refusal:
        what = await _in_words(click)
        note = {"by": actor.name, "what": what, "sentence": refusal.sentence}
        await _record(acting, candidate, click, refusal)
    async with transaction():
        await check_runs.save(view, note=note)
        await shown.show(candidate.id)


async def _perform(context: Context, candidate: Candidate, click: ClickButton) -> None:
    project, version = candidate.project.name, parse_candidate_version(candidate.version)
    if click.act == "rerequested":
        await rebuilds.rebuild(context, project, version)
        return
    button = button_of(click.identifier)
    if button is None:
        raise Refusal("There is no such button any more.")
    if button.act == "deploy":
        await _deploy(context, candidate, button)
    elif button.act == "cancel":
        await _cancel(context, candidate, DeploymentId(button.subject))
    elif candidate.status in candidate_rules.UNFINISHED:
        await cancellations.cancel_build(context, project, version)
    elif candidate.status != "canceled":
        raise Conflict(OUTDATED)


async def _deploy(context: Context, candidate: Candidate, button: Button) -> None:
    environment = await Environment.get_or_none(id=button.subject, project_id=candidate.project_id)
    if environment is None:
        raise Conflict(OUTDATED)
    newest = await Deployment.filter(environment_id=environment.id).order_by("-id").first()
    is_outdated = button.newest != (0 if newest is None else newest.id)
    if is_outdated and not await performed_requests.is_performed(context):  # nor is it a second click
        raise Conflict(OUTDATED)
    request = DeployRequest(parse_candidate_version(candidate.version), wait=True)
    await deploying.deploy(context, candidate.project.name, environment.name, request)


async def _cancel(context: Context, candidate: Candidate, number: DeploymentId) -> None:
    deployment = await Deployment.get_or_none(id=number, candidate_id=candidate.id).select_related("environment")
    if deployment is None:
        raise Conflict(OUTDATED)
    if deployment.status not in ("canceling", "canceled"):  # by a click before this one
        await deployments.cancel(context, candidate.project.name, deployment.environment.name, number)


async def _in_words(click: ClickButton) -> str:
    """What somebody asked for, for the text of the check run."""
    button = button_of(click.identifier)
    if click.act == "rerequested" or button is None:
        return "building again"
    if button.act == "deploy":
        environment = await Environment.get_or_none(id=button.subject)
        return "deploying" if environment is None else f"deploying to {code(environment.name)}"
    return "canceling the deployment" if button.act == "cancel" else "canceling the build"


async def _record(context: Context, candidate: Candidate, click: ClickButton, refusal: Problem) -> None:
    command = {"command": click.act, "button": click.identifier, "candidate": candidate.version}
    refused = CommandRefused(
        repository=candidate.repository.full_name,
        command=command,
        refusal=refusal.sentence,
        comment=f"check-run:{click.check_run}",
    )
    async with transaction():
        await events.record(context, refused)
