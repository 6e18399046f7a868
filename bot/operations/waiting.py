"""Waiting deployments, and jobs on GitHub that wait for our answer: evaluated again when what they wait for may change.

That is when something has changed, and when they are due.
"""

from dataclasses import replace
from typing import Any

from tortoise.expressions import Q

from bot.operations import gate_jobs, view_jobs
from bot.queue.jobs import enqueue
from bot.rules.ids import ProtectionRequestId
from bot.store.candidates import Candidate
from bot.store.deployments import Deployment
from bot.store.github_views import ProtectionRequest
from bot.store.projects import Project

MAX_REQUESTS = 1000


async def reevaluate(**where: object) -> None:
    """Enqueue an evaluation of each waiting deployment that matches: call it in the transaction of what changed.

    `where` are conditions on deployments, such as `environment_id=`, `environment__project_id=`, `candidate_id=`,
    `candidate__release_id=`; without any, all of them.
    """
    for waiting in await Deployment.filter(Q(waiting=True), **where).only("id", "environment_id"):
        await enqueue_evaluation(gate_jobs.EvaluateWaiting(waiting.id, waiting.environment_id))
    repositories = [Q(repository_id__in=await _repositories(name, value)) for name, value in where.items()]
    await reevaluate_requests(*repositories)


async def _repositories(condition: str, value: object) -> list[int]:
    """The repositories that deployments with this condition are about: what changes elsewhere costs them nothing."""
    found: Any
    if condition.startswith("environment"):
        projects = Project.filter(**{"environments__id" if condition == "environment_id" else "id": value})
        found = await projects.values_list("repository_id", flat=True)
    else:
        candidates = Candidate.filter(**{condition.removeprefix("candidate__").removeprefix("candidate_"): value})
        found = await candidates.limit(1).values_list("repository_id", flat=True)
    return [each for each in found if each is not None]


async def enqueue_evaluation(job: gate_jobs.EvaluateWaiting) -> None:
    """Enqueue an evaluation of a waiting deployment."""
    if not await enqueue(job):
        await enqueue(replace(job, again=True))


async def reevaluate_requests(*conditions: Q) -> None:
    """Enqueue an evaluation of the waiting protection requests: any gate may be one of theirs."""
    waiting = ProtectionRequest.filter(*conditions, state="waiting")
    for request in await waiting.order_by("evaluate_at").limit(MAX_REQUESTS).only("id"):
        await enqueue_request(request.id)


async def enqueue_request(request: ProtectionRequestId) -> None:
    """Enqueue an evaluation of a protection request."""
    if not await enqueue(view_jobs.AnswerProtection(request)):
        await enqueue(view_jobs.AnswerProtection(request, again=True))
