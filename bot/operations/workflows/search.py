"""The search for a run that GitHub did not name: its response was lost, or the server names no runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

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
            "GitHub did not say which run it started, and more than one run matches: look at the Actions page. Put the "
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

    There must be exactly one such run, and no other request that is searched for to which it could belong.
    """
    bot = await context.github.bot_login()
    since = (run.first_posted_at or run.created_at) - CLOCK_TOLERANCE
    listed, complete = await workflow_runs.dispatched_since(client, run.workflow, since)
    named = [fact for fact in listed if has_request_id(fact.title, run.request_id)]
    if named:
        first, *strays = sorted(named, key=lambda fact: fact.id)
        return Found(first, strays)
    ours = [fact for fact in listed if (fact.head_branch, fact.actor) == (_ref(candidate), bot)]
    matching = await _unclaimed(run, ours)
    if len(matching) == 1 and not await others(run, candidate):
        return Found(matching[0])
    return Found(ambiguous=bool(matching), complete=complete)


async def others(run: Run, candidate: Candidate) -> list[Run]:
    """Other requests whose runs are searched for, and whose runs only their titles could tell from this one's."""
    posted = Run.filter(repository_id=run.repository_id, workflow=run.workflow, state="posted").exclude(id=run.id)
    rows = await posted.select_related("candidate", "deployment__candidate")
    subjects = [(row, row.candidate if row.deployment is None else row.deployment.candidate) for row in rows]
    return [row for row, subject in subjects if subject is not None and _ref(subject) == _ref(candidate)]


def _ref(candidate: Candidate) -> str:
    """The tag or branch that a candidate's workflows are dispatched on."""
    return candidate.tag or candidate.branch


async def _unclaimed(run: Run, ours: list[RunFact]) -> list[RunFact]:
    """The runs that name no request and that no row has claimed: those at our commit, else those at others.

    A run at another commit (of a tag or branch that was moved) is canceled once it is adopted.
    """
    ids = [fact.id for fact in ours]
    claimed = {row.github_id for row in await Run.filter(repository_id=run.repository_id, github_id__in=ids)}
    unclaimed = [fact for fact in ours if fact.id not in claimed and not request_ids(fact.title)]
    return [fact for fact in unclaimed if fact.head_sha == run.commit] or unclaimed
