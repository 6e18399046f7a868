"""The address of a PostgreSQL database, taken apart as libpq does it.

https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS

No error quotes any part of the address that may belong to a password.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote, unquote_to_bytes

from bot.rules.database_words import SECRETS, WORDS, is_plain, unknown_word

ENCODE = "in names, passwords and values, write % as %25, @ as %40, / as %2F, : as %3A, ? as %3F and & as %26"
MAXSIZE = 10
"""Connections in the pool, unless the address says otherwise."""
_HOST = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<name>[^:\[\]]*))(?::(?P<port>[^:]*))?")
_PORT = re.compile(r"[0-9]{1,9}")
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
_SSL = {
    **dict.fromkeys(("true", "1", "on", "yes"), "require"),
    **dict.fromkeys(("false", "0", "off", "no"), "disable"),
    **{mode: mode for mode in WORDS["sslmode"].values},
}
"""What other drivers write after `ssl=`, and what follows `sslmode=` for it; `ssl=true` is known to libpq too."""
_NOT_WITH_SYSTEM_ROOTS = (
    *("sslcert", "sslkey", "sslpassword", "sslcrl"),
    *("ssl_min_protocol_version", "ssl_max_protocol_version", "sslnegotiation"),
)


class AddressError(ValueError):
    """What is wrong with an address, without a full stop: it follows the name of the setting."""


@dataclass(frozen=True)
class Host:
    """A server: its name, IP address or socket folder, and its port; None is the driver's default."""

    name: str | None
    port: int | None

    def __str__(self) -> str:
        name = f"[{self.name}]" if self.name and ":" in self.name else self.name or "the default host"
        return name if self.port is None else f"{name}:{self.port}"

    @property
    def shown(self) -> str:
        """Host and port as a URL writes them; without a name if it is the driver's default."""
        if self.name is None:
            return "" if self.port is None else f":{self.port}"
        return str(replace(self, name=quote(self.name, safe=":")))


@dataclass(frozen=True)
class PostgresAddress:
    """An address without contradictions. `words` are all valid, and none of them is empty."""

    hosts: tuple[Host, ...]
    user: str | None
    password: str | None = field(repr=False)
    database: str | None
    words: Mapping[str, str] = field(repr=False)

    def number(self, word: str, default: int) -> int:
        """Return the value of a word that is a number."""
        return int(self.words.get(word, default))

    def __str__(self) -> str:
        return ", ".join(map(str, self.hosts))

    @property
    def shown(self) -> str:
        """The address as a URL for people: hosts, ports and the database's name, without credentials and words."""
        return f"postgres://{','.join(host.shown for host in self.hosts)}/{quote(self.database or '', safe='')}"


def parse_address(url: str) -> PostgresAddress:
    """Take apart `postgres://user:password@host:port,host:port/database?word=value&…`.

    Raises AddressError for whatever libpq or we could not do.
    """
    credentials, _, location = url.partition("://")[2].rpartition("@")
    if "@" in credentials or "/" in credentials:
        raise AddressError(f"it cannot be parsed: {ENCODE}")
    user, _, password = credentials.partition(":")
    location, _, query = location.partition("?")
    hosts, _, database = location.partition("/")
    words = _read_words(query)
    _check_together(words)
    return PostgresAddress(
        hosts=_read_hosts(hosts, words),
        user=words.get("user", _decode(user)) or None,
        password=words.get("password", _decode(password)) or None,
        database=words.get("dbname", _decode(database)) or None,
        words={name: value for name, value in words.items() if value},
    )


def _decode(text: str) -> str:
    """Decode percent-encoded text; a plus sign stands for itself."""
    if _PERCENT.search(text):
        raise AddressError(f"a % in it is not followed by two hexadecimal digits: {ENCODE}")
    try:
        unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise AddressError("its percent-encoded text is not UTF-8") from None
    return unquote(text)


def _read_words(query: str) -> dict[str, str]:
    words: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        written, equals, text = part.partition("=")
        if not equals or not is_plain(written):
            raise AddressError(
                f"after the ? there must be parameters, as in sslmode=require&connect_timeout=5; {ENCODE}"
            )
        name, value = _read_word(written, _decode(text), quotable=not words.keys() & set(SECRETS))
        if words.setdefault(name, value) != value:
            raise AddressError(f"{name} is given twice, with different values")
    return words


def _read_word(name: str, value: str, *, quotable: bool) -> tuple[str, str]:
    """Return a valid word and its value. A name that is not `quotable` may be part of a password."""
    if name == "ssl":
        if value not in _SSL:
            raise AddressError("ssl is not a parameter of libpq: write sslmode=require, or another sslmode")
        return "sslmode", _SSL[value]
    if name not in WORDS:
        raise AddressError(unknown_word(name) if quotable else f"a parameter after its password is unknown; {ENCODE}")
    if value and (problem := WORDS[name].problem(value)):
        raise AddressError(f"{name} {problem}")
    return name, value


def _check_together(words: Mapping[str, str]) -> None:
    """Refuse words that contradict each other."""
    if words.get("minsize") and int(words["minsize"]) > int(words.get("maxsize") or MAXSIZE):
        raise AddressError("minsize must not be more than maxsize")
    if words.get("sslrootcert") == "system":
        if words.get("sslmode", "verify-full") != "verify-full":
            raise AddressError("sslrootcert=system needs sslmode=verify-full")
        if other := next((word for word in _NOT_WITH_SYSTEM_ROOTS if words.get(word)), None):
            raise AddressError(f"sslrootcert=system cannot be combined with {other}")


def _read_hosts(location: str, words: Mapping[str, str]) -> tuple[Host, ...]:
    """Read the hosts and their ports; those of the words `host` and `port` replace those before the `?`."""
    names, ports = zip(*map(_split_host, location.split(",")), strict=True)
    if "host" in words:
        names = tuple(words["host"].split(","))
    if "port" in words or not any(ports):
        ports = tuple(words.get("port", "").split(","))
    if len(ports) not in (1, len(names)):
        raise AddressError(f"it has {len(ports)} ports for {len(names)} hosts: give one port, or one for each host")
    if len(ports) < len(names):
        ports *= len(names)
    return tuple(Host(_host_name(name), _port(port)) for name, port in zip(names, ports, strict=True))


def _split_host(text: str) -> tuple[str, str]:
    match = _HOST.fullmatch(text)
    if match is None:
        raise AddressError(
            f"its host cannot be read: an IPv6 address is written in brackets, as in [::1]:5432; {ENCODE}"
        )
    return _decode(match["six"] or match["name"] or ""), _decode(match["port"] or "")


def _host_name(name: str) -> str | None:
    if name.startswith("@"):
        raise AddressError("a host that begins with @ (an abstract socket) is not supported")
    return name or None


def _port(text: str) -> int | None:
    if text and not (_PORT.fullmatch(text) and 0 < int(text) < 65536):
        raise AddressError("its port is not a number from 1 to 65535, or its password has characters to percent-encode")
    return int(text) if text else None
