"""Request bodies in their three media types, and whatever is malformed, odd, deep or huge."""

import asyncio
import gzip
import re
import zlib
from io import BytesIO
from typing import Any

import orjson

from tests.api.pdc.content import BASE, get, send, send_request, snapshot
from tests.api.pdc.schedules import NEW, SCHEDULES, create_schedules, send_raw, send_raw_request
from tests.world import World


async def test_method_overrides_and_bodies_of_reads_are_ignored(world: World) -> None:
    await create_schedules(world)
    headers = {"X-HTTP-Method-Override": "DELETE", "Content-Type": "text/plain"}
    for path in (SCHEDULES, f"{SCHEDULES}1/", "", "arches/", "auth/token/"):
        for body in (b"{", b"\xff\0", b'{"foo": 1}'):
            assert (await send_request(world, "GET", path, data=body, headers=headers)).status == 200
    assert (await send(world, "DELETE", f"{SCHEDULES}1/", {"foo": 1}))[0] == 204
    assert (
        await send_request(world, "POST", f"{SCHEDULES}", NEW, headers={"X-HTTP-Method-Override": "GET"})
    ).status == 201


async def test_a_schedule_is_created_from_json_and_both_form_encodings(world: World) -> None:
    await create_schedules(world)
    pairs = {"release": "bar-2.0", "sla": "silver", "date": "2030-3-3"}
    forms: list[dict[str, Any]] = [
        {"json": pairs},
        {"data": orjson.dumps(pairs), "headers": {"Content-Type": "application/json; charset=latin-1"}},
        {"data": pairs},
        {"data": b"release=nope&release=bar-2.0&sla=silver&date=2030-3-3", "headers": {"Content-Type": FORM}},
        {"data": _parts(pairs, "b"), "headers": {"Content-Type": 'multipart/form-data; charset=utf-8; boundary="b"'}},
        {"data": gzip.compress(orjson.dumps(pairs)), "headers": {"Content-Type": "application/json", **GZIP}},
        {"data": zlib.compress(orjson.dumps(pairs)), "headers": {"Content-Type": "application/json", **DEFLATE}},
    ]
    for form in forms:
        status, value = await send(world, "POST", SCHEDULES, **form)
        assert (status, value.get("date")) == (201, "2030-03-03"), (form, value)
        status, value = await send(world, "PATCH", f"{SCHEDULES}{value['id']}/", data={"date": "2031-01-01"})
        assert (status, value["date"]) == (200, "2031-01-01")
        assert (await send(world, "DELETE", f"{SCHEDULES}{value['id']}/"))[0] == 204
    assert await send(world, "POST", SCHEDULES, data={**pairs, "foo": "1"}) == (
        400,
        {"detail": 'Unknown fields: "foo".'},
    )


FORM = "application/x-www-form-urlencoded"
GZIP, DEFLATE = {"Content-Encoding": "gzip"}, {"Content-Encoding": "deflate"}


def _parts(fields: dict[str, str], boundary: str) -> bytes:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return "".join([*parts, f"--{boundary}--\r\n"]).encode()


PART = b'--b\r\nContent-Disposition: form-data; name="date"\r\n\r\n'
MULTI = "multipart/form-data; boundary=b"
MALFORMED: list[tuple[str, bytes, dict[str, str], int, str]] = [
    *(
        ("application/json", body, {}, 400, "JSON parse error - .+")
        for body in (
            *(b"{", b"nope", b"{'a': 1}", b"[1,]", b"{} {}", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": -Infinity}'),
            *(
                b'{"date": 1e400}',
                b'{"date": "\xff"}',
                b'{"date": "\xed\xa0\x80"}',
                b'{"date": "\\ud800"}',
                b"\xff\xfe",
            ),
            *(b"[" * 101 + b"]" * 101, b"[" * 100_000, b'{"a":' * 300 + b"1" + b"}" * 300, "{}".encode("utf-16")),
        )
    ),
    *(("application/json", b'{"date": %s}' % text, {}, 400, ".*zero.*|.*U\\+0000.*") for text in (b'"a\\u0000"',)),
    ("application/json", b'{"a\\u0000": 1}', {}, 400, ".*U\\+0000.*"),
    ("application/json", b"{}", GZIP, 400, ".*does not have the encoding that its headers name.*"),
    ("application/json", b"\x1f\x8b\x08rubbish", GZIP, 400, ".*does not have the encoding that its headers name.*"),
    ("application/json", gzip.compress(b"[]" * 5000)[:-9], GZIP, 400, ".+"),
    ("application/json", b"\xff", {"Content-Encoding": "rot13"}, 400, ".+"),
    *(
        (kind, b"{}", {}, 415, f'Unsupported media type "{kind}" in request.')
        for kind in ("text/plain", "application/xml", "image/png")
    ),
    ("nonsense", b"{}", {}, 415, "Unsupported media type .+"),
    ("", b"{}", {}, 415, "Unsupported media type .+"),
    (FORM, b"\xff=1", {}, 400, "Form parse error - .+"),
    (FORM, b"&".join(b"a%d=1" % number for number in range(1001)), {}, 400, "Form parse error - .+"),
    (FORM, b"date=a%00b", {}, 400, ".*U\\+0000.*"),
    *(
        (MULTI, body, {}, 400, "Multipart form parse error - .+")
        for body in (
            *(b"x", b"--b", b"--b--x"[:-3] + b"c", PART, PART + b"1", PART + b"1\r\n--b", PART + b"1\r\n--c--"),
            *(b"--b\r\n\r\n1\r\n--b--", b"--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--"),
            b'--b\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n1\r\n--b--',
            b'--b\r\nContent-Disposition: attachment; name="a"\r\n\r\n1\r\n--b--',
            b'--b\r\nContent-Disposition: form-data; name="a"\r\n--b--',
            *(PART + b"\xff\r\n--b--", (PART + b"1\r\n") * 1001 + b"--b--"),
        )
    ),
    (MULTI, PART + b"a\0b\r\n--b--", {}, 400, ".*U\\+0000.*"),
    ("multipart/form-data", PART + b"1\r\n--b--", {}, 400, "Multipart form parse error - there is no boundary"),
    ("multipart/form-data; boundary=", PART + b"1\r\n--b--", {}, 400, "Multipart form parse error - .+"),
    ('multipart/form-data; boundary="', PART + b"1\r\n--b--", {}, 400, "Multipart form parse error - .+"),
    ("multipart/mixed; boundary=b", PART + b"1\r\n--b--", {}, 415, "Unsupported media type .+"),
]


async def test_a_malformed_body_is_refused_and_nothing_is_written(world: World) -> None:
    await create_schedules(world)
    before = await snapshot(world)
    for kind, body, headers, status, pattern in MALFORMED:
        for method, path in (("POST", SCHEDULES), ("PATCH", SCHEDULES), ("PUT", f"{SCHEDULES}1/")):
            answer = await send_request(world, method, path, data=body, headers={"Content-Type": kind, **headers})
            assert answer.status == status, (method, kind, body[:80], headers, answer.json)
            assert re.fullmatch(pattern, answer.json["detail"], re.DOTALL), (body[:80], answer.json)
            assert list(answer.json) == ["detail"]
    assert await snapshot(world) == before


async def test_an_empty_body_counts_as_an_empty_object_and_null_as_no_data(world: World) -> None:
    await create_schedules(world)
    required = {name: ["This field is required."] for name in NEW}
    for body in (b"", b" \n", b"{}"):
        for kind in ("application/json", FORM) if body != b"{}" else ("application/json",):
            answer = await send(world, "POST", SCHEDULES, data=body, headers={"Content-Type": kind})
            assert answer == (400, required)
    assert await send(world, "POST", SCHEDULES, data=b"", headers={"Content-Type": "text/plain"}) == (400, required)
    headers = {"Content-Type": "application/json"}
    for method, path in (("POST", SCHEDULES), ("PUT", f"{SCHEDULES}1/")):
        assert await send(world, method, path, data=b"null", headers=headers) == (400, {"detail": ["No data provided"]})
        for body, kind in ((b'"x"', "text"), (b"1", "a number"), (b"true", "a boolean"), (b"1.5", "a number")):
            expected = {"detail": f"Invalid data. Expected an object, but got {kind}."}
            assert await send(world, method, path, data=body, headers=headers) == (400, expected)
    assert (await send(world, "PUT", f"{SCHEDULES}1/", [NEW]))[0] == 400


async def test_a_body_of_more_than_eight_megabytes_is_413(world: World) -> None:
    before = await snapshot(world)
    large = b'{"release": "' + b"x" * (10 * 1024 * 1024) + b'"}'
    for method, path in (("POST", SCHEDULES), ("DELETE", SCHEDULES), ("GET", SCHEDULES), ("PUT", f"{SCHEDULES}1/")):
        most = "65,536" if method == "GET" else "8,388,608"
        for body, headers in ((large, {}), (gzip.compress(large), GZIP)):
            answer = await send_request(
                world, method, path, data=BytesIO(body), headers={"Content-Type": "application/json", **headers}
            )
            assert (answer.status, answer.json) == (413, {"detail": f"The body may have at most {most} bytes."})
    almost = b'{"release": "' + b"x" * (7 * 1024 * 1024) + b'"}'
    answer = await send_request(
        world, "POST", SCHEDULES, data=BytesIO(almost), headers={"Content-Type": "application/json"}
    )
    assert answer.status == 400 and answer.json["release"][0].startswith("Object with release_id=xxxx")
    assert await snapshot(world) == before


# --- whatever else can be sent

UNSEEN = [b"\0", b"\x7f", b"\xff", b"\xed\xa0\x80", "é".encode()]
PIECES = [*UNSEEN, b"%00", b"%FF", b"%ED%A0%80", b"%C3%A9", b"%", b"%zz", b"%0A", b"%7F", b"%F4%90%80%80"]


async def test_odd_bytes_in_a_url_are_4xx_or_find_nothing(world: World) -> None:
    await create_schedules(world)
    for piece in PIECES:
        for path in (
            *(b"release-schedules/%s/", b"releases/%s/", b"%s/", b"release-variants/%s/x/", b"release-schedules/?%s=1"),
            *(b"release-schedules/?release=%s", b"release-schedules/?sla=%s", b"release-schedules/?date=%s"),
            *(b"release-schedules/?ordering=%s", b"release-schedules/?fields=%s", b"release-schedules/?page=%s"),
            *(b"release-schedules/?page_size=%s", b"release-schedules/?active=%s", b"released-files/?repo_name=%s"),
            *(b"releases/?name=%s", b"changesets/?author=%s", b"component-sla-types/?name=%s"),
        ):
            for method in (b"GET", b"POST"):
                request = b"%s %s/%s HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\nConnection: close\r\n"
                request += b"Authorization: Token " + world.token.encode() + b"\r\nContent-Length: 0\r\n\r\n"
                status, headers, body = await send_raw(world, request % (method, BASE.encode(), path % piece))
                assert 200 <= status < 500, (method, path, piece, status, body)
                if headers["content-type"] == "application/json":
                    assert orjson.loads(body), (method, path, piece)
                else:  # what is no HTTP is answered before any of our code has seen it
                    assert status == 400 and piece in UNSEEN, (method, path, piece, body)


async def test_odd_bytes_in_headers_are_4xx_or_ignored(world: World) -> None:
    await create_schedules(world)
    body = orjson.dumps({"date": "2001-01-01"})
    json = b"Content-Type: application/json"
    for header, status in (
        (b"PDC-Change-Comment: caf\xc3\xa9", 200),
        (b"PDC-Change-Comment: caf\xe9", 400),
        (b"PDC-Change-Comment: \xed\xa0\x80", 400),
        (b"PDC-Change-Comment:", 200),
        (b"Accept: \xff\xfe", 406),
        (b"Accept: application/json;\xff=1;q=\xff", 406),
        (b"Accept-Encoding: \xff", 200),
        (b"Origin: \xff", 200),
        (b"X-Request-ID: \xff", 200),
        (b"Content-Encoding: \xff", 200),
    ):
        answered, value = await send_raw_request(world, b"PATCH", b"release-schedules/1/", json, header, body=body)
        assert answered == status, (header, value)
    for kind in (
        b"\xff",
        b"application/json; charset=\xff",
        b"application/json;;;",
        b"application/json; charset=utf-16",
    ):
        answered, value = await send_raw_request(
            world, b"PATCH", b"release-schedules/1/", b"Content-Type: " + kind, body=body
        )
        assert answered in (200, 415), (kind, value)
    for token in ("\xff", "é", "a" * 5000, "'", "\udcff"):
        answered, value = await send_raw_request(world, b"GET", b"release-schedules/", token=token)
        assert answered in (401, 429), (token, value)
    for host in (b"a b", b'x"><script>', b"\xff", b"x" * 300, b"a,b"):
        request = b"GET %s/ HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (BASE.encode(), host)
        answered, _, raw = await send_raw(world, request)
        assert answered == 400 and b"<script>" not in raw, (host, raw)


HUGE: list[Any] = [2**31, 2**32, 2**63 - 1, 2**63, 2**64, 2**65, 10**30, -(2**63), -(2**65), 1e308, -1, 0]


async def test_huge_numbers_are_4xx_or_find_nothing(world: World) -> None:
    await create_schedules(world)
    before = await snapshot(world)
    for number in HUGE:
        plain = str(int(number))
        for path in (f"{SCHEDULES}{plain}/", f"changesets/{plain}/", f"{SCHEDULES}?page={plain}"):
            if plain != "0" or "page" not in path:
                assert (await send(world, "GET", path))[0] == 404, path
        for query in ("sla", "release", "date", "active", "date_after", "ordering", "fields"):
            assert (await send(world, "GET", f"{SCHEDULES}?{query}={plain}"))[0] in (200, 400)
        raw = orjson.loads(plain) if abs(number) < 2**63 else plain
        for field in (*NEW, "id", "active", "foo"):
            body = b'{"%s": %s}' % (field.encode(), plain.encode())
            for method, path in (("POST", SCHEDULES), ("PATCH", f"{SCHEDULES}1/")):
                answer = await send_request(
                    world, method, path, data=body, headers={"Content-Type": "application/json"}
                )
                assert answer.status == 400, (method, field, number)
        assert (await send(world, "DELETE", SCHEDULES, [raw]))[0] == 404
        assert (await send(world, "PATCH", SCHEDULES, {plain: {"date": "2001-01-01"}}))[0] == 404
    deletion = await send_request(
        world, "DELETE", SCHEDULES, data=b"[%d]" % 2**65, headers={"Content-Type": "application/json"}
    )
    assert deletion.status == 400
    assert await snapshot(world) == before


async def test_deep_and_odd_values_are_refused_in_every_field(world: World) -> None:
    await create_schedules(world)
    before = await snapshot(world)
    deep: Any = "x"
    for _ in range(95):
        deep = [deep]
    odd = [
        deep,
        {"a": deep},
        [],
        {},
        "x" * 100_000,
        "\ufffe",
        "\u202e",
        "\U0010ffff",
        "'; DROP TABLE slas; --",
        "{}",
        "$1",
    ]
    for value in odd:
        for field in NEW:
            for method, path, body in (
                ("POST", SCHEDULES, {**NEW, field: value}),
                ("POST", SCHEDULES, [NEW, {**NEW, field: value}]),
                ("PUT", f"{SCHEDULES}1/", {**NEW, field: value}),
                ("PATCH", SCHEDULES, {"1": {field: value}}),
                ("DELETE", SCHEDULES, [value] if value else [None]),
            ):
                status, error = await send(world, method, path, body)
                assert 400 <= status < 500 and isinstance(error, dict), (method, field, str(value)[:50])
    assert await snapshot(world) == before


async def test_a_parameter_may_be_repeated_up_to_the_length_of_a_url(world: World) -> None:
    await create_schedules(world)
    names = "&".join(f"sla=s{number}" for number in range(700))
    assert (await get(world, f"{SCHEDULES}?{names}"))["count"] == 0
    names = "&".join(["sla=gold"] * 700)
    assert (await get(world, f"{SCHEDULES}?{names}"))["count"] == 3
    status, value = await send(world, "GET", f"{SCHEDULES}?{'&'.join(f'a{number}=1' for number in range(500))}")
    assert status == 400 and value["detail"].startswith("Unknown query params: a0, a1, a10")


async def test_a_refused_request_keeps_the_connection_usable(world: World) -> None:
    request = b"POST %s/release-schedules/ HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}" % BASE.encode()
    last = b"GET %s/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % BASE.encode()
    status, _, body = await asyncio.wait_for(send_raw(world, request * 2 + last), 20)
    assert status == 401 and body.count(b"HTTP/1.1 401") == 1 and body.count(b"HTTP/1.1 200") == 1
