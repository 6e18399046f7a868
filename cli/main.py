"""The `longshore` command: it loads what runs commands, and Ctrl-C may come while it does."""

import os
import sys

from cli.output import show
from cli.overview import COMPLETE, SHOWN


def main() -> None:
    """Run the command line."""
    try:
        code = run(sys.argv[1:], escaping=True)
    except BrokenPipeError:  # nobody reads the rest, nor what would be written at the exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)


def run(arguments: list[str], *, escaping: bool = False) -> int:
    """Run a command and return its exit code.

    With `escaping`, standard output and standard error show characters that they cannot show as escape sequences.
    """
    if len(arguments) == 1 and arguments[0] in SHOWN:
        show(SHOWN[arguments[0]]())
        return 0
    try:
        if arguments[:1] == [COMPLETE]:
            from cli.completion import complete

            return complete(arguments[1:])
        from cli.execution import run_command

        return run_command(arguments, (sys.stdout, sys.stderr) if escaping else ())
    except KeyboardInterrupt:
        return 130
