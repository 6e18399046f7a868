"""Validation of bodies, queries and path values. Faults become one `BadRequest` with a sentence for each field."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from api.http.bodies import BadRequest

ModelT = TypeVar("ModelT", bound=BaseModel)

MAX_NAME_LENGTH = 255
MAX_FAULTS = 20  # reported for one request
MAX_QUOTED = 100  # characters of a caller's field or parameter name that an error repeats


def validate(model: type[ModelT], values: object, *, strict: bool, in_query: bool = False) -> ModelT:
    """Validate values against a model. Refuses with a sentence for each of the first faulty fields."""
    try:
        return model.model_validate(values, strict=strict)
    except ValidationError as error:
        fields: dict[str, list[str]] = {}
        for fault in error.errors(include_url=False)[:MAX_FAULTS]:
            name = ".".join(map(str, fault["loc"]))[:MAX_QUOTED]
            fields.setdefault(name, []).append(_sentence(name, fault))
        raise BadRequest(next(iter(fields.values()))[0], fields=fields, in_query=in_query) from error


def validate_query(
    model: type[ModelT] | None, request: web.Request, other_parameters: Sequence[str] = ()
) -> ModelT | None:
    """Validate the query string. Refuses parameters that are unknown or repeated.

    `other_parameters` are accepted besides the fields of the model.
    """
    accepted = [*(model.model_fields if model else ()), *other_parameters]
    for name in request.query:
        if name not in accepted or len(request.query.getall(name)) > 1:
            listed = " and ".join(f"`{parameter}`" for parameter in accepted) or "none"
            reason = "given more than once" if name in accepted else f"no parameter of this call, which takes {listed}"
            sentence = f"`{name[:MAX_QUOTED]}` is {reason}."
            raise BadRequest(sentence, fields={name[:MAX_QUOTED]: [sentence]}, in_query=True)
    return validate(model, dict(request.query), strict=False, in_query=True) if model else None


def path_values(request: web.Request) -> Mapping[str, str]:
    """The values of a request's path by name.

    One that the database cannot be queried for (it holds U+0000 or is too long) becomes a value that no row has.
    """
    return {
        name: text if "\0" not in text and len(text) <= MAX_NAME_LENGTH else "\x01"
        for name, text in request.match_info.items()
    }


def _sentence(name: str, fault: ErrorDetails) -> str:
    if fault["type"] == "missing":
        return f"`{name}` is required."
    if fault["type"] == "extra_forbidden":
        return f"`{name}` is not a field of this call."
    if fault["type"] == "sentence":  # raised by a rule
        return str(fault["msg"])
    return f"`{name}`: {fault['msg'][0].lower()}{fault['msg'][1:]}."
