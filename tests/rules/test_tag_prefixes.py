"""Tag prefixes: which overlap, and what a refusal says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.tag_prefixes import Reserved, overlaps, suggest
from bot.rules.tags import version_in_tag

SITE = [Reserved("rc/", "tag_prefix", "site"), Reserved("v", "trigger_tag_prefix", "site")]

SENTENCES = {
    "rc/": "`tag_prefix` `rc/` is also the `tag_prefix` of the project `site` in this repository",
    "rc/x/": "`tag_prefix` `rc/x/` begins with `rc/`, the `tag_prefix` of the project `site` in this repository",
    "r": "`tag_prefix` `r` is the beginning of `rc/`, the `tag_prefix` of the project `site` in this repository",
    "RC/": "`tag_prefix` `RC/` begins with `rc/` but for its case, the `tag_prefix` of the project `site` in this",
    "Rc": "`tag_prefix` `Rc` is the beginning of `rc/` but for its case, the `tag_prefix` of the project `site` in",
    "vault/": "`tag_prefix` `vault/` begins with `v`, the `trigger_tag_prefix` of the project `site` in",
    "": "`tag_prefix` `` is the beginning of `rc/`, the `tag_prefix` of the project `site` in this repository",
}


@pytest.mark.parametrize("prefix", SENTENCES)
def test_a_prefix_that_begins_or_is_begun_by_anothers_is_found_and_explained(prefix: str) -> None:
    first = overlaps({"tag_prefix": prefix}, SITE, [])[0]
    assert first.sentence("shop/rc/").startswith(SENTENCES[prefix])
    assert first.sentence("shop/rc/").endswith(": choose another, such as `shop/rc/`.")
    assert first.sentence(None).endswith(": choose another.")


@pytest.mark.parametrize("prefix", ["shop/rc/", "arc/", "r-c/", "c/", "/rc", "w"])
def test_other_prefixes_are_free(prefix: str) -> None:
    assert overlaps({"tag_prefix": prefix}, SITE, []) == []


def test_a_default_that_overlaps_is_said_to_be_one() -> None:
    [found] = overlaps({"trigger_tag_prefix": "vault-v"}, SITE, ["trigger_tag_prefix"])
    assert found.sentence("project-vault-v") == (
        "By default, `trigger_tag_prefix` is `vault-v`, which begins with `v`, the `trigger_tag_prefix` of the project "
        "`site` in this repository: set it to another, such as `project-vault-v`."
    )


def test_a_project_is_named_only_to_those_who_may_know_it_and_said_to_be_archived() -> None:
    for reserved, owner in (
        (Reserved("v", "tag_prefix", None), "another project"),
        (Reserved("v", "tag_prefix", None, archived=True), "another archived project"),
        (Reserved("v", "tag_prefix", "old", archived=True), "the archived project `old`"),
    ):
        assert f"of {owner} in" in overlaps({"tag_prefix": "v"}, [reserved], [])[0].sentence(None)


PREFIXES = st.text("abAB/-", max_size=4)


@given(PREFIXES, PREFIXES, st.text("abAB/-1", max_size=6))
def test_no_tag_begins_with_two_prefixes_that_do_not_overlap(one: str, other: str, tag: str) -> None:
    found = overlaps({"tag_prefix": one}, [Reserved(other, "tag_prefix", "x")], [])
    assert bool(found) == bool(overlaps({"tag_prefix": other}, [Reserved(one, "tag_prefix", "x")], []))
    if tag.startswith(one) and tag.startswith(other):
        assert found
    elif found and one and other:
        longest = max(one, other, key=len)
        assert longest.lower().startswith(min(one, other, key=len).lower())


@given(st.lists(PREFIXES, max_size=5), st.sampled_from(["tag_prefix", "trigger_tag_prefix"]))
def test_what_is_suggested_overlaps_with_nothing(prefixes: list[str], field: str) -> None:
    reserved = [Reserved(prefix, "tag_prefix", "x") for prefix in prefixes]
    suggestion = suggest(field, "ab", reserved)
    if suggestion is None:
        assert "" in prefixes
    else:
        assert overlaps({field: suggestion}, reserved, []) == []


def test_of_old_prefixes_that_overlap_the_longest_one_wins() -> None:
    assert version_in_tag("vault-v1.0-rc1", {1: "v", 2: "vault-v"}) == (2, "1.0-rc1")  # type: ignore[dict-item]
