"""The App's private key works in every form that it is copied in; what is no such key is refused with the reason."""

import base64
import re
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from bot import private_key
from tests.settings.conftest import read, refusal

KEY = rsa.generate_private_key(65537, 2048)
PLAIN, LOCKED = NoEncryption(), BestAvailableEncryption(b"open sesame")
PEM, DER = Encoding.PEM, Encoding.DER
PKCS8 = KEY.private_bytes(PEM, PrivateFormat.PKCS8, PLAIN).decode()
PKCS1 = KEY.private_bytes(PEM, PrivateFormat.TraditionalOpenSSL, PLAIN).decode()
OPENSSH = KEY.private_bytes(PEM, PrivateFormat.OpenSSH, PLAIN).decode()
PKCS1_DER = KEY.private_bytes(DER, PrivateFormat.TraditionalOpenSSL, PLAIN)
PUBLIC = KEY.public_key().public_bytes(PEM, PublicFormat.SubjectPublicKeyInfo).decode()
VARIABLE = "LONGSHORE_GITHUB_PRIVATE_KEY"


def as_base64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


FORMS: dict[str, Callable[[str], str]] = {
    "as GitHub gives it": lambda pem: pem,
    "one line, line ends written out": lambda pem: pem.replace("\n", r"\n"),
    "one line, line ends of Windows written out": lambda pem: pem.replace("\n", r"\r\n"),
    "one line, line ends escaped twice": lambda pem: pem.replace("\n", r"\\n"),
    "one line, line ends escaped four times": lambda pem: pem.replace("\n", r"\\\\n"),
    "line ends and written ones": lambda pem: pem.replace("\n", "\\n\n"),
    "line ends of Windows": lambda pem: pem.replace("\n", "\r\n"),
    "line ends of old Macs": lambda pem: pem.replace("\n", "\r"),
    "spaces for line ends": lambda pem: pem.replace("\n", " "),
    "nothing for line ends": lambda pem: pem.replace("\n", ""),
    "no blank at all": lambda pem: "".join(pem.split()),
    "indented": lambda pem: pem.replace("\n", "\n        "),
    "indented with tabs": lambda pem: pem.replace("\n", "\n\t"),
    "empty lines between": lambda pem: pem.replace("\n", "\n\n"),
    "continued lines": lambda pem: pem.replace("\n", "\\\n"),
    "double quotes": lambda pem: f'"{pem}"',
    "single quotes around one line": lambda pem: "'" + pem.replace("\n", r"\n") + "'",
    "escaped quotes": lambda pem: '\\"' + pem.replace("\n", r"\n") + '\\"',
    "typographic quotes": lambda pem: f"“{pem}”",
    "a byte order mark": lambda pem: f"\ufeff{pem}",
    "no-break spaces": lambda pem: pem.replace(" ", "\u00a0"),
    "zero-width spaces": lambda pem: pem.replace("\n", "\u200b\n"),
    "a JSON object": lambda pem: '{"pem": "' + pem.replace("\n", r"\n") + '"}',
    "attributes before it": lambda pem: f"Bag Attributes\n    friendlyName: app\n{pem}",
    "a public key before it": lambda pem: PUBLIC + pem,
    "base64": as_base64,
    "base64 in lines": lambda pem: base64.encodebytes(pem.encode()).decode(),
    "base64, line ends written out": lambda pem: base64.encodebytes(pem.encode()).decode().replace("\n", r"\n"),
    "base64 for URLs without padding": lambda pem: base64.urlsafe_b64encode(pem.encode()).decode().rstrip("="),
    "base64 of base64": lambda pem: as_base64(as_base64(pem)),
    "base64 of one line": lambda pem: as_base64(pem.replace("\n", r"\n")),
    "base64 of UTF-16": lambda pem: as_base64(pem.encode("utf-16")),
    "quoted base64": lambda pem: f'"{as_base64(pem)}"\n',
}


@pytest.mark.parametrize("pem", [PKCS1, PKCS8, OPENSSH], ids=["PKCS1", "PKCS8", "OpenSSH"])
@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
def test_a_key_works_in_every_form_that_it_is_copied_in(form: Callable[[str], str], pem: str) -> None:
    assert read(**{VARIABLE: form(pem)}).github_private_key.get_secret_value() == PKCS8.strip()


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode, base64.encodebytes])
def test_a_key_works_as_base64_of_der(encode: Callable[[bytes], bytes]) -> None:
    assert read(**{VARIABLE: encode(PKCS1_DER).decode()}).github_private_key.get_secret_value() == PKCS8.strip()


FILES: dict[str, bytes] = {
    "UTF-8": PKCS1.encode(),
    "UTF-8 with a mark": PKCS1.encode("utf-8-sig"),
    "UTF-16, as PowerShell writes": PKCS1.replace("\n", "\r\n").encode("utf-16"),
    "UTF-16, big endian": b"\xfe\xff" + PKCS1.encode("utf-16-be"),
    "UTF-32": PKCS1.encode("utf-32"),
    "one line": PKCS1.replace("\n", r"\n").encode(),
    "base64": base64.encodebytes(PKCS1.encode()),
    "DER": PKCS1_DER,
}


@pytest.mark.parametrize("contents", FILES.values(), ids=list(FILES))
def test_a_key_works_from_a_file_of_any_encoding(tmp_path: Path, contents: bytes) -> None:
    (tmp_path / "app.pem").write_bytes(contents)
    for name in (f"{tmp_path}/app.pem", f'"{tmp_path}/app.pem"\n', f"file://{tmp_path}/app.pem"):
        settings = read(**{VARIABLE: "", f"{VARIABLE}_FILE": name})
        assert settings.github_private_key.get_secret_value() == PKCS8.strip()


def other_key(kind: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1()) if kind != "ed25519" else ed25519.Ed25519PrivateKey.generate()
    layout = {"sec1": PrivateFormat.TraditionalOpenSSL, "openssh": PrivateFormat.OpenSSH}.get(kind, PrivateFormat.PKCS8)
    return key.private_bytes(PEM, layout, PLAIN).decode()


def locked(layout: PrivateFormat, encoding: Encoding = PEM) -> bytes:
    return KEY.private_bytes(encoding, layout, LOCKED)


def changed(pem: str) -> str:
    return pem[:600] + ("A" if pem[600] != "A" else "B") + pem[601:]


LOCKED_OPENSSH = """\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABBY75jkWS
jqOnfRzHInyODwAAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIFBLSmKDaXMx0iRA
bJhP3vMJzBjLETWAoO6U4c0ju/JzAAAAkPXeTRXvzDX4Met8SYGJKh0CQzmO52YLWqmh1v
bCbF1YYtQptwPQCEg95io5tO1FtwHVda0icy+HOLgjIJLHFtZOL2dU/l1p3NssEtFC5/yl
IP/NQo3C5nw/yRriHr//DpKBARskZuRKgvo2qAbHelvSVBPOmBDMsqdDHQkW6VbwgEfe9e
pMi97aT9667E5DXA==
-----END OPENSSH PRIVATE KEY-----
"""  # as `ssh-keygen -t ed25519 -N pass` writes it
REFUSED: dict[str, tuple[str, str]] = {
    "a public key": (PUBLIC, "is a public key"),
    "a public key, PKCS1": (KEY.public_key().public_bytes(PEM, PublicFormat.PKCS1).decode(), "is a public key"),
    "a public key, DER": (
        as_base64(KEY.public_key().public_bytes(DER, PublicFormat.SubjectPublicKeyInfo)),
        "is a public key",
    ),
    "a public key of SSH": (
        KEY.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(),
        "is a public key",
    ),
    "a certificate": ("-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----", "is a certificate"),
    "a passphrase, PKCS8": (locked(PrivateFormat.PKCS8).decode(), "passphrase"),
    "a passphrase, PKCS1": (locked(PrivateFormat.TraditionalOpenSSL).decode(), "passphrase"),
    "a passphrase, in one line": (locked(PrivateFormat.PKCS8).decode().replace("\n", r"\n"), "needs a passphrase"),
    "a passphrase, in base64": (as_base64(locked(PrivateFormat.TraditionalOpenSSL)), "needs a passphrase"),
    "a passphrase, DER": (as_base64(locked(PrivateFormat.PKCS8, DER)), "needs a passphrase"),
    "a passphrase, OpenSSH": (LOCKED_OPENSSH, "needs a passphrase"),
    "EC, PKCS8": (other_key("pkcs8"), "key of another kind"),
    "EC, SEC1": (other_key("sec1"), "key of another kind"),
    "EC, OpenSSH": (other_key("openssh"), "key of another kind"),
    "Ed25519": (other_key("ed25519"), "key of another kind"),
    "the first line only": (PKCS1.partition("\n")[0], "is cut off"),
    "without its end": (PKCS1[:-400], "is cut off"),
    "without its end, in base64": (as_base64(PKCS1)[:1000], "is cut off"),
    "without its middle": (PKCS1[:500] + PKCS1[-400:], "is damaged"),
    "a character changed": (changed(PKCS1), "is damaged"),
    "a character changed, OpenSSH": (changed(OPENSSH), "is damaged"),
    "a part blacked out": (PKCS1[:600] + "***" + PKCS1[650:], "is damaged"),
    "DER without its end": (as_base64(PKCS1_DER)[:1000], "is damaged"),
    "PKCS12": (as_base64(serialize_key_and_certificates(b"app", KEY, None, None, LOCKED)), "is damaged"),
    "nothing between the lines": ("-----BEGIN RSA PRIVATE KEY----------END RSA PRIVATE KEY-----", "is damaged"),
    "a webhook secret": ("correct-horse-battery-staple", "is not a private key"),
    "a secret in hexadecimal": ("0123456789abcdef" * 4, "is not a private key"),
    "a client secret": ("f" * 40, "is not a private key"),
    "a token": ("ghp_" + "x" * 36, "is not a private key"),
    "an id": ("12345", "is not a private key"),
    "a PuTTY key": ("PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none", "is not a private key"),
    "an expression": ("$(cat app.key.pem | base64)", "is not a private key"),
    "a path": ("/etc/longshore/key.pem", f"holds the path of a file: put it into {VARIABLE}_FILE"),
    "a path without an extension": ("/run/secrets/key", f"put it into {VARIABLE}_FILE"),
    "a relative path": ("./keys/app.pem", f"put it into {VARIABLE}_FILE"),
    "the name of a file": ("app.2026-01-01.private-key.pem", f"put it into {VARIABLE}_FILE"),
    "a path in the home folder": ("~/longshore/app", f"put it into {VARIABLE}_FILE"),
    "a path of Windows": (r"C:\new\app.pem", f"put it into {VARIABLE}_FILE"),
    "the URL of a file": ("file:///run/secrets/key", f"put it into {VARIABLE}_FILE"),
}


SENTENCES = {
    *(private_key.CUT_OFF, private_key.DAMAGED, private_key.PASSPHRASE, private_key.PUBLIC),
    *(private_key.CERTIFICATE, private_key.NOT_RSA, private_key.UNKNOWN),
    f"holds the path of a file: put it into {VARIABLE}_FILE",
}
"""What can be said about a value: fixed sentences, so that none of them shows any part of it."""


@pytest.mark.parametrize(("value", "reason"), REFUSED.values(), ids=list(REFUSED))
def test_what_is_no_such_key_is_refused_with_the_reason_and_never_shown(
    tmp_path: Path, value: str, reason: str
) -> None:
    sentence = refusal(**{VARIABLE: value})
    assert sentence.startswith(f"{VARIABLE} ") and reason in sentence, sentence
    assert sentence.removeprefix(f"{VARIABLE} ").removesuffix(".") in SENTENCES
    if "_FILE" not in reason:
        (tmp_path / "app.pem").write_text(value)
        from_file = refusal(**{VARIABLE: "", f"{VARIABLE}_FILE": f"{tmp_path}/app.pem"})
        assert from_file == f"{VARIABLE}_FILE names a file that {sentence.removeprefix(f'{VARIABLE} ')}"


def test_a_key_with_any_byte_changed_is_refused_at_the_start() -> None:
    random = Random(7)
    for _ in range(200):
        data = bytearray(PKCS1_DER)
        data[random.randrange(len(data))] ^= random.randrange(1, 256)
        with pytest.raises(ValueError, match=r"is damaged|is not a private key|is a key of another kind"):
            private_key.normalized(as_base64(bytes(data)))


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
def test_a_key_in_the_variable_of_the_file_is_never_shown(form: Callable[[str], str]) -> None:
    sentence = refusal(**{VARIABLE: "", f"{VARIABLE}_FILE": form(PKCS1)})
    expected = rf"{VARIABLE}_FILE is not the path of a file \([A-Za-z ]+\); a secret itself belongs in {VARIABLE}\."
    assert re.fullmatch(expected, sentence), sentence
