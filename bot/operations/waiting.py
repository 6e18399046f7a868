"""Waiting deployments: evaluated again when something they wait for may have changed, and when they are due."""

from tortoise.expressions import Q

from bot.operations import gate_jobs
from bot.queue.jobs import enqueue
from bot.store.deployments import Deployment


async def reevaluate(**where: object) -> None:
    """Enqueue an evaluation of each waiting deployment that matches: call it in the transaction of what changed.

    `where` are conditions on deployments, such as `environment_id=`, `environment__project_id=`, `candidate_id=`,
    `candidate__release_id=`, `candidate__commit=`; without any, all of them.
    """
    for waiting in await Deployment.filter(Q(waiting=True), **where).only("id", "environment_id"):
        if not await enqueue(gate_jobs.EvaluateWaiting(waiting.id, waiting.environment_id)):
            await enqueue(gate_jobs.EvaluateWaiting(waiting.id, waiting.environment_id, again=True))
