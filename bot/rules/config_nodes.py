"""The configuration file as YAML: texts, lists and mappings that know where they stand, and what is wrong with them.

Structure is all that is read. No text becomes a date, a number or a boolean; nothing is merged or evaluated; an alias
is the node that it stands for. Limits apply while the file is read, so that a hostile one costs a few milliseconds.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import yaml

from bot.rules.workflow_files import LOADER, NULLS

PATH = ".github/longshore.yml"
MAX_BYTES = 64 * 1024
MAX_NODES = 2_000
"""Texts, lists and mappings, with all aliases written out."""
MAX_ALIASES = 100
MAX_DEPTH = 12
MAX_ERRORS = 50
MAX_QUOTED = 50  # characters of a name that a sentence quotes


@dataclass(frozen=True, order=True)
class ConfigError:
    """One place that is wrong. `line` and `column` count from 1; `path` is a setting as `projects.site.build`."""

    line: int
    column: int
    path: str
    sentence: str


class ConfigErrors(Exception):
    """What is wrong with a file, in the order of its lines: at least one error, at most 50. `has_more`: there are."""

    def __init__(self, errors: Iterable[ConfigError], *, has_more: bool = False) -> None:
        found = sorted(set(errors))
        self.errors = tuple(found[:MAX_ERRORS])
        self.has_more = has_more or len(found) > MAX_ERRORS
        super().__init__(self.errors[0].sentence)


@dataclass(slots=True, eq=False)
class Node:
    """A text, a list or a mapping. A mapping's entries are pairs of nodes, of which the first is a text.

    `is_plain`: of a text, that it is written without quotes. `nodes` and `depth` are those of all that is in it.
    `index` is where a mapping's entries are by name, once one has been looked up.
    """

    kind: Literal["text", "list", "mapping"]
    line: int
    column: int
    text: str = ""
    is_plain: bool = False
    children: list["Node"] = field(default_factory=list)
    nodes: int = 1
    depth: int = 0
    is_complete: bool = True
    index: dict[str, int] | None = None

    @property
    def is_null(self) -> bool:
        """Whether nothing is written, or `null`."""
        return self.kind == "text" and self.is_plain and self.text in NULLS

    def entries(self) -> Iterator[tuple["Node", "Node"]]:
        """The keys and values of a mapping; nothing for other nodes."""
        if self.kind == "mapping":
            yield from zip(self.children[::2], self.children[1::2], strict=True)

    def entry(self, *names: str) -> tuple["Node", "Node"] | None:
        """The key and the value at a path below a mapping, if it is there."""
        found = None
        node = self
        for name in names:
            if node.index is None:  # the last of repeated names: they are refused before anything is looked up
                node.index = {key.text: position for position, (key, _) in enumerate(node.entries())}
            position = node.index.get(name)
            if position is None:
                return None
            found = node.children[2 * position], node.children[2 * position + 1]
            node = found[1]
        return found

    def items(self) -> list["Node"]:
        """What is in a list; nothing for other nodes."""
        return self.children if self.kind == "list" else []


def read(content: bytes) -> Node:
    """Read a file of at most 64 KiB. Raises ConfigErrors: for the first fault of its YAML, or for all repeated keys."""
    root = _compose(_decode(content))
    if root.kind != "mapping":
        raise ConfigErrors(
            [ConfigError(root.line, root.column, "", "The file must have a mapping of names to values.")]
        )
    if repeated := list(_repeated(root)):
        raise ConfigErrors(repeated)
    return root


def _fault(sentence: str, line: int = 1, column: int = 1) -> ConfigErrors:
    return ConfigErrors([ConfigError(line, column, "", sentence)])


def _decode(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise _fault(f"The file has {len(content):,} bytes, of at most {MAX_BYTES:,}: shorten it.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _fault("The file is not in UTF-8: save it as such.", line) from error
    if re.search("^%", text, re.MULTILINE):
        line = text[: text.index("%")].count("\n") + 1
        raise _fault("Lines that begin with `%` are not read here: remove them.", line)
    return text


def _compose(text: str) -> Node:
    composer = _Composer()
    try:
        for event in yaml.parse(text, Loader=LOADER):
            composer.add(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise _fault(f"This is not valid YAML: {error.problem or 'correct it'}.", *where) from error
    except yaml.YAMLError as error:
        raise _fault("The file has a character that YAML does not allow: remove it.") from error
    if composer.root is None or composer.root.is_null:
        raise _fault("The file is empty: begin it with `version: 1`, and name your projects.")
    return composer.root


def _repeated(root: Node) -> Iterator[ConfigError]:
    """Keys that stand twice in a mapping, wherever in the file. Each node is looked at once."""
    waiting: list[tuple[Node, str]] = [(root, "")]
    known = set()
    while waiting:
        node, path = waiting.pop()
        if id(node) in known:
            continue
        known.add(id(node))
        names: dict[str, int] = {}
        for key, value in node.entries():
            below = f"{path}.{key.text}".lstrip(".")[:200]
            if key.text in names:
                sentence = f"`{key.text[:MAX_QUOTED]}` stands in line {names[key.text]} already: remove one."
                yield ConfigError(key.line, key.column, below, sentence)
            names.setdefault(key.text, key.line)
            waiting.append((value, below))
        waiting += [(item, f"{path}.{number}") for number, item in enumerate(node.items())]


class _Composer:
    """Makes nodes of the parser's events, within the limits."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[Node] = []
        self._anchors: dict[str, Node] = {}
        self._nodes = 0
        self._aliases = 0

    def add(self, event: yaml.Event) -> None:
        """Add the next event. Raises ConfigErrors for what the file must not have."""
        mark = event.start_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        match event:
            case yaml.AliasEvent():
                self._attach(self._find(event.anchor or "", line, column), line, column)
            case yaml.ScalarEvent():
                node = Node("text", line, column, event.value, is_plain=event.implicit[0])
                self._attach(self._begin(event, node), line, column)
            case yaml.CollectionStartEvent():
                kind: Literal["list", "mapping"] = "list" if isinstance(event, yaml.SequenceStartEvent) else "mapping"
                self._open.append(self._begin(event, Node(kind, line, column, is_complete=False)))
                self._check_depth(0, line, column)
            case yaml.CollectionEndEvent():
                node = self._open.pop()
                node.is_complete = True
                self._attach(node, node.line, node.column)
            case yaml.DocumentStartEvent() if self.root is not None:
                raise _fault("The file holds several documents: keep one.", line, column)

    def _find(self, name: str, line: int, column: int) -> Node:
        self._aliases += 1
        node = self._anchors.get(name)
        if self._aliases > MAX_ALIASES:
            raise _fault(f"The file has more than {MAX_ALIASES} aliases: write some of them out.", line, column)
        if node is None:
            raise _fault(f"There is no anchor `{name[:MAX_QUOTED]}` before this alias.", line, column)
        if not node.is_complete:
            raise _fault(f"The alias `{name[:MAX_QUOTED]}` stands within what it stands for.", line, column)
        self._count(node.nodes, line, column)
        self._check_depth(node.depth, line, column)
        return node

    def _begin(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, node: Node) -> Node:
        if event.tag is not None:
            raise _fault("Tags such as `!!str` are not read here: use quotes for text.", node.line, node.column)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        self._count(1, node.line, node.column)
        return node

    def _count(self, nodes: int, line: int, column: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            sentence = f"The file has more than {MAX_NODES:,} values when its aliases are written out: shorten it."
            raise _fault(sentence, line, column)

    def _check_depth(self, further: int, line: int, column: int) -> None:
        if len(self._open) + further > MAX_DEPTH:
            raise _fault(f"This is nested more than {MAX_DEPTH} levels deep.", line, column)

    def _attach(self, node: Node, line: int, column: int) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if parent.kind == "mapping" and len(parent.children) % 2 == 0:
            self._check_key(node, line, column)
        parent.children.append(node)
        parent.nodes += node.nodes
        parent.depth = max(parent.depth, node.depth + 1)

    def _check_key(self, key: Node, line: int, column: int) -> None:
        if key.kind != "text":
            raise _fault("A list or a mapping cannot be a name: write text.", line, column)
        if key.text == "<<" and key.is_plain:
            raise _fault("Entries are not merged with `<<`: write them out, or use an alias for all.", line, column)
