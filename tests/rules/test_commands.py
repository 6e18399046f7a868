"""Commands in comments: which lines are commands, which are mistakes, and which are ignored."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.operations.commands import COMMANDS, GRAMMARS
from bot.rules import commands
from bot.rules.commands import (
    LEFT_OUT,
    LEFT_OUT_OF_MESSAGE,
    MAX_COMMANDS,
    Mistake,
    has_likely_commands,
    may_hold_commands,
)
from bot.rules.grammar import Argument, Clause, Grammar, ParsedCommand
from bot.rules.prefixes import is_prefix

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
    "/release help deploy": [ParsedCommand("help", {"command": "deploy"})],
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
    "<!-- /release status",
    "<!-- /release status\n/release help",
    "<!-- /release status -->",
    "<!-- a\n/release status\n\n/release help",
    "<![CDATA[\n\n/release status",
    "<details open>\n<summary>a</summary>\n\n/release status",
    "<details>\n/release status\n</details>",
    "<DETAILS>\n\n/release status\n\n</DETAILS>",
    "<details>\n\n<details>\n\na\n\n</details>\n\n/release status\n\n</details>",
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
    "/relase cut 1.0": "did you mean `/release cut [VERSION]",
    "/Releaes STATUS": "did you mean `/release status",
    "/rellease help": "did you mean `/release help [COMMAND]`?",
    "/releass cut 1.0": "did you mean `/release cut [VERSION]",
    "/releas cut 1.0": "did you mean `/release cut [VERSION]",
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
    "/release publish production": f"I know {', '.join(f'`{word}`' for word in GRAMMARS)}",
    "/release please": "I know",
    "/release cutt 1.0": "did you mean `/release cut [VERSION] [at SHA] [in PROJECT] [--dry-run]`?",
    "/release dpeloy 1-rc1 to qa": "did you mean `/release deploy CANDIDATE to ENVIRONMENT [in PROJECT] [--dry-run] ",
    "/release stats": "did you mean `/release status [in PROJECT]`?",
    "/release status.": "did you mean `/release status [in PROJECT]`?",
    "/release hlep": "did you mean `/release help [COMMAND]`?",
    "/release deploy": "write it as `/release deploy CANDIDATE to ENVIRONMENT",
    "/release cut at": "write it as",
    "/release cut 1.0 at": "write it as",
    "/release cut 1.0 at ``": "write it as",
    "/release cut ``": "write it as",
    "/release cut 1.0 at a at b": "write it as",
    "/release cut 1.0 2.0": "write it as",
    "/release cut 1.0 from main": "write it as",
    "/release deploy 1-rc1": "write it as `/release deploy CANDIDATE to ENVIRONMENT [in PROJECT] ",
    "/release deploy 1-rc1 qa": "write it as",
    "/release deploy 1-rc1 in shop": "write it as",
    "/release status now": "write it as",
    "/release help me to deploy": "write it as",
    "/release help --all": "write it as",
    "/release cut `1.0\n/release status`": "write it as",
}


DISGUISED = {
    # a line that does not begin with the word is ignored
    "\u200f/release status": None,
    "\u202e/release status": None,
    "\u2060/release status": None,
    "\ufeff/release status": None,
    # one that only looks like it is answered if the word of a command follows
    "\uff0frelease cut 1.0": "did you mean `/release cut",
    "\u2044release cut 1.0": "did you mean `/release cut",
    "\u2215release cut 1.0": "did you mean `/release cut",
    "/\uff52\uff45\uff4c\uff45\uff41\uff53\uff45 cut 1.0": "did you mean `/release cut",
    "/rel\u200bease cut 1.0": "did you mean `/release cut",
    "/\u200brel\u200bea\u200bse cut 1.0": "did you mean `/release cut",
    "/release\u200b cut 1.0": "did you mean `/release cut",
    "/release\u200f cut 1.0": "did you mean `/release cut",
    "/release\ufe0f cut 1.0": "did you mean `/release cut",
    "/r\u0435l\u0435as\u0435 cut 1.0": "did you mean `/release cut",  # Cyrillic
    "/rel\u03b5ase cut 1.0": "did you mean `/release cut",  # Greek
    "/relea\u017fe cut 1.0": "did you mean `/release cut",  # a long s, whose upper case is ours
    "/rele\u0301ase cut 1.0": "did you mean `/release cut",
    "\uff0frelease is a fine word": None,
    "/r\u0435l\u0435as\u0435 notes": None,
    "/\u0440\u0435\u043b\u0438\u0437 cut 1.0": None,  # the word in Russian
    # the words of commands and clauses
    "/release \u0441ut 1.0": "did you mean `/release cut",
    "/release c\u200but 1.0": "did you mean `/release cut",
    "/release \u200fcut 1.0": "did you mean `/release cut",
    "/release \uff43\uff55\uff54 1.0": "I know",
    "/release\u200bcut 1.0": None,
    "/release cut 1.0 \u0430t abc": "write it as",
    "/release deploy 1.0-rc1 t\u043e qa": "write it as",
    "/release deploy 1.0-rc1 \u202eto qa": "write it as",
    "/release deploy 1.0-rc1 to\u200b qa": "write it as",
}


@pytest.mark.parametrize(("body", "advice"), DISGUISED.items(), ids=[ascii(body)[:50] for body in DISGUISED])
def test_a_command_in_disguise_is_never_performed(body: str, advice: str | None) -> None:
    parsed = parse(body)
    assert not any(isinstance(command, ParsedCommand) for command in parsed)
    assert [advice is not None and advice in command.advice for command in parsed if isinstance(command, Mistake)] == (
        [] if advice is None else [True]
    )


def test_letters_whose_lower_case_is_ours_make_no_word_of_ours() -> None:
    grammars = {"lock": Grammar("lock", clauses=(Clause("back", Argument("name", str)),), flags=("kit",))}
    assert commands.parse("/task lock back x kit", grammars, "/task").commands == (
        ParsedCommand("lock", {"name": "x"}, frozenset({"kit"})),
    )
    for line in ("/tas\u212a lock", "/task loc\u212a", "/task lock bac\u212a x", "/task lock \u212ait"):
        (command,) = commands.parse(line, grammars, "/task").commands
        assert isinstance(command, Mistake), ascii(line)


DISGUISES = ("/release", "/rel", "ease", " ", "\u200b", "\u202e", "\uff0f", "\u0435", "\u017f", "\u212a", "\u00a0")


@given(st.lists(st.sampled_from(DISGUISES), max_size=5).map("".join))
def test_only_the_very_word_begins_a_command(text: str) -> None:
    for command in parse(f"{text} cut 1.0"):
        if isinstance(command, ParsedCommand):
            assert re.fullmatch("/release[ \u00a0]*", text.strip(" ")), ascii(text)


# --- the word of a repository


SHIP = "/ship"


def test_a_repository_may_have_another_word() -> None:
    body = "/ship status\n/SHIP help\n/release status\n/releases help\n/relase help"
    assert commands.parse(body, GRAMMARS, SHIP).commands == (STATUS, ParsedCommand("help"))
    assert commands.parse("/ship status", GRAMMARS).commands == ()


@pytest.mark.parametrize("word", ["/releases", "/relase", "/r-elease", "/rel"])
def test_the_usual_word_is_none_of_a_repository_with_another_one(word: str) -> None:
    for line in ("/release status", "/RELEASE status", "/release"):
        assert commands.parse(line, GRAMMARS, word).commands == ()
        assert not has_likely_commands(line, GRAMMARS, word)
    assert commands.parse(f"{word} status", GRAMMARS, word).commands == (STATUS,)


def test_advice_shows_the_word_of_the_repository() -> None:
    body = "/ship cut at\n/ship ctu 1.0\n/shpi cut 1.0\n/ship deploy"
    for command in commands.parse(body, GRAMMARS, SHIP).commands:
        assert isinstance(command, Mistake)
        assert "`/ship " in command.advice and "/release" not in command.advice


def test_the_word_of_a_repository_is_a_slash_and_a_short_name() -> None:
    assert all(map(is_prefix, ("/release", "/ship", "/ci-release_2", "/ab", "/" + "a" * 49)))
    wrong = ("", "/", "ship", "/a", "//a", "/Ship", "/2b", "/a b", "/a/b", "/é", "/a\n", "/" + "a" * 50, "/a.b")
    assert not any(map(is_prefix, wrong))


@pytest.mark.parametrize("word", ["/ab", "/ship", "/release", "/" + "a" * 49])
def test_every_line_that_begins_with_the_word_of_some_repository_may_be_a_command(word: str) -> None:
    for line in (f"{word} status", f"a\n  {word.upper()} status", word, f"{word}\tstatus", f"a\r{word} x"):
        assert may_hold_commands(line)
        assert commands.parse(line, GRAMMARS, word).commands
    for line in ("", "a /b", "//ab", "/usr/bin status", "1/2", "/", "/ a", f"> {word}", f"    {word}"):
        assert not may_hold_commands(line)


@pytest.mark.parametrize("body", [*VALID, *MISTAKES], ids=ascii)
def test_what_parses_passes_the_checks_that_come_before(body: str) -> None:
    assert may_hold_commands(body)
    assert has_likely_commands(body, GRAMMARS)


# --- the message of a tag


def message(text: str) -> list[ParsedCommand | Mistake]:
    return list(commands.parse_message(text, GRAMMARS).commands)


def test_every_line_of_a_message_that_begins_with_the_word_is_a_command() -> None:
    text = "Release 1.0\n\n/release status\n  /release help\nThanks,\n- /release help\n> /release help\n\t/release help"
    assert message(text) == [STATUS, ParsedCommand("help")]
    assert message("a\r\n/release status\r\n") == [STATUS]


def test_a_message_is_plain_text() -> None:
    assert message("```\n/release status\n```\n<!--\n/release help\n-->") == [STATUS, ParsedCommand("help")]
    assert message("Title\n/release status\n-----BEGIN PGP SIGNATURE-----\n\niQ\n-----END PGP SIGNATURE-----") == [
        STATUS
    ]


def test_a_mistake_in_a_message_gets_advice() -> None:
    first, second = message("/release ctu 1.0\n/relase cut 1.0\n/relase notes")
    assert isinstance(first, Mistake) and isinstance(second, Mistake)
    assert "did you mean `/release cut" in first.advice and "did you mean `/release cut" in second.advice


def test_the_number_of_commands_in_a_message_is_limited() -> None:
    assert len(message("/release status\n" * MAX_COMMANDS)) == MAX_COMMANDS
    parsed = commands.parse_message("/release status\n" * 10_000, GRAMMARS)
    assert (len(parsed.commands), parsed.remarks) == (MAX_COMMANDS, (LEFT_OUT_OF_MESSAGE,))


def test_the_word_of_the_repository_counts_in_messages_too() -> None:
    text = "/ship status\n/release help"
    assert commands.parse_message(text, GRAMMARS, SHIP).commands == (STATUS,)


# --- edited texts


ADDED = {
    "command": ("hello", "hello\n\n/release status", True),
    "another command": ("/release status", "/release help\n/release status", True),
    "other arguments": ("/release cut 1.0", "/release cut 1.1", True),
    "the same once more": ("/release status", "/release status\n/release status", True),
    "a mistake": ("hello", "/release ctu 1.0", True),
    "a mistake that was corrected": ("/release ctu 1.0", "/release cut 1.0", True),
    "a quote that became a command": ("> /release status", "/release status", True),
    "text around it": ("/release status", "please\n/release status\n\nthanks", False),
    "another order": ("/release status\n/release help", "/release help\n/release status", False),
    "other spaces": ("/release status", "/release   STATUS", False),
    "a command less": ("/release status\n/release help", "/release help", False),
    "no command": ("/release status", "never mind", False),
}


@pytest.mark.parametrize(("before", "after", "added"), ADDED.values(), ids=list(ADDED))
def test_whether_an_edited_text_has_a_command_that_it_did_not_have(before: str, after: str, added: bool) -> None:
    assert commands.parse(after, GRAMMARS).added_to(commands.parse(before, GRAMMARS)) is added


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
    without_alternatives = re.sub(r" \| [A-Za-z ]+(?=\])", "", grammar.usage)  # one of several clauses
    (command,) = parse(without_alternatives.replace("[", "").replace("]", ""))
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
