"""The JSON Schema of the configuration file, held to the reader itself."""

from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import BaseModel

from bot.rules.config import load
from bot.rules.config_model import Config, EnvironmentConfig
from bot.rules.config_nodes import ConfigErrors
from bot.rules.config_schema import GATES, reference, schema
from bot.rules.gate_settings import ApprovalRule, GateSettings, RequiredCheck, Window
from tests.rules.test_config import EXAMPLE, environment, project

AGREED = [
    EXAMPLE,
    "version: 1\nprojects: {site: {}}",
    project("build: {inputs: {a: 1.10, b: on, c: x}}"),
    environment("checks: [{name: a}, b]"),
    environment("deployers: [user:a]"),
]
REFUSED = [
    "projects: {site: {}}",
    "version: 1\nprojects: {}",
    "version: 1\nproject: {}\nprojects: {site: {}}",
    project("versions: zero"),
    project("paths: a"),
    project("show: {comments: 1}"),
    project("build: {deadline: 60}"),
    environment("approvals: {counts: 1}"),
    environment("approvals: {from: [boss]}"),
    environment("soak: PT30M\nafter: []"),
    environment("frozen: true"),
]


@pytest.mark.parametrize("text", AGREED)
def test_the_schema_accepts_what_the_reader_accepts(text: str) -> None:
    load(text.encode())
    jsonschema.validate(yaml.safe_load(text), schema())


@pytest.mark.parametrize("text", REFUSED)
def test_the_schema_refuses_what_the_reader_refuses(text: str) -> None:
    with pytest.raises(ConfigErrors):
        load(text.encode())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text), schema())


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def test_every_setting_has_a_description() -> None:
    silent = [
        f"{name}.{field}"
        for name, definition in {**schema()["$defs"], "": schema()}.items()
        for field, part in definition["properties"].items()
        if not part.get("description")
    ]
    assert not silent


def test_the_descriptions_of_gates_are_those_of_their_settings() -> None:
    models: tuple[type[BaseModel], ...] = (GateSettings, ApprovalRule, RequiredCheck, Window)
    assert set(GATES) == {field.alias or name for model in models for name, field in model.model_fields.items()}
    assert set(GateSettings.model_fields) < set(EnvironmentConfig.model_fields)


def settings(part: dict[str, Any], definitions: dict[str, Any]) -> int:
    """How many settings a part of the schema has."""
    return len(part["properties"]) + sum(len(definition["properties"]) for definition in definitions.values())


def test_the_reference_has_a_row_for_every_setting() -> None:
    made = schema()
    rows = reference().splitlines()[2:]
    assert len(rows) == settings(made, made["$defs"])
    assert set(Config.model_fields) < {row.split("`")[1] for row in rows}
    assert all(row.count("|") == 5 and not row.endswith("|  |") for row in rows)
