"""Access: credentials, grants and scopes, with the error responses of each dialect."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.rest import approvals, blocks, projects, releases, tokens
from bot.operations import users
from bot.store.users import ApiToken
from tests.api.helpers import SITE, create_project, cut_path, env_path
from tests.world import Response, World

MISSING = "Authentication credentials were not provided."
INVALID = "Invalid token."
PAGED = (
    *("/api/projects", "/api/tokens", "/api/projects/site/environments", "/api/projects/site/releases"),
    "/api/projects/site/environments/staging/approvals",
)
FORBIDDEN = "You do not have permission to perform this action."
OF_NO_PROJECT = ("/api/tokens", "/api/freezes", "/api/board", "/api/waiting", "/api/search", "/api/audit")
DIALECTS = ("/api/releases/site/releases/1.0-rc1", "/api/projects/site")

EVERY_CALL: list[tuple[str, str, Any, str]] = [
    ("POST", cut_path("1.0-rc1"), {"repo": "acme/site", "commit": "0" * 40}, "release:cut"),
    ("GET", cut_path("1.0-rc1"), None, "project:read"),
    ("POST", f"{cut_path('1.0-rc1')}/cancel", {}, "release:cut"),
    ("POST", f"{cut_path('1.0-rc1')}/build", {}, "release:cut"),
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
    ("PUT", "/api/projects/site/releases/1.0/files", {"files": {}}, "project:write"),
    ("PATCH", "/api/projects/site/releases/1.0", {"status": 20}, "release:hold"),
    ("POST", "/api/projects/site/environments/staging/lock", {"reason": "x"}, "deployment:start"),
    ("GET", "/api/projects/site/environments/staging/lock", None, "project:read"),
    ("DELETE", "/api/projects/site/environments/staging/lock", None, "deployment:start"),
    ("POST", "/api/projects/site/environments/production/lock", {"reason": "x"}, "deployment:production"),
    ("DELETE", "/api/projects/site/environments/production/lock", None, "deployment:production"),
    ("POST", "/api/projects/site/environments/staging/freezes", {"reason": "x"}, "freeze:write"),
    ("GET", "/api/projects/site/environments/staging/freezes", None, "project:read"),
    ("DELETE", "/api/projects/site/environments/staging/freezes/1", None, "freeze:write"),
    ("POST", "/api/projects/site/freezes", {"reason": "x"}, "freeze:write"),
    ("GET", "/api/projects/site/freezes", None, "project:read"),
    ("DELETE", "/api/projects/site/freezes/1", None, "freeze:write"),
    ("POST", "/api/freezes", {"reason": "x"}, "freeze:write"),
    ("GET", "/api/freezes", None, "project:read"),
    ("GET", "/api/board", None, "project:read"),
    ("GET", "/api/waiting", None, "project:read"),
    ("GET", "/api/search?q=1.0", None, "project:read"),
    ("GET", "/api/audit", None, "project:read"),
    ("DELETE", "/api/freezes/1", None, "freeze:write"),
    ("POST", "/api/projects/site/releases/1.0/hold", {"reason": "x"}, "release:hold"),
    ("DELETE", "/api/projects/site/releases/1.0/hold", None, "release:hold"),
    ("POST", "/api/projects/site/candidates/1.0-rc1/ban", {"reason": "x"}, "release:hold"),
    ("DELETE", "/api/projects/site/candidates/1.0-rc1/ban", None, "release:hold"),
    ("GET", f"/api/projects/site/where?commit={'1' * 40}", None, "project:read"),
    ("GET", "/api/projects/site/environments/staging/decision?candidate=1.0-rc1", None, "project:read"),
    ("GET", "/api/projects/site/environments/staging/approvals", None, "project:read"),
    ("POST", "/api/projects/site/environments/staging/approvals", {"candidate": "1.0-rc1"}, "project:read"),
    ("DELETE", "/api/projects/site/environments/staging/approvals/1", None, "project:read"),
    ("GET", "/api/tokens", None, "admin"),
    ("POST", "/api/tokens", {"name": "ci", "grants": ["project:read"]}, "admin"),
    ("GET", "/api/tokens/1", None, "admin"),
    ("DELETE", "/api/tokens/9999", None, "admin"),
]


def is_instance(path: str, template: str) -> bool:
    """Whether a path is one of a template such as `/api/projects/{project}`."""
    parts, names = path.partition("?")[0].strip("/").split("/"), template.strip("/").split("/")
    pairs = zip(parts, names, strict=False)
    return len(parts) == len(names) and all(name.startswith("{") or part == name for part, name in pairs)


def test_every_call_is_listed_with_its_grant() -> None:
    for dialect in (releases.DIALECT, projects.DIALECT, blocks.DIALECT, approvals.DIALECT, tokens.DIALECT):
        for endpoint in dialect.endpoints:
            call = f"{endpoint.method} {endpoint.path}"
            listed = [path for method, path, _, _ in EVERY_CALL if method == endpoint.method]
            assert any(is_instance(path, endpoint.path) for path in listed), f"add {call} to EVERY_CALL"


def status_and_sentence(answer: Response) -> tuple[int, str]:
    """Status and sentence of an error response, whose form is checked in either dialect."""
    if "error" in answer.json:
        assert set(answer.json) <= {"error", "details"}
        assert answer.headers["Content-Type"].startswith("application/json")
        return answer.status, answer.error
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.json["status"] == answer.status
    return answer.status, str(answer.json["detail"])


@pytest.mark.parametrize("path", DIALECTS)
async def test_missing_or_malformed_credentials_are_401_with_a_challenge(world: World, path: str) -> None:
    invalid = {
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
    for header, sentence in invalid.items():
        answer = await world.ask("GET", path, token="", headers={"Authorization": header})
        assert status_and_sentence(answer) == (401, sentence)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert status_and_sentence(await world.ask("GET", path, token="")) == (401, MISSING)


@pytest.mark.parametrize("path", DIALECTS)
async def test_an_expired_or_revoked_token_is_401(world: World, path: str) -> None:
    context = await world.context()
    _, expired = await users.create_token(context, "late", grants=["admin"], expires=timedelta(0))
    _, revoked = await users.create_token(context, "gone", grants=["admin"])
    assert (await world.ask("GET", "/api/projects", token=revoked)).status == 200
    await users.revoke_token(context, "gone")
    for token in (expired, revoked):
        answer = await world.ask("GET", path, token=token)
        assert status_and_sentence(answer) == (401, INVALID)
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_token_that_has_not_expired_yet_is_accepted(world: World) -> None:
    context = await world.context()
    _, token = await users.create_token(context, "soon", grants=["project:read"], expires=timedelta(minutes=1))
    assert (await world.ask("GET", "/api/projects", token=token)).status == 200
    row = await ApiToken.get(name="soon")
    assert row.last_used_at is not None
    assert token not in str(vars(row))


def is_admitted(answer: Response) -> bool:
    """Whether a response shows that the caller has the grant, if it is for people only."""
    return answer.status not in (401, 403) or "Only people approve" in answer.json.get("detail", "")


async def test_each_call_requires_its_grant_and_no_other(world: World) -> None:
    """Without its grant each call is 403; with that grant alone it is admitted."""
    grants = ["project:read", "release:cut", "deployment:start", "deployment:production", "deployment:report"]
    grants += ["release:hold", "freeze:write", "project:write", "deployment:force", "content:write"]
    for method, path, body, grant in EVERY_CALL:
        held = await world.create_token(grant)
        others = await world.create_token(*(name for name in grants if name != grant))
        refused = await world.ask(method, path, body, token=others)
        assert status_and_sentence(refused) == (403, FORBIDDEN), (method, path)
        assert is_admitted(await world.ask(method, path, body, token=held)), (method, path)
        assert (await world.ask(method, path, body, token="")).status == 401, (method, path)


async def test_a_refusal_names_the_missing_grant_and_the_role_that_has_it(world: World) -> None:
    reader = await world.create_token("project:read")
    answer = await world.ask("POST", env_path("/rollback"), {}, token=reader)
    reason = "it needs `deployment:start`; the token has `project:read`"
    assert answer.json["details"] == {"grant": "deployment:start", "github_role": "write", "reason": reason}
    native = await world.ask("PATCH", "/api/projects/site", {}, token=reader)
    assert (native.json["grant"], native.json["github_role"]) == ("project:write", "admin")
    assert native.json["title"] == "Forbidden"


async def test_a_token_of_another_project_is_403_and_of_this_one_is_accepted(world: World) -> None:
    await create_project(world, "shop")
    here = await world.create_token("admin", project="site")
    elsewhere = await world.create_token("admin", project="shop")
    await world.cut("1.0-rc1", build=True)
    for method, path, body, _ in EVERY_CALL:
        if path in ("/api/projects", "/api/v1/sync-deploy-github-action") or path.startswith(OF_NO_PROJECT):
            continue
        assert status_and_sentence(await world.ask(method, path, body, token=elsewhere)) == (403, FORBIDDEN), (
            method,
            path,
        )
        assert is_admitted(await world.ask(method, path, body, token=here)), (method, path)
    await world.settle()


async def test_a_token_of_one_project_neither_sees_nor_creates_others(world: World) -> None:
    await create_project(world, "shop")
    scoped = await world.create_token("admin", project="shop")
    listed = await world.ask("GET", "/api/projects", token=scoped)
    assert [item["name"] for item in listed.json] == ["shop"]
    assert (await world.ask("POST", "/api/projects", {"name": "third"}, token=scoped)).status == 403


async def test_the_scheme_before_a_token_may_be_in_any_case(world: World) -> None:
    for scheme in ("bearer", "BEARER", "Token"):
        answer = await world.ask("GET", "/api/projects", token="", headers={"Authorization": f"{scheme} {world.token}"})
        assert answer.status == 200


async def test_the_actor_of_a_deployment_is_the_user_of_the_token(world: World) -> None:
    await world.cut("1.0-rc1")
    token = await world.create_token("deployment:start", user="carol")
    answer = await world.ask("POST", env_path("/deployments"), {"release_candidate_version": "1.0-rc1"}, token=token)
    assert answer.json["actor"] == "carol"
    assert (await world.ask("GET", f"{SITE}/releases/1.0-rc1")).json["created_by"] == "root"


async def test_a_token_of_one_project_cannot_move_it_to_another_repository(world: World, source: Path) -> None:
    """Nor does it learn which repositories exist: GitHub is not asked."""
    await world.github.add_repository(await world.github.add_repository_to_account(source, "other"))
    await create_project(world, "loose")
    await world.settle()
    for name in ("site", "loose"):
        scoped, calls = await world.create_token("admin", project=name), len(world.github.calls)
        for repo in ("acme/other", "acme/none", "nobody/site", "no name"):
            answer = await world.ask("PATCH", f"/api/projects/{name}", {"repo": repo, "archived": True}, token=scoped)
            assert (answer.status, answer.json["pointer"]) == (403, "#/repo"), repo
        assert len(world.github.calls) == calls
    own = await world.create_token("admin", project="site")
    same = await world.ask("PATCH", "/api/projects/site", {"repo": "Acme/Site", "archived": True}, token=own)
    assert (same.status, same.json["repo"], same.json["archived"]) == (200, "acme/site", True)
    assert (await world.ask("GET", "/api/projects/loose")).json["repo"] is None


async def test_a_token_of_one_project_learns_nothing_about_others(world: World) -> None:
    await create_project(world, "shop", repo="acme/site", tag_prefix="shop/")
    scoped = await world.create_token("admin", project="shop", user="shopper")
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
        paths = [f"/api/announcements?state={state}&project={name}" for name in ("site", "none")]
        assert [(await world.ask("GET", path, token=scoped)).json for path in paths] == [[], []]
    for change in ({"permalink": "site"}, {"tag_prefix": "rc/"}, {"name": "site"}):
        answer = await world.ask("PATCH", "/api/projects/shop", change, token=scoped)
        assert answer.status == 409 and "project" not in answer.json and "`site`:" not in answer.json["detail"]
        assert "another project" in answer.json["detail"]


async def test_no_query_parameter_is_ignored(world: World) -> None:
    """Unknown and repeated parameters are refused in the dialect's form, after authentication."""
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
            joined = f"{path}{'&' if '?' in path else '?'}"
            status, sentence = status_and_sentence(await world.ask("GET", f"{joined}{query}"))
            assert (status, sentence.startswith(f"`{name}` is not a parameter of this call")) == (400, True), (
                path,
                query,
            )
        assert (await world.ask("GET", f"{joined}x=1", token="")).status == 401
    for path in PAGED:
        for query in ("per_page=1&per_page=1", "per_page=1&per_page=2"):
            repeated = await world.ask("GET", f"{path}?{query}")
            assert status_and_sentence(repeated) == (400, "`per_page` is given more than once."), path
    unknown = await world.ask("GET", f"{env_path('/deployments')}?x=1")
    assert unknown.error == "`x` is not a parameter of this call, which takes `page` and `per_page`."
    assert (await world.ask("POST", "/api/projects?name=x", {"name": "shop"})).status == 400
    assert (await world.ask("DELETE", "/api/tokens/1?x=1")).status == 400
    assert (await world.ask("GET", "/api/projects/shop")).status == 404
    graphql = await world.ask("POST", "/graphql?query=x", {"query": "{ viewer { name } }"})
    assert (graphql.status, graphql.json["errors"][0]["extensions"]["code"]) == (400, "BAD_USER_INPUT")
    long = await world.ask("GET", f"/api/tokens?{'x' * 5000}=1")
    assert (long.status, len(long.json["detail"]) < 300) == (400, True)
