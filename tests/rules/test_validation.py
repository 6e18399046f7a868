"""What pydantic refuses is said in our words: whatever the type of the error, no sentence speaks Python."""

import re
from typing import get_args

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticKnownError, core_schema

from bot.operations import jobs
from bot.rules.validation import WORDS, explain, field_name

PYTHON = re.compile(
    r"Input should|instance of|[Dd]ictionary|[Tt]uple|\bNone\b|\bstr\b|\bint\b|\bdict\b|\bbool\b|[Vv]alue error|"
    r"[Aa]ssertion|\bstring\b|mapping|frozenset|\bFreeze|attribute|callable|argument|iterable|deque|sentinel|Ellipsis|"
    r"subclass|__|\^|\\|<|>"
)
CONTEXT = {
    **dict.fromkeys(("min_length", "max_length", "max_digits", "decimal_places", "whole_digits", "actual_length"), 3),
    **dict.fromkeys(("gt", "ge", "lt", "le", "multiple_of"), 3),
    **dict.fromkeys(("expected", "expected_tags"), "'writer' or 'reader'"),
    "expected_schemes": "'https' or 'http'",
    "discriminator": "'kind'",
    "error": "expected value at line 1 column 1",
    "pattern": "^x$",
    "class": "Freeze",
    "class_name": "Freeze",
    "field_type": "Dictionary",
    "method_name": "__hash__",
    "attribute": "x",
    "encoding": "utf-8",
    "encoding_error": "bad",
    "tag": "x",
    "tz_expected": 1,
    "tz_actual": 2,
    "expected_version": 4,
    "mapping_type": "Mapping",
}


@pytest.mark.parametrize("error_type", get_args(core_schema.ErrorType))
def test_every_error_of_pydantic_has_words_of_ours(error_type: str) -> None:
    assert error_type in WORDS
    words = explain(error_type, CONTEXT, "Input should be an instance of Freeze")
    assert not PYTHON.search(words), words
    assert re.match(r"(must|is|has|does|contains|expected) ", words), words


def test_no_words_are_those_of_an_error_that_pydantic_does_not_have() -> None:
    assert set(WORDS) == set(get_args(core_schema.ErrorType))


@pytest.mark.parametrize(
    ("error_type", "context", "words"),
    [
        ("string_too_long", {"max_length": 100}, "must have at most 100 characters"),
        ("string_too_short", {"min_length": 1}, "must have at least 1 character"),
        ("too_long", {"max_length": 10_000}, "must have at most 10,000 items"),
        ("literal_error", {"expected": "'pull' or 'commit'"}, "must be `pull` or `commit`"),
        ("url_scheme", {"expected_schemes": "'https' or 'http'"}, "must begin with https: or http:"),
        ("greater_than_equal", {"ge": 1}, "must be at least 1"),
        ("greater_than_equal", {"ge": 0.0}, "must be at least 0"),
        ("less_than_equal", {"le": 0.5}, "must be at most 0.5"),
    ],
)
def test_the_words_have_the_limits_of_the_error(error_type: str, context: dict[str, object], words: str) -> None:
    assert explain(error_type, context, "") == words


def test_the_context_of_pydantics_own_errors_fills_the_words() -> None:
    class Model(BaseModel):
        name: str = Field(min_length=2)
        items: list[int] = Field(max_length=1)
        level: int = Field(ge=1, le=2)
        names: dict[int, str]

    values = {"name": "a", "items": [1, 2], "level": 3, "names": {"x": "y"}}
    with pytest.raises(ValidationError) as raised:
        Model.model_validate(values)
    assert [
        f"{field_name(problem['loc'])} {explain(problem['type'], problem.get('ctx'), problem['msg'])}"
        for problem in raised.value.errors()
    ] == [
        "name must have at least 2 characters",
        "items must have at most 1 item",
        "level must be at most 2",
        "names.x must be a whole number",
    ]


def test_the_message_of_a_validator_of_ours_stays() -> None:
    assert explain("sentence", {}, "must be a time with its zone") == "must be a time with its zone"
    error = PydanticKnownError("value_error", {"error": ValueError("must be one of a, b")})
    assert explain(error.type, error.context, error.message()) == "must be one of a, b"


@pytest.mark.parametrize("payload", [b"", b"[]", b"null", b'{"comment": 1}', b'{"comment": {}}', b"{", b'"x"'])
def test_an_unreadable_payload_of_a_job_is_described_in_our_words(payload: bytes) -> None:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(jobs.RunCommands).validate_json(payload)
    for problem in raised.value.errors():
        words = explain(problem["type"], problem.get("ctx"), problem["msg"])
        assert problem["type"] in WORDS and not PYTHON.search(words), words
