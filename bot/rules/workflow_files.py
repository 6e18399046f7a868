"""Workflow files as GitHub Actions reads them, as far as it takes to know which inputs a dispatch may have,
and whether jobs make deployments.

Structure is all that is read: no text becomes a date, a number or a boolean, no entries are merged, and no alias is
written out. The limits are GitHub's own (`ParseOptions` and `YamlObjectReader` in https://github.com/actions/runner).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import yaml

from bot.errors import Refusal
from bot.rules.github_deployments import EnvironmentUse

MAX_CHARACTERS = 1024 * 1024
MAX_NODES = 50_000
"""Texts, and the beginnings and ends of lists and mappings, with all aliases written out."""
MAX_DEPTH = 50
MAX_DIRECTIVES = 5
"""GitHub has no such limit, but thousands of `%TAG` keep a parser busy for seconds."""
MAX_QUOTED = 50  # characters of a name that a sentence quotes
NULLS = ("", "~", "null", "Null", "NULL")
LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

NO_TRIGGER = "has no `workflow_dispatch` trigger: add `on: workflow_dispatch` to it"
NO_MERGES = "merges entries with `<<`, which GitHub Actions does not do: write them out"
TOO_LONG = f"has more than {MAX_CHARACTERS:,} characters, which GitHub Actions does not read: shorten it"
TOO_MANY = f"has more than {MAX_NODES:,} values when its aliases are written out: shorten it"
TOO_DEEP = f"is nested more than {MAX_DEPTH} levels deep: flatten it"


class InvalidWorkflow(Refusal):
    """GitHub cannot start the file by `workflow_dispatch`. The sentence says what to change."""


@dataclass(frozen=True)
class Workflow:
    """What a file says: the inputs that its `workflow_dispatch` trigger declares, and its jobs' environments.

    `environments` are the names, in lower case, of those in which jobs make deployments. They are not all of them,
    unless `is_complete`: a name may be an expression, and a job may be that of another workflow. `without_deployment`
    are the environments of jobs with `deployment: false`, as they are written. `run_name` is the title of its runs.
    """

    inputs: frozenset[str]
    environments: frozenset[str] = frozenset()
    is_complete: bool = True
    without_deployment: frozenset[str] = frozenset()
    run_name: str = ""

    def uses(self, environment: str) -> EnvironmentUse:
        """Whether a job makes a deployment in an environment by itself."""
        if environment.lower() in self.environments:
            return "yes"
        return "no" if self.is_complete else "maybe"


def read_workflow(content: bytes, path: str) -> Workflow:
    """Read a file. Raises InvalidWorkflow if GitHub cannot start it."""
    try:
        root = _compose(_decode(content))
        inputs = frozenset(_inputs(root))
    except _Fault as fault:
        raise InvalidWorkflow(f"`{path}` {fault}.") from fault
    names = list(_environments(root))
    literal = frozenset(name.lower() for name in names if name is not None and "${{" not in name)
    is_complete = all(name is not None and "${{" not in name for name in names)
    without = frozenset(_without_deployment(root))
    return Workflow(inputs, literal, is_complete, without, _text(_lenient(root).get("run-name")))


class _Fault(Exception):
    """What is wrong with a file: the end of a sentence that begins with its path."""


@dataclass(slots=True, eq=False)
class _Node:
    """A text, a list, or a mapping, whose `children` are its keys and values in turn.

    `nodes` and `depth` are those of all that is in it. It is complete once the parser has reported its end.
    """

    kind: Literal["text", "list", "mapping"]
    text: str = ""
    is_null: bool = False
    children: list["_Node"] = field(default_factory=list)
    nodes: int = 1
    depth: int = 0
    is_complete: bool = True


# --- the path to the inputs


def _inputs(root: _Node) -> Iterator[str]:
    triggers = _entries(root, "").get("on")
    if triggers is None:
        raise _Fault(NO_TRIGGER)
    if triggers.kind != "mapping":
        names = [triggers] if triggers.kind == "text" else triggers.children
        if all(name.text != "workflow_dispatch" for name in names):
            raise _Fault(NO_TRIGGER)
        return
    trigger = _entries(triggers, " as `on`").get("workflow_dispatch")
    if trigger is None:
        raise _Fault(NO_TRIGGER)
    if trigger.is_null:
        return
    inputs = _entries(trigger, " as `workflow_dispatch`").get("inputs")
    if inputs is not None and not inputs.is_null:
        yield from _entries(inputs, " as `inputs`")


def _environments(root: _Node) -> Iterator[str | None]:
    """The environments in which jobs make deployments; None for a job that is not written in this file.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idenvironment
    """
    jobs = _lenient(root).get("jobs")
    for job in _lenient(jobs).values():
        entries = _lenient(job)
        if "uses" in entries:
            yield None
        environment = entries.get("environment")
        if environment is None or environment.is_null:
            continue
        details = _lenient(environment)
        if environment.kind == "text":
            yield environment.text
        elif not _makes_no_deployment(details):
            name = details.get("name")
            yield name.text if name is not None and name.kind == "text" else None


def _without_deployment(root: _Node) -> Iterator[str]:
    """The environments of jobs that use them without a deployment."""
    for job in _lenient(_lenient(root).get("jobs")).values():
        details = _lenient(_lenient(job).get("environment"))
        if _makes_no_deployment(details) and (name := _text(details.get("name"))):
            yield name


def _makes_no_deployment(details: dict[str, _Node]) -> bool:
    return _text(details.get("deployment")).lower() == "false"


def _text(node: _Node | None) -> str:
    return node.text if node is not None and node.kind == "text" else ""


def _lenient(node: _Node | None) -> dict[str, _Node]:
    """The entries of a mapping by name, without complaints; none of anything else."""
    if node is None or node.kind != "mapping":
        return {}
    pairs = zip(node.children[::2], node.children[1::2], strict=False)
    return {key.text: value for key, value in pairs if key.kind == "text"}


def _entries(node: _Node, where: str) -> dict[str, _Node]:
    """The entries of a mapping by name. Names that differ only in case are the same to GitHub."""
    if node.kind != "mapping":
        raise _Fault(f"must have a mapping of names to values{where}: correct it")
    entries: dict[str, _Node] = {}
    names: set[str] = set()
    for key, value in zip(node.children[::2], node.children[1::2], strict=True):
        if key.kind != "text":
            raise _Fault(f"has a list or a mapping for a name{where}: correct it")
        if key.text == "<<":
            raise _Fault(NO_MERGES)
        if key.text.lower() in names:
            raise _Fault(f"has `{key.text[:MAX_QUOTED]}` twice: remove one")
        names.add(key.text.lower())
        entries[key.text] = value
    return entries


# --- YAML


def _decode(content: bytes) -> str:
    if len(content) > 4 * MAX_CHARACTERS:
        raise _Fault(TOO_LONG)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Fault("is not in UTF-8: save it as such") from error
    if len(text) > MAX_CHARACTERS:
        raise _Fault(TOO_LONG)
    if len(re.findall("^%", text, re.MULTILINE)) > MAX_DIRECTIVES:
        raise _Fault(f"has more than {MAX_DIRECTIVES} lines that begin with `%`: remove them")
    return text


def _compose(text: str) -> _Node:
    composer = _Composer()
    try:
        for event in yaml.parse(text, Loader=LOADER):
            composer.add(event)
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise _Fault(f"is not valid YAML: correct it{line}") from error
    except yaml.YAMLError as error:
        raise _Fault("is not valid YAML: correct it") from error
    return composer.root or _Node("mapping")


class _Composer:
    """Makes nodes of the parser's events. An alias is the node that it stands for, so nothing is written out."""

    def __init__(self) -> None:
        self.root: _Node | None = None
        self._open: list[_Node] = []
        self._anchors: dict[str, _Node] = {}
        self._nodes = 0

    def add(self, event: yaml.Event) -> None:
        """Add the next event. Refuses what GitHub refuses."""
        match event:
            case yaml.AliasEvent():
                self._attach(self._find(event.anchor or ""))
            case yaml.ScalarEvent():
                is_null = event.implicit[0] and event.value in NULLS
                self._attach(self._begin(event, _Node("text", event.value, is_null)))
            case yaml.CollectionStartEvent():
                kind: Literal["list", "mapping"] = "list" if isinstance(event, yaml.SequenceStartEvent) else "mapping"
                self._open.append(self._begin(event, _Node(kind, nodes=2, is_complete=False)))
                self._check_depth(0)
            case yaml.CollectionEndEvent():
                node = self._open.pop()
                node.is_complete = True
                self._attach(node)
            case yaml.DocumentStartEvent() if self.root is not None:
                raise _Fault("holds several documents: keep one")

    def _find(self, name: str) -> _Node:
        node = self._anchors.get(name)
        if node is None:
            raise _Fault(f"has no anchor `{name[:MAX_QUOTED]}` before the alias of it: correct it")
        if not node.is_complete:
            raise _Fault(f"has the alias `{name[:MAX_QUOTED]}` within what it stands for: correct it")
        self._count(node.nodes)
        self._check_depth(node.depth)
        return node

    def _begin(self, event: yaml.NodeEvent, node: _Node) -> _Node:
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        self._count(node.nodes)
        return node

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise _Fault(TOO_MANY)

    def _check_depth(self, further: int) -> None:
        if len(self._open) + further > MAX_DEPTH:
            raise _Fault(TOO_DEEP)

    def _attach(self, node: _Node) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        parent.children.append(node)
        parent.nodes += node.nodes
        parent.depth = max(parent.depth, node.depth + 1)
