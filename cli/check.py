"""`longshore check`: look at everything around the service that can be set up wrongly."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import one_line, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.rules.self_checks import Line

MARKS = {"ok": "ok", "warning": "warning", "failure": "FAILURE"}


def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print the lines as JSON, for programs.")] = False,
) -> None:
    """Look at everything that can be set up wrongly.

    Each line says what was found, and what to do: about the settings, the database, the App and its webhook on GitHub,
    its installations, each project's repository and workflows, the queue. The service need not run. Exits with 0
    without failures, otherwise with 1.
    """
    import asyncio

    from bot.rules.self_checks import is_failed
    from cli.checking import examine
    from cli.preparation import prepare

    prepare()
    lines = asyncio.run(examine())
    (_show_json if as_json else _show_text)(lines)
    if is_failed(lines):
        raise typer.Exit(1)


def _show_text(lines: "Sequence[Line]") -> None:
    for line in lines:
        show(one_line(f"{MARKS[line.state]:<8} {line.check}: {line.sentence}"))
        if line.state != "ok" and (advice := " ".join(filter(None, (line.remedy, line.url)))):
            show(f"{'':<8} {one_line(advice)}")


def _show_json(lines: "Sequence[Line]") -> None:
    from dataclasses import asdict
    from json import dumps

    from bot.rules.self_checks import is_failed

    show(dumps({"ok": not is_failed(lines), "lines": [asdict(line) for line in lines]}, indent=2, ensure_ascii=False))
