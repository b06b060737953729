"""What ledgers say of us: each change of our keys goes into every channel that we are a member of.

A description that could not be written with its cause, or that a ledger lacks for another reason,
is written by an errand: until the ledger says what we say, it comes back.

Source: protocol, 2 (*Keys are state of the ledger*).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.identity.descriptor import DescriptorError, DescriptorForkError
from federation.identity.descriptor_chain import merge_chain, news_for
from federation.judging.disowning import doubt_about, doubt_about_admission
from federation.judging.doubt import Doubt, DoubtError
from federation.ledgers import channels
from federation.ledgers.descriptions import (
    describes_us,
    description_for,
    is_description_under_way,
)
from federation.ledgers.ledger import find_channel, get_channel, get_state, load_state
from federation.ledgers.ledger_records import (
    ChannelRecord,
    EntryRecord,
    Standing,
)
from federation.ledgers.sources import ask_pull
from federation.work.errands import Done, Failed, Outcome, ask
from policies.acts import Act
from policies.errors import CoordinationError, InvalidError

if TYPE_CHECKING:
    from federation.identity.node import Node
    from federation.judging.state import ChannelState
    from federation.ledgers.channels import Written
    from federation.ledgers.desk import Desk

logger = logging.getLogger(__name__)

DESCRIBE: Final = "describe"
"""Errand: see to it that a channel's ledger describes us as we do. Subject: the channel."""
DESCRIBE_ALL: Final = "describe-all"
"""Standing errand: look at every channel for a description of ours that is out of date."""
DESCRIBE_EVERY: Final = timedelta(hours=1)
BY_ITSELF: Final = "the node itself"


@dataclass(frozen=True)
class Told:
    """Where a change of our keys was written, and where it waits.

    Args:
        history: channels of ours, whose ledger says it already.
        pending: channels of others, to whose owners it is on the way.
        later: channels where it could not be written now; an errand does it.
    """

    history: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    later: tuple[str, ...] = ()


def check_own_keys(node: Node, state: ChannelState) -> None:
    """Refuse a ledger that describes us by keys that are not ours.

    One that is behind is fine, and so is one that the recovery key has overruled since: the next
    `node.described` mends both.

    Raises:
        DoubtError: `fork`, with what happened and what to do.

    Source: protocol, 2.
    """
    chain, own = state.chains.get(node.organisation, ()), node.descriptors
    if len(chain) <= len(own) and not news_for(own, chain):
        return
    if chain[0].recovery.thumbprint != node.recovery_thumbprint:
        raise DoubtError(Doubt.FORK, "this ledger describes us by a recovery key that is not ours")
    try:
        stands = merge_chain(chain, [one.jws for one in own])
    except DescriptorForkError:
        raise DoubtError(
            Doubt.FORK,
            "this ledger describes us otherwise than we do: somebody holds a signing key of ours; "
            "run “tocsin node recover” with the recovery key",
        ) from None
    except DescriptorError as error:
        raise DoubtError(Doubt.FORK, f"this ledger describes us falsely: {error.message}") from None
    if len(stands) != len(own) or stands[-1].sha256 != own[-1].sha256:
        raise DoubtError(
            Doubt.FORK,
            "this ledger knows newer keys of ours than this node: it was restored from an old "
            "backup, or somebody holds a key of ours; restore the newest backup, or run “tocsin "
            "node recover” with the recovery key",
        )


def describe_everywhere(session: Session, desk: Desk, *, by: str, now: datetime) -> Told:
    """Write what we newly say of ourselves into every channel that we are a member of.

    In the caller's transaction. Where a channel does not take it now, an errand does it later.
    """
    history, pending, later = [], [], []
    query = select(ChannelRecord.id).where(ChannelRecord.state.is_not(None))
    for channel in session.scalars(query.order_by(ChannelRecord.id)).all():
        try:
            with session.begin_nested():
                written = _describe(session, desk, channel, by=by, now=now)
        except CoordinationError as error:
            ask(session, DESCRIBE, channel, now=now, due=now + DESCRIBE_EVERY)
            facts = {"channel": channel, "reason": error.message}
            logger.warning("keys not described in a channel yet", extra=facts)
            later.append(channel)
            continue
        if written is not None and written.entry is not None:
            history.append(channel)
        elif written is not None:
            pending.append(channel)
    return Told(tuple(history), tuple(pending), tuple(later))


def describe(session: Session, desk: Desk, channel: str, *, now: datetime) -> Outcome:
    """Write a description of ours that a channel's ledger lacks; the handler of `DESCRIBE`."""
    try:
        with session.begin_nested():
            _describe(session, desk, channel, by=BY_ITSELF, now=now)
    except CoordinationError as error:
        return Failed(error.message, "not_described")
    return Done()


def describe_all(session: Session, desk: Desk, *, now: datetime) -> None:
    """Have every channel looked at whose ledger does not say of us what we say."""
    for record in session.scalars(select(ChannelRecord).where(ChannelRecord.state.is_not(None))):
        if _is_member(desk, record):
            state = load_state(session, record)
            if state is not None and not describes_us(desk.node, state):
                ask(session, DESCRIBE, record.id, now=now)


def find_doubtful(
    session: Session, desk: Desk, *, affirmed: bool = False
) -> list[tuple[EntryRecord, str]]:
    """Give what stands in ledgers in our name and was signed with a key that we revoked, and why.

    What we have disowned already is left out. Newest first.

    Args:
        affirmed: also what our people know as ours.
    """
    if all(entry.revoked_at is None for entry in desk.node.newest.keys):
        return []
    rows = session.scalars(
        select(EntryRecord)
        .where(
            EntryRecord.author == desk.organisation,
            EntryRecord.kid.not_in(_good_keys(desk)),
            EntryRecord.act != Act.CHANNEL_OPENED.value,
            EntryRecord.void.is_(None),
            ~EntryRecord.disowned,
            *(() if affirmed else (EntryRecord.affirmed_at.is_(None),)),
        )
        .order_by(EntryRecord.created_at.desc(), EntryRecord.channel, EntryRecord.seq.desc())
    )
    found = []
    for row in rows:
        why = doubt_about(desk.node.descriptors, row.kid, row.created_ns)
        if why is not None:
            found.append((row, why))
    return found


def find_doubtful_admissions(
    session: Session, desk: Desk, *, affirmed: bool = False
) -> list[tuple[EntryRecord, str]]:
    """Give what was admitted into channels with a key that we revoked, and why that is doubtful.

    Its words are their authors' own: it is not ours to disown. What an author has disowned is left
    out. Newest first.

    Args:
        affirmed: also what our people know to stand rightly where it stands.
    """
    if all(entry.revoked_at is None for entry in desk.node.newest.keys):
        return []
    rows = session.scalars(
        select(EntryRecord)
        .where(
            EntryRecord.admitted_by == desk.organisation,
            EntryRecord.admitted_kid.not_in(_good_keys(desk)),
            EntryRecord.void.is_(None),
            ~EntryRecord.disowned,
            *(() if affirmed else (EntryRecord.affirmed_at.is_(None),)),
        )
        .order_by(EntryRecord.created_at.desc(), EntryRecord.channel, EntryRecord.seq.desc())
    )
    found = []
    for row in rows:
        chain, kid = desk.node.descriptors, row.admitted_kid or ""
        why = doubt_about_admission(chain, kid, row.created_ns)
        if why is not None:
            found.append((row, why))
    return found


def _good_keys(desk: Desk) -> set[str]:
    return {entry.key.thumbprint for entry in desk.node.newest.keys if entry.revoked_at is None}


def disown(
    session: Session,
    desk: Desk,
    channel: str,
    bundles: Sequence[str],
    *,
    by: str,
    now: datetime,
) -> Written:
    """Say in a channel that bundles in our name are not ours.

    Raises:
        NotFoundError: there is no such channel here.
        InvalidError: one of them is not in doubt, or was disowned before.
        ConflictError, DoubtError: it can't be written now.
    """
    record = get_channel(session, channel)
    state = get_state(session, record)
    _get_doubtful(session, desk, channel, bundles)
    own = desk.node.descriptors
    news = news_for(state.chains.get(desk.organisation, ()), own) or own[-1:]
    body = {
        "descriptors": [dict(one.jws) for one in news],
        "disowned": sorted(set(bundles)),
    }
    return channels.write(session, desk, channel, Act.NODE_DESCRIBED, body, by=by, now=now)


def affirm(
    session: Session, desk: Desk, channel: str, bundles: Sequence[str], *, now: datetime
) -> None:
    """Remember that doubtful entries in our name are ours; others go on seeing them as doubtful.

    Of what we admitted: that it stands rightly where it stands.

    Raises:
        InvalidError: one of them is not in doubt.
    """
    for row in _get_doubtful(session, desk, channel, bundles, admitted=True):
        row.affirmed_at = now
    session.flush()


def _get_doubtful(
    session: Session, desk: Desk, channel: str, bundles: Sequence[str], *, admitted: bool = False
) -> list[EntryRecord]:
    """Give doubtful entries by the hashes of their bundles.

    Args:
        admitted: also what others wrote, where only that we admitted it is doubtful.

    Raises:
        InvalidError: one of them is not in doubt, is another's word, or none was named.
    """
    ours = _by_bundle(find_doubtful(session, desk, affirmed=True), channel)
    others = _by_bundle(find_doubtful_admissions(session, desk, affirmed=True), channel)
    known = (others | ours) if admitted else ours
    for sha256 in bundles:
        if sha256 in others and sha256 not in known:
            raise InvalidError(
                f"{sha256[:12]}… is its author’s own word and proven: only that we admitted it,"
                " when and in which order, is in doubt",
                field="bundles",
                hint="If it may not stand there, open the channel anew on an entry before it.",
            )
        if sha256 not in known:
            raise _nothing_doubtful(f"{sha256[:12]}… is not")
    if not bundles:
        raise _nothing_doubtful("nothing is")
    return [known[sha256] for sha256 in bundles]


def _by_bundle(found: Sequence[tuple[EntryRecord, str]], channel: str) -> dict[str, EntryRecord]:
    return {
        row.contribution_sha256 or row.sha256: row for row, _ in found if row.channel == channel
    }


def _nothing_doubtful(named: str) -> InvalidError:
    return InvalidError(
        f"{named} in doubt here in our name", field="bundles", hint="See: tocsin node doubtful"
    )


def thaw(session: Session, *, now: datetime) -> None:
    """Look again at channels that froze over a fork, after our recovery key has spoken.

    Where they froze because somebody described us otherwise, our word now overrules that; the
    others freeze again.
    """
    query = select(ChannelRecord).where(
        ChannelRecord.standing == Standing.FROZEN, ChannelRecord.doubt == Doubt.FORK.value
    )
    for record in session.scalars(query):
        record.standing = Standing.WAITING
        ask_pull(session, record, now=now)


def _describe(
    session: Session,
    desk: Desk,
    channel: str,
    *,
    by: str,
    now: datetime,
) -> Written | None:
    record = find_channel(session, channel)
    state = load_state(session, record) if record is not None else None
    if record is None or state is None or not _is_member(desk, record):
        return None
    if record.standing is Standing.ENDED or describes_us(desk.node, state):
        return None
    if not record.is_ours and is_description_under_way(session, desk.node, channel):
        return None
    body = description_for(desk.node, state)
    return channels.write(session, desk, channel, Act.NODE_DESCRIBED, body, by=by, now=now)


def _is_member(desk: Desk, record: ChannelRecord) -> bool:
    members = (record.state or {}).get("members", ())
    return any(
        one["organisation"] == desk.organisation and one["state"] == "joined" for one in members
    )
