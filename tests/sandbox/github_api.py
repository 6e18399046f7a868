"""GitHub's description of its REST API: routes with their parameters, read from the source of a typed client."""

import functools
import importlib
import re
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import pytest

OPERATION = re.compile(r"\n\n        (GET|POST|PUT|PATCH|DELETE) (/\S*)\n")
QUERY = re.compile(r"params = \{\n(.*?)\n        \}", re.DOTALL)


class Operation(NamedTuple):
    """A documented route; `arguments` are the client's: path and query parameters and the fields of the body."""

    method: str
    path: str
    query: set[str]
    arguments: set[str]


@functools.cache
def operations() -> list[Operation]:
    """All documented routes."""
    pytest.importorskip("githubkit_schemas.v2022_11_28")
    folder = Path(str(importlib.import_module("githubkit_schemas.v2022_11_28").__file__)).parent / "rest"
    return [operation for file in folder.glob("*.py") for operation in _read(file.read_text())]


def _read(source: str) -> list[Operation]:
    found, arguments = [], defaultdict[str, set[str]](set)
    for function in source.split("\n    def ")[1:]:
        signature, name = function.partition(") ->")[0], function.partition("(")[0]
        arguments[name] |= set(re.findall(r"^        (\w+?)_?:", signature, re.MULTILINE))
        route, query = OPERATION.search(function), QUERY.search(function)
        if route is not None:
            names = set(re.findall(r'"(\w+)":', query[1])) if query else set()
            found.append(Operation(route[1], route[2], names, arguments[name]))
    return found


def shape(path: str) -> str:
    """A path without the names of its parameters."""
    return re.sub(r"\{[^{}]*\}", "{}", path)
