"""Commands in comments: which lines are commands, which are mistakes, and which are ignored."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.operations.commands import COMMANDS, GRAMMARS
from bot.rules import commands
from bot.rules.commands import MAX_COMMANDS, Grammar, Mistake, ParsedCommand

SHA = "a" * 40
STATUS = ParsedCommand("status")


def parse(body: str) -> list[ParsedCommand | Mistake]:
    """Parse a comment with the grammars of the real commands."""
    return commands.parse(body, GRAMMARS)


def deploy(candidate: str, environment: str) -> ParsedCommand:
    return ParsedCommand("deploy", {"candidate": candidate, "environment": environment})


VALID = {
    "/release cut 1.4.0": [ParsedCommand("cut", {"version": "1.4.0"})],
    "/release cut 1.4.0-rc2": [ParsedCommand("cut", {"version": "1.4.0-rc2"})],
    f"/release cut 1.4.0 at {SHA}": [ParsedCommand("cut", {"version": "1.4.0", "sha": SHA})],
    f"/release cut 1.4.0 in shop at {SHA}": [ParsedCommand("cut", {"version": "1.4.0", "sha": SHA, "project": "shop"})],
    "/release deploy 1.4.0-rc2 to production": [deploy("1.4.0-rc2", "production")],
    "/release deploy 1.4.0-rc2 in shop to qa": [
        ParsedCommand("deploy", {"candidate": "1.4.0-rc2", "environment": "qa", "project": "shop"})
    ],
    "/release status": [STATUS],
    "/release help": [ParsedCommand("help")],
    # spacing, case and surroundings
    "  /release status  ": [STATUS],
    "/release\tstatus": [STATUS],
    "/release   cut   `1.4.0`": [ParsedCommand("cut", {"version": "1.4.0"})],
    "/release CUT 1.4.0 AT x": [ParsedCommand("cut", {"version": "1.4.0", "sha": "x"})],
    "/release deploy 1-rc1 to Staging": [deploy("1-rc1", "Staging")],
    "Looks good!\n\n/release status\n\nThanks": [STATUS],
    "Looks good!\n/release status\nThanks": [STATUS],
    "/release status\r\n/release help\r\n": [STATUS, ParsedCommand("help")],
    "> shall we?\n\n/release status": [STATUS],
    "```\ncode\n```\n/release status": [STATUS],
    "<details>\n\n/release status\n\n</details>": [STATUS],
    "a ` b\n/release status": [STATUS],
    "a \\` b\n/release status\nc ` d": [STATUS],
    "/release sta\0tus": [STATUS],
}
IGNORED = (
    "",
    " \n\t\n",
    "release status",
    "please /release status",
    "/releases",
    "/release-notes",
    "/released status",
    "/Release status",
    "//release status",
    "\\/release status",
    "**/release status**",
    "`/release status`",
    "``/release status``",
    "a `\n/release status\n` b",
    "``\n/release status ` \n``",
    "> /release status",
    "> > /release status",
    "> a\n/release status",
    "- a\n\n  > /release status",
    "    /release status",
    "\t/release status",
    "```\n/release status\n```",
    "```sh\n/release status",
    "~~~\n/release status\n~~~",
    "<!-- \n/release status\n-->",
    "<pre>\n/release status\n</pre>",
    "<script>\n/release status\n</script>",
    "@bot /release status",
    "\u200b/release status",
)
MISTAKES = {
    "/release": "say what to do",
    "/release ": "say what to do",
    "/release ``": "I know",
    "/release rollback production": f"I know {', '.join(f'`{word}`' for word in GRAMMARS)}",
    "/release please": "I know",
    "/release cutt 1.0": "did you mean `/release cut VERSION [at SHA] [in PROJECT]`?",
    "/release dpeloy 1-rc1 to qa": "did you mean `/release deploy CANDIDATE to ENVIRONMENT [in PROJECT]`?",
    "/release stats": "did you mean `/release status [in PROJECT]`?",
    "/release status.": "did you mean `/release status [in PROJECT]`?",
    "/release hlep": "did you mean `/release help`?",
    "/release cut": "write it as `/release cut VERSION [at SHA] [in PROJECT]`",
    "/release cut at": "write it as",
    "/release cut 1.0 at": "write it as",
    "/release cut at abc": "write it as",
    "/release cut 1.0 at ``": "write it as",
    "/release cut ``": "write it as",
    "/release cut 1.0 at a at b": "write it as",
    "/release cut 1.0 2.0": "write it as",
    "/release cut 1.0 from main": "write it as",
    "/release deploy 1-rc1": "write it as `/release deploy CANDIDATE to ENVIRONMENT [in PROJECT]`",
    "/release deploy 1-rc1 qa": "write it as",
    "/release deploy 1-rc1 in shop": "write it as",
    "/release deploy to qa": "write it as",
    "/release status now": "write it as",
    "/release help me": "write it as",
    "/release cut `1.0\n/release status`": "write it as",
}


@pytest.mark.parametrize(("body", "expected"), VALID.items(), ids=[ascii(body)[:50] for body in VALID])
def test_a_command_is_parsed(body: str, expected: list[ParsedCommand]) -> None:
    assert parse(body) == expected


@pytest.mark.parametrize("body", IGNORED, ids=[ascii(body)[:50] for body in IGNORED])
def test_quotes_code_and_other_text_are_ignored(body: str) -> None:
    assert parse(body) == []


@pytest.mark.parametrize(("body", "advice"), MISTAKES.items(), ids=[ascii(body)[:50] for body in MISTAKES])
def test_a_mistake_gets_advice(body: str, advice: str) -> None:
    (mistake,) = parse(body)
    assert isinstance(mistake, Mistake)
    assert advice in mistake.advice


def test_several_commands_keep_their_order_and_a_mistake_does_not_hide_the_others() -> None:
    parsed = parse("/release cut 1.0\n/release ???\n/release deploy 1.0-rc1 to qa")
    assert [type(command) for command in parsed] == [ParsedCommand, Mistake, ParsedCommand]


def test_the_number_of_commands_in_a_comment_is_limited() -> None:
    assert len(parse("/release status\n" * 4000)) == MAX_COMMANDS


@pytest.mark.parametrize("grammar", GRAMMARS.values(), ids=list(GRAMMARS))
def test_every_usage_line_without_its_brackets_is_a_command(grammar: Grammar) -> None:
    (command,) = parse(grammar.usage.replace("[", "").replace("]", ""))
    assert isinstance(command, ParsedCommand)


@pytest.mark.parametrize("word", COMMANDS)
def test_every_example_parses_to_its_command(word: str) -> None:
    (command,) = parse(COMMANDS[word].example)
    assert isinstance(command, ParsedCommand)
    assert command.word == word


HOSTILE = {
    "brackets": "[" * 65_000,
    "links": "[a](" * 16_000,
    "images": "![" * 32_000,
    "emphasis": "*_" * 32_000,
    "backticks": "`" * 65_000,
    "spaced backticks": "` " * 32_000,
    "backtick runs of all lengths": " ".join("`" * length for length in range(1, 355)),
    "backtick runs of all lengths on lines": "\n".join("`" * length + "\n/release status" for length in range(1, 340)),
    "quotes": "> " * 32_000 + "/release status",
    "quotes without spaces": ">" * 65_000,
    "quotes in lists": "> - " * 16_000,
    "lists": "- " * 32_000,
    "nested lists": "".join(" " * depth + "- x\n" for depth in range(350)),
    "html": "<" * 65_000,
    "html comments": "<!--\n" * 13_000,
    "references": "[a]: <\n" * 9_000,
    "an unclosed reference": "[" + "a\n" * 32_000,
    "an unclosed title": '[a]: x\n"' + "b\n" * 32_000,
    "lazy continuation lines": "> a\n" + "b\n" * 32_000,
    "underlines": "a\n=\n" * 16_000,
    "fences": "```\n" * 16_000,
    "rules": "* * *\n" * 10_000,
    "entities": "&#" * 32_000,
    "backslashes": "\\" * 65_000,
    "tabs": "\t" * 65_000,
    "line breaks": "\n" * 65_000,
    "emoji": "\U0001f680" * 65_000,
    "zeros": "\0" * 65_000,
    "words": "/release " + "a " * 32_000,
    "one word": "/release " + "c" * 65_000,
    "mistakes": "/release x\n" * 6_000,
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=list(HOSTILE))
def test_a_hostile_comment_is_parsed_quickly(body: str) -> None:
    started = time.process_time()
    parsed = parse(body)
    assert time.process_time() - started < 4
    assert len(parsed) <= MAX_COMMANDS


PIECES = st.sampled_from(
    [
        "/release",
        " ",
        "cut",
        "1.0",
        "\n",
        "`",
        "```",
        ">",
        "- ",
        "    ",
        "\\",
        "<!--",
        "-->",
        "\0",
        "at",
        "\u2028",
        "[a]:",
    ]
)


@given(st.lists(PIECES, max_size=30).map("".join))
def test_any_text_parses_to_known_commands_with_one_word_arguments(body: str) -> None:
    for command in parse(body):
        if isinstance(command, ParsedCommand):
            assert command.word in GRAMMARS
            assert all(text and text.split() == [text] for text in command.arguments.values())
        else:
            assert command.line.startswith("/release") and command.advice


@given(st.text(max_size=200), st.integers(0, 2**32))
def test_text_in_a_fence_is_never_a_command(inside: str, seed: int) -> None:
    fence = "~" * (3 + random.Random(seed).randrange(5))
    if "~~~" not in inside:
        assert parse(f"{fence}\n{inside}\n/release status\n{fence}") == []
