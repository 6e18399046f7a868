"""Replies: untrusted text never becomes a mention, a link, HTML or another table cell."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.operations.commands import COMMANDS
from bot.rules import replies, status_replies
from bot.rules.commands import Mistake
from bot.rules.replies import CommandHelp, HelpResult
from bot.rules.status_replies import EnvironmentStatus, ProjectStatus

HOSTILE = (
    "@everyone",
    "`@everyone`",
    "``@everyone``",
    "` @everyone `",
    "a`b@everyone",
    "`",
    "``",
    "\\`@everyone",
    "@everyone\\",
    "[click](http://evil.test)",
    "![x](http://evil.test/x.png)",
    "<http://evil.test>",
    "http://evil.test",
    "www.evil.test",
    "WWW.evil.test",
    "<img src=x onerror=alert(1)>",
    "</code></td></table><script>alert(1)</script>",
    "<!-- hidden -->",
    "&lt;b&gt;",
    "#1",
    "acme/site#1",
    "a | b | @everyone",
    "a \\| b | @everyone",
    "|||||",
    "x\n\n# Heading\n@everyone",
    "x\r\n| a | b |\n| --- | --- |",
    "```\n@everyone",
    "",
    " ",
    "\n",
    "**bold** _it_ ~~gone~~",
    "\u202e@everyone",
    "@" * 1000,
    "`" * 1000 + "@everyone",
)
ANY_TEXT = st.one_of(
    st.lists(st.sampled_from([*HOSTILE[:30], "|", "`", "\\", "\n", " ", "@a", "<b>", "x"]), max_size=6).map("".join),
    st.text(max_size=60),
)
ALLOWED_TAGS = {"p", "code", "strong", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"}


def rendered(body: str) -> str:
    return str(MarkdownIt("commonmark").enable("table").render(body))


def assert_harmless(body: str) -> str:
    """Assert that nothing outside code spans is active when GitHub renders a reply; returns the HTML."""
    html = rendered(body)
    outside_code = re.sub(r"<code>[^<]*</code>", "<code></code>", html)
    tags = set(re.findall(r"</?([a-zA-Z!-]+)", outside_code))
    text = re.sub(r"<[^>]*>", "", outside_code)
    assert tags <= ALLOWED_TAGS, (tags, body)
    assert re.search(r"@\w|#\w|://|\bwww\.", text, re.IGNORECASE) is None, (text, body)
    return html


@given(ANY_TEXT)
def test_untrusted_text_is_one_code_span(text: str) -> None:
    html = assert_harmless(f"before {replies.code(text)} after {replies.code('last')}")
    assert html.count("<code>") == 2
    assert html.startswith("<p>before <code>") and html.endswith("after <code>last</code></p>\n")


@pytest.mark.parametrize("text", HOSTILE, ids=[ascii(text)[:30] for text in HOSTILE])
def test_untrusted_text_is_inert_in_every_reply(text: str) -> None:
    for body in (
        replies.edited(text),
        replies.late(text),
        replies.too_many(10, text),
        replies.mistaken(Mistake(text, "did you mean `/release help`?"), "/release"),
        replies.mistaken(Mistake(text, "no"), text),
        replies.refused("Release project not found", {"project": text, "gates": [{"gate": text}], "more": {"x": text}}),
        replies.refused(replies.several_projects([text, "other"]), {}),
    ):
        assert_harmless(body)


@given(ANY_TEXT)
def test_untrusted_text_in_the_sentence_or_details_of_a_refusal_is_inert(text: str) -> None:
    assert_harmless(replies.refused(f"The release id `x-1` is that of a release of the project `{text}`.", {}))
    assert_harmless(replies.refused(f"Nothing is called {text}", {"reason": text}))
    assert_harmless(replies.refused("Deployment is gated", {"gates": [{"gate": "hold", "waits_for": text}]}))


def test_the_sentence_of_a_refusal_is_unchanged() -> None:
    sentence = "`repo` must be a GitHub repository as `owner/name`."
    assert replies.refused(sentence, {}) == sentence
    assert replies.refused("Invalid commit hash", {}) == "Invalid commit hash."
    gates = [{"gate": "hold", "waits_for": "held by @ada"}, {"gate": "busy", "verdict": "pass"}]
    reply = replies.refused("Environment is frozen", {"by": "ada", "gates": gates})
    held = f"  - gate `hold`: {replies.plain('held by @ada')}"
    assert reply.splitlines() == ["Environment is frozen.", "  - by: `ada`", held]


def test_a_refusal_by_gates_says_who_can_help() -> None:
    gates = [
        {"gate": "checks", "waits_for": "ci failed", "who_can_help": []},
        {"gate": "lock", "waits_for": "It is locked by @ada", "who_can_help": ["ada", "@role:admin"]},
        {"gate": "hold", "sentence": "It is not on hold"},
    ]
    reply = replies.refused("Deployment is gated", {"gates": gates})
    assert reply.splitlines()[1:] == [
        "  - gate `checks`: ci failed",
        "  - gate `lock`: It is locked by @\u200bada; who can help: `ada`, `@role:admin`",
    ]
    assert_harmless(reply)


@given(st.lists(st.tuples(ANY_TEXT, st.one_of(st.none(), ANY_TEXT), st.one_of(st.none(), ANY_TEXT)), max_size=4))
def test_a_status_is_a_table_with_one_row_of_five_cells_per_environment(
    rows: list[tuple[str, str | None, str | None]],
) -> None:
    environments = tuple(EnvironmentStatus(name, live, None, live, frozen) for name, live, frozen in rows)
    html = assert_harmless(status_replies.status(ProjectStatus("site", None, environments)))
    assert html.count("<tr>") == (1 + len(rows) if rows else 0)
    assert html.count("<td>") == 5 * len(rows)


def test_help_lists_the_usage_of_every_command() -> None:
    reply = replies.help_text(HelpResult([command.help for command in COMMANDS.values()]))
    assert all(f"`{command.grammar.usage}`" in reply for command in COMMANDS.values())
    assert (
        "as soon as nothing stands in its way (role write; maintain for production), for example `/release deploy "
        in reply
    )
    assert rendered(reply).count("<li>") == len(COMMANDS)
    assert_harmless(reply)


def test_help_explains_commands_with_their_arguments_and_who_may_use_them() -> None:
    rows = [command.help_with("/ship") for command in COMMANDS.values()]
    for row in rows:
        reply = replies.help_text(HelpResult([row], detailed=True))
        assert reply.startswith(f"`{row.usage}`: {row.summary}.")
        assert f"- for example `{row.example}`" in reply.splitlines()
        assert rendered(reply).count("<li>") == len(row.arguments) + 1 + bool(row.roles)
        assert "/release" not in reply
        assert_harmless(reply)
    assert_harmless(replies.help_text(HelpResult(rows, detailed=True)))


def test_help_says_in_words_who_may_use_a_command_that_no_role_decides() -> None:
    row = CommandHelp("/release approve", "approve", "/release approve x", "those named by the environment's rule")
    assert "(those named by the environment's rule)" in replies.help_text(HelpResult([row]))
    assert "- who may: those named by the environment's rule" in replies.help_text(HelpResult([row], detailed=True))


DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def test_characters_that_turn_text_around_are_shown_as_unreadable_ones() -> None:
    for text in (replies.code(f"a{DIRECTIONS}b"), replies.plain(f"a{DIRECTIONS}b"), replies.plain(f"`a{DIRECTIONS}b`")):
        assert not set(DIRECTIONS) & set(text)
        assert text.strip("`") == "a" + "\ufffd" * len(DIRECTIONS) + "b"


def test_only_the_reply_to_a_comment_has_its_marker() -> None:
    posted = replies.with_marker("Done.", "pull-comment:1")
    assert replies.has_marker(posted, "pull-comment:1")
    assert replies.has_marker(posted + "\n", "pull-comment:1")
    assert not replies.has_marker(posted, "pull-comment:11")
    assert not replies.has_marker(posted, "commit-comment:1")
    assert rendered(posted).startswith("<p>Done.</p>")


def test_a_marker_inside_a_command_does_not_count() -> None:
    line = "/release " + replies.with_marker("", "pull-comment:2").strip()
    assert not replies.has_marker(
        replies.with_marker(replies.mistaken(Mistake(line, "no"), "/release"), "pull-comment:1"), "pull-comment:2"
    )


def test_a_reply_fits_githubs_limit_and_is_cut_between_lines() -> None:
    texts = ("1" * 300, "2" * 300, "3" * 300, "4" * 300)
    environments = tuple(EnvironmentStatus(f"{number} @everyone", *texts) for number in range(100))
    status = status_replies.status(ProjectStatus("site", "1-rc1", environments))
    body = replies.with_marker(replies.together([status] * 10), "pull-comment:1")
    assert len(body) < 65_536
    assert replies.has_marker(body, "pull-comment:1")
    assert "more than a comment can hold" in body
    assert_harmless(body.rpartition("<!--")[0])
