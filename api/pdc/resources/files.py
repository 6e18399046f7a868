"""Released files: what is shipped for a release, and the repositories, variants and packages that it rests on."""

from collections.abc import Mapping
from typing import Any

from api.pdc.crud import field_types, filters
from api.pdc.crud.resource import Field, Invalid, Known, Resource
from api.pdc.resources.products import already_there, nothing, unique
from api.pdc.resources.releases import RELEASES
from bot.operations import content
from bot.operations.records import Row
from bot.rules.content import ARCHES, CONTENT_CATEGORIES, CONTENT_FORMATS, REPO_FAMILIES, SERVICES, VARIANT_TYPES
from bot.store.content import ContentRepo, ReleasedFile, Rpm, Variant
from bot.store.lists import Listing

RELEASE_ROWS = "SELECT id FROM releases WHERE release_id IN ({})"

UID = field_types.text(200, pattern=r"(?!\.\.?\Z)[^/]+", otherwise="Only accept text without / that is not . or ..")
OPTIONAL = field_types.text(100, empty=True)

VARIANTS = Resource(
    name="release-variants",
    title="Release Variant",
    description="Variants of a release, and the architectures that they are made for.",
    listing=Listing(Variant, project="release__project_id"),
    key=("release__release_id", "uid"),
    fields=(
        Field("release", field_types.NAME, "release__release_id", "release_id", refers=field_types.RELEASE),
        Field("id", field_types.text(200), "variant", "variant"),
        Field("uid", UID, "uid", "uid"),
        Field("name", field_types.text(300), "name", "name"),
        Field("type", field_types.choice(*VARIANT_TYPES), "type", "type"),
        Field("arches", field_types.choices(*ARCHES), "arches", "arches"),
        Field("variant_version", OPTIONAL, "variant_version", "variant_version", default=None, nullable=True),
        Field("variant_release", OPTIONAL, "variant_release", "variant_release", default=None, nullable=True),
        nothing("allowed_push_targets", field_types.LIST, []),
    ),
    unique=(unique("release", "uid", columns=("release_id", "uid")),),
    filters={
        "release": filters.one_of("t.release_id", RELEASE_ROWS),
        "id": filters.one_of("t.variant"),
        **{name: filters.one_of(f"t.{name}") for name in ("uid", "name", "type")},
    },
    nested={"release": ("release", RELEASES)},
    default_order="uid",
    prepare=content.variant,
)

_WORDS = {
    "service": SERVICES,
    "repo_family": REPO_FAMILIES,
    "content_format": CONTENT_FORMATS,
    "content_category": CONTENT_CATEGORIES,
}
_OF_VARIANT = {"variant_uid": "uid", "variant_id": "variant", "variant_name": "name", **VARIANTS.orders}
_OF_RELEASE = RELEASES.orders.items()
_REPO_KEY = ("name", "variant_id", "arch", *_WORDS, "shadow")

REPOS = Resource(
    name="content-delivery-repos",
    title="Content Delivery Repo",
    description="Repositories of the content network, each for one architecture of a variant.",
    listing=Listing(ContentRepo, project="variant__release__project_id"),
    fields=(
        Field("id", field_types.INTEGER, "id"),
        Field("release_id", field_types.text(600), "variant__release__release_id", "release_id"),
        Field("variant_uid", field_types.text(200), "variant__uid", "variant_uid"),
        Field("arch", field_types.choice(*ARCHES), "arch", "arch"),
        *(Field(name, field_types.choice(*words), name, name) for name, words in _WORDS.items()),
        Field("name", field_types.text(2000, octets=2000), "name", "name"),
        Field("shadow", field_types.FLAG, "shadow", "shadow", default=False),
        Field("product_id", field_types.COUNT, "product_id", "product_id", default=None, nullable=True),
    ),
    unique=(already_there("Repo", *_REPO_KEY),),
    filters={
        "release_id": filters.one_of("t__variant.release_id", RELEASE_ROWS),
        "variant_uid": filters.one_of("t__variant.uid"),
        "shadow": filters.plain_flag("t.shadow"),
        "product_id": filters.numbers("t.product_id", "product_id", largest=field_types.LARGEST),
        **{name: filters.one_of(f"t.{name}") for name in ("arch", *_WORDS, "name")},
    },
    order={
        **{f"{name}__name": name for name in _WORDS},
        "variant_arch__arch__name": "arch",
        **{f"variant_arch__variant__{name}": f"variant__{path}" for name, path in _OF_VARIANT.items()},
        **{f"variant_arch__variant__release__{name}": f"variant__release__{path}" for name, path in _OF_RELEASE},
    },
    prepare=content.repo,
)

NEVRA = ("name", "epoch", "version", "release", "arch")
RPM_TEXTS = ("name", "version", "release", "arch", "srpm_name", "srpm_nevra", "filename")
DEPENDENCIES = ("provides", "requires", "obsoletes", "conflicts", "suggests", "recommends")

RPMS = Resource(
    name="rpms",
    title="RPM",
    description="Package files.",
    listing=Listing(Rpm),
    fields=(
        Field("id", field_types.INTEGER, "id"),
        Field("name", field_types.text(200), "name", "name"),
        Field("version", field_types.text(200), "version", "version"),
        Field("epoch", field_types.COUNT, "epoch", "epoch"),
        Field("release", field_types.text(200), "release", "release"),
        Field("arch", field_types.choice(*ARCHES), "arch", "arch"),
        Field("srpm_name", field_types.text(200), "srpm_name", "srpm_name"),
        Field("srpm_nevra", field_types.text(200, empty=True), "srpm_nevra", "srpm_nevra", default=None, nullable=True),
        Field("filename", field_types.text(4096), "filename", "filename", default=None),
        *(nothing(name, field_types.LIST, []) for name in ("linked_releases", "linked_composes")),
        nothing("dependencies", value={name: [] for name in DEPENDENCIES}),
        *(nothing(name) for name in ("built_for_release", "srpm_commit_hash", "srpm_commit_branch")),
    ),
    unique=(unique(*NEVRA, columns=NEVRA),),
    filters={
        "epoch": filters.numbers("t.epoch", "epoch", largest=field_types.LARGEST),
        **{name: filters.one_of(f"t.{name}") for name in RPM_TEXTS},
    },
    acts=frozenset({"create", "update"}),
    prepare=content.rpm,
)

_REPO = {each.name: f"repo__{each.path}" for each in REPOS.fields}
_FILE = ("srpm_name", "version", "arch", "filename")


def _shippable(values: Mapping[str, Any], known: Known, row: Row | None) -> Invalid | None:
    """Only packages are shipped, from repositories of packages."""
    there = {name: (row or {}).get(f"repo.{name}") for name in ("name", "content_format")}
    repo = known["repo"].get(values.get("repo"), there)
    if repo["content_format"] != "rpm":
        only = f"Currently we just support rpm type of repo, the type of {repo['name']} is {repo['content_format']} "
        return Invalid({"detail": [only]})
    if "file_primary_key" in values and values["file_primary_key"] not in known["file_primary_key"]:
        return Invalid({"detail": "Not found:  RPM matching query does not exist."}, 404)
    return None


def _with_names(item: dict[str, Any], row: Row) -> None:
    """The names of the file, where both of what they come from are shown."""
    if "file_primary_key" in item and "repo" in item and row["format"] == "rpm":
        item["build"] = f"{row['srpm_name']}-{row['version']}-{row['arch']}"
        item["package"], item["file"] = row["srpm_name"], row["filename"]


FILES = Resource(
    name="released-files",
    title="Released Files",
    description="Files that are shipped for releases. Warning: This is an experimental API.",
    listing=Listing(ReleasedFile, project="repo__variant__release__project_id"),
    fields=(
        Field("id", field_types.INTEGER, "id"),
        Field("file_primary_key", field_types.ROW, "rpm_id", "rpm_id", refers=field_types.RPM),
        Field("repo", field_types.REPO_ROW, _REPO, "repo_id", refers=field_types.REPO),
        Field("released_date", field_types.DAY, "released_date", "released_date", default=None),
        Field("release_date", field_types.DAY, "release_date", "release_date"),
        Field("created_at", field_types.MOMENT, "created_at"),
        Field("updated_at", field_types.MOMENT, "updated_at"),
        Field("zero_day_release", field_types.FLAG, "zero_day_release", "zero_day_release", default=False),
        Field("obsolete", field_types.FLAG, "obsolete", "obsolete", default=False),
    ),
    unique=(unique("file_primary_key", "repo", columns=("rpm_id", "repo_id")),),
    filters={
        "file_primary_key": filters.numbers("t.rpm_id", "file_primary_key"),
        "repo": filters.rows("t.repo_id"),
        "repo_name": filters.one_of("t__repo.name"),
        "arch": filters.one_of("t__repo.arch"),
        "service": filters.one_of("t__repo.service"),
        "variant_uid": filters.one_of("t__repo__variant.uid"),
        "release_id": filters.one_of("t__repo__variant.release_id", RELEASE_ROWS),
        **{name: filters.days(f"t.{name}") for name in ("release_date", "released_date")},
        **{f"{name}_after": filters.day(f"t.{name}", ">=") for name in ("release_date", "released_date")},
        **{f"{name}_before": filters.day(f"t.{name}", "<=") for name in ("release_date", "released_date")},
        **{name: filters.plain_flag(f"t.{name}") for name in ("obsolete", "zero_day_release")},
    },
    order={"repo": "repo__name"},
    nested={"repo": ("repo", REPOS)},
    stamped=True,
    check=_shippable,
    columns={"format": "repo__content_format", **{name: f"rpm__{name}" for name in _FILE}},
    beside=_with_names,
)
