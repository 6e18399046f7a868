"""Secrets of the settings: each in a variable, or in the file that a variable named `…_FILE` names."""

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot import private_key
from bot.rules.setting_texts import decoded, looks_like_path, tidied


def as_given(text: str) -> str:
    """A secret that may be any text."""
    return text


@dataclass(frozen=True)
class SecretSetting:
    """The variable of a secret, and the function that checks its text.

    That one raises ValueError with the rest of a sentence. No sentence shows anything that may be part of a secret.
    """

    variable: str
    parse: Callable[[str], str] = as_given
    binary: bool = False

    def read(self, text: str | None, file: str | None) -> tuple[str, list[str]]:
        """Read the secret from its variable, or else from its file; with a warning if both are set and differ."""
        if not text and not file:
            raise ValueError(f"{self.variable} (or {self.variable}_FILE) must be set")
        if not text:
            return self._from_file(str(file)), []
        secret = self._from_variable(text)
        if file and not self._is_in_file(file, secret):
            return secret, [f"{self.variable} and {self.variable}_FILE are both set and differ: the first one is used."]
        return secret, []

    def _from_variable(self, text: str) -> str:
        path = f"{self.variable} holds the path of a file: put it into {self.variable}_FILE"
        if "/" in text and _is_file(text):
            raise ValueError(path)
        try:
            return self.parse(text)
        except ValueError as error:
            raise ValueError(path if looks_like_path(text) else f"{self.variable} {error}") from None

    def _from_file(self, file: str) -> str:
        try:
            path = os.fsdecode(file.removeprefix("file://").encode())  # as the locale of the process names it
            data = Path(path).expanduser().read_bytes()
        except (OSError, ValueError, RuntimeError) as error:
            raise ValueError(self._why_unreadable(file, error)) from None
        if not (text := self._text_of(data)):
            raise ValueError(f"{self.variable}_FILE names an empty file")
        try:
            return self.parse(text)
        except ValueError as error:
            raise ValueError(f"{self.variable}_FILE names a file that {error}") from None

    def _text_of(self, data: bytes) -> str:
        try:
            return tidied(decoded(data))
        except UnicodeDecodeError:
            if self.binary:
                return base64.b64encode(data).decode()
            raise ValueError(f"{self.variable}_FILE names a file that is not text in UTF-8") from None

    def _is_in_file(self, file: str, secret: str) -> bool:
        try:
            return self._from_file(file) == secret
        except ValueError:
            return False

    def _why_unreadable(self, file: str, error: Exception) -> str:
        reason = getattr(error, "strerror", None) or "no file has such a name"
        if _is_plainly_path(file):
            return f"{self.variable}_FILE names {file}, which cannot be read ({reason})"
        return f"{self.variable}_FILE is not the path of a file ({reason}); a secret itself belongs in {self.variable}"


def private_key_setting(variable: str) -> SecretSetting:
    """The setting of an App's private key, whose file may also be DER."""
    return SecretSetting(variable, private_key.normalized, binary=True)


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def _is_plainly_path(text: str) -> bool:
    """Whether a text is a path and cannot be a secret, which may contain slashes, too."""
    try:
        return looks_like_path(text) and (bool(Path(text).suffix) or Path(*Path(text).parts[:2]).exists())
    except (OSError, ValueError):
        return False
