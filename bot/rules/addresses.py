"""Addresses of the service and of GitHub: how they are written, and which ones cannot be right."""

import posixpath
import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

GITHUB_API = "https://api.github.com"
_HOST = re.compile(r"[A-Za-z\d](?:[A-Za-z\d._-]*[A-Za-z\d])?", re.ASCII)
_NETLOC = re.compile(r"(?:\[[\da-f:.%]+\]|[a-z\d](?:[a-z\d._-]*[a-z\d])?)(?::\d+)?", re.ASCII)
_PATH = re.compile(r"(?:/[\w.~!$&'()*+,;=:@%/-]*)?", re.ASCII)
_DATA_RESIDENCY = re.compile(r"(?!api\.)(?:[a-z\d-]+\.)?([a-z\d-]+)\.ghe\.com")


def listening_host(text: str) -> str:
    """Check a host to listen on: a name, or an IP address with or without brackets. Raises ValueError."""
    host = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if is_ip(host) or _HOST.fullmatch(text):
        return host
    raise ValueError("must be a host without a port: 127.0.0.1, ::1, a name, or 0.0.0.0 or :: for all addresses")


def authority(host: str, port: int) -> str:
    """Host and port as URLs write them: an IPv6 address in brackets, its zone escaped."""
    return f"[{host.replace('%', '%25')}]:{port}" if ":" in host else f"{host}:{port}"


def local_host(host: str) -> str:
    """Where this machine reaches a service that listens on a host: loopback where that is all addresses."""
    if is_ip(host) and ip_address(host).is_unspecified:
        return "::1" if ":" in host else "127.0.0.1"
    return host


def local_url(host: str, port: int) -> str:
    """The URL at which this machine reaches a service that listens on a host."""
    return f"http://{authority(local_host(host), port)}"


def base_url(text: str) -> str:
    """Check the URL of a service and tidy it: no slash at its end. Raises ValueError, which shows nothing of it."""
    scheme, separator, _ = text.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        raise ValueError("must begin with https:// or http://")
    if "?" in text or "#" in text:
        raise ValueError("must have neither a query nor a fragment: leave out ? or # and what follows")
    parts = split_url(text)
    if parts is not None and "@" in parts.netloc:
        raise ValueError("must not contain a user name or password")
    if parts is None or not (_NETLOC.fullmatch(parts.netloc.lower()) and _PATH.fullmatch(parts.path)):
        raise ValueError("must be https:// or http://, a host, and if need be a port and a path, in ASCII characters")
    path = posixpath.normpath(f"/{parts.path.strip('/')}").rstrip("/")
    return f"{parts.scheme}://{parts.netloc.lower()}{path}"


def github_api_url(text: str) -> str:
    """Check the URL of GitHub's REST API, as far as that can be told without asking it. Raises ValueError."""
    url = base_url(text)
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in ("github.com", "www.github.com") or (host == "api.github.com" and url != GITHUB_API):
        raise ValueError(f"must be {GITHUB_API} for github.com")
    if subdomain := _DATA_RESIDENCY.fullmatch(host):
        raise ValueError(f"must be https://api.{subdomain[1]}.ghe.com for {subdomain[1]}.ghe.com")
    if parts.path.endswith("/graphql"):
        raise ValueError("must be the REST API: https://HOST/api/v3 on GitHub Enterprise Server")
    return url


def split_url(text: str) -> SplitResult | None:
    """The parts of a URL; None if it has blanks, an invalid port, or cannot be split."""
    try:
        parts = urlsplit(text)
        return None if re.search(r"\s", text) or parts.port == 0 else parts
    except ValueError:
        return None


def is_ip(host: str) -> bool:
    """Whether a host is an IP address, without brackets."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, reached through its loopback interface."""
    return host == "localhost" or (is_ip(host) and ip_address(host).is_loopback)


def github_web_url(api_url: str) -> str:
    """The address of GitHub's pages, by that of its REST API: github.com, data residency, or Enterprise Server."""
    parts = urlsplit(api_url)
    if parts.path.endswith("/api/v3"):
        return f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix('/api/v3')}"
    return f"{parts.scheme}://{parts.netloc.removeprefix('api.')}{parts.path.rstrip('/')}"
