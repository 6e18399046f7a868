"""The texts that Longshore posts on GitHub. Untrusted text is put in code spans: no mentions, links or markup."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.rules.commands import Mistake
from bot.rules.escaping import code as code  # callers say replies.code
from bot.rules.escaping import plain as plain
from bot.rules.names import advice, in_words, without_names
from bot.rules.permissions import ROLES

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
    """The lowest role on GitHub that may use it, or who else may; empty if everyone may."""
    details: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    """What to write for each argument of the usage."""


@dataclass(frozen=True)
class HelpResult:
    """Commands for the help reply; `detailed` with their arguments."""

    commands: list[CommandHelp]
    detailed: bool = False


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
    return f"Cut {code(result.version)} at {code(result.commit)}; {state}."


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
    if name == "expected" and "`" in text:
        return plain(text)
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


def edited(prefix: str) -> str:
    """The reply to a command that was added when a comment was edited."""
    return f"I perform no commands of edited comments. Write {code(prefix)} … again, in a new comment."


def help_text(result: HelpResult) -> str:
    """The reply that lists commands, or explains some."""
    if result.detailed:
        return "\n\n".join(map(_explained, result.commands))
    return "\n".join(["I know these commands:", *map(_help_line, result.commands)])


def _help_line(command: CommandHelp) -> str:
    who = f" ({_who(command)})" if command.roles else ""
    example = f", for example `{command.example}`" if command.example != command.usage else ""
    return f"- `{command.usage}`: {command.summary}{who}{example}"


def _explained(command: CommandHelp) -> str:
    """A command with its arguments, its example and who may use it, on a line each."""
    arguments = [f"- `{name}`: {meaning}" for name, meaning in command.arguments.items()]
    who = [f"- who may: {_who(command)}"] if command.roles else []
    details = f" {command.details}" if command.details else ""
    heading = f"`{command.usage}`: {command.summary}.{details}"
    return "\n".join([heading, *arguments, f"- for example `{command.example}`", *who])


def _who(command: CommandHelp) -> str:
    """Who may use a command: a role, or others in words of their own."""
    return f"role {command.roles}" if command.roles.startswith(ROLES) else command.roles


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
