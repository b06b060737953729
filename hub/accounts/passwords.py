"""Passwords: one rule of length, no theatre of composition; argon2id for keeping.

Source: NIST SP 800-63B-4, 3.1.1; RFC 9106, 4, second recommended option.
"""

from __future__ import annotations

import threading
import unicodedata
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from policies.errors import InvalidError

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 200
MIN_DISTINCT: Final = 5

_HASHER: Final = PasswordHasher()
# Each hash takes 64 MiB and a core for a tenth of a second: no more than two at once.
_TURN: Final = threading.BoundedSemaphore(2)
# Checked where nobody has the name, so that the answer takes as long as for a name that exists.
NOBODYS_HASH: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4$Z8eIoeMq6sz/kVmUyI7LFA"
    "$g6Xf0hhmqTmUWnqdqA1mDDj8YL1Tv4gtcwE+oV+PSvM"
)


def normalised(password: str) -> str:
    """Give the form that is hashed, the same from every keyboard."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, *, name: str) -> None:
    """Refuse a password that is too easily guessed.

    Raises:
        InvalidError: too short, too long, hardly more than one character, or made of the name.
    """
    text = normalised(password)
    if len(text) < MIN_LENGTH:
        raise InvalidError(
            f"a password needs at least {MIN_LENGTH} characters",
            field="password",
            hint="Four or five words in a row are easy to type and hard to guess.",
        )
    if len(text) > MAX_LENGTH:
        raise InvalidError(f"a password has at most {MAX_LENGTH} characters", field="password")
    if len(set(text)) < MIN_DISTINCT:
        raise InvalidError(
            f"a password needs at least {MIN_DISTINCT} different characters", field="password"
        )
    if text.casefold().replace(name.casefold(), "") == "" or text.casefold() == name.casefold():
        raise InvalidError("a password is not the name again", field="password")


def hash_password(password: str) -> str:
    """Give what is kept in place of a password."""
    with _TURN:
        return _HASHER.hash(normalised(password))


def verify_password(password: str, kept: str | None) -> bool:
    """Tell whether this is the password; takes its time even where there is none.

    Args:
        kept: what `hash_password` gave; `None` where nobody has the name, or it has no password.
    """
    if len(password) > MAX_LENGTH * 4:
        password = ""
    with _TURN:
        try:
            _HASHER.verify(kept or NOBODYS_HASH, normalised(password))
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None


def needs_new_hash(kept: str) -> bool:
    """Tell whether the cost has been raised since this was kept."""
    return _HASHER.check_needs_rehash(kept)
