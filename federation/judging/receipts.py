"""Receipts: a member's signed word that it holds a ledger up to a head, since when.

Source: protocol, 10; wire format, 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from federation.identity.keys import (
    PrivateKey,
    PublicKey,
    SignatureError,
    Typ,
    key_id,
    split,
    unb64,
    verify,
)
from federation.judging.bundles import Position
from federation.judging.doubt import Doubt, DoubtError
from policies.errors import InvalidError
from sharing.canonical import MAX_INTEGER, canonical, read_instant, read_json, write_time
from sharing.objects import is_stix_id

RECEIPT_LIMIT_BYTES: Final = 4096
LISTED_AT_MOST: Final = 5000
_MEMBERS: Final = frozenset({"protocol", "channel", "epoch", "seq", "sha256", "author", "at"})


@dataclass(frozen=True)
class Receipt:
    """A receipt as it came over the wire: well formed, nothing proven."""

    author: str
    channel: str
    head: Position
    at: str
    kid: str
    jws: str = field(repr=False)

    @property
    def at_ns(self) -> int:
        """When its author says that it verified the head, as nanoseconds since 1970."""
        return read_instant(self.at)

    def prove(self, key: PublicKey) -> None:
        """Prove that this key signed exactly this receipt.

        Raises:
            DoubtError: `bad_signature` or `malformed`.
        """
        try:
            verify(self.jws, key, Typ.RECEIPT)
        except SignatureError as error:
            raise DoubtError(Doubt(error.name), f"receipt: {error.message}") from None


def make_receipt(
    key: PrivateKey, *, author: str, channel: str, head: Position, now: datetime
) -> str:
    """Sign a receipt; give the compact JWS.

    Args:
        key: a signing key of the author's.
    """
    payload = {
        "protocol": "1",
        "channel": channel,
        **head.document(),
        "author": author,
        "at": write_time(now),
    }
    return key.sign(canonical(payload), Typ.RECEIPT)


def read_receipt(jws: object) -> Receipt:
    """Read a receipt's form; no key is asked.

    Raises:
        DoubtError: `malformed`, or `bad_signature` where it names no key.
    """
    if not isinstance(jws, str) or len(jws) > RECEIPT_LIMIT_BYTES:
        raise _malformed(f"it is a compact JWS of at most {RECEIPT_LIMIT_BYTES} characters")
    try:
        kid = key_id(jws)
        _, encoded, signature = split(jws)
        unb64(signature)
        payload = unb64(encoded)
    except SignatureError as error:
        raise DoubtError(Doubt(error.name), f"receipt: {error.message}") from None
    try:
        value = read_json(payload, limit_bytes=RECEIPT_LIMIT_BYTES, field="receipt")
        if not isinstance(value, dict) or canonical(value) != payload:
            raise _malformed("its payload is not in canonical form")
        return _read(value, kid, jws)
    except DoubtError:
        raise
    except InvalidError as error:
        raise _malformed(error.message) from None


@dataclass(frozen=True, slots=True)
class ReceiptList:
    """What a node answers who is asked for receipts of a channel.

    Args:
        receipts: in the order of the places that they name; what they are was not looked at.
        next: epoch and seq with which the rest begins, `None` where this is all.
        head: where the node itself stands, as far as the reader may read; a hint, not signed.
    """

    receipts: list[str]
    next: tuple[int, int] | None = None
    head: Position | None = None

    def document(self) -> bytes:
        """Give its bytes; the same receipts always give the same bytes."""
        document: dict[str, Any] = {"receipts": self.receipts}
        if self.next is not None:
            document["next"] = {"epoch": self.next[0], "seq": self.next[1]}
        if self.head is not None:
            document["head"] = self.head.document()
        return canonical(document)

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> ReceiptList:
        """Read an answer. Members that we do not know are passed over.

        Raises:
            InvalidError: it lists nothing, or what it says besides has no form.
            DoubtError: `malformed`, where its head is none.
        """
        receipts, following, head = (value.get(name) for name in ("receipts", "next", "head"))
        if not isinstance(receipts, list) or not all(isinstance(one, str) for one in receipts):
            raise InvalidError("the answer holds no list of receipts", field="receipts")
        if len(receipts) > LISTED_AT_MOST:
            raise InvalidError(f"more than {LISTED_AT_MOST} receipts at once", field="receipts")
        place = None
        if following is not None:
            if not isinstance(following, Mapping):
                raise InvalidError("a place is an object", field="next")
            place = _read_number(following, "epoch"), _read_number(following, "seq")
        return cls(receipts, place, Position.read(head) if head is not None else None)


def _read_number(value: Mapping[str, Any], name: str) -> int:
    number = value.get(name)
    if type(number) is not int or not 0 <= number <= MAX_INTEGER:
        raise InvalidError("a place has an epoch and a seq", field=f"next.{name}")
    return number


def _read(value: dict[str, Any], kid: str, jws: str) -> Receipt:
    if set(value) != _MEMBERS or value["protocol"] != "1":
        raise _malformed(f"it holds exactly {', '.join(sorted(_MEMBERS))}, of protocol 1")
    author, channel, at = value["author"], value["channel"], value["at"]
    if not isinstance(author, str) or not author.startswith("identity--") or not is_stix_id(author):
        raise _malformed("its author is an identity")
    if not isinstance(channel, str) or not _is_uuid(channel):
        raise _malformed("its channel is a UUID in lower case")
    if not isinstance(at, str):
        raise _malformed("its time is a text")
    read_instant(at, field="receipt.at")
    head = Position.read({name: value[name] for name in ("epoch", "seq", "sha256")})
    return Receipt(author, channel, head, at, kid, jws)


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _malformed(sentence: str) -> DoubtError:
    return DoubtError(Doubt.MALFORMED, f"receipt: {sentence}")
