"""The service against its OpenAPI document: responses are as described, and the examples succeed."""

import asyncio
import re
import traceback
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks

from tests.conftest import postgres
from tests.world import Serve, running_world


def rejects_missing_credentials(context: Any, response: Any, case: Any) -> bool | None:
    """Check that credentials are required. Too many wrong ones are refused with 429 instead."""
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
    rejects_missing_credentials,
]
EXAMPLES = 5
ORDER = ("POST", "GET", "PUT", "PATCH", "DELETE")
STOPPING = ("freezes", "hold", "ban")
CREATED_FIRST = (
    *("new", "releases.json", "products", "product-versions", "releases", "component-sla-types", "release-variants"),
    *("content-delivery-repos", "rpms", "deployments"),
)
# Path values of rows that exist, or that an example creates.
EXISTING = {
    **dict.fromkeys(("project", "permalink"), "site"),
    "environment": "staging",
    "candidate": "1.4.0-rc1",
    "version": "1.1",
    "link": "changes",
    "short": "shop",
    "release_id": "shop-1.0",
    "product_version_id": "shop-1",
    "uid": "Server",
    **dict.fromkeys(("id", "deployment", "freeze", "approval"), "1"),
    "token": "2",  # the first is the one in use
}
# Operations that need more than their example: a commit, a run, a version scheme, or not to be repeated or held.
NEEDS_MORE = {
    "POST /api/projects",
    "GET /api/projects/{project}/next-version",
    "GET /api/releases/latest/",  # its release is held by then
    "PATCH /api/projects/{project}/environments/{environment}",
    "GET /api/projects/{project}/where",
    "POST /api/projects/{project}/candidates/{candidate}/promote",
    "POST /api/projects/{project}/environments/{environment}/approvals",  # it needs a person
    "POST /api/projects/{project}/environments/{environment}/configuration/approvals",
    "POST /api/projects/{project}/releases/{version}/announcement/reject",
    "POST /api/releases/{project}/environments/{environment}/rollback",
    "POST /api/releases/{project}/releases/{candidate}",
    "POST /api/releases/{project}/releases/{candidate}/build",
    "POST /api/releases/{project}/releases/{candidate}/cancel",
    "POST /api/v1/sync-build-github-action",
    "POST /api/v1/sync-deploy-github-action",
    *(f"POST /projects/{{permalink}}/{name}.{suffix}" for name in ("releases", "urls") for suffix in ("json", "xml")),
}


class Caller:
    """Sends requests and records deviations from the document, and the statuses of responses to examples."""

    def __init__(self, document: Any, url: str, token: str) -> None:
        self._document, self._url, self._token = document, url, token
        self._addresses = iter(IPv4Network("10.0.0.0/8"))
        schema = schemathesis.openapi.from_dict(document)
        found: list[Any] = [result.ok() for result in schema.get_all_operations()]  # type: ignore[union-attr]
        self._operations = sorted(found, key=call_order)
        self.violations: list[str] = []
        self.statuses: dict[tuple[str, str | None], int] = {}

    def send_all(self) -> None:
        """Send to every operation its example, each of its parameters, and generated requests."""
        for operation in self._operations:
            for send in (self._send_example, self._send_parameters, self._send_generated):
                try:
                    send(operation)
                except (AssertionError, BaseExceptionGroup) as error:
                    self.violations.append(f"{operation.label}: " + "".join(traceback.format_exception(error)))

    def _send(self, case: Any) -> int:
        # wrong credentials are limited per address, so each request has its own; the right ones are in a header
        headers = {"Authorization": f"Bearer {self._token}", "X-Forwarded-For": str(next(self._addresses))}
        case.query = {name: value for name, value in (case.query or {}).items() if name != "auth_code"}
        response = case.call_and_validate(base_url=self._url, headers=headers, checks=CHECKS)
        if case.path.endswith("/auth/token/refresh/") and response.status_code == 200:
            self._token = response.json()["token"]
        return int(response.status_code)

    def _send_example(self, operation: Any) -> None:
        """Send each example of a body, or no body if there is none."""
        described = self._document["paths"][operation.path][operation.method]
        for content_type, content in described.get("requestBody", {"content": {None: {}}})["content"].items():
            body = {"body": content["example"], "media_type": content_type} if content else {}
            case = operation.Case(
                path_parameters=existing_path_values(operation), query=self._required(operation), **body
            )
            self.statuses[operation.label, content_type] = self._send(case)

    def _send_parameters(self, operation: Any) -> None:
        """Send each query parameter to an operation that only reads."""
        for each in self._parameters(operation) if operation.method == "get" else ():
            query = self._required(operation) | {each["name"]: each.get("example", "1")}
            self._send(operation.Case(path_parameters=existing_path_values(operation), query=query))

    def _required(self, operation: Any) -> dict[str, Any]:
        return {each["name"]: each["example"] for each in self._parameters(operation) if each.get("required")}

    def _parameters(self, operation: Any) -> list[Any]:
        parameters = self._document["paths"][operation.path][operation.method]["parameters"]
        shared = self._document["components"]["parameters"]
        found = [shared[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for each in parameters]
        return [each for each in found if each["in"] == "query"]

    def _send_generated(self, operation: Any) -> None:
        for path_values in (None, existing_path_values(operation)):

            @given(case=operation.as_strategy(path_parameters=path_values))
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


def call_order(operation: Any) -> tuple[int, int]:
    """The position of an operation: what others need is created first, what stops deployments and deletions last."""
    name = operation.path.rstrip("/").rpartition("/")[2]
    first = CREATED_FIRST.index(name) if name in CREATED_FIRST else len(CREATED_FIRST) + (name in STOPPING)
    return ORDER.index(operation.method.upper()), first


def existing_path_values(operation: Any) -> dict[str, str]:
    """Path values that lead to an existing row."""
    return {name: EXISTING[name] for name in re.findall(r"\{(\w+)\}", operation.path)}


@pytest.mark.skipif(postgres(), reason="what is sent and answered does not depend on the database")
@pytest.mark.timeout(600)
# Hypothesis cannot tell that the service, in the other thread, draws from the generator that all share (aiohttp does).
@pytest.mark.filterwarnings("ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning")
async def test_responses_are_as_described_and_examples_succeed(
    source: Path, database_url: str, aiohttp_server: Serve
) -> None:
    async with running_world(source, database_url, aiohttp_server, trusted_proxies="127.0.0.1") as world:
        await world.cut("1.4.0-rc1", build=True)
        await world.settle()
        await world.github.finish(run=1)
        await world.settle()
        document = (await world.ask("GET", "/api/openapi.json")).json
        caller = Caller(document, world.url, world.token)
        await asyncio.to_thread(caller.send_all)
        world.expect_unfinished("build", "deploy")
    assert not caller.violations, "\n\n".join(caller.violations)
    refused = {label for (label, _), status in caller.statuses.items() if status >= 400}
    assert not {label for label in refused - NEEDS_MORE if not label.startswith("DELETE ")}
