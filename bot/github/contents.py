"""Files of a repository. https://docs.github.com/en/rest/repos/contents"""

import base64
from typing import Any, NamedTuple
from urllib.parse import quote

from bot.errors import NotFound, Refusal, Unavailable
from bot.github.fields import required, required_number, required_text
from bot.github.limits import UNAVAILABLE
from bot.github.repository import RepositoryClient
from bot.github.transport import ApiError

MAX_BYTES = 64 * 1024


class File(NamedTuple):
    """A file: its bytes, and the SHA of its blob."""

    content: bytes
    sha: str


async def get_file(repository: RepositoryClient, path: str, ref: str, max_bytes: int = MAX_BYTES) -> File | None:
    """Get a file at a ref (a commit's SHA, a branch or a tag); None when the ref has no such file.

    Refuses what is larger, and what is no file. Raises NotFound when there is no such ref, which says nothing about
    the file.
    """
    try:
        url = f"{repository.root}/contents/{quote(path)}?ref={quote(ref, safe='')}"
        data = (await repository.request("GET", url)).data
    except ApiError as error:
        if "too large" in error.message:
            raise _too_large(path, max_bytes) from error
        error.raise_unless(404)
        if "No commit found for the ref" in error.message:
            raise NotFound(f"GitHub finds no branch, tag or commit `{ref}` to read `{path}` from.") from error
        return None
    if isinstance(data, list) or required_text(data, "type") != "file":
        raise Refusal(f"`{path}` is not a file: put the file itself there.")
    if required_number(data, "size") > max_bytes or data.get("encoding") == "none":
        raise _too_large(path, max_bytes)
    return File(_decode(data), required_text(data, "sha"))


def _decode(data: Any) -> bytes:
    try:
        return base64.b64decode(str(required(data, "content")))
    except ValueError as error:
        raise Unavailable(UNAVAILABLE, reason="a file's content cannot be read") from error


def _too_large(path: str, max_bytes: int) -> Refusal:
    return Refusal(f"`{path}` is larger than {max_bytes:,} bytes, the most that is read: shorten it.")
