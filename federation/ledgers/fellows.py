"""The other members of a channel, asked for what its owner does not show.

An owner that joined late was never due what it withholds; whoever read there before it has it.

Source: protocol, 7 and 10 (members serve their replicas).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from federation.judging.state import Member
from federation.ledgers.ledger_records import ChannelRecord
from policies.errors import CoordinationError
from sharing.objects import StixObject

logger = logging.getLogger(__name__)

ASKED_AT_MOST: Final = 5

Objects = list[StixObject]


def fellows(record: ChannelRecord, organisation: str) -> list[str]:
    """Give the other members of a channel that have a node, who has read for longest first."""
    members = [Member.read(member) for member in (record.state or {}).get("members", ())]
    joined = [
        one
        for one in members
        if one.is_joined and not one.without_node and one.organisation != organisation
    ]
    joined.sort(key=lambda one: (one.stays[0].joined, one.organisation))
    return [one.organisation for one in joined]


def shown_by(organisations: Iterable[str], ask: Callable[[str], Objects]) -> Iterator[Objects]:
    """Ask a few members in turn; give what each shows.

    Args:
        ask: asks one of them; one that can't be reached, or refuses, is passed over.
    """
    for organisation in list(organisations)[:ASKED_AT_MOST]:
        try:
            found = ask(organisation)
        except CoordinationError as error:
            logger.info("a member was not asked", extra={"reason": error.message})
            continue
        if found:
            yield found
