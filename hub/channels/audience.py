"""Who reads what, as people settle it: older matter, the ceiling, limits, suspension, breakouts.

Source: protocol, 5 (*Late joiners*, breakouts); lifecycles, 3 and 13.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.branches import openings
from federation.judging.state import ChannelState
from federation.ledgers import channels
from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import get_state, head_of, metadata_label
from federation.ledgers.ledger_records import ChannelRecord, CoveredRecord
from hub.accounts.actor import Actor
from hub.audit import service as audit
from hub.channels import service
from hub.channels.service import get_visible_channel, limits_of, note_of
from policies.acts import Act, ChannelKind
from policies.errors import ConflictError, InvalidError, NotFoundError
from policies.tlp import TLP
from sharing import collections
from sharing.objects import StixObject

RELEASED_AT_ONCE_BYTES: Final = 16 * 1024 * 1024
"""What travels with one release at most: it has to fit into one request."""
PLEASE_RELEASE: Final = (
    "We joined later and can’t read this. Would you release it to later members?"
)


def release(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    objects: Sequence[str],
    now: datetime,
) -> Written:
    """Open older objects of ours to later members: every version that was covered so far.

    Args:
        objects: STIX ids.

    Raises:
        ForbiddenError: the actor may not.
        NotFoundError: there is no such channel, or nothing of that id in it.
        ConflictError: its bytes are not here, or it is not ours to release.
        InvalidError: more than travels at once.
    """
    record = get_visible_channel(session, actor, channel)
    hashes = _contents_of(session, record.id, objects)
    found = collections.find_contents(session, record.id, hashes)
    if set(hashes) - set(found):
        raise ConflictError("not all of it is here, so it can't be released from here")
    if sum(len(content) for content in found.values()) > RELEASED_AT_ONCE_BYTES:
        raise InvalidError("this is more than travels at once", hint="Release fewer at a time.")
    body = {"objects": list(objects)}
    return service.write(session, desk, actor, channel, Act.OBJECT_RELEASED, body, (), now=now)


def ask_release(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    objects: Sequence[str],
    text: str | None = None,
    now: datetime,
) -> Written:
    """Ask the author of withheld objects to release them, in a note that all members read.

    Raises:
        ForbiddenError: the actor may not.
        NotFoundError: there is no such channel, or nothing of that id in it.
        ConflictError: all of it is here already.
    """
    record = get_visible_channel(session, actor, channel)
    hashes = _contents_of(session, record.id, objects)
    if not set(hashes) - set(collections.find_hashes(session, record.id, hashes)):
        raise ConflictError("nothing of this is withheld from us")
    return service.add_note(
        session,
        desk,
        actor,
        channel,
        text=text or PLEASE_RELEASE,
        tlp=metadata_label(get_state(session, record).ceiling),
        about=objects,
        now=now,
    )


def change_ceiling(
    session: Session, desk: Desk, actor: Actor, channel: str, *, ceiling: TLP, now: datetime
) -> Written:
    """Change the strictest label that a channel of ours takes; what is there stays.

    Who is invited reads of the new ceiling, and answers under it.

    Raises:
        ForbiddenError: the actor may not.
        InvalidError: this channel can't take matter of that label.
        ConflictError, DoubtError: it is wider than a member's limits, or not ours to change.
    """
    record = get_visible_channel(session, actor, channel)
    state = get_state(session, record)
    if ceiling is TLP.RED and not (state.is_breakout or state.kind is ChannelKind.DIRECT):
        raise InvalidError(
            "TLP:RED goes into breakouts only",
            field="ceiling",
            hint="Open a breakout with those who are meant to read it.",
        )
    if ceiling is state.ceiling:
        raise ConflictError(f"the channel goes up to {ceiling.label} already", field="ceiling")
    body = {"ceiling": ceiling.value}
    act = Act.CHANNEL_CEILING_CHANGED
    written = service.write(session, desk, actor, channel, act, body, (), now=now)
    if written.entry is not None:
        _invite_again(session, desk, actor, record, written.entry.state, now=now)
    return written


def change_limits(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    takes: TLP | None,
    topics: Sequence[str] = (),
    now: datetime,
) -> Written:
    """Say what we take in a channel from now on; what was received stays received.

    Args:
        takes: the strictest label; whatever the channel takes, where none is given.
        topics: what we take part in alone; any, where none is named.
    """
    body = {"limits": limits_of(takes, topics)}
    return service.write(
        session, desk, actor, channel, Act.MEMBER_LIMITS_CHANGED, body, (), now=now
    )


def suspend(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    organisation: str,
    reason: str,
    now: datetime,
) -> Written:
    """Keep a member out for now, because its node or its key is in doubt.

    From this entry on it reads and writes nothing here; what it has stays with it.

    Raises:
        InvalidError: no reason was given.
    """
    return _about_member(
        session, desk, actor, channel, Act.MEMBER_SUSPENDED, organisation, reason, now=now
    )


def resume(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    organisation: str,
    reason: str,
    now: datetime,
) -> Written:
    """Take a suspended member back in; what came meanwhile counts as older matter for it.

    Args:
        reason: how its keys were checked anew, with a person and by another channel.

    Raises:
        InvalidError: nobody says how the keys were checked.
    """
    return _about_member(
        session, desk, actor, channel, Act.MEMBER_RESUMED, organisation, reason, now=now
    )


def open_breakout(  # noqa: PLR0913 - what is opened, of which case and with whom
    session: Session,
    desk: Desk,
    actor: Actor,
    parent: str,
    *,
    name: str,
    ceiling: TLP,
    members: Sequence[str],
    reason: str | None = None,
    now: datetime,
) -> ChannelRecord:
    """Open a breakout of a case with some of its members, each in the roles that it has there.

    Args:
        members: organisations that are joined in the case, ours apart.

    Raises:
        ForbiddenError: the actor may not.
        NotFoundError: there is no such case, or somebody has no part in it.
        InvalidError: nobody is meant, or name or ceiling can't be used.
        ConflictError: we have no part in it any more, or somebody is no active partner.
    """
    case = get_visible_channel(session, actor, parent)
    joined = get_state(session, case).joined
    if not members:
        raise InvalidError("choose who of the case takes part", field="members")
    for organisation in members:
        if organisation not in joined or organisation == desk.organisation:
            raise NotFoundError("this organisation is no member of the case", field="members")
    record = service.open_channel(
        session,
        desk,
        actor,
        kind=ChannelKind.CASE,
        name=name,
        ceiling=ceiling,
        parent=case.id,
        now=now,
    )
    for organisation in dict.fromkeys(members):
        roles = {role.value for role in joined[organisation]} - {"coordinator"}
        service.invite(
            session,
            desk,
            actor,
            record.id,
            organisation=organisation,
            roles=sorted(roles) or ["responder"],
            reason=reason,
            now=now,
        )
    return record


def _about_member(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    act: Act,
    organisation: str,
    reason: str,
    *,
    now: datetime,
) -> Written:
    record = get_visible_channel(session, actor, channel)
    state = get_state(session, record)
    words = note_of(desk, reason, about=[state.identity], marking=None, now=now)
    if not words:
        raise InvalidError("say why; all members read it", field="reason")
    body = {"organisation": organisation}
    return service.write(session, desk, actor, channel, act, body, words, now=now)


def _contents_of(session: Session, channel: str, objects: Sequence[str]) -> list[str]:
    """Give the hashes of everything that was covered of these objects and not recalled."""
    found = []
    for ref in objects:
        rows = session.execute(
            select(CoveredRecord.sha256).where(
                CoveredRecord.channel == channel,
                CoveredRecord.ref == ref,
                ~CoveredRecord.recalled,
            )
        )
        hashes = list(dict.fromkeys(rows.scalars()))
        if not hashes:
            raise NotFoundError(f"there is no {ref[:120]} in this channel", field="objects")
        found += hashes
    return found


def _invite_again(
    session: Session,
    desk: Desk,
    actor: Actor,
    record: ChannelRecord,
    state: ChannelState,
    *,
    now: datetime,
) -> None:
    """Write the open invitations anew: an answer under the old ceiling might not be taken."""
    session.refresh(record)
    head = head_of(record)
    for member in state.members.values():
        direct = openings.find_direct(session, desk.organisation, member.organisation)
        if member.state != "invited" or member.without_node or direct is None or head is None:
            continue
        body: dict[str, Any] = {
            "organisation": member.organisation,
            "role": member.roles[0] if len(member.roles) == 1 else list(member.roles),
            "reply_by": member.reply_by,
            "ceiling": state.ceiling.value,
            "older": "released",
            "recovery_key": member.recovery,
            "channel": record.id,
            "genesis": record.genesis,
            "head": head.document(),
            "kind": record.kind.value,
        }
        named: list[StixObject] = [service.identity_of(record)]
        act = Act.MEMBER_INVITED
        channels.write(session, desk, direct.id, act, body, named, by=actor.name, now=now)
    audit.record(session, actor, "channel.ceiling_changed", record.id, now=now)
