"""Settings as environments have them: tidied in one place, and never refused without saying what would be right."""

import os
from pathlib import Path

import pytest

from bot.settings import DatabaseSettings, Settings
from cli.demo import _settings as demo_settings
from sandbox.serve import start
from tests.cli.conftest import replaced_environment
from tests.settings.conftest import REQUIRED, SECRET, read, refusal

WEBHOOK = "LONGSHORE_GITHUB_WEBHOOK_SECRET"
KEY = "LONGSHORE_GITHUB_PRIVATE_KEY"
LEFT_OVERS = ["{}\n", "{}\r\n", " {} ", '"{}"', "'{}'\n", "\ufeff{}", "\u00a0{}\u200b", "“{}”"]


@pytest.mark.parametrize("form", LEFT_OVERS, ids=ascii)
def test_every_setting_is_tidied(form: str) -> None:
    values = {
        "database_url": "sqlite://here.db",
        "host": "0.0.0.0",
        "port": "9090",
        "base_url": "https://h/longshore",
        "github_api_url": "https://ghe.example.com/api/v3",
        "github_app_id": "Iv23abc",
        "github_webhook_secret": SECRET,
        "anonymous_read": "all",
        "trusted_proxies": "10.0.0.0/8",
        "cors_origins": "https://example.com",
        "log_level": "debug",
        "worker_concurrency": "3",
        "dispatch_search_seconds": "1.5",
    }
    settings = read(**{f"LONGSHORE_{name.upper()}": form.format(value) for name, value in values.items()})
    read_back = {name: str(getattr(settings, name)) for name in values if name != "github_webhook_secret"}
    assert read_back == {name: value for name, value in values.items() if name != "github_webhook_secret"}
    assert settings.github_webhook_secret.get_secret_value() == SECRET
    with replaced_environment({"LONGSHORE_DATABASE_URL": form.format("sqlite://here.db")}):
        assert DatabaseSettings().database_url == "sqlite://here.db"


@pytest.mark.parametrize("nothing", ["", " ", "\n", '""', "''\n", "\ufeff", "\u200b"], ids=ascii)
def test_a_setting_that_is_empty_once_it_is_tidied_is_not_set(nothing: str) -> None:
    unset = {name: nothing for name in map(str.upper, Settings.model_fields) if f"LONGSHORE_{name}" not in REQUIRED}
    settings = read(**{f"LONGSHORE_{name}": value for name, value in unset.items()})
    assert (settings.port, settings.host, settings.base_url) == (8080, "127.0.0.1", "")
    assert (settings.log_level, settings.anonymous_read, settings.github_private_key_file) == ("info", "content", None)
    assert f"{WEBHOOK} (or {WEBHOOK}_FILE) must be set" in refusal(**{WEBHOOK: nothing or " "})
    assert "LONGSHORE_GITHUB_APP_ID must be set" in refusal(LONGSHORE_GITHUB_APP_ID=nothing or " ")


def test_what_is_not_utf_8_is_refused_by_name() -> None:
    broken = os.fsdecode(b"caf\xe9 au lait, please")
    assert refusal(**{WEBHOOK: broken}) == f"{WEBHOOK} must be text in UTF-8."
    assert "LONGSHORE_GITHUB_APP_ID must be text in UTF-8" in refusal(LONGSHORE_GITHUB_APP_ID=broken)


# --- secrets and their files


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("form", LEFT_OVERS, ids=ascii)
def test_a_secret_from_a_file_is_tidied(tmp_path: Path, form: str, encoding: str) -> None:
    (tmp_path / "secret").write_bytes(form.format(SECRET).encode(encoding))
    settings = read(**{WEBHOOK: "", f"{WEBHOOK}_FILE": f"{tmp_path}/secret"})
    assert settings.github_webhook_secret.get_secret_value() == SECRET
    assert settings.warnings == ()


def test_a_file_of_a_secret_that_cannot_be_used_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "binary").write_bytes(b"\x80\x81\xfe" * 20)
    reasons = {
        f"{tmp_path}/empty": "names an empty file",
        f"{tmp_path}/binary": "names a file that is not text in UTF-8",
        f"{tmp_path}/missing": f"names {tmp_path}/missing, which cannot be read (No such file or directory)",
        str(tmp_path): f"names {tmp_path}, which cannot be read (Is a directory)",
        "/not/here.txt": "names /not/here.txt, which cannot be read (No such file or directory)",
    }
    for file, reason in reasons.items():
        assert refusal(**{WEBHOOK: "", f"{WEBHOOK}_FILE": file}) == f"{WEBHOOK}_FILE {reason}."


@pytest.mark.parametrize(
    "secret", [SECRET, "/" + "Q83vEjRWeJq83vEjRW" * 2, "a" * 300, "hunter2\nhunter2", "../hunter2"]
)
def test_a_secret_in_the_variable_of_its_file_is_not_shown(secret: str) -> None:
    sentence = refusal(**{WEBHOOK: "", f"{WEBHOOK}_FILE": secret})
    assert sentence.startswith(f"{WEBHOOK}_FILE ") and f"belongs in {WEBHOOK}" in sentence
    assert not [word for word in (secret, "hunter2", "Q83v", "aaaa") if word in sentence]


def test_the_path_of_a_file_in_the_variable_of_a_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    sentence = f"{WEBHOOK} holds the path of a file: put it into {WEBHOOK}_FILE."
    assert refusal(**{WEBHOOK: f"{tmp_path}/secret"}) == sentence
    assert read(**{WEBHOOK: "/AQ83vEjRWeJq83vEjRWeJ"}).warnings == ()


def test_of_a_variable_and_a_file_that_differ_the_variable_is_used_and_a_warning_says_so(tmp_path: Path) -> None:
    (tmp_path / "same").write_text(f"{SECRET}\n")
    (tmp_path / "other").write_text("another webhook's secret")
    warning = f"{WEBHOOK} and {WEBHOOK}_FILE are both set and differ: the first one is used."
    for file, warnings in (("same", ()), ("other", (warning,)), ("missing", (warning,))):
        settings = read(**{f"{WEBHOOK}_FILE": f"{tmp_path}/{file}"})
        assert settings.github_webhook_secret.get_secret_value() == SECRET
        assert settings.warnings == warnings
    (tmp_path / "app.pem").write_text(REQUIRED[KEY].replace("\n", "\r\n"))
    assert read(**{f"{KEY}_FILE": f"{tmp_path}/app.pem"}).warnings == ()


@pytest.mark.parametrize(("secret", "warned"), [("x", True), ("x" * 15, True), ("x" * 16, False), (SECRET, False)])
def test_a_short_webhook_secret_is_warned_of(secret: str, warned: bool) -> None:
    warnings = read(**{WEBHOOK: secret}).warnings
    assert [("fewer than 16 characters" in each, secret in each.split()) for each in warnings] == [
        (True, False)
    ] * warned


# --- addresses


@pytest.mark.parametrize("value", ["tcp://10.3.104.46:8080", "tcp://[fd00::1]:8080", "udp://10.3.104.46:53"])
def test_the_port_that_kubernetes_sets_for_a_service_of_our_name_is_ignored_with_a_warning(value: str) -> None:
    others = {
        "LONGSHORE_SERVICE_HOST": "10.3.104.46",
        "LONGSHORE_SERVICE_PORT": "8080",
        "LONGSHORE_PORT_8080_TCP": "tcp://10.3.104.46:8080",
        "LONGSHORE_PORT_8080_TCP_ADDR": "10.3.104.46",
    }
    settings = read(LONGSHORE_PORT=value, **others)
    assert settings.port == 8080
    (warning,) = settings.warnings
    assert warning.startswith("LONGSHORE_PORT is set by Kubernetes or Docker")
    assert "LONGSHORE_PORT" in refusal(LONGSHORE_PORT="http://10.3.104.46:8080")


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, "http://127.0.0.1:8080"),
        ({"LONGSHORE_HOST": "0.0.0.0", "LONGSHORE_PORT": "80"}, "http://127.0.0.1:80"),
        ({"LONGSHORE_HOST": "::"}, "http://[::1]:8080"),
        ({"LONGSHORE_HOST": "[::1]"}, "http://[::1]:8080"),
        ({"LONGSHORE_HOST": "fd00::7"}, "http://[fd00::7]:8080"),
        ({"LONGSHORE_HOST": "::", "LONGSHORE_BASE_URL": "https://h/longshore/"}, "https://h/longshore"),
    ],
)
def test_the_url_of_the_service_can_be_opened(variables: dict[str, str], url: str) -> None:
    assert read(**variables).url == url


def test_wrong_addresses_are_refused_by_the_names_of_their_variables() -> None:
    assert "LONGSHORE_HOST: must be a host without a port" in refusal(LONGSHORE_HOST="0.0.0.0:8080")
    assert "LONGSHORE_BASE_URL: must have neither a query" in refusal(LONGSHORE_BASE_URL="https://h?x=1")
    wrong = refusal(LONGSHORE_GITHUB_API_URL="https://github.com")
    assert wrong == "LONGSHORE_GITHUB_API_URL: must be https://api.github.com for github.com."


# --- proxies


def test_the_proxy_comes_from_the_environment_in_either_case() -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        assert read(**{name: "http://proxy.example.com:3128"}).proxy == "http://proxy.example.com:3128"
        assert read(**{name: "http://proxy.example.com:3128", "NO_PROXY": "github.com"}).proxy == ""
        assert read(**{name: "http://proxy.example.com:3128", "no_proxy": "*"}).proxy == ""
    assert read().proxy == ""


def test_a_proxy_for_github_alone_replaces_those_of_the_environment() -> None:
    environment = {"HTTPS_PROXY": "http://proxy.example.com:3128", "NO_PROXY": "*"}
    assert read(**environment, LONGSHORE_GITHUB_PROXY="other.example.com:80").proxy == "http://other.example.com:80"
    for none in ("none", "None", '"none"'):
        assert read(HTTPS_PROXY="http://proxy.example.com:3128", LONGSHORE_GITHUB_PROXY=none).proxy == ""


def test_a_malformed_proxy_is_refused_by_the_name_of_its_variable_and_not_shown() -> None:
    wrong = "http://me:hunter2@proxy.example.com:port"
    right = "must be the URL of an HTTP proxy, such as http://proxy.example.com:3128."
    assert refusal(HTTPS_PROXY=wrong) == f"HTTPS_PROXY: {right}"
    assert refusal(https_proxy=wrong) == f"HTTPS_PROXY: {right}"
    assert refusal(LONGSHORE_GITHUB_PROXY=wrong) == f"LONGSHORE_GITHUB_PROXY: {right}"
    assert refusal(HTTP_PROXY=wrong, LONGSHORE_GITHUB_API_URL="http://ghe.example.com/api/v3").startswith("HTTP_PROXY")
    assert read(HTTP_PROXY=wrong).proxy == ""


async def test_the_demo_goes_through_no_proxy(source: Path, tmp_path: Path) -> None:
    sandbox = await start(source, report=lambda _: None)
    try:
        with replaced_environment(dict.fromkeys(("HTTP_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")):
            assert demo_settings(sandbox, tmp_path, 8080).proxy == ""
    finally:
        await sandbox.close()


def test_secrets_are_not_printed_with_the_settings() -> None:
    settings = read(HTTPS_PROXY="http://me:hunter2@proxy.example.com:3128")
    assert settings.proxy == "http://me:hunter2@proxy.example.com:3128"
    assert not [secret for secret in ("hunter2", SECRET, "PRIVATE KEY") if secret in f"{settings!r} {settings}"]
