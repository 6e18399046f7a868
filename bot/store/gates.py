"""What people say about deployments: approvals of candidates, locks of environments, freezes, bans of candidates.

Rows are never deleted. One that was withdrawn, released or ended has the time of that; a lock or freeze whose `until`
has passed has no effect any more.
"""

from collections.abc import Sequence
from datetime import datetime

from tortoise import fields
from tortoise.expressions import Q
from tortoise.models import Model

from bot.rules.ids import ApprovalId, CandidateId, EnvironmentId, FreezeId, ProjectId, UserId
from bot.store.candidates import Candidate
from bot.store.columns import primary_key
from bot.store.projects import Environment, Project
from bot.store.users import User


class Approval(Model):
    """A person's approval of one candidate for one environment. `by_operator`: with a token that an operator made."""

    id = primary_key(ApprovalId)
    candidate: fields.ForeignKeyRelation[Candidate] = fields.ForeignKeyField(
        "models.Candidate", related_name="approvals", on_delete=fields.OnDelete.RESTRICT
    )
    candidate_id: CandidateId
    environment: fields.ForeignKeyRelation[Environment] = fields.ForeignKeyField(
        "models.Environment", related_name="approvals", on_delete=fields.OnDelete.RESTRICT
    )
    environment_id: EnvironmentId
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="approvals", on_delete=fields.OnDelete.RESTRICT
    )
    user_id: UserId
    comment = fields.TextField()
    channel = fields.CharField(max_length=20)
    by_operator = fields.BooleanField()
    approved_at = fields.DatetimeField()
    withdrawn_at = fields.DatetimeField(null=True)

    class Meta:
        """Table and indexes; the partial one is in the migrations."""

        table = "approvals"
        indexes = (("environment", "id"),)


class EnvironmentLock(Model):
    """An environment reserved by its owner: others cannot deploy there until it is released, or `until`."""

    id = fields.IntField(primary_key=True)
    environment: fields.ForeignKeyRelation[Environment] = fields.ForeignKeyField(
        "models.Environment", related_name="locks", on_delete=fields.OnDelete.RESTRICT
    )
    environment_id: EnvironmentId
    owner: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="locks", on_delete=fields.OnDelete.RESTRICT
    )
    owner_id: UserId
    reason = fields.TextField()
    since = fields.DatetimeField()
    until = fields.DatetimeField(null=True)
    released_at = fields.DatetimeField(null=True)
    released_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", null=True, related_name="released_locks", on_delete=fields.OnDelete.RESTRICT
    )
    released_by_id: UserId | None

    class Meta:
        """Table; its partial index is in the migrations."""

        table = "environment_locks"


class Freeze(Model):
    """A stop of deployments. `scope` is environment, project or service.

    One of an environment has the project's id, too. `created_by` must have been fetched for `record`.
    """

    id = primary_key(FreezeId)
    scope = fields.CharField(max_length=12)
    environment: fields.ForeignKeyNullableRelation[Environment] = fields.ForeignKeyField(
        "models.Environment", null=True, related_name="freezes", on_delete=fields.OnDelete.RESTRICT
    )
    environment_id: EnvironmentId | None
    project: fields.ForeignKeyNullableRelation[Project] = fields.ForeignKeyField(
        "models.Project", null=True, related_name="freezes", on_delete=fields.OnDelete.RESTRICT
    )
    project_id: ProjectId | None
    created_by: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="freezes", on_delete=fields.OnDelete.RESTRICT
    )
    created_by_id: UserId
    reason = fields.TextField()
    since = fields.DatetimeField()
    until = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)
    ended_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", null=True, related_name="ended_freezes", on_delete=fields.OnDelete.RESTRICT
    )
    ended_by_id: UserId | None

    @property
    def record(self) -> dict[str, str | None]:
        """Who froze, why, since when and until when (ISO 8601), as refusals and environments show it."""
        until = None if self.until is None else self.until.isoformat()
        return {"by": self.created_by.name, "reason": self.reason, "since": self.since.isoformat(), "until": until}

    def is_on(self, environment: Environment) -> bool:
        """Whether it stops deployments to an environment while it is in force."""
        if self.scope == "environment":
            return self.environment_id == environment.id
        return self.scope == "service" or self.project_id == environment.project_id

    class Meta:
        """Table; its partial index is in the migrations."""

        table = "freezes"


class Ban(Model):
    """A candidate that must not be deployed any more. `tag_moved`: because its tag is not at its commit."""

    id = fields.IntField(primary_key=True)
    candidate: fields.ForeignKeyRelation[Candidate] = fields.ForeignKeyField(
        "models.Candidate", related_name="bans", on_delete=fields.OnDelete.RESTRICT
    )
    candidate_id: CandidateId
    created_by: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="bans", on_delete=fields.OnDelete.RESTRICT
    )
    created_by_id: UserId
    reason = fields.TextField()
    tag_moved = fields.BooleanField()
    since = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)
    ended_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", null=True, related_name="ended_bans", on_delete=fields.OnDelete.RESTRICT
    )
    ended_by_id: UserId | None

    class Meta:
        """Table; its partial index is in the migrations."""

        table = "bans"


def in_force(now: datetime) -> Q:
    """The condition for freezes that are in force."""
    return Q(ended_at=None) & (Q(until=None) | Q(until__gt=now))


def lock_in_force(now: datetime) -> Q:
    """The condition for locks that are in force."""
    return Q(released_at=None) & (Q(until=None) | Q(until__gt=now))


def freezes_of(environment: Environment, now: datetime) -> Q:
    """The condition for freezes that are in force on an environment, whatever their scope."""
    on_it = (
        Q(environment_id=environment.id) | Q(scope="project", project_id=environment.project_id) | Q(scope="service")
    )
    return on_it & in_force(now)


async def freezes_by_environment(
    environments: Sequence[Environment], now: datetime
) -> dict[EnvironmentId, list[Freeze]]:
    """Read the freezes in force on environments in one query: by the environment's id, oldest first."""
    own = Q(environment_id__in=[environment.id for environment in environments])
    of_projects = Q(scope="project", project_id__in=list({environment.project_id for environment in environments}))
    found = Freeze.filter(in_force(now) & (own | of_projects | Q(scope="service")))
    freezes = await found.order_by("since", "id").select_related("created_by", "environment") if environments else []
    return {environment.id: [row for row in freezes if row.is_on(environment)] for environment in environments}


OLDEST_FREEZE_ID = """(
    SELECT oldest.id FROM freezes oldest WHERE oldest.ended_at IS NULL
    AND (oldest.until IS NULL OR oldest.until > CURRENT_TIMESTAMP)
    AND (oldest.environment_id = {environment}.id OR oldest.scope = 'service'
        OR (oldest.scope = 'project' AND oldest.project_id = {environment}.project_id))
    ORDER BY oldest.since, oldest.id LIMIT 1
)"""
"""A subquery for the id of the oldest freeze in force on an environment, whatever its scope: `freezes_of` in SQL."""


async def locks_by_environment(
    environments: Sequence[Environment], now: datetime
) -> dict[EnvironmentId, EnvironmentLock]:
    """Read the locks in force of environments in one query, with their owners: by the environment's id."""
    ids = [environment.id for environment in environments]
    locks = EnvironmentLock.filter(lock_in_force(now), environment_id__in=ids).select_related("owner")
    return {lock.environment_id: lock for lock in await locks} if ids else {}
