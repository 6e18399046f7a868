"""Variables that are named like settings but are none: said once, with what was probably meant."""

import re
from pathlib import Path

import pytest

from bot.rules.setting_names import CLIENT_VARIABLES
from bot.settings import Settings, unknown_variables
from tests.cli.conftest import replaced_environment
from tests.settings.conftest import read, refusal

ROOT = Path(__file__).parent.parent.parent


def warnings(**variables: str) -> list[str]:
    with replaced_environment(variables):
        return unknown_variables()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("LONGSHORE_DATABSE_URL", "LONGSHORE_DATABASE_URL"),
        ("LONGSHORE_DATABASEURL", "LONGSHORE_DATABASE_URL"),
        ("LONGSHORE_DATABASE_URI", "LONGSHORE_DATABASE_URL"),
        ("LONGSHORE_LOGLEVEL", "LONGSHORE_LOG_LEVEL"),
        ("LONGSHORE_APP_ID", "LONGSHORE_GITHUB_APP_ID"),
        ("LONGSHORE_GITHUB_APPID", "LONGSHORE_GITHUB_APP_ID"),
        ("LONGSHORE_PRIVATE_KEY", "LONGSHORE_GITHUB_PRIVATE_KEY"),
        ("LONGSHORE_WEBHOOK_SECRET_FILE", "LONGSHORE_GITHUB_WEBHOOK_SECRET_FILE"),
        ("LONGSHORE_CONCURRENCY", "LONGSHORE_WORKER_CONCURRENCY"),
        ("LONGSHORE_CORS_ORIGIN", "LONGSHORE_CORS_ORIGINS"),
        ("LONGSHORE_PROT", "LONGSHORE_PORT"),
        ("longshore_prot", "LONGSHORE_PORT"),
    ],
)
def test_a_misspelled_setting_is_warned_of_with_what_was_meant(name: str, meant: str) -> None:
    assert warnings(**{name: "x"}) == [f"{name} is not a setting. Did you mean {meant}?"]


@pytest.mark.parametrize("name", ["LONGSHORE_COLOR", "LONGSHORE_", "LONGSHORE_URI", "LONGSHORE_HOME", "LONGSHORE_X"])
def test_a_variable_near_to_no_setting_is_warned_of_without_a_suggestion(name: str) -> None:
    assert warnings(**{name: "x"}) == [f"{name} is not a setting."]


def test_settings_themselves_and_other_variables_are_no_mistakes() -> None:
    known = {f"LONGSHORE_{name.upper()}": "x" for name in Settings.model_fields}
    others = {"PATH": "x", "LONGSHOREMAN_PORT": "x", "MY_LONGSHORE_PORT": "x", "LONGSHORE": "x", "longshore_port": "1"}
    client = dict.fromkeys(CLIENT_VARIABLES, "x")
    assert warnings(**known, **client, **others, LONGSHORE_TEST_DATABASE_URL="x", LONGSHORE_EMPTY="") == []
    example = (ROOT / ".env.example").read_text()
    assert warnings(**dict.fromkeys(re.findall(r"^LONGSHORE_\w+", example, re.MULTILINE), "x")) == []


@pytest.mark.parametrize("service", ["LONGSHORE", "LONGSHORE_WEB", "LONGSHORE_DB_2"])
def test_what_kubernetes_sets_for_a_service_is_no_mistake(service: str) -> None:
    injected = {
        f"{service}_SERVICE_HOST": "10.0.0.11",
        f"{service}_SERVICE_PORT": "8080",
        f"{service}_SERVICE_PORT_HTTP": "8080",
        f"{service}_SERVICE_PORT_HTTP_METRICS": "9090",
        f"{service}_PORT": "tcp://10.0.0.11:8080",
        f"{service}_PORT_8080_TCP": "tcp://10.0.0.11:8080",
        f"{service}_PORT_8080_TCP_PROTO": "tcp",
        f"{service}_PORT_8080_TCP_PORT": "8080",
        f"{service}_PORT_8080_TCP_ADDR": "10.0.0.11",
        f"{service}_PORT_53_UDP_ADDR": "10.0.0.11",
        f"{service}_PORT_9_SCTP": "sctp://10.0.0.11:9",
    }
    assert warnings(**injected) == []


@pytest.mark.parametrize("name", ["LONGSHORE_SERVICE", "LONGSHORE_WEB_PORT", "LONGSHORE_PORT_HTTP", "LONGSHORE_PORTS"])
def test_what_only_resembles_a_variable_of_kubernetes_is_warned_of(name: str) -> None:
    assert len(warnings(**{name: "8080"})) == 1


def test_unknown_variables_are_among_the_warnings_of_the_service_and_in_the_refusal_of_its_settings() -> None:
    sentence = "LONGSHORE_GITHUB_APPID is not a setting. Did you mean LONGSHORE_GITHUB_APP_ID?"
    assert sentence in read(LONGSHORE_GITHUB_APPID="1").warnings
    assert refusal(LONGSHORE_GITHUB_APPID="1", LONGSHORE_GITHUB_APP_ID="").endswith(
        f"LONGSHORE_GITHUB_APP_ID must be set. {sentence}"
    )
