from __future__ import annotations

import stat
from pathlib import Path

import pytest

from federation.identity.keys import PrivateKey
from federation.identity.keystore import (
    KeyStore,
    make_key_file,
    read_key_file,
    read_recovery_pem,
    recovery_pem,
)
from policies.errors import InvalidError, UnavailableError

PASSPHRASE = b"correct horse"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "keys"


def test_keys_are_read_as_they_were_saved_and_nobody_else_may_read_them(folder: Path) -> None:
    keys = [PrivateKey.generate() for _ in range(3)]
    store = KeyStore(folder, PASSPHRASE)
    assert store.load() == {}
    for key in keys:
        store.save(key)
        store.save(key)
    again = KeyStore(folder, PASSPHRASE).load()
    assert {key.thumbprint: key.seed for key in keys} == {
        thumbprint: key.seed for thumbprint, key in again.items()
    }
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_a_file_holds_an_encrypted_key_and_not_the_key(folder: Path) -> None:
    key = PrivateKey.generate()
    KeyStore(folder, PASSPHRASE).save(key)
    data = (folder / f"{key.thumbprint}.pem").read_bytes()
    assert data.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert key.seed not in data


def test_a_wrong_passphrase_or_a_damaged_file_opens_nothing(folder: Path) -> None:
    key = PrivateKey.generate()
    KeyStore(folder, PASSPHRASE).save(key)
    with pytest.raises(UnavailableError, match="passphrase is wrong"):
        KeyStore(folder, b"another one").load()
    path = folder / f"{key.thumbprint}.pem"
    path.write_bytes(b"nonsense")
    with pytest.raises(UnavailableError, match="damaged"):
        KeyStore(folder, PASSPHRASE).load()
    path.write_bytes(b"x" * 5000)
    with pytest.raises(UnavailableError, match="too large"):
        KeyStore(folder, PASSPHRASE).load()


def test_a_key_that_others_may_read_is_refused(folder: Path) -> None:
    key = PrivateKey.generate()
    store = KeyStore(folder, PASSPHRASE)
    store.save(key)
    (folder / f"{key.thumbprint}.pem").chmod(0o640)
    with pytest.raises(UnavailableError, match="read by others"):
        store.load()


def test_a_forgotten_key_is_gone(folder: Path) -> None:
    key = PrivateKey.generate()
    store = KeyStore(folder, PASSPHRASE)
    store.save(key)
    store.forget(key.thumbprint)
    store.forget(key.thumbprint)
    assert store.load() == {}


def test_a_short_passphrase_is_refused(folder: Path) -> None:
    with pytest.raises(InvalidError, match="shorter"):
        KeyStore(folder, b"short")


def test_a_key_file_stands_for_a_passphrase(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "secrets" / "key-file"
    make_key_file(path)
    first = read_key_file(path)
    make_key_file(path)
    assert read_key_file(path) == first
    assert len(first) == 64
    KeyStore(folder, first)
    path.chmod(0o644)
    with pytest.raises(UnavailableError, match="read by others"):
        read_key_file(path)
    with pytest.raises(UnavailableError, match="can't be read"):
        read_key_file(tmp_path / "nowhere")


def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("a file where a folder should be")
    with pytest.raises(UnavailableError, match="can't be written"):
        KeyStore(path / "keys", PASSPHRASE).save(PrivateKey.generate())
    with pytest.raises(UnavailableError, match="can't be written"):
        make_key_file(path / "key-file")


def test_a_recovery_key_comes_back_from_paper() -> None:
    key = PrivateKey.generate()
    text = recovery_pem(key)
    assert read_recovery_pem(text).seed == key.seed
    for bad in ("", "hello", text[:-40], "é"):
        with pytest.raises(InvalidError):
            read_recovery_pem(bad)
