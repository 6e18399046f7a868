"""Products, product versions and SLAs, and helpers that several resources are declared with."""

from api.pdc.crud import field_types, filters
from api.pdc.crud.resource import Field, FieldType, Orderings, RelatedValues, Resource
from bot.errors import Refusal
from bot.operations import content
from bot.operations.changes import Unique
from bot.store.content import Product, ProductVersion, Sla
from bot.store.lists import ModelQuery
from bot.store.releases import Release

SHORT = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
VERSION = field_types.text(200, pattern=r"[^\s<>/]+", mismatch="Only accept text without blanks, <, > and /")
BAD_SHORT = "Only accept lowercase letters, numbers or -"


def unique_together(*fields: str, columns: tuple[str, ...]) -> Unique:
    """Require that no two rows have the same values in these fields."""
    sentence = f"The fields {', '.join(fields)} must make a unique set."
    return Unique(columns, lambda row: Refusal(sentence))


def unique_field(label: str, column: str) -> Unique:
    """Require that no two rows have the same value in this field."""
    return Unique((column,), lambda row: Refusal(f"{label} with this {column} already exists.", field=column))


def unique_record(label: str, *columns: str) -> Unique:
    """Require that no two rows have the same values in these columns; the refusal quotes the first one."""
    return Unique(columns, lambda row: Refusal(f"{label} {row[columns[0]]} already exists."))


def constant_field(name: str, field_type: FieldType = field_types.OBJECT, value: object = None) -> Field:
    """A field that clients expect, but for which Longshore has no data."""
    return Field(name, field_type, serializer=lambda _: lambda _: value)


def short(max_length: int = 200) -> Field:
    """The field for a short name that identifies a row."""
    return Field("short", field_types.text(max_length, pattern=SHORT, mismatch=BAD_SHORT), "short", "short")


PRODUCTS = Resource(
    name="products",
    title="Product",
    query=ModelQuery(Product),
    key=("short",),
    fields=(
        Field("name", field_types.text(200), "name", "name"),
        short(),
        Field("active", field_types.BOOLEAN, "active", "active", default=True),
        Field(
            "product_versions",
            field_types.LIST,
            related=RelatedValues(ModelQuery(ProductVersion), "product_id", "product_version_id"),
        ),
        constant_field("allowed_push_targets", field_types.LIST, []),
    ),
    unique=(unique_field("product", "short"),),
    filters={
        "name": filters.one_of("t.name"),
        "short": filters.one_of("t.short"),
        "active": filters.boolean("t.active"),
    },
    default_ordering="short",
    actions=frozenset({"create", "update"}),
)

PRODUCT_VERSIONS = Resource(
    name="product-versions",
    title="Product Version",
    query=ModelQuery(ProductVersion),
    key=("product_version_id",),
    fields=(
        Field("name", field_types.text(200), "name", "name"),
        Field("short", short().type, "short", "short", default=None),
        Field("version", VERSION, "version", "version"),
        Field("active", field_types.BOOLEAN, "active", "active", default=True),
        Field("product_version_id", field_types.NAME, "product_version_id"),
        Field("product", field_types.NAME, "product__short", "product_id", reference=field_types.PRODUCT),
        Field(
            "releases",
            field_types.LIST,
            related=RelatedValues(ModelQuery(Release, "project_id"), "product_version_id", "release_id"),
        ),
        constant_field("allowed_push_targets", field_types.LIST, []),
    ),
    unique=(unique_together("short", "version", columns=("product_version_id",)),),
    filters={
        "name": filters.one_of("t.name"),
        "version": filters.one_of("t.version"),
        "short": filters.one_of("t.short"),
        "active": filters.boolean("t.active"),
        "product_version_id": filters.one_of("t.product_version_id"),
    },
    orderings=Orderings({}, {"product": ("product", PRODUCTS.order_names)}),
    default_ordering="product_version_id",
    actions=frozenset({"create", "update"}),
    prepare=content.product_version,
)

SLAS = Resource(
    name="component-sla-types",
    title="Component SLA Type",
    query=ModelQuery(Sla),
    fields=(
        Field("id", field_types.INTEGER, "id"),
        Field("name", field_types.text(300), "name", "name"),
        Field("description", field_types.multiline_text(100_000), "description", "description", default=""),
    ),
    unique=(unique_field("sla", "name"),),
    filters={"name": filters.one_of("t.name"), "description": filters.exact("t.description = {}")},
    prepare=content.sla,
)
