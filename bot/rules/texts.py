"""Texts cut to the lengths that others accept, and without the characters that they do not."""

import re
from collections.abc import Callable

ELLIPSIS = "…"
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_characters(text: str) -> str:
    """Replace the characters that cannot stand in XML 1.0, not even escaped."""
    return _NOT_IN_XML.sub("\ufffd", text)


def cut(text: str, limit: int) -> str:
    """Cut a text to `limit` characters; where something is missing, it ends in an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + ELLIPSIS


def cut_bytes(text: str, limit: int) -> str:
    """Cut a text to `limit` bytes of UTF-8, and so to no more characters, in the same way."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return encoded.decode()
    return encoded[: limit - len(ELLIPSIS.encode())].decode("utf-8", "ignore").rstrip() + ELLIPSIS


def cut_markdown(text: str, limit: int) -> str:
    """Cut Markdown to `limit` characters in the same way. What was in a code span stays in one."""
    return text if len(text) <= limit else _cut_markdown(cut, text, limit)


def cut_markdown_bytes(text: str, limit: int) -> str:
    """Cut Markdown to `limit` bytes of UTF-8 in the same way."""
    fits = len(text.encode("utf-8", "replace")) <= limit
    return cut_bytes(text, limit) if fits else _cut_markdown(cut_bytes, text, limit)


def _cut_markdown(shortened: Callable[[str, int], str], text: str, limit: int) -> str:
    """Close a code span that the cut leaves open: texts by others in it would become markup. All have one backtick."""
    for shorter in (shortened(text, limit), shortened(text, limit - 1)):
        if shorter.count("`") % 2 == 0:
            return shorter
    return f"{shorter}`"
