"""Validation of package releases: dates, versions, statuses, signatures and paths of files."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Refusal
from bot.rules import packages as rules

FIRST, LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
NOON = datetime(2024, 5, 22, 12, tzinfo=UTC)

DATES = {
    "2024-05-22T12:00:00Z": NOON,
    "2024-05-22T12:00:00z": NOON,
    "2024-05-22t12:00:00Z": NOON,
    "2024-05-22 12:00:00Z": NOON,
    "2024-05-22T12:00:00": NOON,
    "2024-05-22T12:00": NOON,
    "2024-05-22T12": NOON,
    "2024-05-22T14:00:00+02:00": NOON,
    "2024-05-22T14:00:00+0200": NOON,
    "2024-05-22T14+02": NOON,
    "2024-05-23T02:00:00+14:00": NOON,
    "2024-05-22T00:00:00-12:00": NOON,
    "20240522T120000Z": NOON,
    "2024-W21-3T12:00:00Z": NOON,
    "2024-05-22T12:00:00.5Z": NOON + timedelta(seconds=0.5),
    "2024-05-22T12:00:00,250000+00:00": NOON + timedelta(seconds=0.25),
    "2024-05-22": NOON.replace(hour=0),
    "2024-02-29": datetime(2024, 2, 29, tzinfo=UTC),
    "0001-01-01T00:00:00Z": datetime(1, 1, 1, tzinfo=UTC),
    "9999-12-31T23:59:59.999999Z": datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
}
INVALID_DATES: list[Any] = [
    *(None, 0, 1716379200, 1716379200.5, True, [], {}, "", " ", "now", "yesterday", "1716379200", "22/05/2024"),
    *("2024-05-22T", "2024-13-01", "2024-02-30", "2023-02-29", "2024-05-22T25:00:00Z", "2024-05-22T12:60:00Z"),
    *("2024-05-22T12:00:61Z", "2024-05-22x12:00:00", "2024-05-22T12:00:00 Z", " 2024-05-22", "2024-05-22\n"),
    *("2024-05-22T12:00:00+25:00", "2024-05-22T12:00:00+", "2024-05-22T12:00:00UTC", "２０２４-05-22", "24-05-22"),
    *("0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "-2024-05-22", "+002024-05-22", "2024", "2024-05"),
    *("0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "Wed, 22 May 2024 12:00:00 GMT", "2024-05-22Z"),
]

VERSIONS = ["1", "1.1", "6.0.x (Alpha)", "1 < 2", "a<b", "<3", "x -> y", "ü", "版本 1", "&amp;", "0" * 255, ".."]
INVALID_VERSIONS: list[Any] = [
    *(None, 1, 1.1, True, [], {}, "", " ", " 1.0", "1.0 ", "1\n", "1\t0", "1\u200b", "1\x7f", "\u202e1", "0" * 256),
    *("<b>1</b>", "1<br>", "1<br/>", "</p>", "<script src=x>", "<!-- 1 -->", "<!DOCTYPE html>", "<?xml?>", "a<i >b"),
]

PATHS = ["a", "js/bob.js", "a b", "ü/版.js", "a..b", "..a", "a../b", ".hidden", "./a", "a//b", "a/", "C:x", "*" * 1000]
INVALID_PATHS: list[Any] = [
    *("", "/", "/etc/passwd", "//a", "..", "../a", "a/..", "a/../b", "a\\b", "\\", "..\\a", "a\0", "a\nb", "a\x7f"),
    *("a\x85", "x" * 1001, None, 1, True, [], ["a"], {}),
]


@pytest.mark.parametrize(("text", "moment"), DATES.items())
def test_a_date_is_parsed_and_converted_to_utc(text: str, moment: datetime) -> None:
    parsed = rules.parse_date(text)
    assert (parsed, parsed.tzinfo) == (moment, UTC)


@pytest.mark.parametrize("value", INVALID_DATES)
def test_an_invalid_date_is_refused_by_the_name_of_its_field(value: Any) -> None:
    with pytest.raises(Refusal, match=r"^`release_date` must be a date and time in ISO 8601"):
        rules.parse_date(value)


@given(
    st.datetimes(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None)),
    st.none() | st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_a_time_formatted_by_python_is_parsed_back(moment: datetime, zone: timezone | None) -> None:
    assert rules.parse_date(moment.replace(tzinfo=zone).isoformat()) == moment.replace(tzinfo=zone or UTC)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_version_is_any_text_that_a_page_can_show(version: str) -> None:
    assert rules.parse_version(version) == version


@pytest.mark.parametrize("value", INVALID_VERSIONS)
def test_an_invalid_version_is_refused_by_the_name_of_its_field(value: Any) -> None:
    with pytest.raises(Refusal, match=r"^`version` must be ") as error:
        rules.parse_version(value)
    assert error.value.details == {"field": "version"}


@pytest.mark.parametrize("value", ["30", 30.0, True, None, 0, 2, 29, 31, -1, 10**30, [30], {}, ""])
def test_a_status_is_one_of_five_numbers(value: Any) -> None:
    assert [rules.parse_status(number) for number in (1, 10, 20, 30, 40)] == [1, 10, 20, 30, 40]
    with pytest.raises(Refusal, match=r"1 \(development\), 10 \(testing\), 20 \(hold\), 30 \(released\), 40 \(dep"):
        rules.parse_status(value)


def test_a_signature_is_stored_unchanged() -> None:
    for signature in ("", "-----BEGIN PGP SIGNATURE-----\n", " x ", "ü" * 256, None):
        assert rules.parse_signature(signature) == signature
    invalid: list[Any] = ["x" * 257, 1, True, [], {}]
    for value in invalid:
        with pytest.raises(Refusal, match="at most 256 characters"):
            rules.parse_signature(value)


@pytest.mark.parametrize("path", PATHS)
def test_a_safe_path_is_stored_unchanged(path: str) -> None:
    assert rules.parse_files({"js": path}) == rules.parse_files({"js": [path]}) == {"js": [path]}


@pytest.mark.parametrize("path", INVALID_PATHS)
def test_an_unsafe_path_is_refused_and_its_group_is_named(path: Any) -> None:
    with pytest.raises(Refusal, match="`js`") as error:
        rules.parse_files({"css": "a", "js": ["fine", path]})
    assert error.value.details == {"field": "files"}


@pytest.mark.parametrize("value", [None, [], "a", 1, True, {"": "a"}, {"x" * 101: "a"}, {"a\nb": "a"}])
def test_files_are_an_object_of_named_groups(value: Any) -> None:
    with pytest.raises(Refusal, match=r"^`files` must "):
        rules.parse_files(value)


@pytest.mark.parametrize("value", [None, 1, True, {}])
def test_a_group_is_a_path_or_a_list_of_them(value: Any) -> None:
    with pytest.raises(Refusal, match="a path or a list of paths for the group `js`"):
        rules.parse_files({"js": value})
    assert rules.parse_files({"js": [], "css": ["a", "b", "a"]}) == {"js": [], "css": ["a", "b"]}


def test_new_paths_follow_existing_ones_without_duplicates() -> None:
    files = {"js": ["b", "a"], "css": ["x"]}
    more = {"js": ["c", "a", "c", "d"], "img": ["i"], "none": []}
    merged = rules.merge_files(files, more)
    assert merged == {"js": ["b", "a", "c", "d"], "css": ["x"], "img": ["i"], "none": []}
    assert list(merged) == ["js", "css", "img", "none"]
    assert files == {"js": ["b", "a"], "css": ["x"]}


groups = st.dictionaries(st.sampled_from("abc"), st.lists(st.sampled_from("xyz"), unique=True), max_size=3)


@given(groups, groups, groups)
def test_merging_files_loses_nothing_and_is_associative(
    one: dict[str, list[str]], two: dict[str, list[str]], three: dict[str, list[str]]
) -> None:
    merged = rules.merge_files(one, two)
    assert {name: set(paths) for name, paths in merged.items()} == {
        name: {*one.get(name, ()), *two.get(name, ())} for name in {*one, *two}
    }
    assert rules.merge_files(merged, two) == merged
    assert rules.merge_files(merged, three) == rules.merge_files(one, rules.merge_files(two, three))


def test_the_files_of_a_release_are_limited() -> None:
    full = {
        "groups": {str(number): ["a"] for number in range(rules.MAX_GROUPS)},
        "paths": {"a": [str(number) for number in range(rules.MAX_PATHS)]},
        "characters of paths": {"a": [f"{number:01000}" for number in range(rules.MAX_TOTAL_LENGTH // 1000)]},
    }
    for unit, files in full.items():
        assert rules.parse_files(files) == files
        with pytest.raises(Refusal, match=f"^`files` of a release hold at most [0-9,]+ {unit}, and these would be"):
            rules.merge_files(files, {"more": ["x" * 1000]})
