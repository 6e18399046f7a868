"""Released files: fields, accepted and refused values."""

from typing import Any

import pytest

from tests.api.pdc.content import (
    FILES,
    REPO,
    RPM,
    check_refused,
    create,
    create_content,
    get,
    send,
    send_request,
    snapshot,
)
from tests.world import World

KEYS = [
    *("id", "file_primary_key", "repo", "released_date", "release_date", "created_at", "updated_at"),
    *("zero_day_release", "obsolete", "build", "package", "file"),
]
NULL, REQUIRED, NO_INTEGER = "This field may not be null.", "This field is required.", "A valid integer is required."
BAD_DATE = "Date has wrong format. Use one of these formats instead: YYYY[-MM[-DD]]."
ONLY_ID = {"repo": {"detail": 'Only accepts {"id":"int"}'}}
UNIQUE = {"detail": ["The fields file_primary_key, repo must make a unique set."]}
NO_RPM = {"detail": "Not found:  RPM matching query does not exist."}
NOT_RPM = {"detail": ["Currently we just support rpm type of repo, the type of foo-isos is iso "]}
NEW: dict[str, Any] = {"file_primary_key": 2, "repo": {"id": 1}, "release_date": "2020-02-02"}
NO_DATE = {"released_date": None}


async def test_a_file_has_all_its_fields_in_order(world: World) -> None:
    await create_content(world)
    one = await get(world, "released-files/4/")
    assert list(one) == KEYS
    made_at = one.pop("created_at")
    assert one.pop("updated_at") == made_at and len(made_at) == len("2020-01-01T00:00:00.000000Z")
    repo = {
        "id": 4,
        "release_id": "bar-2.0",
        "variant_uid": "Server",
        "arch": "s390x",
        "service": "ftp",
        "repo_family": "htb",
        "content_format": "rpm",
        "content_category": "source",
        "name": "Bar",
        "shadow": False,
        "product_id": 3_000_000_000,
    }
    assert list(one["repo"]) == list(repo)
    assert one == {
        "id": 4,
        "file_primary_key": 2,
        "repo": repo,
        "released_date": "2016-06-01",
        "release_date": "2018-06-01",
        "zero_day_release": True,
        "obsolete": True,
        "build": "bash-5.2-src",
        "package": "bash",
        "file": "bash-5.2-1.src.rpm",
    }
    listed = (await get(world, "released-files/"))["results"]
    assert [each["id"] for each in listed] == [1, 2, 3, 4, 5] and all(list(each) == KEYS for each in listed)
    assert listed[4]["build"] == "zlib-5.2-x86_64" and listed[4]["package"] == "zlib"
    assert listed[4]["file"] == "zlib-devel-5.2-1.x86_64.rpm"


async def test_optional_fields_have_defaults_and_dates_and_flags_combine_freely(world: World) -> None:
    await create_content(world)
    plain = await create(world, "released-files", NEW)
    assert (plain["released_date"], plain["zero_day_release"], plain["obsolete"]) == (None, False, False)
    path = f"released-files/{plain['id']}/"
    for day in ("2000-01-01", "2020-02-02", "9999-12-31"):
        for values in ({}, {"obsolete": True}, {"zero_day_release": True, "obsolete": True}):
            status, value = await send(world, "PATCH", path, {"released_date": day, **values})
            assert (status, value["released_date"], value["release_date"]) == (200, day, "2020-02-02")


TAKEN: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"file_primary_key": "2"}, {"file_primary_key": 2}),
    ({"file_primary_key": 2.0}, {"file_primary_key": 2}),
    ({"file_primary_key": " 2.00 "}, {"file_primary_key": 2}),
    ({"release_date": "2099-1-2"}, {"release_date": "2099-01-02"}),
    ({"release_date": "0001-01-01", "released_date": "9999-12-31"}, {"release_date": "0001-01-01"}),
    *(({"obsolete": yes}, {"obsolete": True}) for yes in (True, 1, "1", "t", "T", "true", "True", "TRUE", 1.0)),
    *(({"obsolete": no}, {"obsolete": False}) for no in (False, 0, "0", "f", "F", "false", "False", "FALSE")),
]


async def test_values_are_accepted_in_every_form_that_clients_send(world: World) -> None:
    await create_content(world)
    one = await create(world, "released-files", NEW)
    for values, shown in TAKEN:
        status, value = await send(world, "PATCH", f"released-files/{one['id']}/", values)
        assert status == 200 and {name: value[name] for name in shown} == shown, values
    for number in ("1", 1.0, " 1 "):
        status, value = await send(world, "PATCH", f"released-files/{one['id']}/", {"repo": {"id": number}})
        assert (status, value["repo"]["id"]) == (200, 1)
    form = {"file_primary_key": "2", "release_date": "2020-02-02", "obsolete": "True"}
    status, value = await send(world, "POST", "released-files/", data=form)  # a form holds no repository
    assert (status, value) == (400, {"repo": [REQUIRED]})


WRONG: list[tuple[dict[str, Any], Any]] = [
    ({"file_primary_key": None}, {"file_primary_key": [NULL]}),
    *(
        ({"file_primary_key": value}, {"file_primary_key": [NO_INTEGER]})
        for value in ("", "x", 1.5, True, [1], {"id": 1}, "1 2", "٣", 2**64, "9" * 5000)
    ),
    ({"repo": None}, {"repo": [NULL]}),
    ({"repo": ""}, {"repo": [NULL]}),
    ({"repo": {}}, ONLY_ID),
    ({"repo": {"id": 1, "name": "foo-rpms"}}, ONLY_ID),
    ({"repo": {"name": "foo-rpms"}}, ONLY_ID),
    ({"repo": {"ID": 1}}, ONLY_ID),
    ({"repo": 2}, {"repo": {"detail": "Input [2] must be a dict."}}),
    ({"repo": "2"}, {"repo": {"detail": "Input [2] must be a dict."}}),
    ({"repo": [2]}, {"repo": {"detail": "Input [[2]] must be a dict."}}),
    ({"repo": True}, {"repo": {"detail": "Input [True] must be a dict."}}),
    ({"repo": {"id": "abc"}}, {"repo": ["Value [abc] is not an integer"]}),
    ({"repo": {"id": None}}, {"repo": ["Value [None] is not an integer"]}),
    ({"repo": {"id": [1]}}, {"repo": ["Value [[1]] is not an integer"]}),
    ({"repo": {"id": 99}}, {"repo": {"detail": "Repo with id 99 doesn't exist"}}),
    ({"repo": {"id": 0}}, {"repo": {"detail": "Repo with id 0 doesn't exist"}}),
    ({"repo": {"id": -1}}, {"repo": {"detail": "Repo with id -1 doesn't exist"}}),
    ({"repo": {"id": 2**40}}, {"repo": {"detail": f"Repo with id {2**40} doesn't exist"}}),
    ({"release_date": None}, {"release_date": [NULL]}),
    *(
        ({name: value}, {name: [BAD_DATE]})
        for name in ("release_date", "released_date")
        for value in (
            *("", "20200202", "2020-02-30", "2020-02-02T00:00:00", "2020-02-02Z", " 2020-02-02", "0000-01-01"),
            *("10000-01-01", "02/02/2020", "２０２０-02-02", 20200202, True, ["2020-02-02"], {"year": 2020}),
        )
    ),
    *(({name: None}, {name: [NULL]}) for name in ("obsolete", "zero_day_release")),
    *(
        ({"obsolete": value}, {"obsolete": [f'"{shown}" is not a valid boolean.']})
        for value, shown in (("zz", "zz"), ("", ""), (2, "2"), ("yes", "yes"), ([], "[]"), ({}, "{}"), ("tRUE", "tRUE"))
    ),
    ({"foo": 1}, {"detail": 'Unknown fields: "foo".'}),
    ({"build": "x", "package": "x", "file": "x"}, {"detail": 'Unknown fields: "build", "file", "package".'}),
    ({"ключ": 1}, {"detail": 'Unknown fields: "ключ".'}),
    ({"foo": 1, "id": 1, "obsolete": 7}, {"detail": 'Unknown fields: "foo".'}),
    ({"id": 1, "obsolete": 7}, {"detail": 'Can not update read only fields: "id".'}),
    (
        {"id": 1, "created_at": "x", "updated_at": "x"},
        {"detail": 'Can not update read only fields: "id", "created_at", "updated_at".'},
    ),
    (
        {"file_primary_key": "x", "repo": {"id": 99}, "release_date": "x", "obsolete": 7},
        {
            "file_primary_key": [NO_INTEGER],
            "repo": {"detail": "Repo with id 99 doesn't exist"},
            "release_date": [BAD_DATE],
            "obsolete": ['"7" is not a valid boolean.'],
        },
    ),
]


async def test_invalid_values_are_refused_alike_by_every_method_and_nothing_is_written(world: World) -> None:
    await create_content(world)
    before = await snapshot(world)
    await check_refused(world, "released-files", "released-files/1/", NEW, WRONG)
    assert await send(world, "POST", "released-files/", {}) == (
        400,
        {name: [REQUIRED] for name in ("file_primary_key", "repo", "release_date")},
    )
    assert await snapshot(world) == before


async def test_a_file_is_in_a_repository_only_once(world: World) -> None:
    await create_content(world)
    before = await snapshot(world)
    assert await send(world, "POST", "released-files/", FILES[0]) == (400, UNIQUE)
    assert await send(world, "PATCH", "released-files/2/", {"repo": {"id": 1}}) == (400, UNIQUE)
    assert await send(world, "PATCH", "released-files/5/", {"file_primary_key": 1}) == (400, UNIQUE)
    assert await send(world, "PUT", "released-files/5/", FILES[0]) == (400, UNIQUE)
    status, value = await send(world, "POST", "released-files/", [NEW, NEW])
    assert (status, value) == (400, {"id_of_invalid_data": 1, **UNIQUE, "invalid_data": NEW})
    assert await snapshot(world) == before
    assert (await send(world, "PUT", "released-files/1/", FILES[0]))[0] == 200
    assert (await send(world, "PUT", "released-files/", {"2": FILES[1], "3": FILES[2]}))[0] == 200


async def test_a_missing_package_is_reported_last(world: World) -> None:
    await create_content(world)
    before = await snapshot(world)
    for number in (4, 99, 0, -1, 2**31, 2**62):
        without_package = {**NEW, "file_primary_key": number}
        assert await send(world, "POST", "released-files/", without_package) == (404, NO_RPM)
        assert await send(world, "PATCH", "released-files/1/", {"file_primary_key": number}) == (404, NO_RPM)
        assert await send(world, "POST", "released-files/", {**without_package, "repo": {"id": 5}}) == (400, NOT_RPM)
    without_package = {**NEW, "file_primary_key": 99}
    expected = {"id_of_invalid_data": 0, **NO_RPM, "invalid_data": without_package}
    assert await send(world, "POST", "released-files/", [without_package, NEW]) == (404, expected)
    assert await send(world, "PUT", "released-files/", {"1": without_package}) == (
        404,
        {**expected, "id_of_invalid_data": "1"},
    )
    assert (await send(world, "POST", "released-files/", {**without_package, "obsolete": "x"}))[0] == 400
    assert await snapshot(world) == before


async def test_only_repositories_of_packages_have_files(world: World) -> None:
    await create_content(world)
    before = await snapshot(world)
    assert await send(world, "POST", "released-files/", {**NEW, "repo": {"id": 5}}) == (400, NOT_RPM)
    assert await send(world, "PATCH", "released-files/1/", {"repo": {"id": 5}}) == (400, NOT_RPM)
    assert await send(world, "PUT", "released-files/1/", {**NEW, "repo": {"id": 5}}) == (400, NOT_RPM)
    assert await snapshot(world) == before


async def test_a_file_whose_repository_changed_its_format_has_no_names_and_cannot_be_patched(
    world: World,
) -> None:
    await create_content(world)
    assert (await send(world, "PATCH", "content-delivery-repos/1/", {"content_format": "iso"}))[0] == 200
    one = await get(world, "released-files/1/")
    assert list(one) == KEYS[:-3] and one["repo"]["content_format"] == "iso"
    status, value = await send(world, "PATCH", "released-files/1/", {"obsolete": True})
    assert (status, value) == (400, {"detail": [NOT_RPM["detail"][0].replace("foo-isos", "foo-rpms")]})
    status, value = await send(world, "PATCH", "released-files/1/", {"repo": {"id": 4}, "obsolete": True})
    assert (status, list(value), value["build"]) == (200, KEYS, "bash-5.2-x86_64")
    assert (await send_request(world, "DELETE", "released-files/5/")).status == 204


@pytest.mark.parametrize("bulk", [False, True])
async def test_put_resets_optional_fields_that_are_not_sent_and_patch_keeps_them(world: World, bulk: bool) -> None:
    await create_content(world)
    before = await get(world, "released-files/4/")

    async def change(method: str, values: Any) -> Any:
        path, body = ("released-files/", {"4": values}) if bulk else ("released-files/4/", values)
        status, value = await send(world, method, path, body)
        assert status == 200, value
        return value["4"] if bulk else value

    patched = await change("PATCH", {"release_date": "2018-06-02"})
    moved = patched.pop("updated_at")
    assert moved > before.pop("updated_at")
    assert patched == {**before, "release_date": "2018-06-02"}
    put = await change("PUT", {"file_primary_key": 2, "repo": {"id": 4}, "release_date": "2018-06-03"})
    assert put.pop("updated_at") > moved
    erased = {"released_date": None, "obsolete": False, "zero_day_release": False}
    assert put == {**before, **erased, "release_date": "2018-06-03"}


async def test_an_item_can_be_put_back_as_it_was_read_without_its_read_only_fields(world: World) -> None:
    await create_content(world)
    for one in (await get(world, "released-files/"))["results"]:
        for name in ("id", "created_at", "updated_at", "build", "package", "file"):
            del one[name]
        body = {**one, "repo": {"id": one["repo"]["id"]}}
        number = await get(world, f"released-files/?file_primary_key={one['file_primary_key']}&fields=id,repo")
        [path] = [each["id"] for each in number["results"] if each["repo"] == one["repo"]]
        status, value = await send(world, "PUT", f"released-files/{path}/", body)
        assert status == 200 and {name: value[name] for name in one} == one


async def test_a_released_date_may_be_null(world: World) -> None:
    await create_content(world)
    path = "released-files/"
    new = {"file_primary_key": 2, "release_date": "2020-02-02", "released_date": None}
    for method, body in (("POST", {**new, "repo": {"id": 1}}), ("PUT", {**new, "repo": {"id": 4}}), ("PATCH", NO_DATE)):
        target = path if method == "POST" else f"{path}4/"
        status, value = await send(world, method, target, body)
        assert (status, value.get("released_date", "?")) == (201 if method == "POST" else 200, None), method
        await send(world, "PATCH", f"{path}4/", {"released_date": "2020-01-01"})
    for method, whole in (("PATCH", NO_DATE), ("PUT", {**new, "file_primary_key": 1, "repo": {"id": 2}})):
        status, files = await send(world, method, path, {"2": whole})
        assert (status, files["2"]["released_date"]) == (200, None), method
    assert (await send(world, "PATCH", f"{path}2/", {"released_date": ""}))[0] == 400


async def test_a_missing_item_is_reported_before_errors_in_the_body(world: World) -> None:
    await create_content(world)
    missing = (404, {"detail": "Not found."})
    for path in ("99", "0", "-1", "abc", "1.5", str(2**31), str(2**64), "9" * 5000, "٣"):
        assert await send(world, "GET", f"released-files/{path}/") == missing, path
        assert await send(world, "PUT", f"released-files/{path}/", {"foo": 1}) == missing, path
        assert await send(world, "PATCH", f"released-files/{path}/", {"foo": 1}) == missing, path
        assert await send(world, "DELETE", f"released-files/{path}/") == missing, path
    nothing = "Partial update with no changes does not make much sense."
    answer = await send_request(world, "PATCH", "released-files/99/", {})
    assert (answer.status, answer.json, answer.headers["pdc-warning"]) == (400, {"detail": nothing}, nothing)


async def test_excluded_fields_cannot_be_written_and_required_ones_not_omitted(world: World) -> None:
    """A required field that the query excludes is reported as missing when an item is created."""
    await create_content(world)
    before = await snapshot(world)
    path = "released-files/"
    hidden = {"detail": 'Unknown fields: "file_primary_key", "release_date", "repo".'}
    assert await send(world, "POST", f"{path}?fields=id", NEW) == (400, hidden)
    assert await send(world, "PUT", f"{path}1/?fields=id", NEW) == (400, hidden)
    for name in ("file_primary_key", "repo", "release_date"):
        body = {key: value for key, value in NEW.items() if key != name}
        assert await send(world, "POST", f"{path}?exclude_fields={name}", body) == (400, {name: [REQUIRED]})
    assert await snapshot(world) == before
    status, value = await send(world, "POST", f"{path}?exclude_fields=obsolete,released_date,zero_day_release", NEW)
    assert (status, set(value) & {"obsolete", "released_date", "zero_day_release"}) == (201, set())
    whole = await get(world, f"{path}{value['id']}/")
    assert (whole["obsolete"], whole["released_date"], whole["zero_day_release"]) == (False, None, False)
    status, value = await send(world, "PATCH", f"{path}1/?fields=id,obsolete", {"obsolete": True})
    assert (status, value) == (200, {"id": 1, "obsolete": True})


async def test_a_file_is_deleted_with_its_repository_or_variant_and_packages_cannot_be_deleted(world: World) -> None:
    await create_content(world)
    assert (await send_request(world, "DELETE", "rpms/1/")).status == 405
    assert (await send_request(world, "DELETE", "content-delivery-repos/1/")).status == 204
    assert [each["id"] for each in (await get(world, "released-files/"))["results"]] == [2, 3, 4]
    newest = (await get(world, "changesets/?page_size=1"))["results"][0]["changes"]
    assert [(each["resource"], each["resource_id"]) for each in newest] == [("content-delivery-repos", "1")]
    assert (await send_request(world, "DELETE", "release-variants/foo-1.0/Server/")).status == 204
    assert [each["id"] for each in (await get(world, "released-files/"))["results"]] == [3, 4]
    assert [each["id"] for each in (await get(world, "content-delivery-repos/"))["results"]] == [3, 4]
    newest = (await get(world, "changesets/?page_size=1"))["results"][0]["changes"]
    assert [(each["resource"], each["resource_id"], each["new_value"]) for each in newest] == [
        ("release-variants", "1", None)
    ]


async def test_hundreds_of_files_are_created_at_once_or_none(world: World) -> None:
    await create_content(world)
    await create(world, "rpms", [{**RPM, "name": f"tool-{number}"} for number in range(300)])
    before = await snapshot(world)
    many = [{**NEW, "file_primary_key": 4 + number} for number in range(300)]
    status, value = await send(world, "POST", "released-files/", [*many, {**NEW, "file_primary_key": 999}])
    assert (status, value["id_of_invalid_data"]) == (404, 300)
    assert await snapshot(world) == before
    shown = await create(world, "released-files", many)
    assert [each["file_primary_key"] for each in shown] == [each["file_primary_key"] for each in many]
    values = {str(each["id"]): {"obsolete": True} for each in shown}
    status, value = await send(world, "PATCH", "released-files/", values)
    assert status == 200 and list(value) == list(values) and all(each["obsolete"] for each in value.values())
    assert (await send_request(world, "DELETE", "released-files/", [each["id"] for each in shown])).status == 204
    assert (await get(world, "released-files/"))["count"] == 5


async def test_an_empty_database_has_empty_lists(world: World) -> None:
    assert await get(world, "released-files/") == {"count": 0, "next": None, "previous": None, "results": []}
    assert await send(world, "POST", "content-delivery-repos/", REPO) == (
        400,
        {"detail": ["No VariantArch for release_id=foo-1.0, variant_uid=Server, arch=x86_64"]},
    )


async def test_options_show_the_fields_of_a_file_and_that_the_api_is_experimental(world: World) -> None:
    await create_content(world)
    status, options = await send(world, "OPTIONS", "released-files/")
    assert (status, options["name"]) == (200, "Released Files List")
    assert "Warning: This is an experimental API" in options["description"]
    assert list(options["actions"]) == ["POST", "PUT"]
    fields = options["actions"]["POST"]
    assert list(fields) == KEYS[:-3] and fields["repo"]["type"] == "field"
    assert [name for name in fields if fields[name]["required"]] == ["file_primary_key", "repo", "release_date"]
    assert [name for name in fields if fields[name]["read_only"]] == ["id", "created_at", "updated_at"]
    status, options = await send(world, "OPTIONS", "released-files/1/")
    assert (status, options["name"], list(options["actions"])) == (200, "Released Files Instance", ["PUT"])
    status, options = await send(world, "OPTIONS", "released-files/99/")
    assert (status, "actions" in options) == (200, False)
