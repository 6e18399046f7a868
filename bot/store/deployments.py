"""Deployments of candidates to environments."""

from typing import Any

from tortoise import fields
from tortoise.expressions import Q
from tortoise.models import Model
from tortoise.queryset import QuerySetSingle

from bot.rules.ids import CandidateId, DeploymentId, EnvironmentId, GitHubDeploymentId, TokenId, UserId
from bot.store.candidates import Candidate
from bot.store.columns import nullable_github_id, nullable_id, primary_key
from bot.store.projects import Environment
from bot.store.users import User


class Deployment(Model):
    """One attempt to put one candidate on one environment.

    `kind` is `deploy` or `rollback`. `reported`: the row is a fact that a pipeline or GitHub reported, so the partial
    unique index of one running deployment per environment does not apply. `dispatch_after`: a rollback is not
    dispatched before the deployments that it cancels have ended, or this time has passed. `origin` names the message
    that requested the deployment, if one did; `channel` and `token_id` say how it was requested, for asking at dispatch
    whether the requester still may. `automatic`: Longshore requested it for an environment that takes every candidate.

    `waiting`: it is `pending` because gates are closed (`waits_for` names them), is evaluated again at `evaluate_at` or
    before, and has no deadline but `expires_at`. `wait_outcome` says how the wait ended: dispatched, superseded,
    refused, expired or canceled. A deployment with one of the last four never ran. `force_reason`: gates were
    overridden for this reason. `rollback_reason` was given for a rollback. `decision` is that of the gates with which
    it was dispatched, or waits, or was refused.

    `github_deployment_id` is that of the deployment that shows this one on GitHub, `github_state` the last state that
    it was given there, or `gone` or `job's own`: none of ours is shown. `github_sending` is a state that it may have
    been given by a request whose answer is not known.
    """

    id = primary_key(DeploymentId)
    environment: fields.ForeignKeyRelation[Environment] = fields.ForeignKeyField(
        "models.Environment", related_name="deployments", on_delete=fields.OnDelete.RESTRICT
    )
    environment_id: EnvironmentId
    candidate: fields.ForeignKeyRelation[Candidate] = fields.ForeignKeyField(
        "models.Candidate", related_name="deployments", on_delete=fields.OnDelete.RESTRICT
    )
    candidate_id: CandidateId
    from_candidate: fields.ForeignKeyNullableRelation[Candidate] = fields.ForeignKeyField(
        "models.Candidate", null=True, related_name="replaced_by", on_delete=fields.OnDelete.RESTRICT
    )
    from_candidate_id: CandidateId | None
    kind = fields.CharField(max_length=10, default="deploy")
    reported = fields.BooleanField(default=False)
    status = fields.CharField(max_length=20)
    error_message = fields.TextField(null=True)
    origin = fields.CharField(max_length=255, null=True, unique=True)
    actor: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="deployments", on_delete=fields.OnDelete.RESTRICT
    )
    actor_id: UserId
    automatic = fields.BooleanField(default=False)
    channel = fields.CharField(max_length=20, null=True)
    token_id = nullable_id(TokenId)
    waiting = fields.BooleanField(default=False)
    wait_outcome = fields.CharField(max_length=12, null=True)
    waits_for: list[str] | None = fields.JSONField(null=True)
    expires_at = fields.DatetimeField(null=True)
    evaluate_at = fields.DatetimeField(null=True)
    force_reason = fields.TextField(null=True)
    rollback_reason = fields.TextField(null=True)
    decision: dict[str, Any] | None = fields.JSONField(null=True)
    github_deployment_id = nullable_github_id(GitHubDeploymentId)
    github_state = fields.CharField(max_length=12, null=True)
    github_sending = fields.CharField(max_length=12, null=True)
    dispatch_after = fields.DatetimeField(null=True)
    deadline_at = fields.DatetimeField(null=True)
    deploy_start_at = fields.DatetimeField(null=True)
    deploy_end_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        """Table and indexes; the partial ones are in the migrations."""

        table = "deployments"
        indexes = (
            *(("environment", "id"), ("candidate", "environment"), ("environment", "status", "deploy_end_at")),
            ("actor", "id"),
        )


def live_deployment(environment_id: int) -> QuerySetSingle[Deployment | None]:
    """Select the live deployment of an environment: the one that succeeded last, by the time that it ended.

    This and `LIVE_DEPLOYMENT_ID`, the same rule in SQL, are the only definitions of what is live.
    """
    succeeded = Deployment.filter(environment_id=environment_id, status="success")
    return succeeded.order_by("-deploy_end_at", "-id").first()


LIVE_DEPLOYMENT_ID = """(
    SELECT live.id FROM deployments live WHERE live.environment_id = {environment_id} AND live.status = 'success'
    ORDER BY live.deploy_end_at DESC, live.id DESC LIMIT 1
)"""
"""A subquery for the id of the live deployment; `{environment_id}` stands for an SQL expression."""

NEWEST_SUCCESS = f"""(
    SELECT sc."commit" FROM environments se
    JOIN deployments sd ON sd.id = {LIVE_DEPLOYMENT_ID.format(environment_id="se.id{but}")}
    JOIN candidates sc ON sc.id = sd.candidate_id
    WHERE se.project_id = {{project_id}} ORDER BY sd.deploy_end_at DESC, sd.id DESC LIMIT 1
)"""  # noqa: S608 - a subquery of ours
"""A subquery for the commit that was deployed successfully last on any environment of `{project_id}`.

It reads one deployment of each. `{but}` is empty or a condition on `live` that begins with AND.
"""

RAN = Q(wait_outcome=None) | Q(wait_outcome="dispatched")
"""The condition for deployments that did not wait, or that were dispatched in the end."""
