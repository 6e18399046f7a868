"""The log: one JSON line for each unit of work, saying what it was about, and never a secret."""

import logging
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import orjson
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bot.log import bind_log_context, configure, redact
from bot.store.database import fetch
from tests.world import World

BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """The log as the service writes it: gives the lines written so far."""
    root, written = logging.getLogger(), StringIO()
    handlers, level, root.handlers[:] = list(root.handlers), root.level, []
    configure("info")
    for handler in root.handlers:
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(written)
    yield lambda: [orjson.loads(line) for line in written.getvalue().splitlines()]
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def of(said: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The lines about units of work of a kind."""
    return [line for line in said if line.get("event") == "job" and line["kind"] == kind]


async def test_each_unit_of_work_has_one_line(lines: Lines, world: World) -> None:
    await world.github.tag("v1.2-rc1")
    await world.settle()
    pushed = next(one for one in world.github.deliveries if one.event == "push")
    (line,) = [line for line in of(lines(), "webhook") if line["github_event"] == "push"]
    assert (line["delivery"], line["outcome"], line["level"]) == (pushed.guid, "ok", "info")
    assert {"job", "seconds", "attempt", "timestamp"} <= set(line)
    (cut,) = of(lines(), "cut_by_tag")
    (dispatch,) = of(lines(), "dispatch")
    assert cut["project"] == dispatch["project"] == "site"
    assert dispatch["candidate"] == "1.2-rc1"
    ended = [line["job"] for line in lines() if line.get("event") == "job" and line["outcome"] == "ok"]
    assert sorted(ended) == [row["id"] for row in await fetch("SELECT id FROM jobs ORDER BY id")]


async def test_a_refusal_is_told_and_waiting_for_github_is_a_warning(lines: Lines, world: World) -> None:
    world.github.faults.fail(path="*/cancel", status=502)
    await world.github.tag("v1.2-rc1", at=await world.github.fork_commit())
    await world.cut("1.3-rc1", build=True)
    await world.settle()
    await world.ask("POST", "/api/releases/site/releases/1.3-rc1/cancel")
    await world.settle()
    (refused,), (failed,) = of(lines(), "cut_by_tag"), of(lines(), "cancel")
    assert (refused["outcome"], refused["level"]) == ("refused", "info")
    assert "Invalid commit hash" in refused["error"]
    assert (failed["outcome"], failed["level"]) == ("later", "warning")
    assert "GitHub answered 502" in failed["error"]
    await world.settle(skip_delays=True)


async def test_alarms_are_errors(lines: Lines, world: World) -> None:
    world.github.faults.wrong_head_sha()
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    (alarm,) = [line for line in lines() if line["event"] == "alarm"]
    assert (alarm["level"], alarm["alarm"], alarm["commit"]) == ("error", "candidate.spoiled", world.github.head())


async def test_no_secret_of_ours_or_githubs_is_ever_written(lines: Lines, world: World) -> None:
    structlog.get_logger().info("told", token=world.token, deep={"list": [f"Bearer {world.token}"]})
    world.github.faults.fail(path="*/git/refs", status=500)
    await world.cut("1.2-rc1", build=True)
    await world.settle(skip_delays=True)
    written = orjson.dumps(lines()).decode()
    minted = list(world.github.state.tokens)
    assert minted
    assert not [secret for secret in [*minted, world.token, world.github.webhook_secret] if secret in written]
    assert "PRIVATE KEY" not in written


# --- rules


def text_of(alphabet: str, least: int, most: int) -> st.SearchStrategy[str]:
    """Random text."""
    return st.text(alphabet, min_size=least, max_size=most)


JWT = st.builds(lambda *parts: ".".join(parts), *(text_of(BASE64, 20, 200) for _ in range(3)))
SECRETS = st.one_of(
    st.builds(lambda app, rest: f"ghs_{app}_{rest}", st.integers(1, 10**8), JWT),
    st.builds(lambda kind, rest: f"gh{kind}_{rest}", st.sampled_from("pousr"), text_of(BASE64[:62], 36, 36)),
    text_of(BASE64[:62], 22, 82).map(lambda rest: f"github_pat_{rest}"),
    text_of(BASE64, 43, 43).map(lambda rest: f"lsh_{rest}"),
    text_of(BASE64 + "\n", 50, 400).map(
        lambda rest: f"-----BEGIN RSA PRIVATE KEY-----\n{rest}\n-----END RSA PRIVATE KEY-----"
    ),
)
PLACES: list[Callable[[str], Any]] = [
    lambda secret: secret,
    lambda secret: f"401 for {secret}: Bad credentials",
    lambda secret: f'{{"token":"{secret}"}}',
    lambda secret: {"error": {"headers": [f"Authorization: Bearer {secret}"]}},
    lambda secret: {"Authorization": secret},
    lambda secret: [("token", secret), {"deep": [secret]}],
]


@given(SECRETS, st.sampled_from(PLACES))
def test_nothing_that_looks_like_a_secret_gets_through(secret: str, place: Callable[[str], Any]) -> None:
    shown = str(redact(place(secret)))
    assert "[redacted]" in shown
    body = secret.split("-----")[2] if "KEY" in secret else secret[12:]
    assert all(body[at : at + 20] not in shown for at in range(0, len(body) - 20, 10))


@pytest.mark.parametrize(
    ("secret", "where"),
    [
        ("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxIn0.c2lnbmF0dXJl", "Authorization: Bearer {}"),
        ("hunter2", "postgres://longshore:{}@db.example.com/longshore"),
        ("p4ss:w0rd", "connecting to postgres://longshore:{}@db:5432/x failed"),
        ("0123456789abcdef", "https://example.com/?auth_code={}&x=1"),
    ],
)
def test_credentials_in_headers_and_addresses_are_not_shown(secret: str, where: str) -> None:
    shown = redact(where.format(secret))
    assert secret not in shown
    assert where.partition("{}")[0].split()[0].rstrip(":")[:5] in shown


@given(
    st.dictionaries(st.sampled_from(["version", "commit", "reason"]), st.from_regex(r"[0-9a-f]{40}", fullmatch=True))
)
def test_what_is_no_secret_is_shown_as_it_is(said: dict[str, str]) -> None:
    assert redact(said) == said


@pytest.mark.parametrize("text", ["rc/1.4.0-rc2", "the token was refused", "ghs", "bearer of news", "lsh_abc"])
def test_ordinary_words_are_shown_as_they_are(text: str) -> None:
    assert redact(text) == text


async def test_what_a_line_is_about_is_told_in_at_most_500_characters(lines: Lines, world: World) -> None:
    files = {"a" * 100: ["x" * 1_000, "/" + "x" * 900_000]}
    await world.ask("PATCH", "/api/releases/1/update_files/", {"files": files})
    await world.ask("POST", "/api/projects", {"name": "shop", "x" * 100_000: 1})
    bind_log_context(refusal="é" * 10_000, deployment=7)
    structlog.get_logger().info("said")
    said = lines()
    assert max(len(str(line.get("refusal", ""))) for line in said) <= 500
    (line,) = [line for line in said if line["event"] == "said"]
    assert (line["deployment"], line["refusal"]) == (7, "é" * 499 + "…")
