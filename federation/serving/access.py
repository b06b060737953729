"""Who may read and write which channel of this node: the doors of its TAXII server, and `heads`.

Source: protocol, 5, 8, 9 and 10.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flask import Request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from federation.branches import endorsements
from federation.identity.descriptor import KeyUse
from federation.identity.keys import PublicKey
from federation.identity.node import get_node
from federation.judging.bundles import SignedBundle
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.state import Member
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import append, load_state, lock_channel
from federation.ledgers.ledger_records import (
    ChannelRecord,
    DescribedRecord,
    EntryRecord,
    Standing,
)
from federation.ledgers.told_alone import was_told_alone
from federation.partners.gate import Gate
from federation.partners.heads import Head
from federation.partners.tokens import verify_access_token
from federation.serving.endpoints import bearer_token
from federation.witnesses.rollback import notice_seen
from policies.acts import Act
from policies.errors import ForbiddenError, InvalidError, NotFoundError, TooLargeError
from policies.roles import Role, takes_part
from sharing.db import reading, transaction
from sharing.limits import read_stix_limits
from sharing.objects import SIGNED_BUNDLE, StixObject
from sharing.selection import Scope
from sharing.taxii.doors import Caller, Outcome, Shelf

logger = logging.getLogger(__name__)

NODE: Final = "node"
PERSON: Final = "person"
"""A person of our own organisation, with a tool that holds an API token. A channel in which a
partner told us something alone is not for such a tool: bundles are served whole or not at all."""
READER_OF_RED: Final = "reader of red"
"""Such a person, who may read what is TLP:RED or told us alone as well."""


_HELD: Final = frozenset({Standing.CURRENT, Standing.WAITING, Standing.FROZEN})


@dataclass(frozen=True)
class ChannelDoors:
    """What lies behind our TAXII server: channels of ours, and replicas that we serve read-only.

    Args:
        desk: gives the desk at which admissions are written.
        person: finds the person behind a request's API token and tells whether they may read what
            is TLP:RED; raises `UnverifiedError`.
        clock: what time it is.
        gate: counts what nodes ask.
    """

    desk: Callable[[Session], Desk]
    person: Callable[[Request], bool]
    clock: Callable[[], datetime]
    gate: Gate

    def caller(self, request: Request) -> Caller:
        """Tell who is asking: a node by its access token, else a person of ours."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        looks_like_jws = scheme.lower() == "bearer" and token.count(".") == 2  # noqa: PLR2004
        with reading() as session:
            node = get_node(session)
            if looks_like_jws:
                organisation = verify_access_token(
                    session, bearer_token(request), node=node, now=self.clock()
                )
                channel = (request.view_args or {}).get("collection_id")
                self.gate.admit(session, organisation, channel=channel)
                return Caller(organisation, NODE)
        kind = READER_OF_RED if self.person(request) else PERSON
        return Caller(node.organisation, kind)

    def collections(self, session: Session, caller: Caller) -> Sequence[Shelf]:
        """Give the channels that the caller may know of, oldest first."""
        rows = session.scalars(
            select(ChannelRecord).order_by(ChannelRecord.opened_at, ChannelRecord.id)
        )
        shelves = (_shelf(session, caller, record) for record in rows)
        return [shelf for shelf in shelves if shelf is not None]

    def shelf(self, session: Session, caller: Caller, collection_id: str) -> Shelf:
        """Give one channel as the caller may use it.

        Raises:
            NotFoundError: there is none, or the caller may not know of it.
        """
        record = session.get(ChannelRecord, collection_id)
        shelf = _shelf(session, caller, record) if record is not None else None
        if shelf is None:
            raise NotFoundError("There is no such collection.")
        return shelf

    def accept(self, caller: Caller, shelf: Shelf, objects: Sequence[StixObject]) -> list[Outcome]:
        """Admit a contribution: all of the envelope or nothing.

        Source: protocol, 8; wire format, 3 (*Submitting*).
        """
        try:
            with transaction() as session:
                refusal = self._admit(session, caller, shelf, objects)
            if refusal is not None:
                # It is refused, and the proof against its author was kept.
                raise refusal
        except (DoubtError, InvalidError, ForbiddenError) as error:
            if isinstance(error, DoubtError) and error.doubt is Doubt.GAP:
                self._look_behind(shelf, objects[-1])
            return _refused(shelf, objects, *refusal_of(error))
        return [Outcome(one.stix_id, one.version, None) for one in objects]

    def _look_behind(self, shelf: Shelf, stix: StixObject) -> None:
        """See whether a member has seen more of our ledger than is here."""
        contribution = SignedBundle.read(stix)
        with transaction() as session:
            record = lock_channel(session, shelf.id)
            notice_seen(session, record, contribution, now=self.clock())

    def _admit(
        self, session: Session, caller: Caller, shelf: Shelf, objects: Sequence[StixObject]
    ) -> DoubtError | None:
        if not objects or objects[-1].stix_type != SIGNED_BUNDLE:
            raise InvalidError("the last object of the envelope is the contribution")
        contribution = SignedBundle.read(objects[-1])
        if contribution.author != caller.identity:
            raise InvalidError("a contribution is posted by its author")
        desk, now = self.desk(session), self.clock()
        record = lock_channel(session, shelf.id)
        if not record.is_ours:
            # To a member nothing is posted but the wish that it take over.
            if len(objects) > 1 or contribution.is_entry:
                raise DoubtError(Doubt.NOT_OWNER, "another organisation owns this channel")
            return endorsements.take(session, desk, record, contribution, now=now)
        admit(session, desk, shelf.id, contribution, objects[:-1], now=now)
        return None


def admit(
    session: Session,
    desk: Desk,
    channel: str,
    contribution: SignedBundle,
    arrived: Sequence[StixObject],
    *,
    now: datetime,
) -> None:
    """Admit a contribution with what came with it, however it came; harmless to repeat.

    Raises:
        NotFoundError: there is no such channel here.
        DoubtError, InvalidError, ForbiddenError: it is refused; nothing was written.

    Source: protocol, 8.
    """
    if contribution.is_entry:
        raise DoubtError(Doubt.NOT_OWNER, "only the owner of this channel writes its entries")
    for stix in arrived:
        read_stix_limits(stix.value, now=now)
    # The channel is locked before anything is looked up: two posts of one bundle wait here.
    session.get(ChannelRecord, channel, with_for_update=True)
    if is_admitted(session, channel, contribution.sha256):
        return
    append(
        session,
        desk,
        channel,
        Act.ADMITTED,
        {},
        (),
        now=now,
        contribution=contribution,
        arrived=arrived,
    )


def refusal_of(error: DoubtError | InvalidError | ForbiddenError) -> tuple[Doubt, str]:
    """Give the name of what kept a contribution out, and the sentence."""
    if isinstance(error, DoubtError):
        return error.doubt, error.message
    name = Doubt.TOO_LARGE if isinstance(error, TooLargeError) else Doubt.MALFORMED
    field = f"{error.field}: " if error.field else ""
    return name, f"{field}{error.message}"


def _refused(
    shelf: Shelf, objects: Sequence[StixObject], doubt: Doubt, sentence: str
) -> list[Outcome]:
    """Refuse all of an envelope by name."""
    logger.info("contribution refused", extra={"channel": shelf.id, "doubt": doubt.value})
    answer = f"{doubt.value}: {sentence}"
    return [Outcome(one.stix_id, one.version, answer) for one in objects]


def is_admitted(session: Session, channel: str, sha256: str) -> bool:
    """Tell whether a contribution with this bundle hash is history."""
    query = select(EntryRecord.seq).where(
        EntryRecord.channel == channel, EntryRecord.contribution_sha256 == sha256
    )
    return session.execute(query).first() is not None


def heads_for(session: Session, organisation: str) -> list[Head]:
    """Give the heads of the channels that an organisation may read, up to where it may.

    Source: protocol, 9.
    """
    heads = []
    for record in session.scalars(select(ChannelRecord).order_by(ChannelRecord.id)):
        member = _find_member(record.state, organisation) if record.state is not None else None
        head = _head_for(session, record, member) if member is not None else None
        if head is not None:
            heads.append(head)
    return heads


def _head_for(session: Session, record: ChannelRecord, member: Member) -> Head | None:
    """Give the newest entry that a member may read; for who left, the one that ended its stay."""
    if not member.stays or record.epoch is None or record.seq is None:
        return None
    ended = member.stays[-1].ended
    if ended is None:
        return Head(record.id, record.epoch, record.seq, record.head_sha256 or "")
    entry = session.get(EntryRecord, (record.id, *ended))
    return None if entry is None else Head(record.id, entry.epoch, entry.seq, entry.sha256)


def channel_keys(session: Session, organisation: str, kid: str) -> PublicKey | None:
    """Find a transport key of a member that shares a channel with us, by that channel's ledger.

    Source: protocol, 4.
    """
    channels = session.scalars(
        select(DescribedRecord.channel).where(DescribedRecord.organisation == organisation)
    )
    for channel in set(channels):
        record = session.get(ChannelRecord, channel)
        state = load_state(session, record) if record is not None else None
        member = state.members.get(organisation) if state is not None else None
        if state is None or member is None or not member.is_joined:
            continue
        descriptor = state.descriptor(organisation)
        entry = descriptor.find_key(kid, KeyUse.TRANSPORT) if descriptor is not None else None
        if entry is not None and entry.in_use:
            return entry.key
    return None


def scope_of(session: Session, record: ChannelRecord, member: Member) -> Scope:
    """Give what one member may read, in terms of our `date_added`.

    A stay begins with the first object of the entry that began it, and ends with its last entry.
    """
    intervals = []
    for stay in member.stays:
        first = _after_entry_before(session, record.id, stay.joined)
        last = None if stay.ended is None else _date_of(session, record.id, stay.ended)
        intervals.append((first, last))
    return Scope(tuple(intervals))


def _shelf(session: Session, caller: Caller, record: ChannelRecord) -> Shelf | None:
    if caller.kind == PERSON:
        if was_told_alone(session, record):
            return None
        return _as_shelf(record, Scope.all_but_red(), can_read=True, can_write=False)
    if caller.kind == READER_OF_RED:
        return _as_shelf(record, Scope.everything(), can_read=True, can_write=False)
    if record.state is None:
        return None
    member = _find_member(record.state, caller.identity)
    if member is None:
        return None
    # One that is behind says so by name, and its members send again.
    ours = record.is_ours and record.standing in (Standing.CURRENT, Standing.BEHIND)
    if member.stays:
        scope = scope_of(session, record, member)
        can_write = ours and (member.is_joined or member.state == "invited")
        # A member that takes part may endorse us as a successor; the rules look at it closer.
        roles = frozenset(Role(role) for role in member.roles)
        replica = not record.is_ours and record.standing in _HELD
        can_write = can_write or (replica and member.is_joined and takes_part(roles))
        return _as_shelf(record, scope, can_read=True, can_write=can_write)
    if member.state == "invited" and ours:
        return _as_shelf(record, Scope.nothing(), can_read=False, can_write=True)
    return None


def _as_shelf(record: ChannelRecord, scope: Scope, *, can_read: bool, can_write: bool) -> Shelf:
    return Shelf(
        id=record.id,
        title=record.name,
        description=f"A {record.kind.value} channel of the coordination protocol",
        can_read=can_read,
        can_write=can_write,
        scope=scope,
    )


def _find_member(state: dict[str, object], organisation: str) -> Member | None:
    members = state["members"]
    if isinstance(members, list):
        for member in members:
            if member["organisation"] == organisation:
                return Member.read(member)
    return None


def _date_of(session: Session, channel: str, place: tuple[int, int]) -> int:
    record = session.get(EntryRecord, (channel, *place))
    if record is None:
        raise NotFoundError("there is no such entry")
    return record.date_added


def _after_entry_before(session: Session, channel: str, place: tuple[int, int]) -> int:
    own = _date_of(session, channel, place)
    before = session.scalar(
        select(func.max(EntryRecord.date_added)).where(
            EntryRecord.channel == channel, EntryRecord.date_added < own
        )
    )
    return 0 if before is None else before + 1
