"""The `longshore` commands: what each does, and that every failure is one line that says what to change."""

import hashlib
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bot.errors import Unauthenticated
from bot.operations import users
from bot.store.database import execute
from tests.cli.conftest import Cli


def make_token(cli: Cli, name: str, *options: str) -> str:
    secret = cli.run("token", "create", name, "--grant", "project:read", *options).assert_succeeded().strip()
    assert secret.startswith("lsh_")
    return secret


# --- invalid commands


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["--nonsense"],
        ["token"],
        ["token", "nonsense"],
        ["token", "create"],
        ["token", "create", "ci"],
        ["token", "revoke"],
        ["serve", "now"],
        ["serve", "--workers", "3"],
        ["sandbox"],
        ["sandbox", "--repo", ".", "--port", "many"],
        ["deliveries", "show"],
        ["deliveries", "show", "one"],
        ["deliveries", "show", "-1"],
        ["deliveries", "show", "9" * 30],
        ["deliveries", "list", "--limit", "0"],
        ["environment", "create", "site", "staging"],
        ["environment", "create", "site", "staging", "--tier", "staging", "--order", "first"],
        ["token", "cre\nate"],
    ],
    ids=lambda arguments: ascii(" ".join(arguments))[:50],
)
def test_an_invalid_command_is_reported_in_one_line(cli: Cli, arguments: list[str]) -> None:
    result = cli.run(*arguments)
    assert result.assert_failed(" (see longshore ", " --help)") and result.code == 2


# --- settings


@pytest.mark.parametrize("command", ["serve", "work"])
@pytest.mark.parametrize(
    ("settings", "fragments"),
    [
        ({"LONGSHORE_GITHUB_APP_ID": ""}, ["LONGSHORE_GITHUB_APP_ID must be set"]),
        ({"LONGSHORE_GITHUB_PRIVATE_KEY_FILE": ""}, ["LONGSHORE_GITHUB_PRIVATE_KEY (or"]),
        ({"LONGSHORE_GITHUB_WEBHOOK_SECRET": ""}, ["LONGSHORE_GITHUB_WEBHOOK_SECRET (or"]),
        ({"LONGSHORE_GITHUB_PRIVATE_KEY_FILE": "/not/here.pem"}, ["PRIVATE_KEY_FILE", "/not/here.pem"]),
        ({"LONGSHORE_GITHUB_PRIVATE_KEY_FILE": __file__}, ["LONGSHORE_GITHUB_PRIVATE_KEY_FILE", "RSA key"]),
        ({"LONGSHORE_GITHUB_PRIVATE_KEY": "12345"}, ["LONGSHORE_GITHUB_PRIVATE_KEY is not", "RSA key"]),
        ({"LONGSHORE_GITHUB_WEBHOOK_SECRET": "", "LONGSHORE_GITHUB_WEBHOOK_SECRET_FILE": "/"}, ["SECRET_FILE names /"]),
        ({"LONGSHORE_PORT": "http"}, ["LONGSHORE_PORT"]),
        ({"LONGSHORE_PORT": "70000"}, ["LONGSHORE_PORT"]),
        ({"LONGSHORE_LOG_LEVEL": "loud"}, ["LONGSHORE_LOG_LEVEL", "debug, info, warning, error"]),
        ({"LONGSHORE_BASE_URL": "longshore.test"}, ["LONGSHORE_BASE_URL", "https://"]),
        ({"LONGSHORE_GITHUB_API_URL": "api.github.com"}, ["LONGSHORE_GITHUB_API_URL", "https://"]),
        ({"LONGSHORE_WORKER_CONCURRENCY": "0"}, ["LONGSHORE_WORKER_CONCURRENCY"]),
        ({"LONGSHORE_ANONYMOUS_READ": "some"}, ["LONGSHORE_ANONYMOUS_READ", "none, content, all"]),
        ({"LONGSHORE_TRUSTED_PROXIES": "10.0.0.0/8, proxy"}, ["LONGSHORE_TRUSTED_PROXIES", "`proxy`", "10.0.0.0/8"]),
        ({"LONGSHORE_TRUSTED_PROXIES": "10.0.0.0/99"}, ["LONGSHORE_TRUSTED_PROXIES", "`10.0.0.0/99`"]),
        ({"LONGSHORE_TRUSTED_PROXIES": "*"}, ["LONGSHORE_TRUSTED_PROXIES", "`*`"]),
        ({"LONGSHORE_CORS_ORIGINS": "dash.example.com"}, ["LONGSHORE_CORS_ORIGINS", "`dash.example.com`", "https://"]),
        ({"LONGSHORE_CORS_ORIGINS": "*, https://example.com/"}, ["LONGSHORE_CORS_ORIGINS", "`https://example.com/`"]),
        ({"LONGSHORE_DATABASE_URL": "mysql://here"}, ["LONGSHORE_DATABASE_URL", "sqlite:// or postgres://"]),
        ({"LONGSHORE_HOST": "[::1]:8080"}, ["LONGSHORE_HOST", "without a port"]),
        ({"LONGSHORE_GITHUB_API_URL": "https://github.com"}, ["LONGSHORE_GITHUB_API_URL", "https://api.github.com"]),
        ({"LONGSHORE_GITHUB_PROXY": "socks5://proxy"}, ["LONGSHORE_GITHUB_PROXY", "HTTP proxy"]),
        ({"LONGSHORE_PORT": "x", "LONGSHORE_LOG_LEVEL": "y"}, ["LONGSHORE_PORT", "LONGSHORE_LOG_LEVEL"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_a_missing_or_invalid_setting_prevents_the_start_and_is_named(
    cli: Cli, command: str, settings: dict[str, str], fragments: list[str]
) -> None:
    message = cli.run(command, **settings).assert_failed(*fragments)
    assert "12345" not in message


def test_a_key_that_is_not_rsa_is_refused(cli: Cli, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (tmp_path / "ec.pem").write_bytes(pem)
    cli.run("serve", LONGSHORE_GITHUB_PRIVATE_KEY_FILE=str(tmp_path / "ec.pem")).assert_failed(
        "PRIVATE_KEY_FILE", "RSA"
    )


@pytest.mark.parametrize("arguments", [["token", "list"], ["migrate"], ["deliveries", "list"], ["serve"], ["work"]])
@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///not/here/longshore.db",
        "sqlite://",
        "sqlite://{folder}/rubbish.db",
        "sqlite://{folder}",
        "postgres://somebody:pa55word@127.0.0.1:1/longshore",
        "postgres://somebody:pa55word@127.0.0.1:99999/longshore",
        "postgres://[somebody:pa55word@/longshore",
        "postgres://somebody:pa55word@127.0.0.1/longshore?maxsize=many",
        "oracle://somebody:pa55word@here",
        "longshore.db",
    ],
)
def test_an_unusable_database_is_reported_in_one_line_without_its_password(
    cli: Cli, tmp_path: Path, arguments: list[str], url: str
) -> None:
    (tmp_path / "rubbish.db").write_text("this is no database, however long one looks at it\n" * 100)
    message = cli.run(*arguments, LONGSHORE_DATABASE_URL=url.format(folder=tmp_path)).assert_failed()
    assert "database" in message.lower() and "pa55word" not in message


# --- migrations


def test_migrating_an_up_to_date_database_does_nothing(cli: Cli) -> None:
    make_token(cli, "ci")
    assert cli.run("migrate").assert_succeeded() == "The schema is up to date.\n"
    assert len(cli.run("token", "list").rows) == 1


# --- tokens


def test_a_token_is_the_only_output_and_is_stored_only_hashed(cli: Cli) -> None:
    secret = make_token(cli, "ci", "--grant", "release:cut")
    (row,) = cli.select("SELECT * FROM api_tokens")
    assert row["digest"] == hashlib.sha256(secret.encode()).hexdigest()
    assert row["prefix"] == secret[:12]
    everything = [row, *cli.select("SELECT * FROM audit_entries"), *cli.select("SELECT * FROM users")]
    assert secret not in str(everything)
    assert secret[12:] not in str(everything)


def test_a_token_acts_as_its_user_with_its_grants(cli: Cli) -> None:
    secret = make_token(cli, "ci", "--grant", "release:cut,deployment:start", "--user", "robot")
    actor = cli.query(lambda: users.authenticate(secret, datetime.now(UTC)))
    assert actor.name == "robot"
    assert actor.grants == {"project:read", "release:cut", "deployment:start"}


def test_a_token_of_a_project_is_restricted_to_that_project(cli: Cli) -> None:
    cli.run("project", "create", "site").assert_succeeded()
    (project,) = cli.select("SELECT id FROM projects")
    secret = make_token(cli, "ci", "--project", "site")
    assert cli.query(lambda: users.authenticate(secret, datetime.now(UTC))).project_id == project["id"]


@pytest.mark.parametrize(
    ("lifetime", "expected"),
    [
        ("90d", timedelta(days=90)),
        ("12h", timedelta(hours=12)),
        ("30m", timedelta(minutes=30)),
        ("2w", timedelta(weeks=2)),
        ("99999w", timedelta(weeks=99999)),
    ],
)
def test_a_token_expires_after_its_lifetime(cli: Cli, lifetime: str, expected: timedelta) -> None:
    secret, now = make_token(cli, "ci", "--expires", lifetime), datetime.now(UTC)
    early, late = now + expected - timedelta(minutes=1), now + expected + timedelta(minutes=1)
    assert cli.query(lambda: users.authenticate(secret, early)).name == "ci"
    with pytest.raises(Unauthenticated, match="Invalid token"):
        cli.query(lambda: users.authenticate(secret, late))


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["ci", "--grant", "root"], "No such grant: root"),
        (["ci", "--grant", ""], "at least one grant"),
        (["ci", "--grant", "admin", "--project", "nowhere"], "Release project not found"),
        (["ci", "--grant", "admin", "--expires", "0d"], "--expires: `0d` must be above 0."),
        (["ci", "--grant", "admin", "--expires", "90"], "--expires"),
        (["ci", "--grant", "admin", "--expires", "-1d"], "--expires"),
        (["ci", "--grant", "admin", "--expires", "1y"], "--expires"),
        (["ci", "--grant", "admin", "--expires", "1d\n"], "--expires"),
        (["ci", "--grant", "admin", "--expires", "\u0661d"], "--expires"),
        (["ci", "--grant", "admin", "--expires", "999999d"], "--expires"),
        (["", "--grant", "admin"], "is not a valid name"),
        (["c i", "--grant", "admin"], "is not a valid name"),
        (["c" * 300, "--grant", "admin", "--user", "robot"], "is not a valid name"),
        (["c\udcff", "--grant", "admin", "--user", "robot"], "`c\\xff` is not text in UTF-8"),
        (["ci", "--grant", "admin", "--user", "ro\nbot"], "is not a valid name"),
        (["ci", "--grant", "admin", "--user", "robot", "--github-user", "ada"], "--user and --github-user"),
        (["ci", "--grant", "admin", "--github-user", "ada"], "A personal token cannot have admin"),
        (["ci", "--grant", "project:read", "--github-user", "ada"], "the App is installed on no repository"),
    ],
    ids=ascii,
)
def test_an_invalid_token_is_refused_and_nothing_is_stored(cli: Cli, arguments: list[str], fragment: str) -> None:
    cli.run("token", "create", *arguments).assert_failed(fragment)
    assert cli.select("SELECT * FROM api_tokens") == []


def test_tokens_are_listed_without_their_secrets(cli: Cli) -> None:
    secrets = [make_token(cli, "ci"), make_token(cli, "cd", "--user", "robot", "--expires", "90d")]
    table = cli.run("token", "list").assert_succeeded()
    assert [line.split()[1:4] for line in table.splitlines()[1:]] == [
        ["ci", "ci", secrets[0][:12]],
        ["cd", "robot", secrets[1][:12]],
    ]
    assert "active" in table and not any(secret in table for secret in secrets)


@pytest.mark.parametrize("by", ["id", "prefix", "name"])
def test_a_token_is_revoked_by_its_id_its_prefix_or_its_name(cli: Cli, by: str) -> None:
    secret, other = make_token(cli, "ci"), make_token(cli, "cd")
    (row,) = cli.select("SELECT * FROM api_tokens WHERE name = 'ci'")
    cli.run("token", "revoke", str(row[by])).assert_succeeded()
    with pytest.raises(Unauthenticated):
        cli.query(lambda: users.authenticate(secret, datetime.now(UTC)))
    assert cli.query(lambda: users.authenticate(other, datetime.now(UTC))).name == "cd"
    assert "revoked" in cli.run("token", "list").assert_succeeded()
    cli.run("token", "revoke", str(row[by])).assert_failed("There is no valid token")


def test_an_ambiguous_token_name_revokes_nothing(cli: Cli) -> None:
    for _ in range(2):
        make_token(cli, "ci")
    ids = [str(row["id"]) for row in cli.select("SELECT id FROM api_tokens ORDER BY id")]
    cli.run("token", "revoke", "ci").assert_failed("Several tokens", *ids)
    assert cli.select("SELECT * FROM api_tokens WHERE revoked_at IS NOT NULL") == []
    cli.run("token", "revoke", ids[0]).assert_succeeded()
    cli.run("token", "revoke", "ci").assert_succeeded()


def test_operator_actions_are_in_the_audit_log(cli: Cli) -> None:
    make_token(cli, "ci")
    cli.run("token", "revoke", "ci").assert_succeeded()
    cli.run("project", "create", "site").assert_succeeded()
    entries = cli.select("SELECT act, channel, subject FROM audit_entries ORDER BY id")
    assert [(entry["act"], entry["channel"], entry["subject"]) for entry in entries] == [
        ("token.create", "cli", "ci"),
        ("token.revoke", "cli", "ci"),
        ("project.create", "cli", "site"),
    ]


# --- projects and environments


def test_a_project_is_created_changed_and_listed(cli: Cli) -> None:
    assert cli.run("project", "list").rows == []
    assert (
        cli.run("project", "create", "Web Shop", "--version-scheme", "semver").assert_succeeded()
        == "Created Web Shop (web-shop).\n"
    )
    inputs = ("--build-input", "flavour=a=b", "--build-input", "empty=")
    cli.run("project", "set", "Web Shop", "--build-workflow", "build.yml", *inputs, "--archived").assert_succeeded()
    table = cli.run("project", "list").assert_succeeded()
    assert all(word in table for word in ("Web Shop", "web-shop", "build.yml", "semver", "archived"))
    (row,) = cli.select("SELECT * FROM projects")
    assert "flavour" in str(row["build_inputs"]) and "a=b" in str(row["build_inputs"])
    cli.run("project", "set", "Web Shop", "--build-workflow", "", "--no-archived").assert_succeeded()
    table = cli.run("project", "list").assert_succeeded()
    assert "build.yml" not in table and "active" in table


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["create", "site"], "`name` is taken by the project `site`"),
        (["create", "Site"], "`permalink` is taken by the project `site`"),
        (["create", "a/b"], "`name` must be"),
        (["create", "a\udcffb"], "`a\\xffb` is not text in UTF-8"),
        (["create", "\u65e5\u672c"], "`permalink` must be"),
        (["create", "shop", "--repo", "acme"], "`owner/name`"),
        (["create", "shop", "--repo", "acme/shop"], "GitHub is unavailable"),
        (["create", "shop", "--build-deadline-minutes", "0"], "`build_deadline_minutes` must be"),
        (["create", "shop", "--allowed-branch", "a..b"], "`allowed_branches` must be"),
        (["create", "shop", "--version-scheme", "zero"], "`version_scheme` must be one of"),
        (["create", "shop", "--build-input", "x"], "name=text"),
        (["set", "nowhere"], "Release project not found"),
        (["set", "site", "--build-workflow", "../x.yml"], "`build_workflow` must be"),
        (["set", "site", "--repo", "acme/site"], "GitHub is unavailable"),
    ],
    ids=ascii,
)
def test_an_invalid_project_is_refused_and_nothing_changes(cli: Cli, arguments: list[str], fragment: str) -> None:
    cli.run("project", "create", "site").assert_succeeded()
    before = cli.select("SELECT * FROM projects")
    cli.run("project", *arguments).assert_failed(fragment)
    assert cli.select("SELECT * FROM projects") == before


def test_a_project_without_a_repository_needs_no_github_settings(cli: Cli) -> None:
    unset = {"LONGSHORE_GITHUB_APP_ID": "", "LONGSHORE_GITHUB_PRIVATE_KEY_FILE": ""}
    cli.run("project", "create", "site", **unset).assert_succeeded()
    cli.run("project", "set", "site", "--version-scheme", "calver", **unset).assert_succeeded()
    cli.run("project", "create", "shop", "--repo", "acme/shop", **unset).assert_failed("LONGSHORE_GITHUB_APP_ID")


def test_setting_nothing_says_what_can_be_set(cli: Cli) -> None:
    cli.run("project", "create", "site").assert_succeeded()
    cli.run("environment", "create", "site", "eu", "--tier", "production").assert_succeeded()
    said = "There is nothing to change: pass at least one of "
    environment = cli.run("environment", "set", "site", "eu").assert_failed(said)
    assert environment.endswith("--tier, --workflow, --input, --order or --deploy-deadline-minutes.\n")
    project = cli.run("project", "set", "site").assert_failed(said)
    assert "one of --repo, --build-workflow, --build-input," in project and "or --archived." in project
    for row in ("projects", "environments"):
        assert not cli.select(f"SELECT * FROM audit_entries WHERE act = '{row[:-1]}.change'")


def test_unknown_names_are_told_in_plain_words(cli: Cli) -> None:
    cli.run("project", "create", "shop").assert_succeeded()
    for name in ("staging", "production"):
        cli.run("environment", "create", "shop", name, "--tier", name).assert_succeeded()
    assert cli.run("environment", "set", "shop", "stagign", "--order", "1").assert_failed() == (
        "longshore: Release environment not found. Did you mean `staging`? "
        "Known environments: `staging` and `production`.\n"
    )
    assert cli.run("environment", "set", "shpo", "staging", "--order", "1").assert_failed() == (
        "longshore: Release project not found. Did you mean `shop`? Known projects: `shop`.\n"
    )
    assert "Known projects: `shop`." in cli.run(
        "token", "create", "ci", "--grant", "project:read", "--project", "nowhere"
    ).assert_failed("Release project not found")


def test_a_workflow_that_cannot_be_looked_for_on_github_is_saved_with_a_warning(cli: Cli) -> None:
    cli.run("project", "create", "site").assert_succeeded()
    columns = "github_id, full_name, default_branch, private, archived, installation_id, checked_at"
    values = "1, 'acme/site', 'main', false, false, 7, '2026-11-03T18:00:00Z'"
    cli.query(lambda: execute(f"INSERT INTO repositories ({columns}) VALUES ({values})"))
    cli.query(lambda: execute("UPDATE projects SET repository_id = 1"))
    for arguments in (
        ["project", "set", "site", "--build-workflow", "build.yml"],
        ["environment", "create", "site", "eu", "--tier", "staging", "--workflow", "build.yml"],
        ["environment", "set", "site", "eu", "--workflow", "build.yml"],
    ):
        result = cli.run(*arguments)
        assert result.code == 0
        assert result.err == (
            "longshore: warning: Not checked on GitHub: `build.yml` (GitHub is unavailable: no connection to "
            "http://127.0.0.1:9).\n"
        )
    assert cli.select("SELECT build_workflow FROM projects") == [{"build_workflow": "build.yml"}]


def test_the_environments_of_a_project_are_listed_in_their_order(cli: Cli) -> None:
    cli.run("project", "create", "site").assert_succeeded()
    assert cli.run("environment", "list", "site").rows == []
    cli.run("environment", "create", "site", "eu", "--tier", "production", "--order", "2").assert_succeeded()
    cli.run("environment", "create", "site", "qa", "--tier", "staging", "--workflow", "deploy.yml").assert_succeeded()
    assert [row.split() for row in cli.run("environment", "list", "site").assert_succeeded().splitlines()] == [
        ["name", "tier", "workflow", "live"],
        ["qa", "staging", "deploy.yml", "-"],
        ["eu", "production", "-", "-"],
    ]
    assert cli.run("environment", "list", "siet").assert_failed() == (
        "longshore: Release project not found. Did you mean `site`? Known projects: `site`.\n"
    )


def test_an_environment_is_created_and_changed(cli: Cli) -> None:
    cli.run("project", "create", "site").assert_succeeded()
    cli.run(
        "environment", "create", "site", "eu", "--tier", "production", "--workflow", "deploy.yml"
    ).assert_succeeded()
    cli.run("environment", "set", "site", "eu", "--order", "3", "--input", "region=eu").assert_succeeded()
    cli.run("environment", "set", "site", "eu", "--workflow", "", "--tier", "staging").assert_succeeded()
    (row,) = cli.select("SELECT * FROM environments")
    assert (row["name"], row["tier"], row["workflow"], row["position"]) == ("eu", "staging", None, 3)
    assert "region" in str(row["inputs"])


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["create", "nowhere", "qa", "--tier", "staging"], "Release project not found"),
        (["create", "site", "EU", "--tier", "staging"], "not case-sensitive"),
        (["create", "site", "qa", "--tier", "test"], "`tier` must be one of"),
        (["create", "site", "q/a", "--tier", "staging"], "`name` must be"),
        (["set", "site", "qa"], "Release environment not found"),
        (["set", "site", "Eu", "--order", "1"], "Release environment not found"),
        (["set", "site", "eu", "--order", "-1"], "`order` must be"),
        (["set", "site", "eu", "--input", "region"], "name=text"),
    ],
    ids=ascii,
)
def test_an_invalid_environment_is_refused_and_nothing_changes(cli: Cli, arguments: list[str], fragment: str) -> None:
    cli.run("project", "create", "site").assert_succeeded()
    cli.run("environment", "create", "site", "eu", "--tier", "production").assert_succeeded()
    before = cli.select("SELECT * FROM environments")
    cli.run("environment", *arguments).assert_failed(fragment)
    assert cli.select("SELECT * FROM environments") == before


# --- dead letters


def test_a_long_error_is_marked_where_the_list_cuts_it(cli: Cli) -> None:
    columns = "kind, keep, priority, payload, headers, state, attempts, run_at, created_at, finished_at, error"
    for error in ("x" * 100, "y" * 101):
        values = f"'webhook', false, 0, $1, '{{}}', 'dead', 1, 1, 1, 1, '{error}'"
        cli.query(partial(execute, f"INSERT INTO jobs ({columns}) VALUES ({values})", b"{}"))
    assert {row[-1] for row in cli.run("deliveries", "list").rows} == {"x" * 100, "y" * 99 + "…"}


@pytest.mark.parametrize("command", ["show", "retry", "discard"])
def test_an_unknown_dead_letter_is_reported(cli: Cli, command: str) -> None:
    assert cli.run("deliveries", "list").rows == []
    cli.run("deliveries", command, "7").assert_failed("There is no dead letter 7")
