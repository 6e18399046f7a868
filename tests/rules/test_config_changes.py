"""What a new configuration file changes, and which changes are weaker: each setting in both directions."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.config import load
from bot.rules.config_changes import Change, changes
from bot.rules.config_model import Config, EnvironmentConfig, ProjectConfig
from bot.rules.config_nodes import ConfigErrors
from bot.rules.config_strength import WEAKER, stricter, stricter_project, weaker_in, weaker_in_project
from bot.rules.config_texts import broken, summary, title

DENY = {"deny": "FREQ=WEEKLY;BYDAY=FR", "for": "6h"}
ALLOW = {"allow": "FREQ=DAILY;BYHOUR=9", "for": "8h"}
TWO = {"count": 2, "from": ["role:maintain", "user:a"]}
ANY: dict[str, Any] = {}

WEAKER_CHANGES: list[tuple[dict[str, Any], dict[str, Any], set[str]]] = [
    # the tier, and what it implies
    ({"tier": "production"}, {"tier": "staging"}, {"tier", "downgrade"}),
    ({"tier": "production", "downgrade": "refuse"}, {"tier": "staging", "downgrade": "refuse"}, {"tier"}),
    (
        {"tier": "production", "approvals": {"count": 1}},
        {"tier": "staging", "downgrade": "refuse", "approvals": {"count": 1}},
        {"tier", "approvals.from"},
    ),
    ({"tier": "staging"}, {"tier": "development"}, {"tier"}),
    # which workflow deploys
    ({"workflow": "a.yml"}, {"workflow": "b.yml"}, {"workflow"}),
    ({"workflow": "a.yml"}, ANY, {"workflow"}),
    (ANY, {"workflow": "a.yml"}, {"workflow"}),
    # order
    ({"after": ["a"]}, ANY, {"after"}),
    ({"after": ["a", "b"]}, {"after": ["b"]}, {"after"}),
    ({"after": ["a"]}, {"after": ["b"]}, {"after"}),
    ({"after": ["a"], "soak": "30m"}, {"after": ["a"], "soak": "29m"}, {"soak"}),
    ({"after": ["a"], "soak": "30m"}, {"after": ["a"]}, {"soak"}),
    ({"downgrade": "refuse"}, {"downgrade": "allow"}, {"downgrade"}),
    ({"downgrade": "refuse"}, ANY, {"downgrade"}),  # staging allows it unless set
    # checks
    ({"checks": ["a"]}, ANY, {"checks"}),
    ({"checks": ["a", "b"]}, {"checks": ["a", "c"]}, {"checks"}),
    ({"checks": ["a"]}, {"checks": [{"name": "a", "app": "x"}]}, {"checks"}),
    ({"checks": [{"name": "a", "app": "x"}]}, {"checks": ["a"]}, {"checks"}),
    ({"checks": ["lint*"]}, {"checks": ["lint-a"]}, {"checks"}),
    # approvals
    ({"approvals": TWO}, ANY, {"approvals.count", "approvals.from"}),
    ({"approvals": TWO}, {"approvals": {**TWO, "count": 1}}, {"approvals.count"}),
    ({"approvals": TWO}, {"approvals": {**TWO, "from": ["role:maintain", "user:a", "user:b"]}}, {"approvals.from"}),
    ({"approvals": TWO}, {"approvals": {**TWO, "from": ["role:write", "user:a"]}}, {"approvals.from"}),
    ({"approvals": TWO}, {"approvals": {**TWO, "from": ["team:a/b"]}}, {"approvals.from"}),
    ({"approvals": {"count": 1, "from": ["role:admin"]}}, {"approvals": {"count": 1}}, {"approvals.from"}),
    ({"approvals": TWO}, {"approvals": {**TWO, "authors": True}}, {"approvals.authors"}),
    ({"approvals": TWO}, {"approvals": {**TWO, "expire_after": "8d"}}, {"approvals.expire_after"}),
    # who deploys, and how
    ({"deployers": ["user:a"]}, ANY, {"deployers"}),
    ({"deployers": ["user:a"]}, {"deployers": ["user:a", "user:b"]}, {"deployers"}),
    ({"deployers": ["role:maintain"]}, {"deployers": ["role:write"]}, {"deployers"}),
    ({"force": False}, ANY, {"force"}),
    ({"force": False}, {"force": True}, {"force"}),
    (ANY, {"auto": True}, {"auto"}),
    (ANY, {"wait_at_most": "8d"}, {"wait_at_most"}),
    # calendar
    ({"windows": [DENY]}, ANY, {"windows"}),
    ({"windows": [DENY]}, {"windows": [{**DENY, "for": "5h"}]}, {"windows"}),
    ({"windows": [DENY]}, {"windows": [{**DENY, "timezone": "Europe/Berlin"}]}, {"windows"}),
    ({"windows": [DENY]}, {"windows": [{**DENY, "deny": "FREQ=WEEKLY;BYDAY=SA"}]}, {"windows"}),
    ({"windows": [DENY]}, {"windows": [ALLOW]}, {"windows"}),
    ({"windows": [ALLOW]}, ANY, {"windows"}),
    ({"windows": [ALLOW]}, {"windows": [{**ALLOW, "for": "9h"}]}, {"windows"}),
    ({"windows": [ALLOW]}, {"windows": [ALLOW, {**ALLOW, "allow": "FREQ=DAILY;BYHOUR=20"}]}, {"windows"}),
    ({"windows": [ALLOW]}, {"windows": [{**ALLOW, "timezone": "Asia/Tokyo"}]}, {"windows"}),
    ({"windows": [ALLOW]}, {"windows": [DENY]}, {"windows"}),
]  # fmt: skip
STRONGER_CHANGES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"tier": "staging"}, {"tier": "production"}),
    ({"tier": "development"}, {"tier": "staging"}),
    (ANY, {"after": ["a"]}),
    ({"after": ["a"]}, {"after": ["b", "a"]}),
    ({"after": ["a"], "soak": "30m"}, {"after": ["a"], "soak": "1h"}),
    (ANY, {"downgrade": "refuse"}),
    ({"tier": "production", "downgrade": "allow"}, {"tier": "production"}),
    (ANY, {"checks": ["a"]}),
    ({"checks": ["a"]}, {"checks": [{"name": "a"}, "b"]}),
    (ANY, {"approvals": {**TWO, "authors": True, "expire_after": "60d"}}),
    ({"approvals": {**TWO, "authors": True}}, {"approvals": {**TWO, "count": 3}}),
    ({"approvals": TWO}, {"approvals": {**TWO, "from": ["role:maintain"]}}),
    ({"approvals": TWO}, {"approvals": {**TWO, "from": ["role:admin", "user:A"]}}),
    ({"approvals": {"count": 1}}, {"approvals": {"count": 1, "from": ["role:write"]}}),
    ({"approvals": TWO}, {"approvals": {**TWO, "expire_after": "1h"}}),
    (ANY, {"deployers": ["user:a"]}),
    ({"deployers": ["user:a", "user:b"]}, {"deployers": ["user:b"]}),
    (ANY, {"force": False}),
    ({"auto": True}, ANY),
    (ANY, {"wait_at_most": "1d"}),
    (ANY, {"windows": [DENY]}),
    (ANY, {"windows": [ALLOW]}),
    ({"windows": [DENY]}, {"windows": [{**DENY, "for": "7h", "reason": "x"}, ALLOW]}),
    ({"windows": [ALLOW]}, {"windows": [{**ALLOW, "for": "7h"}]}),
    ({"windows": [ALLOW, DENY]}, {"windows": [DENY, ALLOW]}),
    (
        {"windows": [ALLOW, {**ALLOW, "allow": "FREQ=DAILY;BYHOUR=20"}]},
        {"windows": [ALLOW]},
    ),
    (ANY, {"inputs": {"a": "b"}}),
    (ANY, {"url": "https://example.com/"}),
    (ANY, {"deadline": "2h"}),
    (ANY, ANY),
]  # fmt: skip


def environment(values: dict[str, Any]) -> EnvironmentConfig:
    return EnvironmentConfig.model_validate({"tier": "staging", **values})


def project(**values: Any) -> ProjectConfig:
    return ProjectConfig.model_validate(values)


@pytest.mark.parametrize(("old", "new", "weaker"), WEAKER_CHANGES)
def test_a_weaker_setting_is_found(old: dict[str, Any], new: dict[str, Any], weaker: set[str]) -> None:
    assert weaker_in(environment(old), environment(new)) == weaker


@pytest.mark.parametrize(("old", "new"), STRONGER_CHANGES, ids=str)
def test_a_stronger_or_harmless_setting_takes_effect(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert not weaker_in(environment(old), environment(new))
    assert stricter(environment(old), environment(new)) == environment(new)


def test_every_setting_of_an_environment_is_weighed_in_both_directions() -> None:
    settings = {
        name if name != "approvals" else f"approvals.{alias}"
        for name in EnvironmentConfig.model_fields
        for alias in (["count", "from", "authors", "expire_after"] if name == "approvals" else [""])
    }
    assert set(WEAKER) == settings
    never = {"inputs", "url", "deadline"}
    assert {field for _, _, weaker in WEAKER_CHANGES for field in weaker} == settings - never
    changed = {field for old, new in STRONGER_CHANGES for field in {*old, *new}}
    assert changed >= set(EnvironmentConfig.model_fields) - {"workflow"}


SETTINGS = st.fixed_dictionaries(
    {"tier": st.sampled_from(["production", "staging", "development"])},
    optional={
        "workflow": st.sampled_from(["a.yml", "b.yml"]),
        "inputs": st.sampled_from([{}, {"a": "b"}]),
        "after": st.lists(st.sampled_from(["a", "b", "c"]), unique=True, min_size=1),
        "downgrade": st.sampled_from(["refuse", "allow"]),
        "checks": st.lists(st.sampled_from(["a", "b", "all"]), unique=True),
        "approvals": st.fixed_dictionaries(
            {"count": st.integers(0, 3)},
            optional={
                "from": st.lists(
                    st.sampled_from(["role:write", "role:admin", "user:a", "team:a/b"]), min_size=1, unique=True
                ),
                "authors": st.booleans(),
                "expire_after": st.sampled_from(["1d", "9d"]),
            },
        ),
        "deployers": st.lists(st.sampled_from(["role:maintain", "user:a", "user:b"]), unique=True),
        "force": st.booleans(),
        "wait_at_most": st.sampled_from(["1d", "9d"]),
        "windows": st.lists(st.sampled_from([DENY, ALLOW, {**ALLOW, "for": "3h"}, {**DENY, "for": "9h"}]), max_size=3),
    },
).map(EnvironmentConfig.model_validate)


@given(SETTINGS, SETTINGS)
def test_what_holds_until_approval_is_weaker_in_nothing(old: EnvironmentConfig, new: EnvironmentConfig) -> None:
    held = stricter(old, new)
    assert not weaker_in(old, held)
    assert stricter(old, held) == held


@given(SETTINGS, SETTINGS)
def test_what_holds_until_approval_has_the_stronger_changes(old: EnvironmentConfig, new: EnvironmentConfig) -> None:
    held = stricter(old, new)
    if held != old:  # the combination of both is valid
        assert held.approvals.count == max(old.approvals.count, new.approvals.count)
        assert set(held.after) >= set(new.after) | set(old.after) if weaker_in(old, new) else held == new
        assert not (held.force and not new.force)


@given(SETTINGS)
def test_nothing_is_weaker_than_itself(settings: EnvironmentConfig) -> None:
    assert not weaker_in(settings, settings)


PROJECTS: list[tuple[ProjectConfig, ProjectConfig, set[str]]] = [
    (project(), project(branches=["main"]), set()),
    (project(), project(branches=["main", "release/1"]), set()),
    (project(branches=["main"]), project(), {"branches"}),
    (project(), project(branches=["main", "x"]), {"branches"}),
    (project(branches=["release/*"]), project(branches=["*/*"]), {"branches"}),
    (project(branches=["*/*"]), project(branches=["release/*"]), {"branches"}),  # not told apart
    (project(branches=["main", "x"]), project(branches=["x"]), set()),
    (project(build={"workflow": "a.yml"}), project(), {"build.workflow"}),
    (project(), project(build={"workflow": "a.yml"}), {"build.workflow"}),
    (project(), project(build={"inputs": {"a": "b"}, "deadline": "2h"}), set()),
    (project(tags={"triggers": "v"}), project(tags={"triggers": "w"}), {"tags.triggers"}),
    (project(tags={"triggers": "v"}), project(), set()),
    (project(tags={"candidates": "rc/"}), project(tags={"candidates": "c/"}), {"tags.candidates"}),
    (project(), project(show={"protection": False}), {"show.protection"}),
    (project(show={"protection": False}), project(), set()),
    (project(), project(show={"comments": False}, versions="semver", paths=["a"]), set()),
]


@pytest.mark.parametrize(("old", "new", "weaker"), PROJECTS)
def test_the_weaker_settings_of_a_project_are_kept(old: ProjectConfig, new: ProjectConfig, weaker: set[str]) -> None:
    assert weaker_in_project(old, new, "main") == weaker
    held = stricter_project(old, new, "main")
    assert not weaker_in_project(old, held, "main")
    assert weaker or held == new


# --- two files


GATED = "{tier: production, approvals: {count: 2}, checks: [a]}"


def config(text: str) -> Config:
    return load(f"version: 1\nprojects:\n{text}".encode()).config


def site(**environments: str) -> str:
    """The project `site` with these environments, in this order."""
    rows = "".join(f"      {name}: {settings}\n" for name, settings in environments.items())
    return f"  site:\n    environments:\n{rows}"


OLD = config(site(staging="{tier: staging}", production=GATED))


def compared(text: str) -> list[tuple[str, str, str, str, bool]]:
    return [
        (change.project, change.environment, change.field, change.kind, change.weaker)
        for change in changes(OLD, config(text), "main")
    ]


def test_the_same_file_changes_nothing() -> None:
    assert changes(OLD, OLD, "main") == []


def test_settings_are_compared_one_by_one_with_their_defaults() -> None:
    new = config(
        site(
            staging="{tier: staging}",
            production="{tier: production, approvals: {count: 1, from: [role:maintain]}, checks: [a, b]}",
        )
    )
    assert changes(OLD, new, "main") == [
        Change("site", "production", "checks", ["a"], ["a", "b"], "changed", weaker=False),
        Change("site", "production", "approvals.count", 2, 1, "changed", weaker=True),
    ]


def test_an_added_environment_is_not_weaker_and_a_removed_one_is() -> None:
    added = site(staging="{tier: staging}", production=GATED, x="{tier: staging}")
    assert compared(added) == [("site", "x", "", "added", False)]
    assert compared(site(staging="{tier: staging}")) == [("site", "production", "", "removed", True)]


def test_a_renamed_environment_is_weaker_on_both_sides() -> None:
    renamed = site(staging="{tier: staging}", prod=GATED)
    assert compared(renamed) == [("site", "prod", "", "added", True), ("site", "production", "", "removed", True)]


def test_a_renamed_project_is_weaker_on_both_sides() -> None:
    assert compared("  shop: {}\n") == [("shop", "", "", "added", True), ("site", "", "", "removed", True)]


def test_a_file_that_is_gone_removes_its_projects() -> None:
    assert [(change.project, change.kind, change.weaker) for change in changes(OLD, None, "main")] == [
        ("site", "removed", True)
    ]
    assert [(change.project, change.kind, change.weaker) for change in changes(None, OLD, "main")] == [
        ("site", "added", False)
    ]


def test_another_order_of_environments_is_a_change() -> None:
    reordered = site(production=GATED, staging="{tier: staging}")
    assert compared(reordered) == [("site", "", "environments", "changed", False)]


# --- in words


def test_a_summary_says_what_changes_and_marks_what_is_weaker() -> None:
    new = config(
        site(staging="{tier: staging, soak: 5m, after: [production]}", production="{tier: production, checks: [a]}")
    )
    found = changes(OLD, new, "main")
    assert title(found) == "3 changes, 1 weaker"
    assert summary(found) == (
        '- `site`, `staging`: `after` is `["production"]` instead of unset\n'
        "- `site`, `staging`: `soak` is `5m` instead of `0s`\n"
        "- `site`, `production`: `approvals.count` is `0` instead of `2` (**weaker**: takes effect once approved)"
    )
    assert title([]) == "No changes"
    assert summary([]) == "The file changes nothing about how this repository is released."


def test_values_of_the_file_cannot_mark_up_or_mention() -> None:
    new = config("  site:\n    environments:\n      '@everyone`x': {tier: staging, inputs: {a: '@octocat `<b>` #1'}}\n")
    text = summary(changes(None, new, "main") + changes(OLD, new, "main"))
    assert "`@everyone'x`" in text
    outside = "".join(text.split("`")[::2])
    assert "@" not in outside and "<" not in outside


def test_a_long_summary_is_cut() -> None:
    many = [Change("site", "e", "auto", False, True, "changed", weaker=True)] * 150
    assert summary(many).endswith("- … and 50 more")


def test_the_comment_about_a_broken_file_lists_the_errors() -> None:
    with pytest.raises(ConfigErrors) as raised:
        config("  site: {versions: zero, path: a}\n")
    assert broken(raised.value) == (
        "I cannot read `.github/longshore.yml` of this commit, so everything stays as it was:\n\n"
        "- line 3, `projects.site.versions`: `versions` must be `any`, `semver` or `calver`.\n"
        "- line 3, `projects.site.path`: `path` is not known here. Did you mean `paths`?"
    )
