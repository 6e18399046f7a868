"""Approvals of weaker changes of a configuration file: under the rule of before, by nobody who wrote the change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.context import Context, allowed
from bot.errors import Conflict, FactUnknown, Forbidden, NotFound, Refusal
from bot.events.configuration import ConfigurationApproved
from bot.github import contents
from bot.operations import environments, events, gate_answers, performed_requests
from bot.operations.config_jobs import ApplyConfiguration
from bot.queue.jobs import enqueue
from bot.rules.approvers import PersonFact, is_listed, names_roles, teams_in
from bot.rules.config_nodes import PATH
from bot.rules.gate_questions import Questions
from bot.rules.ids import CommitSha, GitHubUserId
from bot.rules.names import in_words
from bot.store.config_files import ConfigApproval, ConfigChange, StoredConfigFile
from bot.store.database import rehearsal, transaction
from bot.store.projects import Environment, Project, Repository

ROUNDS = 4
NO_PERSON = "Only people approve, and this token is not tied to one."
NOTHING = "No change of the configuration file waits for approval here."
NOT_KNOWN = "It is not known who wrote this change of the file: take it back, then make it again."
BROKEN = "The configuration file is broken, so nothing of it can take effect: correct it first."
OTHER_FILE = (
    "What waits for approval is another version of the file than the one here: comment on the pull request or commit "
    "that brought it."
)
YOURS = "You wrote or pushed this change of the file: somebody else has to approve it."


class Outdated(Exception):
    """Others have approved, or the file has changed, since GitHub was asked."""


@dataclass(frozen=True)
class ApprovedChange:
    """What an approval came to. `given` of `needed` count; `fields` are the settings that are concerned."""

    project: str
    environment: str
    given: int
    needed: int
    takes_effect: bool
    fields: tuple[str, ...]


async def approve(
    context: Context, project: str, environment: str, *, at: CommitSha | None = None, dry_run: bool = False
) -> list[ApprovedChange]:
    """Approve the weaker changes of an environment by the file's present version, as a person.

    The changes of the project's own settings go with those of the environment whose rule they are under. Refused: who
    is no person, who wrote or pushed the change, whom the old rule does not name by what GitHub says at this moment.
    With enough approvals, the file is applied again. The same person again changes nothing. `at` is the commit whose
    file the person has read: refused is the approval of another one, which may have been pushed meanwhile.
    With `dry_run`, nothing is written.
    """
    if context.actor.github_id is None:  # before anything is looked up: it would tell machines what there is
        raise Forbidden(NO_PERSON)
    return await _approve_as_person(context, project, environment, at=at, dry_run=dry_run)


@allowed("project:read")
async def _approve_as_person(
    context: Context, project: Project, environment: str, *, at: CommitSha | None, dry_run: bool
) -> list[ApprovedChange]:
    row = await environments.find_by_name(context, project, environment)
    if await StoredConfigFile.exists(repository_id=project.repository_id, state="broken"):
        raise Conflict(BROKEN, file=PATH)
    is_waiting = bool(await _waiting(project, row))
    if (earlier := await _performed(context, project, row)) is not None:
        return earlier
    if not is_waiting:
        raise NotFound(NOTHING)
    blob = None if at is None else await _blob_at(context, project, at)
    for _ in range(ROUNDS):
        changes = await _waiting(project, row)
        people = await _ask(context, project, changes)
        try:
            async with rehearsal() if dry_run else transaction():
                return await _approve(context, project, row, people, blob)
        except Outdated:
            continue
    raise Conflict("The file keeps changing: try again.")


async def _performed(context: Context, project: Project, environment: Environment) -> list[ApprovedChange] | None:
    """What was approved when the same message was handled before: of several changes, the first."""
    approval_id = await performed_requests.result_of(context, ConfigurationApproved.act)
    if approval_id is None:
        return None
    change = (await ConfigApproval.get(id=approval_id).select_related("change")).change
    given = len((await approvals_of([change]))[change.id])
    is_approved = change.outcome == "approved"
    return [ApprovedChange(project.name, environment.name, given, change.needed, is_approved, _fields(change))]


async def _blob_at(context: Context, project: Project, commit: CommitSha) -> str:
    """The SHA of the file at a commit; empty if it has none."""
    repository = await Repository.get(github_id=project.repository_id)
    file = await contents.get_file(context.client_for(repository), PATH, commit)
    return "" if file is None else file.sha


def _fields(change: ConfigChange) -> tuple[str, ...]:
    return tuple(str(each["field"] or each["kind"]) for each in change.changes)


async def _waiting(project: Project, environment: Environment) -> list[ConfigChange]:
    """The changes that an approval for an environment is about."""
    rows = await ConfigChange.filter(project_id=project.id, outcome=None).order_by("id")
    return [
        row
        for row in rows
        if row.environment_id == environment.id
        or (row.environment_id is None and row.rule_environment_id in (None, environment.id))
    ]


async def approvals_of(changes: Sequence[ConfigChange]) -> Mapping[int, list[ConfigApproval]]:
    """The approvals of changes by the change's id, with their users, the oldest first."""
    found: dict[int, list[ConfigApproval]] = {change.id: [] for change in changes}
    for row in await ConfigApproval.filter(change_id__in=list(found)).order_by("id").select_related("user"):
        found[row.change_id].append(row)
    return found


People = Mapping[GitHubUserId, PersonFact]


async def _ask(context: Context, project: Project, changes: Sequence[ConfigChange]) -> People:
    """Ask GitHub about the actor, and about everybody who has approved before: each has to qualify now."""
    if project.repository_id is None or context.actor.github_id is None:
        return {}
    entries = [entry for change in changes for entry in change.approvers]
    asked = Questions(roles=names_roles(entries), teams=teams_in(entries))
    logins = {context.actor.github_id: context.actor.name}
    for given in (await approvals_of(changes)).values():
        logins |= {GitHubUserId(row.user.github_id): row.user.name for row in given if row.user.github_id is not None}
    try:
        client = context.client_for(await Repository.get(github_id=project.repository_id))
    except Refusal as refusal:
        raise FactUnknown(reason=refusal.sentence) from refusal
    return {
        github_id: await gate_answers.person(context, client, github_id, login, asked)
        for github_id, login in logins.items()
    }


async def _approve(
    context: Context, project: Project, environment: Environment, people: People, blob: str | None
) -> list[ApprovedChange]:
    """Approve, under the lock of the file's row. Raises Outdated if GitHub was not asked about an approver.

    `blob` is the SHA of the file that the person has read, if that is known.
    """
    await StoredConfigFile.select_for_update().get(repository_id=project.repository_id)
    if (earlier := await _performed(context, project, environment)) is not None:
        return earlier
    changes = await _waiting(project, environment)
    if blob is not None and changes and changes[0].blob != blob:
        raise Conflict(OTHER_FILE, file=PATH, commit=changes[0].commit)
    refusals = {change.id: why_not(change, context.actor.github_id, people) for change in changes}
    allowed_changes = [change for change in changes if refusals[change.id] is None]
    if changes and not allowed_changes:
        raise Forbidden(str(refusals[changes[0].id]))
    return [await _approve_one(context, project, environment, change, people) for change in allowed_changes]


def why_not(change: ConfigChange, github_id: GitHubUserId | None, people: People) -> str | None:
    """Why a person's approval of a change does not count; None if it does.

    Raises Unavailable if GitHub did not say what has to be known, and Outdated if it was not asked.
    """
    if change.author_ids is None:
        return NOT_KNOWN
    if github_id in change.author_ids:
        return YOURS
    person = None if github_id is None else people.get(github_id)
    if person is None:
        raise Outdated
    users = {login: GitHubUserId(number) for login, number in change.listed_users.items()}
    answer, problem = is_listed(person, change.approvers, users)
    if answer == "unknown":
        raise FactUnknown(reason=problem)
    return None if answer == "yes" else f"You may not approve it: {in_words(change.approvers, last='or')} may."


async def _approve_one(
    context: Context, project: Project, environment: Environment, change: ConfigChange, people: People
) -> ApprovedChange:
    given = (await approvals_of([change]))[change.id]
    if all(row.user_id != context.actor.user_id for row in given):
        row = await ConfigApproval.create(
            change_id=change.id,
            user_id=context.actor.user_id,
            channel=context.channel,
            by_operator=context.actor.by_operator,
            approved_at=context.now(),
        )
        target = project.name if change.environment_id is None else f"{project.name}/{environment.name}"
        approved = ConfigurationApproved(
            project_id=project.id, commit=change.commit, target=target, new={"blob": change.blob}, row=row.id
        )
        # by the approval of another change
        is_recorded = await performed_requests.result_of(context, ConfigurationApproved.act) is not None
        await events.record(replace(context, origin=None) if is_recorded else context, approved)
    counted = {context.actor.github_id} | {
        GitHubUserId(row.user.github_id)
        for row in given
        if row.user.github_id is not None and why_not(change, GitHubUserId(row.user.github_id), people) is None
    }
    takes_effect = len(counted) >= change.needed
    if takes_effect:
        await ConfigChange.filter(id=change.id).update(outcome="approved", decided_at=context.now())
        job = ApplyConfiguration(change.repository_id)
        if not await enqueue(job):
            await enqueue(ApplyConfiguration(change.repository_id, again=True))
    given_now = len(counted)
    return ApprovedChange(project.name, environment.name, given_now, change.needed, takes_effect, _fields(change))
