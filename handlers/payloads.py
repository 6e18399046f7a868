"""Reading the payload of a delivery from its body, and what is kept of a large one.

This file is also a program, for bodies that are too large for the event loop: `bot` is not imported here, so that it
starts fast. It reads the body from standard input, and writes what is kept, or why the body cannot be read.
"""

import gc
import re
import resource
import sys
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson

FORM = "application/x-www-form-urlencoded"
KEPT = (
    *("action", "after", "changes", "check_run", "comment", "commits", "context", "deleted", "deployment_callback_url"),
    *("environment", "head_commit", "hook_id", "installation", "issue", "organization", "pull_request", "pusher"),
    *("ref", "repositories", "repositories_added", "repositories_removed", "repository", "requested_action"),
    *("sender", "sha", "state", "workflow_run", "zen"),
)
"""The members of a payload that handlers read."""
MAX_CONTAINERS = 1_000_000  # lists and objects: more would take gigabytes
MAX_FIELDS = 10  # of a form
MAX_KEPT_BYTES = 1024 * 1024  # both texts of an edited comment
MAX_TEXT = 100_000  # characters; the text of a comment has at most 65,536
MAX_DEPTH = 6  # of objects; handlers read down to the third
MEMORY = 512 * 1024 * 1024  # bytes, for the program
PROCESSOR_SECONDS = 20  # for the program
UNREADABLE = 3  # the program's exit code
_PIECES = re.compile(rb"(?:%[0-9a-fA-F]{2}|.){1,10000}", re.DOTALL)


def read_payload(body: bytes, content_type: str) -> dict[str, Any]:
    """The payload that a body holds. ValueError when it holds none."""
    if body.count(b"[") + body.count(b"{") > MAX_CONTAINERS:
        raise ValueError(f"The body has more than {MAX_CONTAINERS:,} lists and objects.")
    try:
        payload = orjson.loads(_form_field(body) if content_type == FORM else body)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"The body is not JSON in UTF-8 (line {error.lineno}, column {error.colno})") from error
    if not isinstance(payload, dict):
        raise ValueError("The body is not a JSON object.")
    return payload


def _form_field(body: bytes) -> bytes:
    """The field `payload` of a form, decoded piece by piece: all at once takes fifty times its memory."""
    fields = body.split(b"&", MAX_FIELDS)
    value = next((field for field in fields[:MAX_FIELDS] if field.startswith(b"payload=")), b"")
    return b"".join(map(unquote_to_bytes, _PIECES.findall(value[8:].replace(b"+", b" "))))


def keep(payload: dict[str, Any]) -> bytes:
    """What handlers need of a large payload, as JSON. ValueError when that is large itself."""
    kept = orjson.dumps({name: _shorten(payload[name]) for name in KEPT if name in payload})
    if len(kept) > MAX_KEPT_BYTES:
        raise ValueError(f"The needed part of the body has more than {MAX_KEPT_BYTES:,} bytes.")
    return kept


def _shorten(value: Any, depth: int = 1) -> Any:
    """Cut long texts, and keep of the entries of lists only their ids: handlers need no more of them."""
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if isinstance(value, list):
        return [{"id": entry["id"]} for entry in value if isinstance(entry, dict) and isinstance(entry.get("id"), int)]
    if isinstance(value, dict):
        return {name: _shorten(member, depth + 1) for name, member in value.items()} if depth < MAX_DEPTH else {}
    return value


def main() -> None:
    """Read the body of a delivery within limits of memory and time; the argument is its content type."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS))
    gc.disable()
    body = sys.stdin.buffer.read()
    try:
        sys.stdout.buffer.write(keep(read_payload(body, sys.argv[1])))
    except ValueError as error:
        sys.stdout.write(str(error))
        sys.exit(UNREADABLE)


if __name__ == "__main__":
    main()
