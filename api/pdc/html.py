"""The same answers for people: a page that shows what was asked, what was answered, and how to ask.

Everything in a page is escaped, and browsers are told to run nothing and to load nothing.
"""

import re
from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from string import Template
from typing import Any

import orjson

from api.pdc.crud.resource import REQUIRED, Field, Resource
from api.pdc.resources.vocabularies import Words

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
}
ROOT = "Release schedules, released files and what they rest on."
PARAMETERS = {
    "ordering": ("string", "Fields to order by, separated by commas; one with - before it descends, __ leads into it"),
    "page": ("integer", "Which page, from 1; or last"),
    "page_size": ("integer", "Items on a page: 20 unless given, at most 100; 0 for all without pages (as JSON)"),
    "fields": ("list", "Fields to show and to take, repeated or separated by commas"),
    "exclude_fields": ("list", "Fields to leave out, even if they are in fields"),
}
TYPES = {"field": "string", "datetime": "date and time"}
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
<nav>$way</nav>
<h1>$title</h1>
$notice<p>$description</p>
$pages<h2>Answer</h2>
<pre><b>$asked</b>

$answer</pre>
$pages$documents
</body>
</html>
""")


def render(
    asked: str,
    status: int,
    headers: Mapping[str, str],
    value: Any,
    of: Resource | Words | None,
    base: str,
    *,
    item: bool = False,
    as_json: str = "",
) -> str:
    """One answer as a page. `base` is what the addresses of the API begin with: these become links."""
    resource = of if isinstance(of, Resource) else None
    description, _, warning = (resource.description if resource else "" if of else ROOT).partition("Warning: ")
    way = f'<a href="{escape(base)}/">REST API</a>'
    way += f' / <a href="{escape(base)}/{of.name}/">{escape(of.name)}</a>' if of else ""
    way += f' <a class="json" href="{escape(as_json)}">As JSON</a>' if as_json else ""
    title = f"{of.title} {'Instance' if item else 'List'}" if of else "REST API"
    lines = [f"HTTP {status} {HTTPStatus(status).phrase}", *(f"{name}: {said}" for name, said in headers.items())]
    body = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return PAGE.substitute(
        title=escape(title),
        way=way,
        notice=f'<p class="notice">Warning: {escape(warning)}</p>\n' if warning else "",
        description=escape(description),
        asked=escape(asked),
        pages=_pages(value),
        answer=f"{escape(chr(10).join(lines))}\n\n{_linked(escape(body), base)}",
        documents=_documents(resource) if resource else "",
    )


def nowhere() -> str:
    """The page of an address that leads nowhere."""
    return PAGE.substitute(
        title="Not found",
        way='<a href="/rest_api/v1/">REST API</a>',
        notice="",
        description="There is nothing at this address.",
        asked="HTTP 404 Not Found",
        pages="",
        answer=escape('{"detail": "Not found"}'),
        documents="",
    )


def _linked(text: str, base: str) -> str:
    """Escaped JSON in which addresses of the API, where they are whole values, are links."""
    address = rf"&quot;({re.escape(escape(base))}/(?:(?!&quot;)[^\s\\])*)&quot;"
    return re.sub(address, r'&quot;<a href="\1">\1</a>&quot;', text)


def _pages(value: Any) -> str:
    if not isinstance(value, dict) or list(value) != ["count", "next", "previous", "results"]:
        return ""
    links = [
        f'<a rel="{rel}" href="{escape(value[name])}">{said}</a>'
        for name, rel, said in (("previous", "prev", "← Previous"), ("next", "next", "Next →"))
        if value[name]
    ]
    return f'<p class="pages"><span>{value["count"]:,} in all</span> {" ".join(links)}</p>\n'


def _documents(of: Resource) -> str:
    fields = _table(("Field", "Type", "Rule"), [(each.name, _type(each), _rule(each)) for each in of.fields])
    filters = [(name, _filtered(of, name), "") for name in sorted(of.filters)]
    common = [(name, *said) for name, said in PARAMETERS.items()]
    return "\n".join(
        [
            *("<h2>Fields</h2>", fields),
            *("<h2>Query params</h2>", _table(("Name", "Type", ""), [*filters, *common])),
            *("<h2>Calls</h2>", _table(("Method", "Address", ""), _calls(of))),
        ]
    )


def _table(head: tuple[str, str, str], rows: list[tuple[str, str, str]]) -> str:
    said = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = [
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(kind)}</td><td>{escape(rule)}</td></tr>"
        for name, kind, rule in rows
    ]
    return "\n".join(["<table>", f"<tr>{said}</tr>", *lines, "</table>"])


def _calls(of: Resource) -> list[tuple[str, str, str]]:
    """Every call of a resource. Many items are written together by the address of the list: all of them or none."""
    many = f"/rest_api/v1/{of.name}/"
    one = many + "".join(f"{{{path.rpartition('__')[2]}}}/" for path in of.key)
    calls = [("GET", many, "The list"), ("GET", one, "One item")]
    if "create" in of.acts:
        calls.append(("POST", many, "Make one of an object, or several of a list of objects"))
    if "update" in of.acts:
        calls += [
            ("PUT", one, "Write every field; what is optional and not sent is erased"),
            ("PATCH", one, "Write what is sent"),
            ("PUT, PATCH", many, "Write several: an object of identifiers and what would be sent to each"),
        ]
    if "delete" in of.acts:
        calls += [("DELETE", one, "Delete one item"), ("DELETE", many, "Delete several: a list of identifiers")]
    return calls


def _type(each: Field) -> str:
    return TYPES.get(each.kind.name, each.kind.name)


def _filtered(of: Resource, name: str) -> str:
    """The type of a filter: that of its field, where there is one."""
    field = name.removesuffix("_after").removesuffix("_before")
    return next((_type(each) for each in of.fields if each.name == field), "string")


def _rule(each: Field) -> str:
    if not each.column:
        return "read-only"
    if each.default is REQUIRED:
        return "required"
    return f"optional, default {orjson.dumps(each.default).decode()}"
