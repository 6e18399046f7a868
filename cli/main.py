"""The `longshore` command: it loads what runs commands, and Ctrl-C may come while it does."""

import sys


def main() -> None:
    """Run the command line."""
    sys.exit(run(sys.argv[1:], escaping=True))


def run(arguments: list[str], *, escaping: bool = False) -> int:
    """Run a command and return its exit code.

    With `escaping`, standard output and standard error show characters that they cannot show as escape sequences.
    """
    try:
        from cli.execution import run_command

        return run_command(arguments, (sys.stdout, sys.stderr) if escaping else ())
    except KeyboardInterrupt:
        return 130
