"""What is wrong with a value that a pydantic model refuses: in our words, by the type of the error."""

import re
from collections.abc import Callable, Mapping, Sequence
from json import JSONDecodeError
from typing import Any

ADDED_STEPS = ("[key]", "constrained-str", "RequiredCheck")
MAX_NAME = 100  # characters of the name of a field that a sentence quotes
UNUSABLE = "has a value that cannot be used here"
NO_OBJECT = "must be an object"
NO_LIST = "must be a list"
NO_TEXT = "must be text"
NO_FLAG = "must be true or false"
NO_INTEGER = "must be a whole number"
NO_NUMBER = "must be a number"
NO_DATE = "must be a date, as in 2026-11-03"
NO_TIME = "must be a time of day, as in 18:00:00"
NO_MOMENT = "must be a date and a time, as in 2026-11-03T18:00:00Z"
NO_DURATION = "must be a length of time, such as PT30M"
NO_URL = "must be a URL, such as https://example.com/"
NO_UUID = "must be a UUID, such as 6ba7b810-9dad-11d1-80b4-00c04fd430c8"

Context = Mapping[str, Any]
Words = str | Callable[[Context], str]
"""What is wrong, to follow the name of the field; or a function that makes this of the error's context."""


def _limited(sentence: str, key: str, unit: str) -> Callable[[Context], str]:
    """Words with the limit that the context has under a key, and its unit in the singular or plural."""

    def words(context: Context) -> str:
        limit = context[key]
        return f"{sentence} {limit:,} {unit if limit == 1 else f'{unit}s'}"

    return words


def _bounded(sentence: str, key: str) -> Callable[[Context], str]:
    return lambda context: f"{sentence} {_without_zero(context[key])}"


def _without_zero(bound: object) -> object:
    """A bound as people write it: 0 rather than 0.0."""
    return int(bound) if isinstance(bound, float) and bound.is_integer() else bound


def _one_of(key: str) -> Callable[[Context], str]:
    """Words that list the accepted values, which pydantic puts between single quotes."""
    return lambda context: "must be " + re.sub(r"'([^']*)'", r"`\1`", str(context[key]))


WORDS: Mapping[str, Words] = {
    "missing": "is required",
    "extra_forbidden": "is not known here",
    "value_error": lambda context: str(context["error"]),
    "json_invalid": lambda context: f"is not valid JSON: {context['error']}",
    "json_type": "must be JSON",
    "recursion_loop": "contains itself",
    "recursion_depth_exceeded": "is nested too deeply",
    # objects and lists
    **dict.fromkeys(
        ("model_type", "model_attributes_type", "dataclass_type", "dataclass_exact_type", "named_tuple_type"), NO_OBJECT
    ),
    **dict.fromkeys(
        ("dict_type", "frozen_dict_type", "ordered_dict_type", "counter_type", "mapping_type", "arguments_type"),
        NO_OBJECT,
    ),
    **dict.fromkeys(
        ("list_type", "deque_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type", "iteration_error"),
        NO_LIST,
    ),
    "set_item_not_hashable": "must be a simple value",
    "too_short": _limited("must have at least", "min_length", "item"),
    "too_long": _limited("must have at most", "max_length", "item"),
    "invalid_key": "must have text for a name",
    # text
    **dict.fromkeys(("string_type", "bytes_type"), NO_TEXT),
    **dict.fromkeys(("string_unicode", "bytes_invalid_encoding"), "must be text in UTF-8"),
    "string_not_ascii": "must be text in ASCII",
    "string_too_short": _limited("must have at least", "min_length", "character"),
    "string_too_long": _limited("must have at most", "max_length", "character"),
    "bytes_too_short": _limited("must have at least", "min_length", "byte"),
    "bytes_too_long": _limited("must have at most", "max_length", "byte"),
    "string_pattern_mismatch": "does not have the expected form",
    # numbers, booleans and words
    **dict.fromkeys(("bool_type", "bool_parsing"), NO_FLAG),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), NO_INTEGER),
    "int_parsing_size": "has too many digits",
    **dict.fromkeys(
        (
            *("float_type", "float_parsing", "decimal_type", "decimal_parsing", "fraction_type", "fraction_parsing"),
            *("complex_type", "complex_str_parsing"),
        ),
        NO_NUMBER,
    ),
    "finite_number": "must be a finite number",
    "greater_than": _bounded("must be more than", "gt"),
    "greater_than_equal": _bounded("must be at least", "ge"),
    "less_than": _bounded("must be less than", "lt"),
    "less_than_equal": _bounded("must be at most", "le"),
    "multiple_of": _bounded("must be a multiple of", "multiple_of"),
    "decimal_max_digits": _limited("must have at most", "max_digits", "digit"),
    "decimal_max_places": _limited("must have at most", "decimal_places", "decimal place"),
    "decimal_whole_digits": lambda context: f"must be less than 1 followed by {context['whole_digits']} zeros",
    "none_required": "must be null",
    "enum": _one_of("expected"),
    "literal_error": _one_of("expected"),
    "union_tag_invalid": _one_of("expected_tags"),
    "union_tag_not_found": lambda context: f"must say in {context['discriminator']} what it is",
    # dates and times
    **dict.fromkeys(("date_type", "date_parsing"), NO_DATE),
    **dict.fromkeys(("date_from_datetime_parsing", "date_from_datetime_inexact"), NO_DATE),
    **dict.fromkeys(("time_type", "time_parsing"), NO_TIME),
    **dict.fromkeys(("datetime_type", "datetime_parsing"), NO_MOMENT),
    **dict.fromkeys(("datetime_object_invalid", "datetime_from_date_parsing"), NO_MOMENT),
    **dict.fromkeys(("date_past", "datetime_past"), "must be in the past"),
    **dict.fromkeys(("date_future", "datetime_future"), "must be in the future"),
    "timezone_naive": "must be without a time zone",
    "timezone_aware": "must have a time zone, as in 2026-11-03T18:00:00Z",
    "timezone_offset": "has the wrong time zone",
    **dict.fromkeys(("time_delta_type", "time_delta_parsing"), NO_DURATION),
    # addresses and ids
    **dict.fromkeys(("url_type", "url_parsing", "url_syntax_violation"), NO_URL),
    "url_too_long": _limited("must have at most", "max_length", "character"),
    "url_scheme": lambda context: "must begin with " + re.sub(r"'([^']*)'", r"\1:", str(context["expected_schemes"])),
    **dict.fromkeys(("uuid_type", "uuid_parsing", "uuid_version"), NO_UUID),
    # what only values made by a program could be
    **dict.fromkeys(
        (
            *("no_such_attribute", "get_attribute_error", "needs_python_object", "frozen_field", "frozen_instance"),
            *("default_factory_not_called", "is_instance_of", "is_subclass_of", "callable_type", "assertion_error"),
            *("missing_sentinel_error", "ellipsis_error", "missing_argument", "unexpected_keyword_argument"),
            *("missing_keyword_only_argument", "unexpected_positional_argument", "missing_positional_only_argument"),
            "multiple_argument_values",
        ),
        UNUSABLE,
    ),
}
"""By the error's type. Other types are those of our own validators, whose messages are in our words already."""


def explain(error_type: str, context: Context | None, message: str) -> str:
    """What is wrong, in words that follow the name of the field: `must be text`.

    The arguments are those of one of `ValidationError.errors()`.
    """
    words = WORDS.get(error_type, message)
    return words if isinstance(words, str) else words(context or {})


def json_kind(value: object) -> str:
    """What a value is in JSON, for `but got …`."""
    kinds = {dict: "an object", list: "a list", str: "text", bool: "a boolean", int: "a number", float: "a number"}
    return kinds.get(type(value), "null" if value is None else "something else")


def json_fault(error: JSONDecodeError) -> str:
    """Why a text is not JSON, and where."""
    if error.msg.startswith("str is not valid UTF-8"):
        return "it is not text in UTF-8"
    return f"{error.msg} (line {error.lineno}, column {error.colno})"


def field_name(location: Sequence[str | int]) -> str:
    """The name of a field by the location of an error: the steps that lead to it, with dots between them.

    The steps that pydantic adds, as for the key of an object or the kinds of values in a union, are left out.
    """
    steps = (str(step) for step in location)
    return ".".join(step for step in steps if step not in ADDED_STEPS)[:MAX_NAME]
