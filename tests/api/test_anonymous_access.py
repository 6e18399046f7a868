"""Anonymous callers never see a private row: deleting every private row changes no response to them.

This covers every leak at once: private rows are in no list, no count and no page, and requests for them by name or id
are answered as if they had never existed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from bot.rules.permissions import ANONYMOUS_GRANTS
from bot.store.database import execute
from bot.store.projects import Project, Repository
from tests.api.sample_data import INSTALLATION, SECRET, SampleData, create_sample_data
from tests.test_documents import application, routed
from tests.world import Serve, World, running_world

WITHOUT_ROWS = ("/healthz", "/readyz", "/metrics", "/api/openapi.json", "/api/docs", "/schema/longshore.json")
PDC = "/rest_api/v1"
QUERY = """{ viewer { name } projects { totalCount nodes { id name } }
  releases { totalCount pageInfo { endCursor } nodes { id version project { name } newestCandidate { id } } }
  announcements { totalCount nodes { id changelog project { name } release { id } } }
  schedules { totalCount nodes { id releaseId release { id } } }
  board { totalCount nodes { name newest { version } environments { nodes { name live { version by } } } } }
  audit { totalCount nodes { id actor subject } } }"""
QUERY_BY_NAME = """{ project(name: "%(name)s") { id releases { totalCount } environments { totalCount } }
  release(project: "%(name)s", version: "%(version)s") { id candidates { totalCount } deployments { totalCount } }
  candidate(project: "%(name)s", version: "%(candidate)s") { id commit }
  deployment(id: "%(deployment)s") { id actor } releases(project: "%(name)s") { totalCount nodes { id } }
  announcements(permalink: "%(permalink)s") { totalCount } schedules(releaseId: "%(release_id)s") { totalCount }
  board(project: "%(name)s") { totalCount } audit(project: "%(name)s") { totalCount }
  search(q: "%(name)s") { projects { nodes { name } } versions { nodes { project } } } }"""

# Calls by the grant with which anonymous callers may read public rows; None for calls that need credentials.
CALLS_BY_GRANT: dict[str | None, list[str]] = {
    "project:read": [
        # releases
        "/api/releases/{name}/releases/{candidate}",
        "/api/releases/{name}/environments/{environment}/deployments",
        "/api/releases/{name}/environments/{environment}/deployments?page=2&per_page=1",
        "/api/releases/{name}/environments/{environment}/deployments/{deployment}",
        # packages
        "/api/releases/",
        "/api/releases/?page=2&page_size=2",
        "/api/releases/?status=30",
        "/api/releases/?package={name}",
        "/api/releases/?package={name}&status=30",
        "/api/releases/{release}/",
        "/api/releases/latest/?package={name}",
        "/api/releases/latest/?package={name}&include=testing",
    ],
    "content:read": [
        # announcements
        "/projects/{permalink}.json",
        "/projects/{permalink}.xml",
        "/projects/{permalink}/releases.json",
        "/projects/{permalink}/releases.xml",
        "/projects/{permalink}/releases/{announcement}.json",
        "/projects/{permalink}/releases/{announcement}.xml",
        "/projects/{permalink}/releases/{pending}.json",
        "/projects/{permalink}/urls.json",
        "/projects/{permalink}/urls.xml",
        "/projects/{permalink}/urls/{link}",
        "/projects/{permalink}/urls/{link}.json",
        "/projects/{permalink}/urls/{link}.xml",
        # release schedules, released files, and related rows
        f"{PDC}/release-schedules/",
        f"{PDC}/release-schedules/?page_size=1&page=2",
        f"{PDC}/release-schedules/?page_size=-1&ordering=-release",
        f"{PDC}/release-schedules/?release={{release_id}}",
        f"{PDC}/release-schedules/?product_version=os-1",
        f"{PDC}/release-schedules/{{schedule}}/",
        f"{PDC}/released-files/",
        f"{PDC}/released-files/?release_id={{release_id}}",
        f"{PDC}/released-files/?repo={{repo}}",
        f"{PDC}/released-files/?ordering=-repo&page_size=1",
        f"{PDC}/released-files/{{file}}/",
        f"{PDC}/releases/",
        f"{PDC}/releases/{{release_id}}/",
        f"{PDC}/release-variants/",
        f"{PDC}/release-variants/{{release_id}}/{{uid}}/",
        f"{PDC}/content-delivery-repos/",
        f"{PDC}/content-delivery-repos/{{repo}}/",
        f"{PDC}/product-versions/",
        f"{PDC}/product-versions/os-1/",
        # across dialects
        "POST /graphql " + QUERY,
        "POST /graphql " + QUERY_BY_NAME,
    ],
    None: [
        "/projects/{permalink}/releases/pending.json",
        "/projects/{permalink}/releases/pending.xml",
        f"{PDC}/",
        f"{PDC}/products/",
        f"{PDC}/component-sla-types/",
        f"{PDC}/rpms/",
        f"{PDC}/changesets/",
        "/api/projects",
        "/api/projects/{name}",
        "/api/projects/{name}/next-version",
        "/api/projects/{name}/environments",
        "/api/projects/{name}/environments/{environment}",
        "/api/projects/{name}/environments/{environment}/decision?candidate={candidate}",
        "/api/projects/{name}/environments/{environment}/approvals",
        "/api/projects/{name}/where?commit=1111111111111111111111111111111111111111",
        "/api/projects/{name}/environments/{environment}/freezes",
        "/api/projects/{name}/environments/{environment}/lock",
        "/api/projects/{name}/freezes",
        "/api/freezes",
        "/api/board",
        "/api/waiting",
        "/api/search?q={name}",
        "/api/search?q=1.0",
        "/api/search?q=1111",
        "/api/search?q=%23412",
        "/api/audit",
        "/api/audit?project={name}",
        "/api/board?project={name}",
        "/api/projects/{name}/releases",
        "/api/projects/{name}/releases/{version}",
        "/api/announcements",
        "/api/announcements?project={name}",
        "/api/tokens",
        "/api/tokens/{token}",
    ],
}


def calls_about(data: SampleData) -> Iterator[tuple[str, str]]:
    """Every template with its calls: for each project, and with the ids of one below the name of another."""
    projects = [*data.public, *data.private]
    for hidden in data.private:
        numbers = {name: value for name, value in hidden.items() if isinstance(value, int)}
        projects.append({**data.random.choice(data.public), **numbers})
    for template in (item for templates in CALLS_BY_GRANT.values() for item in templates):
        fill = template.__mod__ if template.startswith("POST") else lambda project, it=template: it.format(**project)
        yield from {(template, fill({"token": 1, **project})): None for project in projects}


HIDDEN = "SELECT p.id FROM projects p JOIN repositories g ON g.github_id = p.repository_id WHERE g.private"
OF_RELEASE = f"release_id IN (SELECT id FROM releases WHERE project_id IN ({HIDDEN}))"
OF_CANDIDATE = f"candidate_id IN (SELECT id FROM candidates WHERE project_id IN ({HIDDEN}))"


async def delete_private_rows() -> None:
    """Delete every private row."""
    hidden = f"project_id IN ({HIDDEN})"
    for table, condition in (
        ("variants", OF_RELEASE),  # with their repositories and files
        ("schedules", OF_RELEASE),
        ("announcements", hidden),
        ("links", hidden),
        ("runs", OF_CANDIDATE),
        ("approvals", OF_CANDIDATE),
        ("deployments", OF_CANDIDATE),
        ("candidates", hidden),
        ("releases", hidden),
        ("freezes", hidden),
        ("environment_locks", f"environment_id IN (SELECT id FROM environments WHERE {hidden})"),
        ("environments", hidden),
        ("projects", f"id IN ({HIDDEN})"),
        ("repositories", "private"),
    ):
        assert await execute(f"DELETE FROM {table} WHERE {condition}"), table


@dataclass(frozen=True)
class Response:
    """A response without the headers that differ from call to call."""

    status: int
    body: bytes
    headers: frozenset[tuple[str, str]]


async def request(world: World, call: str) -> Response:
    """Send a request without credentials."""
    method, path, body = "GET", call, None
    if call.startswith("POST"):
        method, path, query = call.split(" ", 2)
        body = {"query": query}
    async with world.session.request(method, world.url + path, json=body, allow_redirects=False) as response:
        headers = {(name, value) for name, value in response.headers.items() if name not in ("Date", "X-Request-ID")}
        content = await response.read()
    if method == "POST":  # the order of errors is that in which the database answers
        document = orjson.loads(content)
        content = orjson.dumps({**document, "errors": sorted(document.get("errors", []), key=str)})
    return Response(response.status, content, frozenset(headers))


async def request_all(world: World, calls: list[tuple[str, str]]) -> dict[tuple[str, str], Response]:
    """The responses to all calls, without credentials."""
    return {(template, call): await request(world, call) for template, call in calls}


def changed_templates(before: dict[tuple[str, str], Response], after: dict[tuple[str, str], Response]) -> set[str]:
    """The templates whose responses differ."""
    return {template for (template, call), response in before.items() if response != after[template, call]}


@pytest.mark.parametrize("policy", ANONYMOUS_GRANTS)
async def test_anonymous_callers_never_see_a_private_row(
    source: Path, database_url: str, aiohttp_server: Serve, policy: str
) -> None:
    async with running_world(source, database_url, aiohttp_server, anonymous_read=policy) as world:
        data = await create_sample_data(seed=sum(map(ord, policy)))
        calls = list(calls_about(data))
        world.github.forget_calls()
        responses = await request_all(world, calls)
        assert world.github.calls == []
        readable = {template for grant in ANONYMOUS_GRANTS[policy] for template in CALLS_BY_GRANT[grant]}
        for (template, call), response in responses.items():
            assert response.status < 500, call
            assert SECRET in call or SECRET.encode() not in response.body, (call, response.body)
            assert template in {*readable, *CALLS_BY_GRANT[None]} or response.status == 401, call

        await Repository.filter(github_id__gte=1000).update(private=False, installation_id=INSTALLATION)
        opened = await request_all(world, calls)
        assert changed_templates(responses, opened) == readable  # the calls do depend on what is private
        assert policy == "none" or any(SECRET.encode() in response.body for response in opened.values())

        names = [project["name"] for project in data.private]
        hidden = await Project.filter(name__in=names).values_list("repository_id", flat=True)
        await Repository.filter(github_id__in=hidden).update(private=True)
        assert changed_templates(responses, await request_all(world, calls)) == set()
        await delete_private_rows()
        assert changed_templates(responses, await request_all(world, calls)) == set()


def test_every_route_that_reads_is_requested() -> None:
    requested = [call.partition("?")[0] for templates in CALLS_BY_GRANT.values() for call in templates]
    for method, path in routed(application()):
        if method == "GET" and not path.startswith(WITHOUT_ROWS):
            pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path)) + "/?"
            assert any(re.fullmatch(pattern, re.sub(r"\{\w+\}", "x", call)) for call in requested), (
                f"add {path} to CALLS_BY_GRANT"
            )


WRITES_OF_PDC = [("POST", f"{PDC}/releases/"), ("PATCH", f"{PDC}/releases/x/"), ("DELETE", f"{PDC}/released-files/1/")]
READS_BY_POST = "/graphql"


async def test_anonymous_callers_write_nothing_whatever_they_may_read(
    source: Path, database_url: str, aiohttp_server: Serve
) -> None:
    async with running_world(source, database_url, aiohttp_server, anonymous_read="all") as world:
        calls = [(method, path) for method, path in routed(application()) if method not in ("GET", "*")]
        for method, path in [*calls, *WRITES_OF_PDC]:
            if path in (READS_BY_POST, "/webhooks/github"):
                continue
            for name in ("site", "nowhere"):
                kind = {"Content-Type": "application/xml" if path.endswith(".xml") else "application/json"}
                body = b"<x/>" if path.endswith(".xml") else b"{}"
                url = re.sub(r"\{\w+\}", name, path)
                answer = await world.ask(method, url, token="", data=body, headers=kind)
                assert answer.status == 401, (method, url, answer)
                assert "WWW-Authenticate" in answer.headers
