"""What docstrings say about classes, for people who do not read code."""

import re

_END = re.compile(r"\.? *(?:\. |[;:] `|$)")
"""Where a first sentence ends, or what it says about the class's fields begins."""


def first_sentence(documented: type) -> str:
    """The first sentence of a class's docstring, in one line."""
    paragraph = " ".join((documented.__doc__ or "").partition("\n\n")[0].split())
    return f"{_END.split(paragraph, maxsplit=1)[0]}."
