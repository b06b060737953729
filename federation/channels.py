"""The one door out: what a service wants seen, it writes here.

In a channel of ours the write becomes an entry at once; elsewhere it becomes a contribution that
waits in the outbox until the owner has admitted it.

Source: protocol, 5 and 8; architecture (the one road from a write to a view).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from federation.bundles import Position, items_of, make_bundle
from federation.descriptor import Descriptor
from federation.desk import Desk
from federation.errands import ask
from federation.facts import MemoryFacts
from federation.judge import OWNER, Judged, judge_entry, situation_of
from federation.ledger import (
    append,
    get_state,
    head_of,
    keep,
    labels_of,
    ledger_time,
    lock_channel,
    metadata_label,
)
from federation.ledger_facts import LedgerFacts
from federation.ledger_records import (
    ChannelRecord,
    ContributionRecord,
    Delivery,
    StagedRecord,
    Standing,
)
from federation.state import JOINED, ChannelState
from policies.acts import Act, ChannelKind, read_body
from policies.audience import Audience, Purpose, may_share
from policies.errors import ConflictError, ForbiddenError, InvalidError
from policies.lifecycles import CHANNEL, open_acts, rule
from policies.roles import Role
from policies.tlp import TLP
from sharing import collections, objects, stix
from sharing.canonical import write_time
from sharing.objects import StixObject

DELIVER: Final = "deliver"
"""Errand: send what waits in the outbox for a channel. Subject: the channel."""
PULL: Final = "pull"
"""Errand: bring a replica up to date. Subject: the channel."""

TABLES_VERSION: Final = "1"
MAX_NAME_CHARACTERS: Final = 200


@dataclass(frozen=True)
class Written:
    """What became of a write.

    Args:
        entry: the judged entry, where the channel is ours.
        contribution: hash of the bundle that waits in the outbox, elsewhere.
    """

    entry: Judged | None = None
    contribution: str | None = None


@dataclass(frozen=True)
class Founder:
    """A member that a channel is opened with."""

    chain: tuple[Descriptor, ...]
    roles: frozenset[Role]

    @property
    def organisation(self) -> str:
        """Its STIX id."""
        return self.chain[-1].organisation_id

    def document(self) -> dict[str, Any]:
        """Give it as it stands in `channel.opened`."""
        roles = sorted(role.value for role in self.roles)
        return {
            "organisation": self.organisation,
            "role": roles[0] if len(roles) == 1 else roles,
            "descriptors": [dict(descriptor.jws) for descriptor in self.chain],
        }


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


def ask_pull(session: Session, record: ChannelRecord, *, now: datetime) -> None:
    """Have a replica brought up to date; one pull per owner at a time."""
    ask(session, PULL, record.id, now=now, lane=f"{PULL} {source_of(record)}")


def ask_delivery(session: Session, record: ChannelRecord, *, now: datetime) -> None:
    """Have a channel's outbox delivered; one delivery per owner at a time."""
    ask(session, DELIVER, record.id, now=now, lane=f"{DELIVER} {record.owner}")


def open_channel(
    session: Session,
    desk: Desk,
    *,
    kind: ChannelKind,
    name: str,
    ceiling: TLP,
    others: Sequence[Founder] = (),
    parent: str | None = None,
    now: datetime,
) -> ChannelRecord:
    """Open a channel of ours: entry 0 of epoch 1.

    Args:
        others: who is a member from the first entry on. Only the other side of a direct channel
            is; everybody else is invited and joins.

    Raises:
        InvalidError: the name can't be used.
        DoubtError: the tables do not allow it.
    """
    name = name.strip()
    if not name or len(name) > MAX_NAME_CHARACTERS or not name.isprintable():
        raise InvalidError(
            f"a name of 1 to {MAX_NAME_CHARACTERS} printable characters", field="name"
        )
    channel = str(uuid4())
    owner = Founder(desk.node.descriptors, frozenset({Role.COORDINATOR}))
    members = [owner, *others]
    body: dict[str, Any] = {
        "kind": kind.value,
        "owner": desk.organisation,
        "ceiling": ceiling.value,
        "acts": TABLES_VERSION,
        "members": [member.document() for member in members],
    }
    if parent is not None:
        body["parent"] = parent
    identity = stix.identity(
        name,
        stix_id=stix.channel_identity_id(channel),
        identity_class="group",
        now=now,
        marking=metadata_label(ceiling),
    )
    label = metadata_label(ceiling)
    definition, creator = stix.signed_bundle_definition()
    new = [StixObject.of(member.chain[-1].organisation) for member in members]
    new += [identity, definition, creator, *(stix.tlp_marking(label) for label in TLP)]
    facts = MemoryFacts()
    for item in new:
        facts.add_object(item)
    entry = make_bundle(
        key=desk.key,
        author=desk.organisation,
        channel=channel,
        act=Act.CHANNEL_OPENED.value,
        body=body,
        contents=items_of(new, labels_of(new, label, facts)),
        label=label,
        now=now,
        position=(1, 0),
    )
    judged = judge_entry(None, entry, facts, OWNER)
    collections.create(session, channel, title=name)
    record = ChannelRecord(
        id=channel,
        kind=kind,
        name=name,
        owner=desk.organisation,
        is_ours=True,
        standing=Standing.CURRENT,
        opened_at=now,
    )
    session.add(record)
    session.flush()
    keep(session, desk, record, judged, now=now)
    return record


def open_next_epoch(
    session: Session, desk: Desk, record: ChannelRecord, *, now: datetime
) -> Judged:
    """Take a channel over that was handed to us: the opening of its next epoch.

    The members stay, with their roles; the former coordinator becomes a responder of the case, or
    a member of the community.

    Raises:
        DoubtError: it was not handed to us.

    Source: protocol, 11 (*Hand-over*).
    """
    state = get_state(session, record)
    former = Role.RESPONDER if state.kind is ChannelKind.CASE else Role.MEMBER
    roles = state.joined | {
        state.owner: frozenset({former}),
        desk.organisation: frozenset({Role.COORDINATOR}),
    }
    members = [
        Founder(state.chains[organisation], roles[organisation]).document()
        for organisation in state.joined
    ]
    body: dict[str, Any] = {
        "kind": state.kind.value,
        "owner": desk.organisation,
        "ceiling": state.ceiling.value,
        "acts": TABLES_VERSION,
        "members": members,
        "opened_by": "hand-over",
        "round": 0,
    }
    if state.parent is not None:
        body["parent"] = state.parent
    entry = make_bundle(
        key=desk.key,
        author=desk.organisation,
        channel=record.id,
        act=Act.CHANNEL_OPENED.value,
        body=body,
        contents=(),
        label=metadata_label(state.ceiling),
        now=ledger_time(state, now),
        position=(state.head.epoch + 1, 0),
        seen=state.head,
    )
    judged = judge_entry(state, entry, LedgerFacts(session, record.id), OWNER)
    keep(session, desk, record, judged, now=now)
    return judged


def source_of(record: ChannelRecord) -> str:
    """Give whose server a replica pulls from: the owner, or whom the owner handed over to."""
    things = (record.state or {}).get("things", {})
    if things.get(f"coordination:{CHANNEL}") == "handed over":
        return str(things[f"successor:{CHANNEL}"])
    return record.owner


def pulls_from(record: ChannelRecord, organisation: str) -> str:
    """Give whose server our replica pulls from now.

    Until we are a member, that is who invited us: what we have read may be of former epochs.
    """
    members = (record.state or {}).get("members", ())
    joined = any(
        member["organisation"] == organisation and member["state"] == JOINED for member in members
    )
    return source_of(record) if joined else record.cursor_server or source_of(record)


def find_direct(session: Session, owner: str, other: str) -> ChannelRecord | None:
    """Give the direct channel in which one organisation writes to another, or `None`."""
    rows = session.scalars(
        select(ChannelRecord)
        .where(ChannelRecord.kind == ChannelKind.DIRECT, ChannelRecord.owner == owner)
        .order_by(ChannelRecord.opened_at)
    )
    for row in rows:
        if row.state is not None and any(
            member["organisation"] == other for member in row.state["members"]
        ):
            return row
    return None


def ensure_direct(
    session: Session, desk: Desk, chain: tuple[Descriptor, ...], *, now: datetime
) -> ChannelRecord:
    """Give our direct channel to a partner; open it if there is none yet."""
    other = Founder(chain, frozenset({Role.MEMBER}))
    known = find_direct(session, desk.organisation, other.organisation)
    if known is not None:
        return known
    return open_channel(
        session,
        desk,
        kind=ChannelKind.DIRECT,
        name=f"{desk.node.name} to {chain[-1].name}"[:MAX_NAME_CHARACTERS],
        ceiling=TLP.RED,
        others=[other],
        now=now,
    )


def write(
    session: Session,
    desk: Desk,
    channel: str,
    act: Act,
    body: Mapping[str, Any] | None = None,
    new: Sequence[StixObject] = (),
    *,
    by: str,
    now: datetime,
) -> Written:
    """Write an act into a channel: an entry where it is ours, else a contribution.

    Args:
        body: what the act needs besides its objects.
        new: objects that the bundle covers.
        by: who wrote it, for our own eyes.

    Raises:
        NotFoundError: there is no such channel here.
        InvalidError: the body does not fit the act.
        ForbiddenError: an object may not be shared with this audience.
        DoubtError, ConflictError: it is not open to us now.
    """
    body = read_body(act, body or {})
    record = lock_channel(session, channel)
    if record.is_ours:
        _check_sharing(session, desk, record, new)
        return Written(entry=append(session, desk, channel, act, body, new, now=now))
    _check_standing(record)
    state = get_state(session, record)
    facts = LedgerFacts(session, channel)
    _check_sharing(session, desk, record, new)
    situation = situation_of(state, desk.organisation, body, facts, write_time(now))
    ruling = rule(state.tables, act, situation)
    if not ruling.decision:
        raise ConflictError(ruling.decision.reason, field="act")
    head = head_of(record)
    if head is None:
        raise ConflictError("nothing of this channel has been read yet")
    return _contribute(
        session,
        desk,
        record,
        act,
        body,
        new,
        seen=head,
        label=metadata_label(state.ceiling),
        by=by,
        now=now,
    )


def answer_invitation(
    session: Session,
    desk: Desk,
    invited: Invited,
    act: Act,
    body: Mapping[str, Any],
    *,
    label: TLP,
    by: str,
    now: datetime,
) -> Written:
    """Join or decline: the one thing that an invited organisation may post.

    Args:
        act: `member.joined` or `member.declined`.
        label: for the bundle's metadata; not above the ceiling that the invitation names.

    Raises:
        ConflictError: the invitation was answered before.
    """
    body = read_body(act, body)
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
    elif record.genesis is None and record.state is None:
        _take_invitation(session, record, invited)
    elif record.genesis != invited.genesis:
        raise ConflictError("this invitation names another channel under the same id")
    elif record.cursor_server != invited.owner:
        record.owner, record.cursor, record.cursor_server = invited.owner, None, invited.owner
    if act is Act.MEMBER_JOINED:
        record.standing = Standing.JOINING
    if act is Act.MEMBER_DECLINED and record.standing is Standing.JOINING:
        record.standing = Standing.ENDED
    return _contribute(
        session, desk, record, act, body, (), seen=invited.head, label=label, by=by, now=now
    )


def _take_invitation(session: Session, record: ChannelRecord, invited: Invited) -> None:
    """Believe an invitation about a channel of which somebody's heads alone had told.

    Whoever named the id first must not keep us from the channel that bears it.
    """
    record.kind, record.name, record.owner = invited.kind, invited.name, invited.owner
    record.genesis, record.cursor, record.cursor_server = invited.genesis, None, invited.owner
    record.doubt = record.sentence = record.doubted_at = None
    session.execute(delete(StagedRecord).where(StagedRecord.channel == record.id))
    collections.rename(session, record.id, invited.name)


def find_open_acts(
    session: Session,
    desk: Desk,
    record: ChannelRecord,
    state: ChannelState,
    *,
    about: str | None = None,
    now: datetime,
) -> frozenset[Act]:
    """Give the acts that our organisation could write now: what pages and API offer.

    Args:
        about: the organisation that acts about organisations are judged about.
    """
    if record.standing not in (Standing.CURRENT, Standing.WAITING):
        return frozenset()
    facts = LedgerFacts(session, record.id)
    body = {} if about is None else {"organisation": about}
    situation = situation_of(state, desk.organisation, body, facts, write_time(now))
    return open_acts(state.tables, situation)


def audience_of(state: ChannelState) -> Audience:
    """Give who reads a channel."""
    return Audience(
        kind=state.kind,
        owner=state.owner,
        organisations=frozenset(state.joined),
        ceiling=state.ceiling,
        breakout=state.is_breakout,
        identity=state.identity,
    )


def _check_standing(record: ChannelRecord) -> None:
    if record.standing is Standing.ENDED:
        raise ConflictError("we are no longer a member of this channel")
    if record.standing is Standing.FROZEN:
        raise ConflictError(
            f"this channel is frozen here: {record.sentence}",
            hint="An administrator settles that first.",
        )


def _check_sharing(
    session: Session, desk: Desk, record: ChannelRecord, new: Sequence[StixObject]
) -> None:
    """Refuse what may not go before this audience, before anything is signed."""
    state = get_state(session, record)
    audience = audience_of(state)
    own = {item.stix_id: item.value for item in new if item.stix_type == "marking-definition"}
    facts = LedgerFacts(session, record.id)

    def find_definition(ref: str) -> Mapping[str, Any] | None:
        return own.get(ref) or facts.find_marking(ref)

    for item in new:
        decision = may_share(
            item.value,
            audience,
            Purpose.SHARE,
            carrier=metadata_label(state.ceiling),
            author=desk.organisation,
            find_definition=find_definition,
        )
        if not decision:
            raise ForbiddenError(f"{item.stix_id}: {decision.reason}", field="objects")


def _contribute(  # noqa: PLR0913 - what a contribution is made of
    session: Session,
    desk: Desk,
    record: ChannelRecord,
    act: Act,
    body: Mapping[str, Any],
    new: Sequence[StixObject],
    *,
    seen: Position,
    label: TLP,
    by: str,
    now: datetime,
) -> Written:
    """Sign a contribution once and put it into the outbox with its cause."""
    bundle = make_bundle(
        key=desk.key,
        author=desk.organisation,
        channel=record.id,
        act=act.value,
        body=body,
        contents=items_of(new, labels_of(new, label, LedgerFacts(session, record.id))),
        label=label,
        now=now,
        nth=record.next_nth,
        seen=seen,
    )
    objects.store(session, new)
    session.add(
        ContributionRecord(
            sha256=bundle.sha256,
            channel=record.id,
            nth=record.next_nth,
            act=act.value,
            bundle=bundle.stix.content,
            objects=[item.sha256 for item in new],
            state=Delivery.PENDING,
            written_by=by,
            written_at=now,
        )
    )
    record.next_nth += 1
    session.flush()
    ask_delivery(session, record, now=now)
    return Written(contribution=bundle.sha256)
