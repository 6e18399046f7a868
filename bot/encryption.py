"""Encryption of what the database keeps secret: AES-256-GCM, with keys that are derived from `LONGSHORE_SECRET_KEY`.

Whoever reads the database, or a backup of it, without that key learns nothing; whoever changes it is found out.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.errors import WrongSettings

FORMAT = "1"
NONCE = 12  # bytes
KEY_NAME = 4  # bytes by which a key is found again
OTHER_KEY = "The App's credentials in the database were encrypted with another key"
CHANGED = "The App's credentials in the database were changed by something other than Longshore"
WHICH_KEY = "LONGSHORE_SECRET_KEY, or the file beside the SQLite database, must be the key of that time"
AGAIN = "register the App again at /setup, or enter its credentials there"


@dataclass(frozen=True)
class _Key:
    name: str
    cipher: AESGCM = field(repr=False)


class Encryption:
    """Encrypts with the first of some keys, and decrypts with any of them. Keys are random texts."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [_derive(key) for key in keys]

    def encrypt(self, text: str, context: str) -> str:
        """Encrypt a text. It can be decrypted only in the same context: where it stands, and what it belongs to."""
        key, nonce = self._keys[0], os.urandom(NONCE)
        data = nonce + key.cipher.encrypt(nonce, text.encode(), context.encode())
        return f"{FORMAT}.{key.name}.{urlsafe_b64encode(data).decode()}"

    def decrypt(self, encrypted: str, context: str) -> str:
        """Decrypt a text. Raises WrongSettings if no key is the right one, or if the text or its context changed."""
        _, name, data = (*encrypted.split("."), "", "")[:3]
        key = next((key for key in self._keys if key.name == name), None)
        if key is None:
            raise WrongSettings(OTHER_KEY, f"{WHICH_KEY}; if it is lost, {AGAIN}")
        try:
            raw = urlsafe_b64decode(data)
            return key.cipher.decrypt(raw[:NONCE], raw[NONCE:], context.encode()).decode()
        except (InvalidTag, ValueError):
            raise WrongSettings(CHANGED, AGAIN) from None


def _derive(text: str) -> _Key:
    secret = text.encode("utf-8", "surrogatepass")
    return _Key(_expand(secret, "name", KEY_NAME).hex(), AESGCM(_expand(secret, "key", 32)))


def _expand(secret: bytes, purpose: str, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=f"longshore {FORMAT} {purpose}".encode()).derive(secret)
