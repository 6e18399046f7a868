"""The manifest of the GitHub App, `app.yml`: the permissions that it needs, and the events that it receives."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@cache
def read_manifest() -> Mapping[str, Any]:
    """Read the manifest. It is at the root of the repository, and a file of this package where that is installed."""
    manifest: Mapping[str, Any] = yaml.safe_load(files("bot").joinpath("app.yml").read_bytes())
    return manifest
