"""Whether an owner may write: its ledger reaches as far as anybody has signed to have seen it.

Source: protocol, 10 (*Rollback*).
"""

from __future__ import annotations

from typing import Final

from sqlalchemy.orm import Session

from federation.judging.doubt import Doubt, DoubtError
from federation.ledgers.claims import believed_beyond
from federation.ledgers.ledger_records import ChannelRecord, Standing
from federation.ledgers.timelines import has_turned
from policies.errors import ConflictError

LOST: Final = "members hold entries of this channel that its coordinator has lost"

TURNED: Final = (
    "the database of this node was promoted or recovered; its members are asked what they hold"
)


def require_whole(session: Session, record: ChannelRecord) -> None:
    """Refuse to append where others hold, or may hold, more of our ledger than we do.

    Asked under the channel's lock before each append: what a start would find is found here.

    Raises:
        DoubtError: `gap`: it comes to an end by itself, so that contributions are sent again.
        ConflictError: the channel is frozen: an administrator chooses first.
    """
    if record.standing is Standing.BEHIND:
        raise DoubtError(Doubt.GAP, record.sentence or LOST)
    if record.standing is Standing.FROZEN:
        raise ConflictError(
            f"this channel is frozen here: {record.sentence}",
            hint="An administrator settles that first.",
        )
    if has_turned(session):
        raise DoubtError(Doubt.GAP, TURNED)
    if believed_beyond(session, record):
        raise DoubtError(Doubt.GAP, LOST)
