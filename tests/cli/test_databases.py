"""A PostgreSQL database that cannot be used is reported by every command, in one line with the cause."""

from pathlib import Path

import pytest

from tests.cli.conftest import Cli, free_port, http_request
from tests.conftest import postgres
from tests.outages import name_of

COMMANDS = [["token", "list"], ["migrate"], ["serve"], ["work"]]
only_postgres = pytest.mark.skipif(not postgres(), reason="about PostgreSQL: set LONGSHORE_TEST_DATABASE_URL")


@pytest.mark.parametrize("command", COMMANDS[:3], ids=" ".join)
@pytest.mark.parametrize(
    ("query", "fragments"),
    [
        ("sslmod=require", ["sslmod is not a parameter", "sslmode"]),
        ("sslmode=on", ["sslmode must be disable, allow"]),
        ("channel_binding=require", ["channel_binding must be", "sslmode=verify-full"]),
        ("hostaddr=10.0.0.1", ["hostaddr is not supported"]),
        ("schema=longshore", ["options=-csearch_path%3DNAME"]),
        ("maxsize=none", ["maxsize must be a number"]),
    ],
)
def test_a_word_that_cannot_be_honored_prevents_the_start(
    cli: Cli, command: list[str], query: str, fragments: list[str]
) -> None:
    url = f"postgres://somebody:pa55word@127.0.0.1:1/longshore?{query}"
    message = cli.run(*command, LONGSHORE_DATABASE_URL=url).assert_failed("LONGSHORE_DATABASE_URL: ", *fragments)
    assert "pa55word" not in message


@only_postgres
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("/{database}", "/no_such_database"), 'database "no_such_database" does not exist'),
        (("://", "://nobody:pa55word@"), 'role "nobody" does not exist'),
        (("{location}", "127.0.0.1:1"), "127.0.0.1:1: connection refused"),
        (("{location}", "no-such-host.invalid"), "no-such-host.invalid: its name cannot be resolved"),
        (("/{database}", "/{database}?sslmode=require"), "it offers no TLS, which sslmode=require asks for"),
        (("/{database}", "/{database}?target_session_attrs=standby"), "it is not standby"),
    ],
)
def test_a_database_that_cannot_be_used_is_reported_with_the_cause(
    cli: Cli, command: list[str], change: tuple[str, str], said: str
) -> None:
    url = cli.settings["LONGSHORE_DATABASE_URL"]
    user, _, location = url.partition("://")[2].partition("/")[0].rpartition("@")
    before, after = (text.format(database=name_of(url), location=location) for text in change)
    url = url.replace(f"{user}@", "") if "nobody" in after else url.replace(f"{user}@", f"{user}:pa55word@")
    message = cli.run(*command, LONGSHORE_DATABASE_URL=url.replace(before, after)).assert_failed(said)
    assert "LONGSHORE_DATABASE_URL: no connection to PostgreSQL at " in message and "pa55word" not in message


@only_postgres
def test_no_log_shows_the_password_of_the_database(cli: Cli) -> None:
    url = cli.settings["LONGSHORE_DATABASE_URL"].replace("@", ":pa55word@")
    port = str(free_port())
    service = cli.serve(LONGSHORE_DATABASE_URL=url, LONGSHORE_LOG_LEVEL="debug")
    assert http_request(f"{service.url}/readyz")[0] == 200
    result = service.stop()
    assert result.code == 0 and "pa55word" not in result.err + result.out
    failed = cli.run_process("serve", LONGSHORE_PORT=port, LONGSHORE_DATABASE_URL=f"{url}_none")
    failed.assert_failed("does not exist")
    assert "pa55word" not in failed.err


def test_an_error_after_the_name_of_the_setting_begins_in_lower_case(cli: Cli, tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    for command in (["token", "list"], ["migrate"]):
        assert cli.run(*command, LONGSHORE_DATABASE_URL=f"sqlite://{missing}/longshore.db").assert_failed() == (
            f"longshore: LONGSHORE_DATABASE_URL: the database directory {missing} does not exist.\n"
        )
    said = cli.run("migrate", LONGSHORE_DATABASE_URL="postgres://h/d?sslmod=require").assert_failed()
    assert said.endswith(
        "LONGSHORE_DATABASE_URL: sslmod is not a parameter of a PostgreSQL address. Did you mean sslmode?\n"
    )
