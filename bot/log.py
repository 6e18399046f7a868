"""Logs: one JSON object a line on standard error, with what the work is about, and never a secret."""

import json
import logging
import re
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

_SECRETS = re.compile(
    r"gh[a-z]_[A-Za-z0-9._-]{16,}|github_pat_[A-Za-z0-9_]{20,}|lsh_[A-Za-z0-9_-]{20,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(?<=auth_code=)[^&\s\"']+|(?i:(?<=bearer )|(?<=token ))[A-Za-z0-9._~+/-]{16,}=*"
    r"|(?<=://)[^/@\s:]*:[^/@\s]+(?=@)",
    re.DOTALL,
)
LONGEST = 500  # characters of what a line is about
_NAMES = frozenset({"authorization", "token", "secret", "password", "private_key", "auth_code", "signature"})


def bind_log_context(**values: Any) -> None:
    """Say what the unit of work in hand is about: every line that it logs from here on carries it.

    Of a long text the beginning: much of it may be what a caller has sent.
    """
    said = {
        name: f"{redacted(value)[: LONGEST - 1]}…" if isinstance(value, str) and len(value) > LONGEST else value
        for name, value in values.items()
    }
    structlog.contextvars.bind_contextvars(**said)


def redacted(value: Any) -> Any:
    """A value without anything that looks like a secret, however deep it stands."""
    if isinstance(value, str):
        return _SECRETS.sub("[redacted]", value)
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, MutableMapping):
        return {name: "[redacted]" if str(name).lower() in _NAMES else redacted(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(each) for each in value]
    return value


def _stamp(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["timestamp"] = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return event


def _redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    cleaned: MutableMapping[str, Any] = redacted(event)
    return cleaned


def _rendered(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    try:
        return orjson.dumps(event, default=repr).decode()
    except TypeError:  # halves of characters, numbers of more than 64 bits
        return json.dumps(event, default=repr)


class _Lines:
    """Writes our own lines where those of libraries go, without making a record of each as for these."""

    def __init__(self, handler: logging.StreamHandler[Any]) -> None:
        self._handler = handler

    def info(self, line: str) -> None:
        """Write one."""
        with suppress(OSError, ValueError):  # nobody is there to be told
            self._handler.acquire()
            try:
                self._handler.stream.write(f"{line}\n")
                self._handler.flush()
            finally:
                self._handler.release()

    debug = warning = error = critical = info


def configure(level: str) -> None:
    """Send all logs of this process to standard error as JSON lines."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.format_exc_info,
        _redact,
        structlog.processors.add_log_level,
        _stamp,
    ]
    meta = [structlog.stdlib.add_logger_name, structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*meta, _redact, _rendered])
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, _rendered],
        logger_factory=lambda *_: _Lines(handler),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        cache_logger_on_first_use=False,
    )
