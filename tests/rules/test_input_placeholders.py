"""Placeholders in workflow inputs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Refusal
from bot.rules.input_placeholders import MAX_PLACEHOLDERS, NAMES, OF_BUILDS, check, fill

VALUES = {name: f"<{name}>" for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["${{%s}}", "${{ %s }}", "a ${{  %s}} b"])
def test_the_listed_names_are_filled_in(name: str, form: str) -> None:
    text = form % name
    assert check(text) == text
    assert f"<{name}>" in fill(text, VALUES)
    assert "{{" not in fill(text, VALUES)


@pytest.mark.parametrize("text", ["", "plain", "$ {{ x }}", "{{ x }}", "${ x }", "}}", "100 %"])
def test_a_text_without_placeholders_stays_as_it_is(text: str) -> None:
    assert fill(check(text), VALUES) == text


@pytest.mark.parametrize(
    "text",
    [
        "${{ github.token }}", "${{ secrets.KEY }}", "${{ candidate.Version }}", "${{ candidate.version || 1 }}",
        "${{ candidate }}", "${{}}", "${{ }}", "${{", "${{ candidate.version", "${{ candidate.version }",
        "${{ ${{ candidate.version }} }}", "${{ candidate.\nversion }}", "${{ candidate.version }} ${{ x }}",
        "${{ candidate.version }}" * (MAX_PLACEHOLDERS + 1),
    ],
    ids=ascii,
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Refusal):
        check(text)


def test_the_name_that_was_meant_is_suggested() -> None:
    with pytest.raises(Refusal, match=r"did you mean `candidate\.version`"):
        check("${{ candidate.verson }}")


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(OF_BUILDS)))
def test_a_build_has_no_environment_and_no_deployment(name: str) -> None:
    with pytest.raises(Refusal):
        check(f"${{{{ {name} }}}}", OF_BUILDS)


def test_what_is_filled_in_is_not_filled_in_again() -> None:
    text = "${{ candidate.version }}"
    assert fill(text, {"candidate.version": "${{ project.name }}", "project.name": "x"}) == "${{ project.name }}"


def test_an_unknown_placeholder_of_an_older_setting_stays_as_it_is_written() -> None:
    assert (
        fill("${{ github.sha }}-${{ candidate.version }}", {"candidate.version": "1-rc1"}) == "${{ github.sha }}-1-rc1"
    )


@given(st.lists(st.sampled_from(["${{", "}}", " ", "candidate.version", "$", "{", "x"]), max_size=12).map("".join))
def test_a_text_that_is_accepted_has_nothing_left_to_fill_in(text: str) -> None:
    try:
        check(text)
    except Refusal:
        return
    assert "${{" not in fill(text, VALUES)
