"""Workflow files are looked for when a setting names them: a warning says what is wrong, and the setting is saved."""

import time
from typing import Any

import pytest

from bot.operations.workflows import warnings
from bot.store.audit import AuditEntry
from tests.world import PROJECT, World

PROJECTS = "/api/projects"
ENVIRONMENTS = f"{PROJECTS}/{PROJECT}/environments"
FILES = {
    ".github/workflows/manual.yml": "on: push\njobs: {}\n",
    ".github/workflows/broken.yml": "on: [\n",
    ".github/workflows/README.md": "Not a workflow.\n",
}
MISSING = (
    "There is no workflow file `.github/workflows/biuld.yml` at `main`: add it, or name another. "
    "Did you mean `build.yml`? Known workflow files: `build.yml` and `deploy.yml`."
)
CALLS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("POST", PROJECTS, "build_workflow", {"name": "shop", "repo": "acme/site"}),
    ("PATCH", f"{PROJECTS}/{PROJECT}", "build_workflow", {}),
    ("POST", ENVIRONMENTS, "workflow", {"name": "qa", "tier": "staging"}),
    ("PATCH", f"{ENVIRONMENTS}/staging", "workflow", {}),
]


@pytest.mark.parametrize(("method", "path", "field", "body"), CALLS)
async def test_a_file_that_is_not_there_is_warned_of_and_set(
    world: World, method: str, path: str, field: str, body: dict[str, Any]
) -> None:
    answer = await world.ask(method, path, {**body, field: "biuld.yml"})
    assert answer.status in (200, 201), answer
    assert (answer.json["warnings"], answer.json[field]) == ([MISSING], "biuld.yml")


@pytest.mark.parametrize(("method", "path", "field", "body"), CALLS)
async def test_a_file_that_can_be_started_gets_no_warning(
    world: World, method: str, path: str, field: str, body: dict[str, Any]
) -> None:
    answer = await world.ask(method, path, {**body, field: ".github/workflows/deploy.yml"})
    assert (answer.status in (200, 201), answer.json["warnings"]) == (True, [])


@pytest.mark.parametrize(
    ("name", "warning"),
    [
        ("manual.yml", "has no `workflow_dispatch` trigger: add `on: workflow_dispatch` to it."),
        ("broken.yml", "is not valid YAML: correct it in line "),
    ],
)
async def test_a_file_that_cannot_be_started_is_warned_of(world: World, name: str, warning: str) -> None:
    await world.github.commit(files=FILES)
    answer = await world.ask("PATCH", f"{ENVIRONMENTS}/staging", {"workflow": name})
    (said,) = answer.json["warnings"]
    assert said.startswith(f"`.github/workflows/{name}` {warning}")


async def test_files_that_are_no_workflows_are_not_listed(world: World) -> None:
    await world.github.commit(files=FILES)
    answer = await world.ask("PATCH", f"{ENVIRONMENTS}/staging", {"workflow": "x.yml"})
    (said,) = answer.json["warnings"]
    assert said.endswith("Known workflow files: `broken.yml`, `build.yml`, `deploy.yml` and `manual.yml`.")


async def test_a_folder_of_workflows_that_is_a_file_is_warned_of(world: World) -> None:
    removed = dict.fromkeys((".github/workflows/build.yml", ".github/workflows/deploy.yml"))
    await world.github.commit(files={**removed, ".github/workflows": "A file.\n"})
    answer = await world.ask("PATCH", f"{ENVIRONMENTS}/staging", {"workflow": "x.yml"})
    assert (answer.status, answer.json["workflow"]) == (200, "x.yml"), answer
    (said,) = answer.json["warnings"]
    assert said.endswith("There are no workflow files.")


async def test_other_settings_ask_github_nothing(world: World) -> None:
    before = len(world.github.calls)
    for path, body in (
        (f"{ENVIRONMENTS}/staging", {"order": 3}),
        (f"{ENVIRONMENTS}/staging", {"workflow": None}),
        (f"{ENVIRONMENTS}/staging", {"frozen": {"reason": "x"}}),
        (f"{PROJECTS}/{PROJECT}", {"build_workflow": None, "version_scheme": "semver"}),
    ):
        answer = await world.ask("PATCH", path, body)
        assert (answer.status, answer.json["warnings"]) == (200, [])
    assert len(world.github.calls) == before


async def test_another_repository_is_asked_for_all_workflow_files_of_the_project(world: World) -> None:
    assert (await world.ask("POST", PROJECTS, {"name": "shop", "build_workflow": "biuld.yml"})).json["warnings"] == []
    environment = {"name": "qa", "tier": "staging", "workflow": "manual.yml"}
    assert (await world.ask("POST", f"{PROJECTS}/shop/environments", environment)).json["warnings"] == []
    await world.github.commit(files=FILES)
    prefixes = {"tag_prefix": "shop/rc/", "trigger_tag_prefix": "shop-v"}
    answer = await world.ask("PATCH", f"{PROJECTS}/shop", {"repo": "acme/site", **prefixes})
    missing, without_trigger = answer.json["warnings"]
    assert "biuld.yml" in missing and "manual.yml" in without_trigger


async def test_github_being_down_delays_and_prevents_nothing(world: World) -> None:
    world.github.faults.down()
    started = time.monotonic()
    answer = await world.ask("PATCH", f"{ENVIRONMENTS}/staging", {"workflow": "biuld.yml"})
    world.github.faults.up()
    assert (answer.status, answer.json["workflow"], answer.json["warnings"]) == (200, "biuld.yml", [])
    assert time.monotonic() - started < warnings.TIMEOUT + 2


async def test_github_being_slow_delays_a_few_seconds_at_most(world: World) -> None:
    world.github.faults.slow(30, path="*/contents/*", times=1)
    started = time.monotonic()
    answer = await world.ask("PATCH", f"{ENVIRONMENTS}/staging", {"workflow": "biuld.yml"})
    assert (answer.status, answer.json["workflow"], answer.json["warnings"]) == (200, "biuld.yml", [])
    assert time.monotonic() - started < warnings.TIMEOUT + 2


@pytest.mark.parametrize("name", ["../x.yml", "a/b.yml", "build", "build.json", ".yml", ""])
async def test_what_cannot_be_the_name_of_a_workflow_file_is_refused(world: World, name: str) -> None:
    for method, path, field, body in CALLS:
        answer = await world.ask(method, path, {**body, field: name})
        assert (answer.status, answer.json["pointer"]) == (400, f"#/{field}"), (path, answer)


# --- nothing to change


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (f"{PROJECTS}/{PROJECT}", ("`name`", "`repo`", "`version_scheme`", "or `archived`")),
        (f"{ENVIRONMENTS}/staging", ("`name`", "`tier`", "`order`", "or `frozen`")),
        (f"{PROJECTS}/{PROJECT}/releases/1.0", ("`status`", "`release_date` or `notes`")),
    ],
)
async def test_a_change_of_nothing_says_what_can_be_changed(world: World, path: str, fields: tuple[str, ...]) -> None:
    await world.cut("1.0-rc1")
    before = await AuditEntry.all().count()
    for body in ({}, {"name": None} if "releases" not in path else {"notes": None}):
        answer = await world.ask("PATCH", path, body)
        assert answer.status == 400
        assert answer.json["detail"].startswith("There is nothing to change: name at least one of `")
        assert all(field in answer.json["detail"] for field in fields), answer.json
    assert await AuditEntry.all().count() == before
