"""The settings that point a bot at a sandbox, in a file for the shell, and the App's private key beside it."""

import fcntl
import os
import shlex
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

from sandbox.errors import SandboxError

PREFIX = "LONGSHORE_GITHUB_"
KEY_FILE = f"{PREFIX}PRIVATE_KEY_FILE"
NAMES = (
    *(f"{PREFIX}API_URL", f"{PREFIX}APP_ID", f"{PREFIX}WEBHOOK_SECRET", KEY_FILE),
    *(f"{PREFIX}CLIENT_ID", f"{PREFIX}CLIENT_SECRET"),
)


class SettingsFile:
    """The file at `path`, and `path.pem` for the key. It belongs to one sandbox from `claim` until `release`."""

    def __init__(self, path: Path) -> None:
        self.path, file = path, path.resolve()
        self.key_path = file.with_name(f"{file.name}.pem")
        self._lock: int | None = None
        self._is_new = False

    def claim(self) -> Self:
        """Keep other sandboxes from the file; raise SandboxError if one has it, or if it was not written by one."""
        try:
            self._check_contents()
            self._is_new = not self.key_path.exists()
            self._lock = self._open_key_file()
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._give_up()
            sentence = f"Another sandbox that is running uses {self.path}: stop that one, or name another file."
            raise SandboxError(sentence) from None
        except OSError as error:
            raise self._unwritable(error) from error
        if not self._is_key_file(self._lock):
            self._give_up()
            raise SandboxError(f"Another sandbox used {self.path} until just now: try again.")
        return self

    def write(self, private_key: str, values: Mapping[str, str]) -> None:
        """Write the key and the settings, for a shell and readable by their owner only; the key's path is added."""
        settings = {**values, KEY_FILE: str(self.key_path)}
        try:
            _write_private(self.key_path, private_key)
            _write_private(self.path, "".join(f"{name}={shlex.quote(value)}\n" for name, value in settings.items()))
        except OSError as error:
            raise self._unwritable(error) from error
        self._is_new = False

    def release(self) -> None:
        """Leave the file to other sandboxes. If nothing was written, the key file of the claim is deleted."""
        if self._is_new:
            with suppress(OSError):
                self.key_path.unlink()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _open_key_file(self) -> int:
        return os.open(self.key_path, os.O_RDWR | os.O_CREAT, 0o600)

    def _is_key_file(self, descriptor: int) -> bool:
        """Whether an open file is still the key file; another claim may have deleted it before it was locked here."""
        with suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(descriptor), self.key_path.stat())
        return False

    def _give_up(self) -> None:
        """Release what belongs to another claim, and delete nothing of it."""
        self._is_new = False
        self.release()

    def _check_contents(self) -> None:
        if not self.path.exists():
            if self.key_path.exists() and self.key_path.stat().st_size:
                why = f"{self.key_path} exists without {self.path}, so it may be another key"
                raise SandboxError(f"{why}: name another file, or remove it.")
            return
        lines = self.path.read_text(errors="replace").splitlines()
        if any(line.strip() and line.partition("=")[0] not in NAMES for line in lines):
            raise SandboxError(f"{self.path} holds more than the settings of a sandbox: name another file.")

    def _unwritable(self, error: OSError) -> SandboxError:
        return SandboxError(f"The settings file {self.path} cannot be written: {error.strerror}.")


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(os.fsencode(text))  # it may hold a path
