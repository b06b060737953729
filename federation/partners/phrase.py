"""The verification phrase: eight words that two administrators compare over the telephone.

Source: wire format, 5; BIP-39, English word list.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

from policies.errors import InvalidError

WORD_COUNT: Final = 8
_BITS_PER_WORD: Final = 11
_LIST_LENGTH: Final = 2048


def phrase_digest(one: str, other: str) -> bytes:
    """Give the SHA-256 that the phrase is made from; the order of the two does not matter.

    Args:
        one: thumbprint of a recovery key.
        other: thumbprint of the other side's.

    Raises:
        InvalidError: both are the same: a node can't pair with itself.
    """
    if one == other:
        message = "both sides name the same recovery key: a node can't pair with itself"
        raise InvalidError(message)
    first, second = sorted((one, other))
    return hashlib.sha256(f"coordination-pairing/1\n{first}\n{second}\n".encode("ascii")).digest()


def phrase_of(one: str, other: str) -> tuple[str, ...]:
    """Give the eight words that both sides see for these two recovery keys."""
    number = int.from_bytes(phrase_digest(one, other)[: WORD_COUNT * _BITS_PER_WORD // 8], "big")
    shifts = range((WORD_COUNT - 1) * _BITS_PER_WORD, -1, -_BITS_PER_WORD)
    return tuple(_words()[(number >> shift) % _LIST_LENGTH] for shift in shifts)


@cache
def _words() -> tuple[str, ...]:
    text = files("federation.data").joinpath("bip39-english.txt").read_text(encoding="ascii")
    return tuple(text.split())
