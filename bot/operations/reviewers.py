"""What one person may do where something waits for them, as GitHub says: their role and teams in each repository."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.context import Actor, Context
from bot.errors import Problem, RateLimited, Refusal
from bot.github.repository import RepositoryClient
from bot.github.transport import ApiError
from bot.operations import gate_answers
from bot.rules.approvers import PersonFact, teams_in
from bot.rules.gate_questions import Questions
from bot.rules.ids import GitHubUserId, InstallationId, ProjectId, RepositoryId
from bot.rules.permissions import covers, grants_of_role
from bot.store.projects import Outline
from bot.store.review_queries import PlaceRow

AT_ONCE = 8  # questions to GitHub


@dataclass(frozen=True)
class Reviewer:
    """An actor, and as a person what GitHub said about them in repositories, which may be a minute old."""

    actor: Actor
    people: Mapping[int, PersonFact]

    def person(self, row: PlaceRow) -> PersonFact | None:
        """What GitHub said about the person in the repository of a row; None if it could not be asked."""
        actor = self.actor
        if actor.project_id not in (None, row["project_id"]):
            return None
        if actor.repository_id not in (None, row["repository_id"]):
            return None
        return self.people.get(row["repository_id"] or 0)

    def holds(self, row: PlaceRow, grant: str) -> bool:
        """Whether the actor holds a grant on the project of a row."""
        if not self.actor.is_unconfirmed:
            return self.actor.holds(grant) and self.actor.reaches(_outline(row))
        person = self.person(row)
        held = grants_of_role("none" if person is None or person.is_gone else person.role or "none")
        return covers(self.actor.grants & held, grant)


def _outline(row: PlaceRow) -> Outline:
    repository = None if row["repository_id"] is None else RepositoryId(row["repository_id"])
    return Outline(ProjectId(row["project_id"]), row["project"], repository, bool(row["is_public"]))


async def ask(context: Context, rows: Iterable[tuple[PlaceRow, Iterable[str]]]) -> Reviewer:
    """Ask GitHub about the actor in the repositories of some rows: for the role, and for the teams in the row's list.

    Repositories that the App does not reach are left out. Of an actor who is no person nothing is asked.
    """
    account = context.actor.github_id
    entries: defaultdict[int, set[str]] = defaultdict(set)
    places: dict[int, PlaceRow] = {}
    for row, listed in rows:
        if row["repository_id"] is not None:
            places.setdefault(row["repository_id"], row)
            entries[row["repository_id"]].update(listed)
    if account is None:
        return Reviewer(context.actor, {})
    turns = asyncio.Semaphore(AT_ONCE)
    questions = (_person(context, account, place, entries[number], turns) for number, place in places.items())
    answers = zip(places, await asyncio.gather(*questions), strict=True)
    return Reviewer(context.actor, {number: person for number, person in answers if person is not None})


async def _person(
    context: Context, account: GitHubUserId, place: PlaceRow, entries: set[str], turns: asyncio.Semaphore
) -> PersonFact | None:
    installation = None if place["installation_id"] is None else InstallationId(place["installation_id"])
    questions = Questions(roles=True, teams=teams_in(entries))
    async with turns:
        try:
            client = context.github.client_for(
                installation, RepositoryId(place["repository_id"] or 0), place["full_name"] or ""
            )
        except Refusal:
            return None
        if not await _may_ask(context, account, client, place):
            return None
        strangers = context.github.people.strangers
        if strangers.is_one(account):
            client = client.counted(lambda: strangers.count(account))
        return await gate_answers.person(context, client, account, context.actor.name, questions, fresh=False)


async def _may_ask(context: Context, account: GitHubUserId, client: RepositoryClient, place: PlaceRow) -> bool:
    """Have the actor's role remembered, unless so much was asked about a stranger that nothing more is."""
    people, private = context.github.people, not place["is_public"]
    try:
        await people.own_role(client, account, context.actor.name, fresh=False, private=private)
    except RateLimited:
        return False
    except (Problem, ApiError):  # it is asked again with the teams, and said there
        return True
    return True
