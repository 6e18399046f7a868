"""Who may read and write schedules and files: strangers, tokens and what they are for, private projects, and none."""

from pathlib import Path
from typing import Any

import pytest

from bot.operations import users
from bot.store.projects import Project
from tests.api.pdc.calls import NEW, SCHEDULES, calendar, hide
from tests.api.pdc.goods import BASE, RELEASES, REPO, RPM, VARIANT, call, everything, got, made, said, stock
from tests.world import Serve, World, running_world

MISSING = {"detail": "Authentication credentials were not provided."}
FORBIDDEN = {"detail": "You do not have permission to perform this action."}
NOT_FOUND = {"detail": "Not found."}
WRITES = ("POST", "PUT", "PATCH", "DELETE")
LISTS = [
    *("products", "product-versions", "releases", "component-sla-types", "release-schedules", "release-variants"),
    *("content-delivery-repos", "rpms", "released-files", "arches"),
]


async def test_strangers_read_everything_public_but_the_change_log(world: World) -> None:
    await calendar(world)
    for name in LISTS:
        assert (await call(world, "GET", f"{name}/", token="")).json == await got(world, f"{name}/")
    assert await said(world, "GET", f"{SCHEDULES}1/", token="") == (200, await got(world, f"{SCHEDULES}1/"))
    for path in ("changesets/", "changesets/1/", "auth/token/obtain/", "auth/current-user/"):
        answer = await call(world, "GET", path, token="")
        assert (answer.status, answer.json) == (401, MISSING)
        assert answer.headers["WWW-Authenticate"] == "Token"


async def test_writing_without_credentials_is_401_before_anything_that_was_sent_is_looked_at(world: World) -> None:
    await calendar(world)
    before = await everything(world)
    for path in (SCHEDULES, "released-files/", "products/"):
        for method in WRITES[: 3 if path == "products/" else 4]:
            for query, body in (("", b"{}"), ("?foo=1", b"{"), ("?active=zz", b"\xff" * 100), ("", b"[]"), ("", b"")):
                answer = await call(world, method, path + query, data=body, token="")
                assert (answer.status, answer.json) == (401, MISSING)
                assert answer.headers["WWW-Authenticate"] == "Token"
    for method in WRITES[1:]:
        for number in ("1", "77", "abc"):
            assert await said(world, method, f"{SCHEDULES}{number}/?foo=1", {}, token="") == (401, MISSING)
    assert await everything(world) == before


async def test_who_may_not_write_is_told_before_anything_that_was_sent_is_looked_at(world: World) -> None:
    await calendar(world)
    before = await everything(world)
    for grants in (("content:read",), ("project:read", "project:write"), ("release:cut",)):
        token = await world.create_token(*grants)
        for method in WRITES:
            for path in (SCHEDULES, f"{SCHEDULES}?foo=1", f"{SCHEDULES}1/", f"{SCHEDULES}77/", "released-files/"):
                if method != "POST" or not path.endswith(("7/", "1/")):
                    assert await said(world, method, path, {"foo": 1}, token=token) == (403, FORBIDDEN), (method, path)
        assert (await said(world, "GET", SCHEDULES, token=token))[0] == 200
    assert await everything(world) == before


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
async def test_wrong_credentials_are_401_even_where_none_are_needed(world: World, header: str, sentence: str) -> None:
    for method, path in (("GET", SCHEDULES), ("GET", ""), ("OPTIONS", SCHEDULES), ("POST", SCHEDULES)):
        answer = await call(world, method, path, token="", headers={"Authorization": header})
        assert (answer.status, answer.json) == (401, {"detail": sentence})
        assert answer.headers["WWW-Authenticate"] == "Token"


async def test_the_scheme_is_token_in_any_case_and_others_are_as_none(world: World) -> None:
    for scheme in ("Token", "token", "TOKEN", "Bearer", "tOkEn  "):
        answer = await call(world, "GET", "auth/current-user/", headers={"Authorization": f"{scheme} {world.token}"})
        assert answer.status == 200, scheme
    for header in ("Basic cm9vdDpyb290", "Negotiate x", "nonsense", world.token, "Digest a b c"):
        answer = await call(world, "GET", "auth/current-user/", token="", headers={"Authorization": header})
        assert (answer.status, answer.json) == (401, MISSING)
        assert (await call(world, "GET", SCHEDULES, token="", headers={"Authorization": header})).status == 200
    cookie = {"Cookie": f"sessionid={world.token}"}
    assert (await call(world, "POST", SCHEDULES, {}, token="", headers=cookie)).status == 401


async def test_too_many_wrong_credentials_are_429_in_the_same_form(world: World) -> None:
    wrong = [await call(world, "GET", SCHEDULES, token="nope") for _ in range(21)]
    assert [answer.status for answer in wrong] == [401] * 20 + [429]
    assert list(wrong[-1].json) == ["detail"] and int(wrong[-1].headers["Retry-After"]) > 0
    assert (await call(world, "GET", SCHEDULES)).status == 200


async def test_a_revoked_token_is_no_token(world: World) -> None:
    token = await world.create_token("content:write")
    assert (await said(world, "GET", SCHEDULES, token=token))[0] == 200
    await users.revoke_token(await world.context(), token[:12])
    assert await said(world, "GET", SCHEDULES, token=token) == (401, {"detail": "Invalid token."})


async def test_options_are_open_to_all_and_show_the_actions_of_the_caller(world: World) -> None:
    await calendar(world)
    reader, writer = await world.create_token("content:read"), await world.create_token("content:write")
    mine = await world.create_token("content:write", project="foo")
    for token, schedules, slas in (("", 0, 0), (reader, 0, 0), (writer, 2, 2), (mine, 2, 0)):
        for path, count in ((SCHEDULES, schedules), ("component-sla-types/", slas)):
            status, value = await said(world, "OPTIONS", path, token=token)
            assert (status, len(value.get("actions", ()))) == (200, count)
    assert (await said(world, "OPTIONS", "changesets/", token=""))[0] == 200
    _, value = await said(world, "OPTIONS", "changesets/")
    assert "actions" not in value


# --- tokens


async def test_whoever_has_a_token_is_told_it_and_may_have_it_replaced(world: World) -> None:
    token = await world.create_token("content:write")
    for method in ("GET", "POST"):
        answer = await call(world, method, "auth/token/obtain/", token=token)
        assert (answer.status, answer.json) == (200, {"token": token})
        assert answer.headers["Cache-Control"] == "no-store"
    for method in ("GET", "PUT"):
        status, value = await said(world, method, "auth/token/refresh/", token=token)
        assert status == 200 and list(value) == ["token"] and value["token"] != token
        assert await said(world, "GET", "auth/token/obtain/", token=token) == (401, {"detail": "Invalid token."})
        token = value["token"]
        assert await said(world, "GET", "auth/token/obtain/", token=token) == (200, value)
    for method in ("OPTIONS", "HEAD", "POST", "DELETE"):  # which would lose the new one
        await call(world, method, "auth/token/refresh/", token=token)
    assert await said(world, "GET", "auth/token/obtain/", token=token) == (200, {"token": token})
    assert [entry.actor for entry in await world.audit("token.renew")] == ["robot", "robot"]


async def test_calls_about_tokens_take_no_parameters_and_have_no_old_names(world: World) -> None:
    for path in ("auth/token/obtain/", "auth/token/refresh/", "auth/token/", "auth/current-user/"):
        assert (await said(world, "GET", f"{path}?page_size=1"))[0] == 400
    assert (await said(world, "GET", "auth/token/", token="")) == (200, None)
    for path in ("auth/obtain-token/", "auth/obtain_token/"):
        assert (await call(world, "GET", path)).status == 404
    for method in ("GET", "PUT"):
        assert await said(world, method, "auth/token/refresh/", token="") == (401, MISSING)
    assert await said(world, "POST", "auth/token/obtain/", token="") == (401, MISSING)


async def test_the_current_user_is_told_who_they_are(world: World) -> None:
    token = await world.create_token("content:write", "content:read", user="pipeline")
    _, value = await said(world, "GET", "auth/current-user/", token=token)
    assert list(value.items()) == [
        *(("username", "pipeline"), ("fullname", "pipeline"), ("e-mail", ""), ("is_superuser", False)),
        *(("is_staff", False), ("groups", []), ("permissions", ["content:read", "content:write"])),
        ("resource_permissions", []),
    ]
    _, value = await said(world, "GET", "auth/current-user/")
    assert (value["username"], value["is_superuser"]) == ("root", True)


# --- private projects

OF_BAR = [4, 5]


async def with_files(world: World) -> None:
    """The calendar, and for `foo-1.0` and `bar-2.0` a variant, a repository and a file each; `bar` is private."""
    await calendar(world)
    for release in ("foo-1.0", "bar-2.0"):
        await made(world, "release-variants", {**VARIANT, "release": release})
        repo = {"release_id": release, "variant_uid": "Server", "arch": "x86_64", "service": "pulp", "name": release}
        words = {"repo_family": "dist", "content_format": "rpm", "content_category": "binary"}
        await made(world, "content-delivery-repos", {**repo, **words})
    await made(world, "rpms", RPM)
    files = [{"file_primary_key": 1, "repo": {"id": number}, "release_date": "2017-01-01"} for number in (1, 2)]
    await made(world, "released-files", files)
    await said(world, "PATCH", "releases/bar-2.0/", {"product_version": "foo-1"})
    await hide("bar")


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


async def test_rows_of_private_projects_are_not_there_for_strangers_nor_for_tokens_of_others(world: World) -> None:
    await with_files(world)
    stranger, foo = "", await world.create_token("content:read", "content:write", project="foo")
    for token in (stranger, foo):
        for path, ids in HIDDEN.items():
            for more in ("", "&page_size=0", "&page_size=1"):
                _, value = await said(world, "GET", path + more, token=token)
                rows = value if more == "&page_size=0" else value["results"]
                found = [next(iter(row.values())) for row in rows]
                assert found == (ids[:1] if more == "&page_size=1" else ids), path + more
                assert isinstance(value, list) or value["count"] == len(ids), path
        for path in HIDDEN_ITEMS:
            assert await said(world, "GET", path, token=token) == (404, NOT_FOUND), path
            assert (await call(world, "HEAD", path, token=token)).status == 404
            assert "actions" not in (await said(world, "OPTIONS", path, token=token))[1]
        status, page = await said(world, "GET", f"{SCHEDULES}?page_size=3&page=2", token=token)
        assert (status, page) == (404, {"detail": "Invalid page."})
    for reader in (world.token, await world.create_token("content:read")):
        for path in HIDDEN_ITEMS:
            assert (await said(world, "GET", path, token=reader))[0] == 200
        _, value = await said(world, "GET", "product-versions/foo-1/", token=reader)
        assert value["releases"] == ["bar-2.0", "foo-1.0"]


async def test_a_token_of_a_private_project_sees_and_writes_its_own_rows_and_reads_public_ones(world: World) -> None:
    await with_files(world)
    writer = await world.create_token("content:write", project="bar")
    token = await world.create_token("content:read", "content:write", project="bar")
    _, value = await said(world, "GET", f"{SCHEDULES}?fields=id&ordering=id", token=token)
    assert [row["id"] for row in value["results"]] == [1, 2, 3, 4, 5]
    _, value = await said(world, "GET", f"{SCHEDULES}?fields=id&ordering=id", token=writer)
    assert [row["id"] for row in value["results"]] == [1, 2, 3]  # it is not for reading
    for each in (token, writer):
        assert (await said(world, "PATCH", f"{SCHEDULES}4/", {"date": "2031-01-01"}, token=each))[0] == 200
        status, value = await said(world, "POST", SCHEDULES, NEW, token=each)
        assert status == 201
        assert (await said(world, "DELETE", f"{SCHEDULES}{value['id']}/", token=each))[0] == 204
        assert (await said(world, "PATCH", "released-files/2/", {"obsolete": True}, token=each))[0] == 200
        assert (await said(world, "PATCH", "releases/bar-2.0/", {"active": True}, token=each))[0] == 200


async def test_a_token_of_one_project_writes_nothing_of_others_and_nothing_that_is_of_none(world: World) -> None:
    await with_files(world)
    token = await world.create_token("content:read", "content:write", project="foo")
    before = await everything(world)
    no_release = {"release": ["Object with release_id=bar-2.0 does not exist."]}
    hidden_repo = {"repo": {"detail": "Repo with id 2 doesn't exist"}}
    file = {"file_primary_key": 1, "repo": {"id": 2}, "release_date": "2017-01-01"}
    new = {"name": "x", "short": "other", "version": "1", "release_type": "ga"}
    mine = {"release": "foo-1.0", "sla": "bronze", "date": "2031-01-01"}
    gone = {"id_of_invalid_data": "4", "detail": "Not found.", "invalid_data": {"date": "2031-01-01"}}
    private: list[tuple[str, str, Any, Any]] = [
        ("POST", SCHEDULES, NEW, (400, no_release)),
        ("PATCH", f"{SCHEDULES}1/", {"release": "bar-2.0"}, (400, no_release)),
        ("PATCH", f"{SCHEDULES}4/", {"date": "2031-01-01"}, (404, NOT_FOUND)),
        ("DELETE", f"{SCHEDULES}4/", None, (404, NOT_FOUND)),
        ("PATCH", SCHEDULES, {"1": {"date": "2031-01-01"}, "4": {"date": "2031-01-01"}}, (404, gone)),
        ("POST", "released-files/", file, (400, hidden_repo)),
        ("POST", "releases/", new, (403, FORBIDDEN)),
        ("PATCH", "releases/foo-1.0/", {"short": "other"}, (403, FORBIDDEN)),
        ("POST", "component-sla-types/", {"name": "x"}, (403, FORBIDDEN)),
        ("PATCH", "component-sla-types/1/", {"foo": 1}, (403, FORBIDDEN)),
        ("DELETE", "component-sla-types/", [1], (403, FORBIDDEN)),
        ("POST", "products/", [], (403, FORBIDDEN)),
        ("PATCH", "rpms/1/", {"version": "x"}, (403, FORBIDDEN)),
        ("GET", "changesets/", None, (403, FORBIDDEN)),
    ]
    for method, path, body, told in private:
        assert await said(world, method, path, body, token=token) == told, (method, path)
    await Project.filter(permalink="bar").update(repository_id=None)  # public again: seen, and not written either
    public: list[tuple[str, str, Any]] = [
        ("POST", SCHEDULES, NEW),
        ("POST", SCHEDULES, [mine, NEW]),
        ("PATCH", f"{SCHEDULES}1/", {"release": "bar-2.0", "sla": "silver"}),
        ("PATCH", f"{SCHEDULES}4/", {"release": "foo-1.1-eus"}),
        ("PATCH", SCHEDULES, {"1": {"date": "2031-01-01"}, "4": {"date": "2031-01-01"}}),
        ("DELETE", SCHEDULES, [1, 4]),
        ("DELETE", f"{SCHEDULES}4/", None),
        ("PUT", "released-files/2/", file),
        ("PATCH", "releases/bar-2.0/", {"version": "3"}),
    ]
    for method, path, body in public:
        assert await said(world, method, path, body, token=token) == (403, FORBIDDEN), (method, path)
    assert await everything(world) == before
    assert await Project.get_or_none(permalink="other") is None
    assert (await said(world, "POST", SCHEDULES, [mine], token=token))[0] == 201


# --- what strangers may read is a setting


@pytest.mark.parametrize("setting", ["none", "all"])
async def test_strangers_read_as_much_as_the_setting_lets_them(
    source: Path, database_url: str, aiohttp_server: Serve, setting: str
) -> None:
    async with running_world(source, database_url, aiohttp_server, anonymous_read=setting) as world:
        await with_files(world)
        paths = [*(f"{name}/" for name in LISTS), f"{SCHEDULES}1/", f"{SCHEDULES}77/", f"{SCHEDULES}?foo=1"]
        for path in paths:
            answer = await call(world, "GET", path, token="")
            usual = 404 if "77" in path else 400 if "?" in path else 200
            assert answer.status == (401 if setting == "none" else usual), path
        assert (await call(world, "GET", "", token="")).status == 200
        assert (await call(world, "OPTIONS", SCHEDULES, token="")).status == 200
        assert (await call(world, "GET", "changesets/", token="")).status == 401
        foo = await world.create_token("content:read", project="foo")
        other = await world.create_token("project:read")
        counts = {"none": (3, 403), "all": (3, 3)}[setting]
        for token, count in zip((foo, other), counts, strict=True):
            status, value = await said(world, "GET", SCHEDULES, token=token)
            assert (value["count"] if status == 200 else status) == count
        site = await world.create_token("content:read", project="site")
        _, value = await said(world, "GET", SCHEDULES, token=site)
        assert value["count"] == (0 if setting == "none" else 3)
        assert f"{world.url}{BASE}/" in (await got(world, ""))["arches"]


async def test_no_answer_tells_a_token_of_one_project_what_others_have(world: World) -> None:
    await stock(world)
    await hide("bar")
    token = await world.create_token("content:read", "content:write", project="foo")
    repo = {**REPO, "release_id": "bar-2.0", "name": "Bar"}
    unknown = {**repo, "variant_uid": "Nobody"}
    for resource, there, not_there in (
        ("releases", {**RELEASES[2], "version": "2.0"}, {**RELEASES[2], "short": "nobody"}),
        ("releases", {**RELEASES[2], "version": "2.0"}, {**RELEASES[2], "version": "9.9"}),
        ("content-delivery-repos", {**repo, "arch": "s390x"}, {**repo, "arch": "x86_64"}),
        ("content-delivery-repos", {**repo, "arch": "s390x"}, {**unknown, "arch": "s390x"}),
    ):
        first, second = [await said(world, "POST", f"{resource}/", body, token=token) for body in (there, not_there)]
        for status, value in (first, second):
            assert status == (403 if resource == "releases" else 400), value
            assert resource == "releases" or value["detail"][0].startswith("No VariantArch for release_id=bar-2.0")
        assert first[0] == second[0]


async def test_what_is_told_of_a_hidden_item_by_options_is_what_may_be_done_to_it(world: World) -> None:
    await stock(world)
    await hide("bar")
    token = await world.create_token("content:write", project="bar")
    assert "PUT" in (await said(world, "OPTIONS", "releases/bar-2.0/", token=token))[1]["actions"]
    answer = await call(world, "DELETE", "released-files/1/", data=b"at once", headers={"Content-Type": "text/plain"})
    assert answer.status == 204
