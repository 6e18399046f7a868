"""The grammar of commands: words, arguments, clauses and flags, with grammars of every form that commands may have."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Refusal
from bot.rules import command_arguments as forms
from bot.rules.command_arguments import (
    BECAUSE as SAY_WHY,
)
from bot.rules.command_arguments import (
    CANDIDATE,
    DRY_RUN,
    DURATION,
    FORCE,
    IN_PROJECT,
    PULL_REQUEST,
    RELEASE,
    SHA,
    TIME,
)
from bot.rules.commands import Mistake, meant, parse
from bot.rules.grammar import Argument, Clause, Grammar, ParsedCommand


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
    "rollback qa because we need --force now": ({"environment": "qa", "reason": "we need --force now"}, set()),
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


def parse_line(text: str, grammars: Mapping[str, Grammar] = GRAMMARS) -> ParsedCommand | Mistake:
    """Parse a comment that is one command, without its prefix."""
    (command,) = parse(f"/release {text}", grammars).commands
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
    assert set(command.arguments) == {argument.name for argument in grammar.arguments()}
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


# --- every form that commands have


WRITES = (DRY_RUN,)
FORCED = (FORCE, DRY_RUN)
FORMS = {
    grammar.word: grammar
    for grammar in (
        Grammar("cut", optional=(forms.VERSION,), clauses=(forms.AT_COMMIT, IN_PROJECT), flags=WRITES),
        Grammar(
            "deploy",
            required=(CANDIDATE,),
            clauses=(Clause("to", forms.ENVIRONMENT, required=True), IN_PROJECT, forms.FORCE_BECAUSE),
            flags=FORCED,
        ),
        Grammar(
            "promote",
            required=(CANDIDATE,),
            clauses=(forms.TO_ENVIRONMENT, IN_PROJECT, forms.FORCE_BECAUSE),
            flags=FORCED,
        ),
        Grammar("rollback", required=(forms.ENVIRONMENT,), clauses=(IN_PROJECT, forms.FORCE_OR_BECAUSE), flags=FORCED),
        Grammar("cancel", required=(forms.CANDIDATE_OR_ENVIRONMENT,), clauses=(IN_PROJECT,), flags=WRITES),
        Grammar("approve", required=(CANDIDATE,), clauses=(forms.FOR_ENVIRONMENT, IN_PROJECT), flags=WRITES),
        Grammar("approve config", clauses=(forms.FOR_ENVIRONMENT, IN_PROJECT), flags=WRITES),
        Grammar("unapprove", required=(CANDIDATE,), clauses=(forms.FOR_ENVIRONMENT, IN_PROJECT), flags=WRITES),
        Grammar("why", required=(CANDIDATE,), clauses=(forms.FOR_ENVIRONMENT, IN_PROJECT)),
        Grammar("hold", required=(RELEASE,), clauses=(IN_PROJECT, SAY_WHY), flags=WRITES),
        Grammar("unhold", required=(RELEASE,), clauses=(IN_PROJECT,), flags=WRITES),
        Grammar("ban", required=(CANDIDATE,), clauses=(IN_PROJECT, SAY_WHY), flags=WRITES),
        Grammar(
            "freeze",
            required=(forms.ENVIRONMENT_OR_ALL,),
            clauses=(forms.UNTIL_OR_FOR, IN_PROJECT, SAY_WHY),
            flags=WRITES,
        ),
        Grammar("unfreeze", required=(forms.ENVIRONMENT_OR_ALL,), clauses=(IN_PROJECT,), flags=WRITES),
        Grammar("lock", required=(forms.ENVIRONMENT,), clauses=(forms.FOR_DURATION, IN_PROJECT, SAY_WHY), flags=WRITES),
        Grammar("announce", required=(RELEASE,), clauses=(IN_PROJECT,), flags=WRITES),
        Grammar("announcement approve", required=(RELEASE,), clauses=(IN_PROJECT,), flags=WRITES),
        Grammar("announcement reject", required=(RELEASE,), clauses=(IN_PROJECT, SAY_WHY), flags=WRITES),
        Grammar("status", clauses=(IN_PROJECT,)),
        Grammar("where", optional=(forms.PULL_REQUEST_OR_SHA,), clauses=(IN_PROJECT,)),
        Grammar("help", optional=(forms.COMMAND,)),
    )
}
FORMS_USAGE = """
/release cut [VERSION] [at SHA] [in PROJECT] [--dry-run]
/release deploy CANDIDATE to ENVIRONMENT [in PROJECT] [--dry-run] [force because REASON]
/release promote CANDIDATE [to ENVIRONMENT] [in PROJECT] [--dry-run] [force because REASON]
/release rollback ENVIRONMENT [in PROJECT] [--dry-run] [[force] because REASON]
/release cancel CANDIDATE|ENVIRONMENT [in PROJECT] [--dry-run]
/release approve CANDIDATE for ENVIRONMENT [in PROJECT] [--dry-run]
/release approve config for ENVIRONMENT [in PROJECT] [--dry-run]
/release unapprove CANDIDATE for ENVIRONMENT [in PROJECT] [--dry-run]
/release why CANDIDATE for ENVIRONMENT [in PROJECT]
/release hold VERSION [in PROJECT] [--dry-run] because REASON
/release unhold VERSION [in PROJECT] [--dry-run]
/release ban CANDIDATE [in PROJECT] [--dry-run] because REASON
/release freeze all|ENVIRONMENT [until TIME | for DURATION] [in PROJECT] [--dry-run] because REASON
/release unfreeze all|ENVIRONMENT [in PROJECT] [--dry-run]
/release lock ENVIRONMENT [for DURATION] [in PROJECT] [--dry-run] because REASON
/release announce VERSION [in PROJECT] [--dry-run]
/release announcement approve VERSION [in PROJECT] [--dry-run]
/release announcement reject VERSION [in PROJECT] [--dry-run] because REASON
/release status [in PROJECT]
/release where [#PR|SHA] [in PROJECT]
/release help [COMMAND]
"""
SHORT = "abcdef1"
FULL = "a" * 40


def test_the_usage_of_every_form() -> None:
    assert [grammar.usage for grammar in FORMS.values()] == FORMS_USAGE.strip().splitlines()


WRITTEN: dict[str, tuple[str, dict[str, str], set[str]]] = {
    "cut": ("cut", {}, set()),
    f"cut at {SHORT}": ("cut", {"sha": SHORT}, set()),
    "cut 1.4.0 --dry-run": ("cut", {"version": "1.4.0"}, {"--dry-run"}),
    "cut 1.4.0 —dry-run": ("cut", {"version": "1.4.0"}, {"--dry-run"}),  # as phones write it
    f"cut --dry-run in shop at {FULL}": ("cut", {"project": "shop", "sha": FULL}, {"--dry-run"}),
    "deploy 1-rc1 to qa": ("deploy", {"candidate": "1-rc1", "environment": "qa"}, set()),
    "deploy 1-rc1 to qa force because it is Friday": (
        "deploy",
        {"candidate": "1-rc1", "environment": "qa", "reason": "it is Friday"},
        {"force"},
    ),
    "deploy 1-rc1 FORCE to qa --dry-run in shop because of --dry-run and in x": (
        "deploy",
        {"candidate": "1-rc1", "environment": "qa", "project": "shop", "reason": "of --dry-run and in x"},
        {"force", "--dry-run"},
    ),
    'deploy 1-rc1 to "force"': ("deploy", {"candidate": "1-rc1", "environment": "force"}, set()),
    "promote 1-rc1": ("promote", {"candidate": "1-rc1"}, set()),
    "promote 1-rc1 to qa": ("promote", {"candidate": "1-rc1", "environment": "qa"}, set()),
    "promote 1-rc1 force because so": ("promote", {"candidate": "1-rc1", "reason": "so"}, {"force"}),
    "rollback qa": ("rollback", {"environment": "qa"}, set()),
    "rollback qa because it is slow": ("rollback", {"environment": "qa", "reason": "it is slow"}, set()),
    "rollback qa force because it is slow": ("rollback", {"environment": "qa", "reason": "it is slow"}, {"force"}),
    "cancel 1.4.0-rc1": ("cancel", {"candidate": "1.4.0-rc1"}, set()),
    "cancel v1.4.0-rc1": ("cancel", {"candidate": "v1.4.0-rc1"}, set()),
    "cancel 1.4.0rc1": ("cancel", {"candidate": "1.4.0rc1"}, set()),
    "cancel staging": ("cancel", {"environment": "staging"}, set()),
    'cancel "EU West"': ("cancel", {"environment": "EU West"}, set()),
    "cancel eu-rc": ("cancel", {"environment": "eu-rc"}, set()),
    "approve 1-rc1 for qa": ("approve", {"candidate": "1-rc1", "environment": "qa"}, set()),
    "approve config for qa": ("approve config", {"environment": "qa"}, set()),
    "Approve  CONFIG for qa in shop": ("approve config", {"environment": "qa", "project": "shop"}, set()),
    "hold 1.4.0 because the login fails": ("hold", {"release": "1.4.0", "reason": "the login fails"}, set()),
    "hold 1.4.0 in shop --dry-run because so": (
        "hold",
        {"release": "1.4.0", "project": "shop", "reason": "so"},
        {"--dry-run"},
    ),
    "freeze qa because audit": ("freeze", {"environment": "qa", "reason": "audit"}, set()),
    "freeze all because audit": ("freeze", {"everything": "all", "reason": "audit"}, set()),
    "freeze ALL for 2h because audit": ("freeze", {"everything": "ALL", "duration": "2h", "reason": "audit"}, set()),
    "freeze qa until tomorrow 8:00 because audit": (
        "freeze",
        {"environment": "qa", "time": "tomorrow 8:00", "reason": "audit"},
        set(),
    ),
    "freeze qa in shop until 2026-12-24 18:00 UTC --dry-run because audit": (
        "freeze",
        {"environment": "qa", "project": "shop", "time": "2026-12-24 18:00 UTC", "reason": "audit"},
        {"--dry-run"},
    ),
    'freeze qa until "tomorrow 8:00" in shop because audit': (
        "freeze",
        {"environment": "qa", "project": "shop", "time": "tomorrow 8:00", "reason": "audit"},
        set(),
    ),
    "unfreeze all": ("unfreeze", {"everything": "all"}, set()),
    "lock qa for 30m because migration": (
        "lock",
        {"environment": "qa", "duration": "30m", "reason": "migration"},
        set(),
    ),
    "announcement approve 1.4.0": ("announcement approve", {"release": "1.4.0"}, set()),
    "announcement reject 1.4.0 because of typos": (
        "announcement reject",
        {"release": "1.4.0", "reason": "of typos"},
        set(),
    ),
    "where": ("where", {}, set()),
    "where #12": ("where", {"pull request": "#12"}, set()),
    f"where {SHORT} in shop": ("where", {"sha": SHORT, "project": "shop"}, set()),
    "help": ("help", {}, set()),
    "help announcement approve": ("help", {"command": "announcement approve"}, set()),
}


@pytest.mark.parametrize(("text", "expected"), WRITTEN.items(), ids=list(WRITTEN))
def test_every_form_is_parsed(text: str, expected: tuple[str, dict[str, str], set[str]]) -> None:
    word, arguments, flags = expected
    parsed = parse_line(text, FORMS)
    assert parsed == ParsedCommand(word, arguments, frozenset(flags))
    FORMS[word].check(parsed)


ADVICE = {
    # a reason that is missing
    "hold 1.4.0": "say why: `because REASON`; write it as `/release hold VERSION",
    "hold 1.4.0 because": "say why: `because REASON`",
    "hold 1.4.0 the login fails": "say why: `because REASON`",
    "hold": "say why: `because REASON`",
    "freeze qa until 18:00": "say why: `because REASON`",
    "lock qa for 2h": "say why: `because REASON`",
    "deploy 1-rc1 to qa force": "say why: `because REASON`",
    "deploy 1-rc1 force to qa": "say why: `because REASON`",
    "rollback qa force": "say why: `because REASON`",
    "announcement reject 1.4.0": "say why: `because REASON`",
    # a flag that would have become a part of the reason
    "hold 1.4.0 because it fails --dry-run": "write `--dry-run` before `because`",
    "hold 1.4.0 because it fails —dry-run": "write `--dry-run` before `because`",
    # what does not go together
    "deploy 1-rc1 to qa because it is Friday": "write it as `/release deploy",
    "freeze qa until 18:00 for 2h because audit": "write it as `/release freeze",
    "freeze qa for 2h until 18:00 because audit": "write it as `/release freeze",
    "freeze qa for 2h for 3h because audit": "write it as `/release freeze",
    "hold 1.4.0 force because so": "write it as `/release hold",
    "why 1-rc1 for qa --dry-run": "write it as `/release why",
    "status --dry-run": "write it as `/release status",
    # what is left out
    "approve 1-rc1": "write it as `/release approve CANDIDATE for ENVIRONMENT",
    "approve config": "write it as `/release approve config for ENVIRONMENT",
    "approve config 1-rc1 for qa": "write it as `/release approve config for",
    "freeze all until because audit": "write it as `/release freeze",
    "cancel": "write it as `/release cancel CANDIDATE|ENVIRONMENT",
    "where #12 #13": "write it as `/release where",
    # words of two parts
    "announcement": "say which: `announcement approve`, `announcement reject`",
    "announcement 1.4.0": "say which: `announcement approve`, `announcement reject`",
    "announcement aprove 1.4.0": "did you mean `/release announcement approve VERSION",
    "anouncement reject 1.4.0": "did you mean `/release announcement reject VERSION",
    "aprove 1-rc1 for qa": "did you mean `/release approve CANDIDATE for",
    "aprove config for qa": "did you mean `/release approve config for",
    "freze qa": "did you mean `/release freeze",
    "nonsense": "I know `cut`, `deploy`",
}


@pytest.mark.parametrize(("text", "advice"), ADVICE.items(), ids=list(ADVICE))
def test_advice_says_what_is_wrong(text: str, advice: str) -> None:
    mistake = parse_line(text, FORMS)
    assert isinstance(mistake, Mistake)
    assert mistake.advice.startswith(advice)


TYPED = {
    "freeze qa for 2 because audit": ("DURATION", "a number and a unit"),
    "freeze qa for ever because audit": ("DURATION", "a number and a unit"),
    "freeze qa for 999d because audit": ("DURATION", "a number and a unit"),
    "freeze qa until Christmas because audit": ("TIME", "a time in UTC"),
    "freeze qa until 18:00 sharp because audit": ("TIME", "a time in UTC"),
    "cut 1.4.0 at main": ("SHA", "a commit: its full SHA"),
    "cut 1.4.0 at abcdef": ("SHA", "a commit: its full SHA"),
    f"cut 1.4.0 at {'0' * 40}": ("SHA", "a commit: its full SHA"),
    f"cut 1.4.0 at {'a' * 41}": ("SHA", "a commit: its full SHA"),
    f"cut 1.4.0 at {'a' * 65}": ("SHA", "a commit: its full SHA"),
    "where #x": ("#PR", "the number of a pull request"),
    "where main": ("SHA", "a commit: its full SHA"),
    f"hold 1.4.0 because {'so ' * 400}": ("REASON", "a sentence of at most 1,000 characters"),
}


@pytest.mark.parametrize(("text", "expected"), TYPED.items(), ids=[text[:40] for text in TYPED])
def test_the_refusal_of_an_argument_names_it_and_what_would_be_right(text: str, expected: tuple[str, str]) -> None:
    parsed = parse_line(text, FORMS)
    assert isinstance(parsed, ParsedCommand)
    with pytest.raises(Refusal) as refused:
        FORMS[parsed.word].check(parsed)
    argument, right = expected
    assert refused.value.details["argument"] == argument
    assert str(refused.value.details["expected"]).startswith(right)


def test_arguments_have_values_of_their_types() -> None:
    lock, where, cut = (
        parse_line(text, FORMS) for text in ("lock qa for 2h because x", "where #12", f"cut at {SHORT.upper()}")
    )
    assert isinstance(lock, ParsedCommand) and isinstance(where, ParsedCommand) and isinstance(cut, ParsedCommand)
    assert (lock.get(DURATION), lock.get(TIME)) == (timedelta(hours=2), None)
    assert (where.get(PULL_REQUEST), where.get(SHA), cut.get(SHA)) == (12, None, SHORT)
    with pytest.raises(Refusal, match="`CANDIDATE` is missing"):
        where.require(CANDIDATE)


@given(st.permutations(["to qa", "in shop", "--dry-run", "force"]))
def test_the_parts_of_an_override_may_come_in_any_order(parts: list[str]) -> None:
    parsed = parse_line(f"deploy 1-rc1 {' '.join(parts)} because to in force", FORMS)
    arguments = {"candidate": "1-rc1", "environment": "qa", "project": "shop", "reason": "to in force"}
    assert parsed == ParsedCommand("deploy", arguments, frozenset({"force", "--dry-run"}))


@pytest.mark.parametrize("word", FORMS)
def test_a_usage_line_in_full_parses_as_its_command(word: str) -> None:
    grammar = FORMS[word]
    line = grammar.usage.replace("[", "").replace("]", "").replace("until TIME | ", "")
    parsed = parse(line, FORMS).commands[0]
    assert isinstance(parsed, ParsedCommand)
    assert (parsed.word, parsed.flags) == (word, frozenset(grammar.flags))


WORDS = ("approve", "approve config", "announcement approve", "announcement reject", "announce", "cut")
MEANT = {
    "cut": ["cut"],
    "ctu 1.0": ["cut"],
    "approve": ["approve"],
    "approve 1-rc1": ["approve"],
    "aprove": ["approve"],
    "approve confg": ["approve config"],
    "announcement": ["announcement approve", "announcement reject"],
    "announcement rejct": ["announcement reject"],
    "announcment xyz": ["announcement approve", "announcement reject"],
    "xyz": [],
    "": [],
}


@pytest.mark.parametrize(("written", "words"), MEANT.items(), ids=list(MEANT))
def test_the_words_that_a_written_one_may_stand_for(written: str, words: list[str]) -> None:
    assert meant(written, WORDS) == words
