"""Who may ask: credentials, grants and scopes, in each dialect's form of refusal."""

from datetime import timedelta

import pytest

from bot.operations import users
from bot.store.users import ApiToken
from tests.api.calls import SITE, cut_path, env_path, project
from tests.world import Answer, World

MISSING = "Authentication credentials were not provided."
INVALID = "Invalid token."
FORBIDDEN = "You do not have permission to perform this action."
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
    _, expired = await users.create_token(context, "late", grants=["admin"], expires_in=timedelta(0))
    _, revoked = await users.create_token(context, "gone", grants=["admin"])
    assert (await world.ask("GET", "/api/projects", token=revoked)).status == 200
    await users.revoke_token(context, "gone")
    for token in (expired, revoked):
        answer = await world.ask("GET", path, token=token)
        assert refusal(answer) == (401, INVALID)
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_token_that_has_not_expired_yet_is_good(world: World) -> None:
    context = await world.context()
    _, token = await users.create_token(context, "soon", grants=["project:read"], expires_in=timedelta(minutes=1))
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
        if path in ("/api/projects", "/api/v1/sync-deploy-github-action"):
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
