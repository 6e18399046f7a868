"""What somebody searches for: a version, a commit, a pull request, a person or a project, as the text may mean it."""

import re
from dataclasses import dataclass

from bot.errors import Refusal

MAX_TEXT = 100
_SHA = re.compile(r"[0-9a-f]{4,64}", re.IGNORECASE)
_PULL = re.compile(r"#?([1-9][0-9]{0,8})", re.ASCII)
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*", re.ASCII)
_PERSON = re.compile(r"@?([A-Za-z0-9][A-Za-z0-9._\[\]-]*)", re.ASCII)


@dataclass(frozen=True)
class Search:
    """What a text may mean; empty where it cannot mean that. `sha` and `version` are the first characters of one."""

    text: str
    version: str = ""
    sha: str = ""
    pull: str = ""
    person: str = ""
    project: str = ""


def parse_search(text: str) -> Search:
    """Read the text of a search. `#412` is a pull request only, and `@name` a person only. Refuses control characters.

    Of a long text, the first 100 characters count.
    """
    text = text.strip()[:MAX_TEXT]
    if not text.isprintable():
        raise Refusal("`q` must hold no control characters.", field="q")
    pull, person = _PULL.fullmatch(text), _PERSON.fullmatch(text)
    is_any = not text.startswith(("#", "@"))
    return Search(
        text=text,
        version=text if is_any and _VERSION.fullmatch(text) else "",
        sha=text.lower() if _SHA.fullmatch(text) else "",
        pull=pull[1] if pull else "",
        person=person[1].lower() if person else "",
        project=text.lower() if is_any else "",
    )
