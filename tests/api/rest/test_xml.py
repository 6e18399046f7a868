"""XML bodies: safe parsing, and well-formed output."""

import time
from contextlib import suppress
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.bodies import BadRequest
from api.http.xml import dumps, loads

BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]>
<release><version>&lol2;</version></release>"""
EXTERNAL = b"""<?xml version="1.0"?>
<!DOCTYPE release [<!ENTITY file SYSTEM "file:///etc/passwd">]><release><version>&file;</version></release>"""

CODE = {"auth_code": "s3cret"}
RELEASE = {"release": {"version": "1.1", "changelog": "Security Patch", "tag_list": "stable, security"}}
INNER = "<version>1.1</version><changelog>Security Patch</changelog><tag_list>stable, security</tag_list>"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (f"<release>{INNER}</release>", RELEASE),
        (f"<request><auth_code>s3cret</auth_code><release>{INNER}</release></request>", {**CODE, **RELEASE}),
        (f"<hash>\n <auth_code>s3cret</auth_code>\n <release>\n{INNER}\n</release></hash>", {**CODE, **RELEASE}),
        (f"<hash><auth_code>s3cret</auth_code>{INNER}</hash>", {**CODE, **RELEASE["release"]}),
        (f"<release><auth_code>s3cret</auth_code>{INNER}</release>", {"release": {**CODE, **RELEASE["release"]}}),
        ("<auth_code>s3cret</auth_code>", CODE),
        ("<auth-code>s3cret</auth-code>", CODE),
        ("<auth_code/>", {"auth_code": ""}),
        ("<release/>", {"release": {}}),
        ("<release nil='true'/>", {"release": {}}),
        ("<request/>", {}),
        ("<r><a/><b nil='true'/><c nil='false'>x</c></r>", {"a": "", "b": None, "c": "x"}),
        ("<r xmlns='urn:x' xmlns:i='urn:i'><a i:nil='1'>x</a><i:b>y</i:b></r>", {"a": None, "b": "y"}),
        (
            "<r><hidden-from-frontpage type='boolean'>true</hidden-from-frontpage></r>",
            {"hidden_from_frontpage": "true"},
        ),
        ("<r><t type='array'><x>a</x><y>b</y></t><e type='array'/></r>", {"t": ["a", "b"], "e": []}),
        ("<r><tag_list><tag>a</tag></tag_list></r>", {"tag_list": ["a"]}),
        ("<r><a>1</a><a>2</a><b>3</b></r>", {"a": ["1", "2"], "b": "3"}),
        ("<r><a>1<b>2</b>3</a></r>", {"a": {"b": "2"}}),
        ("<r><a>&lt;b&gt; &amp; &#233;<![CDATA[<i>]]></a></r>", {"a": "<b> & é<i>"}),
        ("<!-- x --><r><?pi?><a>1<!-- 2 -->3</a></r>", {"a": "13"}),
        ("\ufeff<r><a>é🚢</a></r>", {"a": "é🚢"}),
    ],
)
def test_a_document_is_parsed_like_the_equivalent_json(document: str, expected: Any) -> None:
    assert loads(document.encode()) == expected


ENCODINGS = ["utf-8", "utf-16", "iso-8859-1", "windows-1252", "iso-8859-15", "cp437"]
PLAIN = "<r><a>é</a></r>"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_document_has_the_encoding_that_it_or_its_content_type_declares(encoding: str) -> None:
    declared = f'<?xml version="1.0" encoding="{encoding}"?>{PLAIN}'
    assert loads(declared.encode(encoding)) == {"a": "é"}
    assert loads(declared.encode(encoding), encoding) == {"a": "é"}
    assert loads(PLAIN.encode(encoding), encoding.upper()) == {"a": "é"}
    for wrong in ENCODINGS:
        declared = f'<?xml version="1.0" encoding="{wrong}"?>{PLAIN}'
        assert loads(declared.encode(encoding), encoding) == {"a": "é"}


@pytest.mark.parametrize("charset", [None, "utf-8", "utf-16", "utf-16le", "iso-8859-1", "us-ascii"])
def test_a_byte_order_mark_takes_precedence(charset: str | None) -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        assert loads(PLAIN.encode(encoding), charset) == {"a": "é"}
    for encoding in ("utf-16le", "utf-16be"):
        assert loads(PLAIN.encode(encoding), encoding) == {"a": "é"}


def test_white_space_may_precede_the_declaration() -> None:
    assert loads(f'\r\n\t <?xml version="1.0"?>\n{PLAIN}\n'.encode()) == {"a": "é"}


@pytest.mark.parametrize(
    "charset", ["no-such", "utf-7", "rot13", "shift_jis", "utf-32", "us-ascii", "", "\0", "é", "zip"]
)
def test_an_encoding_that_is_not_understood_or_wrong_is_refused(charset: str) -> None:
    if charset:
        with pytest.raises(BadRequest) as refused:
            loads(PLAIN.encode(), charset)
        assert "XML" in refused.value.sentence
    else:
        assert loads(PLAIN.encode(), charset) == {"a": "é"}


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        EXTERNAL,
        b"<!DOCTYPE release><release/>",
        b'<!DOCTYPE release SYSTEM "http://127.0.0.1:1/x.dtd"><release/>',
        b'<!DOCTYPE r [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x">%p;]><r/>',
        b"<r>&unknown;</r>",
        b"text",
        b"{}",
        b"<r>",
        b"<r></s>",
        b"<r/><r/>",
        b"<r a='1' a='2'/>",
        b"<r>hello</r>",
        b"<releases type='array'><release/></releases>",
        b"<unbound:r/>",
        b"<r>\x00</r>",
        b"<r>\x01</r>",
        b"<r>&#0;</r>",
        b"<r>&#1;</r>",
        b"<r>&#xD800;</r>",
        b"<r>&#xFFFF;</r>",
        b"<r>&#x110000;</r>",
        b"<r>\xed\xa0\x80</r>",
        b"<r>\xef\xbf\xbf</r>",
        b"<r>\xe9</r>",
        b"\xff\xfe",
        b"<?xml version='1.0' encoding='utf-16'?><r/>",
        b"<?xml version='1.0' encoding='utf-7'?><r/>",
        b"<?xml version='1.0' encoding='no-such'?><r/>",
        b"<?xml version='1.0' encoding='rot13'?><r/>",
        b"<?xml version='1.0' encoding='idna'?><r/>",
        b"<?xml version='1.0' encoding='shift_jis'?><r/>",
        b"<a>" * 9 + b"</a>" * 9,
        b"<a>" * 250_000,
        b"<r>" + b"<a/>" * 1_000 + b"</r>",
    ],
    ids=range(35),
)
def test_malformed_unsafe_and_oversized_documents_are_refused(body: bytes) -> None:
    begun = time.perf_counter()
    with pytest.raises(BadRequest) as refused:
        loads(body)
    assert time.perf_counter() - begun < 0.5
    assert refused.value.status == 400
    assert "XML" in refused.value.sentence or "root element" in refused.value.sentence


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_no_internal_error(body: bytes) -> None:
    for raw in (body, b"<r>" + body + b"</r>", b"<?xml version='1.0' encoding='" + body + b"'?><r/>"):
        with suppress(BadRequest):
            assert isinstance(loads(raw), dict)


def write_and_parse(value: Any, listed: str = "releases") -> ElementTree.Element:
    """Write a value and parse the document with another parser."""
    return ElementTree.fromstring(dumps(listed, value))


def test_values_are_written_with_the_types_of_rails() -> None:
    record = {"id": 7, "version": "<1>", "hidden": True, "approved_at": None, "created_at": "2026-11-21T12:00:00Z"}
    more = {"note": None, "vitality": 5.2, "tag_list": ["a", "b & c"], "license_list": []}
    assert dumps("releases", {"release": {**record, **more}}).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<release><approved-at type="datetime" nil="true"/>'
        '<created-at type="datetime">2026-11-21T12:00:00Z</created-at>'
        '<hidden type="boolean">true</hidden><id type="integer">7</id><note nil="true"/><version>&lt;1&gt;</version>'
        '<vitality type="float">5.2</vitality><tag-list>a, b &amp; c</tag-list><license-list></license-list></release>'
    )


def test_a_list_has_its_name_as_root_even_when_empty() -> None:
    for listed, name in (("releases", "release"), ("urls", "url")):
        full, empty = write_and_parse([{name: {"a": "1"}}, {name: {"a": "2"}}], listed), write_and_parse([], listed)
        assert (full.tag, full.get("type"), empty.tag, empty.get("type")) == (listed, "array", listed, "array")
        assert ([item.tag for item in full], len(empty)) == ([name, name], 0)


def test_lists_of_records_in_a_record_have_entries_named_after_them() -> None:
    lists = {"approved_urls": [{"label": "a", "x": "y"}], "recent_releases": [{"id": 1, "tag_list": ["a", "b"]}]}
    project = write_and_parse({"project": {**lists, "name": "n"}})
    assert [(item.tag, item.attrib) for item in project] == [
        ("name", {}),
        ("approved-urls", {"type": "array"}),
        ("recent-releases", {"type": "array"}),
    ]
    assert [(entry.tag, entry.attrib) for item in project[1:] for entry in item] == [
        ("approved-url", {"type": "Url"}),
        ("recent-release", {"type": "Release"}),
    ]
    assert project.findtext("recent-releases/recent-release/tag-list") == "a, b"
    empty = write_and_parse({"project": {"approved_urls": [], "tag_list": []}})
    assert [(item.tag, item.attrib, len(item), item.text) for item in empty] == [
        ("approved-urls", {"type": "array"}, 0, None),
        ("tag-list", {}, 0, None),
    ]


def test_what_is_written_is_read_again() -> None:
    record = {"version": "1", "tag_list": "a, b", "hidden_from_frontpage": "true", "approved_at": None}
    sent = {"version": "1", "tag_list": ["a", "b"], "hidden_from_frontpage": True, "approved_at": None}
    assert loads(dumps("releases", {"release": sent})) == {"release": record}


def test_errors_are_written_by_field() -> None:
    body = {"errors": {"version": ['is "<too>" long', "is odd"], "base": ["no"]}}
    assert [(item.get("field"), item.text) for item in write_and_parse(body)] == [
        ("version", 'is "<too>" long'),
        ("version", "is odd"),
        ("base", "no"),
    ]


@given(st.text(st.characters(codec=None), max_size=50))
def test_every_written_document_is_well_formed(text: str) -> None:
    root = write_and_parse({"release": {"version": text, "tag_list": [text]}})
    assert root[0].text == root[1].text
    errors = write_and_parse({"errors": {text: [text]}})
    assert len(errors) == 1


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="\ufffe\uffff"), min_size=1))
def test_text_within_xml_round_trips(text: str) -> None:
    for carried in (text, f"\r\n\t {text}\r"):
        assert loads(dumps("x", {"request": {"a": carried}})) == {"a": carried}
        assert write_and_parse({"request": {"a": carried}})[0].text == carried


@given(st.sampled_from(["\x00", "\x01", "\x0b", "\x1f", "\ud800", "\udfff", "\ufffe", "\uffff"]))
def test_characters_outside_xml_are_replaced(character: str) -> None:
    assert write_and_parse({"request": {"a": f"a{character}b"}})[0].text == "a\ufffdb"
