"""The grammar of commands: leading arguments, clauses and flags, with grammars that no real command uses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Refusal
from bot.rules.commands import Argument, Clause, Grammar, Mistake, ParsedCommand, parse


def read_number(text: str) -> int:
    if not text.isdecimal():
        raise Refusal("Not a number", number=text)
    return int(text)


VERSION = Argument("version", str)
ENVIRONMENT = Argument("environment", str)
REASON = Argument("reason", str)
COUNT = Argument("count", read_number)

BECAUSE = Clause("because", REASON, to_line_end=True)
GRAMMARS = {
    grammar.word: grammar
    for grammar in (
        Grammar("rollback", required=(ENVIRONMENT,), optional=(VERSION,), clauses=(BECAUSE,), flags=("--force",)),
        Grammar("hold", clauses=(Clause("because", REASON, required=True, to_line_end=True),)),
        Grammar("promote", required=(VERSION,), optional=(COUNT,), clauses=(Clause("to", ENVIRONMENT),)),
        Grammar("sweep", flags=("--dry-run", "--verbose")),
    )
}

VALID = {
    # optional leading arguments
    "rollback qa": ({"environment": "qa"}, set()),
    "rollback qa 1.0-rc1": ({"environment": "qa", "version": "1.0-rc1"}, set()),
    "promote 1.0": ({"version": "1.0"}, set()),
    "promote 1.0 3": ({"version": "1.0", "count": "3"}, set()),
    "promote 1.0 to qa": ({"version": "1.0", "environment": "qa"}, set()),
    "promote 1.0 3 to qa": ({"version": "1.0", "count": "3", "environment": "qa"}, set()),
    # a clause to the end of the line
    "rollback qa because it is slow": ({"environment": "qa", "reason": "it is slow"}, set()),
    "rollback qa 1.0-rc1 because  of   spaces ": (
        {"environment": "qa", "version": "1.0-rc1", "reason": "of   spaces"},
        set(),
    ),
    "rollback qa because because": ({"environment": "qa", "reason": "because"}, set()),
    "rollback qa BECAUSE of case": ({"environment": "qa", "reason": "of case"}, set()),
    "rollback qa because we need --force": ({"environment": "qa", "reason": "we need --force"}, set()),
    "hold because the `main` branch is broken": ({"reason": "the `main` branch is broken"}, set()),
    "hold because `main` is broken": ({"reason": "`main` is broken"}, set()),
    "hold because 1.0 fails to start": ({"reason": "1.0 fails to start"}, set()),
    # flags
    "sweep": ({}, set()),
    "sweep --dry-run": ({}, {"--dry-run"}),
    "sweep --verbose --dry-run": ({}, {"--dry-run", "--verbose"}),
    "rollback qa --force": ({"environment": "qa"}, {"--force"}),
    "rollback qa --force because now": ({"environment": "qa", "reason": "now"}, {"--force"}),
    "rollback qa 1.0-rc1 --force": ({"environment": "qa", "version": "1.0-rc1"}, {"--force"}),
}
MALFORMED = (
    "rollback",
    "rollback because of nothing",
    "rollback --force",
    "rollback qa 1.0 2.0",
    "rollback qa because",
    "rollback qa because ``",
    "rollback qa --dry-run",
    "rollback qa --force 1.0-rc1",
    "rollback qa --force --force",
    "rollback qa --dry-run 1.0-rc1",
    "hold",
    "hold because",
    "hold main",
    "promote",
    "promote to qa",
    "promote 1.0 to",
    "promote 1.0 to qa 3",
    "promote 1.0 to qa to production",
    "sweep now",
    "sweep --DRY-RUN",
    "sweep --dry",
    "sweep -- --dry-run",
)
USAGE = {
    "rollback": "/release rollback ENVIRONMENT [VERSION] [--force] [because REASON]",
    "hold": "/release hold because REASON",
    "promote": "/release promote VERSION [COUNT] [to ENVIRONMENT]",
    "sweep": "/release sweep [--dry-run] [--verbose]",
}


def parse_line(text: str) -> ParsedCommand | Mistake:
    """Parse a comment that is one command, without its prefix."""
    (command,) = parse(f"/release {text}", GRAMMARS).commands
    return command


@pytest.mark.parametrize(("text", "expected"), VALID.items(), ids=list(VALID))
def test_arguments_clauses_and_flags_are_parsed(text: str, expected: tuple[dict[str, str], set[str]]) -> None:
    arguments, flags = expected
    assert parse_line(text) == ParsedCommand(text.split()[0], arguments, frozenset(flags))


@pytest.mark.parametrize("text", MALFORMED)
def test_a_malformed_command_is_answered_with_its_usage(text: str) -> None:
    mistake = parse_line(text)
    assert isinstance(mistake, Mistake)
    assert mistake.advice == f"write it as `{USAGE[text.split()[0]]}`"


@pytest.mark.parametrize("word", GRAMMARS)
def test_usage_lists_required_before_optional_and_the_clause_to_the_line_end_last(word: str) -> None:
    assert GRAMMARS[word].usage == USAGE[word]


@pytest.mark.parametrize("word", GRAMMARS)
def test_a_usage_line_without_its_brackets_parses_with_every_argument_and_flag(word: str) -> None:
    grammar = GRAMMARS[word]
    command = parse_line(grammar.usage.removeprefix("/release ").replace("[", "").replace("]", ""))
    assert isinstance(command, ParsedCommand)
    names = {argument.name for argument in (*grammar.required, *grammar.optional)}
    assert set(command.arguments) == names | {clause.argument.name for clause in grammar.clauses}
    assert command.flags == frozenset(grammar.flags)


def test_arguments_are_typed_and_refuse_what_they_do_not_take() -> None:
    command, untyped = parse_line("promote 1.0 3"), parse_line("promote 1.0 three")
    assert isinstance(command, ParsedCommand) and isinstance(untyped, ParsedCommand)
    assert (command.require(VERSION), command.get(COUNT), command.get(ENVIRONMENT)) == ("1.0", 3, None)
    with pytest.raises(Refusal, match="Not a number"):
        untyped.get(COUNT)


def test_a_clause_to_the_line_end_leaves_the_next_line_alone() -> None:
    commands = parse("/release hold because of this\n/release sweep", GRAMMARS).commands
    assert commands == (ParsedCommand("hold", {"reason": "of this"}), ParsedCommand("sweep"))


@given(st.permutations(["to qa", "in shop", "--force", "--quiet"]), st.booleans())
def test_clauses_and_flags_may_come_in_any_order(parts: list[str], has_reason: bool) -> None:
    clauses = (Clause("to", ENVIRONMENT), Clause("in", VERSION), BECAUSE)
    grammar = Grammar("run", clauses=clauses, flags=("--force", "--quiet"))
    line = " ".join(["/release run", *parts, *(["because in to --force"] if has_reason else [])])
    reason = {"reason": "in to --force"} if has_reason else {}
    arguments = {"environment": "qa", "version": "shop", **reason}
    assert parse(line, {"run": grammar}).commands == (ParsedCommand("run", arguments, frozenset(grammar.flags)),)
