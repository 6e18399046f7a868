"""The file beside an SQLite database whose key encrypts what the database keeps secret."""

import errno
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from bot.errors import WrongSettings
from bot.rules import secret_keys

log = structlog.get_logger()

MODE = 0o600
KEY_BYTES = 32
UNUSABLE = "The key for the App's credentials cannot be kept beside the database"
HOW = f"set LONGSHORE_SECRET_KEY: {secret_keys.HOW}"


def path_of(database: str) -> Path:
    """The path of the file, by that of the database."""
    return Path(f"{database}.key")


def read_or_create(path: Path) -> str:
    """Read the key, or make one that only its owner can read. Raises WrongSettings if it cannot be read or written.

    Two processes that start at the same time end up with the same key.
    """
    try:
        if not path.exists():
            _create(path)
        if path.stat().st_mode & 0o077:
            log.warning("setting", warning=f"{path} can be read by others: chmod 600 {path}")
        return secret_keys.checked(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise WrongSettings(f"{UNUSABLE} ({path}: {error.strerror})", HOW) from error
    except ValueError as error:
        raise WrongSettings(f"{path} is damaged: it {error}", "put the key back from a backup") from error


def _create(path: Path, link: Callable[[Path, Path], None] = os.link) -> None:
    """Make the file, unless there is one. It lasts from then on, whatever happens to the machine.

    Where the file system knows hard links, nobody reads a half of it. `link` makes one.
    """
    text = f"{secrets.token_urlsafe(KEY_BYTES)}\n"
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        _write_new(draft, text)
        with suppress(FileExistsError):
            try:
                link(draft, path)
            except FileExistsError:
                raise
            except OSError:  # there are no hard links here
                _write_new(path, text)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _write_new(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Have the names in a folder written, as far as its file system does that."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
