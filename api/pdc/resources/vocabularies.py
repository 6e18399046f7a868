"""The closed lists: words that resources take, read-only, with what they mean."""

from dataclasses import dataclass
from typing import Any

from api.pdc.crud import field_types
from api.pdc.crud.resource import Field
from bot.rules import content


@dataclass(frozen=True)
class Words:
    """A list that never changes."""

    name: str
    title: str
    fields: tuple[Field, ...]
    items: tuple[dict[str, Any], ...]


def _words(name: str, title: str, items: list[dict[str, Any]]) -> Words:
    return Words(name, title, tuple(Field(key, field_types.NAME) for key in items[0]), tuple(items))


def _described(words: dict[str, str]) -> list[dict[str, Any]]:
    return [{"name": name, "description": said} for name, said in words.items()]


ENDPOINTS = {"rpm": "rpms"}  # where the files of a format are
WORDS = (
    _words(
        "release-types",
        "Release Type",
        [{"short": short, "name": name, "suffix": suffix} for short, (name, suffix) in content.RELEASE_TYPES.items()],
    ),
    _words("release-variant-types", "Release Variant Type", [{"name": name} for name in content.VARIANT_TYPES]),
    _words("arches", "Arch", [{"name": name} for name in content.ARCHES]),
    _words("content-delivery-services", "Content Delivery Service", _described(content.SERVICES)),
    _words("content-delivery-repo-families", "Content Delivery Repo Family", _described(content.REPO_FAMILIES)),
    _words(
        "content-delivery-content-formats",
        "Content Delivery Content Format",
        [{**each, "pdc_endpoint": ENDPOINTS.get(each["name"])} for each in _described(content.CONTENT_FORMATS)],
    ),
    _words(
        "content-delivery-content-categories",
        "Content Delivery Content Category",
        _described(content.CONTENT_CATEGORIES),
    ),
)
