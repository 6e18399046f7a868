"""A variable that is named like a setting but is none: every command warns of it, where its reader looks."""

from pathlib import Path

import pytest

from cli.overview import CLIENT_COMMANDS
from tests.cli.conftest import Cli
from tests.cli.test_processes import read_until
from tests.cli.test_usage import EVERY_COMMAND, GROUPS

MISSPELLED = {"LONGSHORE_DATABSE_URL": "sqlite://here.db"}
SENTENCE = "LONGSHORE_DATABSE_URL is not a setting. Did you mean LONGSHORE_DATABASE_URL?"
WARNING = f"longshore: warning: {SENTENCE}\n"
ARGUMENTS = {
    "demo": ["--repo", "{missing}"],
    "sandbox": ["--repo", "{missing}"],
    "token create": ["ci", "--grant", "admin"],
    "token revoke": ["ci"],
    "project create": ["site"],
    "project set": ["site", "--version-scheme", "any"],
    "environment create": ["site", "eu", "--tier", "staging"],
    "environment set": ["site", "eu", "--tier", "staging"],
    "environment list": ["site"],
    "deliveries show": ["1"],
    "deliveries retry": ["1"],
    "deliveries discard": ["1"],
}
LOGGED = ("serve", "work")
OTHERS = ("", *GROUPS, *LOGGED, *CLIENT_COMMANDS)


@pytest.mark.parametrize("command", [name for name in EVERY_COMMAND if name not in OTHERS])
def test_a_command_warns_once_on_standard_error(cli: Cli, command: str, tmp_path: Path) -> None:
    arguments = [text.format(missing=tmp_path / "missing") for text in ARGUMENTS.get(command, [])]
    result = cli.run(*command.split(), *arguments, **MISSPELLED)
    assert result.err.startswith(WARNING) and result.err.count(SENTENCE) == 1
    assert SENTENCE not in result.out
    assert SENTENCE not in cli.run(*command.split(), *arguments).err


def test_a_command_of_two_operations_warns_once(cli: Cli) -> None:
    cli.run("migrate").assert_succeeded()
    cli.run("project", "create", "site").assert_succeeded()
    result = cli.run("project", "set", "site", "--version-scheme", "semver", **MISSPELLED)
    assert (result.code, result.err) == (0, WARNING)


@pytest.mark.parametrize("arguments", [["health"], ["project", "create", "site", "--repo", "acme/site"]])
def test_where_a_setting_is_missing_its_misspelling_is_told_once(cli: Cli, arguments: list[str]) -> None:
    settings = {"LONGSHORE_GITHUB_APP_ID": "", "LONGSHORE_GITHUB_APP": "1"}
    error = cli.run(*arguments, **settings).assert_failed("LONGSHORE_GITHUB_APP_ID must be set")
    assert error.count("LONGSHORE_GITHUB_APP is not a setting.") == 1


@pytest.mark.parametrize("command", LOGGED)
def test_a_process_that_logs_warns_in_its_log(cli: Cli, command: str) -> None:
    process = cli.start(command, port=0, LONGSHORE_LOG_LEVEL="warning", **MISSPELLED)
    line = read_until(process, "LONGSHORE_DATABSE_URL")
    assert '"level":"warning"' in line and SENTENCE in line
    assert SENTENCE not in process.stop().err


def test_help_and_the_version_warn_of_nothing(cli: Cli) -> None:
    for arguments in (["--help"], ["--version"], ["token", "create", "-h"]):
        cli.run(*arguments, **MISSPELLED).assert_succeeded()
