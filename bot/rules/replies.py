"""The texts that we post on GitHub. Text from outside stands in code spans: it cannot mention, link or mark up."""

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.rules.commands import Mistake

MAX_LENGTH = 60_000  # of the 65,536 characters that GitHub takes
MARKER = "<!-- longshore:reply:{} -->"


@dataclass(frozen=True)
class CutResult:
    """A candidate that a command has cut."""

    version: str
    commit: str
    status: str
    building: bool


@dataclass(frozen=True)
class DeployResult:
    """A deployment that a command has started."""

    version: str
    environment: str
    deployment_id: int


@dataclass(frozen=True)
class EnvironmentStatus:
    """An environment as the status reply shows it."""

    name: str
    live: str | None
    commit: str | None
    under_way: str | None
    frozen: str | None


@dataclass(frozen=True)
class ProjectStatus:
    """A project as the status reply shows it."""

    project: str
    newest_candidate: str | None
    environments: tuple[EnvironmentStatus, ...]


@dataclass(frozen=True)
class CommandHelp:
    """A command as the help reply shows it."""

    usage: str
    summary: str


def code(text: object) -> str:
    """Text from outside as a code span on one line."""
    return "`" + (" ".join(str(text).replace("`", "'").split())[:300] or " ") + "`"


def plain(sentence: str) -> str:
    """A refusal's sentence with its own code spans; outside them nothing mentions, links or marks up."""
    parts = re.sub("`+", "`", " ".join(sentence.split())).split("`")
    if len(parts) % 2 == 0:  # an unpaired backtick: none of them counts
        return _escaped("'".join(parts))
    return "`".join(part if index % 2 else _escaped(part) for index, part in enumerate(parts))


def _escaped(text: str) -> str:
    """Text in which GitHub sees no mention, reference, link or HTML. A backslash alone does not stop a mention."""
    text = re.sub(r"[\\\[\]*_~|!]", r"\\\g<0>", html.escape(text, quote=False))
    return re.sub(r"@|#|(?<=:)(?=//)|(?<=www)(?=\.)", "\\g<0>\u200b", text, flags=re.IGNORECASE)


def with_marker(body: str, marker: str) -> str:
    """A reply with the hidden marker by which it is found again, cut to a length that GitHub takes."""
    if len(body) > MAX_LENGTH:
        body = body[:MAX_LENGTH].rpartition("\n")[0] + "\n\n… and more than a comment can hold."
    return f"{body}\n\n{MARKER.format(marker)}"


def has_marker(body: str, marker: str) -> bool:
    """Whether a comment is the reply with this marker."""
    return body.rstrip().endswith(MARKER.format(marker))


def cut(result: CutResult) -> str:
    """A candidate was cut."""
    state = "its build has been asked for" if result.building else f"it is {result.status}"
    return f"Cut {code(result.version)} at {code(result.commit[:12])}; {state}."


def deployed(result: DeployResult) -> str:
    """A deployment was started."""
    return f"Deploying {code(result.version)} to {code(result.environment)} (deployment {result.deployment_id})."


def refused(sentence: str, details: Mapping[str, Any]) -> str:
    """A command was refused: the sentence, and its details one a line."""
    lines = [
        f"  - {name.replace('_', ' ')}: {code(_flat(value))}" for name, value in details.items() if value is not None
    ]
    return "\n".join([f"{plain(sentence).rstrip('.')}.", *lines])


def mistaken(mistake: Mistake) -> str:
    """A line looks like a command and is none."""
    return f"I cannot read {code(mistake.line)}: {mistake.advice}"


def late() -> str:
    """A command reached us long after it was written."""
    return "GitHub could not deliver this to me in time, so I did nothing. If you still want it, please say it again."


def help_text(commands: Iterable[CommandHelp]) -> str:
    """All commands."""
    lines = [f"- `{command.usage}`: {command.summary}" for command in commands]
    return "\n".join(["I know these commands:", *lines])


def status(report: ProjectStatus) -> str:
    """What is live and under way on each environment of a project."""
    newest = code(report.newest_candidate) if report.newest_candidate else "none yet"
    lines = [f"**{code(report.project)}**: newest candidate {newest}."]
    rows = [_row(environment) for environment in report.environments]
    if rows:
        lines += ["", "| environment | live | commit | under way |", "| --- | --- | --- | --- |", *rows]
    return "\n".join(lines)


def together(parts: list[str]) -> str:
    """The replies to all commands of a comment, as one."""
    return "\n\n".join(parts)


def several_projects(names: Iterable[str]) -> str:
    """A command does not say which project of its repository it means."""
    return f"This repository holds several projects ({', '.join(map(code, sorted(names)))}): add `in PROJECT`"


def _row(environment: EnvironmentStatus) -> str:
    name = code(environment.name) + (f" (frozen: {code(environment.frozen)})" if environment.frozen else "")
    texts = (environment.live, environment.commit, environment.under_way)
    cells = [name, *(code(text) if text else "–" for text in texts)]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {text}" for name, text in value.items())
    if isinstance(value, list):
        return "; ".join(map(_flat, value))
    return str(value)
