"""HTML pages for people: the request, the response, and how to use the resource.

Everything in a page is escaped, and browsers are told to run no scripts and to load nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from string import Template

import orjson

from api.pdc.crud.resource import REQUIRED, Field, Resource
from api.pdc.resources.vocabularies import Vocabulary

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
}
ROOT = "Release schedules, released files and what they rest on."
PARAMETERS = {
    "ordering": (
        "string",
        "Fields to order by, separated by commas; - before a field orders descending, __ refers to a nested field",
    ),
    "page": ("integer", "Number of the page, from 1; or last"),
    "page_size": ("integer", "Items on a page: 20 unless given, at most 100; 0 for all without pages (as JSON)"),
    "fields": ("list", "Fields to show and to take, repeated or separated by commas"),
    "exclude_fields": ("list", "Fields to leave out, even if they are in fields"),
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


@dataclass(frozen=True)
class Exchange:
    """A request and its response as a page shows them.

    `base_url` is what the links of the API begin with; `json_url` is the address of the same response as JSON.
    """

    request_line: str
    status: int
    headers: Mapping[str, str]
    body: object
    target: Resource | Vocabulary | None
    is_item: bool
    base_url: str
    json_url: str


def render(exchange: Exchange) -> str:
    """The page that shows an exchange."""
    target, base_url = exchange.target, exchange.base_url
    resource = target if isinstance(target, Resource) else None
    description, _, warning = (resource.description if resource else "" if target else ROOT).partition("Warning: ")
    status_line = f"HTTP {exchange.status} {HTTPStatus(exchange.status).phrase}"
    head = "\n".join([status_line, *(f"{name}: {value}" for name, value in exchange.headers.items())])
    body = orjson.dumps(exchange.body, option=orjson.OPT_INDENT_2).decode()
    return PAGE.substitute(
        title=escape(f"{target.title} {'Instance' if exchange.is_item else 'List'}" if target else "REST API"),
        breadcrumbs=_breadcrumbs(exchange),
        notice=f'<p class="notice">Warning: {escape(warning)}</p>\n' if warning else "",
        description=escape(description),
        request=escape(exchange.request_line),
        pages=_pagination(exchange.body),
        response=f"{escape(head)}\n\n{_link_urls(escape(body), base_url)}",
        documentation=_documentation(resource) if resource else "",
    )


def render_not_found() -> str:
    """The page for a path that leads nowhere."""
    return PAGE.substitute(
        title="Not found",
        breadcrumbs='<a href="/rest_api/v1/">REST API</a>',
        notice="",
        description="There is nothing at this address.",
        request="HTTP 404 Not Found",
        pages="",
        response=escape('{"detail": "Not found"}'),
        documentation="",
    )


def _breadcrumbs(exchange: Exchange) -> str:
    target, base_url, json_url = exchange.target, escape(exchange.base_url), escape(exchange.json_url)
    links = f'<a href="{base_url}/">REST API</a>'
    links += f' / <a href="{base_url}/{target.name}/">{escape(target.name)}</a>' if target else ""
    return links + (f' <a class="json" href="{json_url}">As JSON</a>' if json_url else "")


def _link_urls(text: str, base_url: str) -> str:
    """Turn URLs of the API into links where they are whole values in escaped JSON."""
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
    fields = [(each.name, _type_label(each), _rule(each)) for each in resource.fields]
    filters = [(name, _filter_type(resource, name), "") for name in sorted(resource.filters)]
    common = [(name, *description) for name, description in PARAMETERS.items()]
    return "\n".join(
        [
            *("<h2>Fields</h2>", _table(("Field", "Type", "Rule"), fields)),
            *("<h2>Query params</h2>", _table(("Name", "Type", ""), [*filters, *common])),
            *("<h2>Calls</h2>", _table(("Method", "Address", ""), _methods(resource))),
        ]
    )


def _table(head: tuple[str, str, str], rows: list[tuple[str, str, str]]) -> str:
    header = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = [
        f"<tr><td><code>{escape(first)}</code></td><td>{escape(second)}</td><td>{escape(third)}</td></tr>"
        for first, second, third in rows
    ]
    return "\n".join(["<table>", f"<tr>{header}</tr>", *lines, "</table>"])


def _methods(resource: Resource) -> list[tuple[str, str, str]]:
    """The methods of a resource. Bulk methods go to the address of the list and write all items or none."""
    collection = f"/rest_api/v1/{resource.name}/"
    item = collection + "".join(f"{{{path.rpartition('__')[2]}}}/" for path in resource.key)
    rows = [("GET", collection, "The list"), ("GET", item, "One item")]
    if "create" in resource.actions:
        rows.append(("POST", collection, "Create one item from an object, or several from a list of objects"))
    if "update" in resource.actions:
        rows += [
            ("PUT", item, "Write every field; optional ones that are not sent are erased"),
            ("PATCH", item, "Write the fields that are sent"),
            ("PUT, PATCH", collection, "Update several: an object of identifiers with what would be sent to each item"),
        ]
    if "delete" in resource.actions:
        rows += [("DELETE", item, "Delete one item"), ("DELETE", collection, "Delete several: a list of identifiers")]
    return rows


def _type_label(field: Field) -> str:
    return TYPE_LABELS.get(field.type.name, field.type.name)


def _filter_type(resource: Resource, name: str) -> str:
    """The type of a filter: that of the field of the same name, if any."""
    field_name = name.removesuffix("_after").removesuffix("_before")
    return next((_type_label(each) for each in resource.fields if each.name == field_name), "string")


def _rule(field: Field) -> str:
    if not field.column:
        return "read-only"
    if field.default is REQUIRED:
        return "required"
    return f"optional, default {orjson.dumps(field.default).decode()}"
