"""The settings of the App: all of them or none, and the key that encrypts what is stored instead."""

import errno
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.encryption import Encryption
from bot.errors import Misconfigured, WrongSettings
from bot.settings import read_settings
from sandbox.credentials import key_pair
from server import key_file
from server.app_identity import AppIdentity

APP = {"github_app_id": "1", "github_private_key": key_pair()[0], "github_webhook_secret": "a webhook's secret"}
NAMES = {"github_app_id": "APP_ID", "github_private_key": "PRIVATE_KEY", "github_webhook_secret": "WEBHOOK_SECRET"}
ONE, TWO = "1" * 40, "2" * 40


@pytest.mark.parametrize("given", [[name] for name in APP] + [[a for a in APP if a != name] for name in APP])
def test_a_part_of_the_app_is_refused_by_the_names_of_what_is_missing(given: list[str]) -> None:
    values: dict[str, Any] = {name: APP[name] for name in given}
    with pytest.raises(Misconfigured) as refused:
        read_settings(**values)
    for name in APP:
        is_missing = f"LONGSHORE_GITHUB_{NAMES[name]} " in f"{refused.value.sentence} "
        assert is_missing is (name not in given), refused.value.sentence


def test_the_app_may_be_left_out_altogether() -> None:
    settings = read_settings(github_client_id="Iv1", secret_key=ONE)
    assert not settings.names_app and settings.warnings == ()
    whole: dict[str, Any] = APP
    assert read_settings(**whole).names_app


@pytest.mark.parametrize("key", ["short", f"{ONE},short", ","])
def test_a_key_that_could_be_guessed_is_refused(key: str) -> None:
    with pytest.raises(Misconfigured, match=r"LONGSHORE_SECRET_KEY must be a random text .*openssl rand -base64 32"):
        read_settings(secret_key=key)


def test_the_key_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{ONE}, {TWO}\n")
    assert read_settings(secret_key_file=file).secret_key.get_secret_value() == f"{ONE},{TWO}"


def test_what_is_encrypted_needs_one_of_the_keys_and_its_place() -> None:
    encrypted = Encryption([ONE]).encrypt("secret", "here")
    assert "secret" not in encrypted and encrypted != Encryption([ONE]).encrypt("secret", "here")
    assert Encryption([TWO, ONE]).decrypt(encrypted, "here") == "secret"
    assert Encryption([TWO, ONE]).encrypt("x", "").split(".")[1] == Encryption([TWO]).encrypt("x", "").split(".")[1]
    damaged = encrypted[:-6] + ("AAAA" if encrypted[-6:-2] != "AAAA" else "BBBB") + encrypted[-2:]
    for keys, text, place, words in (
        ([TWO], encrypted, "here", "another key"),
        ([ONE], encrypted, "there", "changed"),
        ([ONE], damaged, "here", "changed"),
        ([ONE], ".".join(encrypted.split(".")[:2]), "here", "changed"),
        ([ONE], "", "here", "another key"),
    ):
        with pytest.raises(WrongSettings, match=words):
            Encryption(keys).decrypt(text, place)


def test_the_file_of_a_key_is_made_once_and_never_overwritten(tmp_path: Path) -> None:
    path = key_file.path_of(str(tmp_path / "longshore.db"))
    assert path.name == "longshore.db.key"
    first = key_file.read_or_create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    key_file._create(path)  # of a process that looked before the file was there
    assert key_file.read_or_create(path) == first
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    with pytest.raises(WrongSettings, match="cannot be kept beside the database"):
        key_file.read_or_create(tmp_path / "missing" / "x.key")


def test_the_file_of_a_key_is_made_where_there_are_no_hard_links(tmp_path: Path) -> None:
    def refuse(draft: Path, path: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted", str(draft), None, str(path))

    path = key_file.path_of(str(tmp_path / "longshore.db"))
    key_file._create(path, refuse)
    first = key_file.read_or_create(path)
    assert (len(first) >= 32, path.stat().st_mode & 0o777) == (True, 0o600)
    key_file._create(path, refuse)
    assert key_file.read_or_create(path) == first
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("content", [b"damaged", b"\xff\xfe", None], ids=["short", "binary", "a folder"])
def test_a_file_that_cannot_be_used_beside_a_key_of_the_settings_is_a_warning(
    tmp_path: Path, content: bytes | None
) -> None:
    path = key_file.path_of(str(tmp_path / "longshore.db"))
    path.mkdir() if content is None else path.write_bytes(content)
    url = f"sqlite://{tmp_path / 'longshore.db'}"
    with capture_logs() as logs:
        encryption = AppIdentity(read_settings(database_url=url, secret_key=ONE), lambda *_: None).encryption()
    assert Encryption([ONE]).decrypt(encryption.encrypt("secret", "here"), "here") == "secret"
    assert any(str(path) in str(line.get("warning")) for line in logs if line["log_level"] == "warning"), logs
    with pytest.raises(WrongSettings):
        AppIdentity(read_settings(database_url=url), lambda *_: None).encryption()
