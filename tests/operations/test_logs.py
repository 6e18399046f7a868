"""The log: one JSON line per unit of work, with its subject and without secrets."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bot.log import bind_log_context, redact
from bot.store.database import fetch
from tests.conftest import Lines
from tests.world import World

BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def job_lines(logged: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The lines about jobs of a kind."""
    return [line for line in logged if line.get("event") == "job" and line["kind"] == kind]


async def test_each_job_is_logged_in_one_line(lines: Lines, world: World) -> None:
    await world.github.tag("v1.2-rc1")
    await world.settle()
    push = next(delivery for delivery in world.github.deliveries if delivery.event == "push")
    (line,) = [line for line in job_lines(lines(), "webhook") if line["github_event"] == "push"]
    assert (line["delivery"], line["outcome"], line["level"]) == (push.guid, "ok", "info")
    assert {"job", "seconds", "attempt"} <= set(line)
    (cut,) = job_lines(lines(), "cut_by_tag")
    (dispatch,) = job_lines(lines(), "dispatch")
    assert cut["project"] == dispatch["project"] == "site"
    assert dispatch["candidate"] == "1.2-rc1"
    succeeded = [line["job"] for line in lines() if line.get("event") == "job" and line["outcome"] == "ok"]
    assert sorted(succeeded) == [row["id"] for row in await fetch("SELECT id FROM jobs ORDER BY id")]


async def test_every_line_begins_with_its_time_level_and_event(lines: Lines, world: World) -> None:
    await world.cut("1.3-rc1", build=True)
    await world.settle()
    structlog.get_logger().warning("ours", event_id=1, level_of="a", time_of="b")
    logging.getLogger("asyncio").warning("a library's: %s", 1)
    assert {"call", "job", "event", "ours", "a library's: 1"} <= {line["event"] for line in lines()}
    for line in lines():
        assert list(line)[:3] == ["time", "level", "event"], line
        assert datetime.fromisoformat(line["time"]).tzinfo is not None


async def test_a_refusal_is_information_and_waiting_for_github_is_a_warning(lines: Lines, world: World) -> None:
    world.github.faults.fail(path="*/cancel", status=502)
    await world.github.tag("v1.2-rc1", at=await world.github.fork_commit())
    await world.cut("1.3-rc1", build=True)
    await world.settle()
    await world.ask("POST", "/api/releases/site/releases/1.3-rc1/cancel")
    await world.settle()
    (refused,) = [line for line in lines() if line["event"] == "tag refused"]
    (failed,) = job_lines(lines(), "cancel")
    assert refused["level"] == "info"
    assert "Invalid commit hash" in refused["reason"]
    assert (failed["outcome"], failed["level"]) == ("later", "warning")
    assert "GitHub answered 502" in failed["error"]
    await world.settle(skip_delays=True)


async def test_alarms_are_logged_as_errors(lines: Lines, world: World) -> None:
    world.github.faults.wrong_head_sha()
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    (alarm,) = [line for line in lines() if line["event"] == "alarm"]
    assert (alarm["level"], alarm["alarm"], alarm["commit"]) == ("error", "candidate.spoiled", world.github.head())


async def test_no_secret_is_ever_logged(lines: Lines, world: World) -> None:
    structlog.get_logger().info("message", token=world.token, deep={"list": [f"Bearer {world.token}"]})
    world.github.faults.fail(path="*/git/refs", status=500)
    await world.cut("1.2-rc1", build=True)
    await world.settle(skip_delays=True)
    logged = orjson.dumps(lines()).decode()
    minted = list(world.github.state.tokens)
    assert minted
    assert not [secret for secret in [*minted, world.token, world.github.webhook_secret] if secret in logged]
    assert "PRIVATE KEY" not in logged


# --- redaction


def text_of(alphabet: str, min_size: int, max_size: int) -> st.SearchStrategy[str]:
    """Random text over an alphabet."""
    return st.text(alphabet, min_size=min_size, max_size=max_size)


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
WRAPPERS: list[Callable[[str], Any]] = [
    lambda secret: secret,
    lambda secret: f"401 for {secret}: Bad credentials",
    lambda secret: f'{{"token":"{secret}"}}',
    lambda secret: {"error": {"headers": [f"Authorization: Bearer {secret}"]}},
    lambda secret: {"Authorization": secret},
    lambda secret: [("token", secret), {"deep": [secret]}],
]


@given(SECRETS, st.sampled_from(WRAPPERS))
def test_everything_that_looks_like_a_secret_is_redacted(secret: str, wrap: Callable[[str], Any]) -> None:
    redacted = str(redact(wrap(secret)))
    assert "[redacted]" in redacted
    body = secret.split("-----")[2] if "KEY" in secret else secret[12:]
    assert all(body[at : at + 20] not in redacted for at in range(0, len(body) - 20, 10))


@pytest.mark.parametrize(
    ("secret", "template"),
    [
        ("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxIn0.c2lnbmF0dXJl", "Authorization: Bearer {}"),
        ("hunter2", "postgres://longshore:{}@db.example.com/longshore"),
        ("p4ss:w0rd", "connecting to postgres://longshore:{}@db:5432/x failed"),
        ("0123456789abcdef", "https://example.com/?auth_code={}&x=1"),
    ],
)
def test_credentials_in_headers_and_urls_are_redacted(secret: str, template: str) -> None:
    redacted = redact(template.format(secret))
    assert secret not in redacted
    assert template.partition("{}")[0].split()[0].rstrip(":")[:5] in redacted


@given(
    st.dictionaries(st.sampled_from(["version", "commit", "reason"]), st.from_regex(r"[0-9a-f]{40}", fullmatch=True))
)
def test_values_without_secrets_are_unchanged(fields: dict[str, str]) -> None:
    assert redact(fields) == fields


@pytest.mark.parametrize("text", ["rc/1.4.0-rc2", "the token was refused", "ghs", "bearer of news", "lsh_abc"])
def test_ordinary_words_are_unchanged(text: str) -> None:
    assert redact(text) == text


async def test_context_values_are_cut_to_500_characters(lines: Lines, world: World) -> None:
    files = {"a" * 100: ["x" * 1_000, "/" + "x" * 900_000]}
    await world.ask("PATCH", "/api/releases/1/update_files/", {"files": files})
    await world.ask("POST", "/api/projects", {"name": "shop", "x" * 100_000: 1})
    bind_log_context(refusal="é" * 10_000, deployment=7)
    structlog.get_logger().info("message")
    logged = lines()
    assert max(len(str(line.get("refusal", ""))) for line in logged) <= 500
    (line,) = [line for line in logged if line["event"] == "message"]
    assert (line["deployment"], line["refusal"]) == (7, "é" * 499 + "…")


async def test_a_job_that_is_tried_later_says_why_in_words(lines: Lines, world: World) -> None:
    not_found = '{"message": "No ref found for: rc/1.0-rc1", "status": "422"}'
    world.github.faults.fail(path="*/dispatches", status=422, body=not_found)
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    (line, *_) = job_lines(lines(), "dispatch")
    assert (line["outcome"], line["error"]) == ("later", "GitHub does not list the tag rc/1.0-rc1 yet")
    await world.settle(skip_delays=True)
