"""The doorbell: a channel and its head, signed, and no content. A hint that may be lost.

Source: protocol, 9; wire format, 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from federation.identity.keys import PrivateKey, SignatureError, Typ, key_id, split, unb64, verify
from federation.identity.node import Node
from federation.partners.heads import Head, head_document, read_head
from federation.partners.partner_keys import ChannelKeys, find_transport_key
from policies.errors import InvalidError, UnverifiedError
from sharing.canonical import canonical, read_json, read_time, write_time

BELL_LIMIT_BYTES: Final = 4096
BELL_LIFE: Final = timedelta(minutes=10)
"""A bell that was recorded and rung again later than this is no news, whatever the clocks."""

_MEMBERS: Final = frozenset({"protocol", "from", "to", "channel", "epoch", "seq", "sha256", "at"})


@dataclass(frozen=True, slots=True)
class Bell:
    """A bell that was proven: this organisation says that its channel stands there."""

    organisation: str
    head: Head
    at: datetime

    def is_fresh(self, now: datetime) -> bool:
        """Tell whether it was rung just now."""
        return abs(now - self.at) <= BELL_LIFE


def build_bell(
    key: PrivateKey, *, organisation: str, member: str, head: Head, now: datetime
) -> str:
    """Sign a bell.

    Args:
        key: our transport key.
        organisation: our STIX id.
        member: whose door it is.
        head: where the channel stands.
        now: the time.
    """
    payload = {
        "protocol": "1",
        **head_document(head),
        "from": organisation,
        "to": member,
        "at": write_time(now),
    }
    return key.sign(canonical(payload), Typ.BELL)


def verify_bell(session: Session, node: Node, jws: str, *, channel_keys: ChannelKeys) -> Bell:
    """Prove a bell that was rung at our door.

    Raises:
        InvalidError: the form is not that of a bell.
        UnverifiedError: nobody we know signed it, or it is for another door.
    """
    try:
        claimed = _read_payload(unb64(split(jws)[1]))
        key = find_transport_key(session, claimed["from"], key_id(jws), channel_keys=channel_keys)
        if key is None:
            raise UnverifiedError("nobody who is known here has rung")
        value = _read_payload(verify(jws, key, Typ.BELL))
    except SignatureError:
        raise UnverifiedError("nobody who is known here has rung") from None
    if value["to"] != node.organisation:
        raise UnverifiedError("this is another organisation's door")
    return Bell(
        organisation=value["from"],
        head=read_head(value, field="bell"),
        at=read_time(value["at"], field="bell.at"),
    )


def _read_payload(payload: bytes) -> dict[str, str]:
    value = read_json(payload, limit_bytes=BELL_LIMIT_BYTES, field="bell")
    if not isinstance(value, dict) or set(value) != _MEMBERS:
        raise InvalidError(f"a bell holds exactly {', '.join(sorted(_MEMBERS))}", field="bell")
    if not all(isinstance(value[name], str) for name in ("protocol", "from", "to", "at")):
        raise InvalidError("from, to and at are texts", field="bell")
    if value["protocol"] != "1":
        raise InvalidError("protocol 1 is spoken here", field="bell.protocol")
    return value
