"""Texts of settings as env files, panels and orchestrators leave them."""

import codecs
import re
import sys
import unicodedata

QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "”": "”", "„": "“", "‘": "’", "’": "’", "‚": "‘", "«": "»", "»": "«"}
MARKS = (  # UTF-32's mark begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
INVISIBLE = ("Zs", "Zl", "Zp", "Cc", "Cf")  # spaces, line ends, control characters, zero-width characters and marks
_PATH = re.compile(r"(?:~?/|\.\.?/|[A-Za-z]:[\\/]|file://).*|[^\s:]{1,200}\.(?:pem|key|der|txt|crt|cer|p8)")
_BETWEEN_QUOTED = re.compile(r"""(["'])\s*,\s*\1""")
_INJECTED_PORT = re.compile(r"(?:tcp|udp|sctp)://\S*", re.IGNORECASE)


def tidied(text: str) -> str:
    """Remove what surrounds a value: white space, line ends, invisible characters, and one pair of quotes.

    The quotes of a list whose parts are quoted stay: they are no pair.
    """
    text = _trimmed(text)
    is_quoted = len(text) > 1 and QUOTES.get(text[0]) == text[-1]
    return _trimmed(text[1:-1]) if is_quoted and not _BETWEEN_QUOTED.search(text) else text


def without_blanks(text: str) -> str:
    """Remove white space and invisible characters, wherever they stand."""
    return "".join(character for character in text if unicodedata.category(character) not in INVISIBLE)


def split_list(value: str) -> list[str]:
    """Split a setting at its commas into tidied parts; empty ones are dropped."""
    return [part for part in map(tidied, value.split(",")) if part]


def decoded(data: bytes) -> str:
    """Decode the contents of a text file in UTF-8, or in UTF-16 or UTF-32 if it says so. Raises UnicodeDecodeError."""
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return data.removeprefix(mark).decode(encoding)
    return data.decode()


def looks_like_path(text: str) -> bool:
    """Whether a text is written as the path of a file."""
    return _PATH.fullmatch(text) is not None


def is_injected_port(text: str) -> bool:
    """Whether Kubernetes or Docker wrote this: for a service `name` they set `NAME_PORT=tcp://10.3.104.46:8080`."""
    return _INJECTED_PORT.fullmatch(text) is not None


def _trimmed(text: str) -> str:
    start, end = 0, len(text)
    while start < end and unicodedata.category(text[start]) in INVISIBLE:
        start += 1
    while start < end and unicodedata.category(text[end - 1]) in INVISIBLE:
        end -= 1
    return text[start:end]


def as_utf8(text: str) -> str:
    """Read a text as UTF-8, whatever the locale says; one that is not UTF-8 stays as it is."""
    try:
        return text if text.isascii() else text.encode(sys.getfilesystemencoding(), "surrogateescape").decode()
    except UnicodeError:
        return text


def is_unicode(text: str) -> bool:
    """Whether a text can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
