"""Approvals: a person says that a candidate may be deployed to an environment, and may take that back.

An approval belongs to one candidate and one environment. Whether it counts is decided when the gates are: see
`bot/rules/gate_approvals.py`.
"""

from dataclasses import replace

from tortoise.queryset import QuerySet

from bot.context import READ, Context, allowed
from bot.errors import Conflict, FactUnknown, Forbidden, NotFound
from bot.events.approvals import ApprovalEvent, ApprovalGiven, ApprovalWithdrawn
from bot.operations import (
    candidates,
    decisions,
    environments,
    events,
    gate_answers,
    performed_requests,
    projects,
    waiting,
)
from bot.operations.decisions import Outdated, Subject
from bot.rules import gate_settings
from bot.rules.approvers import is_listed, names_roles, teams_in
from bot.rules.gate_approvals import why_not_approve
from bot.rules.gate_facts import GateFacts, Requester
from bot.rules.gate_questions import Answers, Questions, complete, questions_about_approver
from bot.rules.ids import ApprovalId, EnvironmentId, GitHubUserId, UserId
from bot.rules.versions import CandidateVersion
from bot.store import queries
from bot.store.candidates import Candidate
from bot.store.database import rehearsal, transaction
from bot.store.deployments import Deployment
from bot.store.gates import Approval
from bot.store.projects import Environment, Project

MAX_COMMENT = 1000  # characters
NOBODY = Requester(UserId(0), "nobody", automatic=True)
"""Who asked for a deployment while nobody has."""
NO_PERSON = (
    "Only people approve, and this token is not tied to one: use a personal token, which operators make for people."
)
NONE_NEEDED = "The environment needs no approvals"
HOPELESS = frozenset({"failed", "canceled", "banned"})
"""Statuses of candidates that are not approved, since no approval would let them be deployed."""
RELATED = ("candidate", "user", "environment")


async def approve(
    context: Context,
    project_name: str,
    environment_name: str,
    version: CandidateVersion,
    comment: str = "",
    *,
    dry_run: bool = False,
) -> tuple[Approval, bool]:
    """Approve a candidate for an environment; returns the approval and whether it is new.

    The same person again finds their approval; one that has expired is withdrawn and given anew. Needs `project:read`
    or being listed by the environment. Refused in this order: who is no person, an archived project, an environment
    that needs no approvals, a candidate that cannot become ready, and who may not approve it here, by what GitHub says
    at this moment. Raises Unavailable if GitHub does not say what has to be known. With `dry_run`, nothing is written.
    """
    project, environment = await _find_environment(context, project_name, environment_name)
    github_id = _person(context)
    if (earlier := await performed_requests.result_of(context, ApprovalGiven.act)) is not None:
        return await _with_relations(earlier), False
    projects.refuse_archived(project)
    candidate = await candidates.get(context, project, version)
    for _ in range(decisions.ROUNDS):
        _check(environment, await _facts(context, environment, candidate))
        answers = await _ask(context, environment, candidate, github_id)
        try:
            async with rehearsal() if dry_run else transaction():
                return await _approve(context, environment, candidate, answers, comment)
        except Outdated:
            environment = await Environment.get(id=environment.id)
    raise decisions.keeps_changing(environment)


async def withdraw(context: Context, project_name: str, environment_name: str, approval_id: int) -> None:
    """Withdraw one's own approval by its id; one that was withdrawn is kept as it is. Refuses somebody else's."""
    _, environment = await _find_environment(context, project_name, environment_name)
    async with transaction():
        await Environment.select_for_update().get(id=environment.id)
        approval = await Approval.get_or_none(id=approval_id, environment_id=environment.id).select_related(*RELATED)
        if approval is None:
            raise NotFound("Approval not found")
        if approval.user_id != context.actor.user_id:
            raise Forbidden(f"This approval is {approval.user.name}'s: only they can withdraw it.")
        if approval.withdrawn_at is None:
            await _withdraw(context, approval)


async def withdraw_own(
    context: Context, project_name: str, environment_name: str, version: CandidateVersion
) -> Approval:
    """Withdraw one's own approval of a candidate for an environment. Refuses if there is none."""
    project, environment = await _find_environment(context, project_name, environment_name)
    candidate = await candidates.get(context, project, version)
    async with transaction():
        await Environment.select_for_update().get(id=environment.id)
        if (earlier := await performed_requests.result_of(context, ApprovalWithdrawn.act)) is not None:
            return await _with_relations(earlier)
        approval = await _open(environment.id, candidate, context.actor.user_id)
        if approval is None:
            raise NotFound(f"You have not approved {candidate.version} for {environment.name}.")
        await _withdraw(context, approval)
    return approval


@allowed(READ)
async def find_all(
    context: Context,
    project: Project,
    environment_name: str,
    *,
    version: CandidateVersion | None = None,
    before: int | None = None,
    limit: int,
) -> list[Approval]:
    """List approvals for an environment with ids below `before`, newest first, with candidates and users.

    Those that were withdrawn are listed too. `version`: of this candidate only.
    """
    environment = await environments.find_by_name(context, project, environment_name)
    rows: QuerySet[Approval] = Approval.filter(environment_id=environment.id)
    if version is not None:
        rows = rows.filter(candidate_id=(await candidates.get(context, project, version)).id)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return await rows.order_by("-id").limit(limit).select_related(*RELATED)


def _person(context: Context) -> GitHubUserId:
    """The actor's account on GitHub. Refuses an actor who is no person."""
    if context.actor.github_id is None:
        raise Forbidden(NO_PERSON)
    return context.actor.github_id


async def _find_environment(context: Context, project_name: str, name: str) -> tuple[Project, Environment]:
    """Find an environment that the actor may read, or whose settings name them as somebody who may approve.

    A person who may not read the project and is not named learns nothing about it. That everybody may read a public
    project is not enough: this is not about reading.
    """
    context = replace(context, actor=replace(context.actor, public=frozenset()))
    try:
        project = await projects.find(context, project_name)
        return project, await environments.find_by_name(context, project, name)
    except (Forbidden, NotFound):
        listed = await _find_listed(context, project_name, name)
        if listed is None:
            raise
        return listed


async def _find_listed(context: Context, project_name: str, name: str) -> tuple[Project, Environment] | None:
    """Find an environment whose settings name the actor among the approvers, by GitHub's word."""
    actor, project = context.actor, await queries.find_project(queries.BY_NAME, project_name)
    if project is None or project.repository is None or actor.github_id is None:
        return None
    if actor.project_id not in (None, project.id) or actor.repository_id not in (None, project.repository_id):
        return None
    environment = await Environment.get_or_none(project_id=project.id, name=name)
    settings = None if environment is None else gate_settings.read(environment.gate_settings)
    if environment is None or settings is None or not settings.approvals.count:
        return None
    entries = settings.approvers(environment.tier)
    asked = Questions(roles=names_roles(entries), teams=teams_in(entries))
    client = context.client_for(project.repository)
    person = await gate_answers.person(context, client, actor.github_id, actor.name, asked)
    answer, problem = is_listed(person, entries, environment.listed_users)
    if answer == "unknown":
        raise FactUnknown(reason=problem)
    return (project, environment) if answer == "yes" else None


async def _facts(context: Context, environment: Environment, candidate: Candidate) -> GateFacts:
    """What is stored about a deployment of the candidate, by whoever has asked for one that waits."""
    waits = await Deployment.filter(environment_id=environment.id, candidate_id=candidate.id, waiting=True).first()
    requester = NOBODY if waits is None else await decisions.stored_requester(waits)
    return await decisions.stored_facts(context, Subject(environment, candidate, requester))


async def _ask(context: Context, environment: Environment, candidate: Candidate, github_id: GitHubUserId) -> Answers:
    facts = await _facts(context, environment, candidate)
    asked = questions_about_approver(facts, github_id, context.actor.name)
    return await gate_answers.ask(context, candidate, asked)


def _check(environment: Environment, facts: GateFacts) -> None:
    """Refuse approvals that would have no effect."""
    candidate = facts.candidate
    if not facts.settings.approvals.count:
        raise Conflict(NONE_NEEDED, environment=environment.name)
    if candidate.status in HOPELESS:
        raise Conflict(
            f"Release candidate is {candidate.status}",
            release_candidate_version=candidate.version,
            reason=candidate.reason,
        )


async def _approve(
    context: Context, environment: Environment, candidate: Candidate, answers: Answers, comment: str
) -> tuple[Approval, bool]:
    """Judge the person under the environment's lock, and insert their approval if they have none."""
    environment = await Environment.select_for_update().get(id=environment.id)
    candidate = await Candidate.select_for_update().get(id=candidate.id)
    if (earlier := await performed_requests.result_of(context, ApprovalGiven.act)) is not None:
        return await _with_relations(earlier), False
    github_id = _person(context)
    facts = await _facts(context, environment, candidate)
    if not answers.cover(questions_about_approver(facts, github_id, context.actor.name)):
        raise Outdated
    _check(environment, facts)
    because = why_not_approve(complete(facts, answers), answers.people[github_id], context.actor.user_id)
    if because is not None:
        raise Forbidden(f"{because}.", environment=environment.name, release_candidate_version=candidate.version)
    known = await _open(environment.id, candidate, context.actor.user_id)
    if known is not None:
        if known.approved_at + facts.settings.approvals.expire_after > context.now():
            return known, False
        await Approval.filter(id=known.id).update(withdrawn_at=context.now())
    return await _insert(context, environment, candidate, comment), True


async def _insert(context: Context, environment: Environment, candidate: Candidate, comment: str) -> Approval:
    row = await Approval.create(
        candidate_id=candidate.id,
        environment_id=environment.id,
        user_id=context.actor.user_id,
        comment=comment.strip()[:MAX_COMMENT],
        channel=context.channel,
        by_operator=context.actor.by_operator,
        approved_at=context.now(),
    )
    approval = await _with_relations(row.id)
    await _record(context, ApprovalGiven, approval)
    return approval


async def _withdraw(context: Context, approval: Approval) -> None:
    approval.withdrawn_at = context.now()
    await approval.save(update_fields=["withdrawn_at"])
    await _record(context, ApprovalWithdrawn, approval)


async def _record(context: Context, event: type[ApprovalEvent], approval: Approval) -> None:
    recorded = event(
        project_id=approval.environment.project_id,
        commit=approval.candidate.commit,
        version=approval.candidate.version,
        environment=approval.environment.name,
        approval_id=approval.id,
        by=approval.user.name,
        comment=approval.comment,
        by_operator=approval.by_operator,
    )
    await events.record(context, recorded)
    await waiting.reevaluate(environment_id=approval.environment_id, candidate_id=approval.candidate_id)


async def _open(environment: EnvironmentId, candidate: Candidate, user: UserId) -> Approval | None:
    """A person's approval that was not withdrawn."""
    rows = Approval.filter(candidate_id=candidate.id, environment_id=environment, user_id=user, withdrawn_at=None)
    return await rows.first().select_related(*RELATED)


async def _with_relations(approval: ApprovalId | int) -> Approval:
    return await Approval.get(id=approval).select_related(*RELATED)
