"""Help, the version and errors of usage: complete, in plain English, and without loading the service."""

import re
import subprocess
import sys

import pytest
from typer.core import TyperGroup

from cli.commands import command_line
from cli.overview import COMMANDS
from tests.cli.conftest import COMMAND, ROOT, Cli, process_environment

GROUPS = [name for name in COMMANDS if isinstance(command_line([name]).commands[name], TyperGroup)]
SUBCOMMANDS = [
    f"{name} {subcommand}"
    for name in GROUPS
    if isinstance(group := command_line([name]).commands[name], TyperGroup)
    for subcommand in group.commands
]
EVERY_COMMAND = ["", *COMMANDS, *SUBCOMMANDS]
HEAVY = ("aiohttp", "asyncio", "asyncpg", "bot.operations", "cryptography", "pydantic", "server", "tortoise")


@pytest.mark.parametrize("command", EVERY_COMMAND)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_has_help(cli: Cli, command: str, option: str) -> None:
    usage = " ".join(["Usage: longshore", *command.split()])
    assert cli.run(*command.split(), option).assert_succeeded().startswith(usage)


@pytest.mark.parametrize("command", EVERY_COMMAND)
def test_help_is_complete_and_shows_no_types_of_python(cli: Cli, command: str) -> None:
    text = cli.run(*command.split(), "-h").assert_succeeded()
    assert "..." not in text.replace("[ARGS]...", "")
    assert not re.search(r"list\[|dict|None|<bool|<path", text)
    assert all(len(line) <= 80 for line in text.splitlines())


@pytest.mark.parametrize("command", COMMANDS)
def test_the_overview_says_of_a_command_what_its_help_begins_with(cli: Cli, command: str) -> None:
    first = cli.run(command, "-h").assert_succeeded().splitlines()[2]
    assert first.strip() == COMMANDS[command][1]
    assert f"{command:<11}  {COMMANDS[command][1]}\n" in cli.run("-h").out


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_what_is_printed_without_typer_is_what_typer_prints(cli: Cli, option: str) -> None:
    alone, among_others = cli.run(option).assert_succeeded(), cli.run(option, "token").assert_succeeded()
    assert sorted(alone.splitlines()) == sorted(among_others.splitlines())


def test_the_version_is_shown(cli: Cli) -> None:
    assert re.fullmatch(r"longshore \d+\.\d+\.\d+\n", cli.run("--version").assert_succeeded())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "Missing command (see longshore --help)"),
        ("--nonsense", "No such option: --nonsense (see longshore --help)"),
        ("token", "Missing command (see longshore token --help)"),
        ("tokn list", "No such command 'tokn'. Did you mean 'token'? (see longshore --help)"),
        ("token creat", "No such command 'creat'. Did you mean 'create'? (see longshore token --help)"),
        ("nonsense", "No such command 'nonsense' (see longshore --help)"),
        ("project create --rep", "No such option: --rep. Did you mean --repo? (see longshore project create --help)"),
        ("project create", "Missing argument 'name' (see longshore project create --help)"),
        ("token create ci", "Missing option '--grant' (see longshore token create --help)"),
        ("serve --worker=3", "Option '--worker' does not take a value (see longshore serve --help)"),
        ("sandbox --repo", "Option '--repo' needs a value (see longshore sandbox --help)"),
        ("sandbox --repo . --port many", "'--port' must be a whole number (see longshore sandbox --help)"),
        ("serve now", "Unexpected argument: now (see longshore serve --help)"),
        ("demo --port 70000", "'--port' must be at most 65535 (see longshore demo --help)"),
        ("deliveries list --limit 0", "'--limit' must be at least 1 (see longshore deliveries list --help)"),
        ("deliveries show 1.5", "'number' must be a whole number (see longshore deliveries show --help)"),
    ],
)
def test_an_error_of_usage_names_the_help_of_the_command(cli: Cli, arguments: str, said: str) -> None:
    result = cli.run(*arguments.split())
    assert (result.code, result.err) == (2, f"longshore: {said}\n")


def loaded_by(*arguments: str) -> set[str]:
    """The modules that a command line loads, in a process of its own."""
    code = "import sys; from cli.main import run; run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=process_environment(), cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("command", EVERY_COMMAND)
def test_help_does_not_load_what_the_command_needs(command: str) -> None:
    assert not loaded_by(*command.split(), "--help").intersection(HEAVY)


@pytest.mark.parametrize("option", ["-h", "--help", "--version"])
def test_the_overview_and_the_version_do_not_even_load_typer(option: str) -> None:
    assert not loaded_by(option).intersection((*HEAVY, "typer", "inspect", "subprocess"))


@pytest.mark.parametrize("arguments", ["tokn", "project create --rep", "serve --workers 3"])
def test_an_error_of_usage_does_not_load_the_service(arguments: str) -> None:
    assert loaded_by(*arguments.split()).intersection(HEAVY) <= {"asyncio"}


@pytest.mark.parametrize("arguments", ["--help", "project --help", "project list", "openapi"])
def test_a_reader_that_goes_away_is_no_error(cli: Cli, arguments: str) -> None:
    command = [*COMMAND, *arguments.split()]
    environment = process_environment(**cli.settings)
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_only_the_command_that_is_named_is_loaded() -> None:
    loaded = command_line(["token", "list"]).commands
    assert isinstance(loaded["token"], TyperGroup) and not isinstance(loaded["project"], TyperGroup)
