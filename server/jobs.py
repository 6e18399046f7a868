"""Which operation performs which kind of job: the table, and the surroundings in which one runs."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta

import structlog

from bot.context import Context
from bot.errors import Unavailable
from bot.github.limits import Limited
from bot.github.transport import ApiError
from bot.operations import comments, idempotency_records, runs, tags
from bot.operations.workflows import reconcile, tracking
from bot.operations.workflows.dispatch import Dispatcher
from bot.queue.jobs import Job, RetryLater, prune

Perform = Callable[[Context, Job], Awaitable[None]]

WAITED_FOR = timedelta(days=1)
LONGEST_WAIT = timedelta(minutes=10)

log = structlog.get_logger()


def table(dispatcher: Dispatcher, webhook: Perform) -> Mapping[str, Perform]:
    """Every kind of job there is."""
    return {
        "webhook": webhook,
        "dispatch": lambda context, job: dispatcher.dispatch(context, job.json()["run"], job),
        "observe": lambda context, job: tracking.apply_fact(context, job.json()["run"], job.json()["fact"]),
        "follow": lambda context, job: tracking.follow(context, job.json()["run"]),
        "cancel": lambda context, job: runs.perform_cancel(context, job.json()["run"]),
        "cancel_stray": lambda context, job: runs.perform_cancel_stray(
            context, job.json()["run"], job.json()["github_id"]
        ),
        "command": lambda context, job: comments.run_commands(context, comments.said_from(job.json())),
        "reply": _reply,
        "check_tag": lambda context, job: tags.check(context, job.json()["candidate"], job.json()["by"]),
        "cut_by_tag": lambda context, job: tags.cut(context, tags.TagPush(**job.json())),
        "expire_build": lambda context, job: reconcile.expire_build(context, job.json()["run"]),
        "expire_deployment": lambda context, job: reconcile.expire_deployment(context, job.json()["deployment"]),
        "fetch_delivery": _fetch_delivery,
        "check_repository": lambda context, job: reconcile.check_repository(context, job.json()["repository"]),
        "reconcile": lambda context, job: reconcile.reconcile(context),
        "sweep_deliveries": lambda context, job: reconcile.sweep_deliveries(context),
        "check_repositories": lambda context, job: reconcile.check_repositories(context),
        "prune": lambda context, job: _prune(context),
    }


async def perform(kinds: Mapping[str, Perform], context: Context, job: Job) -> None:
    """Perform one job. What is away is waited for, longer and longer; for a day that counts as no failure."""
    try:
        await kinds[job.kind](context, job)
    except Limited as limited:
        raise RetryLater(context.now() + timedelta(seconds=limited.retry_after), _reason(limited)) from limited
    except ApiError as denied:
        raise Unavailable(_reason(denied)) from denied
    except Unavailable as unavailable:
        age = context.now() - datetime.fromtimestamp(job.created_at / 1000, UTC)
        if age > WAITED_FOR:
            raise Unavailable(_reason(unavailable)) from unavailable
        wait = min(max(timedelta(seconds=unavailable.retry_after), age / 4), LONGEST_WAIT)
        raise RetryLater(context.now() + wait, _reason(unavailable)) from unavailable


def _reason(unavailable: Unavailable) -> str:
    return f"{unavailable.sentence}: {unavailable.details.get('reason', 'no reason given')}"


async def _reply(context: Context, job: Job) -> None:
    payload = job.json()
    said = comments.said_from(payload["said"])
    await comments.reply(context, said, payload["body"], payload["reaction"])


async def _fetch_delivery(context: Context, job: Job) -> None:
    payload = job.json()
    await reconcile.fetch_delivery(context, payload["delivery"], payload["guid"], payload["event"])


async def _prune(context: Context) -> None:
    log.info("pruned", jobs=await prune(context.now()), answers=await idempotency_records.prune(context.now()))
