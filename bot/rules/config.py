"""Reading `.github/longshore.yml`: its settings, or everything that is wrong with it, each with its line."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.rules import config_checks, config_nodes
from bot.rules.config_model import Config
from bot.rules.config_nodes import MAX_ERRORS, MAX_QUOTED, ConfigError, ConfigErrors, Node
from bot.rules.names import in_words, nearest
from bot.rules.validation import NO_OBJECT, explain

_FLAGS = {"true": True, "false": False}
_INTEGER = re.compile("0|-?[1-9][0-9]{0,17}")
_WRONG_KIND = ("string_type", "model_type")


@dataclass(frozen=True)
class ConfigFile:
    """A valid file: its settings, and where they stand."""

    config: Config
    root: Node

    def line(self, *path: str) -> int | None:
        """The line of a setting, as `("projects", "site", "build", "workflow")`; None if the file does not have it."""
        found = self.root.entry(*path)
        return None if found is None else found[0].line


def load(content: bytes) -> ConfigFile:
    """Read a file. Raises ConfigErrors with all that is wrong with it, and nothing else."""
    root = config_nodes.read(content)
    values = _Values()
    data = values.of(root, Config)
    errors = list(islice(config_checks.check(root), MAX_ERRORS + 1))
    try:
        config = Config.model_validate(data, by_alias=True, by_name=False)
    except ValidationError as invalid:
        found = invalid.errors(include_url=False, include_input=False)
        errors += islice(_in_file(root, found, values.known), MAX_ERRORS)
        raise ConfigErrors(errors, has_more=len(found) > MAX_ERRORS) from None
    if errors:
        raise ConfigErrors(errors)
    return ConfigFile(config, root)


class _Values:
    """Makes plain values of nodes: texts, unless `true`, `false` or a number is what a setting takes.

    `known` are the names that a mapping can have, by the identity of its node.
    """

    def __init__(self) -> None:
        self.known: dict[int, tuple[str, ...]] = {}

    def of(self, node: Node, wanted: Any) -> Any:
        """The value of a node where the annotation `wanted` says what it should be."""
        options = _options(wanted)
        if node.is_null:
            return None
        if node.kind == "text":
            return self._text(node, options)
        if node.kind == "list":
            item = next((get_args(option)[0] for option in options if get_origin(option) is tuple), Any)
            return [self.of(child, item) for child in node.children]
        model = next((each for each in options if isinstance(each, type) and issubclass(each, BaseModel)), None)
        if model is not None:
            fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
            self.known[id(node)] = tuple(fields)
            return {key.text: self.of(value, fields.get(key.text, Any)) for key, value in node.entries()}
        value_type = next((get_args(option)[1] for option in options if get_origin(option) is dict), Any)
        has_defaults = any(isinstance(each, type) and issubclass(each, BaseModel) for each in _options(value_type))
        return {
            key.text: {} if has_defaults and value.is_null else self.of(value, value_type)
            for key, value in node.entries()
        }

    def _text(self, node: Node, options: Sequence[Any]) -> Any:
        if node.is_plain and bool in options:
            return _FLAGS.get(node.text, node.text)
        if node.is_plain and int in options and _INTEGER.fullmatch(node.text):
            return int(node.text)
        return node.text


def _options(wanted: Any) -> tuple[Any, ...]:
    """The types that an annotation allows, without what is annotated to them."""
    while get_origin(wanted) is Annotated:
        wanted = get_args(wanted)[0]
    if get_origin(wanted) in (Union, UnionType):
        return tuple(option for each in get_args(wanted) for option in _options(each))
    return (wanted,)


@dataclass(frozen=True)
class _Place:
    """Where an error stands. `is_exact`: every step that leads to it is in the file."""

    line: int
    column: int
    path: tuple[str, ...]
    node: Node
    holder: Node
    is_exact: bool


def _in_file(root: Node, found: Sequence[ErrorDetails], known: Mapping[int, tuple[str, ...]]) -> Iterator[ConfigError]:
    """The errors of the model in the order of their places: where a value may be of several kinds, of its own kind."""
    placed = sorted(
        ((details, _locate(root, details)) for details in found), key=lambda each: (each[1].line, each[1].column)
    )
    told = {
        place.path[:end]
        for details, place in placed
        if details["type"] not in _WRONG_KIND
        for end in range(len(place.path) + 1)
    }
    for details, place in placed:
        if not place.is_exact and details["type"] in _WRONG_KIND:
            if place.path in told:
                continue
            told.add(place.path)
        yield ConfigError(place.line, place.column, ".".join(place.path)[:200], _sentence(details, place, known))


def _locate(root: Node, details: ErrorDetails) -> _Place:
    node, holder, line, column = root, root, root.line, root.column
    path: list[str] = []
    is_exact = True
    steps = [step for step in details["loc"] if step != "[key]"]
    for number, step in enumerate(steps):
        at, below = _step(node, step)
        if at is not None and below is not None:
            line, column, holder, node = at.line, at.column, node, below
            path.append(str(step))
        elif details["type"] == "missing" and number == len(steps) - 1:
            path.append(str(step))
        else:
            is_exact = False
    return _Place(line, column, tuple(path), node, holder, is_exact)


def _step(node: Node, step: int | str) -> tuple[Node | None, Node | None]:
    """The nodes at which an entry of a mapping or list begins, and its value."""
    if isinstance(step, int):
        items = node.items()
        return (items[step], items[step]) if 0 <= step < len(items) else (None, None)
    return node.entry(step) or (None, None)


def _sentence(details: ErrorDetails, place: _Place, known: Mapping[int, tuple[str, ...]]) -> str:
    last = place.path[-1] if place.path else ""
    is_item = place.holder.kind == "list" and details["type"] != "missing"
    name = "The file" if not last else "It" if is_item else f"`{last[:MAX_QUOTED]}`"
    if details["type"] == "value":
        return details["msg"]
    if details["type"] == "extra_forbidden":
        names = known.get(id(place.holder), ())
        meant = nearest(last, names)
        return f"{name} is not known here. " + (f"Did you mean `{meant}`?" if meant else f"Known: {in_words(names)}.")
    words = explain(details["type"], details.get("ctx"), details["msg"])
    return f"{name} {'must be a mapping of names to values' if words == NO_OBJECT else words}."
