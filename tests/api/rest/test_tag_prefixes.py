"""Tag prefixes over REST: none overlaps with another project's in the same repository, now or by a later change."""

import asyncio
from typing import Any

import pytest

from bot.store.projects import Project
from tests.api.helpers import change_project, create_project
from tests.api.rest.test_projects import PROJECTS, status_and_field
from tests.world import World


async def test_defaults_that_overlap_with_another_projects_prefix_are_refused_by_name(world: World) -> None:
    answer = await world.ask("POST", PROJECTS, {"name": "vault", "repo": "acme/site"})
    assert (status_and_field(answer), answer.json["project"]) == ((409, "#/tag_prefix"), "site")
    assert answer.json["detail"] == (
        "By default, `tag_prefix` is `vault/rc/`, which begins with `v`, the `trigger_tag_prefix` of the project `site`"
        " in this repository: set it to another, such as `project-vault/rc/`. By default, `trigger_tag_prefix` is"
        " `vault-v`, which begins with `v`, the `trigger_tag_prefix` of the project `site` in this repository: set it"
        " to another, such as `project-vault-v`."
    )
    for field, expected in (("tag_prefix", "trigger_tag_prefix"), ("trigger_tag_prefix", "tag_prefix")):
        body = {"name": "vault", "repo": "acme/site", field: f"project-vault/{field}"}
        assert status_and_field(await world.ask("POST", PROJECTS, body)) == (409, f"#/{expected}")
    prefixes = {"tag_prefix": "project-vault/rc/", "trigger_tag_prefix": "project-vault-v"}
    await create_project(world, "vault", repo="acme/site", **prefixes)
    assert status_and_field(await world.ask("POST", PROJECTS, {"name": "rc", "repo": "acme/site"})) == (
        409,
        "#/tag_prefix",
    )


async def test_a_default_that_is_too_long_is_refused_by_name(world: World) -> None:
    body = {"name": "long", "permalink": "x" * 97, "repo": "acme/site"}
    assert status_and_field(await world.ask("POST", PROJECTS, body)) == (400, "#/tag_prefix")


@pytest.mark.parametrize("prefix", ["v", "v1", "V", "va", "r", "R", "rc", "rc/x", "rC/"])
@pytest.mark.parametrize("field", ["tag_prefix", "trigger_tag_prefix"])
async def test_a_prefix_may_not_begin_or_be_begun_by_another_projects(world: World, field: str, prefix: str) -> None:
    body = {"name": "shop", "repo": "acme/site", field: prefix}
    created = await world.ask("POST", PROJECTS, body)
    await create_project(world, "other", repo="acme/site")
    changed = await world.ask("PATCH", f"{PROJECTS}/other", {field: prefix})
    for answer in (created, changed):
        assert (status_and_field(answer), answer.json["project"]) == ((409, f"#/{field}"), "site"), answer.json
        assert "the project `site`" in answer.json["detail"] and "such as `" in answer.json["detail"]
    assert (await world.ask("GET", f"{PROJECTS}/other")).json[field].startswith("other")


async def test_a_project_that_moves_to_a_repository_brings_its_prefixes_along(world: World) -> None:
    await create_project(world, "loose")
    answer = await world.ask("PATCH", f"{PROJECTS}/loose", {"repo": "acme/site"})
    assert status_and_field(answer) == (409, "#/tag_prefix")
    half = await world.ask("PATCH", f"{PROJECTS}/loose", {"repo": "acme/site", "tag_prefix": "loose/"})
    assert status_and_field(half) == (409, "#/trigger_tag_prefix")
    prefixes = {"tag_prefix": "loose/", "trigger_tag_prefix": "loose-v"}
    assert (await world.ask("PATCH", f"{PROJECTS}/loose", {"repo": "acme/site", **prefixes})).status == 200
    assert (await world.ask("PATCH", f"{PROJECTS}/loose", {"repo": "acme/site", "archived": False})).status == 200


async def test_the_prefixes_of_an_archived_project_stay_taken(world: World) -> None:
    await change_project(world, archived=True)
    answer = await world.ask("POST", PROJECTS, {"name": "vault", "repo": "acme/site"})
    assert "the archived project `site`" in answer.json["detail"]
    await change_project(world, archived=False)


async def test_old_prefixes_that_overlap_stay_until_they_change(world: World) -> None:
    """Including those of an archived project, which is not restored beside the other one."""
    await create_project(world, "other", repo="acme/site")
    await Project.filter(name="other").update(tag_prefix="rc/other/", trigger_tag_prefix="v-other")
    for change in ({"build_deadline_minutes": 5}, {"tag_prefix": "rc/other/"}, {"archived": True}):
        assert (await world.ask("PATCH", f"{PROJECTS}/other", change)).status == 200, change
    restored = await world.ask("PATCH", f"{PROJECTS}/other", {"archived": False})
    assert status_and_field(restored) == (409, "#/tag_prefix")
    for change in ({"tag_prefix": "other/rc/"}, {"trigger_tag_prefix": "other-v"}, {"archived": False}):
        assert (await world.ask("PATCH", f"{PROJECTS}/other", change)).status == 200, change


async def test_a_token_of_one_project_does_not_learn_whose_prefix_overlaps(world: World) -> None:
    await create_project(world, "shop", repo="acme/site")
    scoped = await world.create_token("project:write", project="shop")
    answer = await world.ask("PATCH", f"{PROJECTS}/shop", {"tag_prefix": "v1/"}, token=scoped)
    assert status_and_field(answer) == (409, "#/tag_prefix")
    assert "another project" in answer.json["detail"] and "site" not in str(answer.json)


async def test_of_two_requests_at_once_one_gets_a_prefix(world: World, source: Any) -> None:
    """As new projects, as changes, and with the defaults of the first project of a repository."""
    for round_ in range(5):
        one, other = f"{round_}a", f"{round_}a/b"
        bodies: list[dict[str, Any]] = [
            {
                "name": f"p{round_}-{side}",
                "repo": "acme/site",
                "tag_prefix": prefix,
                "trigger_tag_prefix": f"{round_}{side}",
            }
            for side, prefix in (("x", one), ("y", other))
        ]
        answers = await asyncio.gather(*(world.ask("POST", PROJECTS, body) for body in bodies))
        assert sorted(answer.status for answer in answers) == [201, 409], [answer.json for answer in answers]
    for name in ("left", "right"):
        await create_project(world, name, repo="acme/site")
    changes = (("left", {"tag_prefix": "z/"}), ("right", {"trigger_tag_prefix": "z/z"}))
    answers = await asyncio.gather(*(world.ask("PATCH", f"{PROJECTS}/{name}", body) for name, body in changes))
    assert sorted(answer.status for answer in answers) == [200, 409]
    repo = await world.github.add_repository_to_account(source, "fresh")
    await world.github.add_repository(repo)
    bodies = [{"name": name, "repo": repo} for name in ("first", "second")]
    answers = await asyncio.gather(*(world.ask("POST", PROJECTS, body) for body in bodies))
    assert [answer.status for answer in answers] == [201, 201]
    names = {answer.json["tag_prefix"]: answer.json["name"] for answer in answers}
    assert names.pop("rc/") and list(names) == [f"{name}/rc/" for name in names.values()]
