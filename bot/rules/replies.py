"""The texts that Longshore posts on GitHub. Untrusted text is put in code spans: no mentions, links or markup."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bot.rules.commands import Mistake
from bot.rules.escaping import code as code  # callers say replies.code
from bot.rules.escaping import plain as plain
from bot.rules.names import advice, in_words, without_names
from bot.rules.permissions import ROLES

MAX_LENGTH = 60_000  # GitHub accepts 65,536 characters
MARKER = "<!-- longshore:reply:{} -->"
DRY_RUN = "This is a dry run: nothing was done."


@dataclass(frozen=True)
class Act:
    """What a command did (`did` begins the sentence), or would do (`would`). `remarks` are further sentences."""

    did: str
    would: str
    what: str
    remarks: tuple[str, ...] = ()


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


def acted(act: Act) -> str:
    """Say what was done."""
    return " ".join((f"{act.did} {act.what}.", *act.remarks))


def would(act: Act) -> str:
    """Say what would be done."""
    return f"I would {act.would} {act.what}."


def in_dry_run(text: str) -> str:
    """Say that nothing was done, before what would be done."""
    return f"{DRY_RUN}\n{text}"


def moment(time: datetime) -> str:
    """A time in a text that may be read on another day: `2026-12-24 18:00 UTC`."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def refused(sentence: str, details: Mapping[str, Any]) -> str:
    """The reply to a refused command: the sentence, advice on names, and a line for each detail and closed gate."""
    shown = {name: value for name, value in without_names(details).items() if value is not None and name != "gates"}
    lines = [f"  - {name.replace('_', ' ')}: {_detail(name, _flat(value))}" for name, value in shown.items()]
    closed = [gate for gate in details.get("gates", ()) if "waits_for" in gate]
    lines += [f"  - gate {code(gate['gate'])}: {plain(gate['waits_for'])}{_helpers(gate)}" for gate in closed]
    text = " ".join(filter(None, (f"{sentence.rstrip('.')}.", advice(details))))
    return "\n".join([plain(text), *lines])


def _helpers(gate: Mapping[str, Any]) -> str:
    names = ", ".join(map(code, gate.get("who_can_help") or ()))
    return f"; who can help: {names}" if names else ""


def _detail(name: str, text: str) -> str:
    """A detail as code; of what is expected, only the form and the example, not the words around them."""
    if name == "expected" and "`" in text:
        return plain(text)
    form, separator, example = text.partition(", as in ")
    if name != "expected" or not separator:
        return code(text)
    return f"{code(form) if '<' in form else plain(form)}{separator}{code(example)}"


def mistaken(mistake: Mistake, prefix: str) -> str:
    """The reply to a malformed command; `prefix` is the word of all commands."""
    more = "" if prefix in mistake.advice else f". {code(f'{prefix} help')} lists all commands"
    return f"I cannot read {code(mistake.line)}: {mistake.advice}{more}"


def late(prefix: str) -> str:
    """The reply to a command that arrived long after it was written."""
    return (
        "GitHub could not deliver this to me in time, so I did nothing. If you still want it, please say it again: "
        f"write {code(prefix)} … in a new comment."
    )


def too_many(limit: int, prefix: str) -> str:
    """The reply to a comment with commands beyond those that one person can give in a minute."""
    return (
        f"I perform at most {limit} commands a minute for one person, and did nothing about these: wait a minute, then "
        f"write {code(prefix)} … again."
    )


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


def together(parts: list[str]) -> str:
    """Join the replies to all commands of a comment."""
    return "\n\n".join(parts)


def several_projects(names: Iterable[str]) -> str:
    """The refusal of a command that does not name one of several projects of its repository."""
    return f"This repository holds several projects ({in_words(sorted(names))}): add `in PROJECT`"


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {text}" for name, text in value.items())
    if isinstance(value, list):
        return "; ".join(map(_flat, value))
    return str(value)
