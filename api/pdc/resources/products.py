"""What schedules and files rest on: products, their versions, SLAs, and what a word is taken from."""

from typing import Any

from api.pdc.crud import field_types, filters
from api.pdc.crud.resource import Field, Kind, Many, Resource
from bot.errors import Refusal
from bot.operations import content
from bot.operations.records import Unique
from bot.store.content import Product, ProductVersion, Sla
from bot.store.lists import Listing
from bot.store.releases import Release

SHORT = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
VERSION = field_types.text(200, pattern=r"[^\s<>/]+", otherwise="Only accept text without blanks, <, > and /")
BAD_SHORT = "Only accept lowercase letters, numbers or -"


def unique(*names: str, columns: tuple[str, ...]) -> Unique:
    """No two rows have these fields in common."""
    said = f"The fields {', '.join(names)} must make a unique set."
    return Unique(columns, lambda row: Refusal(said))


def unique_name(what: str, column: str) -> Unique:
    """No two rows have this field in common."""
    return Unique((column,), lambda row: Refusal(f"{what} with this {column} already exists.", field=column))


def already_there(what: str, *columns: str) -> Unique:
    """No two rows have these columns in common; the refusal names the first."""
    return Unique(columns, lambda row: Refusal(f"{what} {row[columns[0]]} already exists."))


def nothing(name: str, kind: Kind = field_types.OBJECT, value: Any = None) -> Field:
    """A field that clients expect and of which nothing is known here."""
    return Field(name, kind, show=lambda _: lambda _: value)


def short(longest: int = 200) -> Field:
    """The word by which something is known."""
    return Field("short", field_types.text(longest, pattern=SHORT, otherwise=BAD_SHORT), "short", "short")


PRODUCTS = Resource(
    name="products",
    title="Product",
    listing=Listing(Product),
    key=("short",),
    fields=(
        Field("name", field_types.text(200), "name", "name"),
        short(),
        Field("active", field_types.FLAG, "active", "active", default=True),
        Field(
            "product_versions",
            field_types.LIST,
            many=Many(Listing(ProductVersion), "product_id", "product_version_id"),
        ),
        nothing("allowed_push_targets", field_types.LIST, []),
    ),
    unique=(unique_name("product", "short"),),
    filters={
        "name": filters.one_of("t.name"),
        "short": filters.one_of("t.short"),
        "active": filters.plain_flag("t.active"),
    },
    default_order="short",
    acts=frozenset({"create", "update"}),
)

PRODUCT_VERSIONS = Resource(
    name="product-versions",
    title="Product Version",
    listing=Listing(ProductVersion),
    key=("product_version_id",),
    fields=(
        Field("name", field_types.text(200), "name", "name"),
        Field("short", short().kind, "short", "short", default=None),
        Field("version", VERSION, "version", "version"),
        Field("active", field_types.FLAG, "active", "active", default=True),
        Field("product_version_id", field_types.NAME, "product_version_id"),
        Field("product", field_types.NAME, "product__short", "product_id", refers=field_types.PRODUCT),
        Field(
            "releases", field_types.LIST, many=Many(Listing(Release, "project_id"), "product_version_id", "release_id")
        ),
        nothing("allowed_push_targets", field_types.LIST, []),
    ),
    unique=(unique("short", "version", columns=("product_version_id",)),),
    filters={
        "name": filters.one_of("t.name"),
        "version": filters.one_of("t.version"),
        "short": filters.one_of("t.short"),
        "active": filters.plain_flag("t.active"),
        "product_version_id": filters.one_of("t.product_version_id"),
    },
    nested={"product": ("product", PRODUCTS)},
    default_order="product_version_id",
    acts=frozenset({"create", "update"}),
    prepare=content.product_version,
)

SLAS = Resource(
    name="component-sla-types",
    title="Component SLA Type",
    listing=Listing(Sla),
    fields=(
        Field("id", field_types.INTEGER, "id"),
        Field("name", field_types.text(300), "name", "name"),
        Field("description", field_types.lines(100_000), "description", "description", default=""),
    ),
    unique=(unique_name("sla", "name"),),
    filters={"name": filters.one_of("t.name")},
    prepare=content.sla,
)
