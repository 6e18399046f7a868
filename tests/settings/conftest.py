"""Read the settings from an environment of the test's own."""

from bot.errors import Misconfigured
from bot.settings import Settings, read_settings
from sandbox.credentials import key_pair
from tests.cli.conftest import replaced_environment

SECRET = "a webhook's secret"
REQUIRED = {
    "LONGSHORE_GITHUB_APP_ID": "1",
    "LONGSHORE_GITHUB_PRIVATE_KEY": key_pair()[0],
    "LONGSHORE_GITHUB_WEBHOOK_SECRET": SECRET,
}


def read(**variables: str) -> Settings:
    """The settings of an environment that has these variables besides the required ones; empty ones are not set."""
    environment = {**REQUIRED, **variables}
    with replaced_environment({name: value for name, value in environment.items() if value}):
        return read_settings()


def refusal(**variables: str) -> str:
    """The sentence that refuses an environment."""
    try:
        settings = read(**variables)
    except Misconfigured as error:
        return error.sentence
    raise AssertionError(f"accepted: {settings}")
