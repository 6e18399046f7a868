"""Addresses: what is accepted, how it is tidied, and which sentence says what is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.addresses import authority, base_url, github_api_url, listening_host, local_url

URLS = {
    "https://releases.example.com": "https://releases.example.com",
    "https://releases.example.com/": "https://releases.example.com",
    "https://releases.example.com///": "https://releases.example.com",
    "HTTPS://Releases.Example.com/Longshore": "https://releases.example.com/Longshore",
    "http://h:8080": "http://h:8080",
    "https://h/longshore": "https://h/longshore",
    "https://h/longshore/": "https://h/longshore",
    "https://h//a//b/": "https://h/a/b",
    "https://h/a/./b/../c": "https://h/a/c",
    "https://h/..": "https://h",
    "https://h/a%20b": "https://h/a%20b",
    "http://10.0.0.1:80/x": "http://10.0.0.1:80/x",
    "http://[::1]:8080/x": "http://[::1]:8080/x",
    "http://[FD00::1]": "http://[fd00::1]",
    "http://my_host-1/": "http://my_host-1",
}
WRONG_URLS = {
    "releases.example.com": "must begin with https://",
    "//releases.example.com": "must begin with https://",
    "ftp://h": "must begin with https://",
    "https:/h": "must begin with https://",
    "javascript://h": "must begin with https://",
    "https://": "a host",
    "https:///longshore": "a host",
    "https://:8080": "a host",
    "https://h:port": "a host",
    "https://h:99999": "a host",
    "https://h:0": "a host",
    "https://a b": "a host",
    "https://h/a b": "a host",
    "https://h/<b>": "a host",
    'https://h/"': "a host",
    "https://h\\x": "a host",
    "https://[::1": "a host",
    "https://h/\n": "a host",
    "https://-h": "a host",
    "https://h/grün": "in ASCII",
    "https://grün.example.com": "in ASCII",
    "https://h?x=1": "a query",
    "https://h/a?": "a query",
    "https://h/#top": "a fragment",
    "https://root:hunter2@h": "user name or password",
    "https://token@h/x": "user name or password",
}


@pytest.mark.parametrize(("text", "expected"), URLS.items())
def test_a_url_is_tidied(text: str, expected: str) -> None:
    assert base_url(text) == expected
    assert base_url(expected) == expected


@pytest.mark.parametrize(("text", "reason"), WRONG_URLS.items(), ids=ascii)
def test_what_is_not_the_url_of_a_service_is_refused_and_not_shown(text: str, reason: str) -> None:
    for check in (base_url, github_api_url):
        with pytest.raises(ValueError, match=reason) as raised:
            check(text)
        assert "hunter2" not in str(raised.value)


@given(st.text(st.sampled_from("https:/.?#@[]% \n\\abé1")))
def test_whatever_is_accepted_can_stand_before_a_path(text: str) -> None:
    try:
        url = base_url(text)
    except ValueError:
        return
    assert url.isascii() and url.isprintable() and " " not in url
    assert not url.endswith("/") and "//" not in url.partition("://")[2]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://api.github.com/", "https://api.github.com"),
        ("https://ghe.example.com/api/v3/", "https://ghe.example.com/api/v3"),
        ("https://api.octocorp.ghe.com", "https://api.octocorp.ghe.com"),
        ("http://127.0.0.1:8090", "http://127.0.0.1:8090"),
        ("https://ghe.example.com", "https://ghe.example.com"),
    ],
)
def test_addresses_of_github_are_accepted(text: str, expected: str) -> None:
    assert github_api_url(text) == expected


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("https://github.com", "https://api.github.com"),
        ("https://www.github.com/", "https://api.github.com"),
        ("https://github.com/api/v3", "https://api.github.com"),
        ("https://github.com/acme", "https://api.github.com"),
        ("http://api.github.com", "https://api.github.com"),
        ("https://api.github.com/api/v3", "https://api.github.com"),
        ("https://api.github.com/graphql", "https://api.github.com"),
        ("https://octocorp.ghe.com", "https://api.octocorp.ghe.com"),
        ("https://octocorp.ghe.com/api/v3", "https://api.octocorp.ghe.com"),
        ("https://ghe.example.com/api/graphql", "https://HOST/api/v3"),
    ],
)
def test_addresses_that_are_not_those_of_the_api_are_refused_with_the_right_one(text: str, right: str) -> None:
    with pytest.raises(ValueError, match=right):
        github_api_url(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "0.0.0.0"),
        ("::", "::"),
        ("[::]", "::"),
        ("[::1]", "::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("localhost", "localhost"),
        ("host.example.com", "host.example.com"),
    ],
)
def test_hosts_to_listen_on_are_accepted_with_and_without_brackets(text: str, expected: str) -> None:
    assert listening_host(text) == expected


@pytest.mark.parametrize(
    "text", ["0.0.0.0:8080", "[::1]:8080", "http://0.0.0.0", "*", ":8080", "a b", "[host]", "0.0.0.0,::", "a/b", "::1]"]
)
def test_what_is_no_host_to_listen_on_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="without a port"):
        listening_host(text)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
        ("fd00::1", "http://[fd00::1]:80"),
        ("fe80::1%eth0", "http://[fe80::1%25eth0]:80"),
        ("localhost", "http://localhost:80"),
    ],
)
def test_the_url_of_a_listening_host_can_be_opened(host: str, expected: str) -> None:
    assert local_url(host, 80) == expected


def test_an_ipv6_address_is_written_in_brackets() -> None:
    assert authority("::", 8080) == "[::]:8080"
    assert authority("0.0.0.0", 8080) == "0.0.0.0:8080"
