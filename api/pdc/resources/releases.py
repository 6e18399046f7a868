"""Releases as the content network speaks of them: the same as everywhere, known by `release_id`."""

from typing import Any

from api.pdc.crud import field_types, filters
from api.pdc.crud.resource import Field, Kind, Resource
from api.pdc.resources.products import PRODUCT_VERSIONS, already_there, nothing, short
from bot.errors import Refusal
from bot.operations import content
from bot.rules import packages
from bot.rules.content import RELEASE_TYPES
from bot.store.lists import Listing
from bot.store.releases import Release

SHOWN_NAME = "COALESCE(t.name, t__project.name || ' ' || t.version)"
NAMED = {"given": "name", "project": "project__name", "version": "version"}


def _read_version(value: Any) -> str:
    said = str(field_types.text(packages.MAX_VERSION_LENGTH).read(value))
    try:
        return packages.parse_version(said)
    except Refusal as refusal:
        raise ValueError(refusal.sentence) from refusal


VERSION = Kind("string", _read_version, {"type": "string", "minLength": 1, "maxLength": packages.MAX_VERSION_LENGTH})

PRODUCT_VERSION = Field(
    "product_version",
    field_types.NAME,
    "product_version__product_version_id",
    "product_version_id",
    default=None,
    nullable=True,
    refers=field_types.PRODUCT_VERSION,
)


def _name(of: dict[str, str]) -> str:
    return of["given"] or f"{of['project']} {of['version']}"


RELEASES = Resource(
    name="releases",
    title="Release",
    description="Releases, the same as everywhere in this service, known by their release id.",
    listing=Listing(Release, project="project_id"),
    key=("release_id",),
    fields=(
        Field("release_id", field_types.NAME, "release_id"),
        Field("short", short(100).kind, "project__permalink", "short"),
        Field("version", VERSION, "version", "version"),
        Field("name", field_types.text(255), NAMED, "name", show=lambda _: _name),
        nothing("base_product"),
        Field("active", field_types.FLAG, "active", "active", default=True),
        PRODUCT_VERSION,
        Field("release_type", field_types.choice(*RELEASE_TYPES), "release_type", "release_type"),
        *(nothing(name, field_types.LIST, []) for name in ("compose_set", "integrated_with")),
        nothing("sigkey"),
        nothing("allow_buildroot_push", field_types.FLAG, False),
        *(nothing(name, field_types.LIST, []) for name in ("allowed_debuginfo_services", "allowed_push_targets")),
        *(nothing(name) for name in ("bugzilla", "dist_git")),
    ),
    unique=(already_there("Release", "release_id"),),
    filters={
        "release_id": filters.one_of("t.release_id"),
        "short": filters.one_of("t__project.permalink"),
        "name": filters.one_of(SHOWN_NAME),
        **{name: filters.one_of(f"t.{name}") for name in ("version", "release_type")},
        "active": filters.plain_flag("t.active"),
        "product_version": filters.one_of("t__product_version.product_version_id"),
    },
    order={"id": "id", "name": "name"},
    nested={"product_version": ("product_version", PRODUCT_VERSIONS)},
    default_order="release_id",
    acts=frozenset({"create", "update"}),
    prepare=content.release,
)
