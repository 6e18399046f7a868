"""Texts of settings are tidied as people and machines leave them, and files are decoded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.setting_texts import decoded, is_injected_port, looks_like_path, split_list, tidied, without_blanks

TIDY = {
    "value": "value",
    "value\n": "value",
    "value\r\n": "value",
    " \t value \x0b": "value",
    "\u00a0value\u00a0": "value",
    "\u3000value\u2028": "value",
    "\ufeffvalue": "value",
    "\u200bvalue\u2060\u200e": "value",
    "\0value\0": "value",
    '"value"': "value",
    '"value"\n': "value",
    "'value'": "value",
    '" value "': "value",
    '\ufeff"value"': "value",
    "`value`": "value",
    "“value”": "value",
    "„value“": "value",
    "‘value’": "value",
    "«value»": "value",
    '""': "",
    "''\n": "",
    "\u200b": "",
    " ": "",
    "a value": "a value",
    "a\nvalue": "a\nvalue",
    '"value': '"value',
    "value'": "value'",
    "'value\"": "'value\"",
    '"': '"',
    "'\"value\"'": '"value"',
    "'it's'": "it's",
    '"a", "b"': '"a", "b"',
    "'a','b'": "'a','b'",
    "it's 'quoted'": "it's 'quoted'",
}


@pytest.mark.parametrize(("text", "expected"), TIDY.items(), ids=ascii)
def test_white_space_invisible_characters_and_one_pair_of_quotes_are_removed(text: str, expected: str) -> None:
    assert tidied(text) == expected


@given(st.text())
def test_tidying_only_takes_from_the_ends(text: str) -> None:
    assert tidied(text) in text
    assert tidied(f" {text}\n") == tidied(text)


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1).filter(lambda text: "," not in text))
def test_what_has_nothing_around_it_is_left_alone_unless_it_is_quoted(text: str) -> None:
    assert tidied(text) in (text, text[1:-1])
    assert tidied(f"“{text}”") == text


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"], ids=lambda encoding: str(encoding).upper()
)
@given(text=st.text().filter(lambda text: not text.startswith(("\ufeff", "\0"))))  # UTF-16 with a NUL first is UTF-32
def test_a_file_is_decoded_as_its_mark_says(encoding: str, text: str) -> None:
    assert decoded(text.encode(encoding)) == text


@pytest.mark.parametrize("data", [b"\xff", b"\xe9t\xe9", b"\xfe\xff\x00"])
def test_what_is_not_text_is_refused(data: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        decoded(data)


def test_parts_of_a_list_are_tidied_and_empty_ones_dropped() -> None:
    assert split_list('10.0.0.1, "10.0.0.2" ,,\u200b10.0.0.3\n,') == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]


def test_blanks_are_removed_anywhere() -> None:
    assert without_blanks(" a\u200bb\u00a0c\r\nd\t\ufeff") == "abcd"


@pytest.mark.parametrize(
    "text", ["/", "/run/secrets/key", "./key", "../key", "~/key", r"C:\key", "file:///key", "app.pem", "a/b.key"]
)
def test_paths_are_recognized(text: str) -> None:
    assert looks_like_path(text)


@pytest.mark.parametrize(
    "text", ["", "key", "MII/abc+def==", "a b.pem", "-----BEGIN KEY-----", "https://here/a", "x.y"]
)
def test_other_texts_are_not_taken_for_paths(text: str) -> None:
    assert not looks_like_path(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tcp://10.3.104.46:8080", True),
        ("udp://10.0.0.1:53", True),
        ("sctp://10.0.0.1:53", True),
        ("tcp://[fd00::1]:8080", True),
        ("8080", False),
        ("http", False),
        ("http://10.0.0.1:8080", False),
        ("tcp://10.0.0.1:8080 or so", False),
    ],
)
def test_the_port_of_a_service_of_kubernetes_is_recognized(text: str, expected: bool) -> None:
    assert is_injected_port(text) is expected
