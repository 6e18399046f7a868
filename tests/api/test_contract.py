"""The description of the API against the service: what comes back is as described, and examples do what they show."""

import asyncio
import re
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks

from tests.conftest import postgres
from tests.world import Serve, a_world


def refuses_strangers(context: Any, response: Any, case: Any) -> bool | None:
    """Credentials are looked at. Too many wrong ones are refused in another way."""
    try:
        return openapi_checks.ignored_auth(context, response, case)
    except AssertionError as failure:
        if "429 Too Many Requests" in str(failure):
            return None
        raise


CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    refuses_strangers,
]
EXAMPLES = 5
ORDER = ("POST", "GET", "PUT", "PATCH", "DELETE")
MADE_FIRST = (
    *("new", "releases.json", "products", "product-versions", "releases", "component-sla-types", "release-variants"),
    *("content-delivery-repos", "rpms", "deployments"),
)
# Where examples lead: to what there is, or what examples make.
THERE = {
    **dict.fromkeys(("project", "permalink"), "site"),
    "environment": "staging",
    "candidate": "1.4.0-rc1",
    "version": "1.1",
    "link": "changes",
    "short": "shop",
    "release_id": "shop-1.0",
    "product_version_id": "shop-1",
    "uid": "Server",
    **dict.fromkeys(("id", "deployment"), "1"),
    "token": "2",  # the first is the one that we use
}
# What takes more to succeed than an example: a commit, a run or a version scheme, or that it was not done before.
NEEDS_MORE = {
    "POST /api/projects",
    "GET /api/projects/{project}/next-version",
    "PATCH /api/projects/{project}/environments/{environment}",
    "POST /api/projects/{project}/releases/{version}/announcement/reject",
    "POST /api/releases/{project}/environments/{environment}/rollback",
    "POST /api/releases/{project}/releases/{candidate}",
    "POST /api/releases/{project}/releases/{candidate}/cancel",
    "POST /api/v1/sync-build-github-action",
    "POST /api/v1/sync-deploy-github-action",
    "POST /projects/{permalink}/releases.xml",
    "POST /projects/{permalink}/urls.xml",
}


class Caller:
    """Sends requests; remembers what is not as described, and with which statuses examples were answered."""

    def __init__(self, document: Any, url: str, token: str) -> None:
        self._document, self._url, self._token = document, url, token
        self._addresses = iter(IPv4Network("10.0.0.0/8"))
        schema = schemathesis.openapi.from_dict(document)
        found: list[Any] = [result.ok() for result in schema.get_all_operations()]  # type: ignore[union-attr]
        self._operations = sorted(found, key=turn)
        self.violations: list[str] = []
        self.statuses: dict[tuple[str, str | None], int] = {}

    def send_all(self) -> None:
        """Send to every operation what its example says, and what may be made up from its description."""
        for operation in self._operations:
            for send in (self._send_example, self._send_parameters, self._send_made_up):
                try:
                    send(operation)
                except (AssertionError, BaseExceptionGroup) as error:
                    details = "\n".join(map(str, getattr(error, "exceptions", [])))
                    self.violations.append(f"{operation.label}: {error}\n{details}")

    def _send(self, case: Any) -> int:
        # every request comes from an address of its own: wrong credentials are limited; right ones are in a header
        headers = {"Authorization": f"Bearer {self._token}", "X-Forwarded-For": str(next(self._addresses))}
        case.query = {name: value for name, value in (case.query or {}).items() if name != "auth_code"}
        response = case.call_and_validate(base_url=self._url, headers=headers, checks=CHECKS)
        if case.path.endswith("/auth/token/refresh/") and response.status_code == 200:
            self._token = response.json()["token"]
        return int(response.status_code)

    def _send_example(self, operation: Any) -> None:
        """The bodies that are shown, or none."""
        said = self._document["paths"][operation.path][operation.method]
        for kind, content in said.get("requestBody", {"content": {None: {}}})["content"].items():
            body = {"body": content["example"], "media_type": kind} if content else {}
            case = operation.Case(path_parameters=there(operation), query=self._required(operation), **body)
            self.statuses[operation.label, kind] = self._send(case)

    def _send_parameters(self, operation: Any) -> None:
        """Every parameter of the query of what only reads."""
        for each in self._parameters(operation) if operation.method == "get" else ():
            query = self._required(operation) | {each["name"]: each.get("example", "1")}
            self._send(operation.Case(path_parameters=there(operation), query=query))

    def _required(self, operation: Any) -> dict[str, Any]:
        return {each["name"]: each["example"] for each in self._parameters(operation) if each.get("required")}

    def _parameters(self, operation: Any) -> list[Any]:
        said = self._document["paths"][operation.path][operation.method]["parameters"]
        shared = self._document["components"]["parameters"]
        found = [shared[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for each in said]
        return [each for each in found if each["in"] == "query"]

    def _send_made_up(self, operation: Any) -> None:
        for known in (None, there(operation)):

            @given(case=operation.as_strategy(path_parameters=known))
            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                derandomize=True,
                phases=[Phase.explicit, Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            def check(case: Any) -> None:
                self._send(case)

            check()


def turn(operation: Any) -> tuple[int, int]:
    """When an operation is called: first what makes what others need, last what deletes."""
    name = operation.path.rstrip("/").rpartition("/")[2]
    first = MADE_FIRST.index(name) if name in MADE_FIRST else len(MADE_FIRST)
    return ORDER.index(operation.method.upper()), first


def there(operation: Any) -> dict[str, str]:
    """The values in a path that leads to something."""
    return {name: THERE[name] for name in re.findall(r"\{(\w+)\}", operation.path)}


@pytest.mark.skipif(postgres(), reason="what is sent and answered does not depend on the database")
@pytest.mark.timeout(600)
async def test_what_comes_back_is_as_described_and_examples_succeed(
    source: Path, database_url: str, aiohttp_server: Serve
) -> None:
    async with a_world(source, database_url, aiohttp_server, trusted_proxies="127.0.0.1") as world:
        await world.cut("1.4.0-rc1", build=True)
        await world.settle()
        await world.github.finish(run=1)
        await world.settle()
        document = (await world.ask("GET", "/api/openapi.json")).json
        caller = Caller(document, world.url, world.token)
        await asyncio.to_thread(caller.send_all)
        world.leaves("build", "deploy")
    assert not caller.violations, "\n\n".join(caller.violations)
    refused = {label for (label, _), status in caller.statuses.items() if status >= 400}
    assert not {label for label in refused - NEEDS_MORE if not label.startswith("DELETE ")}
