"""Text of any language where the locale knows only some characters: arguments, paths and what is printed."""

import codecs
import os
from io import TextIOWrapper
from pathlib import Path

from bot.errors import Refusal

ESCAPE = "longshore.escape"


def escape_what_cannot_be_shown(stream: TextIOWrapper) -> None:
    """Let a stream write characters that its encoding lacks with the escapes of JSON, so that JSON stays valid."""
    codecs.register_error(ESCAPE, _escape)
    stream.reconfigure(errors=ESCAPE)


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    import json

    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def decode_argument(argument: str) -> str:
    """Read an argument as UTF-8, whatever the locale says. Raises Refusal for one that is not."""
    if argument.isascii():
        return argument
    try:
        return os.fsencode(argument).decode()
    except UnicodeEncodeError:
        return argument  # it does not come from the operating system
    except UnicodeDecodeError:
        shown = os.fsencode(argument).decode(errors="backslashreplace")
        raise Refusal(f"The argument `{shown}` is not text in UTF-8.") from None


def as_path(argument: str) -> Path:
    """The path that a decoded argument names."""
    return Path(os.fsdecode(argument.encode()))
