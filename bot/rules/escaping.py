"""Untrusted text in Markdown that we post: no mentions, links or markup, and no characters that turn it around."""

import html
import re

_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that change the direction of the text after them, and so make it look like another."""


def code(text: object) -> str:
    """Untrusted text as a code span on one line."""
    visible = _DIRECTIONS.sub("\ufffd", str(text)).replace("`", "'")
    return "`" + (" ".join(visible.split())[:300] or " ") + "`"


def plain(sentence: str) -> str:
    """A refusal's sentence with its own code spans; outside them, mentions, links and markup are escaped."""
    visible = _DIRECTIONS.sub("\ufffd", sentence)
    parts = re.sub("`+", "`", " ".join(visible.split())).split("`")
    if len(parts) % 2 == 0:  # an unpaired backtick: none of them counts
        return _escaped("'".join(parts))
    return "`".join(part if index % 2 else _escaped(part) for index, part in enumerate(parts))


def _escaped(text: str) -> str:
    """Escape mentions, references, links and HTML. A backslash alone does not stop a mention."""
    text = re.sub(r"[\\\[\]*_~|!]", r"\\\g<0>", html.escape(text, quote=False))
    return re.sub(r"@|#|(?<=:)(?=//)|(?<=www)(?=\.)", "\\g<0>\u200b", text, flags=re.IGNORECASE)
