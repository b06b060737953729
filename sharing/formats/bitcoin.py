"""Bitcoin addresses, told from other words by their checksums.

Source: Bitcoin developer reference, *Address conversion* (Base58Check); BIP 173 and BIP 350
(Bech32, Bech32m).
"""

from __future__ import annotations

import hashlib
from typing import Final

_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE58_LENGTHS: Final = range(26, 36)
_BASE58_BYTES: Final = 25
_VERSIONS: Final = frozenset({0x00, 0x05})
"""To a key, to a script; on the main network."""

_SEGWIT: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_SEGWIT_LENGTHS: Final = range(14, 75)
_SEGWIT_PREFIX: Final = "bc1"
_PREFIX_VALUES: Final = (3, 3, 0, 2, 3)
"""What `bc` counts for in the checksum."""
_CHECKSUM_LENGTH: Final = 6
_GENERATORS: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32: Final = 1
_BECH32M: Final = 0x2BC830A3
_LAST_WITNESS_VERSION: Final = 16


def looks_like_address(word: str) -> bool:
    """Tell whether a word has the form of an address."""
    if word[:3].lower() == _SEGWIT_PREFIX:
        # Capitals alone or small letters alone, as BIP 173 has it.
        alike = word in (word.lower(), word.upper())
        return alike and len(word) in _SEGWIT_LENGTHS and set(word[3:].lower()) <= set(_SEGWIT)
    if word[:1] not in ("1", "3") or len(word) not in _BASE58_LENGTHS:
        return False
    return set(word) <= set(_BASE58) and not word.isdigit()


def checksum_holds(word: str) -> bool:
    """Tell whether the checksum of what looks like an address holds."""
    if word[:3].lower() == _SEGWIT_PREFIX:
        return _segwit_holds(word[3:].lower())
    return _base58_holds(word)


def _base58_holds(word: str) -> bool:
    number = 0
    for char in word:
        number = number * 58 + _BASE58.index(char)
    if number.bit_length() > 8 * _BASE58_BYTES:
        return False
    data = number.to_bytes(_BASE58_BYTES, "big")
    # A zero byte at the beginning is written as a 1, and a 1 there is nothing else.
    if len(word) - len(word.lstrip("1")) != len(data) - len(data.lstrip(b"\0")):
        return False
    payload, checksum = data[:-4], data[-4:]
    digest = hashlib.sha256(hashlib.sha256(payload).digest()).digest()
    return payload[0] in _VERSIONS and digest[:4] == checksum


def _segwit_holds(data: str) -> bool:
    values = [_SEGWIT.index(char) for char in data]
    version, program = values[0], values[1:-_CHECKSUM_LENGTH]
    size, spare = divmod(len(program) * 5, 8)
    if version > _LAST_WITNESS_VERSION or spare >= 5 or not 2 <= size <= 40:  # noqa: PLR2004 - BIP 173
        return False
    if version == 0 and size not in (20, 32):
        return False
    return _polymod((*_PREFIX_VALUES, *values)) == (_BECH32M if version else _BECH32)


def _polymod(values: tuple[int, ...]) -> int:
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATORS):
            checksum ^= generator if top >> bit & 1 else 0
    return checksum
