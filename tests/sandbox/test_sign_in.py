"""Signing people in for the App: the page at GitHub, the exchange of codes, and what a user token is good for."""

import importlib
import re
from typing import Any

import pytest
from pydantic import TypeAdapter
from yarl import URL

from sandbox.use_cases.sign_in import challenge_of
from tests.sandbox.conftest import Lab

CALLBACK, VERIFIER = "https://longshore.example/auth/github/callback", "v" * 43
AUTHORIZE, EXCHANGE = "/login/oauth/authorize", "/login/oauth/access_token"
JSON = {"Accept": "application/json"}


def asked(lab: Lab, **changes: str) -> dict[str, str]:
    """The parameters with which the App sends somebody to GitHub."""
    challenge = {"code_challenge": challenge_of(VERIFIER), "code_challenge_method": "S256"}
    return {"client_id": lab.github.client_id, "redirect_uri": CALLBACK, "state": "s1", **challenge, **changes}


async def come_back(lab: Lab, **changes: str) -> URL:
    """Where GitHub sends somebody back to."""
    reply = await lab.request("GET", AUTHORIZE, token="", params=asked(lab, **changes))
    assert reply.status == 302, reply.text
    return URL(reply.headers["Location"])


async def new_code(lab: Lab, login: str = "alice", **changes: str) -> str:
    return (await come_back(lab, sandbox_login=login, **changes)).query["code"]


async def exchange(lab: Lab, code: str, **changes: str) -> dict[str, Any]:
    keys = {"client_id": lab.github.client_id, "client_secret": lab.github.client_secret}
    form = {**keys, "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER, **changes}
    reply = await lab.request("POST", EXCHANGE, token="", data=form, headers=JSON)
    assert reply.status == 200
    answer = reply.json
    assert isinstance(answer, dict)
    return answer


async def test_somebody_chooses_an_account_and_comes_back_with_a_code_and_the_state(lab: Lab) -> None:
    lab.github.person("rita")
    page = await lab.request("GET", AUTHORIZE, token="", params=asked(lab, login="rita"))
    assert page.headers["Content-Type"].startswith("text/html")
    assert re.findall(r"<li><a [^>]*>(\w+)</a>", page.text) == ["rita", "alice"]
    back = await come_back(lab, sandbox_login="rita")
    assert str(back.with_query(None)) == CALLBACK and back.query["state"] == "s1"
    assert (await come_back(lab, sandbox_cancel="yes")).query["error"] == "access_denied"
    lab.github.sign_in_as("rita")
    assert "code" in (await come_back(lab)).query
    assert (await lab.request("GET", AUTHORIZE, params=asked(lab, client_id="x"))).status == 404
    assert (await come_back(lab, code_challenge_method="plain")).query["error"] == "invalid_request"
    lab.github.state.callback_urls = (CALLBACK,)
    assert (await come_back(lab, redirect_uri=f"{CALLBACK}/")).query["error"] == "redirect_uri_mismatch"
    assert lab.github.unknown_routes == []


async def test_the_token_for_a_code_says_whose_account_it_is_and_nothing_else_can_be_asked_so(lab: Lab) -> None:
    carol = lab.github.person("carol")
    answer = await exchange(lab, await new_code(lab, "carol"))
    assert (answer["token_type"], answer["scope"], answer["expires_in"]) == ("bearer", "", 28_800)
    token = answer["access_token"]
    assert token.startswith("ghu_") and answer["refresh_token"].startswith("ghr_")
    user = (await lab.request("GET", "/user", token=token)).json
    assert (user["id"], user["login"], user["type"]) == (carol.id, "carol", "User")
    models = pytest.importorskip("githubkit_schemas.v2022_11_28.models")
    assert TypeAdapter(models.PublicUser).validate_python(user).id == carol.id
    assert (await lab.request("GET", "/user")).status == 403
    assert (await lab.request("GET", "/user", token="")).status == 401
    assert (await lab.request("GET", "/user", token=lab.jwt())).status == 401
    lab.github.advance(28_800)
    assert (await lab.request("GET", "/user", token=token)).status == 401


WRONG = {
    "no code": ({"code": ""}, "bad_verification_code"),
    "another code": ({"code": "x"}, "bad_verification_code"),
    "another verifier": ({"code_verifier": "w" * 43}, "bad_verification_code"),
    "no verifier": ({"code_verifier": ""}, "bad_verification_code"),
    "another secret": ({"client_secret": "x"}, "incorrect_client_credentials"),
    "another App": ({"client_id": "x"}, "incorrect_client_credentials"),
    "another address": ({"redirect_uri": "https://evil.example/"}, "redirect_uri_mismatch"),
}


async def test_codes_are_refused_with_the_status_200_and_an_error_and_count_once_within_ten_minutes(lab: Lab) -> None:
    for name, (changes, error) in WRONG.items():
        answer = await exchange(lab, **{"code": await new_code(lab), **changes})
        assert (answer["error"], "access_token" in answer) == (error, False), name
    code = await new_code(lab)
    assert "access_token" in await exchange(lab, code)
    assert (await exchange(lab, code))["error"] == "bad_verification_code"
    late = await new_code(lab)
    lab.github.advance(600)
    assert (await exchange(lab, late))["error"] == "bad_verification_code"
    lab.github.faults.down()
    assert (await lab.request("POST", EXCHANGE, token="", data={}, headers=JSON)).status == 503


async def test_who_takes_back_the_authorization_ends_the_tokens_and_the_app_is_told(lab: Lab) -> None:
    token = (await exchange(lab, await new_code(lab)))["access_token"]
    await lab.github.revoke_authorization("alice")
    assert (await lab.request("GET", "/user", token=token)).status == 401
    assert await lab.events() == ["github_app_authorization.revoked"]
    payload = await lab.last_payload("github_app_authorization")
    assert (payload["sender"]["login"], "installation" in payload) == ("alice", False)
    pytest.importorskip("githubkit_schemas.latest")
    webhooks = importlib.import_module("githubkit_schemas.latest.webhooks")
    TypeAdapter(webhooks.GithubAppAuthorizationEvent).validate_python(payload)
