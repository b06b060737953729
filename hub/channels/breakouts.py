"""Breakouts: a case's members among themselves, and who may be asked into one.

Source: protocol, 5 (*A breakout*).
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from federation.judging.state import ChannelState
from federation.ledgers.ledger import find_channel, load_state
from federation.ledgers.ledger_records import ChannelRecord, Standing
from policies.acts import ChannelKind
from policies.errors import ConflictError, NotFoundError


def check_parent(session: Session, parent: str, *, us: str) -> ChannelRecord:
    """Give the case that a breakout is to be of.

    Raises:
        NotFoundError: there is no such channel here.
        ConflictError: it is no case, or we have no part in it now.
    """
    case = find_channel(session, parent)
    state = load_state(session, case) if case is not None else None
    if case is None or state is None:
        raise NotFoundError("there is no such case", field="parent")
    if case.kind is not ChannelKind.CASE:
        raise ConflictError("a breakout is of a case", field="parent")
    if case.standing is not Standing.CURRENT or us not in state.joined:
        raise ConflictError("a breakout is opened by a member of its case", field="parent")
    return case


def check_guest(session: Session, breakout: ChannelState, organisation: str) -> None:
    """Refuse to invite into a breakout who has no part in its case.

    Raises:
        ConflictError: it has none, as far as we have read.
    """
    if not breakout.is_breakout or breakout.parent is None:
        return
    case = find_channel(session, breakout.parent)
    state = load_state(session, case) if case is not None else None
    if state is None or organisation not in state.joined:
        raise ConflictError(
            "a breakout is for members of its case alone",
            field="organisation",
            hint="Invite them to the case first.",
        )
