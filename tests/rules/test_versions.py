"""The grammar of candidate versions, version schemes, and the next version."""

import re
import time
from datetime import date

import pytest
import semver
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Refusal
from bot.rules.versions import (
    CandidateVersion,
    RequestedVersion,
    check_scheme,
    fits_scheme,
    is_release_version,
    next_number,
    next_release,
    parse_candidate_version,
    parse_requested_version,
    parse_written_candidate,
)

TODAY = date(2026, 11, 21)
MESSAGE = r"^Invalid release candidate version$"
GRAMMAR_LETTERS = "abcxyzABCXYZ0123456789._+-"

VALID = {
    "1.4.0-rc2": ("1.4.0", 2),
    "1.4.0-rc0": ("1.4.0", 0),
    "1.4.0-rc999999": ("1.4.0", 999_999),
    "7-rc1": ("7", 1),
    "v1-rc1": ("v1", 1),
    "1.4.0-rc1.5-rc2": ("1.4.0-rc1.5", 2),
    "1-rcx-rc3": ("1-rcx", 3),
    "1.4.0+linux.x86_64-rc2": ("1.4.0+linux.x86_64", 2),
    "1.lock.2-rc1": ("1.lock.2", 1),
    "1--rc1": ("1-", 1),
    "a" * 100 + "-rc1": ("a" * 100, 1),
}
INVALID = (
    "",
    "1.4.0",
    "-rc1",
    "rc1",
    "1.4.0-rc",
    "1.4.0-rc01",
    "1.4.0-rc00",
    "1.4.0-rc1000000",
    "1.4.0rc1",
    "1.4.0.rc1",
    "1.4.0-RC1",
    "1.4.0-Rc1",
    "1.4.0-rc-1",
    "1.4.0-rc+1",
    "1.4.0-rc1_0",
    "1.4.0-rc1\n",
    "1.4.0-rc1\r",
    "1.4.0\n-rc1",
    "\n1.4.0-rc1",
    " 1.4.0-rc1",
    "1.4.0-rc1 ",
    "1.4.0-rc1\0",
    "1.4.0-rc\u0661",
    "1.4.0-rc\uff11",
    "1.4.0-rc²",
    "\u0661.4.0-rc1",
    "1.4.\u00e9-rc1",
    "1..4-rc1",
    "1.4.-rc1",
    "1.4.lock-rc1",
    "1.4.0-rc1-rc2",
    ".1-rc1",
    "_1-rc1",
    "-1-rc1",
    "+1-rc1",
    "a/b-rc1",
    "1:2-rc1",
    "1~2-rc1",
    "1^-rc1",
    "1@{0}-rc1",
    "a" * 101 + "-rc1",
)


def is_valid_git_ref(ref: str) -> bool:
    """Return whether `git check-ref-format` would accept a reference below `refs/tags/`."""
    return (
        re.search(r"[\x00-\x20\x7f~^:?*\[\\]", ref) is None
        and not any(part in ref for part in ("..", "@{", "//"))
        and not ref.endswith((".", "/"))
        and not any(part.startswith(".") or part.endswith(".lock") for part in ref.split("/"))
    )


@pytest.mark.parametrize(("text", "parts"), VALID.items(), ids=[ascii(text)[:40] for text in VALID])
def test_a_candidate_version_is_parsed(text: str, parts: tuple[str, int]) -> None:
    assert parse_candidate_version(text) == CandidateVersion(*parts)


@pytest.mark.parametrize("text", INVALID, ids=[ascii(text)[:40] for text in INVALID])
def test_any_other_text_is_refused_with_the_sentence_of_the_dialect(text: str) -> None:
    with pytest.raises(Refusal, match=MESSAGE):
        parse_candidate_version(text)


@pytest.mark.parametrize(
    ("release", "scheme", "example"),
    [
        ("v1.6.0", "semver", "1.6.0"),
        ("V1.6.0-beta.1", "semver", "1.6.0-beta.1"),
        ("1.6", "semver", "1.6.0"),
        ("v2", "semver", "2.0.0"),
        ("1.06.0", "semver", "1.6.0"),
        ("foo", "semver", "1.4.0"),
        ("1.2.3.4", "semver", "1.4.0"),
        ("v2026.11.3", "calver", "2026.11.3"),
        ("foo", "calver", "2026.11.3"),
    ],
)
def test_a_refusal_by_a_scheme_has_the_version_that_may_be_meant(release: str, scheme: str, example: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_scheme(release, scheme)
    assert refused.value.details["expected"] == f"a {scheme} release version, as in {example}"


@pytest.mark.parametrize("value", [None, 1, 1.5, True, [], {}, b"1.4.0-rc1"], ids=repr)
def test_a_value_that_is_not_text_is_refused(value: object) -> None:
    with pytest.raises(Refusal):
        parse_candidate_version(value)


@given(st.text(GRAMMAR_LETTERS, min_size=1, max_size=12), st.integers(0, 999_999))
def test_a_formatted_version_is_parsed_back(release: str, number: int) -> None:
    text = f"{release}-rc{number}"
    if is_release_version(release):
        assert parse_candidate_version(text) == CandidateVersion(release, number)
        assert str(parse_candidate_version(text)) == text
    else:
        with pytest.raises(Refusal):
            parse_candidate_version(text)


@given(st.one_of(st.text(GRAMMAR_LETTERS + "/@{~ \n", max_size=14), st.text(max_size=14)))
def test_every_release_version_makes_valid_git_tags(text: str) -> None:
    if is_release_version(text):
        assert is_valid_git_ref(text) and is_valid_git_ref(f"rc/{text}-rc1") and is_valid_git_ref(f"v{text}-rc1")
        assert text.isascii() and text == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "-rc1" * 250_000,
        "1" * 1_000_000 + "-rc1",
        "1-rc" + "0" * 1_000_000,
        "1." * 500_000 + "-rc1",
        "1-rc1" + "\n" * 10**6,
    ],
    ids=["many separators", "long release", "long number", "many dots", "many line breaks"],
)
def test_a_long_hostile_version_is_refused_quickly(text: str) -> None:
    start = time.process_time()
    with pytest.raises(Refusal):
        parse_candidate_version(text)
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(
    ("release", "scheme", "fits"),
    [
        ("anything_at-all", "any", True),
        ("1.4.0", "semver", True),
        ("1.4.0-beta.1+linux", "semver", True),
        ("1.4", "semver", False),
        ("v1.4.0", "semver", False),
        ("01.4.0", "semver", False),
        ("1.4.0\n", "semver", False),
        ("1.4.\u0661", "semver", False),
        ("2026.11.3", "calver", True),
        ("24.04", "calver", True),
        ("24.4", "calver", True),
        ("2026.11.3.1", "calver", True),
        ("2026.13.0", "calver", False),
        ("2026.0.0", "calver", False),
        ("026.11", "calver", False),
        ("2026", "calver", False),
        ("2026.11.3\n", "calver", False),
        ("2026.11.\u0661", "calver", False),
        ("2026.11.x", "calver", False),
    ],
    ids=ascii,
)
def test_a_scheme_accepts_its_release_versions_only(release: str, scheme: str, fits: bool) -> None:
    assert fits_scheme(release, scheme) is fits
    if fits:
        check_scheme(release, scheme)
    else:
        with pytest.raises(Refusal, match=MESSAGE):
            check_scheme(release, scheme)


@pytest.mark.parametrize(
    ("scheme", "known", "bump", "expected"),
    [
        ("semver", [], "patch", "0.1.0"),
        ("semver", ["1.4.0"], "patch", "1.4.1"),
        ("semver", ["1.4.0"], "minor", "1.5.0"),
        ("semver", ["1.4.0"], "major", "2.0.0"),
        ("semver", ["1.9.0", "1.10.0", "1.2.0"], "minor", "1.11.0"),
        ("semver", ["not semver", "1.0.0"], "patch", "1.0.1"),
        ("semver", ["2.0.0-beta.1", "1.0.0"], "patch", "2.0.1"),
        ("calver", [], "patch", "2026.11.0"),
        ("calver", ["2026.11.3"], "patch", "2026.11.4"),
        ("calver", ["2026.11.9", "2026.11.10"], "patch", "2026.11.11"),
        ("calver", ["2026.10.3"], "patch", "2026.11.0"),
        ("calver", ["2026.9.3"], "patch", "2026.11.0"),
        ("calver", ["26.04"], "patch", "26.11"),
        ("calver", ["26.11"], "patch", "26.11.1"),
        ("calver", ["26.11.2.7"], "patch", "26.11.2.8"),
        ("calver", ["2026.12.0", "2026.11.4"], "patch", "2026.12.1"),
        ("calver", ["27.01"], "patch", "27.01.1"),
    ],
)
def test_the_next_release_follows_the_highest(scheme: str, known: list[str], bump: str, expected: str) -> None:
    assert next_release(scheme, known, bump, TODAY) == expected


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ([], "2027.01.0"),
        (["2026.12.0"], "2027.01.0"),
        (["2026.04.0", "2026.12.0"], "2027.01.0"),
        (["2026.4.0", "2026.12.0"], "2027.1.0"),
        (["26.12"], "27.01"),
    ],
    ids=str,
)
def test_a_new_year_keeps_the_format_of_months(known: list[str], expected: str) -> None:
    assert next_release("calver", known, "patch", date(2027, 1, 2)) == expected


@pytest.mark.parametrize(
    ("scheme", "bump", "message"),
    [("any", "patch", "version scheme is `any`"), ("semver", "huge", "`bump` must be one of")],
)
def test_an_undefined_next_release_is_refused(scheme: str, bump: str, message: str) -> None:
    with pytest.raises(Refusal, match=message):
        next_release(scheme, ["1.0.0"], bump, TODAY)


SEMVER = st.builds("{}.{}.{}".format, *[st.integers(0, 30)] * 3)
CALVER = st.builds(
    lambda year, month, rest: ".".join([year, month, *map(str, rest)]),
    st.sampled_from(["24", "26", "27", "2025", "2026", "2027"]),
    st.sampled_from(["01", "1", "9", "10", "11", "12"]),
    st.lists(st.integers(0, 12), max_size=2),
)


@given(st.lists(SEMVER, min_size=1, max_size=6), st.sampled_from(["major", "minor", "patch"]))
def test_the_next_semver_is_higher_than_all(known: list[str], bump: str) -> None:
    following = semver.Version.parse(next_release("semver", known, bump, TODAY))
    assert all(following > semver.Version.parse(version) for version in known)


@given(st.lists(CALVER, min_size=1, max_size=6), st.dates(date(2023, 1, 1), date(2028, 12, 31)))
def test_the_next_calver_is_new_and_higher_than_all(known: list[str], today: date) -> None:
    def numbers(version: str) -> list[int]:
        year, *rest = map(int, version.split("."))
        return [year % 100, *rest]

    following = next_release("calver", known, "patch", today)
    assert fits_scheme(following, "calver") and is_release_version(following)
    assert all(numbers(following) > numbers(version) for version in known)


@pytest.mark.parametrize(
    ("taken", "expected"), [([], 1), ([0], 1), ([1, 2], 3), ([7, 3], 8), ([999_998], 999_999)], ids=str
)
def test_candidate_numbers_start_at_one_and_continue_after_the_highest(taken: list[int], expected: int) -> None:
    assert next_number(taken) == expected


def test_candidate_numbers_end_at_the_limit_of_the_grammar() -> None:
    with pytest.raises(Refusal, match=MESSAGE):
        next_number([999_999])


@pytest.mark.parametrize(
    "text",
    [
        *("1.4.0-rc.1.2", "1.4.0-rc1.1", "1.4.0-rc1+b5", "1.4.0-RC1-rc2", "1.4.0-rc1a", "1.4.0-rc1-2", "1.4.0rc1.dev0"),
        *("1.4.0-rcx", "1.4.0_rc_1_2"),
    ],
)
def test_what_looks_like_a_candidate_of_a_release_is_no_release_for_a_person(text: str) -> None:
    for parse in (parse_requested_version, parse_written_candidate):
        with pytest.raises(Refusal) as refused:
            parse(text)
        assert parse is parse_written_candidate or refused.value.details["expected"] == "1.4.0-rc<number>"


@pytest.mark.parametrize("text", ["1.4.0", "arc", "1.4.0-arch", "search-2", "1.0-rcfile", "march.1"])
def test_a_release_whose_name_only_contains_the_letters_can_be_cut(text: str) -> None:
    assert parse_requested_version(text) == RequestedVersion(text)
