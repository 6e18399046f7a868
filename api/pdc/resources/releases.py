"""Releases: the same rows as in all dialects, identified by `release_id`."""

from collections.abc import Mapping

from api.pdc.crud import field_types, filters
from api.pdc.crud.resource import Field, FieldType, Orderings, Resource
from api.pdc.resources import vocabularies
from api.pdc.resources.products import PRODUCT_VERSIONS, constant_field, short, unique_record
from bot.errors import Refusal
from bot.operations import content
from bot.rules import packages
from bot.rules.content import RELEASE_TYPES
from bot.store.lists import ModelQuery
from bot.store.releases import Release

NAME_SQL = "COALESCE(t.name, t__project.name || ' ' || t.version)"
ORDER_BY_NAME = "COALESCE({name}, {project__name} || ' ' || {version})"
NAME_COLUMNS = {"name": "name", "project": "project__name", "version": "version"}
_parse_version_text = field_types.text(packages.MAX_VERSION_LENGTH).parse


def _parse_version(value: object) -> str:
    try:
        return packages.parse_version(str(_parse_version_text(value)))
    except Refusal as refusal:
        raise ValueError(refusal.sentence) from refusal


VERSION = FieldType(
    "string", _parse_version, {"type": "string", "minLength": 1, "maxLength": packages.MAX_VERSION_LENGTH}
)

PRODUCT_VERSION = Field(
    "product_version",
    field_types.NAME,
    "product_version__product_version_id",
    "product_version_id",
    default=None,
    nullable=True,
    reference=field_types.PRODUCT_VERSION,
)


_ORDERINGS = Orderings(
    {
        "name": (ORDER_BY_NAME,),
        **dict.fromkeys(("base_product", "integrated_with", "sigkey", "allow_buildroot_push"), ()),
    },
    {
        "product_version": ("product_version", PRODUCT_VERSIONS.order_names),
        "release_type": ("release_type", vocabularies.RELEASE_TYPES.order_names),
    },
)


def _serialize_name(columns: Mapping[str, str]) -> str:
    return columns["name"] or f"{columns['project']} {columns['version']}"


RELEASES = Resource(
    name="releases",
    title="Release",
    description="Releases, the same as everywhere in this service, known by their release id.",
    query=ModelQuery(Release, project="project_id"),
    key=("release_id",),
    fields=(
        Field("release_id", field_types.NAME, "release_id"),
        Field("short", short(100).type, "project__permalink", "short"),
        Field("version", VERSION, "version", "version"),
        Field("name", field_types.text(255), NAME_COLUMNS, "name", serializer=lambda _: _serialize_name),
        constant_field("base_product"),
        Field("active", field_types.BOOLEAN, "active", "active", default=True),
        PRODUCT_VERSION,
        Field("release_type", field_types.choice(*RELEASE_TYPES), "release_type", "release_type"),
        constant_field("compose_set", field_types.LIST, []),
        *(constant_field(name) for name in ("integrated_with", "sigkey")),
        constant_field("allow_buildroot_push", field_types.BOOLEAN, False),
        *(
            constant_field(name, field_types.LIST, [])
            for name in ("allowed_debuginfo_services", "allowed_push_targets")
        ),
        *(constant_field(name) for name in ("bugzilla", "dist_git")),
    ),
    unique=(unique_record("Release", "release_id"),),
    filters={
        "release_id": filters.one_of("t.release_id"),
        "short": filters.one_of("t__project.permalink"),
        "name": filters.one_of(NAME_SQL),
        **{name: filters.one_of(f"t.{name}") for name in ("version", "release_type")},
        "active": filters.boolean("t.active"),
        "product_version": filters.one_of("t__product_version.product_version_id"),
    },
    orderings=_ORDERINGS,
    default_ordering="release_id",
    actions=frozenset({"create", "update"}),
    prepare=content.release,
)
