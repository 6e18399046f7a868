"""Validation of bodies, queries and path values. All errors become one `BadRequest` with a sentence per error."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args

from aiohttp import web
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from api.http.bodies import BadRequest
from bot.rules.names import nearest
from bot.rules.validation import MAX_NAME, explain, field_name

ModelT = TypeVar("ModelT", bound=BaseModel)

MAX_NAME_LENGTH = 255
SIMILAR_FIELD = 0.75  # from 0 (nothing in common) to 1 (equal), as difflib measures it
MAX_ERRORS = 20  # reported for one request


def validate(model: type[ModelT], values: object, *, strict: bool, in_query: bool = False) -> ModelT:
    """Validate values against a model. Refuses with a sentence for each of the first errors."""
    try:
        return model.model_validate(values, strict=strict)
    except ValidationError as error:
        raise bad_request(model, error.errors(include_url=False), in_query=in_query) from error


def bad_request(model: type[BaseModel], errors: Sequence[ErrorDetails], *, in_query: bool = False) -> BadRequest:
    """Build the error for the first of some errors that a model found."""
    fields: dict[str, list[str]] = {}
    for details in errors[:MAX_ERRORS]:
        name = field_name(details["loc"])
        fields.setdefault(name, []).append(_sentence(name, details, model))
    return BadRequest(next(iter(fields.values()))[0], fields=fields, in_query=in_query)


def validate_query(
    model: type[ModelT] | None, request: web.Request, other_parameters: Sequence[str] = ()
) -> ModelT | None:
    """Validate the query string. Refuses parameters that are unknown or repeated.

    `other_parameters` are accepted besides the fields of the model.
    """
    accepted = [*(model.model_fields if model else ()), *other_parameters]
    for name in request.query:
        if name not in accepted or len(request.query.getall(name)) > 1:
            names = " and ".join(f"`{parameter}`" for parameter in accepted) or "none"
            unknown = f"not a parameter of this call, which takes {names}"
            reason = "given more than once" if name in accepted else unknown
            sentence = f"`{name[:MAX_NAME]}` is {reason}."
            raise BadRequest(sentence, fields={name[:MAX_NAME]: [sentence]}, in_query=True)
    return validate(model, dict(request.query), strict=False, in_query=True) if model else None


def path_values(request: web.Request) -> Mapping[str, str]:
    """The path values of a request by name.

    A value that cannot be used in a query (with U+0000, or too long) is replaced by one that no row has.
    """
    return {
        name: text if "\0" not in text and len(text) <= MAX_NAME_LENGTH else "\x01"
        for name, text in request.match_info.items()
    }


def _sentence(name: str, details: ErrorDetails, model: type[BaseModel]) -> str:
    if details["type"] == "extra_forbidden":
        meant = nearest(str(details["loc"][-1]), _fields_beside(model, details["loc"]), SIMILAR_FIELD)
        return f"`{name}` is not a field of this call.{f' Did you mean `{meant}`?' if meant else ''}"
    if details["type"] == "sentence":  # raised by a rule
        return str(details["msg"])
    subject = f"`{name}`" if name else "The body"
    words = explain(details["type"], details.get("ctx"), details["msg"])
    if details["type"] == "value":  # of a setting: it is a sentence already
        return f"{subject}: {words}"
    return f"{subject} {words}."


def _fields_beside(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """The fields of the object in which an error is: that of the model, or of one within it."""
    for step in location[:-1]:
        for name, info in model.model_fields.items():
            if step == (info.alias or name) and (inner := _model_in(info.annotation)):
                model = inner
                break
    return [info.alias or name for name, info in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a field's type is, or has in a list or union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
