"""The one door out: what a service wants seen, it writes here.

In a channel of ours the write becomes an entry at once; elsewhere it becomes a contribution that
waits in the outbox until the owner has admitted it.

Source: protocol, 5 and 8; architecture (the one road from a write to a view).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from federation.judging.bundles import Position, items_of, make_bundle
from federation.judging.doubt import Doubt
from federation.judging.judge import situation_of
from federation.judging.judged import Judged
from federation.judging.state import ChannelState
from federation.ledgers.descriptions import (
    describes_us,
    description_for,
    is_description_under_way,
)
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import (
    append,
    get_state,
    head_of,
    labels_of,
    lock_channel,
    metadata_label,
)
from federation.ledgers.ledger_facts import LedgerFacts
from federation.ledgers.ledger_records import (
    ChannelRecord,
    ContributionRecord,
    Delivery,
    Standing,
)
from federation.ledgers.sources import ask_delivery
from federation.ledgers.unguessable import unguessable
from policies.acts import LATER_MEMBERS, Act, read_body
from policies.audience import Audience, Purpose, may_share, said_of_later_members
from policies.errors import ConflictError, ForbiddenError
from policies.lifecycles import NONE, open_acts, rule
from policies.marking import Labels
from policies.preview import Party
from policies.tlp import TLP
from sharing import objects
from sharing.canonical import write_time
from sharing.objects import StixObject


@dataclass(frozen=True)
class Written:
    """What became of a write.

    Args:
        entry: the judged entry, where the channel is ours.
        contribution: hash of the bundle that waits in the outbox, elsewhere.
    """

    entry: Judged | None = None
    contribution: str | None = None


def write(  # noqa: PLR0913 - what is written, where, for whom and by whom
    session: Session,
    desk: Desk,
    channel: str,
    act: Act,
    body: Mapping[str, Any] | None = None,
    new: Sequence[StixObject] = (),
    *,
    later_members: bool | None = None,
    by: str,
    now: datetime,
) -> Written:
    """Write an act into a channel: an entry where it is ours, else a contribution.

    Args:
        body: what the act needs besides its objects.
        new: objects that the bundle covers.
        later_members: whether later members get them whatever their label; where nobody says,
            as the table of acts has it.
        by: who wrote it, for our own eyes.

    Raises:
        NotFoundError: there is no such channel here.
        InvalidError: the body does not fit the act.
        ForbiddenError: an object may not be shared with this audience.
        DoubtError, ConflictError: it is not open to us now.
    """
    body = read_body(act, body or {})
    record = lock_channel(session, channel)
    state = get_state(session, record)
    facts = LedgerFacts(session, channel)
    if not record.is_ours:
        _check_standing(record, act)
    check_sharing(session, desk, record, new)
    carrier = metadata_label(state.ceiling)
    labels = labels_of(new, carrier, facts)
    new = unguessable(session, facts, desk.organisation, new, labels)
    wanted = later_members if later_members is not None else body.get(LATER_MEMBERS)
    agreed = desk.opens_later(session, channel, act)
    said = said_of_later_members(act, record.kind, labels.values(), wanted=wanted, agreed=agreed)
    consent = _with_consent(body, said=said)
    body = read_body(act, consent)
    if record.is_ours:
        return Written(entry=append(session, desk, channel, act, body, new, now=now))
    situation = situation_of(state, desk.organisation, body, facts, write_time(now))
    ruling = rule(state.tables, act, situation)
    if not ruling.decision:
        raise ConflictError(ruling.decision.reason, field="act")
    head = head_of(record)
    if head is None:
        raise ConflictError("nothing of this channel has been read yet")
    if act is not Act.NODE_DESCRIBED:
        _describe_first(session, desk, record, state, by=by, now=now)
    return contribute(
        session,
        desk,
        record,
        act,
        body,
        new,
        seen=head,
        label=carrier,
        by=by,
        now=now,
    )


def end_part(
    session: Session, desk: Desk, record: ChannelRecord, *, by: str, now: datetime
) -> Written:
    """End our part in another's channel at once; that we leave waits until it can be told.

    What else of ours still waited is told to its authors as refused.

    Raises:
        ConflictError: the channel is ours, or our part has ended already.
    """
    state = get_state(session, record)
    if record.is_ours:
        raise ConflictError("you coordinate this channel", hint="Hand it over first; then leave.")
    member = state.members.get(desk.organisation)
    if record.standing is Standing.ENDED or member is None or not member.is_joined:
        raise ConflictError("we are no longer a member of this channel")
    end_outbox(session, record.id)
    _describe_first(session, desk, record, state, by=by, now=now)
    written = contribute(
        session,
        desk,
        record,
        Act.MEMBER_LEFT,
        {},
        (),
        seen=state.head,
        label=metadata_label(state.ceiling),
        by=by,
        now=now,
    )
    record.standing = Standing.ENDED
    record.doubt = record.sentence = record.doubted_at = None
    return written


def _describe_first(
    session: Session,
    desk: Desk,
    record: ChannelRecord,
    state: ChannelState,
    *,
    by: str,
    now: datetime,
) -> None:
    """Queue what the ledger does not know of our keys before what is signed with them.

    Contributions go out in order: behind one whose key its owner does not know, the description
    that names that key would wait for ever.
    """
    if describes_us(desk.node, state) or is_description_under_way(session, desk.node, record.id):
        return
    contribute(
        session,
        desk,
        record,
        Act.NODE_DESCRIBED,
        description_for(desk.node, state),
        (),
        seen=state.head,
        label=metadata_label(state.ceiling),
        by=by,
        now=now,
    )


def end_outbox(session: Session, channel: str) -> None:
    """Tell the authors of what still waits that it will not be admitted any more."""
    session.execute(
        update(ContributionRecord)
        .where(
            ContributionRecord.channel == channel,
            ContributionRecord.state == Delivery.PENDING,
        )
        .values(
            state=Delivery.REFUSED,
            doubt=Doubt.NOT_MEMBER.value,
            sentence="our part in this channel ended before it was admitted",
        )
        .execution_options(synchronize_session="fetch")
    )


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


def find_acts_about(
    session: Session,
    desk: Desk,
    record: ChannelRecord,
    state: ChannelState,
    organisations: Iterable[str],
    *,
    among: Collection[Act],
    now: datetime,
) -> Mapping[str, frozenset[Act]]:
    """Give which of some acts our organisation could write now about each of several others."""
    if record.standing not in (Standing.CURRENT, Standing.WAITING):
        return {}
    facts = LedgerFacts(session, record.id)
    situation = situation_of(state, desk.organisation, {}, facts, write_time(now))
    return {
        who: open_acts(state.tables, replace(situation, body={"organisation": who}), among)
        for who in organisations
    }


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


def parties_of(state: ChannelState) -> tuple[Party, ...]:
    """Give everybody who has or had a part in a channel, for a look at who would read what."""
    return tuple(
        Party(
            organisation=member.organisation,
            standing=member.state,
            roles=frozenset(member.roles),
            without_node=member.without_node,
            takes=limit_of(state, member.organisation),
        )
        for member in state.members.values()
    )


def limit_of(state: ChannelState, organisation: str) -> TLP | None:
    """Give the strictest label that a member said it takes."""
    limit = state.state_of("limit", organisation)
    return None if limit in (None, NONE) else TLP(limit)


def _with_consent(body: Mapping[str, Any], *, said: bool) -> Mapping[str, Any]:
    """Say in the body whether what it covers is open to later members.

    Source: protocol, 5 (*Late joiners*: the author consents when writing).
    """
    kept = {name: value for name, value in body.items() if name != LATER_MEMBERS}
    return kept | {LATER_MEMBERS: True} if said else kept


def _check_standing(record: ChannelRecord, act: Act) -> None:
    if record.standing is Standing.ENDED:
        raise ConflictError("we are no longer a member of this channel")
    if record.standing is Standing.FROZEN and act is not Act.NODE_DESCRIBED:
        # What we say of our keys goes out: it may be what the channel is frozen for.
        raise ConflictError(
            f"this channel is frozen here: {record.sentence}",
            hint="An administrator settles that first.",
        )


def check_sharing(
    session: Session, desk: Desk, record: ChannelRecord, new: Sequence[StixObject]
) -> None:
    """Refuse what may not go before this audience, before anything is signed."""
    state = get_state(session, record)
    audience = audience_of(state)
    own = {item.stix_id: item.value for item in new if item.stix_type == "marking-definition"}
    facts = LedgerFacts(session, record.id)

    def find_definition(ref: str) -> Mapping[str, Any] | None:
        return own.get(ref) or facts.find_marking(ref)

    labels = Labels(find_definition)
    for item in new:
        decision = may_share(
            item.value,
            audience,
            Purpose.SHARE,
            carrier=metadata_label(state.ceiling),
            author=desk.organisation,
            labels=labels,
        )
        if not decision:
            raise ForbiddenError(f"{item.stix_id}: {decision.reason}", field="objects")


def contribute(  # noqa: PLR0913 - what a contribution is made of
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
