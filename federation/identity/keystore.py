"""Our private keys at rest: encrypted PKCS8, one file per key, readable by their owner alone.

The passphrase is stretched with scrypt before PKCS8 sees it, because PKCS8 as the library writes
it stretches too little for what people choose. The salt lies beside the keys and is no secret.

Source: protocol, 2; RFC 5958; RFC 7914.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from federation.identity.keys import PrivateKey
from policies.errors import InvalidError, UnavailableError

KeyRing: TypeAlias = Mapping[str, PrivateKey]
"""Thumbprint → private key: the keys that this node signs with."""

MIN_PASSPHRASE_BYTES: Final = 8

_SALT_NAME: Final = "salt"
_SALT_BYTES: Final = 16
_FILE_LIMIT_BYTES: Final = 4096
_SCRYPT_COST: Final = 2**15
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class KeyStore:
    """The folder of our private keys.

    Args:
        folder: made with mode 0700 when the first key is saved.
        passphrase: what the configuration gave, or what `read_key_file` read.

    Raises:
        InvalidError: the passphrase is too short.
    """

    def __init__(self, folder: Path, passphrase: bytes) -> None:
        if len(passphrase) < MIN_PASSPHRASE_BYTES:
            message = (
                f"the passphrase for private keys is shorter than {MIN_PASSPHRASE_BYTES} bytes"
            )
            raise InvalidError(message, field="key_passphrase")
        self._folder = folder
        self._passphrase = passphrase

    def save(self, key: PrivateKey) -> None:
        """Write a key; on return it is on the disk."""
        data = Ed25519PrivateKey.from_private_bytes(key.seed).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(self._password)
        )
        path = self._path(key.thumbprint)
        if not path.exists():
            _write_private(path, data)

    def load(self) -> KeyRing:
        """Read all keys.

        Raises:
            UnavailableError: a file can't be read, others may read it, or the passphrase is wrong.
        """
        if not self._folder.is_dir():
            return {}
        keys = (self._read(path) for path in sorted(self._folder.glob("*.pem")))
        return {key.thumbprint: key for key in keys}

    def names(self) -> frozenset[str]:
        """Give the names of the files that hold keys: another process may have added one."""
        return frozenset(path.name for path in self._folder.glob("*.pem"))

    def forget(self, thumbprint: str) -> None:
        """Delete a key that is out of use."""
        self._path(thumbprint).unlink(missing_ok=True)

    def _path(self, thumbprint: str) -> Path:
        return self._folder / f"{thumbprint}.pem"

    def _read(self, path: Path) -> PrivateKey:
        try:
            key = load_pem_private_key(_read_private(path), self._password)
        except (ValueError, TypeError) as error:
            message = f"{path.name} does not open: the passphrase is wrong, or the file is damaged"
            raise UnavailableError(message) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise UnavailableError(f"{path.name} holds no Ed25519 key")
        seed = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        return PrivateKey.from_seed(seed)

    @cached_property
    def _password(self) -> bytes:
        """What PKCS8 is given: 256 bits that cost scrypt to guess."""
        _make_folder(self._folder)
        path = self._folder / _SALT_NAME
        if not path.exists():
            _write_private(path, secrets.token_bytes(_SALT_BYTES))
        return _stretch(self._passphrase, _read_private(path))


def _stretch(passphrase: bytes, salt: bytes) -> bytes:
    kdf = Scrypt(salt=salt, length=32, n=_SCRYPT_COST, r=8, p=1)
    return kdf.derive(passphrase).hex().encode("ascii")


def read_key_file(path: Path) -> bytes:
    """Read the file that stands for a passphrase; a closing line break does not count.

    Raises:
        UnavailableError: it can't be read, or others may read it.
    """
    return _read_private(path).rstrip(b"\r\n")


def make_key_file(path: Path) -> None:
    """Write a file with 256 random bits that stands for a passphrase, unless there is one."""
    _make_folder(path.parent)
    if not path.exists():
        _write_private(path, secrets.token_hex(32).encode("ascii") + b"\n")


def recovery_pem(key: PrivateKey) -> str:
    """Give the recovery key as text, to be printed or written away from the node; in clear."""
    private = Ed25519PrivateKey.from_private_bytes(key.seed)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


def read_recovery_pem(text: str) -> PrivateKey:
    """Read the recovery key from what `recovery_pem` gave.

    Raises:
        InvalidError: it is no such key.
    """
    try:
        key = load_pem_private_key(text.encode("ascii"), None)
    except (ValueError, TypeError) as error:
        raise InvalidError("this is not a recovery key", field="recovery_key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidError("a recovery key is an Ed25519 key", field="recovery_key")
    return PrivateKey.from_seed(key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))


def _write_private(path: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all, with mode 0600 from its first byte."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link refuses to replace: whoever came first has written it.
            os.link(draft, path)
        except FileExistsError:
            return
        _sync_folder(path.parent)
    except OSError as error:
        raise UnavailableError(f"{path} can't be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UnavailableError(f"{folder} can't be written: {error.strerror}") from error


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _read_private(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & _OTHERS:
                message = f"{path} may be read by others"
                raise UnavailableError(message, hint=f"chmod 600 {path}")
            data = file.read(_FILE_LIMIT_BYTES + 1)
    except OSError as error:
        raise UnavailableError(f"{path} can't be read: {error.strerror}") from error
    if len(data) > _FILE_LIMIT_BYTES:
        raise UnavailableError(f"{path} is too large for a key")
    return data
