"""The documentation as a site: what its build relies on, without building it."""

import importlib.util
import re
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

from tests.docs.test_sessions import ROOT

CONFIGURATION = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
SOURCES = re.search(r"^SITE_SOURCES := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)


def hooks() -> ModuleType:
    """The hooks of mkdocs, which are in no package."""
    spec = importlib.util.spec_from_file_location("hooks", ROOT / CONFIGURATION["hooks"][0])
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HOOKS = hooks()


def listed(entries: Any) -> Iterator[str]:
    """The pages of the navigation, from top to bottom."""
    for entry in entries:
        for below in entry.values():
            yield from listed(below) if isinstance(below, list) else [below]


def test_every_page_stands_in_the_navigation_once() -> None:
    assert SOURCES is not None
    given = [ROOT / name for name in SOURCES[1].split()]
    pages = {
        page for path in given for page in (path.rglob("*.md") if path.is_dir() else [path]) if page.suffix == ".md"
    }
    decisions = {page for page in pages if page.parent.name == "decisions" and page.name != "README.md"}
    found = list(listed(CONFIGURATION["nav"]))
    assert sorted(found) == sorted(str(page.relative_to(ROOT)) for page in pages - decisions)


def test_headings_have_the_anchors_that_links_name() -> None:
    config = SimpleNamespace(mdx_configs={"toc": {"permalink": True}})
    made: Any = HOOKS.on_config(config).mdx_configs["toc"]["slugify"]
    titles = ("Get a candidate, cancel its build", "`in_progress`, and 2 – 3", "A  tag's message")
    assert [made(title, "-") for title in titles] == [
        "get-a-candidate-cancel-its-build",
        "in_progress-and-2--3",
        "a--tags-message",
    ]


def test_alternatives_in_the_code_of_tables_are_written_as_they_are_shown() -> None:
    page = "| `a\\|b` | c\\|d |\n\n`e\\|f` | x\n"
    assert HOOKS.on_page_markdown(page, page=None) == "| `a|b` | c\\|d |\n\n`e\\|f` | x\n"


@pytest.mark.parametrize(
    ("html", "loaded"),
    [
        ('<script src="https://x.example/a.js"></script>', ["https://x.example/a.js"]),
        ("<link rel=stylesheet href='//x.example/a.css'>", ["//x.example/a.css"]),
        ('<img alt="" src=http://x.example/a.png>', ["http://x.example/a.png"]),
        ('<script src="assets/a.js"></script><link rel="icon" href="../a.png"><a href="https://x.example/">x</a>', []),
    ],
)
def test_what_a_page_loads_from_other_servers_is_found(
    html: str, loaded: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert HOOKS.loaded_from_elsewhere(html) == loaded
    HOOKS.on_post_page(html, page=SimpleNamespace(url="a.html"), config=None)
    assert [record.name for record in caplog.records] == ["mkdocs.hooks.site"] * len(loaded)


def test_nothing_of_the_theme_is_loaded_from_other_servers() -> None:
    assert CONFIGURATION["theme"]["font"] is False
    for path in CONFIGURATION["extra_css"]:
        assert not re.search(r"@import|url\(", (ROOT / path).read_text())
