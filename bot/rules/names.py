"""Names that callers write: the one that a mistyped name stands for, and lists of names in sentences."""

import difflib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MAX_LISTED = 10  # names that one answer lists
MAX_COMPARED = 200  # names that a mistyped one is compared with
MAX_WRITTEN = 100  # characters of a written name that are compared
MAX_PAIRS = 100_000  # pairs of characters, one of each name, that are compared: a fifth of a microsecond each
MIN_PART = 3  # characters of a name that stand for all of it
SIMILAR = 0.6  # from 0 (nothing in common) to 1 (equal), as difflib measures it
SIMILAR_VERSION = 0.85  # likewise: all versions have much in common
KINDS = ("projects", "environments", "workflow files", "commands")
"""Names that a refusal may list, as its details call them."""


def in_words(names: Iterable[str], more: int = 0, *, last: str = "and") -> str:
    """The names in a sentence, as code: `a`, `b` and `c`. `more` is the number of further ones."""
    listed = [f"`{name}`" for name in names]
    parts = [*listed, f"{more:,} more"] if more else listed
    return f" {last} ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def nearest(written: str, names: Sequence[str], similar: float = SIMILAR) -> str | None:
    """The name that a mistyped one stands for: but for its case or a letter or two, or a name that it begins.

    Of many long names, only the first are compared letter by letter.
    """
    text = written[:MAX_WRITTEN].lower()
    spellings: dict[str, str] = {}
    for name in names[:MAX_COMPARED]:
        spellings.setdefault(name.lower(), name)
    if text in spellings:
        return spellings[text]
    begun = [name for spelling, name in spellings.items() if len(text) >= MIN_PART and spelling.startswith(text)]
    if len(begun) == 1:
        return begun[0]
    close = difflib.get_close_matches(text, _first(spellings, MAX_PAIRS // max(1, len(text))), 1, similar)
    return spellings[close[0]] if close else None


def _first(names: Iterable[str], length: int) -> list[str]:
    """The first names, of so many characters altogether."""
    totals = itertools.accumulate(map(len, names))
    return [name for name, total in zip(names, totals, strict=True) if total <= length]


def unknown(kind: str, written: str, names: Sequence[str], total: int | None = None) -> dict[str, Any]:
    """The details of the refusal of an unknown name: the names there are, and the one that may be meant.

    `kind` is one of `KINDS`. Of many names the first are listed, and `more` counts the others; `total` is the number
    of all if not all of them are passed.
    """
    more = (len(names) if total is None else total) - MAX_LISTED
    return {kind: list(names[:MAX_LISTED]), "more": more if more > 0 else None, "did_you_mean": nearest(written, names)}


def advice(details: Mapping[str, Any], *, sees_all: bool = False) -> str:
    """The details of an unknown name as sentences; empty for those of other refusals.

    `sees_all`: the reader may list all projects, so that none listed means that there is none.
    """
    meant = f"Did you mean `{details['did_you_mean']}`?" if details.get("did_you_mean") else ""
    kind = next((kind for kind in KINDS if kind in details), None)
    if kind is None:
        return meant
    names = in_words(details[kind], details.get("more") or 0)
    none = f"There are no {kind}." if sees_all or kind != "projects" else "You can list no projects."
    return " ".join(filter(None, (meant, f"Known {kind}: {names}." if names else none)))


def without_names(details: Mapping[str, Any]) -> dict[str, Any]:
    """The details that `advice` does not tell."""
    return {name: value for name, value in details.items() if name not in (*KINDS, "more", "did_you_mean")}
