"""Access to schedules and files: anonymous callers, grants of tokens, and private projects."""

from pathlib import Path
from typing import Any

import pytest

from bot.operations import users
from bot.store.projects import Project
from tests.api.pdc.content import (
    BASE,
    RELEASES,
    REPO,
    RPM,
    VARIANT,
    create,
    create_content,
    get,
    send,
    send_request,
    snapshot,
)
from tests.api.pdc.schedules import NEW, SCHEDULES, create_schedules, make_private
from tests.world import Serve, World, running_world

MISSING = {"detail": "Authentication credentials were not provided."}
FORBIDDEN = {"detail": "You do not have permission to perform this action."}
NOT_FOUND = {"detail": "Not found."}
WRITES = ("POST", "PUT", "PATCH", "DELETE")
LISTS = [
    *("products", "product-versions", "releases", "component-sla-types", "release-schedules", "release-variants"),
    *("content-delivery-repos", "rpms", "released-files", "arches"),
]


async def test_anonymous_callers_read_everything_public_but_the_change_log(world: World) -> None:
    await create_schedules(world)
    for name in LISTS:
        assert (await send_request(world, "GET", f"{name}/", token="")).json == await get(world, f"{name}/")
    assert await send(world, "GET", f"{SCHEDULES}1/", token="") == (200, await get(world, f"{SCHEDULES}1/"))
    for path in ("changesets/", "changesets/1/", "auth/token/obtain/", "auth/current-user/"):
        answer = await send_request(world, "GET", path, token="")
        assert (answer.status, answer.json) == (401, MISSING)
        assert answer.headers["WWW-Authenticate"] == "Token"


async def test_writing_without_credentials_is_401_before_the_request_is_examined(world: World) -> None:
    await create_schedules(world)
    before = await snapshot(world)
    for path in (SCHEDULES, "released-files/", "products/"):
        for method in WRITES[: 3 if path == "products/" else 4]:
            for query, body in (("", b"{}"), ("?foo=1", b"{"), ("?active=zz", b"\xff" * 100), ("", b"[]"), ("", b"")):
                answer = await send_request(world, method, path + query, data=body, token="")
                assert (answer.status, answer.json) == (401, MISSING)
                assert answer.headers["WWW-Authenticate"] == "Token"
    for method in WRITES[1:]:
        for number in ("1", "77", "abc"):
            assert await send(world, method, f"{SCHEDULES}{number}/?foo=1", {}, token="") == (401, MISSING)
    assert await snapshot(world) == before


async def test_writing_without_the_grant_is_403_before_the_request_is_examined(world: World) -> None:
    await create_schedules(world)
    before = await snapshot(world)
    for grants in (("content:read",), ("project:read", "project:write"), ("release:cut",)):
        token = await world.create_token(*grants)
        for method in WRITES:
            for path in (SCHEDULES, f"{SCHEDULES}?foo=1", f"{SCHEDULES}1/", f"{SCHEDULES}77/", "released-files/"):
                if method != "POST" or not path.endswith(("7/", "1/")):
                    assert await send(world, method, path, {"foo": 1}, token=token) == (403, FORBIDDEN), (method, path)
        assert (await send(world, "GET", SCHEDULES, token=token))[0] == 200
    assert await snapshot(world) == before


WRONG = {
    "Token nope": "Invalid token.",
    "token " + "0" * 40: "Invalid token.",
    "Token é": "Invalid token.",
    "TOKEN": "Invalid token header. No credentials provided.",
    "Token ": "Invalid token header. No credentials provided.",
    "Bearer": "Invalid token header. No credentials provided.",
    "Token a b": "Invalid token header. Token string should not contain spaces.",
    "Token a b c": "Invalid token header. Token string should not contain spaces.",
    "Bearer nope": "Invalid token.",
}


@pytest.mark.parametrize(("header", "sentence"), WRONG.items())
async def test_invalid_credentials_are_401_even_where_none_are_needed(world: World, header: str, sentence: str) -> None:
    for method, path in (("GET", SCHEDULES), ("GET", ""), ("OPTIONS", SCHEDULES), ("POST", SCHEDULES)):
        answer = await send_request(world, method, path, token="", headers={"Authorization": header})
        assert (answer.status, answer.json) == (401, {"detail": sentence})
        assert answer.headers["WWW-Authenticate"] == "Token"


async def test_the_scheme_is_token_or_bearer_in_any_case_and_others_are_ignored(world: World) -> None:
    for scheme in ("Token", "token", "TOKEN", "Bearer", "tOkEn  "):
        answer = await send_request(
            world, "GET", "auth/current-user/", headers={"Authorization": f"{scheme} {world.token}"}
        )
        assert answer.status == 200, scheme
    for header in ("Basic cm9vdDpyb290", "Negotiate x", "nonsense", world.token, "Digest a b c"):
        answer = await send_request(world, "GET", "auth/current-user/", token="", headers={"Authorization": header})
        assert (answer.status, answer.json) == (401, MISSING)
        assert (await send_request(world, "GET", SCHEDULES, token="", headers={"Authorization": header})).status == 200
    cookie = {"Cookie": f"sessionid={world.token}"}
    assert (await send_request(world, "POST", SCHEDULES, {}, token="", headers=cookie)).status == 401


async def test_too_many_invalid_credentials_are_429(world: World) -> None:
    wrong = [await send_request(world, "GET", SCHEDULES, token="nope") for _ in range(21)]
    assert [answer.status for answer in wrong] == [401] * 20 + [429]
    assert list(wrong[-1].json) == ["detail"] and int(wrong[-1].headers["Retry-After"]) > 0
    assert (await send_request(world, "GET", SCHEDULES)).status == 200


async def test_a_revoked_token_is_invalid(world: World) -> None:
    token = await world.create_token("content:write")
    assert (await send(world, "GET", SCHEDULES, token=token))[0] == 200
    await users.revoke_token(await world.context(), token[:12])
    assert await send(world, "GET", SCHEDULES, token=token) == (401, {"detail": "Invalid token."})


async def test_options_are_open_to_all_and_show_the_actions_of_the_caller(world: World) -> None:
    await create_schedules(world)
    reader, writer = await world.create_token("content:read"), await world.create_token("content:write")
    mine = await world.create_token("content:write", project="foo")
    for token, schedules, slas in (("", 0, 0), (reader, 0, 0), (writer, 2, 2), (mine, 2, 0)):
        for path, count in ((SCHEDULES, schedules), ("component-sla-types/", slas)):
            status, value = await send(world, "OPTIONS", path, token=token)
            assert (status, len(value.get("actions", ()))) == (200, count)
    assert (await send(world, "OPTIONS", "changesets/", token=""))[0] == 200
    _, value = await send(world, "OPTIONS", "changesets/")
    assert "actions" not in value


# --- tokens


async def test_a_caller_with_a_token_can_read_and_renew_it(world: World) -> None:
    token = await world.create_token("content:write")
    for method in ("GET", "POST"):
        answer = await send_request(world, method, "auth/token/obtain/", token=token)
        assert (answer.status, answer.json) == (200, {"token": token})
        assert answer.headers["Cache-Control"] == "no-store"
    for method in ("GET", "PUT"):
        status, value = await send(world, method, "auth/token/refresh/", token=token)
        assert status == 200 and list(value) == ["token"] and value["token"] != token
        assert await send(world, "GET", "auth/token/obtain/", token=token) == (401, {"detail": "Invalid token."})
        token = value["token"]
        assert await send(world, "GET", "auth/token/obtain/", token=token) == (200, value)
    for method in ("OPTIONS", "HEAD", "POST", "DELETE"):  # which would lose the new one
        await send_request(world, method, "auth/token/refresh/", token=token)
    assert await send(world, "GET", "auth/token/obtain/", token=token) == (200, {"token": token})
    assert [entry.actor for entry in await world.audit("token.renew")] == ["robot", "robot"]


async def test_token_endpoints_take_no_parameters_and_have_no_old_names(world: World) -> None:
    for path in ("auth/token/obtain/", "auth/token/refresh/", "auth/token/", "auth/current-user/"):
        assert (await send(world, "GET", f"{path}?page_size=1"))[0] == 400
    assert (await send(world, "GET", "auth/token/", token="")) == (200, None)
    for path in ("auth/obtain-token/", "auth/obtain_token/"):
        assert (await send_request(world, "GET", path)).status == 404
    for method in ("GET", "PUT"):
        assert await send(world, method, "auth/token/refresh/", token="") == (401, MISSING)
    assert await send(world, "POST", "auth/token/obtain/", token="") == (401, MISSING)


async def test_the_current_user_is_shown_with_their_permissions(world: World) -> None:
    token = await world.create_token("content:write", "content:read", user="pipeline")
    _, value = await send(world, "GET", "auth/current-user/", token=token)
    assert list(value.items()) == [
        *(("username", "pipeline"), ("fullname", "pipeline"), ("e-mail", ""), ("is_superuser", False)),
        *(("is_staff", False), ("groups", []), ("permissions", ["content:read", "content:write"])),
        ("resource_permissions", []),
    ]
    _, value = await send(world, "GET", "auth/current-user/")
    assert (value["username"], value["is_superuser"]) == ("root", True)


# --- private projects

OF_BAR = [4, 5]


async def create_private_content(world: World) -> None:
    """Create schedules, and for `foo-1.0` and `bar-2.0` a variant, a repository and a file each; `bar` is private."""
    await create_schedules(world)
    for release in ("foo-1.0", "bar-2.0"):
        await create(world, "release-variants", {**VARIANT, "release": release})
        repo = {"release_id": release, "variant_uid": "Server", "arch": "x86_64", "service": "pulp", "name": release}
        words = {"repo_family": "dist", "content_format": "rpm", "content_category": "binary"}
        await create(world, "content-delivery-repos", {**repo, **words})
    await create(world, "rpms", RPM)
    files = [{"file_primary_key": 1, "repo": {"id": number}, "release_date": "2017-01-01"} for number in (1, 2)]
    await create(world, "released-files", files)
    await send(world, "PATCH", "releases/bar-2.0/", {"product_version": "foo-1"})
    await make_private("bar")


HIDDEN: dict[str, list[Any]] = {
    "release-schedules/?fields=id&ordering=id": [1, 2, 3],
    "release-schedules/?fields=id&ordering=-release__short,id": [1, 2, 3],
    "release-schedules/?fields=id&release=bar-2.0": [],
    "release-schedules/?fields=id&sla=bronze": [],
    "release-schedules/?fields=id&sla=gold&date_before=2013-01-01": [],
    "release-schedules/?fields=id&product_version=foo-1&ordering=id": [1, 2],
    "releases/?fields=release_id": ["foo-1.0", "foo-1.1-eus"],
    "releases/?fields=release_id&short=bar": [],
    "releases/?fields=release_id&name=Bar%202": [],
    "release-variants/?fields=release": ["foo-1.0"],
    "content-delivery-repos/?fields=id": [1],
    "content-delivery-repos/?fields=id&name=bar-2.0": [],
    "released-files/?fields=id": [1],
    "released-files/?fields=id&release_id=bar-2.0": [],
    "released-files/?fields=id&repo=2": [],
    "released-files/?fields=id&ordering=-repo__release_id": [1],
    "component-sla-types/?fields=id": [1, 2, 3],
    "rpms/?fields=id": [1],
    "product-versions/?fields=releases": [["foo-1.0"]],
}
HIDDEN_ITEMS = [
    *("release-schedules/4/", "releases/bar-2.0/", "release-variants/bar-2.0/Server/", "content-delivery-repos/2/"),
    "released-files/2/",
]


async def test_rows_of_private_projects_are_hidden_from_anonymous_callers_and_tokens_of_other_projects(
    world: World,
) -> None:
    await create_private_content(world)
    anonymous, foo = "", await world.create_token("content:read", "content:write", project="foo")
    for token in (anonymous, foo):
        for path, ids in HIDDEN.items():
            for more in ("", "&page_size=0", "&page_size=1"):
                _, value = await send(world, "GET", path + more, token=token)
                rows = value if more == "&page_size=0" else value["results"]
                found = [next(iter(row.values())) for row in rows]
                assert found == (ids[:1] if more == "&page_size=1" else ids), path + more
                assert isinstance(value, list) or value["count"] == len(ids), path
        for path in HIDDEN_ITEMS:
            assert await send(world, "GET", path, token=token) == (404, NOT_FOUND), path
            assert (await send_request(world, "HEAD", path, token=token)).status == 404
            assert "actions" not in (await send(world, "OPTIONS", path, token=token))[1]
        status, page = await send(world, "GET", f"{SCHEDULES}?page_size=3&page=2", token=token)
        assert (status, page) == (404, {"detail": "Invalid page."})
    for reader in (world.token, await world.create_token("content:read")):
        for path in HIDDEN_ITEMS:
            assert (await send(world, "GET", path, token=reader))[0] == 200
        _, value = await send(world, "GET", "product-versions/foo-1/", token=reader)
        assert value["releases"] == ["bar-2.0", "foo-1.0"]


async def test_a_token_of_a_private_project_reads_and_writes_its_rows_and_reads_public_ones(world: World) -> None:
    await create_private_content(world)
    writer = await world.create_token("content:write", project="bar")
    token = await world.create_token("content:read", "content:write", project="bar")
    _, value = await send(world, "GET", f"{SCHEDULES}?fields=id&ordering=id", token=token)
    assert [row["id"] for row in value["results"]] == [1, 2, 3, 4, 5]
    _, value = await send(world, "GET", f"{SCHEDULES}?fields=id&ordering=id", token=writer)
    assert [row["id"] for row in value["results"]] == [1, 2, 3]  # the token has no grant to read
    for each in (token, writer):
        assert (await send(world, "PATCH", f"{SCHEDULES}4/", {"date": "2031-01-01"}, token=each))[0] == 200
        status, value = await send(world, "POST", SCHEDULES, NEW, token=each)
        assert status == 201
        assert (await send(world, "DELETE", f"{SCHEDULES}{value['id']}/", token=each))[0] == 204
        assert (await send(world, "PATCH", "released-files/2/", {"obsolete": True}, token=each))[0] == 200
        assert (await send(world, "PATCH", "releases/bar-2.0/", {"active": True}, token=each))[0] == 200


async def test_a_token_of_one_project_writes_only_rows_of_that_project(world: World) -> None:
    await create_private_content(world)
    token = await world.create_token("content:read", "content:write", project="foo")
    before = await snapshot(world)
    no_release = {"release": ["Object with release_id=bar-2.0 does not exist."]}
    hidden_repo = {"repo": {"detail": "Repo with id 2 doesn't exist"}}
    file = {"file_primary_key": 1, "repo": {"id": 2}, "release_date": "2017-01-01"}
    new = {"name": "x", "short": "other", "version": "1", "release_type": "ga"}
    mine = {"release": "foo-1.0", "sla": "bronze", "date": "2031-01-01"}
    not_found = {"id_of_invalid_data": "4", "detail": "Not found.", "invalid_data": {"date": "2031-01-01"}}
    refused: list[tuple[str, str, Any, Any]] = [
        ("POST", SCHEDULES, NEW, (400, no_release)),
        ("PATCH", f"{SCHEDULES}1/", {"release": "bar-2.0"}, (400, no_release)),
        ("PATCH", f"{SCHEDULES}4/", {"date": "2031-01-01"}, (404, NOT_FOUND)),
        ("DELETE", f"{SCHEDULES}4/", None, (404, NOT_FOUND)),
        ("PATCH", SCHEDULES, {"1": {"date": "2031-01-01"}, "4": {"date": "2031-01-01"}}, (404, not_found)),
        ("DELETE", SCHEDULES, [1, 4], (404, {"id_of_invalid_data": 4, "detail": "Not found."})),
        ("POST", "released-files/", file, (400, hidden_repo)),
        ("PUT", "released-files/2/", file, (404, NOT_FOUND)),
        ("PATCH", "releases/bar-2.0/", {"version": "3"}, (404, NOT_FOUND)),
        ("POST", "releases/", new, (403, FORBIDDEN)),
        ("PATCH", "releases/foo-1.0/", {"short": "other"}, (403, FORBIDDEN)),
        ("POST", "component-sla-types/", {"name": "x"}, (403, FORBIDDEN)),
        ("PATCH", "component-sla-types/1/", {"foo": 1}, (403, FORBIDDEN)),
        ("DELETE", "component-sla-types/", [1], (403, FORBIDDEN)),
        ("POST", "products/", [], (403, FORBIDDEN)),
        ("PATCH", "rpms/1/", {"version": "x"}, (403, FORBIDDEN)),
        ("GET", "changesets/", None, (403, FORBIDDEN)),
    ]
    for repository in ("private", "public"):  # seen, if public, and not written either
        for method, path, body, expected in refused:
            assert await send(world, method, path, body, token=token) == expected, (method, path, repository)
        await Project.filter(permalink="bar").update(repository_id=None)
    assert "actions" not in (await send(world, "OPTIONS", "releases/bar-2.0/", token=token))[1]
    assert await snapshot(world) == before
    assert await Project.get_or_none(permalink="other") is None
    assert (await send(world, "POST", SCHEDULES, [mine], token=token))[0] == 201


# --- anonymous access is a setting


@pytest.mark.parametrize("setting", ["none", "all"])
async def test_anonymous_callers_read_what_the_setting_allows(
    source: Path, database_url: str, aiohttp_server: Serve, setting: str
) -> None:
    async with running_world(source, database_url, aiohttp_server, anonymous_read=setting) as world:
        await create_private_content(world)
        paths = [*(f"{name}/" for name in LISTS), f"{SCHEDULES}1/", f"{SCHEDULES}77/", f"{SCHEDULES}?foo=1"]
        for path in paths:
            answer = await send_request(world, "GET", path, token="")
            usual = 404 if "77" in path else 400 if "?" in path else 200
            assert answer.status == (401 if setting == "none" else usual), path
        assert (await send_request(world, "GET", "", token="")).status == 200
        assert (await send_request(world, "OPTIONS", SCHEDULES, token="")).status == 200
        assert (await send_request(world, "GET", "changesets/", token="")).status == 401
        foo = await world.create_token("content:read", project="foo")
        other = await world.create_token("project:read")
        counts = {"none": (3, 403), "all": (3, 3)}[setting]
        for token, count in zip((foo, other), counts, strict=True):
            status, value = await send(world, "GET", SCHEDULES, token=token)
            assert (value["count"] if status == 200 else status) == count
        site = await world.create_token("content:read", project="site")
        _, value = await send(world, "GET", SCHEDULES, token=site)
        assert value["count"] == (0 if setting == "none" else 3)
        assert f"{world.url}{BASE}/" in (await get(world, ""))["arches"]


async def test_no_response_tells_a_token_of_one_project_what_other_projects_have(world: World) -> None:
    await create_content(world)
    await make_private("bar")
    token = await world.create_token("content:read", "content:write", project="foo")
    repo = {**REPO, "release_id": "bar-2.0", "name": "Bar"}
    unknown = {**repo, "variant_uid": "Nobody"}
    for resource, existing, missing in (
        ("releases", {**RELEASES[2], "version": "2.0"}, {**RELEASES[2], "short": "nobody"}),
        ("releases", {**RELEASES[2], "version": "2.0"}, {**RELEASES[2], "version": "9.9"}),
        ("content-delivery-repos", {**repo, "arch": "s390x"}, {**repo, "arch": "x86_64"}),
        ("content-delivery-repos", {**repo, "arch": "s390x"}, {**unknown, "arch": "s390x"}),
    ):
        first, second = [await send(world, "POST", f"{resource}/", body, token=token) for body in (existing, missing)]
        for status, value in (first, second):
            assert status == (403 if resource == "releases" else 400), value
            assert resource == "releases" or value["detail"][0].startswith("No VariantArch for release_id=bar-2.0")
        assert first[0] == second[0]


async def test_options_of_a_hidden_item_show_only_what_the_caller_may_do(world: World) -> None:
    await create_content(world)
    await make_private("bar")
    token = await world.create_token("content:write", project="bar")
    assert "PUT" in (await send(world, "OPTIONS", "releases/bar-2.0/", token=token))[1]["actions"]
    answer = await send_request(
        world, "DELETE", "released-files/1/", data=b"at once", headers={"Content-Type": "text/plain"}
    )
    assert answer.status == 204
