"""The life of a release, and the names that are made for projects and releases."""

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
    """The status of a release once a candidate of it is live on an environment of this tier: only ever forward."""
    reached = RELEASED if tier == "production" else TESTING
    return reached if status < reached else status


def shown_status(status: int, *, held: bool) -> int:
    """What is shown as a release's status: being held hides what it had before."""
    return HOLD if held else status


def release_id(permalink: str, version: str, release_type: str = "ga") -> str:
    """The text by which a release is known across projects."""
    return f"{permalink}-{version}" + ("" if release_type == "ga" else f"-{release_type}")


def make_permalink(name: str) -> str:
    """A slug made from a project's name; empty where the name has nothing that a slug may hold."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = [word for word in re.split(r"[^a-z0-9]+", plain) if word]
    while words and not words[0][0].isalpha():
        words = ["p" + words[0], *words[1:]]
    return "-".join(words)[:100].rstrip("-")
