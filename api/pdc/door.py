"""How release schedules, released files and what they rest on come and go over HTTP: docs/schedules.md."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
from aiohttp import web

from api import resource as acts
from api.bodies import Unreadable, read_bytes, refuse_nul
from api.endpoints import Serving, status_of
from api.pdc import pages, queries
from api.pdc.changes import CHANGESETS
from api.pdc.files import FILES, REPOS, RPMS, VARIANTS
from api.pdc.releases import RELEASES
from api.pdc.schedules import SCHEDULES
from api.pdc.support import PRODUCT_VERSIONS, PRODUCTS, SLAS
from api.pdc.tokens import TOKENS
from api.pdc.words import WORDS, Words
from api.resource import PARTIAL_WITHOUT_CHANGES, REQUIRED, Asked, Field, Invalid, Resource, View, said
from bot.context import FORBIDDEN, MISSING, Actor, Context
from bot.errors import Forbidden, Problem, TooMany, Unauthenticated, Unavailable
from bot.log import about

BASE = "/rest_api/v1"
LARGEST = 8 * 1024 * 1024  # bytes of a body: ten thousand items
SAFE = ("GET", "HEAD", "OPTIONS")
RESOURCES = {
    each.name: each
    for each in (
        *(SCHEDULES, FILES, RELEASES, PRODUCTS, PRODUCT_VERSIONS, SLAS, VARIANTS, REPOS, RPMS, CHANGESETS),
        *WORDS,
    )
}
JSON_TYPE, HTML_TYPE = "application/json", "text/html"
PARSED = (JSON_TYPE, "application/x-www-form-urlencoded", "multipart/form-data")
CORS_HEADERS = "x-requested-with, content-type, accept, origin, authorization, pdc-change-comment"


@dataclass(frozen=True)
class Place:
    """What a path leads to: a resource or list, one of its items, a token endpoint, or the root (nothing of these)."""

    of: Resource | Words | str = ""
    key: str | None = None
    suffix: str = "/"

    @property
    def allow(self) -> tuple[str, ...]:
        """The methods that it answers to, as `Allow` says them."""
        if isinstance(self.of, str):
            return TOKENS[self.of].methods if self.of else SAFE
        made = self.of.acts if isinstance(self.of, Resource) else frozenset()
        write = ("PUT", "PATCH") if "update" in made else ()
        create = ("POST",) if "create" in made and self.key is None else ()
        delete = ("DELETE",) if "delete" in made else ()
        return ("GET", *create, *write, *delete, "HEAD", "OPTIONS")


@dataclass
class Answer:
    """What is answered: a value to be written as JSON (nothing: an empty body), and headers besides the usual."""

    value: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    empty: bool = False


def find(path: str) -> Place | str:
    """Where a path below the base leads, or where it should have gone. Refuses one that leads nowhere."""
    *parts, last = path.split("/")
    slash = not last
    names = [unquote(part) for part in (parts if slash else [*parts, last])]
    suffix = "/"
    if names and names[-1].endswith(".json") and (not slash or len(names) == 1):
        names[-1], suffix, slash = names[-1].removesuffix(".json"), ".json", True
    place = _place(names, suffix)
    if place is None or "" in names:
        raise Invalid({"detail": "Not found"}, 404)
    return place if slash else f"{BASE}/{path}/"


def _place(names: Sequence[str], suffix: str) -> Place | None:
    if not names:
        return Place()
    if (joined := "/".join(names)) in TOKENS:
        return Place(joined)
    found = RESOURCES.get(names[0])
    keys = len(found.key) if isinstance(found, Resource) else 0
    if found is None or len(names) - 1 not in (0, keys):
        return None
    return Place(found, "/".join(names[1:]) if names[1:] else None, suffix)


def add(app: web.Application, serving: Serving) -> None:
    """Serve everything below the base."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            place = find(request.rel_url.raw_path[len(BASE) + 1 :])
        except Invalid as nowhere:
            if "text/html" in request.headers.get("Accept", ""):
                return _written(request, Place(), Answer(nowhere.said, 404), html=True)
            return web.Response(text='{"detail": "Not found"}', status=404, content_type=JSON_TYPE)
        if isinstance(place, str):
            query = request.rel_url.raw_query_string
            return web.Response(status=301, headers={"Location": place + (f"?{query}" if query else "")})
        return await _answered(request, place, serving)

    for path in (f"{BASE}/{{tail:[\\s\\S]*}}", BASE):
        app.router.add_route("*", path, handle)


async def _answered(request: web.Request, place: Place, serving: Serving) -> web.Response:
    html = False
    try:
        html = place.suffix == "/" and _wants_html(request.headers.get("Accept", ""))
        answer = await _performed(request, place, serving)
    except Problem as problem:
        about(refusal=problem.sentence)
        answer = _refused(problem)
    return _written(request, place, answer, html=html)


def _refused(problem: Problem) -> Answer:
    if isinstance(problem, Invalid):
        return Answer(problem.said, problem.status)
    answer = Answer({"detail": problem.sentence}, status_of(problem))
    if isinstance(problem, Unavailable | TooMany):
        answer.headers["Retry-After"] = str(problem.retry_after)
    if answer.status == 401:
        answer.headers["WWW-Authenticate"] = "Token"
    if answer.status == 400 and not isinstance(problem, Unreadable):
        answer.value = said(problem).said
    return answer


def _written(request: web.Request, place: Place, answer: Answer, *, html: bool) -> web.Response:
    headers = {"Allow": ", ".join(place.allow), "Vary": "Accept", "X-Frame-Options": "SAMEORIGIN", **answer.headers}
    if "Origin" in request.headers and request.method in SAFE:
        headers["Access-Control-Allow-Origin"] = "*"
    if answer.empty:
        return web.Response(status=answer.status, headers=headers)
    body = orjson.dumps(answer.value)
    if html:
        of = place.of if isinstance(place.of, Resource) else None
        body = pages.render(request.method, request.path_qs, answer.status, headers, answer.value, of).encode()
        headers["Content-Type"] = f"{HTML_TYPE}; charset=utf-8"
    else:
        headers["Content-Type"] = JSON_TYPE
    response = web.Response(body=body, status=answer.status, headers=headers)
    if len(body) > 1024 and "gzip" in request.headers.get("Accept-Encoding", ""):
        response.headers["Vary"] = "Accept, Accept-Encoding"
        response.enable_compression()
    return response


def _wants_html(accept: str) -> bool:
    """Whether a page is wanted rather than JSON; refused when it is neither."""
    wanted = []
    for part in accept.split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = next((parameter[2:] for parameter in parameters if parameter.startswith("q=")), "1")
        if kind and weight.strip("0.") != "":
            wanted.append((-_weight(weight), kind))
    for _, kind in sorted(wanted, key=lambda each: each[0]):
        if kind in ("*/*", "application/*", JSON_TYPE):
            return False
        if kind in (HTML_TYPE, "text/*"):
            return True
    if wanted:
        raise Invalid({"detail": "Could not satisfy the request Accept header."}, 406)
    return False


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


async def _performed(request: web.Request, place: Place, serving: Serving) -> Answer:
    method = request.method
    if method not in place.allow:
        raise Invalid({"detail": f'Method "{method}" not allowed.'}, 405)
    if method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        allow = {"Access-Control-Allow-Methods": "GET, HEAD, OPTIONS", "Access-Control-Allow-Headers": CORS_HEADERS}
        return Answer(None, 200, allow, empty=True)
    actor = await _caller(request, serving)
    about(actor=actor.name)
    context = serving.context().acting_as(actor, "rest")
    base = serving.base_url or f"{request.scheme}://{request.host}"
    view = View(base + BASE, place.suffix, context.now().astimezone(UTC).date())
    if isinstance(place.of, str):
        return await _of_service(request, place.of, context, view)
    _authorise(actor, place, method)
    if isinstance(place.of, Words):
        return await _words(request, place.of, view)
    return await _resource(request, place, place.of, context, view)


async def _caller(request: web.Request, serving: Serving) -> Actor:
    """Who asks. Schemes that are not ours count as none at all."""
    scheme, *rest = request.headers.get("Authorization", "").split() or [""]
    if not scheme or scheme.lower() not in ("token", "bearer"):
        return serving.access.stranger
    if not rest:
        raise serving.access.refusal(request, "", "Invalid token header. No credentials provided.")
    if len(rest) > 1:
        spaces = "Invalid token header. Token string should not contain spaces."
        raise serving.access.refusal(request, rest[0], spaces)
    return await serving.access.caller(request)


def _authorise(actor: Actor, place: Place, method: str) -> None:
    """Whether the caller may do this at all, before anything that was sent is looked at."""
    if method == "OPTIONS":
        return
    needed = "content:read" if method in SAFE else "content:write"
    for_strangers = not isinstance(place.of, Resource) or place.of.for_strangers
    may = actor.may(needed) if method in SAFE and for_strangers else actor.holds(needed)
    if not for_strangers and actor.project_id is not None:
        raise Forbidden(FORBIDDEN)
    if not may:
        raise Unauthenticated(MISSING) if actor.is_stranger else Forbidden(FORBIDDEN)


async def _of_service(request: web.Request, name: str, context: Context, view: View) -> Answer:
    if name:
        queries.check_names(request.query, ())
        secret = request.headers.get("Authorization", "").partition(" ")[2].strip()
        value = await TOKENS[name].perform(context, secret)
        return Answer(value, empty=value is None)
    return Answer({each: f"{view.base}/{each}/" for each in sorted(RESOURCES)})


async def _words(request: web.Request, words: Words, view: View) -> Answer:
    queries.check_names(request.query, (*queries.PAGING, "fields", "exclude_fields"))
    fields = queries.select(words.fields, request.query, {})
    items = [{each.name: item[each.name] for each in fields} for item in words.items]
    if request.method == "OPTIONS":
        return Answer(_described(f"{words.title} List", "", {}))

    async def count() -> int:
        return len(items)

    async def rows(limit: int | None, offset: int) -> list[dict[str, Any]]:
        return items[offset : None if limit is None else offset + limit]

    address = f"{view.base}/{words.name}{view.suffix}"
    return Answer(await queries.paged(request.query, address, count, rows))


async def _resource(request: web.Request, place: Place, of: Resource, context: Context, view: View) -> Answer:
    body = await _body(request)
    comment = request.headers.get("PDC-Change-Comment")
    if request.method == "PATCH" and place.key is not None and not body:
        return Answer({"detail": PARTIAL_WITHOUT_CHANGES}, 400, {"pdc-warning": PARTIAL_WITHOUT_CHANGES})
    in_body = body if request.method in ("GET", "HEAD") else None
    asked = queries.read(context, of, view, request.query, in_body, comment)
    match request.method:
        case "GET" | "HEAD" if place.key is None:
            address = f"{view.base}/{of.name}{view.suffix}"
            rows = lambda limit, offset: acts.page(asked, limit, offset)  # noqa: E731
            return Answer(await queries.paged(request.query, address, lambda: acts.count(asked), rows))
        case "GET" | "HEAD":
            return Answer(await acts.one(asked, str(place.key)))
        case "OPTIONS":
            return Answer(await _options(asked, place, of))
        case "POST":
            return Answer(await acts.create(asked, body), 201)
        case "DELETE":
            await acts.delete(asked, body, place.key)
            return Answer(None, 204, empty=True)
        case _:
            return Answer(await acts.update(asked, body, place.key, partial=request.method == "PATCH"))


async def _body(request: web.Request) -> Any:
    """What was sent: JSON or a form. Nothing at all counts as an empty object; on reads only a JSON object counts."""
    raw = await read_bytes(request, LARGEST)
    if request.method in SAFE:
        try:
            return orjson.loads(raw) if request.content_type == JSON_TYPE else None
        except orjson.JSONDecodeError:
            return None
    if not raw.strip():
        return {}
    kind = request.content_type if "Content-Type" in request.headers else ""
    if kind == JSON_TYPE:
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise Invalid({"detail": f"JSON parse error - {error}"}) from error
    elif kind == PARSED[1]:
        body = _pairs(raw)
    elif kind == PARSED[2]:
        body = _parts(request, raw)
    else:
        raise Invalid({"detail": f'Unsupported media type "{kind}" in request.'}, 415)
    refuse_nul(body)
    return body


def _pairs(raw: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=1000))
    except ValueError as error:
        raise Invalid({"detail": f"Form parse error - {error}"}) from error


def _parts(request: web.Request, raw: bytes) -> dict[str, str]:
    """The fields of a form in several parts; files are none."""
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode("utf-8", "replace")
    message = BytesParser(policy=HTTP).parsebytes(head + raw)
    fields: dict[str, str] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="Content-Disposition")
        if not isinstance(name, str) or part.get_filename() is not None:
            raise Invalid({"detail": "Multipart form parse error - every part must be a named field"})
        content = part.get_payload(decode=True)
        fields[name] = content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
    return fields


async def _options(asked: Asked, place: Place, of: Resource) -> dict[str, Any]:
    """What may be done here, and by this caller."""
    actions: dict[str, Any] = {}
    if asked.context.actor.holds("content:write"):
        methods = [method for method in ("POST", "PUT") if method in place.allow]
        there = place.key is None or await acts.exists(asked, place.key)
        actions = {method: {each.name: _action(each) for each in of.fields} for method in methods if there}
    return _described(f"{of.title} {'List' if place.key is None else 'Instance'}", of.description, actions)


def _described(name: str, description: str, actions: Mapping[str, Any]) -> dict[str, Any]:
    said = {"name": name, "description": description, "renders": [JSON_TYPE, HTML_TYPE], "parses": list(PARSED)}
    return {**said, **({"actions": actions} if actions else {})}


def _action(each: Field) -> dict[str, Any]:
    label = "ID" if each.name == "id" else each.name.replace("_", " ").capitalize()
    required = bool(each.column) and each.default is REQUIRED
    return {"type": each.kind.name, "required": required, "read_only": not each.column, "label": label}
