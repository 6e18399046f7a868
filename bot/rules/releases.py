"""The status of a release, and the identifiers derived for projects and releases."""

import re
import unicodedata

DEVELOPMENT, TESTING, HOLD, RELEASED, DEPRECATED = 1, 10, 20, 30, 40
STATUS_NAMES = {
    DEVELOPMENT: "development",
    TESTING: "testing",
    HOLD: "hold",
    RELEASED: "released",
    DEPRECATED: "deprecated",
}
PERMALINK = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def status_once_live(status: int, tier: str) -> int:
    """Return the status of a release once one of its candidates is live on a tier; it never moves back."""
    return max(status, RELEASED if tier == "production" else TESTING)


def shown_status(status: int, *, held: bool) -> int:
    """Return the status that is shown: a hold hides the stored one."""
    return HOLD if held else status


def release_id(permalink: str, version: str, release_type: str = "ga") -> str:
    """Return the identifier of a release across projects."""
    return f"{permalink}-{version}" + ("" if release_type == "ga" else f"-{release_type}")


def make_permalink(name: str) -> str:
    """Derive a slug from a name; empty if the name has no character that a slug can hold."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = [word for word in re.split(r"[^a-z0-9]+", ascii_name) if word]
    while words and not words[0][0].isalpha():
        words = ["p" + words[0], *words[1:]]
    return "-".join(words)[:100].rstrip("-")
