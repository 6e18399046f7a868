"""Actions runs that we asked for: of builds and of deployments."""

from tortoise import fields
from tortoise.models import Model

from bot.store.candidates import Candidate
from bot.store.deployments import Deployment
from bot.store.projects import Repository


class Run(Model):
    """A workflow run, from the wish for it to its end. It builds a candidate or makes a deployment, never both.

    `state`: `wanted` (not dispatched yet), `posted` (sent, answer unknown), `running`, `done`, `failed` (never ran).
    `request_id` is the dispatch input by which the run is found again after an answer that never came. A re-run on
    GitHub keeps its id and counts attempts: a row begins at `first_attempt` and was last seen at `attempt`.
    """

    id = fields.IntField(primary_key=True)
    repository: fields.ForeignKeyRelation[Repository] = fields.ForeignKeyField(
        "models.Repository", related_name="runs", on_delete=fields.OnDelete.RESTRICT
    )
    repository_id: int
    candidate: fields.ForeignKeyNullableRelation[Candidate] = fields.ForeignKeyField(
        "models.Candidate", null=True, related_name="runs", on_delete=fields.OnDelete.RESTRICT
    )
    candidate_id: int | None
    deployment: fields.ForeignKeyNullableRelation[Deployment] = fields.ForeignKeyField(
        "models.Deployment", null=True, related_name="runs", on_delete=fields.OnDelete.RESTRICT
    )
    deployment_id: int | None
    workflow = fields.CharField(max_length=255)
    commit = fields.CharField(max_length=64)
    request_id = fields.CharField(max_length=40, unique=True)
    state = fields.CharField(max_length=10, default="wanted")
    cancel_requested = fields.BooleanField(default=False)
    github_id = fields.BigIntField(null=True)
    first_attempt = fields.IntField(default=1)
    attempt = fields.IntField(default=1)
    status = fields.CharField(max_length=20, null=True)
    conclusion = fields.CharField(max_length=20, null=True)
    url = fields.CharField(max_length=500, null=True)
    posted_at = fields.DatetimeField(null=True)
    checked_at = fields.DatetimeField(null=True)
    deadline_at = fields.DatetimeField()
    created_at = fields.DatetimeField()

    class Meta:
        """Where the rows are."""

        table = "runs"
        unique_together = (("repository", "github_id", "first_attempt"),)
        indexes = (("state", "deadline_at"), ("candidate",), ("deployment",))
