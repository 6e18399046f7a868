"""The headers of every response, and what a request has to send."""

import re
from typing import Any

from tests.sandbox.conftest import ApiReply, Lab

REQUEST_ID = re.compile(r"[0-9A-F]{4}(:[0-9A-F]+){4}")


async def _refusals(lab: Lab) -> dict[str, ApiReply]:
    github = lab.github
    replies = {
        "unknown route": await lab.repo("GET", "/nonsense"),
        "method not allowed": await lab.repo("PUT", "/tags"),
        "not found": await lab.request("GET", "/repos/acme/other"),
        "unauthorized": await lab.repo("GET", "", token="ghs_nonsense"),
        "forbidden": await lab.repo("GET", "", token=lab.jwt()),
        "invalid": await lab.repo("POST", "/git/refs", json={}),
        "invalid JSON": await lab.repo("POST", "/git/refs", data=b"{"),
        "bad version": await lab.repo("GET", "", headers={"X-GitHub-Api-Version": "2030-01-01"}),
    }
    github.faults.limit("secondary")
    replies["limited"] = await lab.repo("GET", "")
    github.faults.refuse(404, "Not Found")
    replies["refused"] = await lab.repo("GET", "")
    return replies


async def test_every_refusal_has_githubs_headers(lab: Lab) -> None:
    refusals = await _refusals(lab)
    for name, reply in refusals.items():
        assert 400 <= reply.status < 500, name
        assert REQUEST_ID.fullmatch(reply.headers["X-GitHub-Request-Id"]), name
        assert reply.headers["X-GitHub-Media-Type"] == "github.v3; format=json", name
        assert reply.headers["Content-Type"] == "application/json; charset=utf-8", name
        assert ("X-GitHub-Api-Version-Selected" in reply.headers) == (name != "bad version"), name
    ids = [reply.headers["X-GitHub-Request-Id"] for reply in refusals.values()]
    assert len(set(ids)) == len(ids)


async def test_a_page_of_the_load_balancer_has_no_media_type(lab: Lab) -> None:
    lab.github.faults.fail(status=502)
    broken = await lab.repo("GET", "")
    assert REQUEST_ID.fullmatch(broken.headers["X-GitHub-Request-Id"])
    assert "X-GitHub-Media-Type" not in broken.headers


async def test_the_media_type_says_how_accept_was_understood(lab: Lab) -> None:
    media_types = {
        "*/*": "github.v3; format=json",
        "application/vnd.github+json": "github.v3; format=json",
        "application/vnd.github.v3+json": "github.v3; format=json",
        "application/vnd.github.sha": "github.v3; param=sha",
        "application/vnd.github.v3.sha": "github.v3; param=sha",
        "application/vnd.github.raw+json": "github.v3; param=raw; format=json",
    }
    for accept, media_type in media_types.items():
        reply = await lab.repo("GET", "/commits/main", headers={"Accept": accept})
        assert (reply.status, reply.headers["X-GitHub-Media-Type"]) == (200, media_type), accept


async def test_other_media_types_are_refused(lab: Lab) -> None:
    refused = await lab.repo("GET", "", headers={"Accept": "text/html"})
    assert refused.status == 415
    assert refused.json["message"] == "Unsupported 'Accept' header: 'text/html'. Must accept 'application/json'."


async def test_a_request_without_a_user_agent_is_refused(lab: Lab) -> None:
    missing: tuple[dict[str, Any], ...] = ({"skip_auto_headers": ["User-Agent"]}, {"headers": {"User-Agent": ""}})
    for options in missing:
        for path in ("/repos/acme/site", "/nonsense"):
            refused = await lab.request("GET", path, **options)
            assert refused.status == 403
            assert "Please make sure your request has a User-Agent header" in refused.text
            assert refused.headers["Content-Type"].startswith("text/html")
    assert lab.github.unknown_routes == []


async def test_whatever_can_be_read_can_be_asked_for_with_head(lab: Lab) -> None:
    for path in ("", "/commits/main", "/git/ref/heads/main", "/contents/README.md", "/pulls"):
        read, head = await lab.repo("GET", path), await lab.repo("HEAD", path)
        assert (head.status, head.text) == (200, "")
        for name in ("ETag", "Content-Length", "Content-Type", "X-GitHub-Media-Type"):
            assert head.headers[name] == read.headers[name], (path, name)
        unchanged = await lab.repo("HEAD", path, headers={"If-None-Match": read.headers["ETag"]})
        assert unchanged.status == 304, path


async def test_head_is_a_read_for_redirects_and_archived_and_public_repositories(lab: Lab) -> None:
    await lab.github.archive()
    assert (await lab.repo("HEAD", "", token="")).status == 200
    await lab.github.rename("shop")
    assert (await lab.repo("HEAD", "")).status == 301
    assert (await lab.repo("HEAD", "/nonsense")).status == 404


async def test_every_response_to_the_app_names_the_permissions_that_suffice(lab: Lab) -> None:
    assert (await lab.repo("GET", "/commits")).headers["X-Accepted-GitHub-Permissions"] == "contents=read"
    either = await lab.repo("GET", "/pulls/77")
    assert either.headers["X-Accepted-GitHub-Permissions"] == "pull_requests=read; contents=read"
    assert "X-Accepted-GitHub-Permissions" not in (await lab.request("GET", "/rate_limit")).headers
