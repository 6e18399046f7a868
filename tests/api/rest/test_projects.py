"""Projects over REST: creating, changing and listing them, and their next version."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.store.audit import AuditEntry
from tests.api.helpers import change_project, count_rows, create_project, cut_path, field_values, page_links
from tests.world import Response, World

PROJECTS = "/api/projects"
LONG = "x" * 101


def status_and_field(answer: Response) -> tuple[int, str | None]:
    """Status and field of an error response, which must be problem details."""
    assert answer.headers["Content-Type"].startswith("application/problem+json"), answer.json
    assert answer.json["type"] == "about:blank"
    assert answer.json["status"] == answer.status
    assert answer.json["title"]
    assert answer.json["detail"]
    return answer.status, answer.json.get("pointer", answer.json.get("parameter"))


async def test_a_project_is_created_with_defaults(world: World) -> None:
    created = await create_project(world, "Web Shop")
    moment = created.pop("created_at")
    assert created.pop("warnings") == []
    assert created == {
        "id": 2,
        "name": "Web Shop",
        "permalink": "web-shop",
        "repo": None,
        "build_workflow": None,
        "build_inputs": {},
        "build_deadline_minutes": 60,
        "allowed_branches": None,
        "tag_prefix": "rc/",
        "trigger_tag_prefix": "v",
        "tag_candidates": True,
        "version_scheme": "any",
        "show": {"comments": True, "deployments": True, "checks": True, "protection": True},
        "archived": False,
    }
    assert moment.endswith("Z")
    answer = await world.ask("GET", f"{PROJECTS}/Web%20Shop")
    assert answer.json == {**created, "created_at": moment, "configuration": None}
    listed = await world.ask("GET", PROJECTS)
    assert [item["name"] for item in listed.json] == ["Web Shop", "site"]


async def test_every_setting_is_stored_and_can_be_changed_alone(world: World) -> None:
    settings: dict[str, Any] = {
        "repo": "acme/site",
        "permalink": "shop-2",
        "build_workflow": ".github/workflows/ship.yaml",
        "build_inputs": {"target": "all"},
        "build_deadline_minutes": 90,
        "allowed_branches": ["main", "ship/*"],
        "tag_prefix": "shop/rc/",
        "trigger_tag_prefix": "shop-v",
        "tag_candidates": False,
        "version_scheme": "semver",
        "show": {"comments": False, "deployments": True, "checks": False, "protection": True},
    }
    created = await create_project(world, "Shop", **settings)
    assert {name: created[name] for name in settings} == settings
    created["warnings"] = []
    changes: dict[str, Any] = {
        "permalink": "shop-3",
        "build_workflow": None,
        "build_inputs": {},
        "build_deadline_minutes": 5,
        "allowed_branches": None,
        "tag_prefix": "s/rc/",
        "trigger_tag_prefix": "s-v",
        "tag_candidates": True,
        "version_scheme": "calver",
        "show": {"comments": True, "deployments": False, "checks": True, "protection": False},
        "archived": True,
    }
    for name, value in changes.items():
        created[name] = value
        changed = await world.ask("PATCH", f"{PROJECTS}/Shop", {name: value})
        assert (changed.status, {**changed.json, "warnings": []}) == (200, {**created, "warnings": []})
    renamed = await world.ask("PATCH", f"{PROJECTS}/Shop", {"name": "Store"})
    assert renamed.json == {**created, "name": "Store"}
    assert status_and_field(await world.ask("GET", f"{PROJECTS}/Shop")) == (404, None)


WRONG: dict[str, list[Any]] = {
    "name": ["", " ", " a", "a ", "a/b", "a\\b", "a\nb", "a\tb", LONG, 7, []],
    "permalink": ["Shop", "1a", "a--b", "-a", "a-", "a_b", "é", LONG, 7],
    "repo": ["site", "acme/", "a/b/c", "https://github.com/acme/site", "acme/..", 7],
    "build_workflow": ["build", "../build.yml", "a/b.yml", "", "build.yml\n", 7],
    "build_inputs": [[], "x", {f"i{n}": "" for n in range(16)}, {"1a": "x"}, {"a": "x" * 1001}],
    "build_deadline_minutes": [0, -1, 10081, 2**40, 1.5, "5", True, 2**65],
    "allowed_branches": [[], ["a"] * 21, [""], ["a..b"], ["/a"], ["a b"], ["-a"], "main", [1]],
    "tag_prefix": ["", "/a", "a b", "a..b", "a~", "a//b", "x" * 100, "rc:", 7],
    "trigger_tag_prefix": ["", " v", "v^", "refs..", 7],
    "tag_candidates": [0, "false", []],
    "version_scheme": ["SemVer", "", "date", 7],
    "show": [[], "all", {"comments": 1}, {"comments": None}, {"checks": "no"}, {"pages": True}],
    "colour": ["red"],
}


@pytest.mark.parametrize("change", [False, True], ids=["created", "changed"])
async def test_an_invalid_setting_is_refused_naming_the_field(world: World, change: bool) -> None:
    before = (await world.ask("GET", PROJECTS)).json
    for field, value in field_values(WRONG):
        body = {field: value} if change else {"name": "shop", field: value}
        answer = await world.ask("PATCH" if change else "POST", f"{PROJECTS}/site" if change else PROJECTS, body)
        status, pointer = status_and_field(answer)
        assert status == 400, (field, value)
        assert pointer is not None
        assert pointer.startswith(f"#/{field}"), (field, value)
    assert (await world.ask("GET", PROJECTS)).json == before


async def test_a_workflow_input_that_is_not_a_text_is_named_by_its_pointer(world: World) -> None:
    answer = await world.ask("POST", PROJECTS, {"name": "shop", "build_inputs": {"target": 1}})
    assert status_and_field(answer) == (400, "#/build_inputs/target")


async def test_a_clash_is_409_naming_the_other_project(world: World) -> None:
    clashes: list[tuple[dict[str, Any], str]] = [
        ({"name": "site"}, "name"),
        ({"name": "Site"}, "permalink"),
        ({"name": "x", "permalink": "site"}, "permalink"),
        ({"name": "x", "repo": "acme/site", "tag_prefix": "rc/"}, "tag_prefix"),
        ({"name": "x", "repo": "acme/site", "trigger_tag_prefix": "v"}, "trigger_tag_prefix"),
        ({"name": "x", "repo": "acme/site", "tag_prefix": "v"}, "tag_prefix"),
        ({"name": "x", "repo": "acme/site", "trigger_tag_prefix": "rc/"}, "trigger_tag_prefix"),
    ]
    answers = [await world.ask("POST", PROJECTS, values) for values, _ in clashes]
    await create_project(world, "other", repo="acme/site")
    changes = [{field: values.get(field, "site")} for values, field in clashes]
    answers += [await world.ask("PATCH", f"{PROJECTS}/other", change) for change in changes]
    assert [status_and_field(answer) for answer in answers] == [(409, f"#/{field}") for _, field in clashes] * 2
    assert all(answer.json["project"] == "site" and "`site`" in answer.json["detail"] for answer in answers)


async def test_the_two_prefixes_of_a_project_must_differ(world: World) -> None:
    answer = await world.ask("PATCH", f"{PROJECTS}/site", {"tag_prefix": "v"})
    assert status_and_field(answer) == (400, "#/trigger_tag_prefix")


async def test_prefixes_clash_in_one_repository_only(world: World, source: Any) -> None:
    other = await world.github.add_repository_to_account(source, "other")
    await world.github.add_repository(other)
    created = await create_project(world, "other", repo=other)
    assert (created["tag_prefix"], created["trigger_tag_prefix"], created["repo"]) == ("rc/", "v", other)


async def test_a_permalink_is_derived_from_the_name(world: World) -> None:
    names = {"Café Crème": "cafe-creme", "2048": "p2048", "a.b_c": "a-b-c"}
    for name, permalink in names.items():
        assert (await create_project(world, name))["permalink"] == permalink
        assert (await world.ask("GET", f"{PROJECTS}/{name}")).json["name"] == name


async def test_a_permalink_is_required_where_none_can_be_derived_from_the_name(world: World) -> None:
    for number, name in enumerate(("日本", "🚢")):
        assert status_and_field(await world.ask("POST", PROJECTS, {"name": name})) == (400, "#/permalink")
        assert (await create_project(world, name, permalink=f"given-{number}"))["name"] == name


async def test_a_name_may_contain_characters_that_a_path_must_encode(world: World) -> None:
    for number, (name, path) in enumerate(
        [("a?b#c", "a%3Fb%23c"), ("100%", "100%25"), ("a{b}", "a%7Bb%7D"), ("a+b=c&d", "a+b=c&d")]
    ):
        await create_project(world, name, permalink=f"p{number}")
        assert (await world.ask("GET", f"{PROJECTS}/{path}")).json["name"] == name


@pytest.mark.parametrize("change", [False, True], ids=["created", "changed"])
async def test_a_repository_that_the_app_cannot_see_is_404_and_nothing_is_written(
    world: World, source: Any, change: bool
) -> None:
    await world.github.add_repository_to_account(source, "hidden")
    for repo in ("acme/none", "acme/hidden", "nobody/site"):
        body = {"repo": repo, "build_workflow": None} if change else {"name": "shop", "repo": repo}
        answer = await world.ask("PATCH" if change else "POST", f"{PROJECTS}/site" if change else PROJECTS, body)
        assert (answer.status, answer.json["detail"]) == (
            404,
            "GitHub repository not found, or the App is not installed on it",
        )
    assert (await world.ask("GET", f"{PROJECTS}/site")).json["build_workflow"] == "build.yml"
    assert await count_rows("projects", "repositories") == {"projects": 1, "repositories": 1}


async def test_an_outage_of_github_is_503_and_nothing_is_written(world: World) -> None:
    world.github.faults.limit("primary", retry_after=30, times=None)
    for method, path, body in (
        ("POST", PROJECTS, {"name": "shop", "repo": "acme/site"}),
        ("PATCH", f"{PROJECTS}/site", {"build_workflow": None, "repo": "acme/site"}),
    ):
        answer = await world.ask(method, path, body)
        assert (answer.status, answer.json["detail"]) == (503, "GitHub is unavailable")
        assert answer.json["title"] == "Service Unavailable"
        assert int(answer.headers["Retry-After"]) in range(25, 32)
    assert (await world.ask("GET", f"{PROJECTS}/site")).json["build_workflow"] == "build.yml"
    world.github.faults.clear()


async def test_the_response_has_the_repository_name_as_github_spells_it(world: World) -> None:
    assert (await create_project(world, "shop", repo="ACME/Site"))["repo"] == "acme/site"


async def test_a_project_with_candidates_keeps_its_repository(world: World, source: Any) -> None:
    other = await world.github.add_repository_to_account(source, "other")
    await world.github.add_repository(other)
    await change_project(world, repo=other)
    await change_project(world, repo="acme/site")
    await world.cut("1.0-rc1")
    assert status_and_field(await world.ask("PATCH", f"{PROJECTS}/site", {"repo": other})) == (409, "#/repo")


async def test_changes_are_audited_with_before_and_after(world: World) -> None:
    await change_project(world, build_deadline_minutes=5)
    entry = await AuditEntry.filter(act="project.change").order_by("-id").first()
    assert entry is not None
    assert (entry.actor, entry.channel) == ("root", "rest")
    assert (entry.before, entry.after) == ({"build_deadline_minutes": 60}, {"build_deadline_minutes": 5})


async def test_an_empty_change_changes_nothing_and_is_refused(world: World) -> None:
    before = (await world.ask("GET", f"{PROJECTS}/site")).json
    assert (await world.ask("PATCH", f"{PROJECTS}/site", {})).status == 400
    assert (await world.ask("GET", f"{PROJECTS}/site")).json == before


async def next_version(world: World, query: str = "") -> Response:
    """Request the next version."""
    return await world.ask("GET", f"{PROJECTS}/site/next-version{query}")


async def test_the_next_semver_version_follows_the_highest(world: World) -> None:
    await change_project(world, version_scheme="semver")
    assert (await next_version(world)).json == {"release_version": "0.1.0", "release_candidate_version": "0.1.0-rc1"}
    for version in ("1.9.0", "1.10.0", "1.2.0"):
        await world.cut(f"{version}-rc1")
    versions = [
        (await next_version(world, query)).json["release_version"] for query in ("", "?bump=minor", "?bump=major")
    ]
    assert versions == ["1.10.1", "1.11.0", "2.0.0"]
    assert status_and_field(await next_version(world, "?bump=huge")) == (400, "bump")


async def test_the_next_calver_version_is_todays(world: World) -> None:
    await change_project(world, version_scheme="calver")
    today = datetime.now(UTC)
    first = (await next_version(world)).json["release_version"]
    assert first == f"{today.year}.{today.month:02}.0"
    assert (await world.cut(f"{first}-rc1")).status == 201
    assert (await next_version(world)).json["release_version"] == f"{today.year}.{today.month:02}.1"


async def test_without_a_scheme_there_is_no_next_version(world: World) -> None:
    assert status_and_field(await next_version(world)) == (400, None)
    assert status_and_field(await world.ask("GET", f"{PROJECTS}/none/next-version")) == (404, None)


async def test_releases_are_listed_newest_first_with_keyset_pages(world: World) -> None:
    for number in range(1, 6):
        await world.cut(f"1.{number}-rc1")
    await world.cut("1.1-rc2")
    seen, path = [], f"{PROJECTS}/site/releases?per_page=2"
    while path:
        answer = await world.ask("GET", path)
        seen.append([(line["version"], line["newest_candidate"]) for line in answer.json])
        link = answer.headers.get("Link", "")
        assert link in ("",) or link.endswith('; rel="next"')
        path = link.partition(">")[0].removeprefix(f"<{world.url}")
        if len(seen) == 1:
            await world.cut("1.6-rc1")  # rows inserted meanwhile do not shift the pages
    assert seen == [
        [("1.5", "1.5-rc1"), ("1.4", "1.4-rc1")],
        [("1.3", "1.3-rc1"), ("1.2", "1.2-rc1")],
        [("1.1", "1.1-rc2")],
    ]
    for query in ("per_page=0", "per_page=101", "before=0", "before=x", f"before={2**31}", "before=-1"):
        status, pointer = status_and_field(await world.ask("GET", f"{PROJECTS}/site/releases?{query}"))
        assert (status, pointer) == (400, query.partition("=")[0])


async def test_a_release_is_shown_with_its_candidates_builds_and_deployments(world: World) -> None:
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    await world.github.finish()
    await world.settle()
    await world.cut("1.0-rc10", await world.github.commit())
    await world.cut("1.0-rc2", world.github.resolve("main~1"))
    await world.complete_deployment("1.0-rc1")
    await world.complete_deployment("1.0-rc2", "production", "failure")
    release = (await world.ask("GET", f"{PROJECTS}/site/releases/1.0")).json
    assert (release["version"], release["status_name"], release["newest_candidate"]) == ("1.0", "testing", "1.0-rc10")
    assert release["commit"] == world.github.resolve("main~1")
    candidates = [
        (item["release_candidate_version"], item["build"] and item["build"]["conclusion"])
        for item in release["candidates"]
    ]
    assert candidates == [("1.0-rc10", None), ("1.0-rc2", None), ("1.0-rc1", "success")]
    assert release["candidates"][2] == await world.candidate("1.0-rc1")
    rows = [*await world.deployments("production"), *await world.deployments("staging")]
    shown = [{**row, "run": row["run"]["conclusion"]} for row in release["deployments"]]
    assert shown == [{**row, "run": row["status"]} for row in rows]
    assert all(str(row["run"]["run_id"]) in row["run"]["url"] for row in release["deployments"])


async def test_an_unknown_release_is_404(world: World) -> None:
    await world.cut("1.0-rc1")
    for version in ("1.1", "1.0-rc1", "1.0%20"):
        answer = await world.ask("GET", f"{PROJECTS}/site/releases/{version}")
        assert (answer.status, answer.json["detail"]) == (404, "Release not found")
    assert (await world.ask("GET", cut_path("1.0-rc1"))).status == 200


async def test_projects_and_environments_are_listed_in_pages_by_number(world: World) -> None:
    for number in range(4):
        await create_project(world, f"shop-{number}")
        await world.ask("POST", f"{PROJECTS}/site/environments", {"name": f"qa-{number}", "tier": "staging"})
    for path, names in (
        (PROJECTS, ["shop-0", "shop-1", "shop-2", "shop-3", "site"]),
        (f"{PROJECTS}/site/environments", ["staging", "production", "qa-0", "qa-1", "qa-2", "qa-3"]),
    ):
        whole = await world.ask("GET", path)
        assert ([item["name"] for item in whole.json], page_links(whole)) == (names, {})
        first = await world.ask("GET", f"{path}?per_page=2")
        assert page_links(first) == {"next": "per_page=2&page=2"}
        second = await world.ask("GET", f"{path}?per_page=2&page=2")
        assert page_links(second) == {
            name: f"per_page=2&page={n}" for name, n in (("first", 1), ("prev", 1), ("next", 3))
        }
        last = await world.ask("GET", f"{path}?per_page=2&page=3")
        assert set(page_links(last)) == {"first", "prev"}
        assert [*first.json, *second.json, *last.json] == whole.json
        assert (await world.ask("GET", f"{path}?page=99")).json == []
        for query in ("per_page=0", "per_page=101", "page=0", "page=x", "page=10000001"):
            assert status_and_field(await world.ask("GET", f"{path}?{query}")) == (400, query.partition("=")[0])
    scoped = await world.create_token("project:read", project="shop-2")
    assert [item["name"] for item in (await world.ask("GET", f"{PROJECTS}?per_page=1", token=scoped)).json] == [
        "shop-2"
    ]
