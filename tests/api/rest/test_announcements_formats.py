"""The dialect `announcements`: the extension decides the form of the response, the Content-Type that of the request."""

import json
from itertools import product
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.api.rest.announcement_helpers import PROJECT, RELEASES, URLS, announce, submit
from tests.world import World

KINDS = {
    "json": ("application/json", "Application/JSON; charset=utf-8"),
    "xml": ("application/xml", "text/xml", 'text/xml; charset="utf-8"'),
}
BOTH = list(product(KINDS, KINDS))


def encode(form: str, name: str, record: dict[str, str], code: str) -> str:
    """A body with a record and the `auth_code`."""
    if form == "json":
        return json.dumps({"auth_code": code, name: record} if record else {"auth_code": code})
    fields = "".join(f"<{key.replace('_', '-')}>{value}</{key.replace('_', '-')}>" for key, value in record.items())
    return f"<request><auth-code>{code}</auth-code>{f'<{name}>{fields}</{name}>' if record else ''}</request>"


async def send(world: World, method: str, path: str, body: str | bytes, kind: str) -> tuple[int, Any]:
    """Send a body; return the status and the record or errors, which have the form of the path's extension."""
    url, headers = world.url + path, {"Content-Type": kind}
    async with world.session.request(method, url, data=body, headers=headers) as response:
        text = await response.text()
        if path.endswith(".json"):
            assert response.content_type == "application/json", text
            return response.status, json.loads(text)
        assert response.content_type == "application/xml", text
        return response.status, ElementTree.fromstring(text)


def value_in(answer: Any, name: str, field: str) -> str:
    """A field of a record."""
    return str(answer[name][field] if isinstance(answer, dict) else answer.findtext(field))


@pytest.mark.parametrize(("request_form", "response_form"), BOTH)
async def test_every_method_takes_either_form_and_answers_in_that_of_its_path(
    world: World, request_form: str, response_form: str
) -> None:
    code = world.token
    for number, kind in enumerate(KINDS[request_form]):
        version, label = f"1.{number}", f"Home {number}"
        release = {"version": version, "changelog": "Fixes", "tag_list": "a,b"}
        body = encode(request_form, "release", release, code)
        status, created = await send(world, "POST", f"{RELEASES}.{response_form}", body, kind)
        assert (status, value_in(created, "release", "version")) == (201, version)
        row = value_in(created, "release", "id")
        only_code = encode(request_form, "", {}, code)
        status, pending = await send(world, "GET", f"{RELEASES}/pending.{response_form}", only_code, kind)
        assert (status, len(pending)) == (200, 1)
        status, _ = await send(world, "GET", f"{RELEASES}/{row}.{response_form}", only_code, kind)
        assert status == 200
        status, gone = await send(world, "DELETE", f"{RELEASES}/{row}.{response_form}", only_code, kind)
        assert (status, value_in(gone, "release", "version")) == (200, version)
        body = encode(request_form, "project", {"oneliner": version, "project_tag_list": "a, b"}, code)
        status, changed = await send(world, "PUT", f"{PROJECT}.{response_form}", body, kind)
        assert (status, value_in(changed, "project", "oneliner")) == (200, version)
        body = encode(request_form, "url", {"label": label, "location": "https://example.com/"}, code)
        status, linked = await send(world, "POST", f"{URLS}.{response_form}", body, kind)
        assert (status, value_in(linked, "url", "host")) == (201, "example.com")
        path = f"{URLS}/{value_in(linked, 'url', 'permalink')}.{response_form}"
        body = encode(request_form, "url", {"location": "https://example.org/"}, code)
        assert value_in((await send(world, "PUT", path, body, kind))[1], "url", "host") == "example.org"
        assert (await send(world, "DELETE", path, only_code, kind))[0] == 200


@pytest.mark.parametrize(("request_form", "response_form"), BOTH)
async def test_refusals_have_the_form_of_the_path_too(world: World, request_form: str, response_form: str) -> None:
    kind, path = KINDS[request_form][0], f"{RELEASES}.{response_form}"

    def fields(answer: Any) -> list[str]:
        return list(answer["errors"]) if isinstance(answer, dict) else [str(error.get("field")) for error in answer]

    for body, status, names in (
        (encode(request_form, "release", {"version": "1"}, "wrong"), 401, ["base"]),
        (encode(request_form, "release", {"version": "1"}, world.token), 409, ["changelog"]),
        (encode(request_form, "release", {"hidden_from_frontpage": "maybe"}, world.token), 409, None),
        ("<{", 400, ["base"]),
    ):
        answered, answer = await send(world, "POST", path, body, kind)
        assert (answered, fields(answer) if names else None) == (status, names), body
    other = next(form for form in KINDS if form != request_form)
    body = encode(other, "release", {"version": "1"}, world.token)
    assert (await send(world, "POST", path, body, kind))[0] == 400
    status, answer = await send(world, "POST", path, body, "text/plain")
    assert (status, fields(answer)) == (415, ["base"])


async def test_xml_may_have_the_charset_of_its_content_type(world: World) -> None:
    for number, (encoding, charset, declaration) in enumerate(
        (
            ("iso-8859-1", "; charset=iso-8859-1", ""),
            ("iso-8859-1", "", '<?xml version="1.0" encoding="iso-8859-1"?>'),
            ("windows-1252", "; charset=windows-1252", '<?xml version="1.0" encoding="utf-8"?>'),
            ("utf-16", "", ""),
            ("utf-16", "; charset=utf-16", '<?xml version="1.0" encoding="utf-16"?>'),
            ("utf-16", "; charset=utf-8", '<?xml version="1.0"?>'),
            ("utf-8-sig", "; charset=utf-8", '<?xml version="1.0" encoding="utf-8"?>'),
            ("utf-8", "; charset=UTF-8", '\n<?xml version="1.0" encoding="iso-8859-1"?>'),
        )
    ):
        document = f"{declaration}<release><version>{number}</version><changelog>é ü</changelog></release>"
        path, kind = f"{RELEASES}.xml?auth_code={world.token}", f"text/xml{charset}"
        url, headers = world.url + path, {"Content-Type": kind}
        async with world.session.post(url, data=document.encode(encoding), headers=headers) as response:
            answer = ElementTree.fromstring(await response.read())
        assert (response.status, answer.findtext("changelog")) == (201, "é ü"), (encoding, charset, declaration)


def as_xml_shows(value: object) -> str:
    """The text of a value of JSON in XML."""
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


async def test_both_forms_of_a_list_have_the_same_content(world: World) -> None:
    await announce(world, "1.0", "1.1", tag_list="a, b c", changelog="<T> & é\r\n")
    await submit(world, "1.2")
    for path in (RELEASES, f"{RELEASES}/pending"):
        in_json = [item["release"] for item in (await world.ask("GET", f"{path}.json")).json]
        async with world.session.get(f"{world.url}{path}.xml?auth_code={world.token}") as response:
            in_xml = ElementTree.fromstring(await response.read())
        expected = [{name.replace("_", "-"): as_xml_shows(each[name]) for name in each} for each in in_json]
        assert [{child.tag: child.text or "" for child in each} for each in in_xml] == expected
