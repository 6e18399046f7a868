"""GraphQL: the types of the graph, their fields and filters, and how they lead to each other."""

from datetime import timedelta
from enum import Enum
from typing import Any

import pytest
from graphql import GraphQLEnumType, build_client_schema, get_introspection_query, print_schema

from api.graphql import enums
from api.graphql.schema import SCHEMA
from bot.rules import announcements, candidates, deployments, projects, versions
from bot.rules.releases import STATUS_NAMES
from bot.store.projects import Environment
from bot.store.releases import Release
from tests.api.graphql import graphs
from tests.api.graphql.graphs import NOW, error_codes, execute, post
from tests.api.helpers import add_freeze, create_project, freeze
from tests.world import World

WHOLE = """query ($environment: Int) {
  viewer { name fullName email grants }
  project(name: "site") {
    id name permalink repo buildWorkflow buildDeadlineMinutes allowedBranches tagPrefix triggerTagPrefix tagCandidates
    versionScheme archived oneliner description licenseList projectTagList
    environments(first: $environment) {
      totalCount
      nodes { name tier order workflow deployDeadlineMinutes frozen { by reason since until } live { ...deployed } }
    }
    releases(first: 3) { nodes {
      version releaseType releaseId status statusCode held { by reason since } commit releaseNotes
      newestCandidate { version }
      candidates(first: 3) { nodes { number version repo commit branch tag status reason createdBy release { version }
        build { runId url status conclusion attempt } deployments(first: 3) { nodes { id } } } }
      deployments(first: 3) { nodes { ...deployed } } } }
  }
}
fragment deployed on Deployment { id kind status errorMessage reported actor candidate { version project { name } }
  fromCandidate { version } environment { name } run { runId url status conclusion } }
"""


async def test_everything_about_a_project_can_be_read_in_one_query(world: World) -> None:
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    await world.github.finish(run=1, conclusion="success")
    await world.settle()
    await world.cut("1.0-rc2")
    await world.complete_deployment("1.0-rc1")
    await world.complete_deployment("1.0-rc2")
    found = await execute(world, WHOLE)
    native = (await world.ask("GET", "/api/projects/site")).json
    site, [staging, production] = found["project"], found["project"]["environments"]["nodes"]
    [release] = site["releases"]["nodes"]
    second, first = release["candidates"]["nodes"]
    run = world.github.runs[-1]
    live_run = (await world.ask("GET", "/api/releases/site/environments/staging/deployments/2")).json["run"]
    live = {
        "id": "2",
        "kind": "deploy",
        "status": "success",
        "errorMessage": None,
        "reported": False,
        "actor": "root",
        "candidate": {"version": "1.0-rc2", "project": {"name": "site"}},
        "fromCandidate": {"version": "1.0-rc1"},
        "environment": {"name": "staging"},
        "run": {"runId": str(run.id), "url": live_run["url"], "status": "completed", "conclusion": "success"},
    }
    assert found["viewer"] == {"name": "root", "fullName": "root", "email": None, "grants": ["admin"]}
    assert {name: site[name] for name in ("name", "permalink", "repo", "buildWorkflow", "tagPrefix")} == {
        "name": "site",
        "permalink": "site",
        "repo": "acme/site",
        "buildWorkflow": "build.yml",
        "tagPrefix": native["tag_prefix"],
    }
    assert site["id"] == str(native["id"]) and site["allowedBranches"] is None and site["archived"] is False
    assert staging["live"] == live and production["live"] is None
    assert (release["status"], release["statusCode"], release["held"]) == ("testing", 10, None)
    assert release["newestCandidate"] == {"version": "1.0-rc2"} and release["releaseId"] == "site-1.0"
    assert [each["id"] for each in release["deployments"]["nodes"]] == ["2", "1"]
    assert (second["number"], second["build"], second["status"]) == (2, None, "ready")
    assert first["build"]["runId"] == str((await world.candidate("1.0-rc1"))["build"]["run_id"])
    assert (first["build"]["conclusion"], first["createdBy"], first["repo"]) == ("success", "root", "acme/site")
    assert first["deployments"]["nodes"] == [{"id": "1"}]


async def test_every_field_of_every_type_can_be_selected(world: World) -> None:
    shop = await graphs.full_project("shop", 1)
    for environment in await Environment.filter(project_id=shop.id):
        await add_freeze(environment)
    await Release.filter(project_id=shop.id).update(held={"by": "alice", "reason": "a leak"}, release_date=NOW)
    for name, type_ in SCHEMA.type_map.items():
        fields = getattr(type_, "fields", {})
        if name in QUERIES and fields:
            plain = [each for each, field in fields.items() if not field.args and not getattr(field.type, "fields", 0)]
            leaves = [each for each in plain if not hasattr(unwrapped(fields[each].type), "fields")]
            found = await execute(world, QUERIES[name] % " ".join(leaves))
            assert leaves and found, name


def unwrapped(type_: Any) -> Any:
    """A type without its list and non-null wrappers."""
    while hasattr(type_, "of_type"):
        type_ = type_.of_type
    return type_


QUERIES = {
    "Viewer": "{ viewer { %s } }",
    "Project": '{ project(name: "shop") { %s } }',
    "Release": '{ release(project: "shop", version: "shop.0") { %s } }',
    "Hold": '{ release(project: "shop", version: "shop.0") { held { %s } } }',
    "Candidate": '{ candidate(project: "shop", version: "shop.0-rc0") { %s } }',
    "Build": '{ candidate(project: "shop", version: "shop.0-rc0") { build { %s } } }',
    "Run": "{ deployment(id: 1) { run { %s } } }",
    "Deployment": "{ deployment(id: 1) { %s } }",
    "Environment": "{ deployment(id: 1) { environment { %s } } }",
    "Freeze": "{ deployment(id: 1) { environment { frozen { %s } } } }",
    "Announcement": "{ announcements { nodes { %s } } }",
    "Schedule": "{ schedules { nodes { %s } } }",
    "PageInfo": "{ projects { pageInfo { %s } } }",
    "ProjectConnection": "{ projects { %s } }",
    "ProjectEdge": "{ projects { edges { %s } } }",
}


async def test_times_are_in_utc_and_dates_have_no_time(world: World) -> None:
    await graphs.full_project("shop", 1)
    found = await execute(
        world, "{ announcements { nodes { createdAt approvedAt } } schedules { nodes { date active } } }"
    )
    assert found["announcements"]["nodes"] == [
        {"createdAt": "2026-11-03T18:00:00Z", "approvedAt": "2026-11-03T18:00:00Z"}
    ]
    assert found["schedules"]["nodes"][0]["date"] == "2026-11-03"


async def test_the_earliest_and_the_latest_possible_times_are_returned_as_stored(world: World) -> None:
    moments = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"]
    for number, moment in enumerate(moments):
        values = {"package": "site", "version": f"1.{number}", "status": 30, "release_date": moment}
        assert (await world.ask("POST", "/api/releases/new/", values)).status == 201
    found = await execute(world, "{ releases(last: 2) { nodes { releaseDate } } }")
    assert [each["releaseDate"] for each in found["releases"]["nodes"]] == moments[::-1]


async def test_a_schedule_is_active_until_its_day_has_passed(world: World) -> None:
    [release] = await graphs.releases(await graphs.project("shop"), ["1.0"])
    today = (await world.context()).now().date()
    first = NOW.date()
    for days in (-1, 0, 1):
        await graphs.schedule(release, f"sla {days}", (today - first).days + days)
    found = await execute(world, "{ schedules { nodes { sla active } } }")
    assert found["schedules"]["nodes"] == [
        {"sla": "sla -1", "active": False},
        {"sla": "sla 0", "active": True},
        {"sla": "sla 1", "active": True},
    ]


async def test_a_hold_replaces_the_status_and_an_expired_freeze_is_null(world: World) -> None:
    shop = await graphs.project("shop")
    await graphs.releases(shop, ["1.0"], status=30, held={"by": "alice", "reason": "a leak", "since": NOW.isoformat()})
    await freeze(world)
    await add_freeze(await Environment.get(name="production"), until=NOW - timedelta(days=900))
    found = await execute(
        world,
        """{ release(project: "shop", version: "1.0") { status statusCode held { by reason since } }
          project(name: "site") { environments { nodes { frozen { by reason until } } } } }""",
    )
    held = {"by": "alice", "reason": "a leak", "since": "2026-11-03T18:00:00Z"}
    assert found["release"] == {"status": "hold", "statusCode": 20, "held": held}
    staging, production = found["project"]["environments"]["nodes"]
    assert staging == {"frozen": {"by": "root", "reason": "moving house", "until": None}}
    assert production == {"frozen": None}


async def test_the_live_deployment_is_the_one_that_succeeded_last(world: World) -> None:
    shop = await graphs.project("shop")
    production = await graphs.environment(shop, "prod")
    [release] = await graphs.releases(shop, ["1.0"])
    first, second, third = await graphs.candidates(release, [1, 2, 3])
    await graphs.deployment(first, production, deploy_end_at=NOW + timedelta(hours=2))
    await graphs.deployment(second, production, deploy_end_at=NOW)
    await graphs.deployment(third, production, "failure", deploy_end_at=NOW + timedelta(hours=3))
    found = await execute(
        world, '{ project(name: "shop") { environments { nodes { live { candidate { version } } } } } }'
    )
    assert found["project"]["environments"]["nodes"] == [{"live": {"candidate": {"version": "1.0-rc1"}}}]


async def test_the_newest_build_and_the_highest_candidate_are_shown(world: World) -> None:
    shop = await graphs.project("shop")
    [release] = await graphs.releases(shop, ["1.0"])
    tenth, _ = await graphs.candidates(release, [10, 9])
    for number in (1, 2):
        await graphs.build(tenth, request_id=f"r{number}", github_id=2**40 + number)
    found = await execute(
        world, '{ release(project: "shop", version: "1.0") { newestCandidate { version build { runId } } } }'
    )
    newest = {"version": "1.0-rc10", "build": {"runId": str(2**40 + 2)}}
    assert found["release"] == {"newestCandidate": newest}


MISSING = {
    'project(name: "nope") { id }': "Release project not found",
    'project(name: "SITE") { id }': "Release project not found",
    'project(name: "") { id }': "Release project not found",
    'release(project: "nope", version: "1.0") { id }': "Release project not found",
    'release(project: "site", version: "9") { id }': "Release not found",
    'candidate(project: "site", version: "1.0") { id }': "Release not found",
    "deployment(id: 99) { id }": "Deployment not found",
    "deployment(id: 0) { id }": "Deployment not found",
    "deployment(id: -1) { id }": "Deployment not found",
    'deployment(id: "x") { id }': "Deployment not found",
    'deployment(id: "\u0661") { id }': "Deployment not found",
    "deployment(id: 99999999999999999999) { id }": "Deployment not found",
}


async def test_what_does_not_exist_is_null_with_an_error_and_the_other_fields_are_answered(world: World) -> None:
    for query, message in MISSING.items():
        answer = await post(world, f"{{ x: {query} viewer {{ name }} }}")
        assert (answer.status, answer.json["data"]) == (200, {"x": None, "viewer": {"name": "root"}}), query
        [error] = answer.json["errors"]
        told = {"projects": ["site"]} if "project" in message else {}
        extensions = {name: value for name, value in error["extensions"].items() if name != "did_you_mean"}
        assert (error["message"], error["path"], extensions) == (message, ["x"], {"code": "NOT_FOUND", **told})
        assert error["extensions"].get("did_you_mean") == ("site" if '"SITE"' in query else None)
        assert error["locations"] == [{"line": 1, "column": 3}]


async def test_releases_of_other_types_are_reached_from_their_schedules_only(world: World) -> None:
    shop = await graphs.project("shop")
    await graphs.releases(shop, ["1.0"])
    beta = await Release.create(
        project=shop, version="1.0", release_type="beta", release_id="x", created_at=NOW, updated_at=NOW
    )
    await graphs.schedule(beta)
    found = await execute(
        world,
        """{ releases { totalCount } project(name: "shop") { releases { totalCount nodes { releaseType } } }
          release(project: "shop", version: "1.0") { releaseType }
          schedules { nodes { releaseId release { releaseType version } } } }""",
    )
    assert found["releases"]["totalCount"] == 1 and found["release"] == {"releaseType": "ga"}
    assert found["project"]["releases"] == {"totalCount": 1, "nodes": [{"releaseType": "ga"}]}
    assert found["schedules"]["nodes"] == [{"releaseId": "x", "release": {"releaseType": "beta", "version": "1.0"}}]


FILTERS = [
    ("projects(archived: true)", []),
    ("projects(archived: false)", ["shop", "site"]),
    ("projects(archived: null)", ["shop", "site"]),
    ('releases(project: "shop")', ["4.0", "3.0", "2.0", "1.0"]),
    ('releases(project: "nope")', []),
    ("releases(status: released)", ["2.0"]),
    ("releases(status: [released, development, released])", ["2.0", "1.0"]),
    ("releases(status: hold)", ["4.0", "3.0"]),
    ("releases(status: [])", []),
    ("announcements(state: approved)", ["1.0"]),
    ("announcements(state: [pending, rejected])", ["3.0", "2.0"]),
    ('announcements(permalink: "the-shop", state: withdrawn)', ["4.0"]),
    ('announcements(permalink: "shop")', []),
    ('schedules(releaseId: "the-shop-1.0")', ["a", "b"]),
    ('schedules(sla: "b")', ["b", "b"]),
    ('schedules(sla: ["a", "b", "c"], dateAfter: "2026-11-05")', ["b"]),
    ('schedules(dateBefore: "2026-11-03")', ["a"]),
    ('schedules(dateAfter: "2026-11-04", dateBefore: "2026-11-04")', ["b"]),
    ('schedules(sla: "nope")', []),
]
SHOWN_FIELDS = {"projects": "name", "releases": "version", "announcements": "version", "schedules": "sla"}


async def test_lists_are_filtered(world: World) -> None:
    shop = await graphs.project("shop")
    first, *_ = await graphs.releases(shop, ["1.0"])
    [second] = await graphs.releases(shop, ["2.0"], status=30)
    await graphs.releases(shop, ["3.0", "4.0"], held={"by": "alice"}, status=30)
    for version, state in zip(
        ("1.0", "2.0", "3.0", "4.0"), ("approved", "pending", "rejected", "withdrawn"), strict=True
    ):
        await graphs.announcement(shop, version, state)
    for release, sla, days in ((first, "a", 0), (first, "b", 1), (second, "b", 2)):
        await graphs.schedule(release, sla, days)
    for selection, expected in FILTERS:
        name = selection.partition("(")[0]
        found = (await execute(world, f"{{ x: {selection} {{ totalCount nodes {{ {SHOWN_FIELDS[name]} }} }} }}"))["x"]
        values = [each[SHOWN_FIELDS[name]] for each in found["nodes"]]
        assert (values, found["totalCount"]) == (expected, len(expected)), selection


async def test_lists_of_an_object_are_filtered_too(world: World) -> None:
    shop = await graphs.project("shop")
    production = await graphs.environment(shop, "prod")
    [release] = await graphs.releases(shop, ["1.0"])
    for number, status in enumerate(("ready", "failed", "banned")):
        [candidate] = await graphs.candidates(release, [number], status=status)
        await graphs.deployment(candidate, production, ("success", "failure", "in_progress")[number])
    found = await execute(
        world,
        """query ($status: [DeploymentStatus!]) { release(project: "shop", version: "1.0") {
          candidates(status: [failed banned]) { totalCount nodes { status } }
          deployments(status: $status) { totalCount nodes { status environment {
            deployments(status: in_progress) { nodes { status } } } candidate {
            deployments(status: failure) { totalCount } } } } } }""",
        status=["success", "in_progress"],
    )
    found = found["release"]
    assert found["candidates"] == {"totalCount": 2, "nodes": [{"status": "banned"}, {"status": "failed"}]}
    assert found["deployments"]["totalCount"] == 2
    assert [each["status"] for each in found["deployments"]["nodes"]] == ["in_progress", "success"]
    for each in found["deployments"]["nodes"]:
        assert each["environment"] == {"deployments": {"nodes": [{"status": "in_progress"}]}}
        assert each["candidate"] == {"deployments": {"totalCount": 0}}


async def test_a_release_that_was_never_cut_has_announcements_and_schedules(world: World) -> None:
    plain = await create_project(world, "paper")
    assert plain["repo"] is None
    found = await execute(
        world,
        """{ project(name: "paper") { repo licenseList projectTagList releases { totalCount nodes { id } }
          announcements { totalCount } environments { totalCount nodes { id } } } }""",
    )
    nothing = {"totalCount": 0, "nodes": []}
    assert found["project"] == {
        "repo": None,
        "licenseList": [],
        "projectTagList": [],
        "releases": nothing,
        "announcements": {"totalCount": 0},
        "environments": nothing,
    }


async def test_fragments_aliases_directives_and_operations_work(world: World) -> None:
    query = """query one($with: Boolean! = false) {
      a: project(name: "site") { ...f ... on Project @include(if: $with) { id } }
      viewer { __typename name @skip(if: true) } } query two { viewer { name } } fragment f on Project { name }"""
    for name, variables, expected in (
        ("one", None, {"a": {"name": "site"}, "viewer": {"__typename": "Viewer"}}),
        ("one", {"with": True}, {"a": {"name": "site", "id": "1"}, "viewer": {"__typename": "Viewer"}}),
        ("two", {"unknown": 1}, {"viewer": {"name": "root"}}),
    ):
        body = {"query": query, "operationName": name, "variables": variables}
        assert (await world.ask("POST", "/graphql", body)).json == {"data": expected}


@pytest.mark.parametrize(
    ("enum", "vocabulary"),
    [
        (enums.CandidateStatus, candidates.STATUSES),
        (enums.DeploymentStatus, deployments.STATUSES),
        (enums.AnnouncementState, announcements.STATES),
        (enums.Tier, projects.TIERS),
        (enums.VersionScheme, versions.SCHEMES),
    ],
)
def test_enums_have_the_vocabularies_of_the_rules(enum: type[Enum], vocabulary: tuple[str, ...]) -> None:
    assert {each.name for each in enum} == {each.value for each in enum} == set(vocabulary)


def test_the_status_of_a_release_has_the_same_names_as_in_other_dialects() -> None:
    assert {each.value: each.name for each in enums.ReleaseStatus} == STATUS_NAMES
    type_ = SCHEMA.type_map["ReleaseStatus"]
    assert isinstance(type_, GraphQLEnumType) and set(type_.values) == set(STATUS_NAMES.values())


def test_nothing_can_be_changed() -> None:
    assert SCHEMA.mutation_type is None and SCHEMA.subscription_type is None


async def test_clients_can_introspect_the_schema(world: World) -> None:
    for options in ({}, {"descriptions": False}, {"specified_by_url": True, "input_value_deprecation": True}):
        found = await execute(world, get_introspection_query(**options))
        assert build_client_schema(found).query_type is not None
    assert print_schema(build_client_schema(await execute(world, get_introspection_query()))) == print_schema(SCHEMA)
    by_name = await execute(world, '{ __type(name: "Release") { fields { name type { kind ofType { name } } } } }')
    assert {"name": "version", "type": {"kind": "NON_NULL", "ofType": {"name": "String"}}} in by_name["__type"][
        "fields"
    ]


async def test_a_refused_field_does_not_affect_the_others(world: World) -> None:
    token = await world.create_token("release:cut")
    answer = await post(world, "{ projects { totalCount } releases { totalCount } viewer { name } }", token=token)
    data = {"projects": None, "releases": None, "viewer": {"name": "robot"}}
    assert (answer.status, answer.json["data"]) == (200, data)
    assert error_codes(answer) == {"projects": "FORBIDDEN", "releases": "FORBIDDEN"}
    for error in answer.json["errors"]:
        assert error["extensions"] == {
            "code": "FORBIDDEN",
            "grant": "project:read",
            "github_role": "read",
            "reason": "it needs `project:read`; the token has `release:cut`",
        }
