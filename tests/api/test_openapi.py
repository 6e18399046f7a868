"""The description of the API: valid, complete, the one in docs, and shown to people without help from others."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from defusedxml import ElementTree
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from bot.settings import read_settings
from sandbox.credentials import key_pair
from server.app import create_app, description, dialects
from tests.world import Serve, World, a_world

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


def test_every_way_to_give_credentials_is_declared_and_taken_by_some_call(document: Any) -> None:
    named = {name for _, _, said in operations(document) for way in said["security"] for name in way}
    assert named == set(document["components"]["securitySchemes"])


def test_an_auth_code_is_taken_by_announcements_and_no_other_dialect(document: Any) -> None:
    taking = {path for _, path, said in operations(document) if {"auth_code": []} in said["security"]}
    assert taking == {path for path in document["paths"] if path.startswith("/projects/")}


def test_every_field_of_a_query_is_a_parameter(document: Any) -> None:
    asking = [each for dialect in dialects() for each in dialect.endpoints if each.query_model]
    assert asking
    for endpoint in asking:
        said = document["paths"][endpoint.path][endpoint.method.lower()]["parameters"]
        described = {each["name"]: each["required"] for each in said if each["in"] == "query"}
        fields = endpoint.query_model.model_fields.items() if endpoint.query_model else ()
        assert described == {field.alias or name: field.is_required() for name, field in fields}, endpoint.path


def test_no_parameter_may_be_null_since_no_query_says_that(document: Any) -> None:
    schemas = [each.get("schema", {}) for _, _, said in operations(document) for each in said["parameters"]]
    assert not [schema for schema in schemas if {"type": "null"} in schema.get("anyOf", [])]


def test_every_content_has_an_example_that_is_as_its_schema_says(document: Any) -> None:
    whole = {"components": document["components"]}
    checker = Draft202012Validator.FORMAT_CHECKER
    for where, kind, content in contents(document):
        assert "example" in content, (where, kind)
        validator = Draft202012Validator({**content["schema"], **whole}, format_checker=checker)
        assert not list(validator.iter_errors(content["example"])), (where, kind, content)


def test_every_parameter_of_an_endpoint_has_an_example_that_is_as_its_schema_says(document: Any) -> None:
    said = [each for _, _, said in operations(document) for each in said["parameters"] if each.get("in") == "query"]
    assert said
    for each in said:
        assert not list(Draft202012Validator(each["schema"]).iter_errors(each["example"])), each


def test_forms_are_taken_where_a_form_can_say_it(document: Any) -> None:
    forms = [each["example"] for _, kind, each in contents(document) if "form" in kind]
    assert forms
    assert not [form for form in forms if any(isinstance(value, list | dict) for value in form.values())]


def test_examples_of_xml_are_documents_as_they_are_answered(document: Any) -> None:
    texts = [each["example"] for _, kind, each in contents(document) if kind == "application/xml"]
    answers = [text for text in texts if isinstance(text, str)]  # what is sent may be in any root element
    roots = {ElementTree.fromstring(text.encode()).tag for text in answers}
    assert roots == {"release", "releases", "project", "url", "urls", "errors"}


def contents(document: Any) -> list[tuple[str, str, Any]]:
    """Every content that is sent or answered, with where that is and its kind."""
    bodies = {f"response {name}": body for name, body in document["components"]["responses"].items()}
    for method, path, said in operations(document):
        bodies |= {f"{method} {path} {status}": body for status, body in said["responses"].items()}
        bodies[f"{method} {path} body"] = said.get("requestBody", {})
    return [
        (where, kind, content) for where, body in bodies.items() for kind, content in body.get("content", {}).items()
    ]


@pytest.mark.parametrize(
    ("method", "path", "described", "status"),
    [
        ("GET", "/api/releases/latest/?package=nobody", "/api/releases/latest/", 404),
        ("GET", "/api/announcements?project=nobody", "/api/announcements", 404),
        ("GET", "/projects/site/releases.json", "/projects/{permalink}/releases.json", 415),
        ("DELETE", "/projects/site/releases/1.xml", "/projects/{permalink}/releases/{id}.xml", 415),
    ],
)
async def test_refusals_that_happen_are_described(
    world: World, document: Any, method: str, path: str, described: str, status: int
) -> None:
    answer = await world.ask(method, path, data=b"x" if status == 415 else None)
    assert answer.status == status
    assert str(status) in document["paths"][described][method.lower()]["responses"]


async def test_strangers_are_answered_where_it_is_said_that_they_may_be(
    source: Path, database_url: str, aiohttp_server: Serve, document: Any
) -> None:
    reading = [(path, said) for method, path, said in operations(document) if method == "get" and "{" not in path]
    assert len(reading) > 20
    async with a_world(source, database_url, aiohttp_server, anonymous_read="all") as world:
        for path, said in reading:
            answer = await world.ask("GET", path, token="")
            assert (answer.status != 401) == ({} in said["security"]), path


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
