"""Commands in comments: what is one, what is a mistake, and what is none of our business."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.operations.commands import GRAMMARS
from bot.rules import commands
from bot.rules.commands import MAX_COMMANDS, Mistake, ParsedCommand

SHA = "a" * 40
STATUS = ParsedCommand("status")


def parse(body: str) -> list[ParsedCommand | Mistake]:
    """Parse a comment by the grammars of the real commands."""
    return commands.parse(body, GRAMMARS)


def deploy(candidate: str, environment: str) -> ParsedCommand:
    return ParsedCommand("deploy", {"candidate": candidate, "environment": environment})


COMMANDS = {
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
    # as people write
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
NONE_OF_OURS = (
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
    "/release rollback production": "I know `cut`, `deploy`, `status`, `help`",
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


@pytest.mark.parametrize(("body", "expected"), COMMANDS.items(), ids=[ascii(body)[:50] for body in COMMANDS])
def test_a_command_is_read(body: str, expected: list[ParsedCommand]) -> None:
    assert parse(body) == expected


@pytest.mark.parametrize("body", NONE_OF_OURS, ids=[ascii(body)[:50] for body in NONE_OF_OURS])
def test_what_is_said_to_others_quoted_or_code_is_passed_over(body: str) -> None:
    assert parse(body) == []


@pytest.mark.parametrize(("body", "advice"), MISTAKES.items(), ids=[ascii(body)[:50] for body in MISTAKES])
def test_a_mistake_is_told_what_would_be_right(body: str, advice: str) -> None:
    (found,) = parse(body)
    assert isinstance(found, Mistake)
    assert advice in found.advice


def test_several_commands_keep_their_order_and_a_mistake_does_not_hide_the_others() -> None:
    found = parse("/release cut 1.0\n/release ???\n/release deploy 1.0-rc1 to qa")
    assert [type(each) for each in found] == [ParsedCommand, Mistake, ParsedCommand]


def test_no_more_than_so_many_are_taken_from_one_comment() -> None:
    assert len(parse("/release status\n" * 4000)) == MAX_COMMANDS


@pytest.mark.parametrize("form", GRAMMARS.values(), ids=list(GRAMMARS))
def test_every_usage_is_itself_a_command_once_its_brackets_are_gone(form: object) -> None:
    usage = str(getattr(form, "usage")).replace("[", "").replace("]", "")  # noqa: B009
    (found,) = parse(usage)
    assert isinstance(found, ParsedCommand)


TORTURE = {
    "brackets": "[" * 65_000,
    "links": "[a](" * 16_000,
    "images": "![" * 32_000,
    "emphasis": "*_" * 32_000,
    "backticks": "`" * 65_000,
    "backticks apart": "` " * 32_000,
    "backticks of all lengths": " ".join("`" * length for length in range(1, 355)),
    "backticks of all lengths in lines": "\n".join("`" * length + "\n/release status" for length in range(1, 340)),
    "quotes": "> " * 32_000 + "/release status",
    "quotes closely": ">" * 65_000,
    "quotes in lists": "> - " * 16_000,
    "lists": "- " * 32_000,
    "lists inward": "".join(" " * depth + "- x\n" for depth in range(350)),
    "html": "<" * 65_000,
    "html comments": "<!--\n" * 13_000,
    "references": "[a]: <\n" * 9_000,
    "a reference that never ends": "[" + "a\n" * 32_000,
    "a title that never ends": '[a]: x\n"' + "b\n" * 32_000,
    "lazy lines": "> a\n" + "b\n" * 32_000,
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


@pytest.mark.parametrize("body", TORTURE.values(), ids=list(TORTURE))
def test_a_comment_made_to_hurt_is_read_in_good_time(body: str) -> None:
    begun = time.process_time()
    found = parse(body)
    assert time.process_time() - begun < 4
    assert len(found) <= MAX_COMMANDS


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
def test_any_text_is_read_into_commands_with_arguments_of_one_word(body: str) -> None:
    for found in parse(body):
        if isinstance(found, ParsedCommand):
            assert found.word in GRAMMARS
            assert all(text and text.split() == [text] for text in found.arguments.values())
        else:
            assert found.line.startswith("/release") and found.advice


@given(st.text(max_size=200), st.integers(0, 2**32))
def test_what_stands_in_a_fence_is_never_a_command(inside: str, seed: int) -> None:
    fence = "~" * (3 + random.Random(seed).randrange(5))
    if "~~~" not in inside:
        assert parse(f"{fence}\n{inside}\n/release status\n{fence}") == []
