"""The OpenAPI document: valid, complete, the same as in docs, and shown by a page that needs no other site."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from defusedxml import ElementTree
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from bot.settings import read_settings
from sandbox.credentials import key_pair
from server.app import create_app, description, dialects
from tests.test_documents import program_routes
from tests.world import Serve, World, running_world

DOCS = Path(__file__).parents[3] / "docs"
UNDESCRIBED = (
    "/schema/",
    "/webhooks/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/api/openapi.json",
    "/api/docs",
    "/rest_api/",
)


@pytest.fixture(scope="module")
def document() -> Any:
    return json.loads(json.dumps(description()))


def operations(document: Any) -> list[tuple[str, str, Any]]:
    """Every operation with its method and path."""
    return [(method, path, operation) for path, item in document["paths"].items() for method, operation in item.items()]


def test_the_document_is_valid(document: Any) -> None:
    validate(document, cls=OpenAPIV31SpecValidator)


def test_the_document_is_the_one_in_docs(document: Any) -> None:
    written = json.loads((DOCS / "openapi.json").read_text())
    assert written == document, "`make openapi` updates docs/openapi.json"


def test_every_route_is_described(document: Any) -> None:
    settings = read_settings(github_app_id="1", github_private_key=key_pair()[0], github_webhook_secret="x")
    routes = {(method.lower(), path) for method, path in program_routes(create_app(settings))}
    described = {(method, path) for method, path, _ in operations(document)}
    slash_variants = {(method, path.rstrip("/") if path.endswith("/") else f"{path}/") for method, path in described}
    assert {route for route in routes - described - slash_variants if not route[1].startswith(UNDESCRIBED)} == set()
    assert {each for each in described - routes if not each[1].startswith("/rest_api/")} == set()


def test_every_operation_has_a_summary_and_a_unique_id(document: Any) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    assert [f"{method} {path}" for method, path, each in operations(document) if not each["summary"]] == []


def test_every_operation_has_error_responses_and_security_schemes(document: Any) -> None:
    for method, path, operation in operations(document):
        assert {"401", "403", "429", "503"} <= set(operation["responses"]), (method, path)
        assert operation["security"], (method, path)
        if method in ("post", "patch", "put", "delete"):
            assert {} not in operation["security"] or path == "/graphql", (method, path)


def test_the_security_schemes_are_those_that_operations_use(document: Any) -> None:
    used = {name for _, _, each in operations(document) for alternative in each["security"] for name in alternative}
    assert used == set(document["components"]["securitySchemes"])


def test_an_auth_code_is_accepted_by_announcements_and_no_other_dialect(document: Any) -> None:
    accepting = {path for _, path, each in operations(document) if {"auth_code": []} in each["security"]}
    assert accepting == {path for path in document["paths"] if path.startswith("/projects/")}


def test_every_field_of_a_query_model_is_a_parameter(document: Any) -> None:
    endpoints = [each for dialect in dialects() for each in dialect.endpoints if each.query_model]
    assert endpoints
    for endpoint in endpoints:
        parameters = document["paths"][endpoint.path][endpoint.method.lower()]["parameters"]
        described = {each["name"]: each["required"] for each in parameters if each["in"] == "query"}
        fields = endpoint.query_model.model_fields.items() if endpoint.query_model else ()
        assert described == {field.alias or name: field.is_required() for name, field in fields}, endpoint.path


def test_no_parameter_may_be_null_since_a_query_string_cannot_express_null(document: Any) -> None:
    schemas = [each.get("schema", {}) for _, _, operation in operations(document) for each in operation["parameters"]]
    assert not [schema for schema in schemas if {"type": "null"} in schema.get("anyOf", [])]


def test_every_content_has_an_example_that_fits_its_schema(document: Any) -> None:
    whole = {"components": document["components"]}
    checker = Draft202012Validator.FORMAT_CHECKER
    for name, content_type, content in contents(document):
        assert "example" in content, (name, content_type)
        validator = Draft202012Validator({**content["schema"], **whole}, format_checker=checker)
        assert not list(validator.iter_errors(content["example"])), (name, content_type, content)


def test_every_parameter_of_an_endpoint_has_an_example_that_fits_its_schema(document: Any) -> None:
    parameters = [each for _, _, operation in operations(document) for each in operation["parameters"]]
    in_query = [each for each in parameters if each.get("in") == "query"]
    assert in_query
    for each in in_query:
        assert not list(Draft202012Validator(each["schema"]).iter_errors(each["example"])), each


def test_forms_are_accepted_where_a_form_can_express_the_body(document: Any) -> None:
    forms = [each["example"] for _, content_type, each in contents(document) if "form" in content_type]
    assert forms
    assert not [form for form in forms if any(isinstance(value, list | dict) for value in form.values())]


def test_examples_of_xml_have_the_root_elements_of_responses(document: Any) -> None:
    examples = [each["example"] for _, content_type, each in contents(document) if content_type == "application/xml"]
    responses = [each for each in examples if isinstance(each, str)]  # requests may have any root element
    roots = {ElementTree.fromstring(text.encode()).tag for text in responses}
    assert roots == {"release", "releases", "project", "url", "urls", "errors"}


def contents(document: Any) -> list[tuple[str, str, Any]]:
    """Every content of a request or response, with the name of that and the content type."""
    bodies = {f"response {name}": body for name, body in document["components"]["responses"].items()}
    for method, path, operation in operations(document):
        bodies |= {f"{method} {path} {status}": body for status, body in operation["responses"].items()}
        bodies[f"{method} {path} body"] = operation.get("requestBody", {})
    return [
        (name, content_type, content)
        for name, body in bodies.items()
        for content_type, content in body.get("content", {}).items()
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
async def test_refusals_that_occur_are_described(
    world: World, document: Any, method: str, path: str, described: str, status: int
) -> None:
    answer = await world.ask(method, path, data=b"x" if status == 415 else None)
    assert answer.status == status
    assert str(status) in document["paths"][described][method.lower()]["responses"]


async def test_anonymous_callers_are_admitted_where_the_document_says_so(
    source: Path, database_url: str, aiohttp_server: Serve, document: Any
) -> None:
    reads = [(path, each) for method, path, each in operations(document) if method == "get" and "{" not in path]
    assert len(reads) > 20
    async with running_world(source, database_url, aiohttp_server, anonymous_read="all") as world:
        for path, operation in reads:
            answer = await world.ask("GET", path, token="")
            assert (answer.status != 401) == ({} in operation["security"]), path


async def test_the_document_and_its_page_need_no_credentials_and_no_other_site(world: World) -> None:
    answer = await world.ask("GET", "/api/openapi.json", token="")
    assert (answer.status, answer.json["openapi"]) == (200, "3.1.0")
    async with world.session.get(f"{world.url}/api/docs") as page:
        text = await page.text()
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    linked = [urljoin("/api/docs", each) for each in re.findall(r'(?:href|src)="([^"]+)"', text)]
    assert linked and all(each.startswith("/api/") for each in linked)
    for each in linked:
        async with world.session.get(f"{world.url}{each}") as file:
            assert file.status == 200, each
