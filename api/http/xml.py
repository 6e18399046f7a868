"""XML bodies in the style of Rails, with the attributes `type` and `nil="true"`.

`<release><tag-list>a, b</tag-list></release>` is `{"release": {"tag_list": ["a", "b"]}}`: names have hyphens, and lists
of words are one text. Documents with a document type, entities, or too many levels or elements are refused; characters
that XML 1.0 excludes are written as U+FFFD.
"""

import codecs
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from html import escape

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser, ParseError
from pydantic import JsonValue

from api.http.bodies import BadRequest, Codec, JsonObject
from bot.rules.texts import xml_characters

CONTENT_TYPES = ("application/xml", "text/xml")
RECORDS = ("release", "project", "url")
MAX_DEPTH = 8
MAX_ELEMENTS = 1_000
MAX_ATTRIBUTES = 20_000  # equals signs, also those within texts, as only these can be counted before parsing
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
ENTRY_TYPES = {"approved-urls": "Url", "recent-releases": "Release"}
"""The lists of records within records, with the attribute `type` of their entries."""
_BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_BE: "utf-16", codecs.BOM_UTF16_LE: "utf-16"}


def xml_codec(list_name: str = "releases") -> Codec:
    """XML as a format of bodies. `list_name` is the root element of lists."""
    return Codec(CONTENT_TYPES, loads, partial(dumps, list_name), strict=False)


# --- parsing


def loads(raw: bytes, charset: str | None = None) -> JsonObject:
    """Parse a document into an object with the record that is its root element, or with the members of another root.

    Its encoding is that of its byte order mark, else the charset of the Content-Type, else the one that it declares
    (RFC 7303, section 3), else UTF-8.

    An element becomes a string, an object, or a list if it has `type="array"` or its name ends in `_list`. A repeated
    element becomes a list, too. Hyphens in names become underscores.
    """
    name, value = _parse(raw.lstrip(), charset)
    if name == "auth_code":
        return {name: value}
    if name in RECORDS:
        return {name: value or {}}
    if not isinstance(value or {}, dict):
        raise BadRequest("The root element must hold `auth_code` and the record as elements.")
    return value if isinstance(value, dict) else {}


def _parse(raw: bytes, charset: str | None) -> tuple[str, JsonValue]:
    if raw.count(b"=") > MAX_ATTRIBUTES:
        raise BadRequest(f"The body must be XML of at most {MAX_ATTRIBUTES:,} attributes.")
    reader = _TreeBuilder()
    marked = next((encoding for mark, encoding in _BYTE_ORDER_MARKS.items() if raw.startswith(mark)), None)
    try:
        parser = DefusedXMLParser(target=reader, encoding=marked or charset or None, forbid_dtd=True)
        parser.feed(raw)
        parser.close()
    except DefusedXmlException as error:
        raise BadRequest("The body must be XML without a document type and without entities.") from error
    except ParseError as error:
        line, column = error.position
        raise BadRequest(f"The body must be well-formed XML: it is not at line {line}, column {column}.") from error
    except (ValueError, LookupError) as error:  # an unknown encoding
        raise BadRequest("The body must be XML in UTF-8, UTF-16 or an encoding of one byte a character.") from error
    return reader.root


@dataclass
class _Element:
    name: str
    is_list: bool
    is_nil: bool
    text: list[str] = field(default_factory=list)
    children: list[tuple[str, JsonValue]] = field(default_factory=list)

    def value(self) -> JsonValue:
        if self.is_nil:
            return None
        if self.is_list or (self.children and self.name.endswith("_list")):
            return [value for _, value in self.children]
        return _object(self.children) if self.children else "".join(self.text)


def _object(children: Iterable[tuple[str, JsonValue]]) -> JsonObject:
    members: dict[str, list[JsonValue]] = {}
    for name, value in children:
        members.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in members.items()}


class _TreeBuilder:
    """Builds values from the parser's events, without keeping a tree of elements."""

    def __init__(self) -> None:
        self.root: tuple[str, JsonValue] = ("", {})
        self._open: list[_Element] = []
        self._count = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS:
            raise BadRequest(f"The body must be XML of at most {MAX_ELEMENTS:,} elements.")
        if len(self._open) == MAX_DEPTH:
            raise BadRequest(f"The body must be XML of at most {MAX_DEPTH} levels.")
        local = {_local(name): value for name, value in attributes.items()}
        self._open.append(_Element(_local(tag), local.get("type") == "array", local.get("nil") in ("true", "1")))

    def data(self, text: str) -> None:
        self._open[-1].text.append(text)

    def end(self, _tag: str) -> None:
        element = self._open.pop()
        member = (element.name, element.value())
        if self._open:
            self._open[-1].children.append(member)
        else:
            self.root = member

    def close(self) -> tuple[str, JsonValue]:
        return self.root


def _local(name: str) -> str:
    """The name of an element or attribute without its namespace, as a JSON key."""
    return name.rpartition("}")[2].replace("-", "_")


# --- writing


def dumps(list_name: str, value: object) -> bytes:
    """Write a list of records, a single record by its name, or errors by field."""
    if isinstance(value, list):
        text = _array(list_name, [_members(record) for record in value])
    elif not isinstance(value, dict):
        raise TypeError(f"no XML for {type(value).__name__}")
    elif "errors" in value:
        text = f"<errors>{_errors(value['errors'])}</errors>"
    else:
        text = _members(value)
    return (DECLARATION + text).encode()


def _errors(errors: Mapping[str, list[str]]) -> str:
    return "".join(
        f'<error field="{_text(name)}">{_text(sentence)}</error>'
        for name, sentences in errors.items()
        for sentence in sentences
    )


def _members(record: Mapping[str, object]) -> str:
    """The members of a record: first single values by name, then lists."""
    members = sorted(record.items(), key=lambda member: _position(*member))
    return "".join(_element(name.replace("_", "-"), value) for name, value in members)


def _position(name: str, value: object) -> tuple[bool, str]:
    is_list = isinstance(value, list)
    return is_list, "" if is_list else name


def _element(name: str, value: object) -> str:
    if isinstance(value, list) and name in ENTRY_TYPES:
        entry, entry_type = name.removesuffix("s"), ENTRY_TYPES[name]
        return _array(name, [f'<{entry} type="{entry_type}">{_members(record)}</{entry}>' for record in value])
    if isinstance(value, dict):
        return f"<{name}>{_members(value)}</{name}>"
    attribute = _type_attribute(name, value)
    if value is None:
        return f'<{name}{attribute} nil="true"/>'
    if isinstance(value, list):  # words
        value = ", ".join(value)
    text = str(value).lower() if isinstance(value, bool) else _text(str(value))
    return f"<{name}{attribute}>{text}</{name}>"


def _array(name: str, entries: Sequence[str]) -> str:
    return f'<{name} type="array">{"".join(entries)}</{name}>'


def _type_attribute(name: str, value: object) -> str:
    if isinstance(value, bool):
        return ' type="boolean"'
    if isinstance(value, int | float):
        return ' type="integer"' if isinstance(value, int) else ' type="float"'
    return ' type="datetime"' if name.endswith("-at") else ""


def _text(text: str) -> str:
    """Escape text. A bare carriage return becomes a character reference: parsers turn it into a line feed."""
    return escape(xml_characters(text)).replace("\r", "&#13;")
