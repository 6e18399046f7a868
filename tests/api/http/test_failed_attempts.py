"""The limit of failed attempts to authenticate."""

from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.attempts import MAX_FAILURES, WINDOW, FailedAttempts, client_address, parse_address, rate_limit_key
from tests.api.test_access import DIALECTS, INVALID, MISSING, status_and_sentence
from tests.world import Response, Serve, World, running_world

TOO_MANY = "Too many wrong credentials. Try again later."


@pytest.fixture
async def behind_proxies(source: Path, database_url: str, aiohttp_server: Serve) -> AsyncIterator[World]:
    """A service behind trusted proxies: one on this machine, others in a private network."""
    settings = {"trusted_proxies": "127.0.0.1, ::1, 10.0.0.0/8"}
    async with running_world(source, database_url, aiohttp_server, **settings) as world:
        yield world


async def request_with_wrong_token(
    world: World, token: str, times: int = 1, path: str = DIALECTS[1], forwarded_for: str = ""
) -> Response:
    """Send requests with a wrong token and return the last response."""
    forwarded = {"X-Forwarded-For": forwarded_for} if forwarded_for else {}
    for _ in range(times):
        answer = await world.ask("GET", path, token=token, headers=forwarded)
        assert answer.status in (401, 429)
    return answer


@pytest.mark.parametrize("path", DIALECTS)
async def test_the_twenty_first_wrong_token_of_a_minute_is_429_and_valid_ones_are_never_refused(
    world: World, path: str
) -> None:
    assert status_and_sentence(await request_with_wrong_token(world, "lsh_wrong", MAX_FAILURES, path)) == (401, INVALID)
    answer = await request_with_wrong_token(world, "lsh_wrong", path=path)
    assert status_and_sentence(answer) == (429, TOO_MANY)
    assert 1 <= int(answer.headers["Retry-After"]) <= WINDOW
    assert "WWW-Authenticate" not in answer.headers
    assert (await world.ask("GET", "/api/projects/site")).status == 200
    assert status_and_sentence(await world.ask("GET", path, token="")) == (401, MISSING)
    for header in ("Bearer", "Basic eDp5", "nonsense"):
        assert status_and_sentence(await world.ask("GET", path, token="", headers={"Authorization": header})) == (
            429,
            TOO_MANY,
        )


async def test_missing_credentials_and_missing_grants_do_not_count(world: World) -> None:
    reader = await world.create_token("release:cut")
    for _ in range(MAX_FAILURES + 1):
        assert (await world.ask("GET", DIALECTS[1], token="")).status == 401
        assert (await world.ask("GET", DIALECTS[1], token=reader)).status == 403
    assert (await request_with_wrong_token(world, "lsh_wrong")).status == 401


async def test_addresses_behind_a_trusted_proxy_are_counted_separately(behind_proxies: World) -> None:
    world = behind_proxies
    for number in range(MAX_FAILURES):
        await request_with_wrong_token(world, f"wrong{number}", forwarded_for="203.0.113.7")
    assert (await request_with_wrong_token(world, "wrong", forwarded_for="203.0.113.7")).status == 429
    assert (await request_with_wrong_token(world, "wrong", forwarded_for="203.0.113.8")).status == 401
    for made_up in ("198.51.100.1", "127.0.0.1", "10.0.0.1", "garbage", "", "::1", "x" * 7000, "\xe9"):
        answer = await request_with_wrong_token(world, "wrong", forwarded_for=f"{made_up}, 203.0.113.7, 10.1.2.3")
        assert answer.status == 429, made_up
    two_lines = [("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", "203.0.113.7")]
    async with world.session.get(
        f"{world.url}{DIALECTS[1]}", headers=[*two_lines, ("Authorization", "x y")]
    ) as response:
        assert response.status == 429


async def test_a_forwarded_for_header_from_an_untrusted_peer_is_ignored(world: World) -> None:
    for number in range(MAX_FAILURES):
        await request_with_wrong_token(world, "wrong", forwarded_for=f"203.0.113.{number}")
    assert (await request_with_wrong_token(world, "wrong", forwarded_for="203.0.113.99")).status == 429


async def test_guesses_at_one_token_from_many_addresses_are_counted_by_its_prefix(behind_proxies: World) -> None:
    world = behind_proxies
    for number in range(MAX_FAILURES):
        await request_with_wrong_token(world, world.token[:12] + str(number), forwarded_for=f"203.0.113.{number}")
    assert (await request_with_wrong_token(world, world.token[:12], forwarded_for="198.51.100.1")).status == 429
    assert (await request_with_wrong_token(world, world.token[:11] + "~~", forwarded_for="198.51.100.2")).status == 401
    assert (await world.ask("GET", "/api/projects")).status == 200


async def test_a_token_in_two_headers_is_refused(world: World) -> None:
    twice = [("Authorization", f"Bearer {world.token}")] * 2
    async with world.session.get(f"{world.url}/api/projects", headers=twice) as answer:
        assert answer.status == 401


# --- counting failed attempts


class Clock:
    """A clock that stands still until it is set."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_failures_are_counted_over_a_sliding_minute() -> None:
    clock = Clock()
    attempts = FailedAttempts(clock)
    for _ in range(MAX_FAILURES):
        assert attempts.record("a") == 0
        clock.now += 2
    assert attempts.record("a") == 20  # the first was 40 seconds ago
    clock.now += 19.5
    assert attempts.record("a") == 1
    clock.now += 0.5
    assert [attempts.record("a") for _ in range(2)] == [0, 2]
    clock.now += WINDOW
    assert [attempts.record("a") for _ in range(MAX_FAILURES + 1)] == [0] * MAX_FAILURES + [60]


def test_refused_attempts_are_not_counted_so_waiting_as_told_is_enough() -> None:
    clock = Clock()
    attempts = FailedAttempts(clock)
    waits = [attempts.record("a") for _ in range(MAX_FAILURES + 50)]
    clock.now += waits[-1]
    assert attempts.record("a") == 0


def test_keys_are_counted_separately_and_either_is_enough_to_refuse() -> None:
    attempts = FailedAttempts(Clock())
    for number in range(MAX_FAILURES):
        assert attempts.record(f"address {number}", "token x") == 0
    assert attempts.record("address new", "token x") == 60
    assert attempts.record("address new", "token y") == 0


def test_memory_is_bounded_whatever_tokens_are_tried() -> None:
    attempts = FailedAttempts(Clock(), max_keys=50)
    for number in range(MAX_FAILURES):
        attempts.record("address one", f"token {number}")
    kept = len(attempts._times)
    for number in range(1000):
        assert attempts.record("address one", f"token {number}") > 0
    assert len(attempts._times) == kept  # refused attempts add nothing
    for number in range(1000):
        attempts.record(f"address {number}")
        assert attempts.record("address one") > 0  # a key that keeps failing is not evicted by others
    assert len(attempts._times) <= 50


PROXIES = [ip_network(text) for text in ("127.0.0.1/32", "10.0.0.0/8", "2001:db8:ffff::/48")]


@pytest.mark.parametrize(
    ("remote", "forwarded_for", "client"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", " , ,", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "203.0.113.7, 198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "203.0.113.7,198.51.100.1,10.0.0.1,10.0.0.2", "198.51.100.1"),
        ("127.0.0.1", "10.9.9.9, 10.0.0.1", "10.9.9.9"),
        ("127.0.0.1", "garbage, 10.0.0.1", "10.0.0.1"),
        ("127.0.0.1", "203.0.113.7, garbage", "127.0.0.1"),
        ("127.0.0.1", "unknown", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("127.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("127.0.0.1", "[2001:db8::1]", "2001:db8::1"),
        ("127.0.0.1", '"[2001:db8::1]:4711"', "2001:db8::1"),
        ("127.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("2001:db8:ffff::1", "198.51.100.1, 2001:db8:ffff:2::9", "198.51.100.1"),
        ("2001:db8:fffe::1", "198.51.100.1", "2001:db8:fffe::1"),
        ("fe80::1%eth0", "198.51.100.1", "fe80::1%eth0"),
        ("", "198.51.100.1", "None"),
        (None, "198.51.100.1", "None"),
    ],
)
def test_the_client_is_the_peer_of_the_last_trusted_proxy(remote: str | None, forwarded_for: str, client: str) -> None:
    assert str(client_address(remote, forwarded_for, PROXIES)) == client


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("garbage", "None"),
    ],
)
def test_an_ipv6_64_is_counted_as_one_client(address: str, counted: str) -> None:
    assert rate_limit_key(parse_address(address)) == counted


@given(st.text(max_size=50), st.lists(st.text(max_size=30) | st.ip_addresses().map(str), max_size=5))
def test_no_forwarded_for_header_raises_or_hides_the_peer_of_the_proxy(remote: str, hops: list[str]) -> None:
    client_address(remote, ",".join(hops), PROXIES)
    honest = ",".join([*hops, "203.0.113.7", "10.0.0.3"])
    assert str(client_address("127.0.0.1", honest, PROXIES)) == "203.0.113.7"
