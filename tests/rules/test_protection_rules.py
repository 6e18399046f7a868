"""Callback addresses: only GitHub's own, about this repository, name a run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.ids import RepositoryId
from bot.rules.protection_rules import run_of_callback

API = "https://api.github.com"
SERVER = "https://github.example:8443/api/v3"
REPOSITORY = RepositoryId(1104220001)
TAIL = "/actions/runs/17204330113/deployment_protection_rule"
GOOD = f"{API}/repos/acme/site{TAIL}"


def run(url: str, api: str = API) -> int | None:
    return run_of_callback(url, api, "acme/site", REPOSITORY)


@pytest.mark.parametrize(
    ("url", "api"),
    [
        (GOOD, API),
        (GOOD, f"{API}/"),
        (f"{API}/repositories/1104220001{TAIL}", API),
        (f"{API}/repos/Acme/Site{TAIL}", API),
        (f"{SERVER}/repos/acme/site{TAIL}", SERVER),
        (f"http://127.0.0.1:5000/repos/acme/site{TAIL}", "http://127.0.0.1:5000"),
        (f"https://127.0.0.1:5000/repos/acme/site{TAIL}", "http://127.0.0.1:5000"),
    ],
    ids=["by name", "a slash at the end", "by id", "case", "server", "plain", "https where plain is configured"],
)
def test_an_address_of_github_about_this_repository_names_the_run(url: str, api: str) -> None:
    assert run(url, api) == 17204330113


@pytest.mark.parametrize(
    "url",
    [
        "",
        GOOD.replace("https", "http"),
        GOOD.replace("https", "ftp"),
        GOOD.replace("https", "HTTPS"),
        GOOD.replace("api.github.com", "api.github.com.evil.example"),
        GOOD.replace("api.github.com", "evil.example"),
        GOOD.replace("api.github.com", "api.github.com:443"),
        GOOD.replace("api.github.com", "api.github.com:8443"),
        GOOD.replace("api.github.com", "user@api.github.com"),
        GOOD.replace("api.github.com", "api.github.com@evil.example"),
        GOOD.replace("api.github.com", "apiXgithub.com"),
        GOOD.replace("api.github.com", "api.github.com."),
        GOOD.replace("acme/site", "acme/other"),
        GOOD.replace("acme/site", "evil/site"),
        GOOD.replace("acme/site", "acme/site/../other"),
        GOOD.replace("acme/site", "acme/other/../site"),
        GOOD.replace("acme/site", "acme%2Fsite"),
        GOOD.replace("acme/site", "./acme/site"),
        GOOD.replace("/repos/", "//repos/"),
        GOOD.replace("/repos/", "/api/v3/repos/"),
        GOOD.replace("/repos/acme/site", "/repositories/1104220002"),
        GOOD.replace("/repos/acme/site", "/repositories/acme/site"),
        GOOD.replace("17204330113", "0"),
        GOOD.replace("17204330113", "-1"),
        GOOD.replace("17204330113", "١"),
        GOOD.replace("17204330113", "9" * 20),
        GOOD.replace("17204330113", ""),
        f"{GOOD}/",
        f"{GOOD}?x=1",
        f"{GOOD}#x",
        f"{GOOD}\n",
        f" {GOOD}",
        GOOD.replace("deployment_protection_rule", "approve"),
        GOOD.replace("/actions", "\\actions"),
        GOOD + "\0",
    ],
    ids=ascii,
)
def test_any_other_address_names_none(url: str) -> None:
    assert run(url) is None


@given(st.integers(0, len(GOOD) - 1), st.characters())
def test_an_address_with_any_other_character_names_none_or_another_run(place: int, character: str) -> None:
    url = GOOD[:place] + character + GOOD[place + 1 :]
    if run(url) is not None:
        host_and_path, other = url.split("/actions/")[0], url.split("/runs/")[1]
        assert host_and_path.lower() == GOOD.split("/actions/")[0] and other.endswith("/deployment_protection_rule")


def test_a_name_is_no_pattern() -> None:
    assert run_of_callback(f"{API}/repos/acme/sXte{TAIL}", API, "acme/s.te", REPOSITORY) is None
