"""Short names that the tables are written with."""

from __future__ import annotations

from typing import Final

from policies.acts import ChannelKind
from policies.lifecycles.mechanism import Who

SHARED: Final = frozenset({ChannelKind.COMMUNITY, ChannelKind.CASE})
DIRECT: Final = frozenset({ChannelKind.DIRECT})
CASE: Final = frozenset({ChannelKind.CASE})
COMMUNITY: Final = frozenset({ChannelKind.COMMUNITY})
ALL: Final = SHARED | DIRECT

OWNER: Final = frozenset({Who.COORDINATOR})
MEMBER: Final = frozenset({Who.MEMBER})
JOINED: Final = frozenset({Who.JOINED})
SELF: Final = frozenset({Who.SELF})
SOURCE: Final = frozenset({Who.SOURCE})
ADDRESSEE: Final = frozenset({Who.ADDRESSEE})
SUCCESSOR: Final = frozenset({Who.SUCCESSOR})


def states(*names: str) -> frozenset[str]:
    """Give the states that a row is open in."""
    return frozenset(names)
