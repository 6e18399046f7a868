"""Logging in and out: the token is checked, kept where only its owner reads it, and never shown."""

import io
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.client import logins
from cli.client.environment import Variables
from cli.client.exits import Stopped, Usage
from cli.client.logins import Login, Logins
from tests.cli.client.conftest import Client, Line
from tests.world import World

NOT_SET = {"LONGSHORE_URL": "", "LONGSHORE_TOKEN": ""}
A, B = Login("https://a.example.com", "lsh_a"), Login("https://b.example.com", "lsh_b")


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What is piped into the command."""
    text = io.StringIO()
    monkeypatch.setattr("sys.stdin", text)
    yield text


async def test_a_login_is_kept_for_its_owner_alone_and_used_from_then_on(client: Client, typed: io.StringIO) -> None:
    typed.write(f" {client.token}\n")
    typed.seek(0)
    result = await client.run("login", f"{client.url}/", **NOT_SET)
    file = client.folder / "config" / "longshore" / "logins.json"
    assert result.assert_succeeded() == f"Logged in to {client.url}. The token is kept in {file}.\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [each.name for each in file.parent.iterdir()] == ["logins.json"]
    frozen = await client.run("freeze", "staging", "--reason", "Holidays.", **NOT_SET)
    assert frozen.assert_succeeded() == "Froze staging: Holidays.\n"
    file.chmod(0o644)
    assert "warning: others can read the tokens in" in (await client.run("unfreeze", "staging", **NOT_SET)).err
    assert (await client.run("logout", **NOT_SET)).code == 0
    assert client.token not in file.read_text()
    left = await client.run("unfreeze", "staging", **NOT_SET)
    assert left.code == 2 and left.assert_failed("There is no service to ask: log in with `longshore login URL`")


async def test_a_token_that_is_not_valid_is_not_kept(world: World, client: Client, line: Line) -> None:
    wrong = await client.run("login", client.url, "--token", "lsh_wrong_wrong_wrong_wrong", **NOT_SET)
    assert wrong.code == 3 and "lsh_wrong" not in wrong.assert_failed("Invalid token.")
    for token in ("", "two words", "schlüssel"):
        assert (await client.run("login", client.url, "--token", token, **NOT_SET)).code == 2
    line.answers["/api/projects"] = "Welcome!"
    other = await client.run("login", line.url, "--token", client.token, **NOT_SET)
    assert other.code == 2 and other.assert_failed(f"What answers at {line.url} is not Longshore")
    assert not (client.folder / "config").exists()
    cutter = await world.create_token("release:cut")
    assert (await client.run("login", client.url, "--token", cutter, **NOT_SET)).code == 0


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("longshore.example.com", "The URL must begin with https:// or http://."),
        ("https://ada:secret@example.com", "The URL must not contain a user name or password."),
        ("https://example.com/?a=b", "The URL must have neither a query nor a fragment"),
    ],
)
async def test_an_url_that_is_none_is_refused(client: Client, url: str, words: str) -> None:
    result = await client.run("login", url, "--token", "lsh_x", **NOT_SET)
    assert result.code == 2 and "secret" not in result.assert_failed(words)


async def test_variables_win_over_what_is_kept_and_say_so(client: Client) -> None:
    result = await client.run("login", client.url, "--token", client.token)
    assert "LONGSHORE_URL is set, and wins over this login" in result.err
    assert "LONGSHORE_TOKEN is set, and wins over this login" in result.err
    assert (await client.run("unfreeze", "staging", LONGSHORE_TOKEN="lsh_other")).code == 3
    misspelled = await client.run("unfreeze", "staging", LONGSHORE_TOKN="lsh_other")
    assert misspelled.err == "longshore: warning: LONGSHORE_TOKN is not a setting. Did you mean LONGSHORE_TOKEN?\n"
    assert (await client.run("unfreeze", "staging", LONGSHORE_DATABASE_URL="sqlite://x")).err == ""


def test_several_logins_are_kept_side_by_side(tmp_path: Path) -> None:
    file = tmp_path / "below" / "logins.json"
    assert logins.read(file) == Logins() and not logins.is_exposed(file)
    logins.write(file, Logins().with_login(A).with_login(B))
    kept = logins.read(file)
    assert logins.choose(kept, None, "") == B and logins.choose(kept, A.url, "") == A
    assert logins.choose(kept, "https://c.example.com", "lsh_c").token == "lsh_c"
    assert kept.without(B.url).current == A.url and kept.without(A.url).current == B.url
    assert Logins().with_login(A).without(A.url) == Logins()
    with pytest.raises(
        Usage, match=r"no token for https://c.example.com: .* You are logged in to `https://a.example.com` and"
    ):
        logins.choose(kept, "https://c.example.com", "")
    assert "lsh_a" not in repr(kept) + repr(A)


@pytest.mark.parametrize(
    ("option", "url", "expected"),
    [
        (None, A.url, Login(A.url, "lsh_x")),
        (None, "", Login(B.url, "lsh_x")),
        (f"{A.url}:443/", A.url, Login(f"{A.url}:443", "lsh_x")),
        (f"{A.url}/longshore", A.url, Login(f"{A.url}/longshore", "lsh_x")),
        ("https://c.example.com", "", Login("https://c.example.com", "lsh_x")),
        (B.url, A.url, B),
    ],
)
def test_the_token_of_the_environment_is_for_the_service_of_the_environment(
    option: str | None, url: str, expected: Login
) -> None:
    kept = Logins().with_login(A).with_login(B)
    assert logins.find(kept, option, Variables(url, "lsh_x")) == expected


@pytest.mark.parametrize("option", ["https://c.example.com", "http://a.example.com", "https://a.example.com:8443"])
def test_the_token_of_the_environment_is_not_sent_to_another_service(option: str) -> None:
    with pytest.raises(Usage) as refused:
        logins.find(Logins(), option, Variables(A.url, "lsh_x"))
    assert f"LONGSHORE_TOKEN is for {A.url}, and is not sent to {option}: log in with" in str(refused.value)
    assert "lsh_x" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"services": {"x": {}}, "current": "x"}', '{"services": 1}'])
def test_a_file_that_is_none_of_logins_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "logins.json"
    file.write_text(text)
    with pytest.raises(Stopped, match=r"logins\.json cannot be read as a file of logins: delete it, and log in again"):
        logins.read(file)
