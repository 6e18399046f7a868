"""The comments on the commit of a pushed tag: why it did nothing, and what would be right."""

from collections.abc import Mapping
from typing import Any

from bot.rules.escaping import code, plain
from bot.rules.replies import refused


def cuts_nothing(tag: str, sentence: str, details: Mapping[str, Any]) -> str:
    """Say why a tag that names a candidate did not cut it."""
    return f"The tag {code(tag)} cuts nothing. {refused(sentence, details)}"


def misspelled(tag: str, reason: str) -> str:
    """Say how a tag should have been spelled."""
    return f"The tag {code(tag)} cuts nothing. {plain(reason)}"


def deploys_nothing(tag: str, sentence: str, details: Mapping[str, Any]) -> str:
    """Say why the tag of a release did not deploy its candidate."""
    return f"The tag {code(tag)} deploys nothing. {refused(sentence, details)}"


def no_commands(tag: str, reason: str) -> str:
    """Say why the commands in a tag's message were not performed."""
    return f"I performed no commands of the message of the tag {code(tag)}, since {plain(reason)}."


def performed(tag: str, text: str) -> str:
    """The answers to the commands in a tag's message."""
    return f"The message of the tag {code(tag)}:\n\n{text}"
