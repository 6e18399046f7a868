"""Validation of the settings of projects and environments."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Refusal
from bot.rules.projects import ENVIRONMENT, PROJECT, branches_to_search, check, default_prefixes
from bot.rules.versions import is_release_version
from tests.rules.test_versions import is_valid_git_ref

VALID: dict[str, list[Any]] = {
    "name": ["site", "Web shop", "Caf\u00e9", "\u65e5\u672c", "a", "a" * 100, "@everyone", "...", "50 %"],
    "permalink": ["site", "web-shop"],
    "build_workflow": [None, "build.yml", "build.yaml", ".github/workflows/build.yml", "b-1_x.y.yml"],
    "build_inputs": [{}, {"flavour": "x"}, {f"i{number}": "" for number in range(15)}],
    "build_deadline_minutes": [1, 60, 10_080],
    "allowed_branches": [None, ["main"], ["main", "release/*"]],
    "tag_prefix": ["rc/", "v", "web-shop/rc/", "a@b"],
    "trigger_tag_prefix": ["v", "web-shop-v"],
    "version_scheme": ["any", "semver", "calver"],
    "promote_on_tag": [None, "production"],
    "show": [{}, {"comments": False}, {"comments": True, "deployments": True, "checks": True, "protection": False}],
}
INVALID: dict[str, list[Any]] = {
    "name": [
        "", " ", "a ", " a", "a/b", "a\\b", "a\nb", "a\n", "a\0", "a\u0085b", "a\u2028b", "a\u200bb", "a\u202eb",
        "\u00a0", "\ud800", ".", "..", "a" * 101, "/" * 1_000_000,
    ],
    "permalink": ["", "Site", "a_b", "a-", "a\n", "a" * 101],
    "build_workflow": [
        "", "build", "build.yml\n", "../build.yml", "a/build.yml", ".github/workflows/../x.yml", "b.yml@v",
    ],
    "build_inputs": [
        None, [], {"": "x"}, {"a b": "x"}, {"1": "x"}, {"a": 1}, {"a": "x" * 1001}, {f"i{n}": "" for n in range(16)},
    ],
    "build_deadline_minutes": [0, -1, 10_081],
    "allowed_branches": [[], [""], ["main", "a..b"], ["x"] * 21],
    "tag_prefix": ["", "-v", "v ", "v\n", "a..", "a//", "a/.", "x.lock/", "v~", "v^", "v:", "@{", "\u00e9", "v" * 100],
    "trigger_tag_prefix": ["", "a b"],
    "version_scheme": ["", "SemVer", "zero"],
    "promote_on_tag": ["", "a/b", "a" * 101],
    "show": [None, [], {"comment": True}, {"comments": 1}, {"comments": None}],
}  # fmt: skip


def field_cases(table: dict[str, list[Any]]) -> list[Any]:
    return [
        pytest.param(field, value, id=f"{field} {ascii(value)[:40]}")
        for field, values in table.items()
        for value in values
    ]


def test_the_tables_cover_every_field() -> None:
    assert set(VALID) == set(INVALID) == set(PROJECT)


@pytest.mark.parametrize(("field", "value"), field_cases(VALID))
def test_a_valid_setting_of_a_project_is_accepted(field: str, value: Any) -> None:
    check({field: value}, PROJECT)


@pytest.mark.parametrize(("field", "value"), field_cases(INVALID))
def test_an_invalid_setting_of_a_project_is_refused_with_the_valid_values(field: str, value: Any) -> None:
    with pytest.raises(Refusal, match=f"^`{field}` must be ") as error:
        check({"name": "site", field: value}, PROJECT)
    assert error.value.details["field"] == field


@pytest.mark.parametrize(
    ("field", "valid", "invalid"),
    [
        ("name", "production", "pro/duction"),
        ("tier", "production", "Production"),
        ("tier", "development", "test"),
        ("workflow", None, "deploy"),
        ("inputs", {"region": "eu"}, {"region": None}),
        ("deploy_deadline_minutes", 1, 0),
    ],
)
def test_settings_of_an_environment_are_validated(field: str, valid: Any, invalid: Any) -> None:
    check({field: valid}, ENVIRONMENT)
    with pytest.raises(Refusal, match=f"^`{field}` must be "):
        check({field: invalid}, ENVIRONMENT)


def test_an_invalid_position_is_refused_by_its_public_name() -> None:
    check({"position": 1_000_000}, ENVIRONMENT)
    for position in (-1, 1_000_001):
        with pytest.raises(Refusal, match=r"^`order` must be ") as error:
            check({"position": position}, ENVIRONMENT)
        assert error.value.details["field"] == "order"


@given(st.text("abcV019._/+@{-", max_size=10), st.text("abc019._+-", min_size=1, max_size=8))
def test_every_valid_prefix_makes_a_valid_git_tag(prefix: str, version: str) -> None:
    try:
        check({"tag_prefix": prefix}, PROJECT)
    except Refusal:
        return
    if is_release_version(version):
        assert is_valid_git_ref(f"{prefix}{version}-rc1")


def test_the_first_project_of_a_repository_has_short_prefixes_and_others_have_their_own() -> None:
    assert default_prefixes("shop", first=True) == {"tag_prefix": "rc/", "trigger_tag_prefix": "v"}
    assert default_prefixes("shop", first=False) == {"tag_prefix": "shop/rc/", "trigger_tag_prefix": "shop-v"}


@pytest.mark.parametrize(
    ("allowed", "searched"),
    [
        (None, ["main", "release/*"]),
        (["release/*", "hotfix", "main"], ["main", "hotfix", "release/*"]),
        (["hotfix"], ["hotfix"]),
        (["main", "main", "*"], ["main", "*"]),
    ],
    ids=str,
)
def test_the_default_branch_is_searched_first_and_globs_last(allowed: list[str] | None, searched: list[str]) -> None:
    assert branches_to_search(allowed, "main") == searched
