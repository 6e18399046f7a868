"""Vocabularies: read-only lists of the words that other resources accept, with their meanings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from api.pdc.crud import field_types, orderings
from api.pdc.crud.resource import Field, Item, Orderings, OrderKey
from bot.rules import content


@dataclass(frozen=True)
class Vocabulary:
    """A constant list of items. Other resources store the first field of an item, its word."""

    name: str
    title: str
    fields: tuple[Field, ...]
    items: tuple[Item, ...]

    @cached_property
    def ranks(self) -> dict[str, dict[str, int]]:
        """The rank of each word by its place in the list (`id`), and by each field, where null ranks first."""
        columns = {field.name: [str(item[field.name] or "") for item in self.items] for field in self.fields}
        ranks = {name: [sorted(set(values)).index(value) for value in values] for name, values in columns.items()}
        ranks["id"] = list(range(len(self.items)))
        words = columns[self.fields[0].name]
        return {name: dict(zip(words, numbers, strict=True)) for name, numbers in ranks.items()}

    @cached_property
    def order_names(self) -> Orderings:
        """The names to order by."""
        return Orderings({name: (_case(ranks),) for name, ranks in self.ranks.items()})

    def sort(self, ordering: str) -> list[Item]:
        """The items in order; PdcError for an unknown name."""
        orderings.check_names(ordering, self.ranks)
        items, word = list(self.items), self.fields[0].name
        for name, descends in reversed(orderings.split(ordering)):
            orderings.find(self.order_names, name)
            items.sort(key=lambda item: self.ranks[name][str(item[word])], reverse=descends)
        return items


def _case(ranks: Mapping[str, int]) -> OrderKey:
    cases = " ".join(f"WHEN '{word}' THEN {rank}" for word, rank in ranks.items())
    return f"CASE {{}} {cases} END"


def _vocabulary(name: str, title: str, items: Sequence[Item]) -> Vocabulary:
    return Vocabulary(name, title, tuple(Field(key, field_types.NAME) for key in items[0]), tuple(items))


def _with_descriptions(words: Mapping[str, str]) -> list[Item]:
    return [{"name": name, "description": description} for name, description in words.items()]


RESOURCE_OF_FORMAT = {"rpm": "rpms"}  # the resources that list the files of a content format
RELEASE_TYPES = _vocabulary(
    "release-types",
    "Release Type",
    [{"short": short, "name": name, "suffix": suffix} for short, (name, suffix) in content.RELEASE_TYPES.items()],
)
VARIANT_TYPES = _vocabulary(
    "release-variant-types", "Release Variant Type", [{"name": name} for name in content.VARIANT_TYPES]
)
ARCHES = _vocabulary("arches", "Arch", [{"name": name} for name in content.ARCHES])
SERVICES = _vocabulary("content-delivery-services", "Content Delivery Service", _with_descriptions(content.SERVICES))
REPO_FAMILIES = _vocabulary(
    "content-delivery-repo-families", "Content Delivery Repo Family", _with_descriptions(content.REPO_FAMILIES)
)
CONTENT_FORMATS = _vocabulary(
    "content-delivery-content-formats",
    "Content Delivery Content Format",
    [
        {"name": name, "description": description, "pdc_endpoint": RESOURCE_OF_FORMAT.get(name)}
        for name, description in content.CONTENT_FORMATS.items()
    ],
)
CONTENT_CATEGORIES = _vocabulary(
    "content-delivery-content-categories",
    "Content Delivery Content Category",
    _with_descriptions(content.CONTENT_CATEGORIES),
)
VOCABULARIES = (
    *(RELEASE_TYPES, VARIANT_TYPES, ARCHES),
    *(SERVICES, REPO_FAMILIES, CONTENT_FORMATS, CONTENT_CATEGORIES),
)
