"""The description of the API: valid, complete, the one in docs, and shown to people without help from others."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from bot.app import create_app, description
from bot.settings import read_settings
from sandbox.credentials import key_pair
from tests.world import World

DOCS = Path(__file__).parents[2] / "docs"
UNDESCRIBED = ("/webhooks/", "/healthz", "/readyz", "/metrics", "/api/openapi.json", "/api/docs", "/rest_api/")


@pytest.fixture(scope="module")
def document() -> Any:
    return json.loads(json.dumps(description()))


def operations(document: Any) -> list[tuple[str, str, Any]]:
    return [(method, path, said) for path, methods in document["paths"].items() for method, said in methods.items()]


def test_it_is_valid(document: Any) -> None:
    validate(document, cls=OpenAPIV31SpecValidator)


def test_it_is_the_one_in_docs(document: Any) -> None:
    there = json.loads((DOCS / "openapi.json").read_text())
    assert there == document, "make openapi writes docs/openapi.json anew"


def test_every_route_is_described(document: Any) -> None:
    settings = read_settings(github_app_id="1", github_private_key=key_pair()[0], github_webhook_secret="x")
    routes = {
        (route.method.lower(), route.resource.canonical)
        for route in create_app(settings).router.routes()
        if isinstance(route.resource, web.Resource) and route.method not in ("HEAD", "OPTIONS", "*")
    }
    described = {(method, path) for method, path, _ in operations(document)}
    twins = {(method, path.rstrip("/") if path.endswith("/") else f"{path}/") for method, path in described}
    assert {route for route in routes - described - twins if not route[1].startswith(UNDESCRIBED)} == set()
    assert {each for each in described - routes if not each[1].startswith("/rest_api/")} == set()


def test_every_call_says_what_it_does_under_a_name_of_its_own(document: Any) -> None:
    names = [said["operationId"] for _, _, said in operations(document)]
    assert len(names) == len(set(names))
    assert [f"{method} {path}" for method, path, said in operations(document) if not said["summary"]] == []


def test_every_call_has_its_errors_and_says_how_credentials_are_given(document: Any) -> None:
    for method, path, said in operations(document):
        assert {"401", "403", "429", "503"} <= set(said["responses"]), (method, path)
        assert said["security"], (method, path)
        if method in ("post", "patch", "put", "delete"):
            assert {} not in said["security"] or path == "/graphql", (method, path)


def test_every_example_is_as_its_schema_says(document: Any) -> None:
    whole = {"components": document["components"]}
    refusals = document["components"]["responses"].values()
    for body in [*refusals, *(each for _, _, said in operations(document) for each in bodies(said))]:
        for content in body.get("content", {}).values():
            if "example" in content:
                errors = Draft202012Validator({**content["schema"], **whole}).iter_errors(content["example"])
                assert not list(errors), content


def bodies(said: Any) -> list[Any]:
    return [*said["responses"].values(), *([said["requestBody"]] if "requestBody" in said else [])]


async def test_programs_and_people_get_it_without_credentials_and_from_us_alone(world: World) -> None:
    answer = await world.ask("GET", "/api/openapi.json", token="")
    assert (answer.status, answer.json["openapi"]) == (200, "3.1.0")
    async with world.session.get(f"{world.url}/api/docs") as page:
        text = await page.text()
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    named = re.findall(r'(?:href|src)="([^"]+)"', text)
    assert named and all(each.startswith("/api/") for each in named)
    for each in named:
        async with world.session.get(f"{world.url}{each}") as file:
            assert file.status == 200, each
