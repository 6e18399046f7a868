"""The shape of the code: who imports whom, who writes rows, and how long functions and files are."""

import ast
import io
import statistics
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

from api.pdc.crud.resource import Resource
from api.pdc.routes import RESOURCES

ROOT = Path(__file__).parent.parent
PACKAGES = ("server", "bot", "handlers", "api", "web", "cli", "sandbox")
OURS = (*PACKAGES, "tests", "benchmarks")

# Who may import whom: the longest name that fits a module holds for it and for what is below it.
CORE = (
    *("bot.operations", "bot.queue", "bot.context", "bot.actors", "bot.store", "bot.rules"),
    *("bot.events", "bot.errors", "bot.attempts", "bot.bodies", "bot.metrics", "bot.log"),
)
ARROWS: dict[str, tuple[str, ...]] = {
    "bot.errors": (),
    "bot.log": (),
    "bot.attempts": (),
    "bot.bodies": ("bot.errors",),
    "bot.events": ("bot.events", "bot.rules"),
    "bot.metrics": ("bot.events",),
    "bot.rules": ("bot.rules", "bot.errors"),
    "bot.encryption": ("bot.errors",),
    "bot.manifest": (),
    "bot.private_key": ("bot.rules",),
    "bot.secret_settings": ("bot.private_key", "bot.rules"),
    "bot.settings": ("bot.secret_settings", "bot.rules", "bot.errors"),
    "bot.store": ("bot.store", "bot.rules", "bot.errors"),
    "bot.github": ("bot.github", "bot.rules", "bot.errors"),
    "bot.queue": ("bot.queue", "bot.store", "bot.rules", "bot.errors"),
    "bot.actors": ("bot.github", "bot.store", "bot.rules", "bot.errors"),
    "bot.context": ("bot.actors", "bot.github", "bot.store", "bot.rules", "bot.events", "bot.errors", "bot.log"),
    "bot.operations": (*CORE, "bot.github", "bot.encryption", "bot.manifest", "bot.private_key"),
    "handlers": ("handlers", *CORE, "bot.github.workflow_runs"),
    "api.http": ("api.http", *CORE),
    "api.rest": ("api.rest", "api.http", *CORE),
    "api.graphql": ("api.graphql", "api.http", *CORE),
    "api.pdc.crud": ("api.pdc.crud", "api.http", *CORE),
    "api.pdc.resources": ("api.pdc.resources", "api.pdc.crud", "api.http", *CORE),
    "api.pdc": ("api.pdc", "api.http", *CORE),
    "api.docs": ("api.docs", "api.http", "api.pdc", *CORE),
    "web": ("web", "bot.manifest", *CORE),
    "server": ("server", "api", "handlers", "web", "bot"),
    "cli.client": ("cli.client", "cli.options", "cli.output", "cli.tables", "bot.rules", "bot.errors"),
    "cli": ("cli", "server", "bot", "sandbox"),
    "sandbox": ("sandbox",),
}
RULES_LIBRARIES = {"dateutil", "markdown_it", "pydantic", "pydantic_core", "semver", "yaml"}
# the sandbox hands git its PATH; the client half has no settings of the service, which bot.settings alone reads
ENVIRONMENT_READERS = {"sandbox.git", "cli.client.environment"}
WRITERS = ("bot.operations", "bot.queue", "bot.store")
WRITES = {"create", "get_or_create", "update_or_create", "bulk_create", "bulk_update", "save", "update", "delete"}

# The whole machinery of declared resources, and that of endpoints with what describes both.
RESOURCE_MACHINERY = (
    *("api.pdc.crud", "api.pdc.views", "api.pdc.responses", "api.pdc.request_bodies"),
    *("api.pdc.routes", "api.pdc.auth", "api.pdc.html"),
)
ENDPOINT_MACHINERY = (
    *("api.http.endpoints", "api.http.handlers", "api.http.errors", "api.http.validation", "api.http.types"),
    "api.docs.openapi",
)
MANY_PARAMETERS = {"sandbox.github:tag"}  # they are the fields of a request to the sandbox's control API
SAYS_NOTHING = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE),
    *(tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER),
}


# --- the code, read


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of ours, by its name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(path.read_text(), str(path))
    return found


def nodes(name: str, *kinds: type[ast.AST]) -> Iterator[Any]:
    return (node for node in ast.walk(modules()[name]) if isinstance(node, kinds))


def imports(name: str) -> set[str]:
    """What a module imports, wherever in it the import stands: `from a import b` is `a.b` where that is a module."""
    found = set()
    for node in nodes(name, ast.Import):
        found |= {alias.name for alias in node.names}
    for node in nodes(name, ast.ImportFrom):
        assert node.level == 0, f"{name} imports relatively"
        for alias in node.names:
            full = f"{node.module}.{alias.name}"
            found.add(full if full in modules() else str(node.module))
    return found


def is_below(name: str, above: str) -> bool:
    return name == above or name.startswith(f"{above}.")


def holding(name: str) -> str | None:
    """The line of the table of arrows that holds for a module."""
    return max((line for line in ARROWS if is_below(name, line)), key=len, default=None)


def functions() -> list[tuple[str, int]]:
    """Every function of ours with its length in lines."""
    return [
        (f"{name}:{node.name}", node.end_lineno - node.lineno + 1)
        for name in modules()
        for node in nodes(name, ast.FunctionDef, ast.AsyncFunctionDef)
    ]


# --- who may import whom


@pytest.mark.parametrize("line", ARROWS)
def test_nobody_imports_against_the_arrows(line: str) -> None:
    against = {
        f"{name} imports {imported}"
        for name in modules()
        if holding(name) == line
        for imported in imports(name)
        if imported.partition(".")[0] in OURS and not any(is_below(imported, allowed) for allowed in ARROWS[line])
    }
    assert not against


def test_every_module_stands_below_a_line_of_the_table_and_every_line_holds_for_one() -> None:
    roots = {name for name in modules() if holding(name) is None}
    assert roots == {"bot", "api"}
    assert not any(imports(root) for root in roots)
    assert {holding(name) for name in modules()} - {None} == set(ARROWS)


def test_the_table_says_what_the_design_says() -> None:
    channels = ("handlers", "api", "web", "cli", "sandbox", "server")
    for line, allowed in ARROWS.items():
        package = line.partition(".")[0]
        if package not in ("server", "cli"):
            assert not {imported.partition(".")[0] for imported in allowed} & (set(channels) - {package}), line
    assert "bot.github" not in ARROWS["bot.store"] and "bot.store" not in ARROWS["bot.github"]


def test_no_files_import_each_other_in_a_circle() -> None:
    assert not circles({name: {other for other in imports(name) if other in modules()} for name in modules()})


def test_no_packages_import_each_other_in_a_circle() -> None:
    """A file that stands beside packages counts as one: `bot.errors` is no part of what `bot.store` may not import."""
    above = {parent(name) for name in modules() if is_package(name)}
    rooms = {name: name if is_package(name) or parent(name) in above else parent(name) for name in modules()}
    arrows: dict[str, set[str]] = {room: set() for room in rooms.values()}
    for name in modules():
        arrows[rooms[name]] |= {rooms[other] for other in imports(name) if other in modules()} - {rooms[name]}
    assert not circles(arrows)


def parent(name: str) -> str:
    return name.rpartition(".")[0]


def is_package(name: str) -> bool:
    return (ROOT / name.replace(".", "/")).is_dir()


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """The first circle of imports, if there is one."""
    sorter = TopologicalSorter(arrows)
    try:
        sorter.prepare()
    except CycleError as error:
        return [error.args[1]]
    return []


def test_rules_import_the_standard_library_and_small_pure_libraries_only() -> None:
    known = set(sys.stdlib_module_names) | RULES_LIBRARIES | {"bot"}
    banned = {"asyncio", "os", "socket", "subprocess", "time", "random", "threading"}
    for name in modules():
        if is_below(name, "bot.rules"):
            tops = {imported.partition(".")[0] for imported in imports(name)}
            assert tops <= known and not tops & banned, name
            assert not list(nodes(name, ast.AsyncFunctionDef, ast.Await)), name


def test_only_the_settings_read_the_environment() -> None:
    for name in set(modules()) - {"bot.settings"} - ENVIRONMENT_READERS:
        named = {node.attr for node in nodes(name, ast.Attribute) if getattr(node.value, "id", "") == "os"}
        named |= {alias.name for node in nodes(name, ast.ImportFrom) for alias in node.names if node.module == "os"}
        assert not named & {"environ", "environb", "getenv", "getenvb", "putenv"}, name
        assert not any(is_below(imported, "pydantic_settings") for imported in imports(name)), name


# --- who may write


def chain(node: ast.AST) -> tuple[str, list[str]]:
    """`Model.filter(…).update(…)` as its root and its attributes."""
    attributes: list[str] = []
    while True:
        if isinstance(node, ast.Attribute):
            attributes.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Await):
            node = node.value
        else:
            return (node.id if isinstance(node, ast.Name) else ""), attributes


def written_by(name: str) -> set[str]:
    """What a module does to rows: writing calls on models, and on what is not plainly something else."""
    models, harmless = set(), set()
    for node in nodes(name, ast.ImportFrom):
        for alias in node.names:
            bound = alias.asname or alias.name
            if is_below(str(node.module), "bot.store") and bound[0].isupper():
                models.add(bound)
            else:
                harmless.add(bound)
    found = set()
    for node in nodes(name, ast.Call):
        root, attributes = chain(node.func)
        on_model = root in models and set(attributes) & WRITES
        by_row = attributes[:1] in (["save"], ["delete"]) and root not in harmless
        if on_model or by_row:
            found.add(f"{name}:{node.lineno} {root}.{attributes[0]}")
    return found


def test_only_operations_queue_and_intake_write_rows() -> None:
    for name in modules():
        if not any(is_below(name, writer) for writer in WRITERS) and not is_below(name, "sandbox"):
            assert not written_by(name)
            said = {alias.name for node in nodes(name, ast.ImportFrom) for alias in node.names}
            assert not said & {"execute", "transaction"}, f"{name} speaks SQL that writes"


def test_the_search_for_writers_finds_those_that_write() -> None:
    assert written_by("bot.operations.candidates")
    assert written_by("bot.operations.users")


# --- how it is written


def test_functions_are_short_and_take_few_parameters() -> None:
    lengths = sorted(length for _, length in functions())
    assert not [f"{name} has {length} lines" for name, length in functions() if length > 45]
    assert statistics.median(lengths) <= 7
    assert lengths[int(len(lengths) * 0.9)] <= 17
    assert {name for name, count in parameters() if count > 6} == MANY_PARAMETERS


def parameters() -> list[tuple[str, int]]:
    """Every function of ours with the number of its parameters, `self` not counted."""
    found = []
    for name in modules():
        for node in nodes(name, ast.FunctionDef, ast.AsyncFunctionDef):
            names = [each.arg for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
            found.append((f"{name}:{node.name}", len(names) - (names[:1] in (["self"], ["cls"]))))
    return found


def test_files_are_of_a_size_to_be_read() -> None:
    long = {name: tree.body[-1].end_lineno for name, tree in modules().items() if tree.body}
    assert not {name: lines for name, lines in long.items() if lines and lines > 350}


def test_untyped_values_are_few_in_the_api() -> None:
    names = [node.id for name in modules() if is_below(name, "api") for node in nodes(name, ast.Name)]
    assert names.count("Any") < 100


def code_of(name: str) -> int:
    """How many lines of a module do something: neither blank nor comment, nor docstring, nor import."""
    source = (ROOT / f"{name.replace('.', '/')}.py").read_text()
    tokens = (each for each in tokenize.generate_tokens(io.StringIO(source).readline) if each.type not in SAYS_NOTHING)
    lines = {line for token in tokens for line in range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(modules()[name]):
        silent: ast.AST | None = node if isinstance(node, ast.Import | ast.ImportFrom) else None
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            silent = node.body[0] if ast.get_docstring(node) else None
        if isinstance(silent, ast.stmt):
            lines -= set(range(silent.lineno, (silent.end_lineno or silent.lineno) + 1))
    return len(lines)


def machinery(*roots: str) -> int:
    """How many lines of code the modules below some names have, packages within packages too."""
    return sum(
        code_of(name) for name in modules() if any(is_below(name, root) for root in roots) and not is_package(name)
    )


def test_the_machinery_of_the_api_is_small() -> None:
    assert machinery(*ENDPOINT_MACHINERY) < 420
    assert machinery(*RESOURCE_MACHINERY) < 1300


def test_a_resource_is_declared_in_less_than_forty_lines() -> None:
    declared = {
        f"{name}:{node.lineno}": node.end_lineno - node.lineno + 1
        for name in modules()
        if is_below(name, "api.pdc")
        for node in nodes(name, ast.Call)
        if getattr(node.func, "id", "") == "Resource"
    }
    assert len(declared) == len([each for each in RESOURCES.values() if isinstance(each, Resource)])
    assert not {name: lines for name, lines in declared.items() if lines >= 40}


def test_every_operation_says_what_it_does() -> None:
    silent = []
    for name, tree in modules().items():
        if is_below(name, "bot.operations"):
            public = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
            silent += [f"{name}.{node.name}" for node in public if node.name[0] != "_" and not ast.get_docstring(node)]
            silent += [] if ast.get_docstring(tree) else [name]
    assert not silent
