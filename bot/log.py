"""Logging: one JSON object per line on standard error, with the bound context and without secrets."""

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
from structlog.typing import EventDict, Processor, WrappedLogger

_SECRETS = re.compile(
    r"gh[a-z]_[A-Za-z0-9._-]{16,}|github_pat_[A-Za-z0-9_]{20,}|lsh_[A-Za-z0-9_-]{20,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(?<=auth_code=)[^&\s\"']+|(?i:(?<=bearer )|(?<=token ))[A-Za-z0-9._~+/-]{16,}=*"
    r"|(?<=://)[^/@\s:]*:[^/@\s]+(?=@)",
    re.DOTALL,
)
MAX_LENGTH = 500  # characters of a bound value
FIRST = ("time", "level", "event")
"""The keys that every line begins with."""
_SECRET_KEYS = frozenset({"authorization", "token", "secret", "password", "private_key", "auth_code", "signature"})


def bind_log_context(**values: object) -> None:
    """Add values to every line that the current unit of work logs from here on.

    Long text is truncated: it may come from a caller.
    """
    structlog.contextvars.bind_contextvars(**{name: shortened(value) for name, value in values.items()})


def shortened(value: object) -> object:
    """A value for the log: a text of more than MAX_LENGTH characters is truncated, without cutting a secret in two."""
    if isinstance(value, str) and len(value) > MAX_LENGTH:
        return f"{redact(value)[: MAX_LENGTH - 1]}…"
    return value


def redact(value: Any) -> Any:
    """Return a copy of a value, at any depth, with everything that looks like a secret replaced by `[redacted]`."""
    if isinstance(value, str):
        return _SECRETS.sub("[redacted]", value)
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, MutableMapping):
        return {
            name: "[redacted]" if str(name).lower() in _SECRET_KEYS else redact(item) for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return value


def _add_time(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["time"] = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return event


def _redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    redacted: EventDict = redact(event)
    return redacted


def _to_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    event = {name: event[name] for name in FIRST if name in event} | dict(event)
    try:
        return orjson.dumps(event, default=repr).decode()
    except TypeError:  # lone surrogates, integers of more than 64 bits
        return json.dumps(event, default=repr)


class _LineWriter:
    """Writes our lines to the handler of the libraries' logs, without building a LogRecord for each."""

    def __init__(self, handler: logging.StreamHandler[Any]) -> None:
        self._handler = handler

    def info(self, line: str) -> None:
        """Write one line."""
        with suppress(OSError, ValueError):  # standard error is closed
            self._handler.acquire()
            try:
                self._handler.stream.write(f"{line}\n")
                self._handler.flush()
            finally:
                self._handler.release()

    debug = warning = error = critical = info


def configure(level: str) -> None:
    """Send all logs of this process to standard error as JSON lines."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.format_exc_info,
        _redact_event,
        structlog.processors.add_log_level,
        _add_time,
    ]
    meta = [structlog.stdlib.add_logger_name, structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*meta, _redact_event, _to_json])
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, _to_json],
        logger_factory=lambda *_: _LineWriter(handler),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        cache_logger_on_first_use=False,
    )
