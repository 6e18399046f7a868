"""The file beside an SQLite database whose key encrypts what the database keeps secret."""

import os
import secrets
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


def _create(path: Path) -> None:
    """Write the whole file under another name first: nobody reads a half of it, and none is overwritten."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "w") as file:
            file.write(f"{secrets.token_urlsafe(KEY_BYTES)}\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink(missing_ok=True)
