"""What a ledger says of us, and what it lacks: what goes before anything signed with new keys.

Source: protocol, 2 (*Keys are state of the ledger*).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.identity.descriptor_chain import news_for
from federation.judging.doubt import Doubt
from federation.ledgers.ledger_records import ContributionRecord, Delivery
from policies.acts import Act
from sharing.canonical import read_json

if TYPE_CHECKING:
    from federation.identity.node import Node
    from federation.judging.state import ChannelState

_BUNDLE_LIMIT_BYTES: Final = 4 * 1024 * 1024


def describes_us(node: Node, state: ChannelState) -> bool:
    """Tell whether a ledger says of us what we say."""
    chain = state.chains.get(node.organisation, ())
    return bool(chain) and chain[-1].sha256 == node.newest.sha256


def description_for(node: Node, state: ChannelState) -> dict[str, Any]:
    """Give the body of the `node.described` that brings a ledger up to what we say of ourselves."""
    news = news_for(state.chains.get(node.organisation, ()), node.descriptors)
    return {"descriptors": [dict(one.jws) for one in news]}


def is_description_under_way(session: Session, node: Node, channel: str) -> bool:
    """Tell whether our newest descriptor waits in the outbox, or was refused for good.

    One that was refused because its number was behind is written again under a higher one.
    """
    rows = session.scalars(
        select(ContributionRecord).where(
            ContributionRecord.channel == channel,
            ContributionRecord.act == Act.NODE_DESCRIBED.value,
            ContributionRecord.state != Delivery.CONFIRMED,
        )
    )
    for row in rows:
        again = row.state is Delivery.REFUSED and row.doubt in _WRITTEN_AGAIN
        if not again and _names_newest(row.bundle, node.documents):
            return True
    return False


_WRITTEN_AGAIN: Final = frozenset({Doubt.SUPERSEDED.value, Doubt.NOT_MEMBER.value})
"""Its number was behind; or we had left, and are a member again."""


def _names_newest(bundle: bytes, documents: Sequence[Any]) -> bool:
    value = read_json(bundle, limit_bytes=_BUNDLE_LIMIT_BYTES)
    return bool(value["body"]["descriptors"][-1] == documents[-1])
