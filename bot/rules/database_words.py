"""The words after the `?` of a PostgreSQL address: those of libpq, and three of our own.

https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS

A word is accepted if it then means what it means to libpq. One whose effect the driver cannot bring about is refused,
or accepted only with the values that ask for nothing. Values are never quoted: they may be part of a password.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,39}")
SIMILARITY = 0.8
SECRETS = ("password", "sslpassword")


@dataclass(frozen=True)
class Word:
    """Which values a word takes: any, some, or a number from `minimum`. With `refused`, none: it says why."""

    values: tuple[str, ...] = ()
    minimum: int | None = None
    why: str = ""
    refused: str = ""

    def problem(self, value: str) -> str | None:
        """Return what is wrong with the word or this value of it, to be read after the word's name."""
        if self.refused:
            return f"is not supported: {self.refused}"
        if self.minimum is not None:
            fits = _NUMBER.fullmatch(value) is not None and int(value) >= self.minimum
            kind = "a number" if self.minimum < 0 else f"a number from {self.minimum}"
            return None if fits else f"must be {kind}"
        if self.values and value not in self.values:
            return f"must be {_alternatives(self.values)}{self.why}"
        return None


def _alternatives(values: tuple[str, ...]) -> str:
    *others, last = values
    return f"{', '.join(others)} or {last}" if others else last


def _only(*values: str, why: str) -> Word:
    return Word(values, why=f": {why}")


_TEXT = Word()
_ANY_NUMBER = Word(minimum=-(10**9))
_TLS_VERSIONS = Word(("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"))
_OAUTH = Word(refused="the driver cannot log in with OAuth")
_SCRAM_KEY = Word(refused="give the password")
_SERVICE = Word(refused="write the whole address here")

WORDS: Mapping[str, Word] = {
    # the parts of the address
    **dict.fromkeys(("host", "port", "user", "password", "dbname"), _TEXT),
    # passed to the driver, which does what libpq does
    **dict.fromkeys(("application_name", "fallback_application_name", "options", "passfile"), _TEXT),
    "sslmode": Word(("disable", "allow", "prefer", "require", "verify-ca", "verify-full")),
    **dict.fromkeys(("sslcert", "sslkey", "sslpassword", "sslrootcert", "sslcrl"), _TEXT),
    "sslnegotiation": Word(("postgres", "direct")),
    **dict.fromkeys(("ssl_min_protocol_version", "ssl_max_protocol_version"), _TLS_VERSIONS),
    "krbsrvname": _TEXT,
    "gsslib": Word(("gssapi", "sspi")),
    "target_session_attrs": Word(("any", "read-write", "read-only", "primary", "standby", "prefer-standby")),
    # done by our engine as libpq does it
    "connect_timeout": _ANY_NUMBER,
    "load_balance_hosts": Word(("disable", "random")),
    **dict.fromkeys(("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"), _ANY_NUMBER),
    "tcp_user_timeout": _ANY_NUMBER,
    # accepted with the values that ask for nothing
    "client_encoding": _only("utf8", "UTF8", "utf-8", "UTF-8", "auto", why="Longshore reads and writes UTF-8"),
    "gssencmode": _only("disable", "prefer", why="the driver cannot encrypt with GSSAPI"),
    "channel_binding": _only("disable", "prefer", why="the driver has none; sslmode=verify-full protects as well"),
    "sslcompression": _only("0", why="the driver does not compress"),
    "sslcertmode": _only("allow", why="the driver sends the certificate that sslcert names"),
    "sslsni": _only("1", why="the driver always names the host"),
    "gssdelegation": _only("0", why="the driver does not delegate credentials"),
    "min_protocol_version": _only("3.0", why="the driver speaks version 3.0"),
    "max_protocol_version": _only("3.0", "3.2", "latest", why="the driver speaks version 3.0"),
    # refused
    "hostaddr": Word(refused="write the IP address as the host"),
    "service": _SERVICE,
    "servicefile": _SERVICE,
    "replication": Word(refused="Longshore needs an ordinary session"),
    "requiressl": Word(refused="write sslmode=require"),
    "require_auth": Word(refused="the driver cannot choose how the server authenticates it"),
    "requirepeer": Word(refused="the driver cannot check who owns the server's socket"),
    "sslcrldir": Word(refused="name one file with sslcrl"),
    "sslkeylogfile": Word(refused="the driver reads the environment variable SSLKEYLOGFILE"),
    "scram_client_key": _SCRAM_KEY,
    "scram_server_key": _SCRAM_KEY,
    **dict.fromkeys(("oauth_issuer", "oauth_client_id", "oauth_client_secret", "oauth_scope"), _OAUTH),
    # our own
    "minsize": Word(minimum=1),
    "maxsize": Word(minimum=1),
    "statement_cache_size": Word(minimum=0),
}

DRIVER_WORDS = (
    *(
        "application_name",
        "options",
        "passfile",
        "sslmode",
        "sslcert",
        "sslkey",
        "sslpassword",
        "sslrootcert",
        "sslcrl",
    ),
    *("sslnegotiation", "ssl_min_protocol_version", "ssl_max_protocol_version", "krbsrvname", "gsslib"),
)
"""The words that the driver reads in its own address."""

ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(("schema", "currentschema", "search_path"), "options=-csearch_path%3DNAME"),
    **dict.fromkeys(("database", "db"), "dbname"),
    "username": "user",
    **dict.fromkeys(("timeout", "connection_timeout", "connecttimeout"), "connect_timeout"),
    **dict.fromkeys(("max_size", "pool_size", "max_connections", "connection_limit", "pool_max_conns"), "maxsize"),
    **dict.fromkeys(("min_size", "pool_min_conns"), "minsize"),
    **dict.fromkeys(("pgbouncer", "prepared_statements", "preparethreshold"), "statement_cache_size=0"),
    "prepared_statement_cache_size": "statement_cache_size",
    **dict.fromkeys(("tls", "ssl_mode", "sslaccept", "usessl"), "sslmode"),
}
"""What other drivers call things, in lower case, and what to write here."""


def unknown_word(name: str) -> str:
    """Return the sentence about a word that is not one of the table."""
    sentence = f"{name} is not a parameter of a PostgreSQL address"
    if right := ELSEWHERE.get(name.lower()):
        advice = f"write {right}"
    elif similar := get_close_matches(name.lower(), WORDS, 1, SIMILARITY):
        return f"{sentence}. Did you mean {similar[0]}?"
    else:
        advice = "a setting of the server is written options=-cNAME%3DVALUE"
    return f"{sentence}: {advice}"


def is_plain(name: str) -> bool:
    """Return whether a name can be shown: it looks like a word, not like part of a password."""
    return _PLAIN.fullmatch(name) is not None
