"""The search for a run that GitHub did not name: its response was lost, or the server names no runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from bot.context import Context
from bot.errors import Refusal
from bot.github import workflow_runs
from bot.github.repository import RepositoryClient
from bot.rules.runs import RunFact, has_request_id, request_ids
from bot.store.candidates import Candidate
from bot.store.runs import Run

CLOCK_TOLERANCE = timedelta(seconds=30)  # between the clocks of GitHub's own machines


class Ambiguous(Refusal):
    """Several runs may be the requested one, and nothing distinguishes them."""

    def __init__(self) -> None:
        super().__init__(
            "GitHub did not say which run it started, and several may be the one: look at the Actions page. Put the "
            "request id into the workflow's `run-name`, so that its runs can be told apart."
        )


class Unlisted(Refusal):
    """GitHub has started the requested run, or may have, but it was not found by the deadline."""

    def __init__(self) -> None:
        super().__init__("GitHub may have started a run, but does not list it: look at the Actions page.")


@dataclass(frozen=True)
class Found:
    """The requested run, if it was found, and its strays: further runs of the same request.

    `ambiguous`: several runs may be the one. `complete`: all runs since the request were looked at.
    """

    run: RunFact | None = None
    strays: Sequence[RunFact] = ()
    ambiguous: bool = False
    complete: bool = True


async def find(context: Context, client: RepositoryClient, run: Run, candidate: Candidate) -> Found:
    """Look for a requested run: by the request id in its title, else the one unclaimed run of our bot on our ref.

    Of the latter there must be one, and no other request that is searched for may be the one that it is for.
    """
    bot = await context.github.bot_login()
    since = (run.first_posted_at or run.created_at) - CLOCK_TOLERANCE
    listed, complete = await workflow_runs.dispatched_since(client, run.workflow, since)
    named = [fact for fact in listed if has_request_id(fact.title, run.request_id)]
    if named:
        first, *strays = sorted(named, key=lambda fact: fact.id)
        return Found(first, strays)
    matching = await _unclaimed(run, candidate, listed, bot)
    if len(matching) == 1 and not await (await others(run, candidate)).exists():
        return Found(matching[0])
    return Found(ambiguous=bool(matching), complete=complete)


async def others(run: Run, candidate: Candidate) -> QuerySet[Run]:
    """Other requests whose runs are searched for, and could be told from this one's by their titles alone."""
    same_ref = [candidate.id]
    if candidate.tag is None:
        on_branch = Candidate.filter(repository_id=run.repository_id, tag=None, branch=candidate.branch)
        same_ref = [each.id for each in await on_branch.filter(commit=run.commit).only("id")]
    posted = Run.filter(repository_id=run.repository_id, workflow=run.workflow, state="posted")
    return posted.filter(Q(candidate_id__in=same_ref) | Q(deployment__candidate_id__in=same_ref)).exclude(id=run.id)


async def _unclaimed(run: Run, candidate: Candidate, listed: list[RunFact], bot: str) -> list[RunFact]:
    """The runs at our commit, on the requested ref, started by our own bot, that no row has claimed yet."""
    ref = candidate.tag or candidate.branch
    matching = [
        fact
        for fact in listed
        if (fact.head_branch, fact.head_sha, fact.actor) == (ref, run.commit, bot) and not request_ids(fact.title)
    ]
    ids = [fact.id for fact in matching]
    claimed = {row.github_id for row in await Run.filter(repository_id=run.repository_id, github_id__in=ids)}
    return [fact for fact in matching if fact.id not in claimed]
