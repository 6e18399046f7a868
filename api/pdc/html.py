"""HTML pages for people: the request, the response, and the documentation of the resource.

Everything in a page is escaped, and its Content-Security-Policy forbids scripts and external resources.
"""

import re
from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from string import Template

import orjson
from aiohttp import web

from api.pdc import responses
from api.pdc.crud.query_params import replace_surrogates
from api.pdc.crud.resource import Field, Resource
from api.pdc.request_bodies import JSON_TYPE
from api.pdc.resources.vocabularies import Vocabulary
from api.pdc.responses import HTML_TYPE, PdcResponse
from api.pdc.routes import BASE, Route

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
}
ROOT_DESCRIPTION = "Release schedules, released files, and the resources that they refer to."
PARAMETERS = {
    "ordering": (
        "string",
        "Fields to order by, separated by commas; - before a field orders descending, __ refers to a nested field",
    ),
    "page": ("integer", "Number of the page, from 1; or last"),
    "page_size": ("integer", "Items per page: 20 by default, at most 100; 0 for all without pages (as JSON)"),
    "fields": ("list", "Fields to return and to accept, repeated or separated by commas"),
    "exclude_fields": ("list", "Fields to omit, even if they are in fields"),
}
TYPE_LABELS = {"field": "string", "datetime": "date and time"}
PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title – Longshore</title>
<style>
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5a6678; --line: #d9dee6; --box: #f3f5f8; --link: #0b5cad; }
:root { --warn: #fff4d6; --paper: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #dde3ec; --soft: #97a3b6; --line: #333c49; --box: #1c222c; --link: #7db8f5; }
  :root { --warn: #3d3417; --paper: #14181f; }
}
body { background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 64rem; padding: 1rem 1.25rem 4rem; }
a { color: var(--link); }
nav { color: var(--soft); font-size: .9rem; }
.json { float: right; }
h1 { line-height: 1.2; margin: .5rem 0; }
h2 { border-bottom: 1px solid var(--line); font-size: 1.15rem; margin: 2rem 0 .75rem; padding-bottom: .25rem; }
pre { background: var(--box); border: 1px solid var(--line); border-radius: 6px; padding: .75rem 1rem; }
pre { overflow-x: auto; }
pre, code { font-family: ui-monospace, monospace; font-size: .875rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .75rem .3rem 0; text-align: left; vertical-align: top; }
th { color: var(--soft); font-size: .85rem; font-weight: 600; }
.notice { background: var(--warn); border-radius: 6px; padding: .5rem .75rem; }
.pages { display: flex; gap: 1.5rem; }
</style>
</head>
<body>
<nav>$breadcrumbs</nav>
<h1>$title</h1>
$notice<p>$description</p>
$pages<h2>Response</h2>
<pre><b>$request</b>

$response</pre>
$pages$documentation
</body>
</html>
""")


def write(request: web.Request, route: Route, response: PdcResponse, base_url: str) -> web.Response:
    """Write a response as a page whose links begin with `base_url`."""
    headers = responses.all_headers(request, route, response)
    if response.empty:
        return web.Response(status=response.status, headers=headers)
    json_headers = {"Allow": headers["Allow"], "Content-Type": JSON_TYPE, "Vary": headers["Vary"], **response.headers}
    status_line = f"HTTP {response.status} {HTTPStatus(response.status).phrase}"
    head = "\n".join([status_line, *(f"{name}: {value}" for name, value in json_headers.items())])
    body = orjson.dumps(response.body, option=orjson.OPT_INDENT_2).decode()
    target = route.target if isinstance(route.target, Resource | Vocabulary) else None
    resource = target if isinstance(target, Resource) else None
    description, _, warning = (resource.description if resource else "" if target else ROOT_DESCRIPTION).partition(
        "Warning: "
    )
    return _page(
        response.status,
        headers,
        title=escape(f"{target.title} {'List' if route.key is None else 'Instance'}" if target else "REST API"),
        breadcrumbs=_breadcrumbs(request, target, base_url),
        notice=f'<p class="notice">Warning: {escape(warning)}</p>\n' if warning else "",
        description=escape(description),
        request=escape(f"{request.method} {replace_surrogates(request.path_qs)}"),
        pages=_pagination(response.body),
        response=f"{escape(head)}\n\n{_link_urls(escape(body), base_url)}",
        documentation=_documentation(resource) if resource else "",
    )


def write_not_found(request: web.Request, base_url: str) -> web.Response:
    """The page for an unknown path."""
    parts = {"breadcrumbs": f'<a href="{escape(base_url)}/">REST API</a>', "description": "No page has this URL."}
    parts |= {"request": "HTTP 404 Not Found", "response": escape(responses.NOT_FOUND)}
    return _page(404, responses.common_headers(request), title="Not found", **parts)


def _page(status: int, headers: Mapping[str, str], **parts: str) -> web.Response:
    """A page from parts that are already escaped."""
    text = PAGE.substitute({"notice": "", "pages": "", "documentation": "", **parts})
    return web.Response(text=text, status=status, content_type=HTML_TYPE, headers={**headers, **HEADERS})


def _breadcrumbs(request: web.Request, target: Resource | Vocabulary | None, base_url: str) -> str:
    base = escape(base_url)
    root = f'<a href="{base}/">REST API</a>'
    if target is None:
        return root
    path = replace_surrogates(request.rel_url.raw_path).removeprefix(BASE)[:-1]
    query = replace_surrogates(request.rel_url.raw_query_string)
    json_url = escape(f"{base_url}{path}.json" + f"?{query}" * bool(query))
    link = f'<a href="{base}/{target.name}/">{escape(target.name)}</a>'
    return f'{root} / {link} <a class="json" href="{json_url}">As JSON</a>'


def _link_urls(text: str, base_url: str) -> str:
    """Turn values in escaped JSON that are URLs of the API into links."""
    url = rf"&quot;({re.escape(escape(base_url))}/(?:(?!&quot;)[^\s\\])*)&quot;"
    return re.sub(url, r'&quot;<a href="\1">\1</a>&quot;', text)


def _pagination(body: object) -> str:
    if not isinstance(body, dict) or list(body) != ["count", "next", "previous", "results"]:
        return ""
    links = [
        f'<a rel="{rel}" href="{escape(body[name])}">{label}</a>'
        for name, rel, label in (("previous", "prev", "← Previous"), ("next", "next", "Next →"))
        if body[name]
    ]
    return f'<p class="pages"><span>{body["count"]:,} in all</span> {" ".join(links)}</p>\n'


def _documentation(resource: Resource) -> str:
    fields = [(field.name, _type_label(field), _rule(field)) for field in resource.fields]
    filters = [(name, _filter_type(resource, name), "") for name in sorted(resource.filters)]
    common = [(name, *description) for name, description in PARAMETERS.items()]
    tables = (
        _table("Fields", ("Field", "Type", "Rule"), fields),
        _table("Query params", ("Name", "Type", ""), [*filters, *common]),
        _table("Methods", ("Method", "URL", ""), _methods(resource)),
    )
    return "\n".join(tables)


def _table(title: str, head: tuple[str, str, str], rows: list[tuple[str, str, str]]) -> str:
    lines = [f"<h2>{title}</h2>", "<table>", f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>"]
    for first, *others in rows:
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in others)
        lines.append(f"<tr><td><code>{escape(first)}</code></td>{cells}</tr>")
    return "\n".join([*lines, "</table>"])


def _methods(resource: Resource) -> list[tuple[str, str, str]]:
    """The methods of a resource. Bulk methods use the URL of the list, and write all items or none."""
    collection = f"/rest_api/v1/{resource.name}/"
    item = collection + "".join(f"{{{path.rpartition('__')[2]}}}/" for path in resource.key)
    rows = [("GET", collection, "The list"), ("GET", item, "One item")]
    if "create" in resource.actions:
        rows.append(("POST", collection, "Create one item from an object, or several from a list of objects"))
    if "update" in resource.actions:
        rows += [
            ("PUT", item, "Replace the item; optional fields that are not sent get their defaults"),
            ("PATCH", item, "Change the fields that are sent"),
            ("PUT, PATCH", collection, "Update several: an object that maps identifiers to the body for each item"),
        ]
    if "delete" in resource.actions:
        rows += [("DELETE", item, "Delete one item"), ("DELETE", collection, "Delete several: a list of identifiers")]
    return rows


def _type_label(field: Field) -> str:
    return TYPE_LABELS.get(field.type.name, field.type.name)


def _filter_type(resource: Resource, name: str) -> str:
    """The type of a filter: that of the field with the same name, or else a string."""
    field_name = name.removesuffix("_after").removesuffix("_before")
    return next((_type_label(field) for field in resource.fields if field.name == field_name), "string")


def _rule(field: Field) -> str:
    if not field.column:
        return "read-only"
    return "required" if field.is_required else f"optional, default {orjson.dumps(field.default).decode()}"
