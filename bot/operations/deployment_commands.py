"""Commands about deployments: deploy, promote, roll back, cancel, approve, and say why."""

from typing import Any

from bot.errors import Refusal
from bot.github import pull_requests
from bot.operations import (
    approvals,
    cancellations,
    config_approvals,
    decisions,
    deploying,
    deployments,
    gate_facts,
    promotions,
    rollbacks,
    shipments,
)
from bot.operations.command_calls import Command, CommandCall
from bot.operations.deploying import DeployRequest
from bot.operations.release_commands import candidate_version
from bot.rules import deployment_replies, gate_results, gate_settings, replies
from bot.rules.command_arguments import (
    CANDIDATE,
    CANDIDATE_OR_ENVIRONMENT,
    DRY_RUN,
    ENVIRONMENT,
    FOR_ENVIRONMENT,
    FORCE,
    FORCE_BECAUSE,
    FORCE_OR_BECAUSE,
    IN_PROJECT,
    TO_ENVIRONMENT,
)
from bot.rules.deployment_replies import ApprovedConfig, Canceled, DeployResult, Explanation, Preview
from bot.rules.deployments import FINAL
from bot.rules.grammar import Clause, Grammar
from bot.rules.ids import CommitSha
from bot.rules.replies import Act
from bot.store.deployments import Deployment
from bot.store.projects import Project

NOT_MERGED = (
    "This pull request is not merged, so nothing of it waits: write this on the pull request or commit that changed "
    "the file"
)
BY_TIER = ("deployment:start", "deployment:production")


async def result_of(deployment: Deployment) -> DeployResult:
    """A deployment as the reply to its request shows it."""
    await deployment.fetch_related("environment", "candidate")
    decision = None if deployment.decision is None else gate_results.from_json(deployment.decision)
    return DeployResult(
        version=deployment.candidate.version,
        environment=deployment.environment.name,
        deployment_id=deployment.id,
        rollback=deployment.kind == "rollback",
        closed=tuple(decision.closed()) if decision is not None and deployment.waiting else (),
        expires_at=deployment.expires_at,
        overridden=() if decision is None else tuple(decision.overridden),
        reason=deployment.force_reason or deployment.rollback_reason,
    )


async def _deploy(call: CommandCall) -> DeployResult:
    project = await call.project()
    request = await _request(call, project)
    environment = call.arguments.require(ENVIRONMENT)
    deployment, _ = await deploying.deploy(call.context, project.name, environment, request)
    return await result_of(deployment)


async def _preview_deploy(call: CommandCall) -> str:
    project = await call.project()
    request = await _request(call, project)
    environment = call.arguments.require(ENVIRONMENT)
    return _previewed(await deploying.preview(call.context, project.name, environment, request))


async def _promote(call: CommandCall) -> DeployResult:
    if (earlier := await deployments.performed(call.context, *deploying.DEPLOYS)) is not None:
        return await result_of(earlier)  # by now, another environment may be next
    project = await call.project()
    request = await _request(call, project)
    environment = await _next_environment(call, project, request)
    deployment, _ = await deploying.deploy(call.context, project.name, environment, request)
    return await result_of(deployment)


async def _preview_promote(call: CommandCall) -> str:
    project = await call.project()
    request = await _request(call, project)
    environment = await _next_environment(call, project, request)
    return _previewed(await deploying.preview(call.context, project.name, environment, request))


async def _next_environment(call: CommandCall, project: Project, request: DeployRequest) -> str:
    written = call.arguments.get(ENVIRONMENT)
    if written is not None:
        return written
    return await promotions.next_environment(call.context, project.name, request.version)


async def _request(call: CommandCall, project: Project) -> DeployRequest:
    version = await candidate_version(call, project)
    return DeployRequest(version, wait=True, force=call.reason if call.is_forced else None)


async def _roll_back(call: CommandCall) -> DeployResult:
    project, environment = await call.project(), call.arguments.require(ENVIRONMENT)
    options: dict[str, Any] = {"force": call.is_forced, "reason": call.reason}
    return await result_of(await rollbacks.roll_back(call.context, project.name, environment, **options))


async def _preview_rollback(call: CommandCall) -> str:
    project, environment = await call.project(), call.arguments.require(ENVIRONMENT)
    options: dict[str, Any] = {"force": call.is_forced, "reason": call.reason}
    return _previewed(await rollbacks.preview(call.context, project.name, environment, **options))


def _previewed(preview: deploying.Preview) -> str:
    closed = () if preview.decision is None else tuple(preview.decision.closed())
    return deployment_replies.previewed(Preview(preview.would, closed))


async def _cancel(call: CommandCall) -> Act:
    project = await call.project()
    if call.arguments.get(CANDIDATE) is not None:
        candidate = await cancellations.cancel_build(call.context, project.name, await candidate_version(call, project))
        return deployment_replies.canceled_build(candidate.version, ended=candidate.status == "canceled")
    environment = call.arguments.require(ENVIRONMENT)
    rows = await cancellations.cancel_on(call.context, project.name, environment)
    shown = [Canceled(row.candidate.version, row.id, row.status in FINAL) for row in rows]
    return deployment_replies.canceled(environment, shown)


async def _approve(call: CommandCall) -> Act:
    project, environment = await call.project(), call.arguments.require(ENVIRONMENT)
    version = await candidate_version(call, project)
    approval, _ = await approvals.approve(call.context, project.name, environment, version, dry_run=call.is_dry_run)
    given = len(await gate_facts.read_approvals(approval.environment, approval.candidate))
    needed = gate_settings.read(approval.environment.gate_settings).approvals.count
    return deployment_replies.approved(str(version), environment, approval.candidate.commit, given, needed)


async def _preview_approve(call: CommandCall) -> str:
    return replies.would(await _approve(call))


async def _approve_config(call: CommandCall) -> Act:
    project, environment = await call.project(), call.arguments.require(ENVIRONMENT)
    at = await _commit_of_file(call)
    changes = await config_approvals.approve(call.context, project.name, environment, at=at, dry_run=call.is_dry_run)
    shown = [ApprovedConfig(each.fields, each.given, each.needed, takes_effect=each.takes_effect) for each in changes]
    return deployment_replies.approved_config(environment, shown)


async def _commit_of_file(call: CommandCall) -> CommitSha:
    """The commit whose configuration file the author of a comment has before them."""
    if call.place.thread == "commit":
        return CommitSha(call.place.thread_id)
    pull = await pull_requests.get(call.context.client_for(call.repository), int(call.place.thread_id))
    if pull is None or pull.merged_sha is None:
        raise Refusal(NOT_MERGED)
    return pull.merged_sha


async def _preview_approve_config(call: CommandCall) -> str:
    return replies.would(await _approve_config(call))


async def _unapprove(call: CommandCall) -> Act:
    project, environment = await call.project(), call.arguments.require(ENVIRONMENT)
    version = await candidate_version(call, project)
    await approvals.withdraw_own(call.context, project.name, environment, version)
    return deployment_replies.unapproved(str(version), environment)


async def _why(call: CommandCall) -> Explanation:
    project, environment = await call.project(), call.arguments.require(ENVIRONMENT)
    version = await candidate_version(call, project)
    decision = await decisions.preview_by_name(call.context, project.name, environment, version)
    return Explanation(decision, await shipments.show(call.context, project.name, environment, version))


WHO_APPROVES = "whoever the environment's `approvals.from` names"
ROWS: tuple[Command[Any], ...] = (
    Command(
        Grammar(
            "deploy",
            required=(CANDIDATE,),
            clauses=(Clause("to", ENVIRONMENT, required=True), IN_PROJECT, FORCE_BECAUSE),
            flags=(FORCE, DRY_RUN),
        ),
        grants=BY_TIER,
        changes=True,
        perform=_deploy,
        reply=deployment_replies.deployed,
        preview=_preview_deploy,
        summary="deploy a release candidate, now or as soon as nothing stands in its way",
        example="/release deploy 1.4.0-rc1 to staging",
        details="`force` overrides a freeze, a lock, and the gates `downgrade`, `order` and `checks`; it needs the "
        "role admin.",
    ),
    Command(
        Grammar(
            "promote",
            required=(CANDIDATE,),
            clauses=(TO_ENVIRONMENT, IN_PROJECT, FORCE_BECAUSE),
            flags=(FORCE, DRY_RUN),
        ),
        grants=BY_TIER,
        changes=True,
        perform=_promote,
        reply=deployment_replies.deployed,
        preview=_preview_promote,
        summary="deploy a release candidate to the environment after the last one where it is live",
        example="/release promote 1.4.0-rc1",
    ),
    Command(
        Grammar("rollback", required=(ENVIRONMENT,), clauses=(IN_PROJECT, FORCE_OR_BECAUSE), flags=(FORCE, DRY_RUN)),
        grants=BY_TIER,
        changes=True,
        perform=_roll_back,
        reply=deployment_replies.deployed,
        preview=_preview_rollback,
        summary="deploy what was live before, and cancel what is under way or waits there",
        example="/release rollback production",
        details="`force` overrides a freeze and a lock; it needs the role admin.",
    ),
    Command(
        Grammar("cancel", required=(CANDIDATE_OR_ENVIRONMENT,), clauses=(IN_PROJECT,), flags=(DRY_RUN,)),
        grants=("release:cut", "deployment:production"),
        changes=True,
        perform=_cancel,
        reply=replies.acted,
        summary="cancel a candidate's build, or what is under way and what waits on an environment",
        example="/release cancel staging",
    ),
    Command(
        Grammar("approve", required=(CANDIDATE,), clauses=(FOR_ENVIRONMENT, IN_PROJECT), flags=(DRY_RUN,)),
        grants=(),
        who=WHO_APPROVES,
        changes=True,
        perform=_approve,
        reply=replies.acted,
        preview=_preview_approve,
        summary="approve a candidate for an environment",
        example="/release approve 1.4.0-rc1 for production",
    ),
    Command(
        Grammar("approve config", clauses=(FOR_ENVIRONMENT, IN_PROJECT), flags=(DRY_RUN,)),
        grants=(),
        who=f"{WHO_APPROVES} before the change",
        changes=True,
        perform=_approve_config,
        reply=replies.acted,
        preview=_preview_approve_config,
        summary="approve what a change of the configuration file weakens",
        details="Write it on the merged pull request, or on the commit, that changed the file.",
        example="/release approve config for production",
    ),
    Command(
        Grammar("unapprove", required=(CANDIDATE,), clauses=(FOR_ENVIRONMENT, IN_PROJECT), flags=(DRY_RUN,)),
        grants=(),
        who="who has approved it",
        changes=True,
        perform=_unapprove,
        reply=replies.acted,
        summary="withdraw your approval of a candidate",
        example="/release unapprove 1.4.0-rc1 for production",
    ),
    Command(
        Grammar("why", required=(CANDIDATE,), clauses=(FOR_ENVIRONMENT, IN_PROJECT)),
        grants=("project:read",),
        changes=False,
        perform=_why,
        reply=deployment_replies.explained,
        summary="say what every gate says about a deployment, and which commits it would bring",
        example="/release why 1.4.0-rc1 for production",
    ),
)
