"""The service's refusals, in the two forms that its dialects have: as problems with which a command ends."""

from collections.abc import Mapping
from typing import Any

from bot.rules.names import advice, without_names
from cli.client.exits import Refused, Stopped, Table, Usage
from cli.client.gates import closed, gate_table

NO_SUCH_PATH = "Not Found"  # what the service says of a path that it does not have
OF_THE_FORM = ("type", "title", "status", "detail", "pointer", "parameter", "errors")
SAID_ELSEWHERE = ("field", "grant", "github_role", "gates", "since")
REASONS = ("reason", "remedy")


def refusal(status: int, body: object, where: str) -> Stopped:
    """The problem that an answer with an error status stands for. `where` is the URL that was asked."""
    sentence, details = parts_of(body)
    if sentence is None:
        return Usage(f"What answers at {where} is not Longshore (it says {status}): check the URL of the service.")
    if status == 401:
        return Refused(f"{sentence} Log in again with `longshore login`.", status, sentence, details)
    if status == 404 and sentence == NO_SUCH_PATH:
        return Usage(f"The service has nothing at {where}: it is of another version, or its URL has another path.")
    gates = details.get("gates")
    table = _table(gates) if isinstance(gates, list) else None
    return Refused(worded(sentence, details), status, sentence, details, table)


def parts_of(body: object) -> tuple[str | None, dict[str, Any]]:
    """The sentence of an error and its details, in either form; None for what is no error of the service."""
    if not isinstance(body, dict):
        return None, {}
    if isinstance(body.get("error"), str):
        details = body.get("details")
        return body["error"], dict(details) if isinstance(details, dict) else {}
    if isinstance(body.get("detail"), str) and "title" in body:
        return body["detail"], {name: value for name, value in body.items() if name not in OF_THE_FORM}
    return None, {}


def worded(sentence: str, details: Mapping[str, Any]) -> str:
    """A sentence, and the details that are worth reading."""
    told = {name: value for name, value in without_names(details).items() if name not in SAID_ELSEWHERE}
    if "gates" in details:  # the table has all of it
        told = {name: value for name, value in told.items() if name in REASONS}
    others = [
        _worded(name, value)
        for name, value in told.items()
        if isinstance(value, str | int) and str(value).rstrip(".") not in sentence
    ]
    text = f"{sentence.rstrip('.')} ({', '.join(others)})" if others else sentence
    return f"{text.rstrip('.')}. {said}" if (said := advice(details)) else text


def _worded(name: str, value: object) -> str:
    return str(value) if name in REASONS else f"{name.replace('_', ' ')}: {value}"


def _table(gates: list[Any]) -> Table | None:
    shut = closed(gates)
    return gate_table(shut) if shut else None
