"""The words of a line: separated by spaces, or in quotes of any kind that people and phones write."""

import re
from typing import NamedTuple

SPACES = " \t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""What separates words. Other white space, such as line separators, does not."""
_DOUBLE, _SINGLE = '"“”„‟«»', "'‘’‚‛‹›"
_QUOTES = f"`{_DOUBLE}{_SINGLE}"
_QUOTED = re.compile(
    rf"(?:(`{{1,3}})(?P<code>[^`]{{1,200}})\1"
    rf"|[{_DOUBLE}](?P<double>[^{_DOUBLE}]{{1,200}})[{_DOUBLE}]"
    rf"|[{_SINGLE}](?P<single>[^{_SINGLE}]{{1,200}})[{_SINGLE}])(?=[{SPACES}]|\Z)"
)
"""Words in quotes: phones write typographic ones, of which languages close some with what others open with."""
_UNQUOTED = re.compile(rf"[^{SPACES}]+")


class Word(NamedTuple):
    """A word of a line, or several in quotes, and the text after it."""

    text: str
    rest: str
    quoted: bool


def next_word(text: str) -> Word:
    """The first word of a text, without its quotes; empty when there is none."""
    text = text.lstrip(SPACES)
    if (quoted := _QUOTED.match(text)) is not None:
        return Word(quoted[str(quoted.lastgroup)].strip(SPACES), text[quoted.end() :].lstrip(SPACES), quoted=True)
    word = _UNQUOTED.match(text)
    end = 0 if word is None else word.end()
    return Word(text[:end], text[end:].lstrip(SPACES), quoted=False)


def is_value(word: Word) -> bool:
    """Whether a word may be an argument: it is not empty, and its quotes are closed."""
    return bool(word.text) and (word.quoted or (word.text[0] not in _QUOTES and "`" not in word.text))


def lower(text: str) -> str:
    """A text in lower case if it is ASCII, else unchanged: no letter of another script becomes one of ours."""
    return text.lower() if text.isascii() else text
