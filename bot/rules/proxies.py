"""Which proxy requests to a URL go through, by the variables that other programs read as well.

`HTTPS_PROXY` and `HTTP_PROXY` are for URLs of that scheme, `ALL_PROXY` for both. `NO_PROXY` lists exceptions: host
names, which include their subdomains, addresses and networks, with or without a port; `*` stands for everything.
"""

import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import unquote, urlsplit

from bot.rules.addresses import is_ip, is_loopback, split_url
from bot.rules.setting_texts import tidied

PORTS = {"http": 80, "https": 443}
_ENTRY = re.compile(r"\[?(.+?)\]?(?::(\d+))?")


def proxy_url(text: str) -> str:
    """Check the URL of a proxy, in which http:// may be left out. Raises ValueError, which shows nothing of it."""
    parts = split_url(text if "://" in text else f"http://{text}")
    if parts is not None and parts.scheme.startswith("socks"):
        raise ValueError("must be an HTTP proxy: SOCKS is not supported; LONGSHORE_GITHUB_PROXY=none means no proxy")
    if parts is not None and ("\\" in parts.netloc or ":" in unquote(parts.username or "")):
        raise ValueError("must have a user name without a colon, in which a backslash is written %5C")
    if parts is None or parts.scheme not in PORTS or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError("must be the URL of an HTTP proxy, such as http://proxy.example.com:3128")
    return f"{parts.scheme}://{parts.netloc}"


def environment_proxy(url: str, proxies: Mapping[str, str]) -> str:
    """The proxy for requests to a URL, or an empty text; `proxies` has the variables by the first word of their names.

    A proxy on another machine cannot reach the loopback interface of this one, and is not asked to.
    Raises ValueError, which names the variable, for one that is malformed.
    """
    target = urlsplit(url)
    host = target.hostname or ""
    name = target.scheme if tidied(proxies.get(target.scheme, "")) else "all"
    text = tidied(proxies.get(name, ""))
    if not text or is_excepted(host, target.port or PORTS[target.scheme], proxies.get("no", "")):
        return ""
    try:
        proxy = proxy_url(text)
    except ValueError as error:
        raise ValueError(f"{name.upper()}_PROXY: {error}") from None
    return "" if is_loopback(host) and not is_loopback(urlsplit(proxy).hostname or "") else proxy


def is_excepted(host: str, port: int, exceptions: str) -> bool:
    """Whether `NO_PROXY` lists a host, at this port or at any."""
    entries = re.split(r"[,\s]+", tidied(exceptions).lower())
    return any(_matches(entry, host.lower(), port) for entry in entries if entry)


def _matches(entry: str, host: str, port: int) -> bool:
    if is_ip(host) and (network := _network(entry)) is not None:
        return ip_address(host) in network
    parts = _ENTRY.fullmatch(entry)
    if parts is None or (parts[2] and int(parts[2]) != port):
        return False
    name = parts[1].removeprefix("*.").strip(".")
    return name == "*" or host == name or host.endswith(f".{name}")


def _network(entry: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(entry, strict=False)
    except ValueError:
        return None
