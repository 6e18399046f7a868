"""JWTs, installation tokens, permissions, limits and conditional requests."""

import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.sandbox.conftest import Lab


@pytest.mark.parametrize(
    ("claims", "status", "message"),
    [
        ({"exp": 2**40}, 401, "'Expiration time' claim ('exp') is too far in the future"),
        ({"exp": 1}, 401, "'Expiration time' claim ('exp') must be a numeric value representing the future time"),
        ({"iat": 2**40}, 401, "'Issued at' claim ('iat') must be an Integer representing the time"),
        ({"iss": "77"}, 404, "Integration not found"),
    ],
)
async def test_invalid_jwts_are_refused_with_githubs_messages(
    lab: Lab, claims: dict[str, Any], status: int, message: str
) -> None:
    refused = await lab.request("GET", "/app", token=lab.jwt(**claims))
    assert refused.status == status
    assert refused.json["message"].startswith(message)


async def test_the_issuer_may_be_the_client_id_but_not_a_number(lab: Lab) -> None:
    assert (await lab.request("GET", "/app", token=lab.jwt(iss=lab.github.client_id))).status == 200
    claims = {"iat": int(time.time()) - 60, "exp": int(time.time()) + 60, "iss": lab.github.app_id}
    raw = jwt.api_jws.encode(str(claims).replace("'", '"').encode(), lab.github.private_key, "RS256")
    assert (await lab.request("GET", "/app", token=raw)).status == 401


async def test_a_jwt_signed_with_another_key_is_refused(lab: Lab) -> None:
    ours = {"iss": str(lab.github.app_id)}
    another_key = rsa.generate_private_key(65537, 2048)
    for forged in (jwt.encode(ours, "k" * 40, "HS256"), jwt.encode(ours, another_key, "RS256"), "a.b.c"):
        refused = await lab.request("GET", "/app", token=forged)
        assert (refused.status, refused.json["message"]) == (401, "A JSON web token could not be decoded")


async def test_an_app_that_does_not_exist_is_not_found_whatever_the_key(lab: Lab) -> None:
    unknown = jwt.encode({"iss": "77"}, rsa.generate_private_key(65537, 2048), "RS256")
    for path in ("/app", "/app/installations", "/repos/acme/site/installation"):
        refused = await lab.request("GET", path, token=unknown)
        assert (refused.status, refused.json["message"]) == (404, "Integration not found")


async def test_tokens_and_jwts_are_not_interchangeable(lab: Lab) -> None:
    assert (await lab.request("GET", "/app")).status == 401
    assert (await lab.repo("GET", "", token=lab.jwt())).status == 403
    assert (await lab.repo("GET", "", token="ghs_nonsense")).json["message"] == "Bad credentials"


async def test_tokens_are_long_and_expire_after_an_hour(lab: Lab) -> None:
    assert 500 < len(lab.token) < 540
    assert lab.token.startswith(f"ghs_{lab.github.app_id}_")
    assert set("._-") <= set(lab.token)
    lab.github.advance(3_590)
    assert (await lab.repo("GET", "")).status == 200
    lab.github.advance(20)
    assert (await lab.repo("GET", "")).json["message"] == "Bad credentials"


async def test_tokens_can_be_expired_and_revoked(lab: Lab) -> None:
    assert (await lab.request("DELETE", "/installation/token")).status == 204
    assert (await lab.repo("GET", "")).status == 401
    lab.token = (await lab.create_token()).json["token"]
    lab.github.expire_tokens()
    assert (await lab.repo("GET", "")).status == 401


async def test_a_token_can_be_narrowed_to_permissions(lab: Lab) -> None:
    created = (await lab.create_token(permissions={"actions": "read"})).json
    assert created["permissions"] == {"actions": "read", "metadata": "read"}
    refused = await lab.repo("POST", "/git/refs", token=created["token"], json={"ref": "refs/tags/x", "sha": "1"})
    assert (refused.status, refused.json["message"]) == (403, "Resource not accessible by integration")
    assert refused.headers["X-Accepted-GitHub-Permissions"] == "contents=write"
    assert (await lab.create_token(permissions={"administration": "write"})).status == 422


async def test_a_token_can_be_narrowed_to_repositories(lab: Lab, source: Any) -> None:
    await lab.github.add_repository_to_account(source, "other")
    await lab.github.add_repository("acme/other")
    repository_id = lab.github.repository("acme/other").id
    created = (await lab.create_token(repository_ids=[repository_id])).json
    assert created["repository_selection"] == "selected"
    assert [repository["name"] for repository in created["repositories"]] == ["other"]
    assert (await lab.repo("GET", "", token=created["token"])).status == 404
    assert (await lab.request("GET", "/repos/acme/other", token=created["token"])).status == 200
    assert (await lab.create_token(repositories=["nothing"])).status == 422


async def test_a_suspended_installation_gets_no_token_and_no_events(lab: Lab) -> None:
    await lab.github.suspend()
    assert (await lab.create_token()).status == 403
    assert (await lab.repo("GET", "")).status == 403
    await lab.github.commit()
    await lab.github.unsuspend()
    assert await lab.events() == ["installation.suspend", "installation.unsuspend"]


async def test_anonymous_callers_can_only_read_public_repositories(lab: Lab) -> None:
    assert (await lab.repo("GET", "/commits", token="")).status == 200
    assert (await lab.repo("POST", "/git/refs", token="")).status == 401
    await lab.github.set_private()
    assert (await lab.repo("GET", "/commits", token="")).status == 404


async def test_a_repository_removed_from_the_installation_is_not_found(lab: Lab) -> None:
    await lab.github.remove_repository()
    assert (await lab.repo("GET", "")).status == 404
    assert (await lab.request("GET", "/repos/acme/site/installation", token=lab.jwt())).status == 404


async def test_unknown_versions_and_bad_bodies_are_refused(lab: Lab) -> None:
    assert (await lab.repo("GET", "", headers={"X-GitHub-Api-Version": "2030-01-01"})).status == 400
    assert (await lab.repo("POST", "/git/refs", data=b"{")).json["message"] == "Problems parsing JSON"


async def test_an_unchanged_response_does_not_count_against_the_limit(lab: Lab) -> None:
    first = await lab.repo("GET", "/branches")
    used = int(first.headers["X-RateLimit-Used"])
    unchanged = await lab.repo("GET", "/branches", headers={"If-None-Match": first.headers["ETag"]})
    assert (unchanged.status, unchanged.text, int(unchanged.headers["X-RateLimit-Used"])) == (304, "", used)
    await lab.github.commit()
    changed = await lab.repo("GET", "/branches", headers={"If-None-Match": first.headers["ETag"]})
    assert (changed.status, int(changed.headers["X-RateLimit-Used"])) == (200, used + 1)


async def test_the_rate_limit_is_enforced(lab: Lab) -> None:
    lab.github.state.rate_limit = 2
    responses = [await lab.repo("GET", "") for _ in range(3)]
    assert [response.status for response in responses] == [200, 200, 403]
    assert responses[2].headers["X-RateLimit-Remaining"] == "0"
    assert (await lab.request("GET", "/app", token=lab.jwt())).status == 200
    lab.github.advance(3_000)
    assert (await lab.repo("GET", "")).status == 403


async def test_lists_are_paginated_with_links(lab: Lab) -> None:
    for number in range(5):
        await lab.github.tag(f"v{number}")
    first = await lab.repo("GET", "/tags?per_page=2")
    assert [tag["name"] for tag in first.json] == ["v4", "v3"]
    by_id = f"{lab.url}/repositories/{lab.github.repository().id}/tags"
    assert f'<{by_id}?per_page=2&page=2>; rel="next"' in first.headers["Link"]
    last = await lab.repo("GET", "/tags?per_page=2&page=3")
    assert [tag["name"] for tag in last.json] == ["v0"]
    assert 'rel="next"' not in last.headers["Link"]


async def test_calls_and_unknown_routes_are_recorded(lab: Lab) -> None:
    await lab.repo("GET", "/nonsense")
    await lab.repo("GET", "")
    await lab.request("GET", "/app", token=lab.jwt())
    assert lab.github.unknown_routes == ["GET /repos/acme/site/nonsense"]
    assert [(call.route, call.status, call.authorization) for call in lab.github.calls[1:]] == [
        ("GET {repo}", 200, "installation"),
        ("GET /app", 200, "app"),
    ]


async def test_a_renamed_repository_redirects(lab: Lab) -> None:
    repository_id = lab.github.repository().id
    await lab.github.rename("shop")
    redirect = await lab.repo("GET", "/commits/main?x=1")
    assert redirect.status == 301
    assert redirect.headers["Location"] == f"{lab.url}/repositories/{repository_id}/commits/main?x=1"
    assert (await lab.request("GET", f"/repositories/{repository_id}/commits/main")).status == 200
    assert (await lab.repo("POST", "/git/refs", json={})).status == 307
    assert (await lab.last_payload("repository"))["changes"] == {"repository": {"name": {"from": "site"}}}
    await lab.github.transfer("umbrella")
    assert (await lab.request("GET", "/repos/acme/shop")).status == 301
    assert lab.github.repository("acme/site").full_name == "umbrella/shop"


async def test_a_blocked_and_an_archived_repository(lab: Lab) -> None:
    await lab.github.archive()
    assert (await lab.repo("POST", "/git/refs", json={})).status == 403
    lab.github.block()
    assert (await lab.repo("GET", "/commits/main")).json["block"]["reason"] == "dmca"
