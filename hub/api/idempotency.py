"""Idempotency keys: the same request twice has one effect and one answer.

A key is claimed and its answer kept in the transaction of the effect itself. Answers may hold
secrets that are shown once, so they are sealed with the node's secret and the client's key,
which is not kept here.

Source: RFC 9110, 9.2.2; the header as the IETF's httpapi group drafts it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import orjson
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.api.records import KeptAnswer
from policies.errors import ConflictError, InvalidError

KEPT_FOR: Final = timedelta(hours=24)
_KEY: Final = re.compile(r'"?([\x21\x23-\x7e]{8,200}?)"?')


class TakenError(Exception):
    """Another request with this key was there at the same time: look again."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that came with a key."""

    actor_id: str
    key: str
    request_hash: str

    @property
    def key_hash(self) -> str:
        """What is kept of the key."""
        return hashlib.sha256(self.key.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered."""

    status: int
    body: bytes
    location: str | None = None


def read_key(text: str) -> str:
    """Read the header; quotes around the key are allowed.

    Raises:
        InvalidError: shorter than 8 or longer than 200 characters, or not printable ASCII.
    """
    match = _KEY.fullmatch(text.strip())
    if match is None:
        raise InvalidError(
            "an Idempotency-Key has 8 to 200 printable characters",
            field="Idempotency-Key",
            hint="A UUID does well.",
        )
    return match.group(1)


def find(session: Session, asked: Asked, *, secret: str) -> Answer | None:
    """Give the kept answer of a request.

    Raises:
        ConflictError: the key was used for another request, or for one whose end nobody knows.
    """
    row = session.get(KeptAnswer, (asked.actor_id, asked.key_hash), populate_existing=True)
    if row is None:
        return None
    if row.request_hash != asked.request_hash:
        raise ConflictError(
            "this Idempotency-Key was used for another request",
            field="Idempotency-Key",
            hint="Take a new key for each request that is not a repetition.",
        )
    if row.status is None or row.sealed is None:
        raise ConflictError(
            "a request with this Idempotency-Key is under way, or broke off",
            field="Idempotency-Key",
            hint="See whether it was done before you ask with a new key.",
        )
    try:
        status, body, location = orjson.loads(_box(secret, asked).decrypt(row.sealed))
    except InvalidToken:
        raise ConflictError(
            "the kept answer can't be opened any more", field="Idempotency-Key"
        ) from None
    return Answer(status, body.encode(), location)


def claim(session: Session, asked: Asked, *, now: datetime) -> None:
    """Take the key for this request.

    Raises:
        TakenError: somebody took it in the meantime; this transaction is over.
    """
    session.add(
        KeptAnswer(
            actor_id=asked.actor_id,
            key_hash=asked.key_hash,
            request_hash=asked.request_hash,
            created_at=now,
        )
    )
    try:
        session.flush()
    except IntegrityError as error:
        raise TakenError from error


def keep(session: Session, asked: Asked, answer: Answer, *, secret: str) -> None:
    """Keep the answer with the claimed key."""
    row = session.get_one(KeptAnswer, (asked.actor_id, asked.key_hash))
    row.status = answer.status
    plain = orjson.dumps([answer.status, answer.body.decode(), answer.location])
    row.sealed = _box(secret, asked).encrypt(plain)
    session.flush()


def drop(session: Session, asked: Asked) -> None:
    """Give a claimed key back: the request was refused and may be asked again."""
    session.execute(
        delete(KeptAnswer).where(
            KeptAnswer.actor_id == asked.actor_id,
            KeptAnswer.key_hash == asked.key_hash,
            KeptAnswer.status.is_(None),
        )
    )


def tidy(session: Session, *, now: datetime) -> None:
    """Forget answers that nobody repeats any more."""
    session.execute(delete(KeptAnswer).where(KeptAnswer.created_at < now - KEPT_FOR))


def _box(secret: str, asked: Asked) -> Fernet:
    salt = f"{asked.actor_id}\0{asked.key}".encode()
    key = HKDF(SHA256(), 32, salt=salt, info=b"tocsin kept answer").derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(key))
