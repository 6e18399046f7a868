"""Content of releases: products, SLAs and schedules, variants, content repositories, RPMs, files and change sets."""

from dataclasses import dataclass

import orjson
from tortoise import fields
from tortoise.models import Model

from bot.rules.ids import ProjectId, ReleaseId
from bot.store.database import dialect, fetch
from bot.store.releases import Release

_VARIANT = (
    "SELECT v.id, v.arches, r.project_id FROM variants v JOIN releases r ON r.id = v.release_id "
    "WHERE r.release_id = $1 AND v.uid = $2"
)


class Product(Model):
    """A product, which has product versions."""

    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=200)
    short = fields.CharField(max_length=200, unique=True)
    active = fields.BooleanField(default=True)

    class Meta:
        """Table and indexes."""

        table = "products"


class ProductVersion(Model):
    """A version of a product; `product_version_id` is `<short>-<version>`."""

    id = fields.IntField(primary_key=True)
    product: fields.ForeignKeyRelation[Product] = fields.ForeignKeyField(
        "models.Product", related_name="versions", on_delete=fields.OnDelete.RESTRICT
    )
    product_id: int
    name = fields.CharField(max_length=200)
    short = fields.CharField(max_length=200)
    version = fields.CharField(max_length=200)
    active = fields.BooleanField(default=True)
    product_version_id = fields.CharField(max_length=401, unique=True)

    class Meta:
        """Table and indexes."""

        table = "product_versions"


class Sla(Model):
    """A service level agreement. Its schedules are deleted with it."""

    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=300, unique=True)
    description = fields.TextField(default="")

    class Meta:
        """Table and indexes."""

        table = "slas"


class Schedule(Model):
    """The date until which an SLA applies to a release."""

    id = fields.IntField(primary_key=True)
    release: fields.ForeignKeyRelation[Release] = fields.ForeignKeyField(
        "models.Release", related_name="schedules", on_delete=fields.OnDelete.RESTRICT
    )
    release_id: ReleaseId
    sla: fields.ForeignKeyRelation[Sla] = fields.ForeignKeyField(
        "models.Sla", related_name="schedules", on_delete=fields.OnDelete.CASCADE
    )
    sla_id: int
    date = fields.DateField()

    class Meta:
        """Table and indexes: one date per release and SLA."""

        table = "schedules"
        unique_together = (("release", "sla"),)
        indexes = (("date", "id"), ("sla", "date", "id"))


class Variant(Model):
    """A variant of a release, with its architectures. Callers know the column `variant` as `id`."""

    id = fields.IntField(primary_key=True)
    release: fields.ForeignKeyRelation[Release] = fields.ForeignKeyField(
        "models.Release", related_name="variants", on_delete=fields.OnDelete.RESTRICT
    )
    release_id: ReleaseId
    uid = fields.CharField(max_length=200)
    variant = fields.CharField(max_length=200)
    name = fields.CharField(max_length=300)
    type = fields.CharField(max_length=20)
    arches: list[str] = fields.JSONField()
    variant_version = fields.CharField(max_length=100, null=True)
    variant_release = fields.CharField(max_length=100, null=True)

    class Meta:
        """Table and indexes."""

        table = "variants"
        unique_together = (("release", "uid"),)


class ContentRepo(Model):
    """A content repository for one architecture of a variant."""

    id = fields.IntField(primary_key=True)
    variant: fields.ForeignKeyRelation[Variant] = fields.ForeignKeyField(
        "models.Variant", related_name="repos", on_delete=fields.OnDelete.CASCADE
    )
    variant_id: int
    arch = fields.CharField(max_length=50)
    service = fields.CharField(max_length=50)
    repo_family = fields.CharField(max_length=50)
    content_format = fields.CharField(max_length=50)
    content_category = fields.CharField(max_length=50)
    name = fields.CharField(max_length=2000)
    shadow = fields.BooleanField(default=False)
    product_id = fields.BigIntField(null=True)

    class Meta:
        """Table and indexes."""

        table = "content_repos"
        unique_together = (
            ("variant", "arch", "service", "repo_family", "content_format", "content_category", "name", "shadow"),
        )
        indexes = (("name",),)


class Rpm(Model):
    """An RPM package file."""

    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=200)
    epoch = fields.BigIntField()
    version = fields.CharField(max_length=200)
    release = fields.CharField(max_length=200)
    arch = fields.CharField(max_length=200)
    srpm_name = fields.CharField(max_length=200)
    srpm_nevra = fields.CharField(max_length=200, null=True)
    filename = fields.CharField(max_length=4096)

    class Meta:
        """Table and indexes."""

        table = "rpms"
        unique_together = (("name", "epoch", "version", "release", "arch"),)


class ReleasedFile(Model):
    """An RPM that a content repository ships for a release."""

    id = fields.IntField(primary_key=True)
    rpm: fields.ForeignKeyRelation[Rpm] = fields.ForeignKeyField(
        "models.Rpm", related_name="released", on_delete=fields.OnDelete.RESTRICT
    )
    rpm_id: int
    repo: fields.ForeignKeyRelation[ContentRepo] = fields.ForeignKeyField(
        "models.ContentRepo", related_name="files", on_delete=fields.OnDelete.CASCADE
    )
    repo_id: int
    released_date = fields.DateField(null=True)
    release_date = fields.DateField()
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()
    zero_day_release = fields.BooleanField(default=False)
    obsolete = fields.BooleanField(default=False)

    class Meta:
        """Table and indexes: an RPM is unique per repository."""

        table = "released_files"
        unique_together = (("rpm", "repo"),)
        indexes = (("repo", "release_date", "id"), ("release_date", "id"))


class ChangeSet(Model):
    """The changes that one request made to these rows, with the comment of its sender."""

    id = fields.IntField(primary_key=True)
    author = fields.CharField(max_length=255)
    requested_on = fields.DatetimeField()
    committed_on = fields.DatetimeField()
    comment = fields.TextField(null=True)
    resource = fields.CharField(max_length=60)
    changes: list[dict[str, object]] = fields.JSONField()

    class Meta:
        """Table and indexes."""

        table = "changesets"
        indexes = (("resource", "id"),)


@dataclass(frozen=True, slots=True)
class LockedVariant:
    """The id, architectures and project of a variant whose row is locked."""

    id: int
    arches: list[str]
    project_id: ProjectId


async def lock_variant(release_id: str, uid: str) -> LockedVariant | None:
    """Lock a variant until the transaction ends, and return it."""
    lock = " FOR NO KEY UPDATE OF v" if dialect() == "postgres" else ""
    for row in await fetch(_VARIANT + lock, release_id, uid):
        return LockedVariant(row["id"], orjson.loads(row["arches"]), row["project_id"])
    return None
