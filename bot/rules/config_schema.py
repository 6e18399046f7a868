"""What editors and the documentation know about the configuration file, made of its model."""

from collections.abc import Iterator
from datetime import timedelta
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bot.rules.command_pages import markdown_table
from bot.rules.config_model import Config
from bot.rules.durations import EXPECTED as DURATION
from bot.rules.durations import format_duration
from bot.rules.names import in_words

SCHEMA_PATH = "/schema/longshore.json"
_TITLE = "Longshore: how a repository is released"
_DURATION = {"type": "string", "pattern": "^[0-9]{1,8}[smhd]$", "description": DURATION}
_TEXT = {"type": ["string", "number", "boolean"]}
_PEOPLE = {"type": "string", "pattern": "^(role|team|user):", "examples": ["role:maintain", "team:acme/release"]}

GATES = {
    "after": "The environments where the same commit has to be live, or to have been deployed, before.",
    "soak": "How long it has to have been there without a failure or rollback.",
    "downgrade": "Whether a commit older than the live one is refused. Unless set: `refuse` on production tiers, "
    "`allow` on others. Rollbacks are exempt.",
    "checks": "The checks that have to be green at the commit: names or globs, `all`, or `{name, app}`.",
    "approvals": "How many people have to approve a candidate, and who counts.",
    "deployers": "Who may deploy, besides having the grant. Unless set, everybody who has it.",
    "force": "Whether gates can be overridden with a reason.",
    "auto": "Whether each candidate that becomes ready is deployed by itself.",
    "wait_at_most": "How long a deployment waits for its gates.",
    "windows": "Recurring times in which deployments are denied, or outside of which they are.",
    "count": "How many people have to approve.",
    "from": "Who may approve: `role:NAME`, `team:ORG/SLUG` or `user:LOGIN`. Unless set: `role:maintain` on production "
    "tiers, `role:write` on others.",
    "authors": "Whether who wrote a commit of it may approve it.",
    "expire_after": "How long an approval counts.",
    "deny": "When deployments are denied: an RFC 5545 rule, daily or rarer.",
    "allow": "When they are allowed, and not outside of it: either this or `deny`.",
    "for": "How long each window lasts.",
    "timezone": "The timezone of its times.",
    "reason": "What people are told.",
    "name": "The name of the check, or a glob of it.",
    "app": "The app that reports it, by its slug. Unless given, that of every app has to be green.",
}
"""What the settings of gates mean, which have no descriptions in their model."""


def schema() -> dict[str, Any]:
    """The JSON Schema of the file, for editors that complete and check it."""
    made = Config.model_json_schema(by_alias=True)
    for definition in made["$defs"].values():
        for name, field in definition.get("properties", {}).items():
            field.pop("title", None)
            if name in GATES:
                field.setdefault("description", GATES[name])
    improved: dict[str, Any] = _improved(made)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **improved, "title": _TITLE}


def _improved(part: Any) -> Any:
    """A part of the schema in the file's words: durations as they are written, any scalar as the text of inputs."""
    if isinstance(part, list):
        return [_improved(each) for each in part]
    if not isinstance(part, dict):
        return part
    if part.get("format") == "duration":
        kept = {name: part[name] for name in ("examples", "description") if name in part}
        return {**_DURATION, **kept}
    made = {name: _improved(value) for name, value in part.items()}
    for name in ("inputs", "from", "deployers"):
        field = made.get("properties", {}).get(name)
        if isinstance(field, dict):
            _refine(name, field)
    return made


def _refine(name: str, field: dict[str, Any]) -> None:
    if name == "inputs":
        field["patternProperties"] = dict.fromkeys(field["patternProperties"], _TEXT)
        field["additionalProperties"] = False
    for kind in (field, *field.get("anyOf", ())):
        if name != "inputs" and kind.get("type") == "array":
            kind["items"] = _PEOPLE


# --- the reference in the documentation


def reference() -> str:
    """The table of all settings: name, what it takes, default, meaning. In Markdown."""
    rows = [(f"`{path}`", *others) for path, *others in _rows(Config, "")]
    return markdown_table(("setting", "takes", "unless given", "meaning"), rows)


def _rows(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str, str]]:
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        below = _model_in(field.annotation)
        placeholder = {"projects": ".NAME.", "environments": ".NAME."}.get(name, "[]." if _is_list(field) else ".")
        yield path, _kind(field.annotation), _default(field), field.description or GATES[field.alias or name]
        if below is not None:
            yield from _rows(below, f"{path}{placeholder}")


def _parts(annotation: Any) -> tuple[Any, ...]:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        return tuple(part for each in get_args(annotation) for part in _parts(each))
    return (annotation,)


def _is_list(field: FieldInfo) -> bool:
    return any(get_origin(part) is tuple for part in _parts(field.annotation))


def _model_in(annotation: Any) -> type[BaseModel] | None:
    for part in _parts(annotation):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
        if get_origin(part) in (tuple, dict):
            return _model_in(get_args(part)[-2 if get_origin(part) is tuple else -1])
    return None


def _kind(annotation: Any) -> str:
    """What a setting takes, in words."""
    words = [word for part in _parts(annotation) if (word := _word(part))]
    return " or ".join(dict.fromkeys(words))


def _word(part: Any) -> str:
    if get_origin(part) is Literal:
        return in_words(get_args(part), last="or")
    if get_origin(part) is tuple:
        return f"list of {_plural(_kind(get_args(part)[0]))}"
    if get_origin(part) is dict:
        return "mapping of names to " + _plural(_kind(get_args(part)[1]))
    if isinstance(part, type) and issubclass(part, BaseModel):
        return "mapping"
    named = {"str": "text", "bool": "`true` or `false`", "int": "number", "timedelta": "duration"}
    return named.get(getattr(part, "__name__", ""), "")


def _plural(kind: str) -> str:
    return {"text": "texts", "mapping": "mappings", "text or mapping": "texts or mappings"}[kind]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or isinstance(value, BaseModel) or value in ((), {}, ""):
        return ""
    return f"`{_written(value)}`"


def _written(value: Any) -> str:
    if isinstance(value, timedelta):
        return format_duration(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
