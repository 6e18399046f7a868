"""Registering an App from a manifest: what GitHub's page refuses, what the code is good for, and the App afterwards."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from sandbox import SandboxOptions
from tests.conftest import postgres
from tests.sandbox.conftest import ApiReply, Lab, running_lab
from tests.sandbox.test_serializers import VERSIONS, _import_schemas

pytestmark = pytest.mark.skipif(postgres(), reason="the sandbox does not depend on the database")
MANIFEST: dict[str, Any] = {
    "name": "Our App",
    "url": "https://ours.example/",
    "hook_attributes": {"url": "https://ours.example/hook"},
    "redirect_url": "https://ours.example/back?x=1",
    "setup_url": "https://ours.example/setup",
    "callback_urls": ["https://ours.example/in"],
    "default_permissions": {"contents": "write", "actions": "read"},
    "default_events": ["push", "workflow_run"],
}


async def send(lab: Lab, manifest: object, path: str = "/organizations/acme/settings/apps/new") -> ApiReply:
    text = manifest if isinstance(manifest, str) else json.dumps(manifest)
    return await lab.request("POST", f"{path}?state=s%2F1", token="", data={"manifest": text})


async def code_of(lab: Lab, **changes: Any) -> str:
    reply = await send(lab, MANIFEST | changes)
    assert reply.status == 302, reply.text
    back = urlsplit(reply.headers["Location"])
    query = dict(parse_qsl(back.query))
    assert (back.hostname, back.path, query.pop("x"), query.pop("state")) == ("ours.example", "/back", "1", "s/1")
    return query["code"]


async def test_a_code_is_exchanged_once_within_an_hour_and_the_app_is_another_one(lab: Lab) -> None:
    old_jwt, old_secret = lab.jwt(), lab.github.webhook_secret
    first, second = await code_of(lab), await code_of(lab, name="Our other App")
    app = await lab.request("POST", f"/app-manifests/{first}/conversions", token="")
    for version in VERSIONS:
        models = _import_schemas(version, "models")
        models.AppManifestsCodeConversionsPostResponse201.model_validate(app.json)
    assert (app.status, app.json["slug"], app.json["owner"]["login"]) == (201, "our-app", "acme")
    assert app.json["permissions"] == {"metadata": "read", **MANIFEST["default_permissions"]}
    assert app.json["webhook_secret"] == lab.github.webhook_secret != old_secret
    assert app.json["pem"] == lab.github.private_key
    assert (await lab.request("POST", f"/app-manifests/{first}/conversions", token="")).status == 404
    lab.github.advance(3_601)
    assert (await lab.request("POST", f"/app-manifests/{second}/conversions", token="")).status == 404
    assert (await lab.request("GET", "/app", token=old_jwt)).status == 404
    assert (await lab.request("GET", "/app", token=lab.jwt())).json["client_id"] == app.json["client_id"]
    assert (await lab.request("GET", "/app/installations", token=lab.jwt())).json == []
    assert (await lab.repo("GET", "")).status == 401, "tokens of the App before are gone"
    assert not lab.github.unknown_routes


async def test_it_is_installed_by_a_click(lab: Lab) -> None:
    app = (await lab.request("POST", f"/app-manifests/{await code_of(lab)}/conversions", token="")).json
    lab.github.webhook_url = None
    page = f"{urlsplit(app['html_url']).path}/installations/new"
    assert "acme/site" in (await lab.request("GET", page, token="")).text
    done = await lab.request("POST", page, token="", data={"repository": "acme/site"})
    number = lab.github.installation_id
    assert done.headers["Location"] == f"https://ours.example/setup?installation_id={number}&setup_action=install"
    assert (await lab.create_token()).status == 201
    assert (await lab.request("POST", page, token="", data={})).status == 404, "it is installed already"
    assert (await lab.request("GET", page.replace("our-app", "no-app"), token="")).status == 404


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": ""}, "Name can&#x27;t be blank"),
        ({"name": "x" * 35}, "Name is too long"),
        ({"name": "Longshore sandbox"}, "Name is already taken"),
        ({"url": None}, "Url must be a valid URL"),
        ({"hook_attributes": {"active": True}}, "Hook url can&#x27;t be blank"),
        ({"redirect_url": "ours"}, "Redirect url must be"),
        ({"setup_url": ""}, "Setup url must be"),
        ({"callback_urls": ["https://x.example"] * 11}, "at most 10"),
        ({"default_permissions": {"magic": "write"}}, "not included in the list: magic"),
        ({"default_permissions": {"contents": "all"}}, "unknown level: all"),
        ({"default_events": ["moon"]}, "unsupported: moon"),
        ({"default_events": ["installation"]}, "unsupported: installation"),
        ({"default_events": ["status"]}, "not supported by permissions: status"),
        ({"webhook_secret": "mine"}, "webhook_secret is not a permitted key"),
    ],
)
async def test_a_wrong_manifest_is_refused_in_words(lab: Lab, change: dict[str, Any], problem: str) -> None:
    refused = await send(lab, MANIFEST | change)
    assert refused.status == 422 and problem in refused.text


async def test_only_an_organization_has_apps_and_a_manifest_is_an_object(lab: Lab) -> None:
    assert (await send(lab, "[]")).status == (await send(lab, "{")).status == 422
    assert (await send(lab, MANIFEST, "/organizations/alice/settings/apps/new")).status == 404
    assert (await send(lab, MANIFEST, "/settings/apps/new")).status == 302


async def test_an_enterprise_server_has_the_same_pages(source: Any) -> None:
    async with running_lab(source, SandboxOptions(enterprise="3.20")) as lab:
        root, lab.url = lab.url, lab.url.removesuffix("/api/v3")
        code = await code_of(lab)
        lab.url = root
        app = (await lab.request("POST", f"/app-manifests/{code}/conversions", token="")).json
        assert urlsplit(app["html_url"]).path == "/github-apps/our-app"
        lab.url = root.removesuffix("/api/v3")
        page = await lab.request("GET", "/github-apps/our-app/installations/new", token="")
        assert page.status == 200
