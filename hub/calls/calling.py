"""Calling out to others: warnings, checks of the communication, requests; adding to them, ending.

Source: lifecycles, 2; domain, 1 (*Three in the morning*).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.orm import Session

from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import get_channel, get_state
from hub.accounts.actor import Actor
from hub.calls.queries import get_call
from hub.calls.values import Call
from hub.channels import service
from hub.channels.service import get_visible_channel, note_of
from hub.community.terms import reply_within
from policies.acts import ACTS, Act, ChannelKind
from policies.calls import AnswersTo, CallKind, Reply, RequestOutcome
from policies.charter import Answering
from policies.errors import ConflictError, InvalidError
from policies.tlp import TLP
from sharing.canonical import write_time
from sharing.objects import StixObject

ACKNOWLEDGE_WITHIN: Final = timedelta(hours=1)
ANSWER_WITHIN: Final = timedelta(hours=24)
CHECK_WORDS: Final = "This is a check of the communication. Please acknowledge."

_OPENING: Final = {
    CallKind.WARNING: (Act.WARNING_ISSUED, "call", "reply_by"),
    CallKind.CHECK: (Act.CHECK_CALLED, "call", "reply_by"),
    CallKind.REQUEST: (Act.REQUEST_OPENED, "request", "needed_by"),
}
_CLOSING: Final = {
    CallKind.WARNING: (Act.WARNING_ENDED, "call"),
    CallKind.CHECK: (Act.CHECK_CLOSED, "call"),
    CallKind.REQUEST: (Act.REQUEST_CLOSED, "request"),
}


@dataclass(frozen=True)
class Issued:
    """What was called out.

    Args:
        ref: STIX id of the object that says it: what it is known by.
    """

    ref: str
    act: Act
    written: Written


def warn(  # noqa: PLR0913 - what threatens, who is asked and until when
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    text: str,
    addressees: Sequence[str] = (),
    reply_by: datetime | None = None,
    next_update: datetime | None = None,
    objects: Sequence[StixObject] = (),
    tlp: TLP | None = None,
    now: datetime,
) -> Issued:
    """Warn the members of a channel that we coordinate.

    Args:
        addressees: who is to acknowledge it; all other joined members, where nobody is named.
        reply_by: until when; in one hour, where nothing is said.
        next_update: when they hear more.
        objects: indicators of ours.

    Raises:
        ForbiddenError: the actor may not warn, or may not share this here.
        ConflictError: we do not coordinate this channel, or nobody else has joined it.
        InvalidError: there are no words, or a time has passed.
    """
    more: dict[str, Any] = {}
    if next_update is not None:
        more["next_update"] = write_time(_to_come(next_update, "next_update", now))
    return _issue(
        session,
        desk,
        actor,
        channel,
        CallKind.WARNING,
        text=text,
        addressees=addressees,
        until=_until(reply_by, "reply_by", _usual(session, channel), now),
        more=more,
        objects=objects,
        tlp=tlp,
        now=now,
    )


def check(  # noqa: PLR0913 - who is asked, and until when
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    text: str | None = None,
    addressees: Sequence[str] = (),
    reply_by: datetime | None = None,
    tlp: TLP | None = None,
    now: datetime,
) -> Issued:
    """Ask the members of a channel that we coordinate to answer, and measure how long it takes.

    Raises:
        ForbiddenError: the actor may not.
        ConflictError: we do not coordinate this channel, or nobody else has joined it.
        InvalidError: a time has passed.
    """
    return _issue(
        session,
        desk,
        actor,
        channel,
        CallKind.CHECK,
        text=text or CHECK_WORDS,
        addressees=addressees,
        until=_until(reply_by, "reply_by", _usual(session, channel), now),
        tlp=tlp,
        now=now,
    )


def ask(  # noqa: PLR0913 - what is asked, of whom, until when and who reads the answers
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    text: str,
    addressees: Sequence[str] = (),
    needed_by: datetime | None = None,
    answers_to: AnswersTo = AnswersTo.ALL,
    about: str | None = None,
    objects: Sequence[StixObject] = (),
    tlp: TLP | None = None,
    now: datetime,
) -> Issued:
    """Ask members for information or aid.

    Args:
        needed_by: in a day, where nothing is said.
        answers_to: who reads the answers.
        about: the object that it is about.

    Raises:
        ForbiddenError: the actor may not, or may not share this here.
        ConflictError: nobody else has joined this channel.
        InvalidError: there are no words, or a time has passed.
    """
    more: dict[str, Any] = {"answers_to": answers_to.value}
    if about is not None:
        more["about"] = about
    return _issue(
        session,
        desk,
        actor,
        channel,
        CallKind.REQUEST,
        text=text,
        addressees=addressees,
        until=_until(needed_by, "needed_by", _usual_answer(session, channel), now),
        more=more,
        objects=objects,
        tlp=tlp,
        now=now,
    )


def add(  # noqa: PLR0913 - what is new, whether it asks again and until when
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    ref: str,
    *,
    text: str,
    again: bool = False,
    reply_by: datetime | None = None,
    next_update: datetime | None = None,
    objects: Sequence[StixObject] = (),
    tlp: TLP | None = None,
    now: datetime,
) -> Written:
    """Add to a warning of ours, with or without asking for a new acknowledgement.

    Raises:
        NotFoundError: there is no such warning.
        ForbiddenError: the actor may not.
        ConflictError: it is no warning, not ours, or has ended.
        InvalidError: there are no words, or a time has passed.
    """
    actor.may(ACTS[Act.WARNING_UPDATED].right).enforce()
    call = _ours_to_lead(session, desk, actor, channel, ref, now)
    if call.kind is not CallKind.WARNING:
        raise ConflictError(
            f"a {call.kind} is not added to", hint="Ask anew, or write a note about it."
        )
    notes = _words(session, desk, actor, channel, text, [ref], tlp, now)
    body: dict[str, Any] = {"call": ref, "addressees": _still_asked(call)}
    if again:
        body["asks"] = "again"
        until = _until(reply_by, "reply_by", _usual(session, channel), now)
        body["reply_by"] = write_time(until)
    elif reply_by is not None:
        body["reply_by"] = write_time(_to_come(reply_by, "reply_by", now))
    if next_update is not None:
        body["next_update"] = write_time(_to_come(next_update, "next_update", now))
    return service.write(
        session,
        desk,
        actor,
        channel,
        Act.WARNING_UPDATED,
        body,
        [*notes, *objects],
        now=now,
    )


def ask_the_new(
    session: Session, desk: Desk, actor: Actor, channel: str, ref: str, *, now: datetime
) -> Written:
    """Ask those who have joined since to acknowledge a warning of ours, too.

    They have its words: what warns goes to later members.

    Raises:
        NotFoundError: there is no such warning.
        ForbiddenError: the actor may not.
        ConflictError: it is no warning, not ours, or has ended; or nobody has joined since.
    """
    actor.may(ACTS[Act.WARNING_ISSUED].right).enforce()
    call = _ours_to_lead(session, desk, actor, channel, ref, now)
    if call.kind is not CallKind.WARNING:
        raise ConflictError(f"a {call.kind} is for those who were asked")
    asked = {one.organisation for one in call.addressees} | {desk.organisation}
    state = get_state(session, get_visible_channel(session, actor, channel))
    new = sorted(one for one in state.joined if one not in asked)
    if not new:
        raise ConflictError("all that have joined are asked already")
    body: dict[str, Any] = {
        "call": ref,
        "addressees": new,
        "reply_by": write_time(now + _usual(session, channel)),
    }
    return service.write(session, desk, actor, channel, Act.WARNING_ISSUED, body, (), now=now)


def end(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    ref: str,
    *,
    text: str | None = None,
    outcome: RequestOutcome | None = None,
    now: datetime,
) -> Written:
    """End a warning or a check of ours, or close a request of ours.

    Args:
        outcome: of a request; *answered* where somebody has said so to all, else *no longer
            needed*. Whether anybody has answered the asker alone is not told by it.

    Raises:
        NotFoundError: there is no such warning, check or request.
        ForbiddenError: the actor may not.
        ConflictError: it is not ours, or has ended.
    """
    call = get_call(session, actor, channel, ref, us=desk.organisation, now=now)
    act, name = _CLOSING[call.kind]
    actor.may(ACTS[act].right).enforce()
    call = _ours_to_lead(session, desk, actor, channel, ref, now)
    body: dict[str, Any] = {name: ref, "addressees": _still_asked(call)}
    if call.kind is CallKind.REQUEST:
        answered = call.answers_to is not AnswersTo.ASKER and any(
            one.reply is Reply.ANSWERED for one in call.addressees
        )
        usual = RequestOutcome.ANSWERED if answered else RequestOutcome.NO_LONGER_NEEDED
        body["result"] = (outcome or usual).value
    state = get_state(session, get_visible_channel(session, actor, channel))
    notes = note_of(desk, text, about=[ref], marking=state.ceiling, now=now)
    return service.write(session, desk, actor, channel, act, body, notes, now=now)


def _issue(  # noqa: PLR0913 - the parts that all three have in common
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    kind: CallKind,
    *,
    text: str,
    addressees: Sequence[str],
    until: datetime,
    more: dict[str, Any] | None = None,
    objects: Sequence[StixObject] = (),
    tlp: TLP | None,
    now: datetime,
) -> Issued:
    act, name, by = _OPENING[kind]
    actor.may(ACTS[act].right).enforce()
    record = get_visible_channel(session, actor, channel)
    state = get_state(session, record)
    if kind is not CallKind.REQUEST:
        _check_coordinates(record.kind, is_ours=record.is_ours)
    others = [one for one in state.joined if one != desk.organisation]
    if not others:
        raise ConflictError(
            "nobody else has joined this channel", hint="Invite them first, or call them."
        )
    unknown = [one for one in addressees if one not in others]
    if unknown:
        raise InvalidError(
            f"{unknown[0]} has not joined this channel, or is ourselves", field="addressees"
        )
    words = _words(session, desk, actor, channel, text, [state.identity], tlp, now)
    ref = words[0].stix_id
    body: dict[str, Any] = {
        name: ref,
        "addressees": sorted(addressees or others),
        by: write_time(until),
        **(more or {}),
    }
    written = service.write(session, desk, actor, channel, act, body, [*words, *objects], now=now)
    return Issued(ref, act, written)


def _check_coordinates(kind: ChannelKind, *, is_ours: bool) -> None:
    if kind not in {ChannelKind.COMMUNITY, ChannelKind.CASE}:
        raise ConflictError("who warns or checks does so in a community or a case")
    if not is_ours:
        raise ConflictError(
            "only the coordinator warns all members, and checks who can be reached",
            hint="Ask the members, or write a note.",
        )


def _ours_to_lead(
    session: Session, desk: Desk, actor: Actor, channel: str, ref: str, now: datetime
) -> Call:
    """Give a call that we may add to or end now."""
    call = get_call(session, actor, channel, ref, us=desk.organisation, now=now)
    if not call.is_ours:
        who = "who asked" if call.kind is CallKind.REQUEST else "the coordinator"
        raise ConflictError(f"{who} adds to this {call.kind} and ends it, nobody else")
    if call.closed_at is not None:
        raise ConflictError(f"this {call.kind} was ended at {call.closed_at:%H:%M} UTC")
    return call


def _still_asked(call: Call) -> list[str]:
    return sorted(one.organisation for one in call.addressees if not one.is_closed)


def _words(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    text: str,
    about: Sequence[str],
    tlp: TLP | None,
    now: datetime,
) -> list[StixObject]:
    state = get_state(session, get_visible_channel(session, actor, channel))
    notes = note_of(desk, text, about=about, marking=tlp or state.ceiling, now=now)
    if not notes:
        raise InvalidError("say it in some words", field="text")
    return notes


def _usual(session: Session, channel: str) -> timedelta:
    """Give within what time a warning or check is acknowledged: as the charter says, else 1 h."""
    return reply_within(session, channel, Answering.ACKNOWLEDGE, ACKNOWLEDGE_WITHIN)


def _usual_answer(session: Session, channel: str) -> timedelta:
    """Give within what time a request is answered.

    In a case that is how long organisations have to say how they are hit, as the charter says;
    else a day.
    """
    if get_channel(session, channel).kind is not ChannelKind.CASE:
        return ANSWER_WITHIN
    return reply_within(session, channel, Answering.ASSESS, ANSWER_WITHIN)


def _until(given: datetime | None, field: str, usual: timedelta, now: datetime) -> datetime:
    return now + usual if given is None else _to_come(given, field, now)


def _to_come(given: datetime, field: str, now: datetime) -> datetime:
    if given <= now:
        raise InvalidError("that time has passed", field=field)
    return given
