"""A token of one project gets one answer about other projects, whether or not they exist.

Deleting other projects with all their rows changes no response to it, on any route: not the status, the headers or the
body. What is public may be read; it is not written either.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from bot.rules.permissions import ANONYMOUS_GRANTS
from bot.store.candidates import Candidate
from bot.store.gates import Approval, Freeze
from bot.store.projects import Project, Repository
from bot.store.releases import Release
from bot.store.runs import Run
from tests.api.sample_data import NOW, SampleData, create_sample_data
from tests.api.test_anonymous_access import CALLS_BY_GRANT, PDC, delete_private_rows
from tests.conftest import postgres
from tests.test_documents import application, routed
from tests.world import Serve, World, running_world

Body = dict[str, Any] | list[Any] | str | None
OPEN_TO_ALL = ("/healthz", "/readyz", "/metrics", "/api/openapi.json", "/api/docs", "/schema/", "/webhooks/github")
DAY = {"sla": "stable", "date": "2099-01-01"}
VARIANT = {"id": "x", "uid": "x", "name": "x", "type": "variant", "arches": ["src"]}
REPO = {
    "release_id": "{release_id}",
    "variant_uid": "{uid}",
    "arch": "src",
    "service": "pulp",
    "repo_family": "dist",
    "content_format": "rpm",
    "content_category": "source",
    "name": "x",
}
NEW = {"name": "x", "short": "{permalink}", "version": "9.9", "release_type": "ga"}
CANDIDATE, ENVIRONMENT = "/api/releases/{name}/releases/{candidate}", "/api/releases/{name}/environments/{environment}"
NATIVE = "/api/projects/{name}"
FREECODE = "/projects/{permalink}"
PACKAGE = {"package": "{name}", "version": "9", "release_date": "2026-01-01", "status": 20}

# Every call that writes, about another project by its name, by the ids of its rows, and by references to them.
WRITES: list[tuple[str, str, Body]] = [
    # releases
    ("POST", CANDIDATE, {"repo": "acme/site", "commit": "0" * 40}),
    ("POST", f"{CANDIDATE}/cancel", {}),
    ("POST", f"{CANDIDATE}/build", {}),
    ("POST", f"{ENVIRONMENT}/deployments", {"release_candidate_version": "{candidate}"}),
    ("PATCH", f"{ENVIRONMENT}/deployments", {"release_candidate_version": "{candidate}", "status": "success"}),
    ("POST", f"{ENVIRONMENT}/deployments/{{deployment}}/cancel", {}),
    ("POST", "/api/releases/site/environments/staging/deployments/{deployment}/cancel", {}),
    ("POST", f"{ENVIRONMENT}/rollback", {"force": True}),
    ("POST", "/api/v1/sync-build-github-action", {"release_cut_id": "{candidate_id}", "workflow_run_id": 1}),
    ("POST", "/api/v1/sync-build-github-action", {"release_cut_id": "{request_id}", "workflow_run_id": "x"}),
    ("POST", "/api/v1/sync-deploy-github-action", {"deployment_id": "{deployment}", "workflow_run_id": 1}),
    # packages
    ("POST", "/api/releases/new/", PACKAGE),
    ("PATCH", "/api/releases/{release}/update_files/", {"files": {"js": "a.js"}}),
    # announcements
    *(
        (method, f"{FREECODE}{rest}.{form}", body if form == "json" else xml)
        for form in ("json", "xml")
        for method, rest, body, xml in (
            (
                "POST",
                "/releases",
                {"release": {"version": "9", "changelog": "x"}},
                "<release><version>9</version><changelog>x</changelog></release>",
            ),
            ("DELETE", "/releases/{pending}", None, None),
            ("PUT", "", {"project": {"oneliner": "x"}}, "<project><oneliner>x</oneliner></project>"),
            (
                "POST",
                "/urls",
                {"url": {"label": "x", "location": "https://x.test"}},
                "<url><label>x</label><location>https://x.test</location></url>",
            ),
            ("PUT", "/urls/{link}", {"url": {"label": "y"}}, "<url><label>y</label></url>"),
            ("DELETE", "/urls/{link}", None, None),
        )
    ),
    ("DELETE", "/projects/site/releases/{pending}.json", None),
    ("DELETE", "/projects/site/urls/{link}.json", None),
    # native
    ("PATCH", NATIVE, {"archived": True}),
    ("POST", f"{NATIVE}/environments", {"name": "qa", "tier": "development"}),
    ("PATCH", f"{NATIVE}/environments/{{environment}}", {"order": 1}),
    ("PATCH", f"{NATIVE}/environments/{{environment}}", {"frozen": {"reason": "x"}}),
    ("POST", f"{NATIVE}/environments/{{environment}}/approvals", {"candidate": "{candidate}"}),
    ("DELETE", f"{NATIVE}/environments/{{environment}}/approvals/{{approval}}", None),
    ("DELETE", "/api/projects/site/environments/staging/approvals/{approval}", None),
    ("POST", f"{NATIVE}/environments/{{environment}}/freezes", {"reason": "x"}),
    ("DELETE", f"{NATIVE}/environments/{{environment}}/freezes/{{freeze}}", None),
    ("POST", f"{NATIVE}/environments/{{environment}}/lock", {"reason": "x"}),
    ("DELETE", f"{NATIVE}/environments/{{environment}}/lock", None),
    ("POST", f"{NATIVE}/environments/{{environment}}/configuration/approvals", None),
    ("POST", f"{NATIVE}/freezes", {"reason": "x"}),
    ("DELETE", f"{NATIVE}/freezes/{{freeze}}", None),
    ("DELETE", "/api/projects/site/environments/staging/freezes/{freeze}", None),
    ("DELETE", "/api/projects/site/freezes/{freeze}", None),
    ("POST", "/api/freezes", {"reason": "x"}),
    ("DELETE", "/api/freezes/{freeze}", None),
    ("POST", f"{NATIVE}/releases/{{version}}/hold", {"reason": "x"}),
    ("DELETE", f"{NATIVE}/releases/{{version}}/hold", None),
    ("POST", f"{NATIVE}/candidates/{{candidate}}/ban", {"reason": "x"}),
    ("DELETE", f"{NATIVE}/candidates/{{candidate}}/ban", None),
    ("POST", f"{NATIVE}/candidates/{{candidate}}/promote", {}),
    ("PATCH", f"{NATIVE}/releases/{{version}}", {"notes": "x"}),
    ("PATCH", f"{NATIVE}/releases/{{version}}", {"status": 20}),
    ("PUT", f"{NATIVE}/releases/{{version}}/files", {"files": {"js": "a.js"}}),
    ("POST", f"{NATIVE}/releases/{{version}}.1/announcement/approve", {}),
    ("POST", f"{NATIVE}/releases/{{version}}.1/announcement/reject", {"reason": "x"}),
    ("POST", "/api/projects", {"name": "{name}"}),
    ("POST", "/api/tokens", {"name": "x", "grants": ["admin"], "project": "{name}"}),
    ("DELETE", "/api/tokens/{token}", None),
    # schedules and files
    ("POST", f"{PDC}/releases/", NEW),
    ("POST", f"{PDC}/releases/", [{**NEW, "version": "{version}"}]),
    ("PATCH", f"{PDC}/releases/{{release_id}}/", {"version": "9.9"}),
    ("PUT", f"{PDC}/releases/{{release_id}}/", NEW),
    ("PATCH", f"{PDC}/releases/", {"{release_id}": {"name": "x"}}),
    ("PATCH", f"{PDC}/releases/site-1.0/", {"short": "{permalink}"}),
    ("POST", f"{PDC}/release-schedules/", {"release": "{release_id}", **DAY}),
    ("POST", f"{PDC}/release-schedules/", [{"release": "{release_id}", **DAY}]),
    ("PATCH", f"{PDC}/release-schedules/{{schedule}}/", {"date": "2099-01-02"}),
    ("PUT", f"{PDC}/release-schedules/{{schedule}}/", {"release": "{release_id}", **DAY}),
    ("PATCH", f"{PDC}/release-schedules/", {"{schedule}": {"date": "2099-01-02"}}),
    ("DELETE", f"{PDC}/release-schedules/{{schedule}}/", None),
    ("DELETE", f"{PDC}/release-schedules/", ["{schedule}"]),
    ("POST", f"{PDC}/release-variants/", {"release": "{release_id}", **VARIANT}),
    ("PATCH", f"{PDC}/release-variants/{{release_id}}/{{uid}}/", {"name": "y"}),
    ("DELETE", f"{PDC}/release-variants/{{release_id}}/{{uid}}/", None),
    ("DELETE", f"{PDC}/release-variants/", ["{release_id}/{uid}"]),
    ("POST", f"{PDC}/content-delivery-repos/", REPO),
    ("PATCH", f"{PDC}/content-delivery-repos/{{repo}}/", {"name": "y"}),
    ("DELETE", f"{PDC}/content-delivery-repos/{{repo}}/", None),
    ("POST", f"{PDC}/released-files/", {"file_primary_key": 1, "repo": {"id": "{repo}"}, "release_date": "2026-01-01"}),
    ("PATCH", f"{PDC}/released-files/{{file}}/", {"obsolete": True}),
    ("DELETE", f"{PDC}/released-files/{{file}}/", None),
    ("DELETE", f"{PDC}/released-files/", ["{file}"]),
]


@dataclass(frozen=True)
class Call:
    """A request, and the template that it was made from."""

    template: str
    method: str
    path: str
    body: bytes | None = None

    @property
    def is_read(self) -> bool:
        """Whether the call changes nothing."""
        return self.method in ("GET", "OPTIONS") or self.path == "/graphql"


@dataclass(frozen=True)
class Answer:
    """A response without the headers that differ from call to call."""

    status: int
    headers: frozenset[tuple[str, str]]
    body: bytes


def filled(template: Any, values: dict[str, Any]) -> Any:
    """A path, or a body with its keys, in which the names in braces are replaced by values."""
    if isinstance(template, str):
        return re.sub(r"\{(\w+)\}", lambda match: str(values[match[1]]), template)
    if isinstance(template, dict):
        return {filled(name, values): filled(value, values) for name, value in template.items()}
    return [filled(item, values) for item in template] if isinstance(template, list) else template


def reads(values: dict[str, Any]) -> Iterator[Call]:
    """Every call that reads, about one project."""
    for template in (item for templates in CALLS_BY_GRANT.values() for item in templates):
        if template.startswith("POST"):
            yield Call(template, "POST", "/graphql", orjson.dumps({"query": template.split(" ", 2)[2] % values}))
        else:
            methods = ("GET", "OPTIONS") if template.startswith(PDC) else ("GET",)
            yield from (Call(template, method, template.format(**values)) for method in methods)


def writes(values: dict[str, Any]) -> Iterator[Call]:
    """Every call that writes, about one project."""
    for method, path, body in WRITES:
        content = filled(body, values)
        encoded = content.encode() if isinstance(content, str) else None if body is None else orjson.dumps(content)
        yield Call(f"{method} {path} {body}", method, filled(path, values), encoded)


async def answer_to(world: World, call: Call, token: str) -> Answer:
    """Send a request with a token."""
    kind = "application/xml" if ".xml" in call.path else "application/json"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
    async with world.session.request(
        call.method, world.url + call.path, data=call.body, headers=headers, allow_redirects=False
    ) as response:
        body = await response.read()
        kept = {(name, value) for name, value in response.headers.items() if name not in ("Date", "X-Request-ID")}
        if call.path == "/graphql":  # the order of errors is that in which the database answers
            document = orjson.loads(body)
            body = orjson.dumps({**document, "errors": sorted(document.get("errors", []), key=str)})
        return Answer(response.status, frozenset(kept), body)


async def answers_to(world: World, calls: list[Call], tokens: list[str]) -> dict[tuple[Call, str], Answer]:
    """The responses to all calls with all tokens."""
    return {(call, token): await answer_to(world, call, token) for call in calls for token in tokens}


def changed(before: dict[tuple[Call, str], Answer], after: dict[tuple[Call, str], Answer]) -> dict[Call, Any]:
    """The calls whose responses differ, with both."""
    return {
        call: (before[call, token], after[call, token])
        for call, token in before
        if before[call, token] != after[call, token]
    }


async def with_ids(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a project with further ids of its rows."""
    candidate = await Candidate.get(project__name=values["name"], version=values["candidate"])
    run = await Run.get(candidate_id=candidate.id)
    freeze = await Freeze.get(environment__name=values["environment"])
    approval = await Approval.get(candidate_id=candidate.id)
    rows = {"candidate_id": candidate.id, "freeze": freeze.id, "approval": approval.id}
    return {"token": 1, "request_id": run.request_id, **rows, **values}


async def make_others_private() -> None:
    """Give every other project a private repository."""
    await Repository.filter(full_name__startswith="acme/open").update(private=True)
    for project in await Project.filter(repository_id=None):
        repository = await Repository.get(full_name=f"acme/{project.name}")
        await Project.filter(id=project.id).update(repository_id=repository.github_id)


async def create_other_projects(setting: str) -> SampleData:
    """Create other projects, and a release of our own to refer to them from."""
    data = await create_sample_data(seed=sum(map(ord, setting)))
    site = await Project.get(name="site")
    await Release.create(project=site, version="1.0", release_id="site-1.0", created_at=NOW, updated_at=NOW)
    for projects in (data.private, data.public):
        projects[:] = [await with_ids(values) for values in projects]
    return data


@pytest.mark.parametrize("setting", ["content"] if postgres() else ANONYMOUS_GRANTS)  # each takes long there
async def test_deleting_other_projects_changes_no_answer_to_a_token_of_one_project(
    source: Path, database_url: str, aiohttp_server: Serve, setting: str
) -> None:
    async with running_world(source, database_url, aiohttp_server, anonymous_read=setting) as world:
        data = await create_other_projects(setting)
        grants = (["admin"], ["project:read", "content:read"], ["project:write", "content:write"])
        tokens = [await world.create_token(*each, project="site") for each in grants]
        hidden = [call for values in data.private for call in (*reads(values), *writes(values))]
        unwritable = [call for values in (*data.private, *data.public) for call in writes(values)]
        if setting == "none":
            unwritable += [call for values in data.public for call in reads(values)]
        before, before_all = await answers_to(world, hidden, tokens), await answers_to(world, unwritable, tokens)
        for (call, _), answer in [*before.items(), *before_all.items()]:
            assert answer.status in (400, 403, 404) or call.is_read, (call, answer)
            assert answer.status < 500, (call, answer)
        await delete_private_rows()
        assert changed(before, await answers_to(world, hidden, tokens)) == {}
        await make_others_private()
        await delete_private_rows()
        assert changed(before_all, await answers_to(world, unwritable, tokens)) == {}


def test_every_route_is_requested() -> None:
    requested = {(method, path.partition("?")[0].rstrip("/")) for method, path, _ in WRITES}
    requested |= {("GET", path.partition("?")[0].rstrip("/")) for paths in CALLS_BY_GRANT.values() for path in paths}
    requested = {(method, re.sub(r"\{\w+\}", "x", path).replace("/site", "/x")) for method, path in requested}
    for method, path in routed(application()):
        if not path.startswith((*OPEN_TO_ALL, PDC, "/graphql")):
            pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path))
            assert any(call == method and re.fullmatch(pattern, url) for call, url in requested), f"add {method} {path}"
