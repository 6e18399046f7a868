"""Lists of released files: filters, orderings and selected fields."""

from typing import Any
from urllib.parse import quote

from tests.api.pdc.content import BASE, create_content, get, send, send_request
from tests.world import World

NONE: list[int] = []
ALL = [1, 2, 3, 4, 5]
FILTERED: dict[str, list[int]] = {
    "": ALL,
    "arch=x86_64": [1, 3, 5],
    "arch=aarch64&arch=s390x": [2, 4],
    "arch=X86_64": NONE,
    "arch=": NONE,
    "arch=&arch=s390x": [4],
    "arch=s390x&arch=": [4],
    "arch=%20s390x": NONE,
    "arch=s390x%20": NONE,
    "arch=nope": NONE,
    "file_primary_key=1": [1, 2, 3],
    "file_primary_key=2&file_primary_key=3": [4, 5],
    "file_primary_key=": NONE,
    "file_primary_key=&file_primary_key=3": [5],
    "file_primary_key=99": NONE,
    "file_primary_key=-1": NONE,
    "file_primary_key=0": NONE,
    "file_primary_key=4294967297": NONE,
    f"file_primary_key={2**64}": NONE,
    f"file_primary_key={'9' * 6000}": NONE,
    "release_date=2017-01-02": [2, 3],
    "release_date=2017-1-2": [2, 3],
    "release_date=2017-01-01&release_date=2018-06-01": [1, 4],
    "release_date=": NONE,
    "release_date=0001-01-01&release_date=9999-12-31": NONE,
    "released_date=2017-02-01": [2],
    "released_date=2017-02-01&released_date=2017-02-02": [2, 3],
    "released_date=": NONE,
    "release_id=foo-1.0": [1, 2, 5],
    "release_id=foo-1.1-eus&release_id=bar-2.0": [3, 4],
    "release_id=Foo-1.0": NONE,
    "release_id=": NONE,
    "release_id=&release_id=bar-2.0": [4],
    "repo=1": [1, 5],
    "repo=1&repo=4": [1, 4, 5],
    "repo=5": NONE,
    "repo=": NONE,
    "repo=&repo=4": [4],
    f"repo={2**63}": NONE,
    "repo_name=foo-rpms": [1, 5],
    "repo_name=foo-rpms&repo_name=Bar": [1, 4, 5],
    "repo_name=bar": NONE,
    "repo_name=": NONE,
    "service=pulp": [1, 2, 5],
    "service=rhn&service=ftp": [3, 4],
    "service=Pulp": NONE,
    "service=": NONE,
    "variant_uid=Server": [1, 2, 4, 5],
    "variant_uid=Client&variant_uid=x": [3],
    "variant_uid=server": NONE,
    "variant_uid=": NONE,
    "release_date_after=2017-01-02": [2, 3, 4, 5],
    "release_date_before=2017-01-02": [1, 2, 3],
    "release_date_after=2017-01-02&release_date_before=2018-06-01": [2, 3, 4],
    "release_date_after=2017-01-01&release_date_after=2019-01-01": [5],
    "release_date_after=": ALL,
    "release_date_after=2019-01-01&release_date_after=": ALL,
    "release_date_after=1/2/2017": [2, 3, 4, 5],
    "release_date_after=01/02/17": [2, 3, 4, 5],
    "release_date_before=2017-1-2": [1, 2, 3],
    "release_date_after=%202019-01-01%20": [5],
    "release_date_after=bad": NONE,
    "release_date_before=2017-13-13": NONE,
    "release_date_before=bad&release_id=foo-1.0": NONE,
    "released_date_after=2017-02-01": [2, 3],
    "released_date_before=2017-02-01": [2, 4],
    "released_date_before=9999-12-31": [2, 3, 4],
    "released_date_after=0001-01-01": [2, 3, 4],
    "released_date_after=bad": NONE,
    "released_date_before=": ALL,
    **{f"obsolete={word}": [3, 4] for word in ("1", "t", "T", "true", "True", "TRUE", "tRuE")},
    **{f"obsolete={word}": [1, 2, 5] for word in ("0", "f", "F", "false", "False", "FALSE")},
    "obsolete=": ALL,
    "obsolete=1&obsolete=0": [1, 2, 5],
    "zero_day_release=True": [2, 4],
    "zero_day_release=0": [1, 3, 5],
    "zero_day_release=1&obsolete=1": [4],
    "release_id=foo-1.0&arch=x86_64&repo=1&file_primary_key=3&obsolete=0": [5],
    "service=pulp&service=ftp&release_id=bar-2.0": [4],
}
BOOL = "{} is not a valid boolean value"
REFUSED: dict[str, Any] = {
    "file_primary_key=abc": ["Value [abc] of file_primary_key is not an integer"],
    "file_primary_key=1.5": ["Value [1.5] of file_primary_key is not an integer"],
    "file_primary_key=1&file_primary_key=true": ["Value [true] of file_primary_key is not an integer"],
    "file_primary_key=1_0": ["Value [1_0] of file_primary_key is not an integer"],
    "repo=abc": "invalid literal for int() with base 10: 'abc'",
    "repo=1,2": "invalid literal for int() with base 10: '1,2'",
    "release_date=bad": ["'bad' value has an invalid date format. It must be in YYYY-MM-DD format."],
    "release_date=2017-13-13": ["'2017-13-13' value has the correct format (YYYY-MM-DD) but it is an invalid date."],
    "release_date=2017-2-30": ["'2017-2-30' value has the correct format (YYYY-MM-DD) but it is an invalid date."],
    "release_date=1/2/2017": ["'1/2/2017' value has an invalid date format. It must be in YYYY-MM-DD format."],
    "release_date=2017-01-02&release_date=": ["'' value has an invalid date format. It must be in YYYY-MM-DD format."],
    "release_date=%202017-01-02": ["' 2017-01-02' value has an invalid date format. It must be in YYYY-MM-DD format."],
    "released_date=01/02/17": ["'01/02/17' value has an invalid date format. It must be in YYYY-MM-DD format."],
    "released_date=0000-01-01": ["'0000-01-01' value has the correct format (YYYY-MM-DD) but it is an invalid date."],
    "arch=&obsolete=zz": BOOL.format("zz"),
    "obsolete=zz&arch=": BOOL.format("zz"),
    "obsolete=yes": BOOL.format("yes"),
    "obsolete=2": BOOL.format("2"),
    "zero_day_release=x": BOOL.format("x"),
    "id=1": "Unknown query params: id.",
    "Arch=x86_64": "Unknown query params: Arch.",
    "product_id=1&build=x&repo__name=x": "Unknown query params: build, product_id, repo__name.",
    "fields=build": 'Unknown fields in "fields" filter: build',
    "fields=repo__name": 'Unknown fields in "fields" filter: repo__name',
    "exclude_fields=package,file": 'Unknown fields in "exclude_fields" filter: package, file',
    "ordering=repo__foo": "Unknown ordering key: foo",
    "ordering=foo__arch": "Unknown ordering key: foo",
}
ORDERED: dict[str, list[int]] = {
    "": ALL,
    "-id": [5, 4, 3, 2, 1],
    "--id": [5, 4, 3, 2, 1],
    "repo": [4, 2, 3, 1, 5],
    "-repo": [5, 1, 3, 2, 4],
    "release_date,-id": [1, 3, 2, 4, 5],
    " -release_date , id ": [5, 4, 2, 3, 1],
    "file_primary_key,-id": [3, 2, 1, 4, 5],
    "created_at,id": ALL,
    "obsolete,id": [1, 2, 5, 3, 4],
    "zero_day_release,-obsolete,id": [3, 1, 5, 4, 2],
    # nested, by the names of the JSON
    "repo__id,id": [1, 5, 2, 3, 4],
    "repo__name": [4, 2, 3, 1, 5],
    "repo__arch,id": [2, 4, 1, 3, 5],
    "repo__release_id,id": [4, 1, 2, 5, 3],
    "repo__variant_uid,id": [3, 1, 2, 4, 5],
    "repo__service,id": [4, 1, 2, 5, 3],
    "repo__repo_family,id": [3, 1, 2, 5, 4],
    "repo__content_format,id": ALL,
    "repo__content_category,id": [1, 3, 5, 2, 4],
    "-repo__shadow,id": ALL,
    # nested, by the paths of the model that clients have known
    "-repo__service__name,id": [3, 1, 2, 5, 4],
    "repo__repo_family__name,id": [3, 1, 2, 5, 4],
    "repo__content_format__name,id": ALL,
    "repo__content_category__name,id": [1, 3, 5, 2, 4],
    "repo__variant_arch__arch__name,id": [2, 4, 1, 3, 5],
    "repo__variant_arch__variant__variant_uid,id": [3, 1, 2, 4, 5],
    "repo__variant_arch__variant__release__release_id,id": [4, 1, 2, 5, 3],
    "-repo__variant_arch__variant__release__version,id": [4, 3, 1, 2, 5],
}


async def test_filters_find_the_matching_files(world: World) -> None:
    await create_content(world)
    found = {}
    for query in FILTERED:
        answer = await get(world, f"released-files/?{query}")
        assert answer["count"] == len(answer["results"])
        found[query] = [each["id"] for each in answer["results"]]
    assert found == FILTERED


async def test_invalid_queries_are_refused_with_the_errors_that_clients_know(world: World) -> None:
    answers = {query: await send(world, "GET", f"released-files/?{query}") for query in REFUSED}
    assert answers == {query: (400, {"detail": detail}) for query, detail in REFUSED.items()}
    status, value = await send(world, "GET", "released-files/?ordering=build")
    assert (status, value["detail"][:47]) == (400, "Unknown query key: ['build'] not in fields: ['c")


async def test_files_are_ordered_by_their_own_fields_and_those_of_their_repositories(world: World) -> None:
    await create_content(world)
    found = {}
    for order in ORDERED:
        query = f"?ordering={quote(order)}" if order else ""
        found[order] = [each["id"] for each in (await get(world, f"released-files/{query}"))["results"]]
    assert found == ORDERED


async def test_filters_apply_to_single_files(world: World) -> None:
    await create_content(world)
    one = {"release_date": "2017-01-01", "file_primary_key": 1, "repo": {"id": 1}}
    missing = (404, {"detail": "Not found."})
    assert (await send(world, "GET", "released-files/1/?arch=x86_64&page=7&page_size=x"))[0] == 200
    assert await send(world, "GET", "released-files/1/?arch=aarch64") == missing
    assert await send(world, "PUT", "released-files/1/?obsolete=1", one) == missing
    assert await send(world, "PATCH", "released-files/1/?obsolete=1", {"obsolete": True}) == missing
    assert await send(world, "DELETE", "released-files/1/?service=rhn") == missing
    assert (await send(world, "PATCH", "released-files/1/?service=pulp", {"obsolete": True}))[0] == 200


async def test_the_names_of_a_file_are_shown_only_with_the_fields_that_they_derive_from(world: World) -> None:
    await create_content(world)
    shown = {
        "fields=id": ["id"],
        "fields=repo,id": ["id", "repo"],
        "fields=file_primary_key&fields=id": ["id", "file_primary_key"],
        "fields=repo,file_primary_key": ["file_primary_key", "repo", "build", "package", "file"],
        "fields=repo&fields=file_primary_key&exclude_fields=repo": ["file_primary_key"],
        "exclude_fields=repo,created_at,updated_at,released_date,id": [
            *("file_primary_key", "release_date", "zero_day_release", "obsolete"),
        ],
        "exclude_fields=repo,created_at,updated_at,released_date,id,file_primary_key,release_date,"
        "zero_day_release,obsolete": [],
        "fields=id&exclude_fields=id": [],
    }
    for path in ("released-files/1/", "released-files/"):
        answers = {query: await get(world, f"{path}?{query}") for query in shown}
        ones = {query: answer["results"][0] if "results" in answer else answer for query, answer in answers.items()}
        assert {query: list(one) for query, one in ones.items()} == shown


async def test_the_link_to_the_next_page_keeps_every_parameter(world: World) -> None:
    await create_content(world)
    query = "service=pulp&service=ftp&page_size=2&ordering=-id&fields=id,repo"
    first = await get(world, f"released-files/?{query}")
    address = f"{world.url}{BASE}/released-files/?fields=id%2Crepo&ordering=-id&page_size=2&service=pulp&service=ftp"
    assert (first["count"], [each["id"] for each in first["results"]]) == (4, [5, 4])
    assert first["next"] == address.replace("&page_size", "&page=2&page_size")
    second = (await send_request(world, "GET", first["next"].removeprefix(f"{world.url}{BASE}/"))).json
    assert (second["next"], second["previous"], [each["id"] for each in second["results"]]) == (None, address, [2, 1])
    assert [each["id"] for each in await get(world, f"released-files/?{query}&page_size=0&page=9")] == [5, 4, 2, 1]
