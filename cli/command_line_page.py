"""Write the reference of `docs/command-line.md` anew, for developers: `python -m cli.command_line_page`."""

import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

import typer
from typer.core import TyperGroup

from cli.client.exits import INTERRUPTED, MEANINGS
from cli.commands import command_line
from cli.overview import SECTIONS

PAGE = Path(__file__).parent.parent / "docs" / "command-line.md"
WIDTH = 120
GENERATED = re.compile(r"(<!-- (?P<name>[\w-]+) -->\n).*?(<!-- end -->\n)", re.DOTALL)


def current(page: str) -> str:
    """A page with the exit codes and the commands that there are now."""
    parts = {"exit-codes": exit_codes(), "reference": "\n".join(reference())}
    return GENERATED.sub(lambda match: f"{match[1]}{parts[match['name']]}\n{match[3]}", page)


def exit_codes() -> str:
    """The table of exit codes."""
    rows = [*MEANINGS.items(), (INTERRUPTED, "stopped with Ctrl-C")]
    return _table(("code", "meaning"), ((str(code), meaning) for code, meaning in rows))


def reference() -> Iterator[str]:
    """Every command: how it is called, what it does, its arguments and its options."""
    for title, commands in SECTIONS.items():
        yield f"## {title.partition(' (')[0]}\n"
        for name in commands:
            group = command_line([name])
            parent = typer.Context(group, info_name="longshore")
            command = group.commands[name]
            below = command.commands if isinstance(command, TyperGroup) else {}
            if not below:
                yield from _section(typer.Context(command, parent, info_name=name))
            for subname, subcommand in below.items():
                yield from _section(typer.Context(subcommand, typer.Context(command, parent, name), info_name=subname))


def _section(context: typer.Context) -> Iterator[str]:
    command = context.command
    yield f"### {context.command_path}\n"
    yield f"```text\n{command.get_usage(context).removeprefix('Usage: ')}\n```\n"
    yield f"{_paragraphs(command.help or '')}\n"
    records = [record for each in command.params if (record := each.get_help_record(context)) is not None]
    if records:
        rows = ((f"`{left}`", right.replace("  [", " [")) for left, right in records)
        yield _table(("argument or option", "description"), rows) + "\n"


def _paragraphs(text: str) -> str:
    """A command's help, in lines of the width that other pages have."""
    return "\n\n".join(textwrap.fill(" ".join(paragraph.split()), WIDTH) for paragraph in text.split("\n\n"))


def _table(titles: tuple[str, str], rows: Iterable[tuple[str, str]]) -> str:
    lines = [titles, ("---", "---"), *((left, right.replace("|", "\\|")) for left, right in rows)]
    return "\n".join(f"| {left} | {right} |" for left, right in lines)


if __name__ == "__main__":
    PAGE.write_text(current(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
