"""What people do in channels: one function per use-case, the right asked first.

Every act goes through `federation.ledgers.channels.write`; what it changes comes back through the
ledger.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.orm import Session

from federation.branches import openings
from federation.judging.judged import Judged
from federation.ledgers import channels, outbox
from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from federation.ledgers.invited import answer_invitation
from federation.ledgers.ledger import find_channel, get_state, head_of
from federation.ledgers.ledger_records import ChannelRecord
from federation.partners.partner_keys import get_chain
from federation.partners.partners import get_partner
from hub.accounts.actor import Actor
from hub.audit import service as audit
from hub.channels.breakouts import check_guest, check_parent
from hub.channels.invitations import find_answer, get_open_invitation, invited_by
from hub.channels.records import InvitationView
from hub.community.records import CharterView
from hub.community.terms import find_in_force, reply_within
from policies.acts import ACTS, Act, ChannelKind
from policies.charter import Answering
from policies.errors import ConflictError, InvalidError, NotFoundError
from policies.roles import Right, read_roles
from policies.tlp import TLP
from sharing import collections, stix
from sharing.canonical import write_time
from sharing.objects import StixObject
from sharing.reissue import NONCE_BYTES

REPLY_WITHIN: Final = timedelta(hours=24)
MAX_TEXT_CHARACTERS: Final = 20_000
HAVE_THEIR_OWN_DOOR: Final = frozenset(
    {
        Act.ADMITTED,
        Act.CHANNEL_OPENED,
        Act.NODE_DESCRIBED,
        Act.MEMBER_INVITED,
        Act.MEMBER_JOINED,
        Act.MEMBER_DECLINED,
        Act.SUCCESSION_ENDORSED,
        Act.REPORT_ACKNOWLEDGED,
        Act.REPORT_TRIAGED,
        Act.REPORT_LINKED,
        Act.REPORT_CLOSED,
        Act.REPORT_REOPENED,
    }
)
"""Acts that come with more than their bundle: nobody writes them through the general door.

Answers to reports: their references are given once, and a case is named to who may know of it.
"""

_SHARED: Final = (ChannelKind.COMMUNITY, ChannelKind.CASE)


def open_channel(
    session: Session,
    desk: Desk,
    actor: Actor,
    *,
    kind: ChannelKind,
    name: str,
    ceiling: TLP,
    parent: str | None = None,
    now: datetime,
) -> ChannelRecord:
    """Open a community or a case that we coordinate.

    Raises:
        ForbiddenError: the actor may not open channels.
        InvalidError: kind, name or ceiling can't be used.
        NotFoundError, ConflictError: we have no part in the case that it is to be a breakout of.
    """
    actor.may(Right.OPEN_CHANNELS).enforce()
    if kind not in _SHARED:
        raise InvalidError("a channel that people open is a community or a case", field="kind")
    if parent is not None and kind is not ChannelKind.CASE:
        raise InvalidError("only a case can be a breakout of another", field="parent")
    if parent is None and ceiling is TLP.RED:
        raise InvalidError(
            "TLP:RED goes into breakouts only",
            field="tlp",
            hint="Open the case at TLP:AMBER+STRICT, and a breakout of it for what is red.",
        )
    if parent is not None:
        check_parent(session, parent, us=desk.organisation)
    record = openings.open_channel(
        session, desk, kind=kind, name=name, ceiling=ceiling, parent=parent, now=now
    )
    audit.record(session, actor, "channel.opened", record.id, now=now)
    return record


def invite(  # noqa: PLR0913 - who invites whom, where and why
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    organisation: str,
    roles: Sequence[str],
    reason: str | None = None,
    reply_by: datetime | None = None,
    replaces: str | None = None,
    now: datetime,
) -> Judged:
    """Invite a partner into a channel of ours; it reads of it in our direct channel.

    Args:
        replaces: as whom it took part without a node so far; that one leaves when it joins.

    Raises:
        ForbiddenError: the actor may not.
        NotFoundError: there is no such channel, or no such partner.
        ConflictError, DoubtError: the partnership is not active, or it is a member already.
    """
    actor.may(Right.MANAGE_MEMBERS).enforce()
    record = get_visible_channel(session, actor, channel)
    partner = get_partner(session, organisation)
    if not partner.active:
        raise ConflictError(
            f"the partnership with {partner.name} is {partner.state}",
            field="organisation",
            hint="Pair with it first, and confirm on both sides.",
        )
    if record.kind not in _SHARED or not record.is_ours:
        raise ConflictError("only the coordinator of a community or a case invites")
    names = sorted(role.value for role in read_roles(list(roles), field="role"))
    chain = get_chain(session, organisation)
    direct = openings.ensure_direct(session, desk, chain, now=now)
    state = get_state(session, record)
    check_guest(session, state, organisation)
    body: dict[str, Any] = {
        "organisation": organisation,
        "role": names[0] if len(names) == 1 else names,
        "reply_by": write_time(reply_by or now + usual_reply(session, channel)),
        "ceiling": state.ceiling.value,
        "older": "released",
        "recovery_key": chain[0].recovery.thumbprint,
    }
    charter = find_in_force(session, channel)
    if charter is not None:
        named = {"channel": channel, "charter": charter.charter, "sha256": charter.sha256}
        body["charter"] = named
    if replaces is not None:
        body["replaces"] = replaces
    words = note_of(desk, reason, about=[state.identity], marking=None, now=now)
    invited = [StixObject.of(chain[-1].organisation), *words]
    written = channels.write(
        session, desk, channel, Act.MEMBER_INVITED, body, invited, by=actor.name, now=now
    )
    session.refresh(record)
    head = head_of(record)
    if head is None or written.entry is None:
        raise ConflictError("the invitation was not written")
    copy = body | {
        "channel": channel,
        "genesis": record.genesis,
        "head": head.document(),
        "kind": record.kind.value,
    }
    carried = [identity_of(record), *words, *_words_of_charter(session, desk, charter)]
    channels.write(
        session, desk, direct.id, Act.MEMBER_INVITED, copy, carried, by=actor.name, now=now
    )
    audit.record(session, actor, "member.invited", f"{channel} {organisation}", now=now)
    return written.entry


def join(  # noqa: PLR0913 - what we accept, and what we take there
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    owner: str | None = None,
    takes: TLP | None = None,
    topics: Sequence[str] = (),
    accept_charter: bool = False,
    now: datetime,
) -> Written:
    """Accept an invitation in the role that it offers.

    Args:
        owner: who invites; may be left out where one alone does.
        takes: the strictest label that we take there, where that is less than the channel's.
        topics: what we take part in alone; any, where none is named.
        accept_charter: whether we accept the charter in force with the same act.

    Raises:
        ForbiddenError: the actor may not.
        NotFoundError: nobody invited us to that channel.
        InvalidError: the invitation brought no charter that could be accepted.
        ConflictError: it was withdrawn, or answered before.
    """
    actor.may(Right.ANSWER_INVITATIONS).enforce()
    invitation = get_open_invitation(session, channel, owner)
    roles = invitation.roles
    body: dict[str, Any] = {
        "role": roles[0] if len(roles) == 1 else list(roles),
        "descriptors": [dict(document) for document in desk.node.documents],
    }
    limits = limits_of(takes, topics)
    if limits:
        body["limits"] = limits
    if accept_charter:
        if invitation.charter is None or invitation.charter_text is None:
            raise InvalidError(
                "this invitation brought no charter that could be accepted",
                field="accept_charter",
                hint="Join without it; what is in force there can be accepted later.",
            )
        body["charter"] = invitation.charter
    return _answer(session, desk, actor, invitation, Act.MEMBER_JOINED, body, now=now)


def decline(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    owner: str | None = None,
    reason: str | None = None,
    now: datetime,
) -> Written:
    """Decline an invitation; the reason may be kept back.

    Args:
        owner: who invites; may be left out where one alone does.
        reason: why, for all members to read.

    Raises:
        ForbiddenError: the actor may not.
        NotFoundError: nobody invited us to that channel.
        ConflictError: it was withdrawn, or answered before.
    """
    actor.may(Right.ANSWER_INVITATIONS).enforce()
    invitation = get_open_invitation(session, channel, owner)
    body = {"descriptors": [dict(document) for document in desk.node.documents]}
    about, ceiling = [desk.organisation], invitation.ceiling
    words = note_of(desk, reason, about=about, marking=ceiling, now=now)
    return _answer(session, desk, actor, invitation, Act.MEMBER_DECLINED, body, words, now=now)


def add_note(  # noqa: PLR0913 - what is said, about what and to whom
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    text: str,
    tlp: TLP | None = None,
    later_members: bool | None = None,
    about: Sequence[str] = (),
    now: datetime,
) -> Written:
    """Add a note to a channel.

    Args:
        tlp: its label; the channel's ceiling where none is given.
        later_members: whether later members read it, whatever its label.
        about: what it is about; the channel where nothing is named.

    Raises:
        ForbiddenError: the actor may not, or the label does not go with the channel.
        InvalidError: no text, or too much of it.
    """
    record = get_visible_channel(session, actor, channel)
    state = get_state(session, record)
    refs = list(about) or [state.identity]
    notes = note_of(desk, text, about=refs, marking=tlp or state.ceiling, now=now)
    if not notes:
        raise InvalidError("a note needs some text", field="text")
    return write(
        session,
        desk,
        actor,
        channel,
        Act.NOTE_ADDED,
        {},
        notes,
        later_members=later_members,
        now=now,
    )


def leave(session: Session, desk: Desk, actor: Actor, channel: str, *, now: datetime) -> Written:
    """Leave a channel. What was received stays received."""
    return write(session, desk, actor, channel, Act.MEMBER_LEFT, {}, (), now=now)


def remove(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    organisation: str,
    reason: str,
    now: datetime,
) -> Written:
    """Remove a member from a channel of ours, with the reason.

    Raises:
        InvalidError: no reason was given.
    """
    record = get_visible_channel(session, actor, channel)
    state = get_state(session, record)
    words = note_of(desk, reason, about=[state.identity], marking=None, now=now)
    if not words:
        raise InvalidError("a removal needs a reason", field="reason")
    body = {"organisation": organisation}
    return write(session, desk, actor, channel, Act.MEMBER_REMOVED, body, words, now=now)


def uninvite(
    session: Session, desk: Desk, actor: Actor, channel: str, *, organisation: str, now: datetime
) -> Written:
    """Take an invitation back, in the channel and in our direct channel."""
    body = {"organisation": organisation}
    written = write(session, desk, actor, channel, Act.MEMBER_UNINVITED, body, (), now=now)
    direct = openings.find_direct(session, desk.organisation, organisation)
    if direct is not None:
        copy = {"organisation": organisation, "channel": channel}
        channels.write(
            session, desk, direct.id, Act.MEMBER_UNINVITED, copy, (), by=actor.name, now=now
        )
    return written


def write(  # noqa: PLR0913 - who writes what, where and for whom
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    act: Act,
    body: Mapping[str, Any],
    objects: Sequence[StixObject],
    *,
    later_members: bool | None = None,
    now: datetime,
) -> Written:
    """Write any act, with the right that it takes.

    Args:
        later_members: whether later members get the objects, whatever their label; where nobody
            says, as the table of acts has it.

    Raises:
        ForbiddenError: the actor may not, or an object may not be shared here.
        NotFoundError: there is no such channel.
        InvalidError: the body does not fit the act.
        ConflictError, DoubtError: the act is not open now.
    """
    actor.may(ACTS[act].right).enforce()
    get_visible_channel(session, actor, channel)
    if act in HAVE_THEIR_OWN_DOOR:
        raise InvalidError(
            f"{act} is not written by itself",
            field="act",
            hint="Opening, inviting and answering have their own command and form.",
        )
    if "on_behalf_of" in body:
        raise InvalidError(
            "what another organisation said is relayed, not written",
            field="on_behalf_of",
            hint="Relaying has its own command and form.",
        )
    written = channels.write(
        session,
        desk,
        channel,
        act,
        body,
        objects,
        later_members=later_members,
        by=actor.name,
        now=now,
    )
    audit.record(session, actor, act.value, channel, now=now)
    return written


def take_note_of_refusal(session: Session, actor: Actor, sha256: str, *, now: datetime) -> None:
    """Note that a refused contribution was seen; it then waits for nobody any more."""
    actor.may(Right.CONTRIBUTE).enforce()
    outbox.take_note(session, sha256, now=now)
    audit.record(session, actor, "contribution.noted", sha256, now=now)


def get_visible_channel(session: Session, actor: Actor, channel: str) -> ChannelRecord:
    """Give a channel that this actor may know of.

    Raises:
        NotFoundError: there is none, or the actor may not know of it.
    """
    record = find_channel(session, channel)
    if record is None or not actor.may(Right.READ_CHANNELS):
        raise NotFoundError("there is no such channel")
    return record


def _answer(
    session: Session,
    desk: Desk,
    actor: Actor,
    invitation: InvitationView,
    act: Act,
    body: Mapping[str, Any],
    words: Sequence[StixObject] = (),
    *,
    now: datetime,
) -> Written:
    if find_answer(session, invitation) is not None:
        raise ConflictError("this invitation has been answered", hint="Look at the channel.")
    written = answer_invitation(
        session,
        desk,
        invited_by(invitation),
        act,
        {**body, "answers": invitation.bundle},
        words,
        label=invitation.ceiling,
        by=actor.name,
        now=now,
    )
    audit.record(session, actor, act.value, invitation.channel, now=now)
    return written


def usual_reply(session: Session, channel: str) -> timedelta:
    """Give how long an invitation may take to be answered: as the charter says, else a day."""
    return reply_within(session, channel, Answering.JOIN, REPLY_WITHIN)


def _words_of_charter(
    session: Session, desk: Desk, charter: CharterView | None
) -> list[StixObject]:
    """Give the words of a charter, where they are ours to pass on to whom we invite."""
    if charter is None:
        return []
    content = collections.find_contents(session, charter.channel, [charter.sha256])
    found = [StixObject.read(one) for one in content.values()]
    return [one for one in found if one.value.get("created_by_ref") == desk.organisation]


def limits_of(takes: TLP | None, topics: Sequence[str]) -> dict[str, list[str]]:
    """Say what a member takes, as bodies carry it; nothing where it takes anything."""
    limits: dict[str, list[str]] = {}
    if takes is not None:
        limits["markings"] = [label.value for label in TLP if takes.allows(label)]
    if topics:
        limits["topics"] = list(topics)
    return limits


def note_of(
    desk: Desk, text: str | None, *, about: Sequence[str], marking: TLP | None, now: datetime
) -> list[StixObject]:
    """Give a note of ours; none where there are no words.

    Raises:
        InvalidError: too many of them.
    """
    text = (text or "").strip()
    if not text:
        return []
    if len(text) > MAX_TEXT_CHARACTERS:
        raise InvalidError(f"more than {MAX_TEXT_CHARACTERS} characters", field="text")
    author, open_to_all = desk.organisation, marking is not None and TLP.GREEN.allows(marking)
    nonce = None if open_to_all else secrets.token_hex(NONCE_BYTES)
    return [stix.note(text, about=about, created_by=author, now=now, marking=marking, nonce=nonce)]


def identity_of(record: ChannelRecord) -> StixObject:
    """Give a channel's name as an object, for those who do not read the channel yet."""
    return stix.identity(
        record.name,
        stix_id=stix.channel_identity_id(record.id),
        identity_class="group",
        now=record.opened_at,
    )
