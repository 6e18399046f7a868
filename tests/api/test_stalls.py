"""The largest and worst bodies of every dialect do not make the event loop stand still."""

import asyncio

from tests.api.rest.announcement_helpers import RELEASES
from tests.stalls import FILLS, LIMIT, MIB, longest_stall, request, send
from tests.world import World

FORM = "application/x-www-form-urlencoded"
SCHEDULES = "/rest_api/v1/release-schedules/"


def hostile_requests(token: str) -> list[tuple[str, bytes]]:
    """Requests by a caller with all rights, each with its name."""
    headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
    requests = []
    for fill in FILLS:
        for path, frame in (
            ("/api/projects", b'{"allowed_branches":%b}'),
            ("/graphql", b'{"query":"{viewer{name}}","variables":{"a":%b}}'),
            ("/graphql", b'{"query":%b}'),
            (f"{RELEASES}.json", b'{"release":%b}'),
            (SCHEDULES, b"%b"),
        ):
            body = frame % fill((8 if path == SCHEDULES else 1) * MIB - 100)
            requests.append((f"{path} {fill.__name__}", request("POST", path, body, headers)))
    forms = {"escapes": b"a=" + b"%2c" * (MIB // 13), "spaces": b"+" * (MIB // 5), "fields": b"&" * (MIB // 5)}
    for name, form in forms.items():
        requests.append((name, request("POST", SCHEDULES, form, {**headers, "Content-Type": FORM})))
    parts = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"\r\n--" * (MIB // 20) + b"\r\n--b--\r\n"
    multipart = {**headers, "Content-Type": "multipart/form-data; boundary=b"}
    requests.append(("multipart", request("POST", SCHEDULES, parts, multipart)))
    for name, content in (
        ("lines", b"\n" * (MIB - 100)),
        ("references", b"&#10;" * (MIB // 6)),
        ("instructions", b"<?a?>" * (MIB // 6)),
        ("elements", b"<a/>" * (MIB // 5)),
        ("attributes", b"<a " + b" ".join(b'a%x="1"' % number for number in range(MIB // 12)) + b"/>"),
        ("few attributes", b"<a " + b" ".join(b'a%x="1"' % number for number in range(19_000)) + b"/>"),
    ):
        document = b"<release>" + content + b"</release>"
        xml = {**headers, "Content-Type": "application/xml"}
        requests.append((f"xml {name}", request("POST", f"{RELEASES}.xml", document, xml)))
    return requests


async def test_requests_of_every_dialect(world: World) -> None:
    await world.ask("POST", "/graphql", {"query": "{ viewer { name } }"})  # the first query loads the executor
    host, port = world.url.removeprefix("http://").split(":")
    for name, data in hostile_requests(world.token):

        async def act(data: bytes = data) -> None:
            assert await asyncio.to_thread(send, (host, int(port)), data) < 500

        assert await longest_stall(act) < LIMIT, name
