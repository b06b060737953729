"""The invitation: one line of text that an administrator hands to another.

Source: wire format, 5.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from federation.identity.keys import SignatureError, b64, unb64
from federation.identity.origins import Destination, read_origin
from policies.errors import InvalidError

FORMAT: Final = "coordination-invitation/1"
SECRET_BYTES: Final = 16
THUMBPRINT_BYTES: Final = 32
LIFE: Final = timedelta(hours=72)
_MAX_CHARACTERS: Final = 1000
_FIELD_COUNT: Final = 4


@dataclass(frozen=True, slots=True)
class Invitation:
    """What the line says; whoever holds the secret may pair once."""

    base_url: str
    recovery_thumbprint: str
    secret: bytes = field(repr=False)

    @property
    def line(self) -> str:
        """The one line of text."""
        return f"{FORMAT} {self.base_url} {self.recovery_thumbprint} {b64(self.secret)}"

    @property
    def destination(self) -> Destination:
        """Where the inviting node is."""
        return Destination(self.base_url)


def read_invitation(text: str) -> Invitation:
    """Read an invitation as it was pasted; line breaks that mail put in are white space.

    Raises:
        InvalidError: it is not an invitation, or was cut or altered on the way.
    """
    fields = text.split() if len(text) <= _MAX_CHARACTERS else []
    if len(fields) != _FIELD_COUNT or fields[0] != FORMAT:
        message = "this is not an invitation"
        hint = f"It has four parts and begins with {FORMAT}; paste all of it."
        raise InvalidError(message, field="invitation", hint=hint)
    _, base_url, thumbprint, secret = fields
    return Invitation(
        base_url=read_origin(base_url, field="invitation"),
        recovery_thumbprint=read_thumbprint(thumbprint, field="invitation"),
        secret=read_secret(secret, field="invitation"),
    )


def read_thumbprint(text: str, *, field: str) -> str:
    """Read the thumbprint of a key: base64url of 32 bytes.

    Raises:
        InvalidError: it is none.
    """
    return b64(_read_bytes(text, THUMBPRINT_BYTES, "the thumbprint of a key", field))


def read_secret(text: str, *, field: str) -> bytes:
    """Read the secret of an invitation: base64url of 16 bytes.

    Raises:
        InvalidError: it is none.
    """
    return _read_bytes(text, SECRET_BYTES, "the secret of an invitation", field)


def secret_sha256(secret: bytes) -> str:
    """Give the hash by which a secret is remembered. 128 random bits need no slow hash."""
    return hashlib.sha256(b"coordination-invitation/1\n" + secret).hexdigest()


def _read_bytes(text: str, length: int, what: str, field: str) -> bytes:
    try:
        data = unb64(text)
    except SignatureError:
        data = b""
    if len(data) != length:
        message = f"{what} is damaged"
        raise InvalidError(message, field=field, hint="Copy the invitation again, all of it.")
    return data
