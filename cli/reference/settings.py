"""The table of settings, made of the fields of `bot/settings.py`."""

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from bot.rules.command_pages import markdown_table
from bot.settings import PREFIX, Settings

_KINDS: Mapping[object, str] = {
    str: "text",
    SecretStr: "secret text",
    int: "whole number",
    float: "number",
    bool: "`true` or `false`",
    Path: "path of a file",
}


def table() -> str:
    """A row for each setting: its variable, what it takes, its default, and what it means."""
    rows = [
        (f"`{PREFIX}{name.upper()}`", _takes(field), _default(field), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    return markdown_table(("variable", "takes", "unless set", "meaning"), rows)


def _takes(field: FieldInfo) -> str:
    kind = _KINDS[next(iter(get_args(field.annotation)), field.annotation)]
    bounds = {name: getattr(each, name) for each in field.metadata for name in ("ge", "le") if hasattr(each, name)}
    return f"{kind}, {bounds['ge']} to {bounds['le']}" if len(bounds) == 2 else kind


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    return f"`{field.default}`" if isinstance(field.default, str | int | float) and field.default != "" else ""
