"""Bodies of a mebibyte with very many faults: refused quickly and briefly, and stored nowhere."""

import time
from io import BytesIO
from typing import Any

import orjson

from bot.store.idempotency_records import IdempotencyRecord
from tests.api.helpers import cut_path, env_path, snapshot
from tests.api.rest.announcement_helpers import PROJECT, RELEASES, URLS, submit
from tests.world import Response, World

MAX_SECONDS = 2.0  # a call takes a few hundredths; the machine may be busy with other tests
MAX_RESPONSE_BYTES = 48 * 1024  # of a response

ONES = [1] * 500_000
TEXTS = ["x"] * 250_000
NUMBERS = {str(number): 1 for number in range(90_000)}
NAMES = {str(number): "x" for number in range(70_000)}
SHIPS = {"🚢" * 9_000 + str(number): 1 for number in range(28)}
LONG = "x" * 1_000_000
LARGE: list[Any] = [ONES, TEXTS, NAMES, SHIPS, LONG]
ENVIRONMENT = {"name": "qa", "tier": "staging"}
RELEASE = {"package": "site", "version": "1.0", "release_date": "2024-05-22", "status": 30}
TOKEN = {"name": "ci", "grants": ["project:read"]}

CALLS: list[tuple[str, str, dict[str, Any], list[str]]] = [
    ("POST", "/api/projects", {"name": "shop"}, ["allowed_branches", "build_inputs", "name", "repo", "permalink"]),
    ("PATCH", "/api/projects/site", {}, ["allowed_branches", "build_inputs", "repo", "version_scheme", "tag_prefix"]),
    ("POST", "/api/projects/site/environments", ENVIRONMENT, ["inputs", "name", "tier", "workflow"]),
    ("PATCH", "/api/projects/site/environments/staging", {}, ["inputs", "frozen", "tier"]),
    ("PATCH", "/api/projects/site/releases/1.0", {}, ["status", "release_date"]),
    ("POST", "/api/tokens", TOKEN, ["grants", "name", "user", "project", "expires_at"]),
    ("POST", "/api/releases/new/", RELEASE, ["package", "version", "release_date", "status", "files", "signature"]),
    ("PATCH", "/api/releases/1/update_files/", {"files": {}}, ["files"]),
    ("POST", "/api/projects/site/releases/2.0/announcement/approve", {}, ["id"]),
    ("POST", "/api/projects/site/releases/2.0/announcement/reject", {"reason": "x"}, ["id", "reason"]),
    ("POST", f"{RELEASES}.json", {"release": {"version": "2.1", "changelog": "x"}}, ["release"]),
    ("PUT", f"{PROJECT}.json", {"project": {}}, ["project"]),
    ("POST", f"{URLS}.json", {"url": {}}, ["url"]),
    ("POST", "/graphql", {"query": "{ viewer { name } }"}, ["query", "variables", "operationName"]),
    ("POST", cut_path("1.0-rc1"), {"repo": "acme/site", "commit": "0" * 40}, ["repo", "commit"]),
    ("POST", env_path("/deployments"), {}, ["release_candidate_version"]),
]
IGNORE_UNKNOWN_FIELDS = ("/graphql", "/projects/", "/api/releases/site/")  # these ignore unknown fields
MAY_SUCCEED = ("PUT", "/graphql")  # without known fields nothing is changed; undeclared variables are ignored


def bodies(path: str, valid: dict[str, Any], fields: list[str]) -> list[dict[str, Any]]:
    """Bodies with the largest possible fields, the first of every kind, and with the largest number of fields."""
    large = {field: [LARGE[position % 4], LONG] if position else LARGE for position, field in enumerate(fields)}
    bodies = [{**valid, field: value} for field, values in large.items() for value in values]
    unknown = [] if path.startswith(IGNORE_UNKNOWN_FIELDS) else [{**valid, **NUMBERS}, {**valid, **SHIPS}]
    frozen: list[Any] = [{"until": ONES, "reason": SHIPS}, NUMBERS] if "frozen" in fields else []
    return [*bodies, *unknown, *({"frozen": value} for value in frozen)]


async def send(world: World, method: str, path: str, body: Any, **headers: str) -> Response:
    """Send a large body, and check that the response is quick and short."""
    raw = BytesIO(orjson.dumps(body))
    begun = time.process_time()  # of the service too, and however busy the machine is
    answer = await world.ask(method, path, data=raw, headers={"Content-Type": "application/json", **headers})
    size, seconds = int(answer.headers["Content-Length"]), time.process_time() - begun
    about = f"{method} {path}: {size} bytes in {seconds:.1f} s: {str(body)[:200]}"
    assert (size < MAX_RESPONSE_BYTES, seconds < MAX_SECONDS) == (True, True), about
    return answer


async def test_a_mebibyte_of_invalid_input_is_refused_quickly_and_briefly(world: World) -> None:
    await submit(world, "2.0")
    await world.ask("POST", "/api/releases/new/", {**RELEASE, "version": "0.9"})
    await world.ask("POST", "/graphql", {"query": "{ viewer { name } }"})  # the first query loads the executor
    before = await snapshot()
    for method, path, valid, fields in CALLS:
        for number, body in enumerate(bodies(path, valid, fields)):
            answer = await send(world, method, path, body)
            details = (method, path, number, str(answer.json)[:200])
            assert 400 <= answer.status < 500 or (answer.status == 200 and {method, path} & set(MAY_SUCCEED)), details
    assert await snapshot() == before


async def test_oversized_variables_of_a_query_are_refused_briefly(world: World) -> None:
    await world.ask("POST", "/graphql", {"query": "{ viewer { name } }"})
    query = "query ($n: [String!], $s: Int) { releases(first: $s, project: $n) { totalCount } }"
    for variables in ({"n": ONES}, {"n": TEXTS}, {"s": TEXTS}, {"s": LONG}, {"n": NAMES}, NUMBERS, SHIPS):
        answer = await send(world, "POST", "/graphql", {"query": query, "variables": variables})
        assert (answer.status, answer.json["errors"] != []) == (400, True)


async def test_at_most_twenty_faults_are_reported(world: World) -> None:
    answer = await world.ask("POST", "/api/projects", {"name": 7, **{f"x{number}": 1 for number in range(60)}})
    assert (answer.status, len(answer.json["errors"]), answer.json["pointer"]) == (400, 20, "#/name")
    packages = await world.ask("POST", "/api/releases/new/", {**RELEASE, **{f"x{n}": 1 for n in range(60)}})
    assert (packages.status, len(packages.json["fields"])) == (400, 20)
    many = await world.ask("POST", "/api/projects", {"name": 7, **{f"x{number}": 1 for number in range(100)}})
    assert (many.status, many.json["detail"]) == (400, "An object of this call may have at most 100 fields.")
    assert "errors" not in many.json


async def test_lists_and_objects_of_up_to_a_hundred_entries_reach_the_rules(world: World) -> None:
    for field, value in (("allowed_branches", ["x"] * 100), ("build_inputs", {f"x{n}": "" for n in range(100)})):
        answer = await world.ask("PATCH", "/api/projects/site", {field: value})
        assert (answer.status, "must be" in answer.json["detail"]) == (400, True)
        more = await world.ask("PATCH", "/api/projects/site", {field: [*value, "y"] if field[0] == "a" else NAMES})
        assert (more.status, "at most 100 items" in more.json["detail"]) == (400, True)


async def test_stored_refusals_of_oversized_input_are_short(world: World) -> None:
    for number, body in enumerate(({"name": "x", "allowed_branches": ONES}, NUMBERS, {"name": LONG})):
        answer = await send(world, "POST", "/api/projects", body, **{"Idempotency-Key": f"k{number}"})
        assert answer.status == 400
    assert [len(row.body or b"") < 2_000 for row in await IdempotencyRecord.all()] == [True] * 3
