"""One's own settings: personal tokens that people make for themselves, and what an operator sees."""

import re
from datetime import timedelta

import pytest

from bot.errors import Forbidden
from bot.operations import personal_tokens, sessions
from bot.operations.users import NewToken
from bot.store.users import ApiToken
from tests.web.browsers import Page, sign_in, sign_in_as_operator
from tests.web.visitors import Visitor
from tests.world import World
from web import words

TOKEN = re.compile(r'<pre id="new-token">(lsh_[\w-]+)</pre>')
READ = {"grant.project:read": "on"}
FORM = {"form": "token", "name": "laptop", "lifetime": "30", **READ}


def secret_of(page: Page) -> str:
    """The secret of the token that was made."""
    found = TOKEN.search(page.html)
    assert found is not None, page.text
    return found[1]


async def test_a_token_that_somebody_makes_acts_as_they_may_and_ends_when_they_revoke_it(world: World) -> None:
    world.github.person("rita", "write")
    rita = Visitor(world)
    await rita.sign_in("rita")
    assert "Your valid tokens will stand here" in (await rita.open("/settings")).text
    made = await rita.send("/settings/tokens", {**FORM, "grant.deployment:start": "on", "once": "o1"})
    assert (made.status, made.headers["Cache-Control"]) == (200, "no-store")
    secret = secret_of(made)
    token = await ApiToken.get(name="laptop").select_related("user")
    assert (token.user.name, token.personal, token.by_operator) == ("rita", True, False)
    assert token.grants == ["deployment:start", "project:read"]
    assert token.expires_at is not None and token.expires_at - token.created_at == timedelta(days=30)
    listed = await rita.open("/settings")
    assert secret not in listed.html and token.prefix in listed.text
    await world.cut("1.2.0-rc1")
    assert (await world.deploy("1.2.0-rc1", token=secret)).status == 201
    await world.settle()
    world.github.person("rita", "read")
    assert (await world.deploy("1.2.0-rc1", token=secret)).status == 403
    repeated = await rita.send("/settings/tokens", {**FORM, "once": "o1"})
    assert (repeated.status, "its secret cannot be shown again" in repeated.text) == (409, True)
    other = await sign_in(world, "alice")
    assert (await other.send(f"/settings/tokens/{token.id}/revoke")).status == 404
    assert (await rita.send(f"/settings/tokens/{token.id}/revoke")).location == "/settings"
    assert (await world.ask("GET", "/api/projects/site", token=secret)).status == 401
    assert "laptop" not in (await rita.open("/settings")).text
    world.expect_unfinished("follow", "expire_deployment")


REFUSED = {
    "what no role brings": ({"grant.admin": "on"}, "cannot have admin", 400),
    "content": ({"grant.content:write": "on"}, "cannot have content:write", 400),
    "an unknown grant": ({"grant.x": "on"}, "No such grant: x", 400),
    "no end": ({"lifetime": ""}, "Choose how long the token is valid", 400),
    "ten years": ({"lifetime": "3650"}, "Choose how long the token is valid", 400),
    "a name that is none": ({"name": "my laptop"}, "is not a valid name", 400),
    "a project that is none": ({"project": "nothing"}, "You do not have permission", 403),
    "a project that they may not see": ({"project": "site"}, "You do not have permission", 403),
}


async def test_tokens_with_too_much_are_refused_next_to_what_was_typed(world: World) -> None:
    await world.github.set_private(True)
    await world.settle()
    world.github.person("rita", "none")
    rita = Visitor(world)
    await rita.sign_in("rita")
    for name, (changes, sentence, status) in REFUSED.items():
        page = await rita.send("/settings/tokens", {**FORM, **changes})
        assert (page.status, sentence in page.text) == (status, True), (name, page.text)
        assert f'value="{changes.get("name", "laptop")}"' in page.html, name
    many = await rita.send("/settings/tokens", {"form": "token", "name": "spare", "lifetime": "7", **READ})
    token = await ApiToken.get(name="spare")
    await ApiToken.bulk_create([copy_of(token, number) for number in range(1, personal_tokens.MAX_OWN)])
    assert many.status == 200
    too_many = await rita.send("/settings/tokens", FORM)
    assert (too_many.status, "You have 50 valid tokens already" in too_many.text) == (409, True)
    await ApiToken.filter(personal=True).delete()
    none = await rita.send("/settings/tokens", {"form": "token", "name": "laptop", "lifetime": "7"})
    assert "Choose at least one grant" in none.text
    assert not await ApiToken.filter(personal=True).exists()
    assert "site" not in (await rita.open("/settings")).html.partition('name="project"')[2].partition("</select>")[0]


def copy_of(token: ApiToken, number: int) -> ApiToken:
    """Another token of the same person."""
    return ApiToken(
        user_id=token.user_id,
        name=f"spare-{number}",
        prefix=token.prefix,
        digest=f"{number:064}",
        grants=token.grants,
        personal=True,
        expires_at=token.expires_at,
        created_at=token.created_at,
    )


async def test_who_has_no_account_on_github_makes_no_personal_tokens_and_is_told_why(world: World) -> None:
    operator = await sign_in_as_operator(world)
    page = await operator.open("/settings")
    assert "you have signed in without one" in page.text and "New token" not in page.text
    refused = await operator.send("/settings/tokens", headers=None, name="laptop", lifetime="7", form="token")
    assert (refused.status, "longshore token create" in refused.text) == (403, True)
    with pytest.raises(Forbidden):
        await personal_tokens.create_own(await world.context(), NewToken("x", ["project:read"]))


async def test_somebody_sees_their_sessions_and_ends_all_others(world: World) -> None:
    here, there = Visitor(world), Visitor(world)
    await here.sign_in("alice")
    await there.sign_in("alice")
    page = await here.open("/settings")
    assert page.html.count("Firefox on Linux</span>") == 2 and page.text.count("this one") == 1
    assert (await here.submit(page, "/settings/sessions/end-others")).location == "/settings"
    assert [(await each.open("/settings")).status for each in (here, there)] == [200, 303]
    assert "End all others" not in (await here.open("/settings")).text
    assert await sessions.list_open(await world.context()) == []


async def test_who_signed_in_with_a_link_is_told_that_others_share_their_sessions(world: World) -> None:
    here, there = await sign_in_as_operator(world), await sign_in_as_operator(world)
    page = await here.open("/settings")
    assert "these are the sessions of all of them" in page.text and "Your sessions" not in page.text
    assert "End all others, also other operators’" in page.text
    assert (await here.send("/settings/sessions/end-others")).status == 303
    assert [(await each.open("/settings")).status for each in (here, there)] == [200, 303]
    alice = Visitor(world)
    for _ in range(2):
        alice.cookies.clear()
        await alice.sign_in("alice")
    own = await alice.open("/settings")
    assert "Your sessions" in own.text and "operators" not in own.text and "End all others" in own.text


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/139.0 Safari/537.36", "Chrome on Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/139.0 Safari/537.36 Edg/139.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18 like Mac OS X) Version/18 Safari/604.1", "Safari on an iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/139.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "an unknown browser"),
        ("x" * 200, "x" * 60),
    ],
)
def test_browsers_are_named_as_people_call_them(agent: str, shown: str) -> None:
    assert words.browser(agent) == shown
