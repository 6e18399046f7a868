"""The App's private key, however it was copied: read, or refused with the reason. Nothing of it is ever shown."""

import base64
import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_der_public_key,
    load_ssh_private_key,
)
from cryptography.x509 import load_der_x509_certificate

from bot.rules.setting_texts import decoded, tidied, without_blanks

RIGHT = "an App's private key is an RSA key without a passphrase, as GitHub lets you download it"
CUT_OFF = (
    "is cut off: its END line is missing. "
    "Where a value has to be one line, write \\n for each line end, or the whole file in base64"
)
DAMAGED = f"is damaged: characters of the key are missing or changed; {RIGHT}"
PASSPHRASE = f"needs a passphrase, which `openssl pkey -in key.pem -out plain.pem` removes; {RIGHT}"
PUBLIC = f"is a public key; {RIGHT}"
CERTIFICATE = f"is a certificate; {RIGHT}"
NOT_RSA = f"is a key of another kind; {RIGHT}"
UNKNOWN = f"is not a private key; {RIGHT}: text from the line BEGIN RSA PRIVATE KEY to the line END"
LAYERS = 3  # of base64 around a key, at most
SHORTEST = 128  # bytes of a key in DER
_BLOCK = re.compile(r"-{2,}\s*BEGIN([A-Z0-9\s]*?)-{2,}(.*?)-{2,}\s*END", re.DOTALL)
_BEGIN = re.compile(r"-{2,}\s*BEGIN")
_ESCAPES = re.compile(r"\\+[rnt]?")  # line ends that are written out, escaped once or several times
_BASE64 = re.compile(r"[A-Za-z0-9+/]+")
_URL_SAFE = str.maketrans("-_", "+/")
_DER = b"\x30"  # how it begins


def normalized(text: str) -> str:
    """Read a key that is PEM with any line ends or none, or base64 of PEM or DER; return it as PEM (PKCS #8).

    Raises ValueError with the rest of a sentence that begins with the name of the setting.
    """
    pem = _load(text, LAYERS).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode().strip()


def _load(text: str, layers: int) -> RSAPrivateKey:
    text = _ESCAPES.sub("\n", text)
    blocks = [("".join(label.split()), body) for label, body in _BLOCK.findall(text)]
    for label, body in blocks:
        if label.endswith("PRIVATEKEY"):
            return _from_block(label, body)
    if blocks or text.startswith(("ssh-", "ecdsa-")):
        raise ValueError(_not_private(blocks[0][0] if blocks else "PUBLIC"))
    if _BEGIN.search(text):
        raise ValueError(CUT_OFF)
    data = _from_base64(text)
    if data.startswith(_DER):
        return _from_der(data)
    if layers == 0:
        raise ValueError(UNKNOWN)
    return _load(_as_text(data), layers - 1)


def _from_block(label: str, body: str) -> RSAPrivateKey:
    if "ENCRYPTED" in label or "ENCRYPTED" in body:
        raise ValueError(PASSPHRASE)
    try:
        data = _from_base64(body)
    except ValueError:
        raise ValueError(DAMAGED) from None
    return _from_openssh(data) if label.startswith("OPENSSH") else _from_der(data)


def _from_der(data: bytes) -> RSAPrivateKey:
    try:
        key = load_der_private_key(data, None, unsafe_skip_rsa_key_validation=True)
    except TypeError:
        raise ValueError(PASSPHRASE) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(_why_not_der(data)) from None
    return _checked(key)


def _from_openssh(data: bytes) -> RSAPrivateKey:
    pem = b"-----BEGIN OPENSSH PRIVATE KEY-----\n%b-----END OPENSSH PRIVATE KEY-----\n" % base64.encodebytes(data)
    try:
        key = load_ssh_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
    except TypeError:
        raise ValueError(PASSPHRASE) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(DAMAGED) from None
    return _checked(key)


def _checked(key: object) -> RSAPrivateKey:
    """Refuse what is not RSA, and what does not fit together: OpenSSL's own check takes a thousand times as long."""
    if not isinstance(key, RSAPrivateKey):
        raise ValueError(NOT_RSA)
    parts = key.private_numbers()
    p, q, d, public = parts.p, parts.q, parts.d, parts.public_numbers
    fits = min(p, q) > 1 and p * q == public.n and all(d * public.e % (prime - 1) == 1 for prime in (p, q))
    if not fits or (parts.dmp1, parts.dmq1, parts.iqmp * q % p) != (d % (p - 1), d % (q - 1), 1):
        raise ValueError(DAMAGED)
    return key


def _from_base64(text: str) -> bytes:
    """Decode base64 of either alphabet, with or without line ends and padding."""
    body = without_blanks(text).translate(_URL_SAFE).rstrip("=")
    if _BASE64.fullmatch(body) is None or len(body) % 4 == 1:
        raise ValueError(UNKNOWN)
    return base64.b64decode(body + "=" * (-len(body) % 4))


def _as_text(data: bytes) -> str:
    try:
        return tidied(decoded(data))
    except UnicodeDecodeError:
        raise ValueError(UNKNOWN) from None


def _not_private(label: str) -> str:
    return PUBLIC if "PUBLIC" in label else CERTIFICATE if "CERTIFICATE" in label else UNKNOWN


def _why_not_der(data: bytes) -> str:
    for load, sentence in ((load_der_public_key, PUBLIC), (load_der_x509_certificate, CERTIFICATE)):
        try:
            load(data)
        except (ValueError, UnsupportedAlgorithm):
            continue
        return sentence
    return DAMAGED if len(data) >= SHORTEST else UNKNOWN
