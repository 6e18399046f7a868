"""How a command ends: exit codes, the outcome of one that ended, and the problems that end one early."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.errors import Problem

DONE, FAILED, USAGE, REFUSED, WAITS, UNREACHABLE = range(6)
MEANINGS = {
    DONE: "done",
    FAILED: "failed: a deployment or a build did not succeed, or something unexpected happened",
    USAGE: "wrong usage: the command line, a variable or the login has to be changed",
    REFUSED: "refused: by a gate, for want of a permission, or because what was asked for is not possible",
    WAITS: "waits: a gate may still open, or what was followed has not ended in time",
    UNREACHABLE: "unreachable: the service does not answer, or GitHub does not answer the service",
}
"""Exit codes and what they mean. Ctrl-C ends a command with 130."""
INTERRUPTED = 130


@dataclass(frozen=True)
class Table:
    """Rows below the titles of their columns."""

    titles: tuple[str, ...]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Outcome:
    """What a command has to say: to programs as a JSON value, to people as lines and tables.

    `problem` is a sentence about what did not succeed, for standard error.
    """

    value: object
    shown: Sequence[str | Table] = ()
    code: int = DONE
    problem: str | None = None


class Stopped(Problem):
    """A command that did not do what it was asked for; `code` is its exit code, `table` explains the sentence."""

    code = FAILED
    table: Table | None = None

    def value(self) -> dict[str, object]:
        """What programs are told."""
        return {"error": self.sentence, "details": dict(self.details)}


class Usage(Stopped):
    """The command line, a variable or the login has to be changed."""

    code = USAGE


class Refused(Stopped):
    """The service refuses what it was asked for. `said` is its sentence without the details, for programs."""

    code = REFUSED

    def __init__(
        self, sentence: str, status: int, said: str, details: Mapping[str, Any], table: Table | None = None
    ) -> None:
        super().__init__(sentence, **details)
        self.status, self.said, self.table = status, said, table

    def value(self) -> dict[str, object]:
        """What programs are told."""
        return {"error": self.said, "status": self.status, "details": dict(self.details)}


class Unreachable(Stopped):
    """The service does not answer, or cannot at the moment."""

    code = UNREACHABLE
