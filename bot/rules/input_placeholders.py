"""Placeholders in workflow inputs: `${{ candidate.version }}`. They are names to be replaced; nothing is evaluated."""

import re
from collections.abc import Collection, Mapping

from bot.errors import Refusal
from bot.rules.names import in_words, nearest

OF_BUILDS = ("candidate.version", "candidate.commit", "release.version", "project.name")
"""What the inputs of a build can contain."""
NAMES = (*OF_BUILDS, "environment.name", "deployment.id")
"""What the inputs of a deployment can contain."""
MAX_PLACEHOLDERS = 10  # in one input; GitHub takes 65,535 characters of all inputs
_BEGIN = "${{"
_PLACEHOLDER = re.compile(r"\$\{\{[ \t]*([^{}\n]{1,100}?)[ \t]*\}\}")


def check(text: str, names: Collection[str] = NAMES) -> str:
    """Refuse a text with anything between `${{` and `}}` but one of the names, or with too many placeholders."""
    for name in _PLACEHOLDER.findall(text):
        if name not in names:
            raise Refusal(_unknown(name, names))
    count = text.count(_BEGIN)
    if count != len(_PLACEHOLDER.findall(text)):
        raise Refusal(f"a placeholder is written `{_BEGIN} {NAMES[0]} }}}}`")
    if count > MAX_PLACEHOLDERS:
        raise Refusal(f"it has {count} placeholders, of at most {MAX_PLACEHOLDERS}")
    return text


def fill(text: str, values: Mapping[str, str]) -> str:
    """Replace each placeholder by its value. One without a value stays as it is written."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)


def _unknown(name: str, names: Collection[str]) -> str:
    meant = nearest(name, list(names))
    known = f"the placeholders are {in_words(names)}"
    return f"`{name}` cannot be filled in{f' (did you mean `{meant}`?)' if meant else ''}: {known}"
