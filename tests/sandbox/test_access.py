"""JWTs, installation tokens, permissions, limits and conditional requests."""

import time
from typing import Any

import jwt
import pytest

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
async def test_a_jwt_is_refused_in_the_platform_s_words(
    lab: Lab, claims: dict[str, Any], status: int, message: str
) -> None:
    refused = await lab.ask("GET", "/app", by=lab.jwt(**claims))
    assert refused.status == status
    assert refused.json["message"].startswith(message)


async def test_the_issuer_may_be_the_client_id_but_not_a_number(lab: Lab) -> None:
    assert (await lab.ask("GET", "/app", by=lab.jwt(iss=lab.github.client_id))).status == 200
    claims = {"iat": int(time.time()) - 60, "exp": int(time.time()) + 60, "iss": lab.github.app_id}
    raw = jwt.api_jws.encode(str(claims).replace("'", '"').encode(), lab.github.private_key, "RS256")
    assert (await lab.ask("GET", "/app", by=raw)).status == 401


async def test_a_jwt_of_another_key_is_refused(lab: Lab) -> None:
    forged = jwt.encode({"iss": "1"}, "k" * 40, "HS256")
    refused = await lab.ask("GET", "/app", by=forged)
    assert (refused.status, refused.json["message"]) == (401, "A JSON web token could not be decoded")


async def test_a_token_is_no_jwt_and_a_jwt_no_token(lab: Lab) -> None:
    assert (await lab.ask("GET", "/app")).status == 401
    assert (await lab.repo("GET", "", by=lab.jwt())).status == 403
    assert (await lab.repo("GET", "", by="ghs_nonsense")).json["message"] == "Bad credentials"


async def test_tokens_are_long_and_expire_after_an_hour(lab: Lab) -> None:
    assert 500 < len(lab.token) < 540
    assert lab.token.startswith(f"ghs_{lab.github.app_id}_")
    assert set("._-") <= set(lab.token)
    lab.github.advance(3_590)
    assert (await lab.repo("GET", "")).status == 200
    lab.github.advance(20)
    assert (await lab.repo("GET", "")).json["message"] == "Bad credentials"


async def test_tokens_can_be_expired_and_revoked(lab: Lab) -> None:
    assert (await lab.ask("DELETE", "/installation/token")).status == 204
    assert (await lab.repo("GET", "")).status == 401
    lab.token = (await lab.get_token()).json["token"]
    lab.github.expire_tokens()
    assert (await lab.repo("GET", "")).status == 401


async def test_a_token_can_be_narrowed_to_permissions(lab: Lab) -> None:
    made = (await lab.get_token(permissions={"actions": "read"})).json
    assert made["permissions"] == {"actions": "read", "metadata": "read"}
    refused = await lab.repo("POST", "/git/refs", by=made["token"], json={"ref": "refs/tags/x", "sha": "1"})
    assert (refused.status, refused.json["message"]) == (403, "Resource not accessible by integration")
    assert refused.headers["X-Accepted-GitHub-Permissions"] == "contents=write"
    assert (await lab.get_token(permissions={"administration": "write"})).status == 422


async def test_a_token_can_be_narrowed_to_repositories(lab: Lab, source: Any) -> None:
    await lab.github.add_repository_to_account(source, "other")
    await lab.github.add_repository("acme/other")
    number = lab.github.repository("acme/other").id
    made = (await lab.get_token(repository_ids=[number])).json
    assert made["repository_selection"] == "selected"
    assert [one["name"] for one in made["repositories"]] == ["other"]
    assert (await lab.repo("GET", "", by=made["token"])).status == 404
    assert (await lab.ask("GET", "/repos/acme/other", by=made["token"])).status == 200
    assert (await lab.get_token(repositories=["nothing"])).status == 422


async def test_a_suspended_installation_gets_no_token_and_no_events(lab: Lab) -> None:
    await lab.github.suspend()
    assert (await lab.get_token()).status == 403
    assert (await lab.repo("GET", "")).status == 403
    await lab.github.commit()
    await lab.github.unsuspend()
    assert await lab.events() == ["installation.suspend", "installation.unsuspend"]


async def test_without_a_token_only_public_things_can_be_read(lab: Lab) -> None:
    assert (await lab.repo("GET", "/commits", by="nobody")).status == 200
    assert (await lab.repo("POST", "/git/refs", by="nobody")).status == 401
    await lab.github.set_private()
    assert (await lab.repo("GET", "/commits", by="nobody")).status == 404


async def test_a_repository_taken_out_of_the_installation_is_not_found(lab: Lab) -> None:
    await lab.github.remove_repository()
    assert (await lab.repo("GET", "")).status == 404
    assert (await lab.ask("GET", "/repos/acme/site/installation", by=lab.jwt())).status == 404


async def test_unknown_versions_and_bad_bodies_are_refused(lab: Lab) -> None:
    assert (await lab.repo("GET", "", headers={"X-GitHub-Api-Version": "2030-01-01"})).status == 400
    assert (await lab.repo("POST", "/git/refs", data=b"{")).json["message"] == "Problems parsing JSON"


async def test_an_unchanged_answer_is_free(lab: Lab) -> None:
    first = await lab.repo("GET", "/branches")
    used = int(first.headers["X-RateLimit-Used"])
    again = await lab.repo("GET", "/branches", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.text, int(again.headers["X-RateLimit-Used"])) == (304, "", used)
    await lab.github.commit()
    changed = await lab.repo("GET", "/branches", headers={"If-None-Match": first.headers["ETag"]})
    assert (changed.status, int(changed.headers["X-RateLimit-Used"])) == (200, used + 1)


async def test_the_budget_runs_out(lab: Lab) -> None:
    lab.github.state.rate_limit = 2
    answers = [await lab.repo("GET", "") for _ in range(3)]
    assert [one.status for one in answers] == [200, 200, 403]
    assert answers[2].headers["X-RateLimit-Remaining"] == "0"
    assert (await lab.ask("GET", "/app", by=lab.jwt())).status == 200
    lab.github.advance(3_000)
    assert (await lab.repo("GET", "")).status == 403


async def test_lists_are_paged_with_links(lab: Lab) -> None:
    for number in range(5):
        await lab.github.tag(f"v{number}")
    first = await lab.repo("GET", "/tags?per_page=2")
    assert [one["name"] for one in first.json] == ["v4", "v3"]
    assert f'<{lab.url}/repos/acme/site/tags?per_page=2&page=2>; rel="next"' in first.headers["Link"]
    last = await lab.repo("GET", "/tags?per_page=2&page=3")
    assert [one["name"] for one in last.json] == ["v0"]
    assert 'rel="next"' not in last.headers["Link"]


async def test_calls_and_unknown_routes_are_recorded(lab: Lab) -> None:
    await lab.repo("GET", "/nonsense")
    await lab.repo("GET", "")
    await lab.ask("GET", "/app", by=lab.jwt())
    assert lab.github.unknown_routes == ["GET /repos/acme/site/nonsense"]
    assert [(one.route, one.status, one.authorization) for one in lab.github.calls[1:]] == [
        ("GET {repo}", 200, "installation"),
        ("GET /app", 200, "app"),
    ]


async def test_a_renamed_repository_redirects(lab: Lab) -> None:
    number = lab.github.repository().id
    await lab.github.rename("shop")
    moved = await lab.repo("GET", "/commits/main?x=1")
    assert moved.status == 301
    assert moved.headers["Location"] == f"{lab.url}/repositories/{number}/commits/main?x=1"
    assert (await lab.ask("GET", f"/repositories/{number}/commits/main")).status == 200
    assert (await lab.repo("POST", "/git/refs", json={})).status == 307
    assert (await lab.last("repository"))["changes"] == {"repository": {"name": {"from": "site"}}}
    await lab.github.transfer("umbrella")
    assert (await lab.ask("GET", "/repos/acme/shop")).status == 301
    assert lab.github.repository("acme/site").full_name == "umbrella/shop"


async def test_a_blocked_and_an_archived_repository(lab: Lab) -> None:
    await lab.github.archive()
    assert (await lab.repo("POST", "/git/refs", json={})).status == 403
    lab.github.block()
    assert (await lab.repo("GET", "/commits/main")).json["block"]["reason"] == "dmca"
