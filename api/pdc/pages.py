"""The same answers for people: a page that shows what was asked, what was answered, and how to ask."""

from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from string import Template
from typing import Any

import orjson

from api.resource import REQUIRED, Field, Resource

PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }
body { color: #1c2430; background: #fff; }
pre { background: #f3f5f8; border: 1px solid #d9dee6; border-radius: 4px; overflow-x: auto; padding: .75rem; }
table { border-collapse: collapse; }
td { border-bottom: 1px solid #d9dee6; padding: .25rem .75rem .25rem 0; text-align: left; }
@media (prefers-color-scheme: dark) {
  body { background: #14181f; color: #dde3ec; }
  pre { background: #1c222c; border-color: #333c49; }
  td { border-color: #333c49; }
}
</style>
</head>
<body>
<h1>$title</h1>
<p>$description</p>
$documents
<h2>Answer</h2>
<pre>$method $path
$answer</pre>
</body>
</html>
""")


def render(method: str, path: str, status: int, headers: Mapping[str, str], value: Any, of: Resource | None) -> str:
    """One answer as a page. Everything in it is escaped."""
    lines = [f"HTTP {status} {HTTPStatus(status).phrase}", *(f"{name}: {said}" for name, said in headers.items())]
    said = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return PAGE.substitute(
        title=escape(of.title if of else "Longshore REST API"),
        description=escape(of.description if of else "Release schedules, released files and what they rest on."),
        documents=_documents(of) if of else "",
        method=escape(method),
        path=escape(path),
        answer=escape("\n".join([*lines, "", said])),
    )


def _documents(of: Resource) -> str:
    fields = "".join(
        f"<tr><td><code>{escape(each.name)}</code></td><td>{escape(each.kind.name)}</td><td>{_rule(each)}</td></tr>"
        for each in of.fields
    )
    parameters = ", ".join(f"<code>{escape(name)}</code>" for name in sorted(of.filters))
    return (
        f"<h2>Fields</h2>\n<table>{fields}</table>\n<h2>Query params</h2>\n<p>{parameters}, and everywhere "
        "<code>ordering</code>, <code>page</code>, <code>page_size</code>, <code>fields</code> and "
        "<code>exclude_fields</code>.</p>"
    )


def _rule(each: Field) -> str:
    if not each.column:
        return "read-only"
    return "required" if each.default is REQUIRED else "optional"
