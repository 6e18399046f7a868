"""What somebody enters to register the App, the manifest that is made of it, and addresses that GitHub cannot reach."""

import pytest

from bot.errors import Refusal
from bot.manifest import read_manifest
from bot.rules.addresses import GITHUB_API
from bot.rules.app_manifest import MAX_NAME, api_url_of, app_request, default_name, manifest, why_unreachable


@pytest.mark.parametrize(
    ("host", "api_url"),
    [
        ("", GITHUB_API),
        (" GitHub.com ", GITHUB_API),
        ("https://github.com/", GITHUB_API),
        ("ghe.acme.example", "https://ghe.acme.example/api/v3"),
        ("http://ghe.acme.example:8443", "http://ghe.acme.example:8443/api/v3"),
        ("acme.ghe.com", "https://api.acme.ghe.com"),
        ("api.acme.ghe.com", "https://api.acme.ghe.com"),
    ],
)
def test_the_host_of_github_tells_where_its_api_is(host: str, api_url: str) -> None:
    assert api_url_of(host) == api_url


@pytest.mark.parametrize(
    "host", ["ghe.acme.example/api", "a b", "user@ghe.example", "ftp://x", "javascript:alert(1)", "?"]
)
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(Refusal, match=r"^The host of GitHub must") as refused:
        api_url_of(host)
    assert refused.value.details == {"field": "host"}


@pytest.mark.parametrize(
    ("organization", "api_url", "form_url"),
    [
        ("", GITHUB_API, "https://github.com/settings/apps/new"),
        ("acme", GITHUB_API, "https://github.com/organizations/acme/settings/apps/new"),
        ("acme", "https://ghe.example/api/v3", "https://ghe.example/organizations/acme/settings/apps/new"),
        ("", "https://api.acme.ghe.com", "https://acme.ghe.com/settings/apps/new"),
    ],
)
def test_the_manifest_goes_to_the_settings_of_the_owner(organization: str, api_url: str, form_url: str) -> None:
    assert app_request("Longshore", organization, api_url).form_url == form_url


@pytest.mark.parametrize(
    ("name", "organization", "field"),
    [("", "", "name"), ("x" * 35, "", "name"), ("a\nb", "", "name"), ("--", "", "name"), ("a", "a/b", "organization")],
)
def test_what_github_cannot_have_is_refused(name: str, organization: str, field: str) -> None:
    with pytest.raises(Refusal) as refused:
        app_request(name, organization, GITHUB_API)
    assert refused.value.details == {"field": field}


def test_the_manifest_differs_from_the_file_in_the_name_and_the_addresses_only() -> None:
    made, file = manifest(read_manifest(), "Ours", "https://example.com/longshore"), dict(read_manifest())
    assert made.keys() == file.keys()
    addresses = ("url", "hook_attributes", "redirect_url", "callback_urls", "setup_url")
    assert {name: made[name] for name in file if name not in ("name", *addresses)} == {
        name: file[name] for name in file if name not in ("name", *addresses)
    }
    host = "https://longshore.example"
    for name in addresses:
        assert str(made[name]) == str(file[name]).replace(host, "https://example.com/longshore")


def test_the_name_that_is_proposed_fits() -> None:
    for url in ("https://longshore.example", f"https://{'x' * 60}.example", "http://127.0.0.1:8080"):
        assert 0 < len(default_name(url)) <= MAX_NAME
        app_request(default_name(url), "", GITHUB_API)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://longshore.example", None),
        ("https://longshore.example/below", None),
        ("http://127.0.0.1:8080", "this machine only"),
        ("https://localhost", "this machine only"),
        ("http://[::1]:8080", "this machine only"),
        ("https://10.1.2.3", "private network"),
        ("http://longshore.example", "not encrypted"),
    ],
)
def test_an_address_that_github_may_not_reach_is_warned_of(url: str, words: str | None) -> None:
    found = why_unreachable(url)
    assert found is None if words is None else words in str(found)
