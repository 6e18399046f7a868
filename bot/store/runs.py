"""Workflow runs that Longshore requested: of builds and of deployments."""

from tortoise import fields
from tortoise.models import Model

from bot.rules.ids import CandidateId, DeploymentId, RepositoryId, RunId, RunRowId
from bot.store.candidates import Candidate
from bot.store.columns import commit_sha, nullable_github_id, primary_key
from bot.store.deployments import Deployment
from bot.store.projects import Repository


class Run(Model):
    """A workflow run, from the request for it to its end. It builds a candidate or makes a deployment, never both.

    `state`: `wanted` (not dispatched yet), `posted` (the request may have been sent), `running`, `done`, `failed` (it
    never ran), `lost` (it may have run, but GitHub does not show it). `request_id` is the dispatch input by which the
    run is found when GitHub's response did not name it. A re-run on GitHub keeps the id and increments the attempt: a
    row begins at `first_attempt` and was last seen at `attempt`. Times are by our clock, unless said otherwise.
    """

    id = primary_key(RunRowId)
    repository: fields.ForeignKeyRelation[Repository] = fields.ForeignKeyField(
        "models.Repository", related_name="runs", on_delete=fields.OnDelete.RESTRICT
    )
    repository_id: RepositoryId
    candidate: fields.ForeignKeyNullableRelation[Candidate] = fields.ForeignKeyField(
        "models.Candidate", null=True, related_name="runs", on_delete=fields.OnDelete.RESTRICT
    )
    candidate_id: CandidateId | None
    deployment: fields.ForeignKeyNullableRelation[Deployment] = fields.ForeignKeyField(
        "models.Deployment", null=True, related_name="runs", on_delete=fields.OnDelete.RESTRICT
    )
    deployment_id: DeploymentId | None
    workflow = fields.CharField(max_length=255)
    commit = commit_sha()
    request_id = fields.CharField(max_length=40, unique=True)
    state = fields.CharField(max_length=10, default="wanted")
    cancel_requested = fields.BooleanField(default=False)
    github_id = nullable_github_id(RunId)
    first_attempt = fields.IntField(default=1)
    attempt = fields.IntField(default=1)
    status = fields.CharField(max_length=20, null=True)
    conclusion = fields.CharField(max_length=20, null=True)
    url = fields.CharField(max_length=500, null=True)
    posted_at = fields.DatetimeField(null=True)
    first_posted_at = fields.DatetimeField(null=True)
    """By GitHub's clock, since when the run may exist."""
    uses_environment = fields.CharField(max_length=5, null=True)
    """Whether a job of it makes a deployment on GitHub by itself (`yes`, `no`, `maybe`); null until it is known."""
    accepted = fields.BooleanField(default=False)
    """GitHub said that it started the run, but not which one that is."""
    misses = fields.IntField(default=0)
    """How often in a row GitHub did not find the run."""
    checked_at = fields.DatetimeField(null=True)
    deadline_at = fields.DatetimeField()
    created_at = fields.DatetimeField()

    class Meta:
        """Table and indexes."""

        table = "runs"
        unique_together = (("repository", "github_id", "first_attempt"),)
        indexes = (("state", "deadline_at"), ("candidate",), ("deployment",))
