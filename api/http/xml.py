"""XML as another way to write what JSON says, with the attributes that Rails used: `type`, and `nil="true"`.

`<release><version>1.1</version></release>` is `{"release": {"version": "1.1"}}`. What is read has no document type, no
entities, few levels and few elements; characters that XML 1.0 cannot carry are written as U+FFFD.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from html import escape
from typing import Any

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser, ParseError

from api.http.bodies import BadRequest, Form

TYPES = ("application/xml", "text/xml")
RECORDS = ("release", "project", "url")
DEEPEST = 8
MOST_ELEMENTS = 1_000
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_ENTRIES = {"tag_list": "tag", "license_list": "license"}
_UNTOLD = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def form(listed: str = "releases") -> Form:
    """XML as a form of bodies and answers. `listed` is what an answer is called that is a list."""
    return Form(TYPES, loads, partial(dumps, listed), strict=False)


# --- read


def loads(raw: bytes) -> dict[str, Any]:
    """What a document says: the record that its root is, or what its root, whatever its name, holds.

    Elements are texts, or objects, or lists where they have `type="array"` or their name ends in `_list`; hyphens in
    names are underscores. An element that is there twice is a list of both.
    """
    name, value = _parsed(raw)
    if name in RECORDS or name == "auth_code":
        return {name: value if name == "auth_code" else value or {}}
    if not isinstance(value or {}, dict):
        raise BadRequest("The root element must hold `auth_code` and the record as elements.")
    return value or {}


def _parsed(raw: bytes) -> tuple[str, Any]:
    reader = _Reader()
    try:
        parser = DefusedXMLParser(target=reader, forbid_dtd=True)
        parser.feed(raw)
        parser.close()
    except DefusedXmlException as error:
        raise BadRequest("The body must be XML without a document type and without entities.") from error
    except ParseError as error:
        line, column = error.position
        raise BadRequest(f"The body must be well-formed XML: it is not at line {line}, column {column}.") from error
    except (ValueError, LookupError) as error:  # of encodings that nobody knows
        raise BadRequest("The body must be XML in UTF-8.") from error
    return reader.root


@dataclass
class _Element:
    name: str
    is_list: bool
    is_nil: bool
    text: list[str] = field(default_factory=list)
    children: list[tuple[str, Any]] = field(default_factory=list)

    def value(self) -> Any:
        if self.is_nil:
            return None
        if self.is_list or (self.children and self.name.endswith("_list")):
            return [value for _, value in self.children]
        return _object(self.children) if self.children else "".join(self.text)


def _object(children: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, list[Any]] = {}
    for name, value in children:
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


class _Reader:
    """Makes values of what the parser tells; nothing is kept of an element once it has ended."""

    def __init__(self) -> None:
        self.root: tuple[str, Any] = ("", {})
        self._open: list[_Element] = []
        self._seen = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._seen += 1
        if self._seen > MOST_ELEMENTS:
            raise BadRequest(f"The body must be XML of at most {MOST_ELEMENTS:,} elements.")
        if len(self._open) == DEEPEST:
            raise BadRequest(f"The body must be XML of at most {DEEPEST} levels.")
        said = {_local(name): value for name, value in attributes.items()}
        self._open.append(_Element(_local(tag), said.get("type") == "array", said.get("nil") in ("true", "1")))

    def data(self, text: str) -> None:
        self._open[-1].text.append(text)

    def end(self, _tag: str) -> None:
        element = self._open.pop()
        ended = (element.name, element.value())
        if self._open:
            self._open[-1].children.append(ended)
        else:
            self.root = ended

    def close(self) -> tuple[str, Any]:
        return self.root


def _local(name: str) -> str:
    """A name without its namespace, as JSON has it."""
    return name.rpartition("}")[2].replace("-", "_")


# --- written


def dumps(listed: str, value: Any) -> bytes:
    """A document that says a list of records, one record by its name, or errors by their fields."""
    if isinstance(value, list):
        text = _element(listed, value)
    elif "errors" in value:
        text = _element("errors", value["errors"], inner=_errors)
    else:
        text = "".join(_element(name, each) for name, each in value.items())
    return (HEAD + text).encode()


def _errors(errors: dict[str, list[str]]) -> str:
    return "".join(
        f'<error field="{_text(name)}">{_text(sentence)}</error>'
        for name, sentences in errors.items()
        for sentence in sentences
    )


def _element(name: str, value: Any, inner: Callable[[Any], str] | None = None) -> str:
    if inner is None and isinstance(value, list):
        return f'<{name} type="array">{"".join(_entry(name, each) for each in value)}</{name}>'
    if inner is None and isinstance(value, dict):
        inner = _members
    if inner is not None:
        return f"<{name}>{inner(value)}</{name}>"
    kind = _kind(name, value)
    if value is None:
        return f'<{name}{kind} nil="true"/>'
    said = str(value).lower() if isinstance(value, bool) else _text(str(value))
    return f"<{name}{kind}>{said}</{name}>"


def _members(value: dict[str, Any]) -> str:
    return "".join(_element(name, each) for name, each in value.items())


def _entry(name: str, value: Any) -> str:
    """An entry of a list: records that are named already keep their names."""
    if isinstance(value, dict) and len(value) == 1:
        return _members(value)
    return _element(_ENTRIES.get(name, name.rpartition("_")[2].removesuffix("s")), value)


def _kind(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return ' type="boolean"'
    if isinstance(value, int):
        return ' type="integer"'
    return ' type="datetime"' if name.endswith("_at") else ""


def _text(text: str) -> str:
    """Text as it stands in a document; a reader makes line feeds of bare carriage returns."""
    return escape(_UNTOLD.sub("\ufffd", text)).replace("\r", "&#13;")
