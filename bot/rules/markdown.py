"""Markdown of comments: the source lines that may hold commands."""

import re
from collections import defaultdict

from markdown_it import MarkdownIt


def paragraph_lines(body: str) -> list[str]:
    """The source lines of a comment's paragraphs, stripped: lines of quotes, code and HTML are left out."""
    depth, lines = 0, []
    for token in _markdown().parse(body.replace("\0", "")):
        if token.type in ("blockquote_open", "blockquote_close"):
            depth += token.nesting
        elif token.type == "inline" and depth == 0:
            lines += [line.strip() for line in _without_code(token.content).splitlines()]
    return lines


def _without_code(text: str) -> str:
    """Remove line breaks from the code spans of a paragraph, so that nothing inside one begins a line.

    Takes linear time. https://spec.commonmark.org/0.31.2/#code-spans
    """
    ticks = [(match.start(), match.end()) for match in re.finditer("`+", text)]
    closers: dict[int, list[int]] = defaultdict(list)  # by length, the last first
    for index in range(len(ticks) - 1, -1, -1):
        closers[ticks[index][1] - ticks[index][0]].append(index)
    parts, done, index = [], 0, 0
    while index < len(ticks):
        start, end = ticks[index]
        same_length = closers[end - start]
        while same_length and same_length[-1] <= index:
            same_length.pop()
        index += 1
        if same_length and text[start - 1 : start] != "\\":
            close = same_length[-1]
            parts += [text[done:end], " ".join(text[end : ticks[close][0]].splitlines())]
            done, index = ticks[close][0], close + 1
    return "".join([*parts, text[done:]])


def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark").disable(["inline", "text_join"], ignoreInvalid=True)
