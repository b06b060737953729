"""Relay: organisations without a working node take part through the coordinator.

What is written here is the coordinator's own statement, in its own objects and under its own
signature. The organisation that is spoken for confirms or disputes it once it can write.

Source: lifecycles, 1, rule 6; protocol, 5 (*Relay*); domain, 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from federation.judging.state import ChannelState, Member
from federation.ledgers import channels
from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import get_state, metadata_label
from federation.ledgers.ledger_records import ChannelRecord, CoveredRecord, EntryRecord
from hub.accounts.actor import Actor
from hub.audit import service as audit
from hub.channels import service
from hub.channels.reach import heard_lately
from hub.channels.records import MemberView
from hub.channels.relay_records import AbsentRecord, RelayAnswer, RelayedView
from policies.acts import ACTS, Act, ChannelKind
from policies.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from policies.roles import Right, read_roles
from policies.tlp import TLP
from sharing import stix
from sharing.canonical import write_time
from sharing.db import once
from sharing.objects import StixObject
from sharing.reissue import hard_to_guess

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
MAX_NAME_CHARACTERS: Final = 200
WAYS: Final = ("telephone", "in-person", "e-mail", "message", "other")
RELAYED: Final = tuple(act for act in Act if ACTS[act].relayed)

_RELEASED_AT_ONCE: Final = 1000
_WORDS_ARE_ENOUGH: Final = frozenset({Act.NOTE_ADDED})
_SHARED: Final = (ChannelKind.COMMUNITY, ChannelKind.CASE)


@dataclass(frozen=True)
class Told:
    """How a statement came to us.

    Args:
        way: one of `WAYS`.
        at: when.
        informant: who told it, in words; they travel as an identity, never in the body.
    """

    way: str
    at: datetime
    informant: str | None = None


def add_absent(  # noqa: PLR0913 - who takes part, as what, and how to reach them
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    name: str,
    roles: Sequence[str],
    shown: bool = True,
    contact: str | None = None,
    reply_by: datetime | None = None,
    now: datetime,
) -> str:
    """Invite an organisation that has no node; give the id under which the ledger knows it.

    Args:
        name: as we know it.
        shown: whether the members read that name; else a number, and the name stays here.
        contact: how to reach it; never sent.

    Raises:
        ForbiddenError: the actor may not manage members.
        InvalidError: name or roles can't be used.
        ConflictError: we do not coordinate this channel.
    """
    actor.may(Right.MANAGE_MEMBERS).enforce()
    record = service.get_visible_channel(session, actor, channel)
    name = _read_words(name, "name")
    if record.kind not in _SHARED or not record.is_ours:
        raise ConflictError("only the coordinator of a community or a case invites")
    names = sorted(role.value for role in read_roles(list(roles), field="role"))
    state = get_state(session, record)
    organisation = f"identity--{uuid4()}"
    known_as = name if shown else f"Organisation {_next_number(session, channel)}"
    body: dict[str, Any] = {
        "organisation": organisation,
        "role": names[0] if len(names) == 1 else names,
        "reply_by": write_time(reply_by or now + service.usual_reply(session, channel)),
        "ceiling": state.ceiling.value,
        "older": "none",
        "without_node": True,
    }
    identity = _identity(desk, known_as, organisation, "organization", state, now)
    channels.write(
        session, desk, channel, Act.MEMBER_INVITED, body, [identity], by=actor.name, now=now
    )
    session.add(
        AbsentRecord(
            channel=channel,
            organisation=organisation,
            name=name,
            contact=_read_words(contact, "contact") if contact else None,
            noted_by=actor.name,
            noted_at=now,
        )
    )
    audit.record(session, actor, "member.invited", f"{channel} {organisation}", now=now)
    return organisation


def relay(  # noqa: PLR0913 - who said what, how and when
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    organisation: str,
    act: Act,
    told: Told,
    text: str | None = None,
    objects: Sequence[StixObject] = (),
    body: dict[str, Any] | None = None,
    tlp: TLP | None = None,
    now: datetime,
) -> Written:
    """Write an act on behalf of an organisation that can't write now.

    Args:
        text: what it said, in words; becomes a note of ours.
        objects: of ours, where the act carries more than words.
        body: what the act needs besides; who joins takes the role that was offered.
        tlp: the label of what it said; the channel's ceiling where none is given.

    Raises:
        ForbiddenError: the actor may not write this act, or may not share this here.
        NotFoundError: there is no such channel, or the organisation has no part in it.
        InvalidError: the act is not relayed, or says nothing.
        ConflictError: its node can write, or the act is not open now.
    """
    actor.may(ACTS[act].right).enforce()
    record = service.get_visible_channel(session, actor, channel)
    if act not in RELAYED:
        raise InvalidError(f"{act} is not written for another organisation", field="act")
    if not record.is_ours or record.kind not in _SHARED:
        raise ConflictError("only the coordinator of a community or a case speaks for others")
    state = get_state(session, record)
    member = state.members.get(organisation)
    if member is None:
        raise NotFoundError("this organisation has no part in this channel", field="organisation")
    answers_itself = member.state == "invited" and not member.without_node
    if answers_itself and act is not Act.MEMBER_DECLINED:
        raise ConflictError(
            "they were invited with a node of their own, and answer from there",
            field="organisation",
            hint="Until it works again, invite them as one without a node as well; once it does,"
            " it takes that place.",
        )
    _check_cannot_write(session, record, member, now=now)
    spoken_for = _read_told(organisation, told, now)
    full = {**(body or {}), "on_behalf_of": spoken_for}
    if act is Act.MEMBER_JOINED:
        full["role"] = member.roles[0] if len(member.roles) == 1 else list(member.roles)
    label = tlp or state.ceiling
    new = [*_own(desk, objects), *_words(desk, text, state, label, now)]
    if act in _WORDS_ARE_ENOUGH and not new:
        raise InvalidError("write down what they said", field="text")
    if told.informant:
        person = f"identity--{uuid4()}"
        words = _read_words(told.informant, "informant")
        new.append(_identity(desk, words, person, "individual", state, now, label))
        spoken_for["informant"] = person
    written = channels.write(session, desk, channel, act, full, new, by=actor.name, now=now)
    about = f"{channel} on behalf of {organisation}"
    audit.record(session, actor, act.value, about, now=now)
    return written


def answer(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    bundle: str,
    *,
    confirms: bool,
    why: str | None = None,
    now: datetime,
) -> Written:
    """Confirm or dispute what a coordinator said in our name.

    Args:
        bundle: hash of the statement.
        why: in words, for all members.

    Raises:
        NotFoundError: there is no such channel, or no such statement.
        ForbiddenError: it was not said in our name, or the actor may not contribute.
    """
    service.get_visible_channel(session, actor, channel)
    row = session.get(RelayedView, (channel, bundle))
    if row is None:
        raise NotFoundError("nothing of that hash was said on anybody's behalf here")
    if not is_ours_to_answer(session, row, desk.organisation):
        raise ForbiddenError("the organisation itself confirms or disputes what was said for it")
    record = service.get_visible_channel(session, actor, channel)
    opinion = stix.opinion(
        "strongly-agree" if confirms else "strongly-disagree",
        about=[row.bundle_id],
        created_by=desk.organisation,
        now=now,
        explanation=(why or "").strip()[: service.MAX_TEXT_CHARACTERS] or None,
        marking=metadata_label(get_state(session, record).ceiling),
    )
    body = {"answers": bundle}
    new = [hard_to_guess(opinion)]
    return service.write(session, desk, actor, channel, Act.OPINION_GIVEN, body, new, now=now)


def release_told(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    organisation: str,
    now: datetime,
) -> Written:
    """Let later members read what we wrote on an organisation's behalf: itself among them.

    Raises:
        NotFoundError: nothing was said on its behalf here.
        ForbiddenError: the actor may not release.
        ConflictError: it was not we who wrote it.
    """
    service.get_visible_channel(session, actor, channel)
    refs = session.scalars(
        select(CoveredRecord.ref)
        .join(
            EntryRecord,
            (EntryRecord.channel == CoveredRecord.channel)
            & (EntryRecord.epoch == CoveredRecord.epoch)
            & (EntryRecord.seq == CoveredRecord.seq),
        )
        .join(
            RelayedView,
            (RelayedView.channel == EntryRecord.channel)
            & (RelayedView.bundle == EntryRecord.sha256),
        )
        .where(
            CoveredRecord.channel == channel,
            CoveredRecord.author == desk.organisation,
            ~CoveredRecord.recalled,
            RelayedView.organisation == organisation,
        )
        .distinct()
    )
    told = sorted(ref for ref in refs if not ref.startswith("identity--"))
    if not told:
        raise NotFoundError("nothing was said on its behalf here")
    body = {"objects": told[:_RELEASED_AT_ONCE]}
    return service.write(session, desk, actor, channel, Act.OBJECT_RELEASED, body, (), now=now)


def is_ours_to_answer(session: Session, row: RelayedView, us: str) -> bool:
    """Tell whether a statement was made in our name, or in that of whose place we took."""
    if row.organisation == us:
        return True
    member = session.get(MemberView, (row.channel, row.organisation))
    return member is not None and member.replaced_by == us


def visible_unanswered(session: Session, actor: Actor, us: str) -> list[RelayedView]:
    """Give what was said in our name and that we neither confirmed nor disputed, oldest first."""
    if not actor.may(Right.READ_CHANNELS):
        return []
    places = select(MemberView.channel, MemberView.organisation).where(MemberView.replaced_by == us)
    former = {(channel, organisation) for channel, organisation in session.execute(places)}
    names = {organisation for _, organisation in former}
    rows = session.scalars(
        select(RelayedView)
        .where(
            RelayedView.answer == RelayAnswer.NONE,
            or_(RelayedView.organisation == us, RelayedView.organisation.in_(names)),
        )
        .order_by(RelayedView.written_at, RelayedView.bundle)
    )
    return [
        row for row in rows if row.organisation == us or (row.channel, row.organisation) in former
    ]


def known_names(session: Session, actor: Actor, channel: str) -> Mapping[str, AbsentRecord]:
    """Give what we alone know of organisations without a node, to whoever manages members."""
    if not actor.may(Right.MANAGE_MEMBERS):
        return {}
    return once(session, ("known names", channel), lambda: _known_names(session, channel))


def _known_names(session: Session, channel: str) -> Mapping[str, AbsentRecord]:
    rows = session.scalars(select(AbsentRecord).where(AbsentRecord.channel == channel))
    return {row.organisation: row for row in rows}


def _check_cannot_write(
    session: Session, record: ChannelRecord, member: Member, *, now: datetime
) -> None:
    heard = heard_lately(session, record, [member], now=now).get(member.organisation)
    if heard is not None:
        raise ConflictError(
            f"their node was heard from at {heard:%H:%M} UTC: it writes for itself",
            field="organisation",
            hint="What somebody told you besides goes into a note of your own.",
        )


def _read_told(organisation: str, told: Told, now: datetime) -> dict[str, Any]:
    if told.way not in WAYS:
        raise InvalidError(f"it came by one of: {', '.join(WAYS)}", field="way")
    if told.at > now + CLOCK_TOLERANCE:
        raise InvalidError("that time lies in the future", field="at")
    return {"organisation": organisation, "way": told.way, "at": write_time(told.at)}


def _own(desk: Desk, objects: Sequence[StixObject]) -> list[StixObject]:
    """Take objects of ours alone: nobody signs as an organisation that has no node."""
    for one in objects:
        creator = one.value.get("created_by_ref")
        if creator is not None and creator != desk.organisation:
            raise InvalidError(
                f"{one.stix_id} is made out to be by somebody else",
                field="objects",
                hint=f"What you relay is your own statement: created_by_ref {desk.organisation}.",
            )
    return list(objects)


def _words(
    desk: Desk, text: str | None, state: ChannelState, label: TLP, now: datetime
) -> list[StixObject]:
    text = (text or "").strip()
    if not text:
        return []
    if len(text) > service.MAX_TEXT_CHARACTERS:
        raise InvalidError(f"more than {service.MAX_TEXT_CHARACTERS} characters", field="text")
    about = [state.identity]
    note = stix.note(text, about=about, created_by=desk.organisation, now=now, marking=label)
    return [hard_to_guess(note)]


def _identity(
    desk: Desk,
    name: str,
    stix_id: str,
    identity_class: str,
    state: ChannelState,
    now: datetime,
    marking: TLP | None = None,
) -> StixObject:
    """Build an identity that we, and nobody else, vouch for."""
    made = stix.build(
        "identity",
        {"name": name, "identity_class": identity_class},
        created_by=desk.organisation,
        now=now,
        marking=marking or metadata_label(state.ceiling),
        stix_id=stix_id,
    )
    return hard_to_guess(made)


def _next_number(session: Session, channel: str) -> int:
    query = select(func.count()).where(AbsentRecord.channel == channel)
    return (session.scalar(query) or 0) + 1


def _read_words(text: str, field: str) -> str:
    text = text.strip()
    if not text or len(text) > MAX_NAME_CHARACTERS or not text.isprintable():
        raise InvalidError(f"1 to {MAX_NAME_CHARACTERS} printable characters", field=field)
    return text
