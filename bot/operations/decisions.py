"""Decisions of the gates: GitHub is asked first, then the database is read under the environment's lock."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bot.context import Context, allowed, unknown_candidate
from bot.errors import Conflict
from bot.operations import environments, gate_answers, gate_facts
from bot.rules.gate_facts import GateFacts, Override, Requester
from bot.rules.gate_questions import Answers, Questions, complete, questions
from bot.rules.gate_results import Decision, Gate
from bot.rules.gates import decide
from bot.rules.ids import DeploymentId, GitHubUserId
from bot.rules.versions import CandidateVersion
from bot.store import queries
from bot.store.candidates import Candidate
from bot.store.deployments import Deployment
from bot.store.projects import Environment, Project
from bot.store.users import User

ROUNDS = 4
"""How often GitHub is asked anew when what is stored changes meanwhile."""


class Outdated(Exception):
    """What is stored has changed since GitHub was asked, so that other questions have to be answered."""


@dataclass(frozen=True)
class Subject:
    """What is decided about: may the candidate be deployed to the environment, on behalf of the requester?

    `deployment` is the row of the deployment if it exists already. `ask_requester`: the requester asked some time ago,
    so GitHub is asked for their role.
    """

    environment: Environment
    candidate: Candidate
    requester: Requester
    deployment: DeploymentId | None = None
    ask_requester: bool = False


def requester_of(context: Context, *, automatic: bool = False) -> Requester:
    """The actor as the requester of a deployment."""
    actor = context.actor
    return Requester(actor.user_id, actor.name, actor.github_id, automatic)


async def stored_requester(deployment: Deployment) -> Requester:
    """The requester of a deployment."""
    user = await User.get(id=deployment.actor_id)
    github_id = None if user.github_id is None else GitHubUserId(user.github_id)
    return Requester(user.id, user.name, github_id, deployment.automatic)


async def ask_github(context: Context, subject: Subject, *, exempt: Collection[Gate] = ()) -> Answers:
    """Ask GitHub what the gates but the `exempt` ones depend on, outside of a transaction."""
    asked = _questions(await stored_facts(context, subject), subject, exempt)
    return await gate_answers.ask(context, subject.candidate, asked)


async def read_facts(
    context: Context, subject: Subject, answers: Answers, *, exempt: Collection[Gate] = ()
) -> GateFacts:
    """Read what is stored, and add GitHub's answers. Raises Outdated if other questions would have to be asked."""
    facts = await stored_facts(context, subject)
    if not answers.cover(_questions(facts, subject, exempt)):
        raise Outdated
    return complete(facts, answers)


def keeps_changing(environment: Environment) -> Conflict:
    """Build the error for an environment that changes each time when GitHub was asked."""
    return Conflict("The environment keeps changing: try again.", environment=environment.name)


async def decide_now(
    context: Context,
    subject: Subject,
    *,
    exempt: Collection[Gate] = (),
    override: Override | None = None,
) -> Decision:
    """Decide without a lock and without consequences."""
    for _ in range(ROUNDS):
        try:
            answers = await ask_github(context, subject, exempt=exempt)
            facts = await read_facts(context, subject, answers, exempt=exempt)
        except Outdated:
            continue
        return decide(facts, exempt=exempt, override=override)
    raise keeps_changing(subject.environment)


@allowed("project:read")
async def preview_by_name(
    context: Context, project: Project, environment_name: str, version: CandidateVersion
) -> Decision:
    """Decide as if the caller asked for a deployment now, of which they name the environment and the candidate.

    Nothing changes. Refuses names of nothing.
    """
    environment = await environments.find_by_name(context, project, environment_name)
    candidate = await queries.find_candidate(project, str(version))
    if candidate is None:
        raise await unknown_candidate(context, project, version)
    return await preview(context, environment, candidate)


async def preview(context: Context, environment: Environment, candidate: Candidate) -> Decision:
    """Decide as if the caller asked for a deployment now. Nothing changes, and no grants are checked.

    What GitHub answered some seconds ago is not asked again, and what is stored is read once, as far as it is known.
    """
    subject = Subject(environment, candidate, requester_of(context))
    return await _preview(context, subject, await stored_facts(context, subject))


async def preview_all(context: Context, environments: Sequence[Environment], candidate: Candidate) -> list[Decision]:
    """Decide about environments of the candidate's project, as `preview` does; what is stored is read at once.

    How commits are related, and who wrote them, is asked of GitHub for one after the other, if it is not stored yet.
    """
    if not environments:
        return []
    found: list[Decision] = []
    requester = requester_of(context)
    all_facts = await gate_facts.read_all(context, environments, candidate, requester)
    for environment, facts in zip(environments, all_facts, strict=True):
        subject = Subject(environment, candidate, requester)
        is_known = not _asks_what_is_stored(_questions(facts, subject, ()))
        found.append(await _preview(context, subject, facts if is_known else await stored_facts(context, subject)))
    return found


async def _preview(context: Context, subject: Subject, facts: GateFacts) -> Decision:
    asked = _questions(facts, subject, ())
    answers = await gate_answers.ask(context, subject.candidate, asked, fresh=False)
    if _asks_what_is_stored(asked):
        facts = await stored_facts(context, subject)
    return decide(complete(facts, answers))


def _asks_what_is_stored(asked: Questions) -> bool:
    """Whether GitHub is asked for something that is stored once it was answered."""
    return asked.comparison is not None or asked.authors


def _questions(facts: GateFacts, subject: Subject, exempt: Collection[Gate]) -> Questions:
    return questions(facts, exempt=exempt, ask_requester=subject.ask_requester)


async def stored_facts(context: Context, subject: Subject) -> GateFacts:
    """Read what is stored, without GitHub's answers."""
    return await gate_facts.read(
        context, subject.environment, subject.candidate, subject.requester, deployment=subject.deployment
    )
