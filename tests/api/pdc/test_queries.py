"""Lists of schedules: filters, orderings, fields and pages. The cases of a table only read, and share one world."""

from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
import pytest

from bot.store.database import execute, execute_many
from bot.store.projects import Project
from tests.api.pdc.content import BASE, create, get, send, send_request
from tests.api.pdc.schedules import SCHEDULES, create_schedules, iso_date
from tests.world import World

NONE: list[int] = []
ALL = [5, 1, 4, 3, 2]  # by date
FILTERED: dict[str, list[int]] = {
    "": ALL,
    "release=foo-1.0": [1, 2],
    "release=FOO-1.0": NONE,
    "release=foo": NONE,
    "release=nope&release=foo-1.0": [1, 2],
    "release=foo-1.0&release=nope": NONE,
    "release=": ALL,
    "release=foo-1.0&release=": ALL,
    "release=%20%20": ALL,
    "release=%20foo-1.0%09": [1, 2],
    "product_version=foo-1": [1, 2],
    "product_version=Foo-1": NONE,
    "product_version=foo": NONE,
    "product_version=": ALL,
    "product_version=nope&product_version=%20foo-1%20": [1, 2],
    "sla=gold": [5, 1, 3],
    "sla=Gold": NONE,
    "sla=%20gold": NONE,
    "sla=gold&sla=bronze": [5, 1, 4, 3],
    "sla=gold&sla=gold": [5, 1, 3],
    "sla=gold&sla=nope": NONE,
    "sla=nope": NONE,
    "sla=gold&sla=": NONE,
    "sla=": NONE,
    "active=true": [3, 2],
    "active=True": [3, 2],
    "active=1": [3, 2],
    "active=t": [3, 2],
    "active=false": [5, 1, 4],
    "active=False": [5, 1, 4],
    "active=0": [5, 1, 4],
    "active=f": [5, 1, 4],
    "active=%20t%20": [3, 2],
    "active=0&active=1": [3, 2],
    "active=zz&active=1": [3, 2],
    "active=1&active=": ALL,
    "active=": ALL,
    "date=2017-09-01": [1],
    "date=2017-9-1": [1],
    "date=9/1/2017": [1],
    "date=09/01/17": [1],
    "date=%202017-09-01%20": [1],
    "date=2017-09-02": NONE,
    "date=": ALL,
    "date=bad": NONE,
    "date=2017-02-30": NONE,
    "date=0000-01-01": NONE,
    "date=10000-01-01": NONE,
    "date=2017-09-01T00:00:00": NONE,
    "date=1/9/2017": NONE,
    "date=13/1/2017": NONE,
    "date=bad&date=2017-09-01": [1],
    "date=2017-09-01&date=bad": NONE,
    "date=bad&active=zz": NONE,
    "active=zz&date_before=bad": NONE,
    "sla=gold&date_after=bad&release=foo-1.0": NONE,
    "date_after=2017-09-01": [1, 4, 3, 2],
    "date_before=2017-09-01": [5, 1],
    "date_after=2017-09-01&date_before=2017-09-01": [1],
    "date_after=2017-09-02&date_before=2017-09-01": NONE,
    "date_after=2099-01-01&date_after=2012-02-29": ALL,
    "date_after=0001-01-01&date_before=9999-12-31": ALL,
    "date_after=9/1/2017&date_before=1/1/30": [1, 4, 3],
    "date_after=&date_before=": ALL,
    f"date_after={iso_date()}": [3, 2],
    f"date_before={iso_date(-1)}": [5, 1, 4],
    "sla=gold&active=0": [5, 1],
    "sla=gold&release=foo-1.0&active=0&date_before=2018-01-01&product_version=foo-1": [1],
    "sla=gold&sla=silver&release=foo-1.0": [1, 2],
    "release=foo-1.0'--": NONE,
    "release=%25": NONE,
    "release=foo_1.0": NONE,
}


async def ids(world: World, query: str) -> list[int]:
    """The ids of the schedules that a query finds, in order."""
    found = await get(world, f"{SCHEDULES}?{query}")
    assert found["count"] == len(found["results"]), query
    return [row["id"] for row in found["results"]]


async def test_filters_find_the_schedules_that_match_all_of_them(world: World) -> None:
    await create_schedules(world)
    found = {query: await ids(world, query) for query in FILTERED}
    assert found == FILTERED


NAMES = "['active', 'date', 'id', 'release', 'release_url', 'sla', 'sla_url']"
REFUSED: dict[str, Any] = {
    **{f"active={value}": [f"Value [{value}] is not a boolean"] for value in ("TRUE", "T", "tRUE", "yes", "2", "on")},
    "active=1&active=zz": ["Value [zz] is not a boolean"],
    "foo=1": {"detail": "Unknown query params: foo."},
    "foo=1&bar=2&foo=3": {"detail": "Unknown query params: bar, foo."},
    "Active=1": {"detail": "Unknown query params: Active."},
    "id=1": {"detail": "Unknown query params: id."},
    "release_id=1": {"detail": "Unknown query params: release_id."},
    "format=json": {"detail": "Unknown query params: format."},
    "%C3%A9=1": {"detail": "Unknown query params: é."},
    "=1": {"detail": "Unknown query params: ."},
    "release=a%00b": {"detail": "Query param release must be text without the character U+0000."},
    **{
        f"ordering={name}": {"detail": f"Unknown query key: {[name]} not in fields: {NAMES}"}
        for name in ("foo", "", "release_id", "sla_id", "pk", "DATE", "?", "it's")
    },
    "ordering=id,foo": {"detail": f"Unknown query key: ['foo'] not in fields: {NAMES}"},
    "ordering=foo,-date,-bar,%20foo": {"detail": f"Unknown query key: ['foo', 'bar'] not in fields: {NAMES}"},
    "ordering=release__foo,foo": {"detail": f"Unknown query key: ['foo'] not in fields: {NAMES}"},
    "ordering=foo&active=zz&date=bad": {"detail": f"Unknown query key: ['foo'] not in fields: {NAMES}"},
    "ordering=active": {"detail": "Unknown ordering key: active"},
    "ordering=-active": {"detail": "Unknown ordering key: active"},
    "ordering=release__foo": {"detail": "Unknown ordering key: foo"},
    "ordering=release__product_version__foo": {"detail": "Unknown ordering key: foo"},
    "ordering=foo__bar": {"detail": "Unknown ordering key: foo"},
    "ordering=release__": {"detail": "Unknown ordering key: "},
    "ordering=__": {"detail": "Unknown ordering key: "},
    "ordering=date__year": {"detail": "Cannot resolve keyword 'year' into field. Join on 'date' not permitted."},
    "ordering=release__version__x": {
        "detail": "Cannot resolve keyword 'x' into field. Join on 'version' not permitted."
    },
    "fields=foo": {"detail": 'Unknown fields in "fields" filter: foo'},
    "fields=id,foo&fields=Id": {"detail": 'Unknown fields in "fields" filter: foo, Id'},
    "exclude_fields=foo": {"detail": 'Unknown fields in "exclude_fields" filter: foo'},
    "fields=foo&sla=nope": {"detail": 'Unknown fields in "fields" filter: foo'},
    "fields=release__version": {"detail": 'Unknown fields in "fields" filter: release__version'},
}


async def test_invalid_queries_are_refused(world: World) -> None:
    await create_schedules(world)
    responses = {query: await send(world, "GET", f"{SCHEDULES}?{query}") for query in REFUSED}
    assert responses == {query: (400, value) for query, value in REFUSED.items()}


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
async def test_unknown_parameters_are_refused_by_every_method_before_bodies_are_read(world: World, method: str) -> None:
    paths = [SCHEDULES, f"{SCHEDULES}1/", "auth/token/", "arches/"]
    for path in paths[: 4 if method in ("GET", "OPTIONS") else 1]:
        answer = await send_request(world, method, f"{path}?b=1&a=2", data=b"{" if method[0] in "PD" else None)
        assert answer.status == 400, path
        assert method == "HEAD" or answer.json == {"detail": "Unknown query params: a, b."}, path


ORDERED: dict[str, list[int]] = {
    "date": ALL,
    "-date": ALL[::-1],
    "id": [1, 2, 3, 4, 5],
    "-id": [5, 4, 3, 2, 1],
    "--id": [5, 4, 3, 2, 1],
    "%20-id%20": [5, 4, 3, 2, 1],
    "sla,-id": [4, 5, 3, 1, 2],
    "sla,%20id": [4, 1, 3, 5, 2],
    "sla_url,id": [4, 1, 3, 5, 2],
    "sla__name,id": [4, 1, 3, 5, 2],
    "sla__id,id": [1, 3, 5, 2, 4],
    "-sla__id,id": [4, 2, 1, 3, 5],
    "sla__description,id": [1, 2, 3, 4, 5],
    "release,-sla": [5, 4, 2, 1, 3],
    "release_url,-sla": [5, 4, 2, 1, 3],
    "release__release_id,-sla": [5, 4, 2, 1, 3],
    "-release,id": [3, 1, 2, 4, 5],
    "-release__version,id": [4, 5, 3, 1, 2],
    "release__short,id": [4, 5, 1, 2, 3],
    "release__release_type,id": [3, 1, 2, 4, 5],
    "release__id,id": [1, 2, 3, 4, 5],
    "release__active,id": [4, 5, 1, 2, 3],
    "id,-id,id": [1, 2, 3, 4, 5],
    ",".join(["-id", "id"] * 900): [5, 4, 3, 2, 1],
}


async def test_schedules_are_ordered_as_requested(world: World) -> None:
    await create_schedules(world)
    found = {order: await ids(world, f"ordering={order}") for order in ORDERED}
    assert found == ORDERED
    assert await ids(world, "ordering=id&ordering=-id") == [5, 4, 3, 2, 1]
    assert await ids(world, "ordering=foo&ordering=id") == [1, 2, 3, 4, 5]
    deep = await ids(world, "ordering=release__product_version__short,id&release=foo-1.0")
    assert deep == await ids(world, "ordering=release__product_version__product__short,id&release=foo-1.0") == [1, 2]


SHOWN: dict[str, list[str]] = {
    "fields=id": ["id"],
    "fields=sla,id": ["id", "sla"],
    "fields=sla&fields=id": ["id", "sla"],
    "fields=sla,%20id&fields=date": ["id", "sla", "date"],
    "fields=id,id": ["id"],
    "fields=id,": ["id"],
    "fields=": ["id", "release", "sla", "date", "active", "release_url", "sla_url"],
    "exclude_fields=": ["id", "release", "sla", "date", "active", "release_url", "sla_url"],
    "exclude_fields=id,sla": ["release", "date", "active", "release_url", "sla_url"],
    "exclude_fields=id&exclude_fields=active,sla_url,release_url": ["release", "sla", "date"],
    "fields=id,sla&exclude_fields=sla": ["id"],
    "fields=id&exclude_fields=id": [],
    "exclude_fields=id,release,sla,date,active,release_url,sla_url": [],
}


async def test_only_the_selected_fields_are_shown_in_their_usual_order(world: World) -> None:
    await create_schedules(world)
    for query, names in SHOWN.items():
        rows = (await get(world, f"{SCHEDULES}?{query}"))["results"]
        assert [list(row) for row in rows] == [names] * 5, query
        assert list(await get(world, f"{SCHEDULES}1/?{query}")) == names, query


async def test_the_body_of_a_get_may_select_fields_and_other_bodies_are_ignored(world: World) -> None:
    await create_schedules(world)
    every = SHOWN["fields="]
    for body, names in (
        ({"fields": ["sla", "id"]}, ["id", "sla"]),
        ({"fields": "id"}, ["id"]),
        ({"fields": "id,sla"}, ["id", "sla"]),
        ({"exclude_fields": ["id", "sla"]}, every[1:2] + every[3:]),
        ({"fields": ["id", "sla"], "exclude_fields": "sla"}, ["id"]),
        ({"fields": []}, every),
        ({"fields": None, "exclude_fields": 5}, every),
        ({"fields": {"id": 1}}, every),
        ({"fields": [1, ["id"], None]}, every),
        ({"foo": 1, "active": "zz", "page_size": 1}, every),
        *((body, every) for body in (["id"], "id", 5, None)),
    ):
        for path in (SCHEDULES, f"{SCHEDULES}1/"):
            headers = {"Content-Type": "application/json"}
            status, value = await send(world, "GET", path, data=orjson.dumps(body), headers=headers)
            assert status == 200, body
            assert list(value["results"][0] if "results" in value else value) == names, body
    both = await send_request(world, "GET", f"{SCHEDULES}?fields=id", {"fields": ["sla"]})
    assert list(both.json["results"][0]) == ["id", "sla"]
    assert (await send(world, "GET", SCHEDULES, {"fields": ["nope"]}))[0] == 400
    for raw in (b"{", b"\xff", b'{"fields": "id"} x', b"[" * 2000, b'{"fields": "\\ud800"}'):
        status, value = await send(world, "GET", SCHEDULES, data=raw, headers={"Content-Type": "application/json"})
        assert (status, value["count"]) == (200, 5)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await send_request(world, "GET", SCHEDULES, data=b"fields=id", headers=form)
    assert list(answer.json["results"][0]) == every


async def test_fields_that_are_not_selected_are_not_accepted(world: World) -> None:
    await create_schedules(world)
    body = {"release": "bar-2.0", "sla": "silver", "date": "2030-03-03"}
    unknown = {"detail": 'Unknown fields: "date", "release", "sla".'}
    assert await send(world, "POST", f"{SCHEDULES}?fields=id", body) == (400, unknown)
    assert await send(world, "PUT", f"{SCHEDULES}1/?fields=id", body) == (400, unknown)
    assert await send(world, "PATCH", f"{SCHEDULES}1/?exclude_fields=date", {"date": "2030-03-03"}) == (
        400,
        {"detail": 'Unknown fields: "date".'},
    )
    required = {name: ["This field is required."] for name in body}
    assert await send(world, "POST", f"{SCHEDULES}?fields=id", {}) == (400, required)
    del body["date"]
    assert await send(world, "POST", f"{SCHEDULES}?exclude_fields=date", body) == (400, {"date": required["date"]})
    body["date"] = "2030-03-03"
    made_one = await send(world, "POST", f"{SCHEDULES}?exclude_fields=active,release_url,sla_url,id", body)
    assert made_one == (201, body)
    assert await send(world, "PATCH", f"{SCHEDULES}6/?fields=date", {"date": "2031-01-01"}) == (
        200,
        {"date": "2031-01-01"},
    )
    assert await send(world, "PUT", f"{SCHEDULES}6/?fields=date", {"date": "2032-01-01"}) == (
        200,
        {"date": "2032-01-01"},
    )
    assert await send(world, "PUT", f"{SCHEDULES}6/?fields=id", {}) == (200, {"id": 6})
    assert await send(world, "PUT", f"{SCHEDULES}?fields=id&exclude_fields=id", {"6": {}}) == (200, {"6": {}})
    assert (await get(world, f"{SCHEDULES}6/?fields=release,sla,date")) == {**body, "date": "2032-01-01"}
    assert await send(world, "PATCH", f"{SCHEDULES}?fields=date", {"6": {"date": "2033-01-01"}}) == (
        200,
        {"6": {"date": "2033-01-01"}},
    )


# --- pages


async def create_slas(world: World, count: int) -> None:
    """Create SLAs."""
    for start in range(0, count, 10_000):
        items = [{"name": f"sla {number:07}"} for number in range(start, min(count, start + 10_000))]
        await create(world, "component-sla-types", items)


PAGES: dict[str, tuple[int, str | None, str | None]] = {
    "": (20, "page=2", None),
    "page=1": (20, "page=2", None),
    "page=2": (20, "page=3", ""),
    "page=3": (20, "page=4", "page=2"),
    "page=7": (5, None, "page=6"),
    "page=last": (5, None, "page=6"),
    "page=%202%20": (20, "page=3", ""),
    "page=last&page=2": (20, "page=3", ""),
    "page=nope&page=1": (20, "page=2", None),
    "page_size=50": (50, "page=2&page_size=50", None),
    "page_size=50&page=2": (50, "page=3&page_size=50", "page_size=50"),
    "page_size=50&page=3": (25, None, "page=2&page_size=50"),
    "page_size=100": (100, "page=2&page_size=100", None),
    "page_size=500": (100, "page=2&page_size=500", None),
    "page_size=99999999999999999999999": (100, "page=2&page_size=99999999999999999999999", None),
    "page_size=x": (20, "page=2&page_size=x", None),
    "page_size=": (20, "page=2&page_size=", None),
    "page_size=1.5": (20, "page=2&page_size=1.5", None),
    "page_size=2&page_size=50": (50, "page=2&page_size=2&page_size=50", None),
    "page_size=50&page_size=x": (20, "page=2&page_size=50&page_size=x", None),
    "page=2&page_size=60&ordering=-name&fields=id,name": (
        60,
        "fields=id%2Cname&ordering=-name&page=3&page_size=60",
        "fields=id%2Cname&ordering=-name&page_size=60",
    ),
    "ordering=id&fields=id&fields=name&page=2": (
        20,
        "fields=id&fields=name&ordering=id&page=3",
        "fields=id&fields=name&ordering=id",
    ),
}
NO_PAGES = ["0", "-1", "8", "text", "", "1.0", "LAST", "99999999999999999999999", "1e0", "%00", "9" * 5000]


async def test_pages_have_links_to_the_next_and_previous_one(world: World) -> None:
    await create_slas(world, 125)
    base = f"{world.url}{BASE}/component-sla-types/"
    for query, (length, after, before) in PAGES.items():
        page = await get(world, f"component-sla-types/?{query}")
        assert list(page) == ["count", "next", "previous", "results"]
        assert (page["count"], len(page["results"])) == (125, length), query
        assert page["next"] == (None if after is None else f"{base}?{after}"), query
        assert page["previous"] == (None if before is None else base + f"?{before}" * bool(before)), query
    for number in NO_PAGES:
        status, value = await send(world, "GET", f"component-sla-types/?page={number}")
        wrong = "Query param page must be text without the character U+0000." if "%" in number else "Invalid page."
        assert (status, value) == (400 if "%" in number else 404, {"detail": wrong}), number


async def test_following_the_next_links_shows_everything_once(world: World) -> None:
    await create_slas(world, 125)
    for query in ("page_size=30&ordering=-name", "ordering=description&page_size=7", "name=sla%200000003"):
        seen, path = [], f"component-sla-types/?{query}"
        while path:
            page = await get(world, path)
            seen += [row["name"] for row in page["results"]]
            path = (page["next"] or "").removeprefix(f"{world.url}{BASE}/")
        assert len(seen) == len(set(seen)) == page["count"], query


async def test_an_empty_list_has_one_page(world: World) -> None:
    empty: dict[str, Any] = {"count": 0, "next": None, "previous": None, "results": []}
    for query in ("", "page=1", "page=last", "page_size=1"):
        assert await get(world, f"{SCHEDULES}?{query}") == empty
    assert (await send(world, "GET", f"{SCHEDULES}?page=2"))[0] == 404
    assert await get(world, f"{SCHEDULES}?page_size=0") == []


async def test_a_page_size_of_zero_or_less_returns_the_whole_list(world: World) -> None:
    await create_slas(world, 1203)
    rows: list[Any] = []
    for page in range(1, 14):
        rows += (await get(world, f"component-sla-types/?page_size=100&ordering=-name&page={page}"))["results"]
    assert len(rows) == 1203
    for size in ("0", "-1", "-0", "-20", "-99999999999999999999999"):
        for more in ("", "&page=2", "&page=nope"):
            assert await get(world, f"component-sla-types/?page_size={size}&ordering=-name{more}") == rows
    assert await get(world, "component-sla-types/?page_size=5&page_size=-1&name=sla%200000007&fields=name") == [
        {"name": "sla 0000007"}
    ]
    assert await get(world, "component-sla-types.json?page_size=0&ordering=-name") == rows
    answer = await send_request(world, "HEAD", "component-sla-types/?page_size=0")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert len(await get(world, "arches/?page_size=0")) == 48


async def test_an_unpaged_list_can_be_compressed_and_shows_nested_lists(world: World) -> None:
    await create_schedules(world)
    await create_slas(world, 1100)
    async with world.session.get(
        f"{world.url}{BASE}/component-sla-types/?page_size=0", headers={"Accept-Encoding": "gzip"}
    ) as response:
        assert (response.headers["Content-Encoding"], response.headers["Vary"]) == ("gzip", "Accept, Accept-Encoding")
        assert len(await response.json()) == 1103
    versions = await get(world, "product-versions/?page_size=-1")
    assert versions[0]["releases"] == ["foo-1.0"]


async def test_a_list_that_breaks_off_closes_the_connection(world: World) -> None:
    rows = [[number, f"long {number}", "x" * 25_000] for number in range(10, 1010)]  # more than sockets hold
    await execute_many("INSERT INTO slas (id, name, description) VALUES ($1, $2, $3)", rows)
    url = f"{world.url}{BASE}/component-sla-types/?page_size=0"
    async with world.session.get(url, headers={"Accept-Encoding": "identity"}) as response:
        assert response.status == 200
        await execute("ALTER TABLE slas RENAME TO gone")
        with pytest.raises(aiohttp.ClientError):
            await response.read()
    fault = await send_request(world, "GET", "component-sla-types/?page_size=0")
    assert fault.status == 503 and fault.headers["Allow"].startswith("GET, POST")
    sentence = "The server encountered an internal error or misconfiguration and was unable to complete your request."
    assert fault.json == {"detail": sentence}
    await execute("ALTER TABLE gone RENAME TO slas")
    assert (await send_request(world, "GET", "component-sla-types/10/")).status == 200


async def test_an_item_changed_while_a_long_list_is_sent_appears_at_most_once(world: World) -> None:
    rows = [[number, f"long {number:05}", "x" * 25_000] for number in range(10, 1001)]  # more than sockets hold
    await execute_many("INSERT INTO slas (id, name, description) VALUES ($1, $2, $3)", rows)
    url = f"{world.url}{BASE}/component-sla-types/?page_size=0&ordering=name"
    async with world.session.get(url, headers={"Accept-Encoding": "identity"}) as response:
        for number in (990, 800):
            assert (
                await send_request(world, "PATCH", "component-sla-types/", {str(number): {"description": ""}})
            ).status == 200
        await execute("UPDATE slas SET name = 'a' WHERE id = 999")
        assert (await send_request(world, "DELETE", "component-sla-types/1000/")).status == 204
        await create(world, "component-sla-types", {"name": "b"})
        listed = [row["id"] for row in await response.json()]
    assert listed == list(range(10, 1000))


async def test_names_are_returned_unchanged_whatever_characters_they_have(world: World) -> None:
    names = ["a&b=c", "a+b", "ü ñ 日本", "<b>", '"', "\\", "%41", "a,b", "#", "'; --", "{}", "$1", "?"]
    await create(world, "component-sla-types", [{"name": name} for name in names])
    for name in names:
        found = await get(world, f"component-sla-types/?name={quote(name)}")
        assert [row["name"] for row in found["results"]] == [name]
    pairs = "&".join(f"name={quote(name)}" for name in names)
    first = await get(world, f"component-sla-types/?{pairs}&page_size=1&ordering=id")
    seen, address = [first["results"][0]["name"]], first["next"]
    while address:
        page = await get(world, address.removeprefix(f"{world.url}{BASE}/"))
        seen, address = [*seen, page["results"][0]["name"]], page["next"]
    assert seen == names
    assert await Project.exists(permalink="site")
