"""Questions to GitHub that the gates depend on. What cannot be answered is a problem, and never an error."""

from collections.abc import Mapping
from typing import Any

from bot.context import Context
from bot.errors import DatabaseUnavailable, Problem, Refusal, Unavailable
from bot.github import compare
from bot.github.compare import Comparison
from bot.github.repository import RepositoryClient
from bot.github.transport import ApiError
from bot.rules.approvers import PersonFact, Team
from bot.rules.gate_facts import ChecksFact
from bot.rules.gate_questions import Answers, Questions
from bot.rules.ids import CommitSha, GitHubUserId
from bot.store import gate_queries
from bot.store.candidates import Candidate
from bot.store.comparisons import StoredComparison
from bot.store.projects import Repository

TOO_MANY_COMMITS = "there are more commits than can be read, so their authors are not all known"
NO_COMPARISON = "GitHub cannot compare the two commits"


async def ask(context: Context, candidate: Candidate, questions: Questions, *, fresh: bool = True) -> Answers:
    """Ask GitHub; comparisons are stored. Without `fresh`, roles, memberships and checks may be some seconds old."""
    if questions.is_empty:
        return Answers(questions)
    repository: Any = candidate.repository
    if not isinstance(repository, Repository):  # it was not fetched
        repository = await Repository.get(github_id=candidate.repository_id)
    try:
        client = context.client_for(repository)
    except Refusal as refusal:
        return _unanswered(questions, refusal.sentence)
    people = {
        github_id: await person(context, client, github_id, login, questions, fresh=fresh)
        for github_id, login in questions.people.items()
    }
    authors_problem = await _ask_authors(context, client, candidate, questions)
    compared = await _compare(context, client, candidate, questions)
    return Answers(
        asked=questions,
        people=people,
        checks=await _checks(context, client, candidate, fresh=fresh) if questions.checks else None,
        comparison_problem=authors_problem if _asks_both_at_once(questions) else compared,
        authors_problem=authors_problem,
    )


async def person(
    context: Context,
    client: RepositoryClient,
    github_id: GitHubUserId,
    login: str,
    questions: Questions,
    *,
    fresh: bool = True,
) -> PersonFact:
    """Ask for the role and the memberships of a person, who may have another login by now."""
    problems: dict[str, str] = {}
    role = None
    try:
        found = await context.github.people.role_of_account(client, github_id, login, fresh=fresh)
        if found is None:
            return PersonFact(github_id, login, is_gone=True)
        login, role = found
    except Problem as problem:
        problems["role"] = _reason(problem)
    teams, unanswered = await _memberships(context, client, login, questions.teams, fresh=fresh)
    if "role" in problems:  # then it is not certain whose login it is
        teams, unanswered = frozenset(), {f"team:{team.org}/{team.slug}": problems["role"] for team in questions.teams}
    return PersonFact(github_id, login, role, teams, {**problems, **unanswered})


async def _memberships(
    context: Context, client: RepositoryClient, login: str, teams: frozenset[Team], *, fresh: bool
) -> tuple[frozenset[Team], Mapping[str, str]]:
    """The teams that a login is in, and for each other one that was not answered why."""
    found, problems = set(), {}
    for team in sorted(teams):
        try:
            if await context.github.people.is_member(client, team.org, team.slug, login, fresh=fresh):
                found.add(team)
        except Problem as problem:
            problems[f"team:{team.org}/{team.slug}"] = _reason(problem)
    return frozenset(found), problems


async def _checks(context: Context, client: RepositoryClient, candidate: Candidate, *, fresh: bool) -> ChecksFact:
    """The checks at a candidate's commit, without ours and those of runs that we dispatched to deploy."""
    try:
        results = await context.github.checks.results(client, candidate.commit, fresh=fresh)
    except Problem as problem:
        return ChecksFact(problem=_reason(problem))
    runs = list({result.run_id for result in results if result.run_id is not None})
    deploying = await gate_queries.deploying_runs(candidate.repository_id, runs) if runs else set()
    return ChecksFact(tuple(each for each in results if not each.is_ours and each.run_id not in deploying))


async def _compare(
    context: Context, client: RepositoryClient, candidate: Candidate, questions: Questions
) -> str | None:
    """Compare the live commit with the candidate's, and store the answer; returns why that was not possible."""
    base = questions.comparison
    if base is None or _asks_both_at_once(questions):
        return None
    return await store_comparison(context, client, base, candidate.commit, with_authors=False)


async def _ask_authors(
    context: Context, client: RepositoryClient, candidate: Candidate, questions: Questions
) -> str | None:
    if not questions.authors:
        return None
    base = questions.authors_since
    if base not in (None, candidate.commit):
        return await store_comparison(context, client, CommitSha(str(base)), candidate.commit, with_authors=True)
    try:
        authors = await compare.authors_of(client, candidate.commit)
    except Problem as problem:
        return _reason(problem)
    if authors is None:
        return NO_COMPARISON
    alone = Comparison("identical", 0, authors, complete=True)
    await _store(context, client, (candidate.commit, candidate.commit), alone)
    return None


def _asks_both_at_once(questions: Questions) -> bool:
    """Whether one comparison answers two questions."""
    return questions.authors and questions.comparison is not None and questions.authors_since == questions.comparison


async def store_comparison(
    context: Context, client: RepositoryClient, base: CommitSha, head: CommitSha, *, with_authors: bool
) -> str | None:
    """Ask GitHub how `head` stands to `base`, and store the answer; returns why that was not possible."""
    try:
        comparison = await (compare.compare(client, base, head) if with_authors else _status(client, base, head))
    except Problem as problem:
        return _reason(problem)
    if comparison is None:
        return NO_COMPARISON
    await _store(context, client, (base, head), comparison)
    return None if comparison.complete or not with_authors else TOO_MANY_COMMITS


async def _status(client: RepositoryClient, base: CommitSha, head: CommitSha) -> Comparison | None:
    """Compare two commits in one request: of many commits between them, not all authors are read."""
    return await compare.compare(client, base, head, max_pages=1)


async def _store(
    context: Context, client: RepositoryClient, pair: tuple[CommitSha, CommitSha], comparison: Comparison
) -> None:
    authors = None
    if comparison.complete:
        authors = sorted({author.github_id for author in comparison.authors if author.github_id is not None})
    row = StoredComparison(
        repository_id=client.id,
        base=pair[0],
        head=pair[1],
        status=comparison.status,
        ahead_by=comparison.ahead_by,
        author_ids=authors,
        unlinked=None if authors is None else list(comparison.unlinked),
        asked_at=context.now(),
    )
    update = ["status", "ahead_by", *([] if authors is None else ["author_ids", "unlinked"])]
    await StoredComparison.bulk_create([row], on_conflict=["repository_id", "base", "head"], update_fields=update)


def _unanswered(questions: Questions, problem: str) -> Answers:
    """The answers when GitHub cannot be asked at all."""
    people = {
        github_id: PersonFact(
            github_id,
            login,
            problems={"role": problem, **{f"team:{team.org}/{team.slug}": problem for team in questions.teams}},
        )
        for github_id, login in questions.people.items()
    }
    return Answers(
        asked=questions,
        people=people,
        checks=ChecksFact(problem=problem) if questions.checks else None,
        comparison_problem=problem if questions.comparison else None,
        authors_problem=problem if questions.authors else None,
    )


def _reason(problem: Problem) -> str:
    """Why a question was not answered. An outage of our own database is one."""
    if isinstance(problem, DatabaseUnavailable):
        raise problem
    if isinstance(problem, ApiError):
        return f"GitHub answered {problem.status}: {problem.message}"
    reason = problem.details.get("reason")
    return f"{problem.sentence}: {reason}" if reason and isinstance(problem, Unavailable) else problem.sentence
