"""What GitHub has to be asked before the gates can be decided: as little as the environment's settings need."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from bot.rules.approvers import PersonFact, Team, names_roles, teams_in
from bot.rules.gate_facts import ChecksFact, GateFacts
from bot.rules.ids import CommitSha, GitHubUserId


@dataclass(frozen=True)
class Questions:
    """Questions to GitHub. `people` are logins by id, of whom roles (`roles`) and memberships in `teams` are asked.

    `comparison` is the commit to compare the candidate's with; `authors` whether the authors of the candidate's changes
    are asked for, since the commit `authors_since` or, without one, of its commit alone.
    """

    people: Mapping[GitHubUserId, str] = field(default_factory=dict)
    roles: bool = False
    teams: frozenset[Team] = frozenset()
    comparison: CommitSha | None = None
    authors: bool = False
    authors_since: CommitSha | None = None
    checks: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to ask."""
        return not (self.people or self.comparison or self.authors or self.checks)


@dataclass(frozen=True)
class Answers:
    """What GitHub answered to which questions, but for comparisons, which are stored.

    `comparison_problem` and `authors_problem` say why they could not be asked for.
    """

    asked: Questions = field(default_factory=Questions)
    people: Mapping[GitHubUserId, PersonFact] = field(default_factory=dict)
    checks: ChecksFact | None = None
    comparison_problem: str | None = None
    authors_problem: str | None = None

    def cover(self, questions: Questions) -> bool:
        """Whether all of these questions were asked."""
        asked = self.asked
        return (
            questions.people.keys() <= asked.people.keys()
            and (asked.roles or not questions.roles)
            and questions.teams <= asked.teams
            and questions.comparison in (None, asked.comparison)
            and (not questions.authors or (asked.authors and asked.authors_since == questions.authors_since))
            and (asked.checks or not questions.checks)
        )


def questions(facts: GateFacts, *, exempt: Collection[str] = (), ask_requester: bool = False) -> Questions:
    """Find what GitHub has to be asked for all gates but the `exempt` ones, given the facts that the database knows.

    `ask_requester`: a person who asked for a deployment some time ago is asked about again.
    """
    settings, live = facts.settings, facts.live
    counted = facts.approvals if settings.approvals.count > 0 and "approvals" not in exempt else ()
    deployers = settings.deployers if "deployers" not in exempt else ()
    entries = [*(settings.approvers(facts.tier) if counted else ()), *deployers]
    people = {each.github_id: each.login for each in counted}
    requester = facts.requester
    if requester.github_id is not None and not requester.automatic and (deployers or ask_requester):
        people[requester.github_id] = requester.name
    compares = "downgrade" not in exempt and settings.refuses_downgrades(facts.tier)
    authors = facts.authors if counted else None
    return Questions(
        people=people,
        roles=bool(people) and (names_roles(entries) or ask_requester),
        teams=teams_in(entries) if people else frozenset(),
        comparison=live.commit if compares and live is not None and live.comparison is None else None,
        authors=authors is not None and authors.problem is not None,
        authors_since=None if authors is None else authors.base,
        checks=bool(settings.checks) and "checks" not in exempt,
    )


def questions_about_approver(facts: GateFacts, github_id: GitHubUserId, login: str) -> Questions:
    """Find what GitHub has to be asked before a person may approve the candidate."""
    entries = facts.settings.approvers(facts.tier)
    authors = facts.authors
    return Questions(
        people={github_id: login},
        roles=names_roles(entries),
        teams=teams_in(entries),
        authors=authors is not None and authors.problem is not None,
        authors_since=None if authors is None else authors.base,
    )


def complete(facts: GateFacts, answers: Answers) -> GateFacts:
    """Add GitHub's answers to the facts that the database knows."""
    live, authors, requester = facts.live, facts.authors, facts.requester
    if live is not None and live.comparison is None:
        live = replace(live, problem=answers.comparison_problem)
    if authors is not None and authors.problem is not None and answers.authors_problem is not None:
        authors = replace(authors, problem=answers.authors_problem)
    person = None if requester.github_id is None else answers.people.get(requester.github_id)
    return replace(
        facts,
        live=live,
        authors=authors,
        checks=answers.checks,
        requester=replace(requester, person=person),
        approvals=tuple(replace(each, person=answers.people.get(each.github_id)) for each in facts.approvals),
    )
