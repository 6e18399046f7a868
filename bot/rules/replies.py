"""The texts that Longshore posts on GitHub. Untrusted text is put in code spans: no mentions, links or markup."""

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.rules.commands import Mistake
from bot.rules.names import advice, in_words, without_names

MAX_LENGTH = 60_000  # GitHub accepts 65,536 characters
MARKER = "<!-- longshore:reply:{} -->"


@dataclass(frozen=True)
class CutResult:
    """A candidate that a command cut, for its reply."""

    version: str
    commit: str
    status: str
    building: bool


@dataclass(frozen=True)
class DeployResult:
    """A deployment that a command started, for its reply."""

    version: str
    environment: str
    deployment_id: int


@dataclass(frozen=True)
class EnvironmentStatus:
    """An environment in the status reply. `banned`: what is live there must not be deployed again."""

    name: str
    live: str | None
    commit: str | None
    under_way: str | None
    frozen: str | None
    banned: bool = False


@dataclass(frozen=True)
class ProjectStatus:
    """A project in the status reply."""

    project: str
    newest_candidate: str | None
    environments: tuple[EnvironmentStatus, ...]


@dataclass(frozen=True)
class CommandHelp:
    """A command in the help reply."""

    usage: str
    summary: str
    example: str
    roles: str
    """The lowest role on GitHub that may use it; empty if everyone may."""


def code(text: object) -> str:
    """Untrusted text as a code span on one line."""
    return "`" + (" ".join(str(text).replace("`", "'").split())[:300] or " ") + "`"


def plain(sentence: str) -> str:
    """A refusal's sentence with its own code spans; outside them, mentions, links and markup are escaped."""
    parts = re.sub("`+", "`", " ".join(sentence.split())).split("`")
    if len(parts) % 2 == 0:  # an unpaired backtick: none of them counts
        return _escaped("'".join(parts))
    return "`".join(part if index % 2 else _escaped(part) for index, part in enumerate(parts))


def _escaped(text: str) -> str:
    """Escape mentions, references, links and HTML. A backslash alone does not stop a mention."""
    text = re.sub(r"[\\\[\]*_~|!]", r"\\\g<0>", html.escape(text, quote=False))
    return re.sub(r"@|#|(?<=:)(?=//)|(?<=www)(?=\.)", "\\g<0>\u200b", text, flags=re.IGNORECASE)


def with_marker(body: str, marker: str) -> str:
    """Add the hidden marker by which a reply is found again, truncating the reply to a length that GitHub accepts."""
    if len(body) > MAX_LENGTH:
        body = body[:MAX_LENGTH].rpartition("\n")[0] + "\n\n… and more than a comment can hold."
    return f"{body}\n\n{MARKER.format(marker)}"


def has_marker(body: str, marker: str) -> bool:
    """Whether a comment is the reply with this marker."""
    return body.rstrip().endswith(MARKER.format(marker))


def cut(result: CutResult) -> str:
    """The reply after a candidate was cut."""
    state = "its build has been requested" if result.building else f"it is {result.status}"
    return f"Cut {code(result.version)} at {code(result.commit[:12])}; {state}."


def deployed(result: DeployResult) -> str:
    """The reply after a deployment was started."""
    return f"Deploying {code(result.version)} to {code(result.environment)} (deployment {result.deployment_id})."


def refused(sentence: str, details: Mapping[str, Any]) -> str:
    """The reply to a refused command: the sentence, advice on names, and a line for each detail and closed gate."""
    shown = {name: value for name, value in without_names(details).items() if value is not None and name != "gates"}
    lines = [f"  - {name.replace('_', ' ')}: {_detail(name, _flat(value))}" for name, value in shown.items()]
    closed = [gate for gate in details.get("gates", ()) if "waits_for" in gate]
    lines += [f"  - gate {code(gate['gate'])}: {plain(gate['waits_for'])}" for gate in closed]
    text = " ".join(filter(None, (f"{sentence.rstrip('.')}.", advice(details))))
    return "\n".join([plain(text), *lines])


def _detail(name: str, text: str) -> str:
    """A detail as code; of what is expected, only the form and the example, not the words around them."""
    form, separator, example = text.partition(", as in ")
    if name != "expected" or not separator:
        return code(text)
    return f"{code(form) if '<' in form else plain(form)}{separator}{code(example)}"


def mistaken(mistake: Mistake) -> str:
    """The reply to a malformed command."""
    return f"I cannot read {code(mistake.line)}: {mistake.advice}"


def late() -> str:
    """The reply to a command that arrived long after it was written."""
    return "GitHub could not deliver this to me in time, so I did nothing. If you still want it, please say it again."


def too_many(limit: int) -> str:
    """The reply to a comment with commands beyond those that one person can give in a minute."""
    return f"I perform at most {limit} commands a minute for one person, and did nothing about these: wait a minute."


def help_text(commands: Iterable[CommandHelp]) -> str:
    """The reply that lists all commands."""
    return "\n".join(["I know these commands:", *map(_help_line, commands)])


def _help_line(command: CommandHelp) -> str:
    who = f" (role {command.roles})" if command.roles else ""
    example = f", for example `{command.example}`" if command.example != command.usage else ""
    return f"- `{command.usage}`: {command.summary}{who}{example}"


def status(report: ProjectStatus) -> str:
    """The reply that shows what is live and under way on each environment of a project."""
    newest = code(report.newest_candidate) if report.newest_candidate else "none yet"
    lines = [f"**{code(report.project)}**: newest candidate {newest}."]
    rows = [_row(environment) for environment in report.environments]
    if rows:
        lines += ["", "| environment | live | commit | under way |", "| --- | --- | --- | --- |", *rows]
    return "\n".join(lines)


def together(parts: list[str]) -> str:
    """Join the replies to all commands of a comment."""
    return "\n\n".join(parts)


def several_projects(names: Iterable[str]) -> str:
    """The refusal of a command that does not name one of several projects of its repository."""
    return f"This repository holds several projects ({in_words(sorted(names))}): add `in PROJECT`"


def _row(environment: EnvironmentStatus) -> str:
    name = code(environment.name) + (f" (frozen: {code(environment.frozen)})" if environment.frozen else "")
    texts = (environment.live, environment.commit, environment.under_way)
    live, *others = [code(text) if text else "–" for text in texts]
    cells = [name, f"{live} (banned)" if environment.banned else live, *others]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {text}" for name, text in value.items())
    if isinstance(value, list):
        return "; ".join(map(_flat, value))
    return str(value)
