"""Test cases of the supporting resources: what they show, and what they refuse with which error."""

from dataclasses import dataclass, field
from typing import Any

from tests.api.pdc.content import REPO, RPM, VARIANT

NULL, REQUIRED, BLANK = "This field may not be null.", "This field is required.", "This field may not be blank."
NO_TEXT, NO_INTEGER, NOT_PRINTABLE = (
    "Not a valid string.",
    "A valid integer is required.",
    "Only accept printable text.",
)
NO_TEXTS: list[Any] = [True, [], ["x"], {}, {"name": "x"}]
NO_INTEGERS: list[Any] = ["", "x", 1.5, True, [1], {}, "1e3", "9" * 5000, 2**64]
NO_WORDS: list[Any] = ["zz", 5, ["x"], {}]
BAD_SHORT = "Only accept lowercase letters, numbers or -"
FLAGS = [('"2"', 2), ('"yes"', "yes"), ('""', ""), ('"[]"', [])]
ARCHES = (
    *("aarch64", "alpha", "alphaev4", "alphaev45", "alphaev5", "alphaev56", "alphaev6", "alphaev67", "alphaev68"),
    *("alphaev7", "alphapca56", "amd64", "arm64", "armv5tejl", "armv5tel", "armv6l", "armv7hl", "armv7hnl"),
    *("armv7l", "athlon", "geode", "i386", "i486", "i586", "i686", "ia32e", "ia64", "noarch", "nosrc", "ppc", "ppc64"),
    *("ppc64iseries", "ppc64le", "ppc64p7", "ppc64pseries", "s390", "s390x", "sh3", "sh4", "sh4a", "sparc"),
    *("sparc64", "sparc64v", "sparcv8", "sparcv9", "sparcv9v", "src", "x86_64"),
)


@dataclass
class ResourceCase:
    """A resource: a new item as sent and as shown, the path of an existing one, and refused values with errors."""

    resource: str
    fields: list[str]
    new: dict[str, Any]
    created: dict[str, Any]
    path: str
    refused: list[tuple[dict[str, Any], Any]]
    duplicate: tuple[dict[str, Any], Any]
    allow: str = "GET, POST, PUT, PATCH, HEAD, OPTIONS"
    defaults: dict[str, Any] = field(default_factory=dict)


def not_allowed(value: Any, *names: str) -> str:
    return f"'{value}' is not allowed value. Use one of {', '.join(map(repr, names))}."


def refused_texts(name: str, longest: int) -> list[tuple[dict[str, Any], Any]]:
    """Values that a text field refuses."""
    return [
        ({name: None}, {name: [NULL]}),
        ({name: ""}, {name: [BLANK]}),
        ({name: " \t\n "}, {name: [BLANK]}),
        *(({name: value}, {name: [NO_TEXT]}) for value in NO_TEXTS),
        ({name: "x" * (longest + 1)}, {name: [f"Ensure this field has no more than {longest} characters."]}),
    ]


def refused_unprintable(name: str) -> list[tuple[dict[str, Any], Any]]:
    return [({name: f"a{bad}b"}, {name: [NOT_PRINTABLE]}) for bad in ("\n", "\x1b", "\x7f", "\u202e", "\u2028")]


def refused_booleans(name: str) -> list[tuple[dict[str, Any], Any]]:
    refused = [({name: value}, {name: [f"{shown} is not a valid boolean."]}) for shown, value in FLAGS]
    return [({name: None}, {name: [NULL]}), *refused]


def refused_counts(name: str) -> list[tuple[dict[str, Any], Any]]:
    low, high = (
        f"Ensure this value is {than} than or equal to {n}." for than, n in (("greater", 0), ("less", 2**63 - 1))
    )
    return [
        *(({name: value}, {name: [NO_INTEGER]}) for value in NO_INTEGERS),
        ({name: -1}, {name: [low]}),
        ({name: 2**63}, {name: [high]}),
        ({name: str(2**63)}, {name: [high]}),
    ]


def refused_words(name: str, *names: str) -> list[tuple[dict[str, Any], Any]]:
    return [
        ({name: None}, {name: [NULL]}),
        ({name: ""}, {name: [NULL]}),
        *(({name: value}, {name: [not_allowed(value, *names)]}) for value in (*NO_WORDS, names[0].upper())),
    ]


PRODUCT = {"name": "Web Shop", "short": "web-shop"}
PRODUCT_VERSION = {"name": "Foo 2", "version": "2", "product": "foo"}
OTHER_REPO: dict[str, Any] = {**REPO, "name": "more", "shadow": "true", "product_id": "7"}
OTHER_RPM: dict[str, Any] = {**RPM, "name": "vim", "epoch": "2", "version": 9}
RESOURCE_CASES = [
    ResourceCase(
        "products",
        ["name", "short", "active", "product_versions", "allowed_push_targets"],
        PRODUCT,
        {**PRODUCT, "active": True, "product_versions": [], "allowed_push_targets": []},
        "products/foo/",
        [
            *refused_texts("name", 200),
            *refused_unprintable("name"),
            *refused_texts("short", 200),
            *(
                ({"short": bad}, {"short": [BAD_SHORT]})
                for bad in ("Foo", "1foo", "foo_bar", "-foo", "foo-", "foo--bar", "foo bar", "foo.1", "föö", 5)
            ),
            *refused_booleans("active"),
            ({"product_versions": []}, {"detail": 'Can not update read only fields: "product_versions".'}),
            ({"id": 1}, {"detail": 'Unknown fields: "id".'}),
        ],
        ({"short": "bar"}, {"short": ["product with this short already exists."]}),
        defaults={"active": True},
    ),
    ResourceCase(
        "product-versions",
        [
            *("name", "short", "version", "active", "product_version_id", "product", "releases"),
            "allowed_push_targets",
        ],
        PRODUCT_VERSION,
        {
            "name": "Foo 2",
            "short": "foo",
            "version": "2",
            "active": True,
            "product_version_id": "foo-2",
            "product": "foo",
            "releases": [],
            "allowed_push_targets": [],
        },
        "product-versions/foo-1/",
        [
            *refused_texts("name", 200),
            *refused_texts("version", 200),
            *(
                ({"version": bad}, {"version": ["Only accept text without blanks, <, > and /"]})
                for bad in ("1 2", "1/2", "<b>")
            ),
            *(({"product": value}, {"product": [NULL]}) for value in (None, "")),
            *(
                ({"product": value}, {"product": [f"Object with short={value} does not exist."]})
                for value in ("nope", "Foo", 5, "foo ")
            ),
            ({"product": []}, {"product": [NO_TEXT]}),
            ({"short": None}, {"short": [NULL]}),
            ({"short": "Foo"}, {"short": [BAD_SHORT]}),
            ({"product_version_id": "x"}, {"detail": 'Can not update read only fields: "product_version_id".'}),
        ],
        ({"version": "0", "short": "taken"}, {"detail": ["The fields short, version must make a unique set."]}),
        defaults={"active": True},
    ),
    ResourceCase(
        "component-sla-types",
        ["id", "name", "description"],
        {"name": "  silver "},
        {"id": 3, "name": "silver", "description": ""},
        "component-sla-types/1/",
        [
            *refused_texts("name", 300),
            *refused_unprintable("name"),
            ({"description": None}, {"description": [NULL]}),
            ({"description": ["x"]}, {"description": [NO_TEXT]}),
            ({"description": "a\x00".replace("\x00", "\x01")}, {"description": [NOT_PRINTABLE]}),
            (
                {"description": "x" * 100_001},
                {"description": ["Ensure this field has no more than 100000 characters."]},
            ),
            ({"id": 1}, {"detail": 'Can not update read only fields: "id".'}),
        ],
        ({"name": "bronze"}, {"name": ["sla with this name already exists."]}),
        allow="GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS",
        defaults={"description": ""},
    ),
    ResourceCase(
        "release-variants",
        [
            *("release", "id", "uid", "name", "type", "arches", "variant_version", "variant_release"),
            "allowed_push_targets",
        ],
        {**VARIANT, "release": "foo-1.1-eus", "arches": ["x86_64", "aarch64", "x86_64"]},
        {
            **VARIANT,
            "release": "foo-1.1-eus",
            "arches": ["aarch64", "x86_64"],
            "variant_version": None,
            "variant_release": None,
            "allowed_push_targets": [],
        },
        "release-variants/foo-1.0/Server/",
        [
            *(({"release": value}, {"release": [NULL]}) for value in (None, "")),
            ({"release": "foo-9"}, {"release": ["Object with release_id=foo-9 does not exist."]}),
            ({"release": 1.0}, {"release": ["Object with release_id=1.0 does not exist."]}),
            *refused_texts("id", 200),
            *refused_texts("uid", 200),
            *(
                ({"uid": bad}, {"uid": ["Only accept text without / that is not . or .."]})
                for bad in ("a/b", "/", ".", "..")
            ),
            *refused_texts("name", 300),
            *refused_unprintable("uid"),
            *refused_words("type", "variant", "optional", "addon", "layered-product", "module"),
            ({"arches": None}, {"arches": [NULL]}),
            *(
                ({"arches": value}, {"arches": [f"Expected a list of items but got {kind}."]})
                for value, kind in (("x86_64", "text"), (1, "a number"), ({}, "an object"))
            ),
            *(
                ({"arches": ["x86_64", bad]}, {"arches": [not_allowed(bad, *ARCHES)]})
                for bad in ("zz", "X86_64", "", 5, None, ["x86_64"])
            ),
            (
                {"variant_version": "x" * 101},
                {"variant_version": ["Ensure this field has no more than 100 characters."]},
            ),
        ],
        (
            {"uid": "Server", "release": "bar-2.0", "arches": ["x86_64", "aarch64"]},
            {"detail": ["The fields release, uid must make a unique set."]},
        ),
        allow="GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS",
        defaults={"variant_version": None, "variant_release": None},
    ),
    ResourceCase(
        "content-delivery-repos",
        [
            *("id", "release_id", "variant_uid", "arch", "service", "repo_family", "content_format"),
            *("content_category", "name", "shadow", "product_id"),
        ],
        OTHER_REPO,
        {**OTHER_REPO, "id": 6, "shadow": True, "product_id": 7},
        "content-delivery-repos/1/",
        [
            *refused_texts("release_id", 600),
            *refused_texts("variant_uid", 200),
            *refused_texts("name", 2000),
            ({"name": "名" * 667}, {"name": ["Ensure this field has no more than 2000 bytes."]}),
            *refused_unprintable("name"),
            *refused_words("arch", *ARCHES),
            *refused_words("service", "rhn", "pulp", "ftp"),
            *refused_words("repo_family", "dist", "beta", "htb"),
            *refused_words("content_format", "rpm", "iso", "kickstart", "comps", "docker", "dud"),
            *refused_words("content_category", "binary", "debug", "source"),
            *refused_booleans("shadow"),
            *refused_counts("product_id"),
            *(
                (wrong, {"detail": ["No VariantArch for release_id={}, variant_uid={}, arch={}".format(*named)]})
                for wrong, named in (
                    ({"release_id": "foo-9"}, ("foo-9", "Server", "x86_64")),
                    ({"release_id": "Foo-1.0"}, ("Foo-1.0", "Server", "x86_64")),
                    ({"variant_uid": "server"}, ("foo-1.0", "server", "x86_64")),
                    ({"variant_uid": "Client"}, ("foo-1.0", "Client", "x86_64")),
                    ({"arch": "s390x"}, ("foo-1.0", "Server", "s390x")),
                    ({"release_id": 1, "variant_uid": 2.5}, ("1", "2.5", "x86_64")),
                )
            ),
            ({"id": 1}, {"detail": 'Can not update read only fields: "id".'}),
        ],
        (
            {"name": "foo-isos", "content_format": "iso", "shadow": True},
            {
                "detail": [
                    "Repo with this Variant arch, Service, Repo family, Content format, Content category, Name and "
                    "Shadow already exists."
                ]
            },
        ),
        allow="GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS",
        defaults={"shadow": False, "product_id": None},
    ),
    ResourceCase(
        "rpms",
        [
            *("id", "name", "version", "epoch", "release", "arch", "srpm_name", "srpm_nevra", "filename"),
            *("linked_releases", "linked_composes", "dependencies", "built_for_release", "srpm_commit_hash"),
            "srpm_commit_branch",
        ],
        OTHER_RPM,
        {
            **OTHER_RPM,
            "id": 4,
            "epoch": 2,
            "version": "9",
            "filename": "vim-9-1.x86_64.rpm",
            "linked_releases": [],
            "linked_composes": [],
            "dependencies": {
                name: [] for name in ("provides", "requires", "obsoletes", "conflicts", "suggests", "recommends")
            },
            "built_for_release": None,
            "srpm_commit_hash": None,
            "srpm_commit_branch": None,
        },
        "rpms/1/",
        [
            *(case for name in ("name", "version", "release", "srpm_name") for case in refused_texts(name, 200)),
            *refused_unprintable("srpm_name"),
            ({"epoch": None}, {"epoch": [NULL]}),
            *refused_counts("epoch"),
            *refused_words("arch", *ARCHES),
            ({"filename": None}, {"filename": [NULL]}),
            ({"filename": "x" * 4097}, {"filename": ["Ensure this field has no more than 4096 characters."]}),
            ({"srpm_nevra": "x" * 201}, {"srpm_nevra": ["Ensure this field has no more than 200 characters."]}),
            *(
                (wrong, {"detail": ["RPM's srpm_nevra should be empty if and only if arch is src"]})
                for wrong in ({"srpm_nevra": None}, {"srpm_nevra": ""}, {"arch": "src"})
            ),
            ({"dependencies": {}}, {"detail": 'Can not update read only fields: "dependencies".'}),
            ({"linked_releases": []}, {"detail": 'Can not update read only fields: "linked_releases".'}),
        ],
        (
            {"name": "zlib-devel", "epoch": 0, "version": "5.2"},
            {"detail": ["The fields name, epoch, version, release, arch must make a unique set."]},
        ),
    ),
]
