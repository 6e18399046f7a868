"""What announcements, the description of a project and its links may hold, and how an announcement moves on.

Callers say the same things in several ways: tags as a list or as one text, a flag as `true`, `"1"` or `"Y"`. What is
read here comes out in one form, or is refused with a sentence for every field that does not fit.
"""

import re
from collections.abc import Callable, Collection, Mapping
from itertools import chain, count
from typing import Any
from urllib.parse import urlsplit

from bot.errors import Conflict, Refusal
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

# As HTML reads it: a name right after `<` or `</`, ended by a space, a slash or `>`. So `a < b`, `<3` and
# `<bob@example.com>` are text.
_TAG = re.compile(r"<(?:/?[a-z][a-z0-9-]*(?=[\s/>])|!--|!doctype\b|\?[a-z])[^>]*>", re.IGNORECASE)
# What XML 1.0 cannot carry, and DEL.
_UNTOLD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_FLAGS = {"true": True, "1": True, "y": True, "yes": True, "false": False, "0": False, "n": False, "no": False}

Reader = Callable[[Any], Any]


class InvalidFields(Refusal):
    """Fields that cannot be what they were given as; `fields` has the sentences about each."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        self.fields = dict(fields)
        field, sentences = next(iter(self.fields.items()))
        super().__init__(sentences[0], field=field)


def parse_state(said: object) -> str:
    """A state that announcements are asked for by."""
    if said not in STATES:
        raise Refusal(f"`state` must be one of {', '.join(STATES)}.", field="state")
    return str(said)


def has_html(text: str) -> bool:
    """Whether there is an HTML tag or comment in a text. A lone `<` is none. Takes time in proportion to the text."""
    return _TAG.search(text, 0, text.rfind(">") + 1) is not None


def parse_release(values: Mapping[str, Any]) -> dict[str, Any]:
    """A submitted release; what else there is among the values is left out."""
    return {"tag_list": [], "hidden_from_frontpage": False, **_read(values, RELEASE, ("version", "changelog"))}


def parse_description(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is told of a project, as its columns are called; only what is given."""
    given = _read(values, DESCRIPTION)
    return {("tag_list" if name == "project_tag_list" else name): value for name, value in given.items()}


def parse_link(values: Mapping[str, Any], *, new: bool) -> dict[str, Any]:
    """A link; one that is changed has only what is given."""
    return _read(values, LINK, ("label", "location") if new else ())


def parse_reason(reason: Any) -> str:
    """Why an announcement is rejected."""
    return str(_read({"reason": reason}, REASON, ("reason",))["reason"])


def link_permalink(label: str, taken: Collection[str]) -> str:
    """The name of a new link in addresses, made from its label: one that no other link of the project has."""
    plain = make_permalink(label)[:90].rstrip("-") or "link"
    names = chain([plain], (f"{plain}-{number}" for number in count(2)))
    return next(name for name in names if name not in taken)


def check_transition(version: str, state: str, to: str) -> None:
    """Refuse what cannot be done any more: only what is pending can be approved, rejected or withdrawn."""
    if to not in TRANSITIONS.get(state, ()):
        raise Conflict(f"The announcement of {version} is {state} already: it cannot be {to}.", state=state)


def _read(values: Mapping[str, Any], readers: Mapping[str, Reader], required: Collection[str] = ()) -> dict[str, Any]:
    fit, unfit = {}, {}
    for field, reader in readers.items():
        value = values.get(field)
        if field in required and (value is None or value == ""):
            unfit[field] = [f"`{field}` is required."]
        elif field in values:
            try:
                fit[field] = reader(value)
            except ValueError as wrong:
                unfit[field] = [f"`{field}` must {wrong}."]
    if unfit:
        raise InvalidFields(unfit)
    return fit


def _text(value: Any, longest: int, *, html: bool = False) -> str:
    """Text of several lines."""
    if not isinstance(value, str):
        raise ValueError("be text")
    if len(value) > longest:
        raise ValueError(f"have at most {longest:,} characters")
    if _UNTOLD.search(value):
        raise ValueError("hold no control characters but tabs and ends of lines")
    if not html and has_html(value):
        raise ValueError("hold no HTML tags")
    return value


def _line(value: Any, longest: int) -> str:
    """Printable text, without the spaces at its ends."""
    text = _text(value.strip() if isinstance(value, str) else value, longest)
    if not text.isprintable():
        raise ValueError("be one line of printable characters")
    return text


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("not be blank")
    return text


def _version(value: Any) -> str:
    text = _filled(_line(value, MAX_VERSION_LENGTH))
    if text in (".", ".."):
        raise ValueError("not be a dot or two, which cannot stand in an address")
    return text


def _changelog(value: Any) -> str:
    return _filled(_text(value, MAX_CHANGELOG_LENGTH))


def _oneliner(value: Any) -> str:
    return _line(value or "", 255)


def _description(value: Any) -> str:
    return _text(value or "", MAX_CHANGELOG_LENGTH)


def _tags(value: Any) -> list[str]:
    """A list, or one text with commas; commas divide in a list too, since none is part of a tag."""
    each = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(each, list) or not all(isinstance(tag, str) for tag in each):
        raise ValueError("be a list of texts, or a text with commas between them")
    tags = list(dict.fromkeys(tag.strip() for text in each for tag in text.split(",") if tag.strip()))
    if len(tags) > MAX_TAGS:
        raise ValueError(f"have at most {MAX_TAGS} entries")
    return [_line(tag, MAX_TAG_LENGTH) for tag in tags]


def _flag(value: Any) -> bool:
    if value is None or value == "":
        return False
    said = str(value).strip().lower() if isinstance(value, bool | int | str) else ""
    if said not in _FLAGS:
        raise ValueError('be true or false; "1" and "0", "Y" and "N" are understood')
    return _FLAGS[said]


def _label(value: Any) -> str:
    return _filled(_line(value, 100))


def _location(value: Any) -> str:
    """An address that is safe to lead people to: no scheme but those of the web, and nobody's credentials."""
    wrong = ValueError(f"be an {', '.join(SCHEMES)} address of at most {MAX_LOCATION_LENGTH:,} characters")
    if not isinstance(value, str) or len(value) > MAX_LOCATION_LENGTH:
        raise wrong
    text = value.strip()
    if not text.isascii() or not text.isprintable() or set(text) & set(' \\<>"'):
        raise ValueError("hold printable ASCII without spaces, quotes, < > and \\; the rest is percent-encoded")
    try:
        parts = urlsplit(text)
        fits = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise wrong from None
    if not fits:
        raise wrong
    if "@" in parts.netloc:
        raise ValueError("hold no user name and no password")
    return text


RELEASE: dict[str, Reader] = {
    "version": _version,
    "changelog": _changelog,
    "tag_list": _tags,
    "hidden_from_frontpage": _flag,
}
DESCRIPTION: dict[str, Reader] = {
    "name": lambda value: _filled(_line(value, 100)),
    "oneliner": _oneliner,
    "description": _description,
    "license_list": _tags,
    "project_tag_list": _tags,
}
LINK: dict[str, Reader] = {"label": _label, "location": _location}
REASON: dict[str, Reader] = {"reason": lambda value: _filled(_text(value, MAX_REASON_LENGTH, html=True))}
