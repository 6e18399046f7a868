"""The word that all commands of a repository begin with, such as `/release`, and texts that nearly spell it."""

import re
import unicodedata
from functools import lru_cache

from bot.rules.grammar import PREFIX
from bot.rules.words import lower

MAX_PREFIX = 50  # characters of the word, with its slash
_PREFIX = re.compile(r"/[a-z][a-z0-9_-]{1,48}")
_SLASHES = "\u2044\u2215\u29f8\uff0f"  # characters that look like one
BEGINNING = rf"^ {{0,3}}([/{_SLASHES}][^\s/{_SLASHES}]{{1,{MAX_PREFIX + 10}}})(?!\S)"
"""A line that may begin with the word of some repository, or with one that looks like it."""
_MAY_BEGIN = re.compile(BEGINNING, re.MULTILINE)
_SHORT = 4  # characters of a word, with its slash: one letter off such a short one is a word of another program

_LOOK_ALIKE = str.maketrans(
    dict.fromkeys(_SLASHES, "/")
    | {chr(0xFEE0 + code): chr(code) for code in range(ord("!"), ord("~") + 1)}  # of full width
    | dict(zip("аеорсухіјѕԁԛһӏ", "aeopcyxijsdqhl", strict=True))  # Cyrillic
    | dict(zip("αειορυνκτ", "aeiopuvkt", strict=True))  # Greek
    | dict(zip("ıɑɡſ", "iags", strict=True))
)
"""Letters of other scripts that look like ours, in lower case."""


def is_prefix(text: str) -> bool:
    """Whether a text may be the word of a repository: a slash, then 2 to 49 of `a-z 0-9 _ -`, the first a letter."""
    return _PREFIX.fullmatch(text) is not None


def may_begin_a_line(text: str) -> bool:
    """Whether some line of a text begins with a slash and a word: one of them may be a repository's."""
    return _MAY_BEGIN.search(text) is not None


def is_exactly(written: str, prefix: str) -> bool:
    """Whether a word is the one of the repository, in any case."""
    return lower(written) == prefix


def is_nearly(written: str, prefix: str) -> bool:
    """Whether a word is none of another program, but probably was meant to be that of the repository.

    In it, one letter was changed, added or left out, or two neighbors were exchanged, or characters only look like
    those of the word, or are not visible. A letter more at the end, as in `/releases`, makes another word.
    """
    if lower(written) == PREFIX != prefix:
        return False
    looks = _without_disguise(written)
    return looks == prefix or (len(prefix) > _SHORT and _one_off(prefix).fullmatch(looks) is not None)


def _without_disguise(written: str) -> str:
    """A word as it looks: without invisible characters, with our letters for those of other scripts."""
    if written.isascii():
        return written.lower()
    text = written.lower().translate(_LOOK_ALIKE)
    return "".join(character for character in text if unicodedata.category(character) not in ("Cf", "Mn"))


@lru_cache(maxsize=100)
def _one_off(prefix: str) -> re.Pattern[str]:
    """Match a word that is off by one letter. The slash stays."""
    splits = [(prefix[:place], prefix[place:]) for place in range(1, len(prefix))]
    forms = [form for before, after in splits for form in (f"{before}.{after}", f"{before}.?{after[1:]}")]
    forms += [f"{before}{after[1]}{after[0]}{after[2:]}" for before, after in splits if len(after) > 1]
    return re.compile("|".join(forms))
