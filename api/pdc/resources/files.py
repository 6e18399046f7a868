"""Released files, and the variants, repositories and packages that they belong to."""

from api.pdc.crud import field_types, filters
from api.pdc.crud.resource import Field, Item, Orderings, PdcError, References, Resource
from api.pdc.resources import vocabularies
from api.pdc.resources.products import constant_field, unique_together
from api.pdc.resources.releases import RELEASES
from bot.errors import Refusal
from bot.operations import content
from bot.operations.changes import Unique
from bot.rules.content import ARCHES, CONTENT_CATEGORIES, CONTENT_FORMATS, REPO_FAMILIES, SERVICES, VARIANT_TYPES
from bot.store.content import ContentRepo, ReleasedFile, Rpm, Variant
from bot.store.lists import ModelQuery, Row

RELEASE_IDS = "SELECT id FROM releases WHERE release_id IN ({})"

UID = field_types.text(200, pattern=r"(?!\.\.?\Z)[^/]+", mismatch="Only accept text without / that is not . or ..")
OPTIONAL = field_types.text(100, empty_is_null=True)

VARIANTS = Resource(
    name="release-variants",
    title="Release Variant",
    description="Variants of a release, and the architectures that they are made for.",
    query=ModelQuery(Variant, project="release__project_id"),
    key=("release__release_id", "uid"),
    fields=(
        Field("release", field_types.NAME, "release__release_id", "release_id", reference=field_types.RELEASE),
        Field("id", field_types.text(200), "variant", "variant"),
        Field("uid", UID, "uid", "uid"),
        Field("name", field_types.text(300), "name", "name"),
        Field("type", field_types.choice(*VARIANT_TYPES), "type", "type"),
        Field("arches", field_types.choices(*ARCHES), "arches", "arches"),
        Field("variant_version", OPTIONAL, "variant_version", "variant_version", default=None, nullable=True),
        Field("variant_release", OPTIONAL, "variant_release", "variant_release", default=None, nullable=True),
        constant_field("allowed_push_targets", field_types.LIST, []),
    ),
    unique=(unique_together("release", "uid", columns=("release_id", "uid")),),
    filters={
        "release": filters.one_of("t.release_id", RELEASE_IDS),
        "id": filters.one_of("t.variant"),
        **{name: filters.one_of(f"t.{name}") for name in ("uid", "name", "type", "variant_version", "variant_release")},
    },
    orderings=Orderings(
        {
            **{f"variant_{name}": (f"{{{name}}}",) for name in ("uid", "name", "type")},
            "variant_id": ("{variant}",),
            "deleted": (),
        },
        {
            "release": ("release", RELEASES.order_names),
            **dict.fromkeys(("type", "variant_type"), ("type", vocabularies.VARIANT_TYPES.order_names)),
        },
    ),
    default_ordering="uid",
    prepare=content.variant,
)

_VOCABULARIES = {
    "service": SERVICES,
    "repo_family": REPO_FAMILIES,
    "content_format": CONTENT_FORMATS,
    "content_category": CONTENT_CATEGORIES,
}
_REPO_KEY = ("name", "variant_id", "arch", *_VOCABULARIES, "shadow")
_DUPLICATE_REPO = (
    "Repo with this Variant arch, Service, Repo family, Content format, Content category, Name and Shadow "
    "already exists."
)
_VARIANT_ARCH = ("{variant__uid}", "{arch}")
_VARIANT_ARCH_ORDERINGS = Orderings(
    {"id": _VARIANT_ARCH, "variant": _VARIANT_ARCH[:1], "arch": _VARIANT_ARCH[1:], "deleted": ()},
    {"variant": ("variant", VARIANTS.order_names), "arch": ("arch", vocabularies.ARCHES.order_names)},
)
_REPO_ORDERINGS = Orderings(
    {"variant_arch": _VARIANT_ARCH},
    {
        "variant_arch": ("", _VARIANT_ARCH_ORDERINGS),
        "service": ("service", vocabularies.SERVICES.order_names),
        "repo_family": ("repo_family", vocabularies.REPO_FAMILIES.order_names),
        "content_format": ("content_format", vocabularies.CONTENT_FORMATS.order_names),
        "content_category": ("content_category", vocabularies.CONTENT_CATEGORIES.order_names),
    },
)

REPOS = Resource(
    name="content-delivery-repos",
    title="Content Delivery Repo",
    description="Repositories of the content network, each for one architecture of a variant.",
    query=ModelQuery(ContentRepo, project="variant__release__project_id"),
    fields=(
        Field("id", field_types.INTEGER, "id"),
        Field("release_id", field_types.text(600), "variant__release__release_id", "release_id"),
        Field("variant_uid", field_types.text(200), "variant__uid", "variant_uid"),
        Field("arch", field_types.choice(*ARCHES), "arch", "arch"),
        *(Field(name, field_types.choice(*words), name, name) for name, words in _VOCABULARIES.items()),
        Field("name", field_types.text(2000, max_bytes=2000), "name", "name"),
        Field("shadow", field_types.BOOLEAN, "shadow", "shadow", default=False),
        Field("product_id", field_types.COUNT, "product_id", "product_id", default=None, nullable=True),
    ),
    unique=(Unique(_REPO_KEY, lambda row: Refusal(_DUPLICATE_REPO)),),
    filters={
        "release_id": filters.one_of("t__variant.release_id", RELEASE_IDS),
        "variant_uid": filters.one_of("t__variant.uid"),
        "shadow": filters.boolean("t.shadow"),
        "product_id": filters.integers("t.product_id", "product_id", maximum=field_types.MAX_BIGINT),
        **{name: filters.one_of(f"t.{name}") for name in ("arch", *_VOCABULARIES, "name")},
    },
    orderings=_REPO_ORDERINGS,
    prepare=content.repo,
)

NEVRA = ("name", "epoch", "version", "release", "arch")
RPM_TEXTS = ("name", "version", "release", "arch", "srpm_name", "srpm_nevra", "filename")
RPM_UNUSED = ("built_for_release", "srpm_commit_hash", "srpm_commit_branch")
DEPENDENCIES = ("provides", "requires", "obsoletes", "conflicts", "suggests", "recommends")

RPMS = Resource(
    name="rpms",
    title="RPM",
    description="Package files.",
    query=ModelQuery(Rpm),
    fields=(
        Field("id", field_types.INTEGER, "id"),
        Field("name", field_types.text(200), "name", "name"),
        Field("version", field_types.text(200), "version", "version"),
        Field("epoch", field_types.COUNT, "epoch", "epoch"),
        Field("release", field_types.text(200), "release", "release"),
        Field("arch", field_types.choice(*ARCHES), "arch", "arch"),
        Field("srpm_name", field_types.text(200), "srpm_name", "srpm_name"),
        Field(
            "srpm_nevra",
            field_types.text(200, empty_is_null=True),
            "srpm_nevra",
            "srpm_nevra",
            default=None,
            nullable=True,
        ),
        Field("filename", field_types.text(4096), "filename", "filename", default=None),
        *(constant_field(name, field_types.LIST, []) for name in ("linked_releases", "linked_composes")),
        constant_field("dependencies", value={name: [] for name in DEPENDENCIES}),
        *(constant_field(name) for name in RPM_UNUSED),
    ),
    unique=(unique_together(*NEVRA, columns=NEVRA),),
    filters={
        "epoch": filters.integers("t.epoch", "epoch", maximum=field_types.MAX_BIGINT),
        **{name: filters.one_of(f"t.{name}") for name in RPM_TEXTS},
        **dict.fromkeys((*RPM_UNUSED, "linked_release", "compose", *DEPENDENCIES), filters.no_values),
    },
    orderings=Orderings(dict.fromkeys(RPM_UNUSED, ())),
    actions=frozenset({"create", "update"}),
    prepare=content.rpm,
)

_REPO_COLUMNS = {field.name: f"repo__{field.path}" for field in REPOS.fields}
_RPM_COLUMNS = ("srpm_name", "version", "arch", "filename")


def _check_file(values: Item, references: References, row: Row | None) -> PdcError | None:
    """Refuse files that are not packages, and files from repositories of other formats."""
    stored = {} if row is None else {name: row[f"repo.{name}"] for name in ("name", "content_format")}
    repo_id = values.get("repo")
    repo = references["repo"].rows.get(repo_id, stored) if isinstance(repo_id, int) else stored
    if repo["content_format"] != "rpm":
        name, content_format = repo["name"], repo["content_format"]
        sentence = f"Currently we just support rpm type of repo, the type of {name} is {content_format} "
        return PdcError({"detail": [sentence]})
    if "file_primary_key" in values and values["file_primary_key"] not in references["file_primary_key"].ids:
        return PdcError({"detail": "Not found:  RPM matching query does not exist."}, 404)
    return None


def _add_names(item: Item, row: Row) -> None:
    """Add the names of the file if both fields that they derive from are selected."""
    if "file_primary_key" in item and "repo" in item and row["format"] == "rpm":
        item["build"] = f"{row['srpm_name']}-{row['version']}-{row['arch']}"
        item["package"], item["file"] = row["srpm_name"], row["filename"]


FILES = Resource(
    name="released-files",
    title="Released Files",
    description="Files that are shipped for releases. Warning: This is an experimental API.",
    query=ModelQuery(ReleasedFile, project="repo__variant__release__project_id"),
    fields=(
        Field("id", field_types.INTEGER, "id"),
        Field("file_primary_key", field_types.ROW_ID, "rpm_id", "rpm_id", reference=field_types.RPM),
        Field("repo", field_types.REPO_OBJECT, _REPO_COLUMNS, "repo_id", reference=field_types.REPO),
        Field("released_date", field_types.DATE, "released_date", "released_date", default=None, nullable=True),
        Field("release_date", field_types.DATE, "release_date", "release_date"),
        Field("created_at", field_types.DATETIME, "created_at"),
        Field("updated_at", field_types.DATETIME, "updated_at"),
        Field("zero_day_release", field_types.BOOLEAN, "zero_day_release", "zero_day_release", default=False),
        Field("obsolete", field_types.BOOLEAN, "obsolete", "obsolete", default=False),
    ),
    unique=(unique_together("file_primary_key", "repo", columns=("rpm_id", "repo_id")),),
    filters={
        "file_primary_key": filters.integers("t.rpm_id", "file_primary_key"),
        "repo": filters.row_ids("t.repo_id"),
        "repo_name": filters.one_of("t__repo.name"),
        "arch": filters.one_of("t__repo.arch"),
        "service": filters.one_of("t__repo.service"),
        "variant_uid": filters.one_of("t__repo__variant.uid"),
        "release_id": filters.one_of("t__repo__variant.release_id", RELEASE_IDS),
        **{name: filters.one_of_dates(f"t.{name}") for name in ("release_date", "released_date")},
        **{f"{name}_after": filters.compare_date(f"t.{name}", ">=") for name in ("release_date", "released_date")},
        **{f"{name}_before": filters.compare_date(f"t.{name}", "<=") for name in ("release_date", "released_date")},
        **{name: filters.boolean(f"t.{name}") for name in ("obsolete", "zero_day_release")},
    },
    orderings=Orderings({"repo": ("{repo__name}",)}, {"repo": ("repo", REPOS.order_names)}),
    timestamps=True,
    check=_check_file,
    extra_columns={"format": "repo__content_format", **{name: f"rpm__{name}" for name in _RPM_COLUMNS}},
    add_derived=_add_names,
)
