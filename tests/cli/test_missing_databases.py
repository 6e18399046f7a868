"""A SQLite database that is not there: `serve`, `work` and `migrate` create it; other commands say that it is not."""

import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND, Cli, http_request, process_environment
from tests.cli.test_processes import read_until
from tests.cli.test_unknown_variables import ARGUMENTS

USING = [
    *("token create", "token list", "token revoke", "project create", "project set", "project list"),
    *("environment create", "environment set"),
    *("deliveries list", "deliveries show", "deliveries retry", "deliveries discard"),
]
CURE = "create it with `longshore migrate`, or name another one in LONGSHORE_DATABASE_URL"


def contents(folder: Path) -> list[tuple[str, bytes]]:
    return [(path.name, path.read_bytes()) for path in sorted(folder.iterdir())]


@pytest.mark.parametrize("command", USING)
@pytest.mark.parametrize("before", [None, b""], ids=["missing", "empty"])
def test_a_command_that_uses_the_database_does_not_create_it(
    cli: Cli, command: str, before: bytes | None, tmp_path: Path
) -> None:
    file = tmp_path / "folder" / "new.db"
    file.parent.mkdir()
    if before is not None:
        file.write_bytes(before)
    arguments = [*command.split(), *ARGUMENTS.get(command, [])]
    message = cli.run(*arguments, LONGSHORE_DATABASE_URL=f"sqlite://{file}").assert_failed(CURE)
    what = f"There is no database at {file}" if before is None else f"{file} is empty"
    assert message == f"longshore: {what}: {CURE}.\n"
    assert contents(file.parent) == ([] if before is None else [("new.db", b"")])


def test_a_command_with_the_settings_of_github_does_not_create_it_either(cli: Cli, tmp_path: Path) -> None:
    arguments = ["project", "create", "site", "--repo", "acme/site"]
    cli.run(*arguments, LONGSHORE_DATABASE_URL=f"sqlite://{tmp_path}/new.db").assert_failed("no database at")
    assert not (tmp_path / "new.db").exists()


@pytest.mark.parametrize("url", [None, "sqlite://longshore.db", "sqlite://./longshore.db"])
def test_a_relative_path_is_named_in_full(tmp_path: Path, url: str | None) -> None:
    settings = {} if url is None else {"LONGSHORE_DATABASE_URL": url}
    folder = tmp_path / "folder"
    folder.mkdir()
    command, environment = [*COMMAND, "token", "list"], process_environment(**settings)
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"longshore: There is no database at {folder}/longshore.db: {CURE}.\n"
    assert contents(folder) == []


def test_a_folder_that_is_not_there_is_named_and_not_made(cli: Cli, tmp_path: Path) -> None:
    settings = {"LONGSHORE_DATABASE_URL": f"sqlite://{tmp_path}/folder/new.db"}
    for command in ("token list", "migrate"):
        cli.run(*command.split(), **settings).assert_failed("LONGSHORE_DATABASE_URL", f"{tmp_path}/folder")
    assert not (tmp_path / "folder").exists()


def test_a_database_of_another_program_is_told_to_be_migrated(cli: Cli, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE things (id INTEGER)")
    connection.close()
    message = cli.run("token", "list", LONGSHORE_DATABASE_URL=f"sqlite://{tmp_path}/other.db").assert_failed()
    assert "without tables of Longshore" in message and "run `longshore migrate` first" in message


@pytest.mark.parametrize("before", [None, b""], ids=["missing", "empty"])
def test_migrate_creates_the_database(cli: Cli, before: bytes | None, tmp_path: Path) -> None:
    settings = {"LONGSHORE_DATABASE_URL": f"sqlite://{tmp_path}/new.db"}
    if before is not None:
        (tmp_path / "new.db").write_bytes(before)
    assert "applied 0001_initial" in cli.run("migrate", **settings).assert_succeeded()
    assert cli.run("token", "list", **settings).rows == []


@pytest.mark.parametrize(("command", "logged"), [("serve", '"serving"'), ("work", '"working"')])
def test_serve_and_work_create_the_database(cli: Cli, command: str, logged: str, tmp_path: Path) -> None:
    settings = {"LONGSHORE_DATABASE_URL": f"sqlite://{tmp_path}/new.db"}
    process = cli.start(command, port=0, LONGSHORE_LOG_LEVEL="info", **settings)
    read_until(process, logged)
    assert process.stop().code == 0
    assert cli.run("token", "list", **settings).rows == []


def test_health_needs_no_database(cli: Cli, tmp_path: Path) -> None:
    service = cli.serve()
    settings = {"LONGSHORE_DATABASE_URL": f"sqlite://{tmp_path}/new.db", "LONGSHORE_PORT": str(service.port)}
    cli.run("health", **settings).assert_succeeded()
    assert not (tmp_path / "new.db").exists() and http_request(f"{service.url}/healthz")[0] == 200
