"""The variables of the environment that the client half reads, and the folder in which it keeps its files."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.request import getproxies_environment

import typer

from bot.rules.setting_names import CLIENT_VARIABLES, unknown_settings
from bot.rules.setting_texts import tidied

PREFIX = "LONGSHORE_"


@dataclass(frozen=True)
class Variables:
    """What the environment says; empty where it says nothing."""

    url: str = ""
    token: str = ""
    project: str = ""


def variables() -> Variables:
    """Read `LONGSHORE_URL`, `LONGSHORE_TOKEN` and `LONGSHORE_PROJECT`."""
    return Variables(*(tidied(os.environ.get(name, "")) for name in CLIENT_VARIABLES))


def misspelled() -> list[str]:
    """Sentences about variables that are spelled nearly like ours.

    Settings of the service are none of our business, so those that resemble nothing are left alone.
    """
    found = unknown_settings(dict(os.environ), PREFIX, CLIENT_VARIABLES)
    return [sentence for sentence in found if "Did you mean" in sentence]


def proxies() -> Mapping[str, str]:
    """The proxies that the environment names, by the first word of the variables' names."""
    return getproxies_environment()


def logins_file() -> Path:
    """Where logins are kept: in the system's folder for configuration."""
    return Path(typer.get_app_dir("longshore")) / "logins.json"
