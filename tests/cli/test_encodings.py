"""Text that the locale knows no characters for: nothing fails, and what cannot be shown is escaped."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cli.encodings import decode_argument
from cli.tables import print_warnings
from tests.cli.conftest import COMMAND, ROOT, TIMEOUT_SECONDS, Cli, process_environment
from tests.cli.test_processes import read_until
from tests.cli.test_usage import EVERY_COMMAND
from tests.conftest import postgres

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
LATIN = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"}
NAME = "Größe ✓ 🚢"


def run_bytes(cli: Cli, *arguments: str | bytes, **settings: str) -> tuple[int, bytes, bytes]:
    """Run a command in a process of its own; its exit code and what it wrote."""
    done = subprocess.run(
        [*map(os.fsencode, COMMAND), *map(os.fsencode, arguments)],
        env=process_environment(**{**cli.settings, **settings}),
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("command", EVERY_COMMAND)
def test_help_is_shown_in_any_locale(cli: Cli, command: str) -> None:
    code, out, err = run_bytes(cli, *command.split(), "--help", **ASCII)
    assert (code, err) == (0, b"") and out.startswith(b"Usage: longshore") and out.isascii()


@pytest.mark.parametrize("locale", [ASCII, LATIN], ids=["ASCII", "Latin-1"])
def test_the_description_of_the_api_is_json_in_any_locale(cli: Cli, locale: dict[str, str]) -> None:
    code, out, err = run_bytes(cli, "openapi", **locale)
    assert (code, err) == (0, b"")
    description = json.loads(out.decode(locale["PYTHONIOENCODING"]))
    assert description == json.loads((ROOT / "docs" / "openapi.json").read_text())


@pytest.mark.parametrize(
    "arguments",
    [
        *(["token", "create", NAME, "--grant", "admin"], ["token", "revoke", NAME], [NAME], ["serve", f"--{NAME}"]),
        *(["project", "create", NAME, "--permalink", NAME], ["project", "set", NAME], ["demo", "--repo", NAME]),
        *(["sandbox", "--repo", NAME], ["environment", "create", NAME, NAME, "--tier", NAME]),
    ],
    ids=ascii,
)
def test_an_error_about_text_of_any_language_is_one_line(cli: Cli, arguments: list[str]) -> None:
    code, out, err = run_bytes(cli, *arguments, **ASCII)
    assert code in (1, 2) and out == b""
    assert err.startswith(b"longshore: ") and err.count(b"\n") == 1 and err.isascii()
    assert b"Internal error" not in err and b"codec" not in err


def test_text_of_any_language_means_the_same_in_any_locale(cli: Cli) -> None:
    site = ("project", "create", NAME, "--permalink", "site")
    assert run_bytes(cli, *site, **ASCII)[:2] == (0, b"Created Gr\\u00f6\\u00dfe \\u2713 \\ud83d\\udea2 (site).\n")
    assert [row["name"] for row in cli.select("SELECT name FROM projects")] == [NAME]
    assert b"Gr\\u00f6\\u00dfe" in run_bytes(cli, "project", "list", **ASCII)[1]
    assert "Größe \\u2713".encode("latin-1") in run_bytes(cli, "project", "list", **LATIN)[1]
    assert NAME in run_bytes(cli, "project", "list", PYTHONIOENCODING="utf-8")[1].decode()


def test_a_path_of_any_language_names_the_same_file_in_any_locale(cli: Cli, source: Path, tmp_path: Path) -> None:
    folder = tmp_path / NAME / "src"
    shutil.copytree(source, folder.parent)
    env_file = folder / "sandbox.env"
    arguments = ["--repo", str(folder), "--port", "0", "--env-file", str(env_file)]
    process = cli.start("sandbox", *arguments, port=0, **ASCII)
    assert process.popen.stdout is not None
    lines = [next(process.popen.stdout) for _ in range(3)]
    assert "is a folder of the git repository" in lines[0] and env_file.read_text().count(NAME) == 1
    assert process.stop().code == 0 and "".join(lines).isascii()


def test_the_demo_is_shown_in_any_locale(cli: Cli, source: Path) -> None:
    process = cli.start("demo", "--repo", str(source), port=0, **ASCII)
    assert process.popen.stdout is not None
    line = next(line for line in process.popen.stdout if "is cut at" in line)
    assert line.isascii() and "+ 1.0.0-rc1 is cut at" in line
    assert process.stop().code == 0


@pytest.mark.parametrize(
    "arguments",
    [[b"token", b"create", b"caf\xe9"], [b"sandbox", b"--repo", b"caf\xe9"], [b"caf\xe9"], [b"serve", b"--caf\xe9"]],
    ids=ascii,
)
@pytest.mark.parametrize("locale", [ASCII, {}], ids=["ASCII", "UTF-8"])
def test_an_argument_that_is_not_utf_8_is_refused_in_words(
    cli: Cli, arguments: list[bytes], locale: dict[str, str]
) -> None:
    code, out, err = run_bytes(cli, *arguments, **locale)
    assert (code, out) == (1, b"")
    assert err.startswith(b"longshore: The argument `") and err.endswith(b"caf\\xe9` is not text in UTF-8.\n")


def test_a_log_is_json_in_any_locale(cli: Cli) -> None:
    process = cli.start("work", port=0, LONGSHORE_LOG_LEVEL="warning", LONGSHORE_SCHIFFSGRÖSSE=NAME, **ASCII)
    line = read_until(process, "is not a setting")
    assert json.loads(line)["warning"] == "LONGSHORE_SCHIFFSGRÖSSE is not a setting."
    assert line.isascii() and process.stop().code == 0


@pytest.mark.skipif(postgres(), reason="about SQLite's files")
def test_settings_of_any_language_mean_the_same_in_any_locale(cli: Cli, tmp_path: Path, key_file: Path) -> None:
    folder = tmp_path / NAME
    folder.mkdir()
    (folder / "key.pem").write_bytes(key_file.read_bytes())
    settings = {
        "LONGSHORE_DATABASE_URL": f"sqlite://{folder}/longshore.db",
        "LONGSHORE_GITHUB_PRIVATE_KEY_FILE": f"{folder}/key.pem",
    }
    assert run_bytes(cli, "migrate", **settings, **ASCII)[0] == 0
    assert (folder / "longshore.db").stat().st_size
    assert run_bytes(cli, "token", "list", **settings, **ASCII)[0] == 0
    process = cli.start("work", port=0, LONGSHORE_COLOR="1", LONGSHORE_LOG_LEVEL="warning", **settings, **ASCII)
    assert "LONGSHORE_COLOR" in read_until(process, "is not a setting")
    assert process.stop().code == 0


def test_an_argument_of_no_process_is_left_as_it_is() -> None:
    assert decode_argument("ship") == "ship" and decode_argument("\ud800") == "\ud800"


def test_errors_and_warnings_cannot_command_the_terminal(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    cli.run("migrate").assert_succeeded()
    cli.run("token", "revoke", "a\x1b[2J\x9bb").assert_failed(r"`a\x1b[2J\x9bb`")
    print_warnings(["`a\x1b]0;b\x07.yml`,\nc"])
    assert capsys.readouterr().err == "longshore: warning: `a\\x1b]0;b\\x07.yml`, c\n"
