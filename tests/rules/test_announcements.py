"""Validation of announcements, project profiles and links."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Conflict, Refusal
from bot.rules.announcements import (
    MAX_TAGS,
    PENDING,
    STATES,
    InvalidFields,
    check_transition,
    link_permalink,
    parse_description,
    parse_link,
    parse_reason,
    parse_release,
)

VALID = {"version": "1.1", "changelog": "Security patch"}


def invalid_fields(**values: Any) -> set[str]:
    """Submit a release with some fields replaced, and return the names of the refused fields."""
    with pytest.raises(InvalidFields) as error:
        parse_release({**VALID, **values})
    assert all(f"`{field}`" in sentences[0] for field, sentences in error.value.fields.items())
    return set(error.value.fields)


def test_html_is_refused_in_every_text_but_not_what_only_looks_like_it() -> None:
    assert invalid_fields(version="<b>1</b>", changelog="<p>") == {"version", "changelog"}
    text = "Vec<T>: a < b, List<Object>, <thread> and <bob@example.com>"
    assert parse_release({"version": text, "changelog": text})["version"] == text


@pytest.mark.parametrize(
    ("field", "values"),
    [
        (
            "version",
            ["v" * 256, "a\nb", "a\tb", "\u200b", "\x85", ".", "..", " ", 7, 1.5, True, [], {}, "a\ud800", "a\uffff"],
        ),
        ("changelog", ["x" * 65_536, " \n", "\x00", "\x01", "\x1b[31m", "\x7f", "a\ufffe", "\udfff", 7, [], {}, False]),
        ("tag_list", [7, {}, {"tag": "a"}, [7], [["a"]], [None], True, "a\nb", ["a" * 101], "<b>", ["x\x01"]]),
        ("tag_list", [",".join(f"t{number}" for number in range(MAX_TAGS + 1))]),
        ("hidden_from_frontpage", ["maybe", "2", 2, -1, 1.0, [], {}, "truee", 2**65]),
    ],
)
def test_an_invalid_value_is_refused_and_its_field_is_named(field: str, values: list[Any]) -> None:
    for value in values:
        assert invalid_fields(**{field: value}) == {field}, value


def test_every_invalid_field_is_reported_at_once() -> None:
    with pytest.raises(InvalidFields) as error:
        parse_release({"version": "", "tag_list": 7})
    assert error.value.fields == {
        "version": ["`version` is required."],
        "changelog": ["`changelog` is required."],
        "tag_list": ["`tag_list` must be a list of texts, or a text with commas between them."],
    }
    assert (error.value.sentence, error.value.details["field"]) == ("`version` is required.", "version")


def test_valid_fields_are_normalised() -> None:
    assert parse_release(VALID) == {**VALID, "tag_list": [], "hidden_from_frontpage": False}
    sent = {
        "version": " 1.1 ",
        "changelog": "a\r\n\tb\n",
        "id": 7,
        "approved_at": "now",
        "created_at": 1,
        "state": "approved",
    }
    parsed = {"version": "1.1", "changelog": "a\r\n\tb\n", "tag_list": [], "hidden_from_frontpage": False}
    assert parse_release(sent) == parsed
    longest = {"version": "ü" * 255, "changelog": "🚢" * 65_535}
    assert parse_release(longest) == {**longest, "tag_list": [], "hidden_from_frontpage": False}


@pytest.mark.parametrize(
    ("sent", "tags"),
    [
        ("stable, security", ["stable", "security"]),
        (["stable", "security"], ["stable", "security"]),
        (["stable,", "security"], ["stable", "security"]),
        (["a, b", "c"], ["a", "b", "c"]),
        ("6.0.x (Alpha)", ["6.0.x (Alpha)"]),
        (" a ,, b ,a,", ["a", "b"]),
        (["", " "], []),
        ("", []),
        (None, []),
        ([], []),
        ("A,a", ["A", "a"]),
    ],
)
def test_tags_are_normalised(sent: Any, tags: list[str]) -> None:
    assert parse_release({**VALID, "tag_list": sent})["tag_list"] == tags


@given(st.lists(st.text("abc ", min_size=1, max_size=5), max_size=MAX_TAGS))
def test_tags_may_be_sent_as_a_list_or_as_one_string(tags: list[str]) -> None:
    cleaned = parse_release({**VALID, "tag_list": tags})["tag_list"]
    assert parse_release({**VALID, "tag_list": ",".join(tags)})["tag_list"] == cleaned
    assert parse_release({**VALID, "tag_list": cleaned})["tag_list"] == cleaned


@pytest.mark.parametrize("sent", [True, "true", "True", "1", 1, "Y", "y", "yes", " true\n"])
def test_a_flag_is_set_by_any_common_spelling_of_true(sent: Any) -> None:
    assert parse_release({**VALID, "hidden_from_frontpage": sent})["hidden_from_frontpage"] is True


@pytest.mark.parametrize("sent", [False, "false", "0", 0, "N", "n", "no", None, ""])
def test_a_flag_is_cleared_by_any_common_spelling_of_false(sent: Any) -> None:
    assert parse_release({**VALID, "hidden_from_frontpage": sent})["hidden_from_frontpage"] is False


def test_a_profile_change_contains_only_the_fields_that_were_sent() -> None:
    assert parse_description({}) == {}
    sent = {
        "project_tag_list": "a,b",
        "tag_list": "c",
        "oneliner": None,
        "license_list": None,
        "id": 1,
        "permalink": "x",
    }
    assert parse_description(sent) == {"tag_list": ["a", "b"], "oneliner": "", "license_list": []}
    invalid = {"name": None, "oneliner": "a\nb", "description": "<b>", "license_list": 7, "project_tag_list": 7}
    with pytest.raises(InvalidFields) as error:
        parse_description(invalid)
    assert set(error.value.fields) == set(invalid)


@pytest.mark.parametrize(
    "location",
    [
        "http://example.com",
        "https://example.com:8443/a/b?c=d#e",
        "ftp://ftp.example.com/pub/x.tar.gz",
        "HTTPS://EXAMPLE.COM/%C3%A9",
        "http://[2001:db8::1]/",
        "http://127.0.0.1/",
        "https://example.com/a@b",
    ],
)
def test_a_link_may_have_any_web_address(location: str) -> None:
    assert parse_link({"label": "x", "location": location}, new=True)["location"] == location


@pytest.mark.parametrize(
    "location",
    [
        "",
        None,
        7,
        "example.com",
        "//example.com",
        "/projects/site",
        "http:",
        "http://",
        "http:///x",
        "http:example.com",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "mailto:a@b.c",
        "git://example.com/",
        "http://user@example.com/",
        "http://user:secret@example.com/",
        "http://@example.com/",
        "http://example.com/a b",
        "http://example.com/\r\nSet-Cookie: x=y",
        "http://example.com/\x00",
        "http://example.com/\tx",
        "java\tscript:alert(1)",
        "\x01http://example.com/",
        "http:\\\\example.com",
        "http://example.com\\@evil.example/",
        "http://exämple.com/",
        "http://example.com/é",
        "http://example.com:0/",
        "http://example.com:99999/",
        "http://example.com:x/",
        "http://[::1",
        'http://example.com/"onclick=',
        "http://example.com/<script>",
        "http://example.com/" + "x" * 2000,
    ],
)
def test_a_link_may_have_no_other_address(location: Any) -> None:
    with pytest.raises(InvalidFields) as error:
        parse_link({"label": "x", "location": location}, new=True)
    assert set(error.value.fields) == {"location"}


def test_a_change_of_a_link_may_omit_fields() -> None:
    assert parse_link({"label": " Home Page "}, new=False) == {"label": "Home Page"}
    assert parse_link({}, new=False) == {}
    with pytest.raises(InvalidFields) as error:
        parse_link({}, new=True)
    assert set(error.value.fields) == {"label", "location"}
    for label in (None, "", " ", "x" * 101, "a\nb", "<b>", 7):
        with pytest.raises(InvalidFields):
            parse_link({"label": label}, new=False)


@pytest.mark.parametrize(
    ("label", "taken", "permalink"),
    [
        ("Tar/GZ", [], "tar-gz"),
        ("Tar/GZ", ["tar-gz"], "tar-gz-2"),
        ("Tar/GZ", ["tar-gz", "tar-gz-2"], "tar-gz-3"),
        ("日本", [], "link"),
        ("日本", ["link"], "link-2"),
        ("x" * 100, [], "x" * 90),
    ],
)
def test_the_permalink_of_a_link_is_derived_from_its_label(label: str, taken: list[str], permalink: str) -> None:
    assert link_permalink(label, taken) == permalink


def test_only_a_pending_announcement_changes_its_state() -> None:
    for state in STATES:
        for to in STATES:
            if state == PENDING and to != PENDING:
                check_transition("1.1", state, to)
            else:
                with pytest.raises(Conflict):
                    check_transition("1.1", state, to)


def test_a_rejection_needs_a_reason() -> None:
    assert parse_reason("Remove the <b> tags.\nThanks.") == "Remove the <b> tags.\nThanks."
    invalid: list[Any] = [None, "", " ", 7, [], "x" * 2001, "\x00"]
    for reason in invalid:
        with pytest.raises(Refusal, match="`reason`"):
            parse_reason(reason)
