"""Answering an invitation: the channel that it names, before anything of it was read.

Source: protocol, 5 (the *invited*).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from federation.judging.bundles import Position
from federation.judging.doubt import Doubt
from federation.ledgers import stage
from federation.ledgers.channels import Written, contribute
from federation.ledgers.desk import Desk
from federation.ledgers.ledger_records import (
    ChannelRecord,
    ContributionRecord,
    Delivery,
    Standing,
)
from federation.work.errands import hasten
from policies.acts import Act, ChannelKind, read_body
from policies.errors import ConflictError
from policies.tlp import TLP
from sharing import collections
from sharing.objects import StixObject


@dataclass(frozen=True)
class Invited:
    """An invitation as it was read in its owner's direct channel.

    Args:
        head: what our answer names as seen.
    """

    channel: str
    kind: ChannelKind
    owner: str
    name: str
    roles: tuple[str, ...]
    genesis: str
    head: Position


def answer_invitation(  # noqa: PLR0913 - what is answered, by whom, with which words
    session: Session,
    desk: Desk,
    invited: Invited,
    act: Act,
    body: Mapping[str, Any],
    new: Sequence[StixObject] = (),
    *,
    label: TLP,
    by: str,
    now: datetime,
) -> Written:
    """Join or decline: the one thing that an invited organisation may post.

    Args:
        act: `member.joined` or `member.declined`.
        new: a note with the reason, where one is given.
        label: for the bundle's metadata; not above the ceiling that the invitation names.

    Raises:
        ConflictError: the invitation was answered before.
    """
    body = read_body(act, body)
    record = expect_invited(session, invited, now=now)
    if act is Act.MEMBER_JOINED:
        record.standing = Standing.JOINING
    if act is Act.MEMBER_DECLINED and record.standing is Standing.JOINING:
        record.standing = Standing.ENDED
    written = contribute(
        session, desk, record, act, body, new, seen=invited.head, label=label, by=by, now=now
    )
    # An answer to somebody else may be waiting for a node that does not take it.
    hasten(session, record.id, now=now)
    return written


def expect_invited(session: Session, invited: Invited, *, now: datetime) -> ChannelRecord:
    """Prepare for the channel that an invitation names; give its row, locked.

    Raises:
        ConflictError: another channel is here under the same id.
    """
    record = session.get(ChannelRecord, invited.channel, with_for_update=True)
    if record is None:
        collections.create(session, invited.channel, title=invited.name)
        record = ChannelRecord(
            id=invited.channel,
            kind=invited.kind,
            name=invited.name,
            owner=invited.owner,
            is_ours=False,
            genesis=invited.genesis,
            standing=Standing.JOINING,
            cursor_server=invited.owner,
            next_nth=1,
            opened_at=now,
        )
        session.add(record)
        session.flush()
    elif record.state is None:
        _take_invitation(session, record, invited, now=now)
    elif record.genesis != invited.genesis:
        raise ConflictError("this invitation names another channel under the same id")
    elif record.cursor_server != invited.owner:
        record.owner, record.cursor, record.cursor_server = invited.owner, None, invited.owner
    return record


def _take_invitation(
    session: Session, record: ChannelRecord, invited: Invited, *, now: datetime
) -> None:
    """Believe an invitation about a channel of which nothing has proven so far.

    Whoever named the id first must not keep us from the channel that bears it. What we answered
    to another invitation and is still here does not go out any more.
    """
    if (record.genesis, record.cursor_server) == (invited.genesis, invited.owner):
        return
    record.kind, record.name, record.owner = invited.kind, invited.name, invited.owner
    record.genesis, record.cursor, record.cursor_server = invited.genesis, None, invited.owner
    record.doubt = record.sentence = record.doubted_at = None
    stage.empty(session, record.id)
    collections.rename(session, record.id, invited.name)
    session.execute(
        update(ContributionRecord)
        .where(
            ContributionRecord.channel == record.id,
            ContributionRecord.state == Delivery.PENDING,
        )
        .values(
            state=Delivery.REFUSED,
            doubt=Doubt.SUPERSEDED.value,
            sentence="another invitation to this channel was answered instead",
            seen_at=now,
        )
        .execution_options(synchronize_session="fetch")
    )
