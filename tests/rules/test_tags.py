"""Pushed tags that cut nothing: which of them look as if they should, and how they should have been spelled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.ids import ProjectId
from bot.rules.tags import MAX_TAG, Prefixes, version_in_tag, why_misspelled
from bot.rules.versions import parse_candidate_version

SITE = Prefixes("v", "rc/")
VAULT = Prefixes("vault-v", "vault/rc/")
ANY = "`v<release version>-rc<number>`"


@pytest.mark.parametrize(
    ("tag", "spelling"),
    [
        ("v1.4.0-RC1", "`v1.4.0-rc1`"),
        ("V1.4.0-rc1", "`v1.4.0-rc1`"),
        ("V1.4.0-Rc1", "`v1.4.0-rc1`"),
        ("v1.4.0rc1", "`v1.4.0-rc1`"),
        ("v1.4.0-rc.1", "`v1.4.0-rc1`"),
        ("v1.4.0-rc-1", "`v1.4.0-rc1`"),
        ("v1.4.0_rc1", "`v1.4.0-rc1`"),
        ("v1.4.0.rc1", "`v1.4.0-rc1`"),
        ("v1.4.0–rc1", "`v1.4.0-rc1`"),
        ("v1.4.0-rc01", "`v1.4.0-rc1`"),
        ("v1.4.0-rc", "`v1.4.0-rc<number>`"),
        ("1.4.0-rc1", "`v1.4.0-rc1`"),
        ("1.4.0rc1", "`v1.4.0-rc1`"),
        ("release-1.4.0-rc1", "`v1.4.0-rc1`"),
        ("release/1.4.0-RC.2", "`v1.4.0-rc2`"),
        ("rc/1.4.0-rc1", "`v1.4.0-rc1`"),
        ("RC/1.4.0-rc1", "`v1.4.0-rc1`"),
        ("rc/1.4.0", ANY),
        ("rc-1.4.0", ANY),
        ("rc1.4.0", ANY),
        ("rc-1.4.0-1", ANY),
        ("vrc1", ANY),
        ("v1.4.0-rc1-hotfix", ANY),
        ("v1.4.0-CR1", ANY),
        ("v1.4.0-release-candidate-1", ANY),
        ("v1.4.0-rc1000000", ANY),
    ],
)
def test_a_tag_nearly_like_a_candidates_is_told_how_it_is_spelled(tag: str, spelling: str) -> None:
    why = why_misspelled(tag, [SITE])
    assert why is not None and why.endswith(f"A tag that cuts a candidate is spelled {spelling}.")


@pytest.mark.parametrize(
    "tag",
    [
        *("v1.4.0", "v1.4.0-beta1", "v1.4.0-alpha.2", "v1.4.0+build5", "1.4.0", "release-1.4.0", "nightly-2026-11-30"),
        *("rc", "rc/", "v-rc", "arc-1", "march-2026", "src1", "v1.4.0-crc32", "v1.4.0-rcx", "latest", ""),
        "v1.4.0-rc1".rjust(MAX_TAG + 1, "0"),
    ],
)
def test_a_tag_nothing_like_a_candidates_is_told_nothing(tag: str) -> None:
    assert why_misspelled(tag, [SITE]) is None


def test_the_project_with_the_longest_prefix_is_meant_and_without_one_each_is_shown() -> None:
    def spelled(tag: str) -> str:
        return (why_misspelled(tag, [SITE, VAULT]) or "").partition("is spelled ")[2]

    assert spelled("vault-V2.0-rc1") == spelled("VAULT-v2.0.rc1") == spelled("vault/rc/2.0-rc1") == "`vault-v2.0-rc1`."
    assert spelled("2.0-rc1") == "`v2.0-rc1` or `vault-v2.0-rc1`."


def test_rc_in_a_prefix_does_not_make_every_tag_look_like_a_candidates() -> None:
    car = Prefixes("rc-car-v", "rc-car/rc/")
    assert why_misspelled("rc-car-v1.4.0", [car]) is None
    assert why_misspelled("rc-car-v1.4.0-RC1", [car]) is not None


@given(st.from_regex(r"[0-9A-Za-z][0-9A-Za-z.]{0,12}", fullmatch=True), st.integers(0, 99), st.sampled_from("vV"))
def test_a_spelling_that_is_shown_cuts_a_candidate(release: str, number: int, prefix: str) -> None:
    for written in (f"{release}-RC{number}", f"{release}.rc.{number}", f"{release}-rc-{number}"):
        why = why_misspelled(f"{prefix}{release}{written.removeprefix(release)}", [SITE])
        spelled = "" if why is None else why.rpartition("is spelled `")[2].removesuffix("`.")
        if spelled and "<" not in spelled:
            found = version_in_tag(spelled, {ProjectId(1): SITE.trigger})
            assert found is not None and parse_candidate_version(found[1]).number == number


def test_the_longest_tags_are_judged_in_no_time() -> None:
    for part in ("rc", "1", "-", "rc-1", "1.", "-rc"):
        why_misspelled((part * MAX_TAG)[:MAX_TAG], [SITE, VAULT] * 50)
