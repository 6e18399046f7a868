"""`longshore check`: it needs neither a service nor settings, and its exit code says whether something fails."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli


def test_missing_settings_and_a_missing_database_are_lines(cli: Cli, tmp_path: Path) -> None:
    settings = {"LONGSHORE_GITHUB_APP_ID": "", "LONGSHORE_DATABASE_URL": f"sqlite://{tmp_path}/none.db"}
    result = cli.run("check", **settings)
    assert (result.code, result.err) == (1, "")
    assert "FAILURE settings: LONGSHORE_GITHUB_APP_ID must be set." in result.out
    assert f"FAILURE database: There is no database at {tmp_path}/none.db" in result.out
    assert "warning not checked: Nothing is known of `app`" in result.out
    assert not (tmp_path / "none.db").exists()


def test_a_github_that_does_not_answer_is_a_failure_and_the_rest_is_checked_as_json(cli: Cli) -> None:
    result = cli.run("check", "--json", LONGSHORE_GITHUB_CLIENT_ID="Iv1")
    found = json.loads(result.out)
    states = {line["check"]: line["state"] for line in found["lines"]}
    assert (result.code, result.err, found["ok"]) == (1, "", False)
    assert states == {
        "settings": "ok",
        "database": "ok",
        "app": "failure",
        "queue": "warning",
        "sign-in": "failure",
        "not checked": "warning",
    }


@pytest.mark.parametrize("url", ["mysql://somewhere", "postgres://longshore@127.0.0.1:9/nothing"])
def test_a_database_that_cannot_be_opened_is_a_line(cli: Cli, url: str) -> None:
    result = cli.run("check", LONGSHORE_DATABASE_URL=url)
    assert (result.code, result.err) == (1, "")
    assert "FAILURE database: LONGSHORE_DATABASE_URL" in result.out
