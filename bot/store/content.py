"""What the content network keeps of releases: products, promised dates, variants, repositories, packages and files."""

from typing import Any

import orjson
from tortoise import fields
from tortoise.models import Model

from bot.store.database import dialect, fetch
from bot.store.releases import Release

_VARIANT = (
    "SELECT v.id, v.arches, r.project_id FROM variants v JOIN releases r ON r.id = v.release_id "
    "WHERE r.release_id = $1 AND v.uid = $2"
)


class Product(Model):
    """What product versions are versions of."""

    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=200)
    short = fields.CharField(max_length=200, unique=True)
    active = fields.BooleanField(default=True)

    class Meta:
        """Where the rows are."""

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
        """Where the rows are."""

        table = "product_versions"


class Sla(Model):
    """A kind of promise about a release: its schedules go with it."""

    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=300, unique=True)
    description = fields.TextField(default="")

    class Meta:
        """Where the rows are."""

        table = "slas"


class Schedule(Model):
    """The date until which an SLA binds a release."""

    id = fields.IntField(primary_key=True)
    release: fields.ForeignKeyRelation[Release] = fields.ForeignKeyField(
        "models.Release", related_name="schedules", on_delete=fields.OnDelete.RESTRICT
    )
    release_id: int
    sla: fields.ForeignKeyRelation[Sla] = fields.ForeignKeyField(
        "models.Sla", related_name="schedules", on_delete=fields.OnDelete.CASCADE
    )
    sla_id: int
    date = fields.DateField()

    class Meta:
        """Where the rows are: one date for a release and an SLA."""

        table = "schedules"
        unique_together = (("release", "sla"),)
        indexes = (("date", "id"), ("sla", "date", "id"))


class Variant(Model):
    """A variant of a release, and the architectures it is made for."""

    id = fields.IntField(primary_key=True)
    release: fields.ForeignKeyRelation[Release] = fields.ForeignKeyField(
        "models.Release", related_name="variants", on_delete=fields.OnDelete.RESTRICT
    )
    release_id: int
    uid = fields.CharField(max_length=200)
    variant = fields.CharField(max_length=200)
    name = fields.CharField(max_length=300)
    type = fields.CharField(max_length=20)
    arches: list[str] = fields.JSONField()
    variant_version = fields.CharField(max_length=100, null=True)
    variant_release = fields.CharField(max_length=100, null=True)

    class Meta:
        """Where the rows are; `variant` is what callers know as `id`."""

        table = "variants"
        unique_together = (("release", "uid"),)


class ContentRepo(Model):
    """A repository of the content network, for one architecture of a variant."""

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
        """Where the rows are."""

        table = "content_repos"
        unique_together = (
            ("variant", "arch", "service", "repo_family", "content_format", "content_category", "name", "shadow"),
        )
        indexes = (("name",),)


class Rpm(Model):
    """A package file."""

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
        """Where the rows are."""

        table = "rpms"
        unique_together = (("name", "epoch", "version", "release", "arch"),)


class ReleasedFile(Model):
    """A package file that is shipped for a release by a repository of the content network."""

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
        """Where the rows are: a file once in a repository."""

        table = "released_files"
        unique_together = (("rpm", "repo"),)
        indexes = (("repo", "release_date", "id"), ("release_date", "id"))


class ChangeSet(Model):
    """What one request changed in these rows, and why, as its sender said."""

    id = fields.IntField(primary_key=True)
    author = fields.CharField(max_length=255)
    requested_on = fields.DatetimeField()
    committed_on = fields.DatetimeField()
    comment = fields.TextField(null=True)
    resource = fields.CharField(max_length=60)
    changes: list[dict[str, object]] = fields.JSONField()

    class Meta:
        """Where the rows are."""

        table = "changesets"
        indexes = (("resource", "id"),)


async def locked_variant(release_id: str, uid: str) -> dict[str, Any] | None:
    """The number, architectures and project of a variant that others cannot change until the transaction ends."""
    lock = " FOR NO KEY UPDATE OF v" if dialect() == "postgres" else ""
    for row in await fetch(_VARIANT + lock, release_id, uid):
        return {**row, "arches": orjson.loads(row["arches"])}
    return None
