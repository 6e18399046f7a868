"""Completion: of commands, options and names, valid for bash, and silent where nothing is known."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cli.client.completion_scripts import SCRIPTS
from cli.overview import CLIENT_COMMANDS, COMMANDS
from tests.cli.client.conftest import Client
from tests.cli.conftest import ROOT, Cli, process_environment
from tests.world import World


def completed(cli: Cli, *words: str, shell: str = "bash") -> list[str]:
    return cli.run("_complete", shell, *words).assert_succeeded().splitlines()


def test_commands_subcommands_and_options_are_completed(cli: Cli) -> None:
    assert completed(cli, "") == list(COMMANDS)
    assert completed(cli, "un") == ["unfreeze", "unlock", "unhold", "unban"]
    assert completed(cli, "--v") == ["--version"]
    assert completed(cli, "token", "") == ["create", "list", "revoke"]
    assert completed(cli, "token", "create", "--gi") == ["--github-user"]
    assert completed(cli, "deploy", "1.4.0-rc1", "--wa", shell="fish") == [
        "--wait\tLet it wait for gates that may still open, and follow it until it has ended."
    ]
    assert completed(cli, "cut", "--no") == ["--no-build"]
    assert completed(cli, "ban", shell="zsh") == ["ban:Ban a candidate: it can no longer be deployed."]
    assert completed(cli, "completion", "") == list(SCRIPTS)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("nonsense", ""),
        ("token", "nonsense", ""),
        ("deploy", "--timeout", ""),
        ("deploy", ""),
        ("unlock", "a", "b", ""),
    ],
)
def test_where_nothing_is_known_nothing_is_said(cli: Cli, words: tuple[str, ...]) -> None:
    assert completed(cli, *words, shell="bash") == []


async def test_names_are_asked_of_the_service(world: World, client: Client) -> None:
    for version in ("1.4.0-rc1", "1.4.0-rc2", "1.5.0-rc1"):
        await world.cut(version)

    async def names(*words: str) -> list[str]:
        result = await client.run("_complete", "bash", *words)
        return result.assert_succeeded().splitlines()

    assert await names("deploy", "") == ["1.5.0-rc1", "1.4.0-rc2"]
    assert sorted(await names("deploy", "1.4.0-rc")) == ["1.4.0-rc1", "1.4.0-rc2"]
    assert await names("deploy", "--wait", "1.4.0-rc1", "p") == ["production"]
    assert await names("hold", "1.5") == ["1.5.0"]
    assert await names("why", "x", "--project", "") == ["site"]
    assert await names("why", "x", "--project", "=", "si") == ["site"]
    assert await names("why", "x", "--project", "=") == ["site"]
    assert await names("why", "--project=s") == ["--project=site"]
    assert await names("deploy", "x", "--project", "none", "") == []
    assert await names("deploy", "x", "--url", "http://127.0.0.1:9", "") == []
    assert await names("environment", "create", "") == []


def test_a_script_is_for_a_shell(cli: Cli) -> None:
    for shell, script in SCRIPTS.items():
        assert cli.run("completion", shell).assert_succeeded() == script
    assert "name one of bash, zsh, fish" in cli.run("completion", "csh").assert_failed()


def test_the_script_for_bash_is_valid_and_completes(tmp_path: Path) -> None:
    program = tmp_path / "longshore"
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'from cli.main import main; main()' \"$@\"\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "script").write_text(SCRIPTS["bash"])
    subprocess.run(["bash", "-n", str(tmp_path / "script")], check=True)
    typed = 'COMP_WORDS=(longshore unl); COMP_CWORD=1; _longshore; printf "%s\\n" "${COMPREPLY[@]}"'
    environment = {**process_environment(), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = ["bash", "-c", f"source {tmp_path}/script; complete -p longshore; {typed}"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["complete -F _longshore longshore", "unlock"]


def test_every_argument_of_the_client_half_that_has_a_name_in_the_service_is_completed() -> None:
    from cli.client.completion_values import ASKED
    from cli.commands import command_line

    others = {"shell", "url"}
    for name in CLIENT_COMMANDS:
        parameters = command_line([name]).commands[name].params
        arguments = {each.name for each in parameters if each.param_type_name == "argument"}
        assert arguments <= {*ASKED, *others}, name
