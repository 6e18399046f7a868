"""Group the options of a command in a dataclass."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from inspect import Parameter
from typing import Any, TypeVar, get_args

from bot.errors import Refusal

R = TypeVar("R")


def expand_options(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command one option for each field of the dataclass that is the type of its `options` parameter.

    Inherited fields come last.
    """
    parameters = dict(inspect.signature(command).parameters)
    options_type: type[Any] = parameters.pop("options").annotation
    fields = sorted(dataclasses.fields(options_type), key=lambda field: _depth(options_type, field.name))

    @functools.wraps(command)
    def run(**arguments: Any) -> R:
        values = {field.name: arguments.pop(field.name) for field in fields}
        return command(**arguments, options=options_type(**values))

    expanded = [
        Parameter(field.name, Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type) for field in fields
    ]
    run.__dict__["__signature__"] = inspect.Signature([*parameters.values(), *expanded])
    return run


def _depth(options_type: type[Any], name: str) -> int:
    """How many classes above a dataclass one of its fields is declared."""
    return next(depth for depth, each in enumerate(options_type.__mro__) if name in inspect.get_annotations(each))


def refuse_empty(values: Mapping[str, Any], options_type: type[Any], *others: str) -> None:
    """Refuse a change of nothing, naming the options that can be passed: those of a dataclass, and others."""
    if not values:
        named = [*others, *(_option(field) for field in dataclasses.fields(options_type))]
        raise Refusal(f"There is nothing to change: pass at least one of {', '.join(named[:-1])} or {named[-1]}.")


def _option(field: dataclasses.Field[Any]) -> str:
    """The name of the option for a field of a dataclass."""
    written = [name for option in get_args(field.type)[1:] for name in (option.default, *(option.param_decls or ()))]
    names = (name for name in written if isinstance(name, str) and name.startswith("--"))
    return next(names, f"--{field.name.replace('_', '-')}")


def parse_pairs(texts: list[str]) -> dict[str, str]:
    """Parse `name=text` options."""
    pairs = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator:
            raise Refusal(f"`{text}` must be written as name=text.")
        pairs[name] = value
    return pairs
