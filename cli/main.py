"""The `longshore` command; every failure is one line on standard error and a non-zero exit code."""

import sys
from traceback import extract_tb
from typing import Any

import typer
from typer.exceptions import Abort, Exit, TyperException
from typer.main import get_command

from bot import log
from bot.errors import Problem
from bot.log import redact
from bot.rules.names import advice, without_names
from cli import deliveries, demo, environments, health, processes, projects, sandboxes, tokens
from sandbox.errors import SandboxError

app = typer.Typer(
    name="longshore",
    help="A self-hosted release bot for GitHub.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("serve")(processes.serve)
app.command("work")(processes.work)
app.command("demo")(demo.demo)
app.command("sandbox")(sandboxes.sandbox)
app.command("health")(health.health)
app.command("migrate")(processes.migrate)
app.command("openapi")(processes.openapi)
app.add_typer(tokens.app, name="token")
app.add_typer(projects.app, name="project")
app.add_typer(environments.app, name="environment")
app.add_typer(deliveries.app, name="deliveries")


def main() -> None:
    """Run the command line."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run a command and return its exit code."""
    log.configure("error")
    try:
        result = get_command(app).main(args=arguments, prog_name="longshore", standalone_mode=False)
    except Problem as problem:
        return _fail(problem.sentence, problem.details)
    except SandboxError as error:
        return _fail(str(error), {})
    except TyperException as error:
        _fail(f"{error.format_message()} (see longshore --help)", {})
        return int(getattr(error, "exit_code", 2))
    except Exit as exit_:
        return exit_.exit_code
    except (Abort, KeyboardInterrupt):
        return 130
    except OSError as error:
        return _fail(f"{error.strerror or error}: {error.filename}" if error.filename else str(error), {})
    except Exception as error:  # noqa: BLE001 - bugs are also reported in one line, with their location
        frame = extract_tb(error.__traceback__)[-1]
        return _fail(f"Internal error, please report it: {error!r} in {frame.filename}, line {frame.lineno}", {})
    return result if isinstance(result, int) else 0


def _fail(message: str, details: Any) -> int:
    others = {name.replace("_", " "): _flat(value) for name, value in without_names(details).items() if name != "field"}
    extra = ", ".join(value if name == "reason" else f"{name}: {value}" for name, value in others.items())
    text = f"{message} ({extra})" if extra else message
    line = redact("longshore: " + (f"{text.rstrip('.')}. {said}" if (said := advice(details)) else text))
    printable = " ".join(line.split()).encode(errors="backslashreplace").decode()
    print(printable, file=sys.stderr)  # noqa: T201
    return 1


def _flat(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
