"""Fields of announcements, project profiles and links, and the transitions of an announcement's state.

Clients send the same value in several forms: tags as a list or as one string, a flag as `true`, `"1"` or `"Y"`. The
parsers here normalize them, or refuse them with a sentence for every invalid field.
"""

import re
from collections.abc import Callable, Collection, Mapping
from itertools import chain, count
from typing import TypedDict, cast
from urllib.parse import urlsplit

from bot.errors import Conflict, Refusal
from bot.rules.html import has_html
from bot.rules.releases import make_permalink

PENDING, APPROVED, REJECTED, WITHDRAWN = "pending", "approved", "rejected", "withdrawn"
STATES = (PENDING, APPROVED, REJECTED, WITHDRAWN)
TRANSITIONS = {PENDING: (APPROVED, REJECTED, WITHDRAWN)}

MAX_VERSION_LENGTH = 255
MAX_CHANGELOG_LENGTH = 65_535
MAX_REASON_LENGTH = 2_000
MAX_LOCATION_LENGTH = 2_000
MAX_TAG_LENGTH = 100
MAX_TAGS = 50
MAX_LINKS = 100
SCHEMES = ("http", "https", "ftp")

# The characters that XML 1.0 cannot represent, and DEL.
_FORBIDDEN_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_FLAGS = {"true": True, "1": True, "y": True, "yes": True, "false": False, "0": False, "n": False, "no": False}

Parser = Callable[[object], object]
"""Normalizes one value; raises ValueError with a phrase that completes "the field must …"."""


class AnnouncementFields(TypedDict):
    """The fields of a submitted announcement."""

    version: str
    changelog: str
    tag_list: list[str]
    hidden_from_frontpage: bool


class ProfileFields(TypedDict, total=False):
    """Changes of a project's profile, by the columns of the project."""

    name: str
    oneliner: str
    description: str
    license_list: list[str]
    tag_list: list[str]


class LinkFields(TypedDict, total=False):
    """A new link, or changes of one."""

    label: str
    location: str


class InvalidFields(Refusal):
    """Fields with invalid values; `fields` holds the sentences about each."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        self.fields = dict(fields)
        field, sentences = next(iter(self.fields.items()))
        super().__init__(sentences[0], field=field)


def parse_state(value: object) -> str:
    """Parse the state by which announcements are listed."""
    if value not in STATES:
        raise Refusal(f"`state` must be one of {', '.join(STATES)}.", field="state")
    return str(value)


def parse_release(values: Mapping[str, object]) -> AnnouncementFields:
    """Parse a submitted announcement; unknown fields are ignored."""
    fields = {"tag_list": [], "hidden_from_frontpage": False, **_parse(values, RELEASE, ("version", "changelog"))}
    return cast("AnnouncementFields", fields)


def parse_description(values: Mapping[str, object]) -> ProfileFields:
    """Parse changes of a project's profile into values of its columns; absent fields are left out."""
    fields = _parse(values, DESCRIPTION)
    if "project_tag_list" in fields:
        fields["tag_list"] = fields.pop("project_tag_list")
    return cast("ProfileFields", fields)


def parse_link(values: Mapping[str, object], *, new: bool) -> LinkFields:
    """Parse a new link, or changes of one, where absent fields are left out."""
    return cast("LinkFields", _parse(values, LINK, ("label", "location") if new else ()))


def parse_reason(reason: object) -> str:
    """Parse the reason for a rejection."""
    return str(_parse({"reason": reason}, REASON, ("reason",))["reason"])


def link_permalink(label: str, taken: Collection[str]) -> str:
    """Derive the permalink of a new link from its label, distinct from those that are taken."""
    base = make_permalink(label)[:90].rstrip("-") or "link"
    names = chain([base], (f"{base}-{number}" for number in count(2)))
    return next(name for name in names if name not in taken)


def check_transition(version: str, state: str, to: str) -> None:
    """Refuse a transition that the state does not allow: only a pending announcement can change."""
    if to not in TRANSITIONS.get(state, ()):
        raise Conflict(f"The announcement of {version} is {state} already: it cannot be {to}.", state=state)


def _parse(
    values: Mapping[str, object], parsers: Mapping[str, Parser], required: Collection[str] = ()
) -> dict[str, object]:
    """Apply a parser to each field that is present; raise InvalidFields with all errors."""
    parsed: dict[str, object] = {}
    errors: dict[str, list[str]] = {}
    for field, parse in parsers.items():
        value = values.get(field)
        if field in required and (value is None or value == ""):
            errors[field] = [f"`{field}` is required."]
        elif field in values:
            try:
                parsed[field] = parse(value)
            except ValueError as error:
                errors[field] = [f"`{field}` must {error}."]
    if errors:
        raise InvalidFields(errors)
    return parsed


def _text(value: object, max_length: int, *, html: bool = False) -> str:
    """Parse text of one or more lines."""
    if not isinstance(value, str):
        raise ValueError("be text")
    if len(value) > max_length:
        raise ValueError(f"have at most {max_length:,} characters")
    if _FORBIDDEN_CHARACTERS.search(value):
        raise ValueError("hold no control characters except tabs and line breaks")
    if not html and has_html(value):
        raise ValueError("hold no HTML tags")
    return value


def _line(value: object, max_length: int) -> str:
    """Parse one line of printable text and strip it."""
    text = _text(value.strip() if isinstance(value, str) else value, max_length)
    if not text.isprintable():
        raise ValueError("be one line of printable characters")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("not be blank")
    return text


def _version(value: object) -> str:
    text = _not_blank(_line(value, MAX_VERSION_LENGTH))
    if text in (".", ".."):
        raise ValueError("not be `.` or `..`, which cannot be part of a URL")
    return text


def _changelog(value: object) -> str:
    return _not_blank(_text(value, MAX_CHANGELOG_LENGTH))


def _oneliner(value: object) -> str:
    return _line(value or "", 255)


def _description(value: object) -> str:
    return _text(value or "", MAX_CHANGELOG_LENGTH)


def _tags(value: object) -> list[str]:
    """Parse a list of strings, or one string; commas separate tags in both, since no tag contains one."""
    texts = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError("be a list of texts, or a text with commas between them")
    tags = list(dict.fromkeys(tag.strip() for text in texts for tag in text.split(",") if tag.strip()))
    if len(tags) > MAX_TAGS:
        raise ValueError(f"have at most {MAX_TAGS} entries")
    return [_line(tag, MAX_TAG_LENGTH) for tag in tags]


def _flag(value: object) -> bool:
    if value is None or value == "":
        return False
    text = str(value).strip().lower() if isinstance(value, bool | int | str) else ""
    if text not in _FLAGS:
        raise ValueError('be true or false; "1" and "0", "Y" and "N" are understood')
    return _FLAGS[text]


def _label(value: object) -> str:
    return _not_blank(_line(value, 100))


def _location(value: object) -> str:
    """Parse a URL that is safe to redirect people to: of the schemes SCHEMES, and without credentials."""
    error = ValueError(f"be an {', '.join(SCHEMES)} address of at most {MAX_LOCATION_LENGTH:,} characters")
    if not isinstance(value, str) or len(value) > MAX_LOCATION_LENGTH:
        raise error
    text = value.strip()
    if not text.isascii() or not text.isprintable() or set(text) & set(' \\<>"'):
        raise ValueError("hold printable ASCII without spaces, quotes, < > and \\; the rest is percent-encoded")
    try:
        parts = urlsplit(text)
        is_valid = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise error from None
    if not is_valid:
        raise error
    if "@" in parts.netloc:
        raise ValueError("hold no user name and no password")
    return text


RELEASE: dict[str, Parser] = {
    "version": _version,
    "changelog": _changelog,
    "tag_list": _tags,
    "hidden_from_frontpage": _flag,
}
DESCRIPTION: dict[str, Parser] = {
    "name": lambda value: _not_blank(_line(value, 100)),
    "oneliner": _oneliner,
    "description": _description,
    "license_list": _tags,
    "project_tag_list": _tags,
}
LINK: dict[str, Parser] = {"label": _label, "location": _location}
REASON: dict[str, Parser] = {"reason": lambda value: _not_blank(_text(value, MAX_REASON_LENGTH, html=True))}
