"""Tables of the documentation, made of declarations: what commands do, who may give them, and what grants permit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.rules.permissions import ROLES, grants_of_role, role_for
from bot.rules.replies import CommandHelp

YES, NO, NOT_PRODUCTION, BY_RULE = "yes", "–", "not production", "no role decides"
ACTS: Mapping[str, str] = {
    "project:read": "read everything of a project",
    "release:cut": "cut candidates, build them again, and cancel their builds",
    "deployment:start": "deploy, promote, roll back, cancel and lock on development and staging tiers",
    "deployment:production": "the same on the production tier",
    "deployment:report": "report the status of a deployment, and the runs of builds and deployments",
    "deployment:force": "override gates with a reason, and release others' locks",
    "release:hold": "hold, unhold, ban and unban",
    "freeze:write": "freeze and unfreeze environments, projects and, with the grant on all projects, the service",
    "announcement:submit": "submit announcements, and withdraw one's own",
    "announcement:approve": "approve and reject announcements",
    "project:write": "create and change projects, environments, package releases and their files",
    "content:read": "read release schedules, released files, and what they rest on",
    "content:write": "write the same",
    "admin": "everything, tokens included",
}
"""What each grant permits."""


@dataclass(frozen=True)
class Authority:
    """Who may give a command: the grants that it needs, the last one for production, or others, in words (`who`)."""

    word: str
    grants: Sequence[str]
    who: str = ""

    def cell(self, role: str) -> str:
        """Whether a role may give the command."""
        held = grants_of_role(role)
        needed = [grant in held for grant in self.grants]
        return YES if all(needed) else NOT_PRODUCTION if any(needed) else NO


def roles_table(authorities: Iterable[Authority]) -> str:
    """A row for each command, and a column for each role."""
    rows = [(f"`{each.word}`", *_cells(each)) for each in authorities]
    return markdown_table(("command", *ROLES), rows)


def grants_table() -> str:
    """A row for each grant: the lowest role that brings it, and what it permits."""
    rows = [(f"`{grant}`", role_for(grant) or "none: tokens only", acts) for grant, acts in ACTS.items()]
    return markdown_table(("grant", "role on GitHub", "permits"), rows)


def _cells(authority: Authority) -> Sequence[str]:
    return [BY_RULE] * len(ROLES) if authority.who else [authority.cell(role) for role in ROLES]


def commands_table(commands: Iterable[CommandHelp]) -> str:
    """A row for each command: its usage, what it does, who may use it, and an example."""
    rows = [(f"`{command.usage}`", _sentences(command), command.roles, f"`{command.example}`") for command in commands]
    return markdown_table(("command", "what it does", "role on GitHub", "example"), rows)


def arguments_table(commands: Iterable[CommandHelp]) -> str:
    """A row for each way to write an argument. One that differs between commands has a row for each."""
    meanings: Mapping[tuple[str, str], None] = dict.fromkeys(
        (f"`{name}`", meaning) for command in commands for name, meaning in command.arguments.items()
    )
    return markdown_table(("argument", "what to write"), sorted(meanings))


def _sentences(command: CommandHelp) -> str:
    first = command.summary[:1].upper() + command.summary[1:]
    return f"{first}. {command.details}" if command.details else first


def markdown_table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, with a line end; `|` in its cells is escaped."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
