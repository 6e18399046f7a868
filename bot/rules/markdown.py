"""Markdown of comments: which source lines stand in a top-level paragraph, as GitHub renders it.

The work is bounded: lines after the first `MAX_LINES`, and lines in paragraphs whose inline markup takes more than
`MAX_INLINE` characters to read, are left unread.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block import table as table_rule
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

MAX_LINES = 1_500
MAX_INLINE = 2_000  # characters of all paragraphs whose inline markup is read
MAX_MARKERS = 6
"""Quotes and list items at the beginning of one line: the time that it takes grows with their number."""
MAX_NESTING = 40  # of blocks, where a list counts twice

CONTAINERS = frozenset(
    {
        *("a", "blockquote", "code", "del", "details", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "kbd", "ol", "pre"),
        *("q", "s", "samp", "strike", "summary", "table", "ul"),
    }
)
"""HTML elements whose contents are no top-level text: quotes, lists, headings, tables, code, links, what is struck."""

_MARKER = r"[ \t]*(?:>|(?:[-+*]|\d{1,9}[.)])(?=[ \t]))"
_TOO_DEEP = re.compile(rf"^((?:{_MARKER}){{{MAX_MARKERS}}})(?:{_MARKER})+", re.MULTILINE | re.ASCII)
_FOOTNOTE = re.compile(r"^( {0,3})\[\^[^\]\s]+\]:", re.MULTILINE)
_TAG = re.compile(r"""<!--|</?[a-z][a-z0-9]*(?=[\s/>])(?:"[^"]*"|'[^']*'|[^<>"'])*>""", re.IGNORECASE | re.ASCII)
_TAG_NAME = re.compile(r"<(/?)([a-z][a-z0-9]*)", re.IGNORECASE | re.ASCII)
_END_TAG = re.compile(r"</[a-z][a-z0-9]*\s*>", re.IGNORECASE | re.ASCII)
_OPENS, _CLOSES = re.compile(r"[`\[~]"), re.compile(r"[`\])~]")


@dataclass(frozen=True)
class Reading:
    """The numbers of the lines that stand in top-level paragraphs, and whether some lines were left unread."""

    lines: list[int]
    complete: bool


def with_line_feeds(body: str) -> str:
    """A text with a line feed at the end of each line, and without NUL. Markdown knows no other line ends."""
    return re.sub(r"\r\n?", "\n", body.replace("\0", ""))


def in_paragraphs(lines: Sequence[str], wanted: Sequence[int], limit: int) -> Reading:
    """Of the lines with the numbers `wanted`, in order, find the first that are text of a top-level paragraph.

    Those in code, links, image texts, HTML, and struck text are not. Stops when `limit` are found.
    """
    found: list[int] = []
    complete, budget = all(number < MAX_LINES for number in wanted[-1:]), MAX_INLINE
    env: dict[str, Any] = {}
    for paragraph in _top_paragraphs("\n".join(lines[:MAX_LINES]), env):
        inside = wanted[bisect_left(wanted, paragraph.start) : bisect_left(wanted, paragraph.stop)]
        if not inside:
            continue
        text = "\n".join(lines[paragraph.start : paragraph.stop]).rstrip()
        marks = _positions(text, paragraph, inside)
        if _is_plain(text, marks):
            found += inside
        elif len(text) <= budget:
            budget -= len(text)
            found += _in_text(text, marks, env)
        else:
            complete = False
        if len(found) >= limit:
            return Reading(found[:limit], complete=True)
    return Reading(found, complete)


def _positions(text: str, numbers: range, wanted: Sequence[int]) -> dict[int, int]:
    """Each position in a paragraph's text at which a wanted line begins, before or after its leading spaces."""
    positions: dict[int, int] = {}
    start, looked_for = 0, set(wanted)
    for number, line in zip(numbers, text.split("\n"), strict=False):
        if number in looked_for:
            first = start + len(line) - len(line.lstrip(" "))
            positions |= dict.fromkeys(range(start, first + 1), number)
        start += len(line) + 1
    return positions


@dataclass
class _RawHtml:
    """What the raw HTML so far has left open: a comment, and elements."""

    comment: bool = False
    elements: Counter[str] = field(default_factory=Counter)

    def is_closed(self) -> bool:
        """Whether text that follows is neither in a comment nor in one of `CONTAINERS`."""
        return not self.comment and not any(self.elements.values())

    def read(self, html: str) -> None:
        """Continue with more raw HTML."""
        position = 0
        while position >= 0:
            if self.comment:
                end = html.find("-->", position)
                self.comment, position = end < 0, end
            elif (tag := _TAG.search(html, position)) is None:
                return
            elif tag[0] == "<!--":
                self.comment, position = True, tag.start() + 2  # `<!-->` is a whole comment
            else:
                self.read_tag(tag[0])
                position = tag.end()

    def read_tag(self, html: str) -> None:
        """Continue with one tag; anything else opens and closes nothing."""
        tag = _TAG_NAME.match(html)
        if tag is not None and (name := tag[2].lower()) in CONTAINERS:
            self.elements[name] = max(0, self.elements[name] + (-1 if tag[1] else 1))


def _top_paragraphs(text: str, env: dict[str, Any]) -> Iterator[range]:
    """The lines of each top-level paragraph of a text; its link reference definitions are left in `env`."""
    html, is_paragraph = _RawHtml(), False
    for token in _block_parser().parse(_prepared(text), env):
        if token.type == "html_block":
            top = _RawHtml(html.comment) if token.level else html  # elements end with the list or quote around them
            top.read(token.content)
            html.comment = top.comment
        elif token.type == "inline":
            if is_paragraph and html.is_closed() and token.map is not None:
                yield range(*token.map)
            if any(html.elements.values()):
                html.read("".join(_END_TAG.findall(token.content)))
        is_paragraph = token.type == "paragraph_open" and token.level == 0


def _prepared(text: str) -> str:
    """Write footnotes as quotes, which end at the same line, and leave out the markers of what is nested too deep."""
    return _TOO_DEEP.sub(r"\1", _FOOTNOTE.sub(r"\1>", text))


def _is_plain(text: str, marks: Collection[int]) -> bool:
    """Whether no inline markup can hold one of the marks: none begins before the last and ends after the first."""
    before = text[: max(marks)]
    return "<" not in before and (_OPENS.search(before) is None or _CLOSES.search(text, min(marks)) is None)


def _in_text(text: str, marks: dict[int, int], env: dict[str, Any]) -> list[int]:
    """The lines whose mark stands in plain text."""
    html, depth = _RawHtml(), 0
    tokens: list[Token] = []
    parser = _inline_parser()
    parser.inline.parse(text, parser, {**env, "marks": marks}, tokens)
    found: dict[int, None] = {}
    for token in tokens:
        depth += token.nesting
        if token.type == "html_inline":
            html.read_tag(token.content)
        elif token.type == "mark" and depth == 0 and html.is_closed():
            found[token.meta["line"]] = None
    return list(found)


def _mark(state: StateInline, silent: bool) -> bool:
    """Inline rule: leave a token where a marked line begins, instead of its first character."""
    line = state.env["marks"].get(state.pos)
    if line is None:
        return False
    if not silent:
        state.push("mark", "", 0).meta["line"] = line
    state.pos += 1
    return True


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Block rule: skip a table, whose many cells would take long to make tokens of."""
    if not table_rule(state, start, end, True):
        return False
    if not silent:
        state.line = start + 2
        before, state.parentType = state.parentType, "table"
        while state.line < end and _continues_table(state, end):
            state.line += 1
        state.parentType = before
    return True


def _continues_table(state: StateBlock, end: int) -> bool:
    line = state.line
    if state.isEmpty(line) or state.sCount[line] < state.blkIndent or state.is_code_block(line):
        return False
    return not any(rule(state, line, end, True) for rule in state.md.block.ruler.getRules("blockquote"))


@cache
def _block_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": MAX_NESTING}).enable("table")
    parser.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    return _compiled(parser.disable(["inline", "text_join"]))


@cache
def _inline_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"strikethrough_single_tilde": True}).enable("strikethrough")
    parser.inline.ruler.before("text", "mark", _mark)
    return _compiled(parser.disable(["emphasis", "entity", "fragments_join"]))


def _compiled(parser: MarkdownIt) -> MarkdownIt:
    """Compile the rules of a parser before several threads use it: it would compile them when it first needs them."""
    for ruler in (parser.core.ruler, parser.block.ruler, parser.inline.ruler, parser.inline.ruler2):
        ruler.getRules("")
    return parser
