"""Names in refusals: which one a mistyped name stands for, and how many are listed."""

import random
import time

import pytest

from bot.rules.names import MAX_COMPARED, MAX_LISTED, SIMILAR_VERSION, advice, in_words, nearest, unknown, without_names
from tests.stalls import LIMIT

NAMES = ["development", "staging", "production", "EU West"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("stagign", "staging"),
        ("Staging", "staging"),
        ("stg", "staging"),
        ("prod", "production"),
        ("eu west", "EU West"),
        ("eu-west", "EU West"),
        ("qa", None),
        ("", None),
        ("x" * 10_000, None),
    ],
)
def test_a_mistyped_name_stands_for_the_one_that_is_close(written: str, meant: str | None) -> None:
    assert nearest(written, NAMES) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("v1.4.0-rc1", "1.4.0-rc1"),
        ("1.4.0-rc3", "1.4.0-rc2"),
        ("1.40-rc1", "1.4.0-rc1"),
        ("1.4.1-rc2", "1.4.0-rc2"),
        ("9.9.9-rc1", None),
        ("99.0.0-rc1", None),
    ],
)
def test_a_version_stands_for_another_only_if_they_differ_by_a_character(written: str, meant: str | None) -> None:
    assert nearest(written, ["1.4.0-rc2", "1.4.0-rc1", "1.2.0-rc1"], SIMILAR_VERSION) == meant


@pytest.mark.parametrize("alphabet", ["a", "ab", "ab-c"])
def test_the_longest_names_are_compared_in_no_time(alphabet: str) -> None:
    generator = random.Random(alphabet)
    names = ["".join(generator.choices(alphabet, k=100)) + str(number) for number in range(MAX_COMPARED)]
    written = "".join(generator.choices(alphabet, k=100))
    started = time.process_time()
    nearest(written, names)
    assert time.process_time() - started < LIMIT


def test_long_names_are_compared_by_how_they_begin() -> None:
    name = "the-service-that-renders-all-pages-of-the-shop-and-of-the-help-centre"
    assert nearest(name.replace("renders", "rendres"), ["the-other-service", name]) == name


def test_a_beginning_that_several_names_share_stands_for_none_of_them() -> None:
    assert nearest("eu-", ["eu-production-one", "eu-production-two"]) is None


def test_at_most_ten_names_are_listed_and_the_others_counted() -> None:
    names = [f"env-{number:02}" for number in range(25)]
    details = unknown("environments", "nv-03", names)
    assert (len(details["environments"]), details["more"], details["did_you_mean"]) == (MAX_LISTED, 15, "env-03")
    assert advice(details).startswith("Did you mean `env-03`? Known environments: `env-00`, `env-01`")
    assert advice(details).endswith("`env-09` and 15 more.")
    assert unknown("projects", "x", names[:10], total=1000)["more"] == 990


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ([], "There are no environments."),
        (["a"], "Known environments: `a`."),
        (["a", "b"], "Known environments: `a` and `b`."),
        (["a", "b", "c"], "Known environments: `a`, `b` and `c`."),
    ],
)
def test_names_are_told_in_a_sentence(names: list[str], sentence: str) -> None:
    assert advice(unknown("environments", "x", names)) == sentence


def test_other_details_get_no_advice_and_are_kept() -> None:
    assert advice({"grant": "x"}) == ""
    assert without_names({"grant": "x", "projects": ["a"], "more": 1, "did_you_mean": "a"}) == {"grant": "x"}
    assert in_words([]) == ""


def test_who_may_list_no_project_is_not_told_that_there_is_none() -> None:
    nothing = unknown("projects", "site", [])
    assert advice(nothing) == "You can list no projects."
    assert advice(nothing, sees_all=True) == "There are no projects."
