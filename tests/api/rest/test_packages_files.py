"""Files of package releases: adding them, their order, and concurrent additions."""

import asyncio
from collections.abc import Mapping
from typing import Any

from bot.rules.packages import MAX_GROUPS, MAX_PATHS, MAX_TOTAL_LENGTH
from bot.store.releases import Release
from tests.api.rest.test_packages import create_release, fields_named, show_release, status_and_sentence
from tests.world import Response, World

FILES = "/api/releases/1/update_files/"
NATIVE = "/api/projects/site/releases/1.1/files"


async def add(world: World, files: Any, **more: Any) -> Response:
    """Add files to the first release."""
    return await world.ask("PATCH", FILES, {"files": files}, **more)


async def test_new_paths_are_appended_and_duplicates_ignored(world: World) -> None:
    await create_release(world, files={"js": ["js/b.js", "js/a.js", "js/b.js"], "css": "site.css"})
    steps: list[tuple[Any, Mapping[str, list[str]]]] = [
        ({}, {"js": ["js/b.js", "js/a.js"], "css": ["site.css"]}),
        ({"js": "js/c.js"}, {"js": ["js/b.js", "js/a.js", "js/c.js"], "css": ["site.css"]}),
        ({"js": ["js/a.js", "d", "d"]}, {"js": ["js/b.js", "js/a.js", "js/c.js", "d"], "css": ["site.css"]}),
        ({"css": [], "img": ["ü.png"], "none": []}, {"css": ["site.css"], "img": ["ü.png"], "none": []}),
    ]
    for more, expected in steps:
        answer = await add(world, more)
        assert (answer.status, set(answer.json)) == (200, {"files"})
        assert answer.json["files"] == {**answer.json["files"], **expected}
    assert set(answer.json["files"]) == {"js", "css", "img", "none"}
    assert (await show_release(world, 1))["files"] == answer.json["files"]


async def test_adding_files_is_audited_unless_nothing_is_new(world: World) -> None:
    await create_release(world)
    before = (await Release.get(id=1)).updated_at
    await add(world, {"js": "a"})
    changed = (await Release.get(id=1)).updated_at
    assert changed > before
    await add(world, {"js": ["a"]})
    assert (await Release.get(id=1)).updated_at == changed
    [entry] = await world.audit("release.add_files")
    assert (entry.actor, entry.subject, entry.project_id) == ("root", "1.1", 1)
    assert entry.after == {"files": {"js": ["a"]}}


async def test_malformed_files_are_refused_and_nothing_is_added(world: World) -> None:
    groups: list[Any] = [
        None,
        1,
        True,
        {},
        [1],
        [["a"]],
        "",
        "/a",
        "../a",
        "a/..",
        "a/../b",
        "a\\b",
        "a\nb",
        "a\x1b",
        "x" * 1001,
    ]
    await create_release(world, files={"js": "a"})
    for files in (None, 1, True, "a", [], ["a"], {"": "a"}, {"a\n": "a"}, {"x" * 101: "a"}):
        assert fields_named(await add(world, files)) == {"files"}
    for group in groups:
        assert fields_named(await add(world, {"css": "fine", "js": group})) == {"files"}, group
    assert (await show_release(world, 1))["files"] == {"js": ["a"]}


async def test_a_body_without_files_or_with_unknown_fields_is_400_before_the_release_is_looked_up(world: World) -> None:
    for path in (FILES, "/api/releases/x/update_files/"):
        assert fields_named(await world.ask("PATCH", path, {})) == {"files"}
        assert fields_named(await world.ask("PATCH", path)) == {"files"}
        assert fields_named(await world.ask("PATCH", path, {"files": {}, "status": 30})) == {"status"}
        assert status_and_sentence(await world.ask("PATCH", path, {"files": {}})) == (404, "Release not found")
        nul = await world.ask("PATCH", path, {"files": {"js": "a\0b"}})
        assert status_and_sentence(nul)[0] == 400


async def test_the_number_of_files_of_a_release_is_limited(world: World) -> None:
    for full, limit in (
        ({str(number): ["a"] for number in range(MAX_GROUPS)}, "groups"),
        ({"a": [str(number) for number in range(MAX_PATHS)]}, "paths"),
        ({"a": [f"{number:01000}" for number in range(MAX_TOTAL_LENGTH // 1000)]}, "characters of paths"),
    ):
        written = await create_release(world, version=limit, files=full)
        path = f"/api/releases/{written.json['id']}/update_files/"
        answer = await world.ask("PATCH", path, {"files": {"more": ["x" * 1000]}})
        assert fields_named(answer) == {"files"}
        assert limit in answer.error
        assert (await world.ask("PATCH", path, {"files": full})).json == {"files": full}


async def test_concurrent_additions_lose_no_path(world: World) -> None:
    await create_release(world, files={"js": "first"})
    answers = await asyncio.gather(
        *(add(world, {"js": [f"js/{number}"], f"group{number % 5}": [f"{number}", "same"]}) for number in range(40))
    )
    assert {answer.status for answer in answers} == {200}
    files = (await show_release(world, 1))["files"]
    assert files["js"][0] == "first"
    assert sorted(files["js"][1:]) == sorted(f"js/{number}" for number in range(40))
    for group in range(5):
        assert sorted(files[f"group{group}"]) == sorted(["same", *(f"{number}" for number in range(group, 40, 5))])
    for answer in answers:  # each response has the paths before it, in their final order
        paths = answer.json["files"]["js"]
        assert paths == files["js"][: len(paths)]


async def test_files_added_during_a_deployment_are_kept(world: World) -> None:
    await create_release(world, version="1.0", status=1)
    await world.cut("1.0-rc1")

    async def add_some() -> None:
        for number in range(10):
            assert (await add(world, {"js": f"{number}"})).status == 200

    adding = asyncio.create_task(add_some())
    await world.complete_deployment("1.0-rc1")
    await adding
    whole = await show_release(world, 1)
    assert (whole["status"], whole["files"]) == (10, {"js": [str(number) for number in range(10)]})


async def test_replacing_files_removes_those_that_are_not_sent(world: World) -> None:
    await create_release(world, files={"js": ["a.js", "b.js"], "css": "site.css"})
    answer = await world.ask("PUT", NATIVE, {"files": {"js": "b.js"}})
    assert (answer.status, answer.json) == (200, {"files": {"js": ["b.js"]}})
    assert (await show_release(world, 1))["files"] == {"js": ["b.js"]}
    assert (await world.ask("GET", "/api/projects/site/releases/1.1")).json["files"] == {"js": ["b.js"]}
    [entry] = await world.audit("release.replace_files")
    assert entry.before == {"files": {"js": ["a.js", "b.js"], "css": ["site.css"]}}
    assert entry.after == {"files": {"js": ["b.js"]}}
    await world.ask("PUT", NATIVE, {"files": {"js": ["b.js"]}})
    assert len(await world.audit("release.replace_files")) == 1
    assert (await world.ask("PUT", NATIVE, {"files": {}})).json == {"files": {}}


async def test_replacing_files_refuses_what_adding_them_refuses(world: World) -> None:
    await create_release(world, files={"js": "a.js"})
    bodies: list[Any] = [{}, {"files": None}, {"files": {"js": ["../a"]}}, {"files": {"js": 1}}, {"files": {}, "x": 1}]
    for body in bodies:
        assert (await world.ask("PUT", NATIVE, body)).status == 400
    assert (await world.ask("PUT", "/api/projects/site/releases/9/files", {"files": {}})).status == 404
    reader = await world.create_token("project:read", "content:write")
    assert (await world.ask("PUT", NATIVE, {"files": {}}, token=reader)).status == 403
    assert (await show_release(world, 1))["files"] == {"js": ["a.js"]}
