"""Vocabularies: read-only lists of the words that other resources accept, with their meanings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.pdc.crud import field_types
from api.pdc.crud.resource import Field, Item
from bot.rules import content


@dataclass(frozen=True)
class Vocabulary:
    """A constant list of items."""

    name: str
    title: str
    fields: tuple[Field, ...]
    items: tuple[Item, ...]


def _vocabulary(name: str, title: str, items: Sequence[Item]) -> Vocabulary:
    return Vocabulary(name, title, tuple(Field(key, field_types.NAME) for key in items[0]), tuple(items))


def _with_descriptions(words: Mapping[str, str]) -> list[Item]:
    return [{"name": name, "description": description} for name, description in words.items()]


RESOURCE_OF_FORMAT = {"rpm": "rpms"}  # the resources that list the files of a content format
VOCABULARIES = (
    _vocabulary(
        "release-types",
        "Release Type",
        [{"short": short, "name": name, "suffix": suffix} for short, (name, suffix) in content.RELEASE_TYPES.items()],
    ),
    _vocabulary("release-variant-types", "Release Variant Type", [{"name": name} for name in content.VARIANT_TYPES]),
    _vocabulary("arches", "Arch", [{"name": name} for name in content.ARCHES]),
    _vocabulary("content-delivery-services", "Content Delivery Service", _with_descriptions(content.SERVICES)),
    _vocabulary(
        "content-delivery-repo-families", "Content Delivery Repo Family", _with_descriptions(content.REPO_FAMILIES)
    ),
    _vocabulary(
        "content-delivery-content-formats",
        "Content Delivery Content Format",
        [
            {"name": name, "description": description, "pdc_endpoint": RESOURCE_OF_FORMAT.get(name)}
            for name, description in content.CONTENT_FORMATS.items()
        ],
    ),
    _vocabulary(
        "content-delivery-content-categories",
        "Content Delivery Content Category",
        _with_descriptions(content.CONTENT_CATEGORIES),
    ),
)
