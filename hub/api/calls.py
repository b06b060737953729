"""`/api/v1/calls`: warnings, checks of the communication, requests, and who has answered."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from federation.ledgers.channels import Written
from hub.api.call_models import (
    AdditionIn,
    CallAcknowledgementIn,
    CallDetailsOut,
    CallsOut,
    CheckIn,
    EndIn,
    InquiryAnswerIn,
    InquiryIn,
    IssuedOut,
    RefusalIn,
    ToldIn,
    WarningIn,
    call_document,
    details_document,
    issued_document,
)
from hub.api.channel_documents import written_document
from hub.api.channel_models import WrittenOut
from hub.api.frame import PREFIX, Call, Resource
from hub.api.listing import cut_page, moment_of, newest_first, oldest_first
from hub.api.paging import PageQuery, cut, read_cursor, write_cursor
from hub.calls import answering, calling, queries
from hub.calls.calling import Issued
from hub.calls.values import Call as ShownCall
from hub.channels.incoming import read_objects
from hub.channels.relay import Told
from hub.office import current_office
from policies.acts import Act
from policies.calls import CallKind

LISTED: Final = 1000
_ENDS: Final = {
    CallKind.WARNING: Act.WARNING_ENDED,
    CallKind.CHECK: Act.CHECK_CLOSED,
    CallKind.REQUEST: Act.REQUEST_CLOSED,
}

resource = Resource("calls")


@resource.reads("", gives=CallsOut, query=PageQuery)
def get_calls(call: Call, query: PageQuery) -> CallsOut:
    """Give what waits for an answer of ours, and what of ours was not answered in time."""
    return _page(
        queries.visible_due(call.session, call.actor, us=_us(call), now=call.now, limit=LISTED),
        query,
    )


@resource.reads("/<channel>", gives=CallsOut, query=PageQuery)
def get_channel_calls(call: Call, channel: str, query: PageQuery) -> CallsOut:
    """Give the warnings, checks and requests of a channel, the open ones first."""
    key = read_cursor(query.cursor, int, int, str)
    after = queries.Place(bool(key[0]), moment_of(key[1]), key[2]) if key else None
    found = queries.visible_calls(
        call.session,
        call.actor,
        channel,
        us=_us(call),
        now=call.now,
        after=after,
        limit=query.limit + 1,
    )
    rows, more = cut(found, query.limit)
    return CallsOut(
        items=[call_document(row) for row in rows],
        next=_cursor_of(rows[-1]) if more else None,
    )


@resource.reads("/<channel>/<ref>", gives=CallDetailsOut, audited="channel.read")
def get_call(call: Call, channel: str, ref: str) -> CallDetailsOut:
    """Give one of them, with all that was said to it."""
    found = queries.get_call(call.session, call.actor, channel, ref, us=_us(call), now=call.now)
    return details_document(
        found,
        queries.visible_updates(call.session, call.actor, found),
        queries.visible_indicators(call.session, call.actor, found),
    )


@resource.writes(
    "POST",
    "/<channel>/warnings",
    takes=WarningIn,
    gives=IssuedOut,
    status=HTTPStatus.CREATED,
    action="warning.issued",
)
def post_warning(call: Call, channel: str, body: WarningIn) -> tuple[IssuedOut, str]:
    """Warn the members of a channel that we coordinate."""
    issued = calling.warn(
        call.session,
        current_office().desk(call.session),
        call.actor,
        channel,
        text=body.text,
        addressees=body.addressees,
        reply_by=body.reply_by,
        next_update=body.next_update,
        objects=read_objects(body.objects, field="json.objects", now=call.now),
        tlp=body.tlp,
        now=call.now,
    )
    return _issued(channel, issued)


@resource.writes(
    "POST",
    "/<channel>/checks",
    takes=CheckIn,
    gives=IssuedOut,
    status=HTTPStatus.CREATED,
    action="check.called",
)
def post_check(call: Call, channel: str, body: CheckIn) -> tuple[IssuedOut, str]:
    """Ask the members of a channel that we coordinate to answer, and measure how long it takes."""
    issued = calling.check(
        call.session,
        current_office().desk(call.session),
        call.actor,
        channel,
        text=body.text,
        addressees=body.addressees,
        reply_by=body.reply_by,
        tlp=body.tlp,
        now=call.now,
    )
    return _issued(channel, issued)


@resource.writes(
    "POST",
    "/<channel>/requests",
    takes=InquiryIn,
    gives=IssuedOut,
    status=HTTPStatus.CREATED,
    action="request.opened",
)
def post_request(call: Call, channel: str, body: InquiryIn) -> tuple[IssuedOut, str]:
    """Ask members for information or aid."""
    issued = calling.ask(
        call.session,
        current_office().desk(call.session),
        call.actor,
        channel,
        text=body.text,
        addressees=body.addressees,
        needed_by=body.needed_by,
        answers_to=body.answers_to,
        about=body.about,
        objects=read_objects(body.objects, field="json.objects", now=call.now),
        tlp=body.tlp,
        now=call.now,
    )
    return _issued(channel, issued)


@resource.writes(
    "POST",
    "/<channel>/<ref>/additions",
    takes=AdditionIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="warning.updated",
)
def post_call_addition(call: Call, channel: str, ref: str, body: AdditionIn) -> WrittenOut:
    """Add to a warning of ours, with or without asking all again."""
    written = calling.add(
        call.session,
        current_office().desk(call.session),
        call.actor,
        channel,
        ref,
        text=body.text,
        again=body.again,
        reply_by=body.reply_by,
        next_update=body.next_update,
        objects=read_objects(body.objects, field="json.objects", now=call.now),
        tlp=body.tlp,
        now=call.now,
    )
    return written_document(channel, Act.WARNING_UPDATED, written)


@resource.writes(
    "POST",
    "/<channel>/<ref>/newcomers",
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="warning.issued",
)
def post_call_newcomers(call: Call, channel: str, ref: str) -> WrittenOut:
    """Ask those who have joined since to acknowledge a warning of ours, too."""
    desk = current_office().desk(call.session)
    written = calling.ask_the_new(call.session, desk, call.actor, channel, ref, now=call.now)
    return written_document(channel, Act.WARNING_ISSUED, written)


@resource.writes(
    "POST",
    "/<channel>/<ref>/endings",
    takes=EndIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="call.ended",
)
def post_call_ending(call: Call, channel: str, ref: str, body: EndIn) -> WrittenOut:
    """End a warning or a check of ours, or close a request of ours."""
    kind = _kind(call, channel, ref)
    written = calling.end(
        call.session,
        current_office().desk(call.session),
        call.actor,
        channel,
        ref,
        text=body.text,
        outcome=body.outcome,
        now=call.now,
    )
    return written_document(channel, _ENDS[kind], written)


@resource.writes(
    "POST",
    "/<channel>/<ref>/acknowledgements",
    takes=CallAcknowledgementIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="call.acknowledged",
)
def post_call_acknowledgement(
    call: Call, channel: str, ref: str, body: CallAcknowledgementIn
) -> WrittenOut:
    """Acknowledge a warning or a check; the newest acknowledgement counts."""
    kind = _kind(call, channel, ref)
    written = answering.acknowledge(
        call.session,
        current_office().desk(call.session),
        call.actor,
        channel,
        ref,
        affected=body.affected,
        text=body.text,
        now=call.now,
    )
    return written_document(channel, _acknowledged(kind), written)


@resource.writes(
    "POST",
    "/<channel>/<ref>/answers",
    takes=InquiryAnswerIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="request.answered",
)
def post_call_answer(call: Call, channel: str, ref: str, body: InquiryAnswerIn) -> WrittenOut:
    """Answer a request: where it was asked, or in our direct channel to its asker alone."""
    where, written = answering.answer(
        call.session,
        current_office().desk(call.session),
        call.actor,
        channel,
        ref,
        result=body.result,
        text=body.text,
        objects=read_objects(body.objects, field="json.objects", now=call.now),
        now=call.now,
    )
    return written_document(where, Act.REQUEST_ANSWERED, written)


@resource.writes(
    "POST",
    "/<channel>/<ref>/refusals",
    takes=RefusalIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="request.declined",
)
def post_call_refusal(call: Call, channel: str, ref: str, body: RefusalIn) -> WrittenOut:
    """Decline to answer a request; the reason may be kept back."""
    where, written = answering.decline(
        call.session,
        current_office().desk(call.session),
        call.actor,
        channel,
        ref,
        reason=body.reason,
        text=body.text,
        now=call.now,
    )
    return written_document(where, Act.REQUEST_DECLINED, written)


@resource.writes(
    "POST",
    "/<channel>/<ref>/told",
    takes=ToldIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="statement.relayed",
)
def post_call_told(call: Call, channel: str, ref: str, body: ToldIn) -> WrittenOut:
    """Record what an organisation answered that can't write now: our statement, on its behalf."""
    kind = _kind(call, channel, ref)
    given = (call.session, current_office().desk(call.session), call.actor, channel, ref)
    told = Told(body.way, body.at or call.now, body.informant)
    if kind is CallKind.REQUEST:
        act = Act.REQUEST_ANSWERED if body.result is not None else Act.REQUEST_DECLINED
        written: Written = answering.answer_for(
            *given,
            organisation=body.organisation,
            told=told,
            result=body.result,
            reason=body.reason,
            text=body.text,
            now=call.now,
        )
        return written_document(channel, act, written)
    written = answering.acknowledge_for(
        *given,
        organisation=body.organisation,
        told=told,
        affected=body.affected,
        text=body.text,
        now=call.now,
    )
    return written_document(channel, _acknowledged(kind), written)


def _us(call: Call) -> str:
    return current_office().desk(call.session).organisation


def _kind(call: Call, channel: str, ref: str) -> CallKind:
    found = queries.get_call(call.session, call.actor, channel, ref, us=_us(call), now=call.now)
    return found.kind


def _acknowledged(kind: CallKind) -> Act:
    return Act.CHECK_ACKNOWLEDGED if kind is CallKind.CHECK else Act.WARNING_ACKNOWLEDGED


def _issued(channel: str, issued: Issued) -> tuple[IssuedOut, str]:
    return issued_document(channel, issued), f"{PREFIX}/calls/{channel}/{issued.ref}"


def _cursor_of(row: ShownCall) -> str:
    place = queries.place_of(row)
    return write_cursor(int(place.has_ended), oldest_first(place.issued_at), place.ref)


def _page(found: list[ShownCall], query: PageQuery) -> CallsOut:
    rows, following = cut_page(
        found,
        query,
        lambda row: (int(not row.is_open), newest_first(row.issued_at), row.channel, row.ref),
        int,
        int,
        str,
        str,
    )
    return CallsOut(items=[call_document(row) for row in rows], next=following)
