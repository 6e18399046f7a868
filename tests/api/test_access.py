"""Who may ask: credentials, grants and scopes, in each dialect's form of refusal."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.authentication import MOST_WRONG, WINDOW, Attempts, client_of, counted_as, parse_address
from bot.operations import users
from bot.rules.permissions import GRANTS, role_for
from bot.store.users import ApiToken
from tests.api.calls import SITE, cut_path, env_path, project
from tests.world import Answer, Serve, World, a_world

MISSING = "Authentication credentials were not provided."
INVALID = "Invalid token."
PAGED = (*("/api/projects", "/api/tokens", "/api/projects/site/environments"), "/api/projects/site/releases")
FORBIDDEN = "You do not have permission to perform this action."
TOO_MANY = "Too many wrong credentials. Try again later."
DIALECTS = ("/api/releases/site/releases/1.0-rc1", "/api/projects/site")

EVERY_CALL = [
    ("POST", cut_path("1.0-rc1"), {"repo": "acme/site", "commit": "0" * 40}, "release:cut"),
    ("GET", cut_path("1.0-rc1"), None, "project:read"),
    ("POST", f"{cut_path('1.0-rc1')}/cancel", {}, "release:cut"),
    ("POST", env_path("/deployments"), {"release_candidate_version": "1.0-rc1"}, "deployment:start"),
    (
        "PATCH",
        env_path("/deployments"),
        {"release_candidate_version": "1.0-rc1", "status": "success"},
        "deployment:report",
    ),
    ("GET", env_path("/deployments"), None, "project:read"),
    ("GET", env_path("/deployments/1"), None, "project:read"),
    ("POST", env_path("/deployments/1/cancel"), {}, "deployment:start"),
    ("POST", env_path("/rollback"), {}, "deployment:start"),
    ("POST", env_path("/rollback", "production"), {}, "deployment:production"),
    ("POST", env_path("/deployments", "production"), {"release_candidate_version": "1.0-rc1"}, "deployment:production"),
    ("POST", "/api/v1/sync-build-github-action", {"release_cut_id": 1, "workflow_run_id": 1}, "deployment:report"),
    ("POST", "/api/v1/sync-deploy-github-action", {"deployment_id": 1, "workflow_run_id": 1}, "deployment:report"),
    ("GET", "/api/projects", None, "project:read"),
    ("POST", "/api/projects", {"name": "shop"}, "project:write"),
    ("GET", "/api/projects/site", None, "project:read"),
    ("PATCH", "/api/projects/site", {}, "project:write"),
    ("GET", "/api/projects/site/next-version", None, "project:read"),
    ("GET", "/api/projects/site/releases", None, "project:read"),
    ("GET", "/api/projects/site/releases/1.0", None, "project:read"),
    ("GET", "/api/projects/site/environments", None, "project:read"),
    ("POST", "/api/projects/site/environments", {"name": "qa", "tier": "development"}, "project:write"),
    ("GET", "/api/projects/site/environments/staging", None, "project:read"),
    ("PATCH", "/api/projects/site/environments/staging", {"order": 1}, "project:write"),
    ("PATCH", "/api/projects/site/environments/staging", {"frozen": {"reason": "x"}}, "freeze:write"),
    ("PATCH", "/api/projects/site/environments/staging", {"frozen": None}, "freeze:write"),
    ("PATCH", "/api/projects/site/releases/1.0", {"notes": "x"}, "project:write"),
    ("PATCH", "/api/projects/site/releases/1.0", {"status": 20}, "release:hold"),
    ("GET", "/api/tokens", None, "admin"),
    ("POST", "/api/tokens", {"name": "ci", "grants": ["project:read"]}, "admin"),
    ("GET", "/api/tokens/1", None, "admin"),
    ("DELETE", "/api/tokens/9999", None, "admin"),
]


def refusal(answer: Answer) -> tuple[int, str]:
    """Status and sentence in either dialect's form, which is checked."""
    if "error" in answer.json:
        assert set(answer.json) <= {"error", "details"}
        assert answer.headers["Content-Type"].startswith("application/json")
        return answer.status, answer.error
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.json["status"] == answer.status
    return answer.status, str(answer.json["detail"])


@pytest.mark.parametrize("path", DIALECTS)
async def test_credentials_that_are_none_are_401_with_a_challenge(world: World, path: str) -> None:
    wrong = {
        "": MISSING,
        "   ": MISSING,
        "Bearer": INVALID,
        "Bearer  ": INVALID,
        f"Basic {world.token}": INVALID,
        world.token: INVALID,
        "Bearer lsh_unknown": INVALID,
        f"Bearer {world.token}x": INVALID,
        f"Bearer {world.token[:-1]}": INVALID,
        f"Bearer {world.token.upper()}": INVALID,
        f"Bearer {world.token} {world.token}": INVALID,
        "Bearer \u00e9\u00e8": INVALID,
        f"Bearer {'x' * 5000}": INVALID,
    }
    for header, sentence in wrong.items():
        answer = await world.ask("GET", path, token="", headers={"Authorization": header})
        assert refusal(answer) == (401, sentence)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert refusal(await world.ask("GET", path, token="")) == (401, MISSING)


@pytest.mark.parametrize("path", DIALECTS)
async def test_an_expired_or_revoked_token_is_401(world: World, path: str) -> None:
    context = await world.context()
    _, expired = await users.create_token(context, "late", grants=["admin"], expires=timedelta(0))
    _, revoked = await users.create_token(context, "gone", grants=["admin"])
    assert (await world.ask("GET", "/api/projects", token=revoked)).status == 200
    await users.revoke_token(context, "gone")
    for token in (expired, revoked):
        answer = await world.ask("GET", path, token=token)
        assert refusal(answer) == (401, INVALID)
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_token_that_has_not_expired_yet_is_good(world: World) -> None:
    context = await world.context()
    _, token = await users.create_token(context, "soon", grants=["project:read"], expires=timedelta(minutes=1))
    assert (await world.ask("GET", "/api/projects", token=token)).status == 200
    row = await ApiToken.get(name="soon")
    assert row.last_used_at is not None
    assert token not in str(vars(row))


async def test_each_call_wants_its_grant_and_is_given_no_other(world: World) -> None:
    """Without its grant each call is 403; with that grant alone it goes on to whatever else there is to say."""
    grants = ["project:read", "release:cut", "deployment:start", "deployment:production", "deployment:report"]
    grants += ["release:hold", "freeze:write", "project:write", "deployment:force", "content:write"]
    for method, path, body, grant in EVERY_CALL:
        held = await world.with_grants(grant)
        others = await world.with_grants(*(name for name in grants if name != grant))
        refused = await world.ask(method, path, body, token=others)
        assert refusal(refused) == (403, FORBIDDEN), (method, path)
        assert (await world.ask(method, path, body, token=held)).status not in (401, 403), (method, path)
        assert (await world.ask(method, path, body, token="")).status == 401, (method, path)


async def test_a_refusal_names_the_grant_and_the_role_that_would_bring_it(world: World) -> None:
    reader = await world.with_grants("project:read")
    answer = await world.ask("POST", env_path("/rollback"), {}, token=reader)
    assert answer.json["details"] == {"grant": "deployment:start", "github_role": "write"}
    native = await world.ask("PATCH", "/api/projects/site", {}, token=reader)
    assert (native.json["grant"], native.json["github_role"]) == ("project:write", "admin")
    assert native.json["title"] == "Forbidden"


async def test_a_token_of_another_project_is_403_and_of_this_one_is_good(world: World) -> None:
    await project(world, "shop")
    here = await world.with_grants("admin", project="site")
    elsewhere = await world.with_grants("admin", project="shop")
    await world.cut("1.0-rc1", build=True)
    for method, path, body, _ in EVERY_CALL:
        if path in ("/api/projects", "/api/v1/sync-deploy-github-action") or path.startswith("/api/tokens"):
            continue
        assert refusal(await world.ask(method, path, body, token=elsewhere)) == (403, FORBIDDEN), (method, path)
        assert (await world.ask(method, path, body, token=here)).status not in (401, 403), (method, path)
    await world.settle()


async def test_a_token_of_one_project_sees_and_makes_no_other(world: World) -> None:
    await project(world, "shop")
    scoped = await world.with_grants("admin", project="shop")
    listed = await world.ask("GET", "/api/projects", token=scoped)
    assert [each["name"] for each in listed.json] == ["shop"]
    assert (await world.ask("POST", "/api/projects", {"name": "third"}, token=scoped)).status == 403


async def test_the_word_before_a_token_may_be_in_any_case(world: World) -> None:
    for scheme in ("bearer", "BEARER", "Token"):
        answer = await world.ask("GET", "/api/projects", token="", headers={"Authorization": f"{scheme} {world.token}"})
        assert answer.status == 200


async def test_who_deployed_is_the_tokens_user(world: World) -> None:
    await world.cut("1.0-rc1")
    token = await world.with_grants("deployment:start", user="carol")
    answer = await world.ask("POST", env_path("/deployments"), {"release_candidate_version": "1.0-rc1"}, token=token)
    assert answer.json["actor"] == "carol"
    assert (await world.ask("GET", f"{SITE}/releases/1.0-rc1")).json["created_by"] == "root"


# --- wrong credentials, again and again


@pytest.fixture
async def behind_proxies(source: Path, database_url: str, aiohttp_server: Serve) -> AsyncIterator[World]:
    """A service behind a proxy on this machine, and others in a network of their own."""
    settings = {"trusted_proxies": "127.0.0.1, ::1, 10.0.0.0/8"}
    async with a_world(source, database_url, aiohttp_server, **settings) as furnished:
        yield furnished


async def ask_wrongly(world: World, token: str, times: int = 1, path: str = DIALECTS[1], came_by: str = "") -> Answer:
    """Ask with a wrong token; gives the last answer."""
    forwarded = {"X-Forwarded-For": came_by} if came_by else {}
    for _ in range(times):
        answer = await world.ask("GET", path, token=token, headers=forwarded)
        assert answer.status in (401, 429)
    return answer


@pytest.mark.parametrize("path", DIALECTS)
async def test_the_twenty_first_wrong_token_of_a_minute_is_429_and_right_ones_are_never_refused(
    world: World, path: str
) -> None:
    assert refusal(await ask_wrongly(world, "lsh_wrong", MOST_WRONG, path)) == (401, INVALID)
    answer = await ask_wrongly(world, "lsh_wrong", path=path)
    assert refusal(answer) == (429, TOO_MANY)
    assert 1 <= int(answer.headers["Retry-After"]) <= WINDOW
    assert "WWW-Authenticate" not in answer.headers
    assert (await world.ask("GET", "/api/projects/site")).status == 200
    assert refusal(await world.ask("GET", path, token="")) == (401, MISSING)
    for header in ("Bearer", "Basic eDp5", "nonsense"):
        assert refusal(await world.ask("GET", path, token="", headers={"Authorization": header})) == (429, TOO_MANY)


async def test_missing_credentials_and_missing_grants_do_not_count(world: World) -> None:
    reader = await world.with_grants("release:cut")
    for _ in range(MOST_WRONG + 1):
        assert (await world.ask("GET", DIALECTS[1], token="")).status == 401
        assert (await world.ask("GET", DIALECTS[1], token=reader)).status == 403
    assert (await ask_wrongly(world, "lsh_wrong")).status == 401


async def test_addresses_are_counted_one_by_one_behind_a_trusted_proxy(behind_proxies: World) -> None:
    world = behind_proxies
    for number in range(MOST_WRONG):
        await ask_wrongly(world, f"wrong{number}", came_by="203.0.113.7")
    assert (await ask_wrongly(world, "wrong", came_by="203.0.113.7")).status == 429
    assert (await ask_wrongly(world, "wrong", came_by="203.0.113.8")).status == 401
    for made_up in ("198.51.100.1", "127.0.0.1", "10.0.0.1", "garbage", "", "::1", "x" * 7000, "\xe9"):
        answer = await ask_wrongly(world, "wrong", came_by=f"{made_up}, 203.0.113.7, 10.1.2.3")
        assert answer.status == 429, made_up
    two_lines = [("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", "203.0.113.7")]
    async with world.session.get(f"{world.url}{DIALECTS[1]}", headers=[*two_lines, ("Authorization", "x y")]) as told:
        assert told.status == 429


async def test_a_header_that_no_trusted_proxy_wrote_changes_nothing(world: World) -> None:
    for number in range(MOST_WRONG):
        await ask_wrongly(world, "wrong", came_by=f"203.0.113.{number}")
    assert (await ask_wrongly(world, "wrong", came_by="203.0.113.99")).status == 429


async def test_one_token_guessed_at_from_many_addresses_is_counted_by_its_beginning(behind_proxies: World) -> None:
    world = behind_proxies
    for number in range(MOST_WRONG):
        await ask_wrongly(world, world.token[:12] + str(number), came_by=f"203.0.113.{number}")
    assert (await ask_wrongly(world, world.token[:12], came_by="198.51.100.1")).status == 429
    assert (await ask_wrongly(world, world.token[:11] + "~~", came_by="198.51.100.2")).status == 401
    assert (await world.ask("GET", "/api/projects")).status == 200


async def test_a_token_sent_in_two_headers_is_none(world: World) -> None:
    twice = [("Authorization", f"Bearer {world.token}")] * 2
    async with world.session.get(f"{world.url}/api/projects", headers=twice) as answer:
        assert answer.status == 401


# --- the rules of it


class Clock:
    """A clock that stands until it is set."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_wrong_ones_are_counted_over_the_last_minute_of_any_beginning() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(MOST_WRONG):
        assert attempts.wrong("a") == 0
        clock.now += 2
    assert attempts.wrong("a") == 20  # the first was 40 seconds ago
    clock.now += 19.5
    assert attempts.wrong("a") == 1
    clock.now += 0.5
    assert [attempts.wrong("a") for _ in range(2)] == [0, 2]
    clock.now += WINDOW
    assert [attempts.wrong("a") for _ in range(MOST_WRONG + 1)] == [0] * MOST_WRONG + [60]


def test_what_is_refused_is_not_counted_so_that_waiting_as_told_is_enough() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    waits = [attempts.wrong("a") for _ in range(MOST_WRONG + 50)]
    clock.now += waits[-1]
    assert attempts.wrong("a") == 0


def test_each_key_is_counted_alone_and_either_is_enough_to_refuse() -> None:
    attempts = Attempts(Clock())
    for number in range(MOST_WRONG):
        assert attempts.wrong(f"address {number}", "token x") == 0
    assert attempts.wrong("address new", "token x") == 60
    assert attempts.wrong("address new", "token y") == 0


def test_memory_is_bounded_whatever_is_made_up() -> None:
    attempts = Attempts(Clock(), remembered=50)
    for number in range(MOST_WRONG):
        attempts.wrong("address one", f"token {number}")
    kept = len(attempts._wrong)
    for number in range(1000):
        assert attempts.wrong("address one", f"token {number}") > 0
    assert len(attempts._wrong) == kept  # who is refused adds nothing
    for number in range(1000):
        attempts.wrong(f"address {number}")
        assert attempts.wrong("address one") > 0  # and one that goes on is not forgotten for others
    assert len(attempts._wrong) <= 50


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
def test_the_client_is_whom_the_last_trusted_proxy_saw(remote: str | None, forwarded_for: str, client: str) -> None:
    assert str(client_of(remote, forwarded_for, PROXIES)) == client


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
def test_one_customer_of_ipv6_is_counted_as_one(address: str, counted: str) -> None:
    assert counted_as(parse_address(address)) == counted


@given(st.text(max_size=50), st.lists(st.text(max_size=30) | st.ip_addresses().map(str), max_size=5))
def test_nothing_in_the_header_crashes_us_or_hides_whom_the_proxy_saw(remote: str, hops: list[str]) -> None:
    client_of(remote, ",".join(hops), PROXIES)
    honest = ",".join([*hops, "203.0.113.7", "10.0.0.3"])
    assert str(client_of("127.0.0.1", honest, PROXIES)) == "203.0.113.7"


# --- what the papers say


def test_the_page_on_access_lists_every_grant_with_the_role_that_brings_it() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "access.md").read_text()
    table = page.partition("## Grants")[2].partition("\n## ")[0]
    listed = {
        name: role
        for names, role in re.findall(r"^\| ((?:`[a-z:]+`(?:, )?)+) \|.*\| ([a-z ]+) \|$", table, re.MULTILINE)
        for name in re.findall(r"`([a-z:]+)`", names)
    }
    assert listed == {grant: role_for(grant) or "tokens only" for grant in GRANTS}


async def test_a_token_of_one_project_moves_it_to_no_other_repository(world: World, source: Path) -> None:
    """Nor is it told which repositories there are: GitHub is not asked."""
    await world.github.add_repository(await world.github.add_repository_to_account(source, "other"))
    await project(world, "loose")
    await world.settle()
    for name in ("site", "loose"):
        scoped, asked = await world.with_grants("admin", project=name), len(world.github.calls)
        for repo in ("acme/other", "acme/none", "nobody/site", "no name"):
            answer = await world.ask("PATCH", f"/api/projects/{name}", {"repo": repo, "archived": True}, token=scoped)
            assert (answer.status, answer.json["pointer"]) == (403, "#/repo"), repo
        assert len(world.github.calls) == asked
    own = await world.with_grants("admin", project="site")
    same = await world.ask("PATCH", "/api/projects/site", {"repo": "Acme/Site", "archived": True}, token=own)
    assert (same.status, same.json["repo"], same.json["archived"]) == (200, "acme/site", True)
    assert (await world.ask("GET", "/api/projects/loose")).json["repo"] is None


async def test_a_token_of_one_project_is_not_told_which_others_there_are(world: World) -> None:
    await project(world, "shop", repo="acme/site", tag_prefix="shop/")
    scoped = await world.with_grants("admin", project="shop", user="shopper")
    for method, path, body, _ in EVERY_CALL:
        if path.startswith("/api/projects/site"):
            other = await world.ask(method, path, body, token=scoped)
            none = await world.ask(method, path.replace("site", "none"), body, token=scoped)
            assert (other.status, other.json) == (none.status, none.json) == (403, none.json), (method, path)
    for act, body in (("approve", {}), ("reject", {"reason": "x"})):
        paths = [f"/api/projects/{name}/releases/1/announcement/{act}" for name in ("site", "none")]
        other, none = [await world.ask("POST", path, body, token=scoped) for path in paths]
        assert (other.status, other.json) == (403, none.json)
    for state in ("pending", "approved"):
        asked = [f"/api/announcements?state={state}&project={name}" for name in ("site", "none")]
        assert [(await world.ask("GET", path, token=scoped)).json for path in asked] == [[], []]
    for change in ({"permalink": "site"}, {"tag_prefix": "rc/"}, {"name": "site"}):
        answer = await world.ask("PATCH", "/api/projects/shop", change, token=scoped)
        assert answer.status == 409 and "project" not in answer.json and "`site`:" not in answer.json["detail"]
        assert "another project" in answer.json["detail"]


async def test_no_parameter_of_a_query_is_ignored(world: World) -> None:
    """Unknown and repeated ones are refused in the dialect's form, once it is known who asks."""
    reads = [path for method, path, _, _ in EVERY_CALL if method == "GET"]
    for path in [*reads, "/api/announcements"]:
        for query, name in (
            ("x=1", "x"),
            ("per_page=1&PER_PAGE=2", "PER_PAGE"),
            ("=", ""),
            ("auth_code=x", "auth_code"),
        ):
            if name == "PER_PAGE" and path not in PAGED:
                continue
            status, sentence = refusal(await world.ask("GET", f"{path}?{query}"))
            assert (status, sentence.startswith(f"`{name}` is no parameter of this call")) == (400, True), (path, query)
        assert (await world.ask("GET", f"{path}?x=1", token="")).status == 401
    for path in PAGED:
        for query in ("per_page=1&per_page=1", "per_page=1&per_page=2"):
            told = await world.ask("GET", f"{path}?{query}")
            assert refusal(told) == (400, "`per_page` is given more than once."), path
    strange = await world.ask("GET", f"{env_path('/deployments')}?x=1")
    assert strange.error == "`x` is no parameter of this call, which takes `page` and `per_page`."
    assert (await world.ask("POST", "/api/projects?name=x", {"name": "shop"})).status == 400
    assert (await world.ask("DELETE", "/api/tokens/1?x=1")).status == 400
    assert (await world.ask("GET", "/api/projects/shop")).status == 404
    asked = await world.ask("POST", "/graphql?query=x", {"query": "{ viewer { name } }"})
    assert (asked.status, asked.json["errors"][0]["extensions"]["code"]) == (400, "BAD_USER_INPUT")
    long = await world.ask("GET", f"/api/tokens?{'x' * 5000}=1")
    assert (long.status, len(long.json["detail"]) < 300) == (400, True)
