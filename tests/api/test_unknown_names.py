"""An unknown project or environment is answered with those that the caller may list, in every channel."""

from pathlib import Path

import pytest

from bot.store.projects import Environment
from tests.api.helpers import create_project, env_path
from tests.handlers.test_comments import reply_to
from tests.world import PROJECT, Response, Serve, World, running_world

DEPLOY = {"release_candidate_version": "1.0-rc1"}


def told(answer: Response) -> tuple[object, ...]:
    """What a response says about names."""
    details = answer.json.get("details", answer.json)
    return tuple(details.get(name) for name in ("projects", "environments", "more", "did_you_mean"))


ENVIRONMENT_CALLS = [
    ("POST", env_path("/deployments", environment="stagign"), DEPLOY),
    ("PATCH", env_path("/deployments", environment="stagign"), {**DEPLOY, "status": "success"}),
    ("GET", env_path("/deployments", environment="stagign"), None),
    ("GET", env_path("/deployments/1", environment="stagign"), None),
    ("POST", env_path("/deployments/1/cancel", environment="stagign"), {}),
    ("POST", env_path("/rollback", environment="stagign"), {}),
    ("GET", f"/api/projects/{PROJECT}/environments/stagign", None),
    ("PATCH", f"/api/projects/{PROJECT}/environments/stagign", {"order": 1}),
    ("PATCH", f"/api/projects/{PROJECT}/environments/stagign", {"frozen": {"reason": "x"}}),
]


async def test_an_unknown_environment_is_answered_with_those_of_the_project(world: World) -> None:
    await world.cut("1.0-rc1")
    for method, path, body in ENVIRONMENT_CALLS:
        answer = await world.ask(method, path, body)
        assert answer.status == 404, (path, answer)
        assert answer.json.get("error", answer.json.get("detail")) == "Release environment not found"
        assert told(answer) == (None, ["staging", "production"], None, "staging"), (method, path)


async def test_who_may_not_read_a_project_is_not_told_its_environments(world: World) -> None:
    token = await world.create_token("deployment:start")
    answer = await world.ask("POST", env_path("/deployments", environment="stagign"), DEPLOY, token=token)
    assert (answer.status, answer.json) == (404, {"error": "Release environment not found"})


async def test_of_many_environments_ten_are_listed(world: World) -> None:
    for number in range(12):
        environment = {"name": f"region-{number:02}", "tier": "staging"}
        assert (await world.ask("POST", f"/api/projects/{PROJECT}/environments", environment)).status == 201
    answer = await world.ask("GET", f"/api/projects/{PROJECT}/environments/region11")
    assert (len(answer.json["environments"]), answer.json["more"]) == (10, await Environment.all().count() - 10)
    assert answer.json["did_you_mean"] == "region-11"


PROJECT_CALLS = [
    ("GET", "/api/projects/stie", None),
    ("GET", "/api/projects/stie/environments", None),
    ("PATCH", "/api/projects/stie", {"archived": True}),
    ("POST", "/api/releases/stie/releases/1.0-rc1", {"repo": "acme/site", "commit": "0" * 40}),
    ("GET", "/api/releases/stie/environments/staging/deployments", None),
    ("POST", "/api/tokens", {"name": "x", "grants": ["project:read"], "project": "stie"}),
]


async def test_an_unknown_project_is_answered_with_those_that_the_caller_may_list(world: World) -> None:
    await create_project(world, "shop")
    for method, path, body in PROJECT_CALLS:
        answer = await world.ask(method, path, body)
        assert (answer.status, told(answer)) == (404, (["shop", "site"], None, None, "site")), (method, path)
    blind = await world.create_token("release:cut")
    for method, path, body in PROJECT_CALLS[3:4]:
        answer = await world.ask(method, path, body, token=blind)
        assert (answer.status, answer.json) == (404, {"error": "Release project not found"})


async def test_dialects_without_details_say_it_in_the_sentence(world: World) -> None:
    release = {"package": "stie", "version": "1", "release_date": "2026-01-01", "status": 30}
    packages = await world.ask("POST", "/api/releases/new/", release)
    assert packages.json["error"].endswith("there is no `stie`. Did you mean `site`? Known projects: `site`.")
    announcements = await world.ask("GET", "/projects/stie.json")
    assert announcements.json == {
        "errors": {"base": ["Project not found. Did you mean `site`? Known projects: `site`."]}
    }
    graphql = await world.ask("POST", "/graphql", {"query": '{ project(name: "stie") { id } }'})
    assert graphql.json["errors"][0]["extensions"] == {
        "code": "NOT_FOUND",
        "projects": ["site"],
        "did_you_mean": "site",
    }


async def test_a_stranger_is_told_no_names(source: Path, database_url: str, aiohttp_server: Serve) -> None:
    async with running_world(source, database_url, aiohttp_server, anonymous_read="all") as world:
        for path in (env_path("/deployments", project="stie"), env_path("/deployments", environment="stagign")):
            answer = await world.ask("GET", path, token="")
            assert (answer.status, list(answer.json)) == (404, ["error"]), answer


async def test_a_token_of_one_project_is_told_its_own_environments_and_no_other_project(world: World) -> None:
    await create_project(world, "shop")
    token = await world.create_token("project:read", project=PROJECT)
    answer = await world.ask("GET", env_path("/deployments", environment="stagign"), token=token)
    assert told(answer) == (None, ["staging", "production"], None, "staging")
    refused = await world.ask("GET", "/api/projects/shpo", token=token)
    assert (refused.status, told(refused)) == (403, (None, None, None, None))
    graphql = await world.ask("POST", "/graphql", {"query": '{ project(name: "shpo") { id } }'}, token=token)
    assert graphql.json["errors"][0]["extensions"] == {"code": "NOT_FOUND", "projects": [PROJECT]}


async def test_comments_tell_the_names_to_those_who_may_do_it(world: World) -> None:
    await world.cut("1.0-rc1")
    reply = await reply_to(world, "/release deploy 1.0-rc1 to stagign")
    assert "environment not found. Did you mean `staging`? Known environments: `staging` and `production`." in reply
    reply = await reply_to(world, f"/release deploy 1.0-rc1 to staging in {PROJECT.upper()}x")
    assert f"Did you mean `{PROJECT}`? Known projects: `{PROJECT}`." in reply


@pytest.mark.parametrize("role", ["read", "triage"])
async def test_a_person_without_the_role_is_told_that_and_no_names(world: World, role: str) -> None:
    world.github.person("bob", role)
    reply = await reply_to(world, "/release cut 1.0 in nowhere", by="bob")
    assert f"it needs write; you have {role}." in reply
    assert PROJECT not in reply


CANDIDATE_CALLS = [
    ("GET", "/api/releases/site/releases/{version}", None),
    ("POST", "/api/releases/site/releases/{version}/cancel", {}),
    ("POST", env_path("/deployments"), {"release_candidate_version": "{version}"}),
    ("PATCH", env_path("/deployments"), {"release_candidate_version": "{version}", "status": "success"}),
]


async def ask_about(world: World, version: str, token: str | None = None) -> list[tuple[int, object]]:
    """Ask every call that names a candidate about this one."""
    answers = []
    for method, path, body in CANDIDATE_CALLS:
        sent = body and {name: text.format(version=version) for name, text in body.items()}
        answers.append(
            await world.ask(method, path.format(version=version), sent, **({"token": token} if token else {}))
        )
    return [(answer.status, answer.json) for answer in answers]


async def test_an_unknown_candidate_is_answered_with_the_one_that_may_be_meant(world: World) -> None:
    await world.cut("1.4.0-rc1")
    for version, meant in (("v1.4.0-rc1", "1.4.0-rc1"), ("1.4.0-rc2", "1.4.0-rc1"), ("99.0.0-rc1", None)):
        details = {"release_candidate_version": version, **({"did_you_mean": meant} if meant else {})}
        expected = (404, {"error": "Release not found", "details": details})
        assert await ask_about(world, version) == [expected] * len(CANDIDATE_CALLS)


async def test_who_may_not_read_a_project_is_not_told_its_candidates(world: World) -> None:
    await world.cut("1.4.0-rc1")
    token = await world.create_token("deployment:start", "deployment:report", "release:cut")
    details = {"release_candidate_version": "v1.4.0-rc1"}
    assert (await ask_about(world, "v1.4.0-rc1", token))[1:] == [
        (404, {"error": "Release not found", "details": details})
    ] * 3


async def test_an_unknown_candidate_in_a_comment_is_answered_with_the_one_that_may_be_meant(world: World) -> None:
    await world.cut("1.4.0-rc1")
    reply = await reply_to(world, "/release deploy 1.4.0-rc2 to staging")
    assert reply.startswith("Release not found. Did you mean `1.4.0-rc1`?\n  - release candidate version: `1.4.0-rc2`")
    unlike = await reply_to(world, "/release deploy 9.9.9-rc1 to staging")
    assert unlike.startswith("Release not found.\n  - release candidate version: `9.9.9-rc1`")
