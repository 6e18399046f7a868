"""Proxies are chosen by HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, as by other programs."""

import pytest

from bot.rules.proxies import environment_proxy, is_excepted, proxy_url

API = "https://api.github.com"
PROXY = "http://proxy.example.com:3128"

CHOSEN: list[tuple[str, dict[str, str], str]] = [
    (API, {}, ""),
    (API, {"https": PROXY}, PROXY),
    (API, {"https": f' "{PROXY}/"\n'}, PROXY),
    (API, {"https": "proxy.example.com:3128"}, PROXY),
    (API, {"https": "http://me:p%40ss@proxy.example.com:3128"}, "http://me:p%40ss@proxy.example.com:3128"),
    (API, {"https": "https://proxy.example.com"}, "https://proxy.example.com"),
    (API, {"https": "http://[fd00::1]:3128"}, "http://[fd00::1]:3128"),
    (API, {"http": PROXY}, ""),
    (API, {"all": PROXY}, PROXY),
    (API, {"https": "", "all": PROXY}, PROXY),
    (API, {"https": PROXY, "all": "socks5://other"}, PROXY),
    ("http://ghe.example.com/api/v3", {"http": PROXY, "https": "http://other:1"}, PROXY),
    (API, {"https": PROXY, "no": "api.github.com"}, ""),
    (API, {"https": "socks5://nonsense", "no": "*"}, ""),
    (API, {"https": PROXY, "no": "ghe.example.com"}, PROXY),
    ("http://127.0.0.1:8090", {"http": PROXY}, ""),
    ("http://localhost:8090", {"http": PROXY}, ""),
    ("http://[::1]:8090", {"http": PROXY}, ""),
    ("http://127.0.0.1:8090", {"http": "http://127.0.0.1:3128"}, "http://127.0.0.1:3128"),
    ("http://127.0.0.1:8090", {"http": "http://127.0.0.1:3128", "no": "127.0.0.1"}, ""),
]


@pytest.mark.parametrize(("url", "variables", "expected"), CHOSEN)
def test_the_proxy_of_a_url_is_chosen(url: str, variables: dict[str, str], expected: str) -> None:
    assert environment_proxy(url, variables) == expected


@pytest.mark.parametrize(
    "value",
    [
        *("http://", "http://proxy:port", "http://proxy:99999", "://proxy", "http://:3128"),
        *("http://a b:3128", "ftp://proxy", "http://proxy/path", "http://user:hunter2@", "http://[::1"),
    ],
)
def test_a_malformed_proxy_is_refused_by_the_name_of_its_variable_and_not_shown(value: str) -> None:
    with pytest.raises(ValueError, match=r"HTTPS_PROXY: must be the URL of an HTTP proxy") as raised:
        environment_proxy(API, {"https": value})
    assert "hunter2" not in str(raised.value)
    with pytest.raises(ValueError, match=r"^ALL_PROXY: "):
        environment_proxy(API, {"all": value})
    with pytest.raises(ValueError, match=r"^must be"):
        proxy_url(value)


EXCEPTED = [
    ("api.github.com", 443, "*"),
    ("api.github.com", 443, "api.github.com"),
    ("api.github.com", 443, "github.com"),
    ("api.github.com", 443, ".github.com"),
    ("api.github.com", 443, "*.github.com"),
    ("api.github.com", 443, "API.GitHub.com"),
    ("api.github.com", 443, "localhost, github.com"),
    ("api.github.com", 443, "localhost github.com"),
    ("api.github.com", 443, "localhost,,\tgithub.com,"),
    ("api.github.com", 443, '"localhost,github.com"'),
    ("api.github.com", 443, "github.com:443"),
    ("github.com", 443, ".github.com"),
    ("10.1.2.3", 443, "10.1.2.3"),
    ("10.1.2.3", 443, "10.0.0.0/8"),
    ("10.1.2.3", 8443, "10.1.2.3:8443"),
    ("::1", 80, "::1"),
    ("::1", 80, "[::1]"),
    ("::1", 80, "[::1]:80"),
    ("fd00::7", 80, "fd00::/8"),
]
NOT_EXCEPTED = [
    ("api.github.com", 443, ""),
    ("api.github.com", 443, " , "),
    ("api.github.com", 443, "hub.com"),
    ("api.github.com", 443, "github.com.evil.example"),
    ("api.github.com", 443, "api.github.com:8443"),
    ("10.1.2.3", 443, "11.0.0.0/8"),
    ("10.1.2.3", 443, "10.1.2.30"),
    ("10.1.2.3", 443, "fd00::/8"),
    ("::1", 80, "[::1]:81"),
    ("api.github.com", 443, "10.0.0.0/8"),
    ("api.github.com", 443, "."),
]


@pytest.mark.parametrize(("host", "port", "exceptions"), EXCEPTED)
def test_an_exception_covers_hosts_subdomains_addresses_and_networks(host: str, port: int, exceptions: str) -> None:
    assert is_excepted(host, port, exceptions)


@pytest.mark.parametrize(("host", "port", "exceptions"), NOT_EXCEPTED)
def test_an_exception_covers_nothing_else(host: str, port: int, exceptions: str) -> None:
    assert not is_excepted(host, port, exceptions)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("socks5://proxy:1080", "SOCKS is not supported; LONGSHORE_GITHUB_PROXY=none"),
        ("http://DOM\\user:hunter2@proxy:3128", "a backslash is written %5C"),
        ("http://us%3Aer:hunter2@proxy:1", "a user name without a colon"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_refused_with_what_to_do(value: str, words: str) -> None:
    with pytest.raises(ValueError, match="HTTPS_PROXY: ") as raised:
        environment_proxy("https://api.github.com", {"https": value})
    assert words in str(raised.value) and "hunter2" not in str(raised.value)
