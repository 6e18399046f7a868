"""Run a command; every failure is one line on standard error and a non-zero exit code."""

from collections.abc import Iterable, Mapping
from io import TextIOWrapper

from typer.exceptions import Abort, Exit, TyperException

from bot.errors import Problem
from cli.commands import command_line
from cli.encodings import decode_argument, escape_what_cannot_be_shown
from cli.output import one_line, show_aside
from cli.usage import usage_problem


def run_command(arguments: list[str], streams: Iterable[object] = ()) -> int:
    """Run a command and return its exit code; `streams` show what they cannot show as escape sequences."""
    for stream in streams:
        if isinstance(stream, TextIOWrapper):
            escape_what_cannot_be_shown(stream)
    try:
        arguments = [decode_argument(argument) for argument in arguments]
        return _run(arguments)
    except Problem as problem:
        return _fail(problem.sentence, problem.details)
    except Abort:
        return 130
    except OSError as error:
        return _fail(f"{error.strerror or error}: {error.filename}" if error.filename else str(error))
    except Exception as error:  # noqa: BLE001 - bugs are also reported in one line, with their location
        return _fail(f"Internal error, please report it: {error!r} in {_location(error)}")


def _run(arguments: list[str]) -> int:
    commands = command_line(arguments)
    try:
        result = commands.main(args=arguments, prog_name="longshore", standalone_mode=False)
    except TyperException as error:
        _fail(usage_problem(error, commands, arguments))
        return error.exit_code
    except Exit as exit_:
        return exit_.exit_code
    return result if isinstance(result, int) else 0


def _location(error: Exception) -> str:
    from traceback import extract_tb

    frame = extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}, line {frame.lineno}"


def _fail(message: str, details: Mapping[str, object] | None = None) -> int:
    from bot.log import redact
    from bot.rules.names import advice, without_names

    known = details or {}
    others = {name.replace("_", " "): _flat(value) for name, value in without_names(known).items() if name != "field"}
    extra = ", ".join(value if name == "reason" else f"{name}: {value}" for name, value in others.items())
    text = f"{message} ({extra})" if extra else message
    line = redact("longshore: " + (f"{text.rstrip('.')}. {said}" if (said := advice(known, sees_all=True)) else text))
    show_aside(one_line(line))
    return 1


def _flat(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
