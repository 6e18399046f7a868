"""Every word that we post on GitHub. Text from outside stands in code spans, where it mentions and links nobody."""

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.rules.commands import FORMS, Mistake

LONGEST = 60_000  # of the 65,536 characters that GitHub takes
MARK = "<!-- longshore:reply:{} -->"


@dataclass(frozen=True)
class Place:
    """An environment as the status reply shows it."""

    name: str
    live: str | None
    commit: str | None
    under_way: str | None
    frozen: str | None


def code(text: object) -> str:
    """Outside text as a code span on one line."""
    return "`" + (" ".join(str(text).replace("`", "'").split())[:300] or " ") + "`"


def plain(sentence: str) -> str:
    """A refusal's sentence: its own code spans stay, and beside them no name in it mentions, links or marks up."""
    parts = re.sub("`+", "`", " ".join(sentence.split())).split("`")
    if len(parts) % 2 == 0:  # a backtick without its other: none of them counts
        return _harmless("'".join(parts))
    return "`".join(part if place % 2 else _harmless(part) for place, part in enumerate(parts))


def _harmless(text: str) -> str:
    """Text in which GitHub sees no mention, reference, link or HTML. A backslash alone does not stop a mention."""
    escaped = re.sub(r"[\\\[\]*_~|!]", r"\\\g<0>", html.escape(text, quote=False))
    return re.sub(r"@|#|(?<=:)(?=//)|(?<=www)(?=\.)", "\\g<0>\u200b", escaped, flags=re.IGNORECASE)


def marked(body: str, mark: str) -> str:
    """A reply with the hidden mark by which it is found again, of a length that GitHub takes."""
    if len(body) > LONGEST:
        body = body[:LONGEST].rpartition("\n")[0] + "\n\n… and more than a comment can hold."
    return f"{body}\n\n{MARK.format(mark)}"


def is_marked(body: str, mark: str) -> bool:
    """Whether a comment is the reply of this mark."""
    return body.rstrip().endswith(MARK.format(mark))


def cut(version: str, commit: str, status: str, *, building: bool) -> str:
    """A candidate was cut."""
    what = "its build has been asked for" if building else f"it is {status}"
    return f"Cut {code(version)} at {code(commit[:12])}; {what}."


def deployed(version: str, environment: str, number: int) -> str:
    """A deployment was started."""
    return f"Deploying {code(version)} to {code(environment)} (deployment {number})."


def refused(sentence: str, details: Mapping[str, Any]) -> str:
    """A command was refused: the sentence, and what else there is to know."""
    more = [f"  - {name.replace('_', ' ')}: {code(_flat(value))}" for name, value in details.items()]
    return "\n".join([f"{plain(sentence).rstrip('.')}.", *more])


def mistaken(mistake: Mistake) -> str:
    """A line that is no command."""
    return f"I cannot read {code(mistake.line)}: {mistake.advice}"


def late() -> str:
    """A command reached us long after it was written."""
    return "GitHub could not deliver this to me in time, so I did nothing. If you still want it, please say it again."


def helped() -> str:
    """All commands."""
    return "\n".join(["I know these commands:", *(f"- `{form.usage}`: {form.says}" for form in FORMS.values())])


def status(project: str, newest: str | None, places: Iterable[Place]) -> str:
    """Where everything of a project is."""
    lines = [f"**{code(project)}**: newest candidate {code(newest) if newest else 'none yet'}."]
    rows = [_row(place) for place in places]
    if rows:
        lines += ["", "| environment | live | commit | under way |", "| --- | --- | --- | --- |", *rows]
    return "\n".join(lines)


def together(parts: list[str]) -> str:
    """The answers to all commands of a comment, as one."""
    return "\n\n".join(parts)


def several_projects(names: Iterable[str]) -> str:
    """A command does not say which project of its repository it means."""
    return f"This repository holds several projects ({', '.join(map(code, sorted(names)))}): add `in PROJECT`"


def _row(place: Place) -> str:
    name = code(place.name) + (f" (frozen: {code(place.frozen)})" if place.frozen else "")
    cells = [name, *(code(text) if text else "–" for text in (place.live, place.commit, place.under_way))]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {text}" for name, text in value.items())
    if isinstance(value, list):
        return "; ".join(map(_flat, value))
    return str(value)
