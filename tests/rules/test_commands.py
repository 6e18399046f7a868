"""Commands in comments: which lines are commands, which are mistakes, and which are ignored."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.operations.commands import COMMANDS, GRAMMARS
from bot.rules import commands
from bot.rules.commands import LEFT_OUT, MAX_COMMANDS, Grammar, Mistake, ParsedCommand

SHA = "a" * 40
STATUS = ParsedCommand("status")


def parse(body: str) -> list[ParsedCommand | Mistake]:
    """Parse a comment with the grammars of the real commands; its remarks are not expected."""
    parsed = commands.parse(body, GRAMMARS)
    assert not parsed.remarks
    return list(parsed.commands)


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
    "   /release status": [STATUS],
    "/Release status": [STATUS],
    "/RELEASE STATUS": [STATUS],
    "/release\u00a0status": [STATUS],
    "/release\u3000cut\u202f1.4.0": [ParsedCommand("cut", {"version": "1.4.0"})],
    "/release\tstatus": [STATUS],
    "/release   cut   `1.4.0`": [ParsedCommand("cut", {"version": "1.4.0"})],
    "/release CUT 1.4.0 AT x": [ParsedCommand("cut", {"version": "1.4.0", "sha": "x"})],
    "/release deploy 1-rc1 to Staging": [deploy("1-rc1", "Staging")],
    '/release deploy 1-rc1 to "EU West"': [deploy("1-rc1", "EU West")],
    "/release deploy 1-rc1 to 'EU West'": [deploy("1-rc1", "EU West")],
    "/release deploy 1-rc1 to `EU West`": [deploy("1-rc1", "EU West")],
    "/release deploy 1-rc1 to ``EU West``": [deploy("1-rc1", "EU West")],
    "/release deploy 1-rc1 to “EU West”": [deploy("1-rc1", "EU West")],
    "/release deploy 1-rc1 to „EU West“": [deploy("1-rc1", "EU West")],
    "/release deploy 1-rc1 to ‘EU West’": [deploy("1-rc1", "EU West")],
    "/release deploy 1-rc1 to «EU West»": [deploy("1-rc1", "EU West")],
    "/release deploy '1-rc1' to \" EU  West \" ": [deploy("1-rc1", "EU  West")],
    '/release deploy 1-rc1 to "Bob\'s place"': [deploy("1-rc1", "Bob's place")],
    "/release deploy 1-rc1 to Bob's": [deploy("1-rc1", "Bob's")],
    '/release deploy 1-rc1 to "in" in "Web Shop"': [
        ParsedCommand("deploy", {"candidate": "1-rc1", "environment": "in", "project": "Web Shop"})
    ],
    "Looks good!\n\n/release status\n\nThanks": [STATUS],
    "Looks good!\n/release status\nThanks": [STATUS],
    "/release status\r\n/release help\r\n": [STATUS, ParsedCommand("help")],
    "> shall we?\n\n/release status": [STATUS],
    "```\ncode\n```\n/release status": [STATUS],
    "/release status\r/release help\r": [STATUS, ParsedCommand("help")],
    "<details>\n<summary>Log</summary>\n\ntext</details>\n\n/release status": [STATUS],
    "<div align=center>\n\n/release status\n\n</div>": [STATUS],
    "<!-- a comment -->\n\n/release status": [STATUS],
    "<!-->\n\n/release status": [STATUS],
    "text <!-- GitHub shows this\n/release status": [STATUS],
    "text <!-- and this\n\n/release status": [STATUS],
    "> ```\n/release status": [STATUS],
    "> # heading\n/release status": [STATUS],
    "- a\n\n/release status": [STATUS],
    "| a |\n|---|\n| b |\n\n/release status": [STATUS],
    "[^1]: a footnote\n\n/release status": [STATUS],
    "[a]: b\n/release status": [STATUS],
    "[a\n/release status": [STATUS],
    "[a\n/release status\nb]": [STATUS],
    "[a](b)\n/release status\n[c](d)": [STATUS],
    "see <https://example.com>\n/release status": [STATUS],
    "**Now:**\n/release status": [STATUS],
    "text\\\n  /release status": [STATUS],
    "> " * 100 + "a\n\n/release status": [STATUS],
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
    "/releases cut 1.0",
    "/released status",
    "/relase notes",
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
    "&#47;release status",
    # lists, headings, quotes, tables
    "- /release status",
    "* /release status",
    "+ /release status",
    "1. /release status",
    "1) a\n/release status",
    "- a\n/release status",
    "- a\n\n  /release status",
    "- [ ] a\n/release status",
    "# /release status",
    "/release status\n===",
    "/release status\n---",
    "text\n/release status\n---",
    ">/release status",
    "> a\n>\n> b\n/release status",
    ">" * 100 + "a\n/release status",
    "| a |\n|---|\n/release status",
    "| a |\n|---|\n| b |\n/release status",
    "a | b\n--|--\n/release status | c",
    "/release status | a\n--|--",
    # footnotes and definitions
    "[^1]: a footnote\n/release status",
    "[^1]: word\n/release status",
    "[a]:\n/release 'status'",
    '[a]: b\n"\n/release status\n"',
    # HTML
    "<div>\n/release status\n</div>",
    "<details>\n\n/release status\n\n</details>",
    "<details><summary>a</summary>\n\nb\n\n/release status",
    "<blockquote>\n\n/release status\n\n</blockquote>",
    '<a href="b">\n\n/release status\n\n</a>',
    "<ul>\n<li>\n\n/release status\n\n</li>\n</ul>",
    "<p>\n/release status</p>",
    "text <!--\n/release status\n--> text",
    "<!--\n\n/release status",
    "- <!--\n\n/release status",
    "> <!--\n\n/release status",
    "<div><!--\n\n/release status\n\n-->",
    "text <code>\n/release status\n</code>",
    "text <del>\n/release status\n</del>",
    'text <a title="\n/release status\n">b</a>',
    "text <?\n/release status\n?>",
    # links, images, struck text
    "[a\n/release status\nb](c)",
    "[\n/release status\n]\n\n[/release status]: a",
    "[a\n/release status][b]\n\n[b]: c",
    "![a\n/release status\nb](c)",
    "[a](b\n'\n/release status\n')",
    "~~a\n/release status\nb~~",
    # white space that ends no line
    *(f"text{character}/release status" for character in "\u2028\u2029\u0085\v\f\x1c\x1d\x1e\x1f"),
    *(f"{character}/release status" for character in "\u2028\u2029\u0085\v\f\x1c\x1d\x1e\x1f\u00a0\ufeff\u3000"),
    "text\n    /release status",
    "text\n\t/release status",
)
MISTAKES = {
    "/release": "say what to do",
    "/release ": "say what to do",
    "/release ``": "I know",
    "/relase cut 1.0": "did you mean `/release cut VERSION",
    "/Releaes STATUS": "did you mean `/release status",
    "/rellease help": "did you mean `/release help`?",
    "/releass cut 1.0": "did you mean `/release cut VERSION",
    "/releas cut 1.0": "did you mean `/release cut VERSION",
    "/release\u2028status": "did you mean `/release status",
    "/release status\u2028/release help": "I know",
    "/release deploy 1.0-rc1 to\u2028qa": "write it as",
    "/release deploy 1.0-rc1 to EU West": "write it as",
    '/release deploy 1.0-rc1 to "EU West': "write it as",
    "/release deploy 1.0-rc1 to 'EU West\"": "write it as",
    '/release deploy 1.0-rc1 to ""': "write it as",
    '/release deploy 1.0-rc1 to " "': "write it as",
    "/release deploy 1.0-rc1 to qa`": "write it as",
    '/release deploy 1.0-rc1 "to" qa': "write it as",
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
    parsed = commands.parse("/release status\n" * 4000, GRAMMARS)
    assert (len(parsed.commands), parsed.remarks) == (MAX_COMMANDS, (LEFT_OUT,))
    assert len(parse("/release status\n" * MAX_COMMANDS)) == MAX_COMMANDS
    quoted = "> /release status\n" * 10
    assert parse(f"{quoted}\n/release help") == [ParsedCommand("help")]


@pytest.mark.parametrize("grammar", GRAMMARS.values(), ids=list(GRAMMARS))
def test_every_usage_line_without_its_brackets_is_a_command(grammar: Grammar) -> None:
    (command,) = parse(grammar.usage.replace("[", "").replace("]", ""))
    assert isinstance(command, ParsedCommand)


@pytest.mark.parametrize("word", COMMANDS)
def test_every_example_parses_to_its_command(word: str) -> None:
    (command,) = parse(COMMANDS[word].example)
    assert isinstance(command, ParsedCommand)
    assert command.word == word


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
def test_any_text_parses_to_known_commands_with_arguments_from_one_line(body: str) -> None:
    for command in parse(body):
        if isinstance(command, ParsedCommand):
            assert command.word in GRAMMARS
            assert all(text and text.strip() == text and "\n" not in text for text in command.arguments.values())
        else:
            assert command.line.startswith("/release") and command.advice


@given(st.text(max_size=200), st.integers(0, 2**32))
def test_text_in_a_fence_is_never_a_command(inside: str, seed: int) -> None:
    fence = "~" * (3 + random.Random(seed).randrange(5))
    if "~~~" not in inside:
        assert parse(f"{fence}\n{inside}\n/release status\n{fence}") == []
