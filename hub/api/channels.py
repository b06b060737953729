"""`/api/v1/channels`: what is coordinated with others, and how far that is proven."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from http import HTTPStatus
from typing import IO, Final, cast

from sqlalchemy.orm import Session

from federation.archive.outbox_writer import OutboxFile
from federation.archive.writer import Export
from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from hub.accounts.current import current_settings
from hub.api.channel_documents import (
    channel_document,
    entry_document,
    entry_written,
    file_document,
    member_document,
    pending_document,
    verification_document,
    written_document,
)
from hub.api.channel_models import (
    ActIn,
    ChannelIn,
    ChannelOut,
    ChannelsOut,
    EntriesOut,
    EntriesQuery,
    ExportQuery,
    FileTakenOut,
    InviteIn,
    MemberIn,
    MembersOut,
    NoteIn,
    OpenActsOut,
    OutboxQuery,
    PendingsOut,
    RemoveIn,
    VerificationOut,
    WrittenOut,
)
from hub.api.frame import PREFIX, Call, Download, Resource, Step
from hub.api.holding_models import (
    HoldersOut,
    HoldingsOut,
    holders_document,
    holding_document,
)
from hub.api.listing import cut_page, newest_first, oldest_first
from hub.api.paging import PageQuery, cut, read_cursor, write_cursor
from hub.api.preview_models import PreviewIn, PreviewOut, preview_document
from hub.channels import files, history, holders, proofs, queries, repair, service
from hub.channels.incoming import read_objects
from hub.channels.kept_words import kept_words_of
from hub.channels.member_queries import visible_members, visible_open_acts
from hub.channels.preview import get_preview
from hub.office import current_office
from policies.acts import ACTS, Act, ChannelKind

EXPORT_TYPE: Final = "application/jsonl"
FILE_TYPES: Final = (EXPORT_TYPE, "application/gzip")
_IN_MEMORY: Final = 4 * 1024 * 1024

resource = Resource("channels")


@resource.reads("", gives=ChannelsOut, query=PageQuery)
def get_channels(call: Call, query: PageQuery) -> ChannelsOut:
    """Give the channels, the newest word first; direct ones last."""
    rows, following = cut_page(
        queries.visible_channels(call.session, call.actor),
        query,
        lambda row: (int(row.kind is ChannelKind.DIRECT), newest_first(row.head_at), row.id),
        int,
        int,
        str,
    )
    return ChannelsOut(items=[channel_document(row) for row in rows], next=following)


@resource.writes(
    "POST",
    "",
    takes=ChannelIn,
    gives=ChannelOut,
    status=HTTPStatus.CREATED,
    action="channel.opened",
)
def post_channel(call: Call, body: ChannelIn) -> tuple[ChannelOut, str]:
    """Open a community or a case that we coordinate."""
    record = service.open_channel(
        call.session,
        _desk(call.session),
        call.actor,
        kind=ChannelKind(body.kind),
        name=body.name,
        ceiling=body.tlp,
        parent=body.parent,
        now=call.now,
    )
    summary = queries.get_visible_summary(call.session, call.actor, record.id)
    return channel_document(summary), f"{PREFIX}/channels/{record.id}"


@resource.reads("/<channel>", gives=ChannelOut)
def get_channel(call: Call, channel: str) -> ChannelOut:
    """Give one channel, as it stands here."""
    return channel_document(queries.get_visible_summary(call.session, call.actor, channel))


@resource.reads("/<channel>/entries", gives=EntriesOut, query=EntriesQuery, audited="channel.read")
def get_channel_entries(call: Call, channel: str, query: EntriesQuery) -> EntriesOut:
    """Give the history in plain words, newest first."""
    before = read_cursor(query.cursor, int, int)
    rows, more = cut(
        history.visible_entries(
            call.session,
            call.actor,
            channel,
            before=(before[0], before[1]) if before else None,
            limit=query.limit + 1,
        ),
        query.limit,
    )
    return EntriesOut(
        items=[entry_document(row) for row in rows],
        next=write_cursor(rows[-1].epoch, rows[-1].seq) if more else None,
    )


@resource.reads("/<channel>/members", gives=MembersOut, query=PageQuery)
def get_channel_members(call: Call, channel: str, query: PageQuery) -> MembersOut:
    """Give who takes part, the joined first."""
    us = _desk(call.session).organisation
    rows, following = cut_page(
        visible_members(call.session, call.actor, channel, us=us, now=call.now),
        query,
        lambda row: (int(row.state != "joined"), oldest_first(row.since), row.organisation),
        int,
        int,
        str,
    )
    return MembersOut(items=[member_document(row) for row in rows], next=following)


@resource.reads("/<channel>/pending", gives=PendingsOut, query=PageQuery)
def get_channel_pending(call: Call, channel: str, query: PageQuery) -> PendingsOut:
    """Give what of ours is on its way there, and refusals that nobody has taken note of."""
    service.get_visible_channel(call.session, call.actor, channel)
    rows, following = cut_page(
        queries.visible_pending(call.session, call.actor, channel, now=call.now),
        query,
        lambda row: (row.nth, row.sha256),
        int,
        str,
    )
    kept = kept_words_of(call.session, call.actor, rows)
    return PendingsOut(items=[pending_document(row, kept) for row in rows], next=following)


@resource.reads("/<channel>/verification", gives=VerificationOut)
def get_channel_verification(call: Call, channel: str) -> VerificationOut:
    """Give how far our copy is proven, and what to do where it is not."""
    return verification_document(queries.visible_verification(call.session, call.actor, channel))


@resource.reads("/<channel>/receipts", gives=HoldersOut)
def get_channel_receipts(call: Call, channel: str) -> HoldersOut:
    """Give who holds the channel up to where, with the newest receipt of each member."""
    us = _desk(call.session).organisation
    return holders_document(
        holders.visible_holders(call.session, call.actor, channel, us=us, now=call.now)
    )


@resource.reads("/<channel>/objects/<ref>/holders", gives=HoldingsOut, audited="channel.read")
def get_channel_object_holders(call: Call, channel: str, ref: str) -> HoldingsOut:
    """Give who has held an object since when, and who vouches for it.

    The object is named by its STIX id, an entry by its place: `EPOCH-SEQ`.
    """
    found = holders.visible_holdings(call.session, call.actor, channel, ref)
    return HoldingsOut(items=[holding_document(one) for one in found])


@resource.reads("/<channel>/open-acts", gives=OpenActsOut)
def get_channel_open_acts(call: Call, channel: str) -> OpenActsOut:
    """Give the acts that could be written now."""
    acts = visible_open_acts(call.session, _desk(call.session), call.actor, channel, now=call.now)
    return OpenActsOut(
        items=[act for act in Act if act in acts and call.actor.may(ACTS[act].right)]
    )


@resource.writes(
    "POST",
    "/<channel>/acts",
    takes=ActIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="act.written",
)
def post_channel_act(call: Call, channel: str, body: ActIn) -> WrittenOut:
    """Write any act: an entry where the channel is ours, else a contribution."""
    objects = read_objects(body.objects, field="json.objects", now=call.now)
    return _written(
        call,
        channel,
        body.act,
        lambda desk: service.write(
            call.session,
            desk,
            call.actor,
            channel,
            body.act,
            body.body,
            objects,
            later_members=body.later_members,
            now=call.now,
        ),
    )


@resource.writes(
    "POST", "/<channel>/preview", takes=PreviewIn, gives=PreviewOut, action="channel.previewed"
)
def post_channel_preview(call: Call, channel: str, body: PreviewIn) -> PreviewOut:
    """Tell who would read something, were it written now; nothing is written."""
    sight = get_preview(
        call.session,
        call.actor,
        channel,
        us=_desk(call.session).organisation,
        act=body.act,
        label=body.tlp,
        later_members=body.later_members,
        covered=read_objects(body.objects, field="json.objects", now=call.now),
    )
    return preview_document(sight)


@resource.writes(
    "POST",
    "/<channel>/notes",
    takes=NoteIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="note.added",
)
def post_channel_note(call: Call, channel: str, body: NoteIn) -> WrittenOut:
    """Write a note to all members."""
    return _written(
        call,
        channel,
        Act.NOTE_ADDED,
        lambda desk: service.add_note(
            call.session,
            desk,
            call.actor,
            channel,
            text=body.text,
            tlp=body.tlp,
            later_members=body.later_members,
            now=call.now,
        ),
    )


@resource.writes(
    "POST",
    "/<channel>/invitations",
    takes=InviteIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="member.invited",
)
def post_channel_invitation(call: Call, channel: str, body: InviteIn) -> WrittenOut:
    """Invite a partner into a channel of ours; it reads of it in our direct channel."""
    entry = service.invite(
        call.session,
        _desk(call.session),
        call.actor,
        channel,
        organisation=body.organisation,
        roles=[role.value for role in body.roles],
        reason=body.reason,
        reply_by=body.reply_by,
        replaces=body.replaces,
        now=call.now,
    )
    return entry_written(channel, Act.MEMBER_INVITED, entry)


@resource.writes(
    "POST",
    "/<channel>/uninvite",
    takes=MemberIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="member.uninvited",
)
def post_channel_uninvite(call: Call, channel: str, body: MemberIn) -> WrittenOut:
    """Take an invitation back."""
    return _written(
        call,
        channel,
        Act.MEMBER_UNINVITED,
        lambda desk: service.uninvite(
            call.session, desk, call.actor, channel, organisation=body.organisation, now=call.now
        ),
    )


@resource.writes(
    "POST",
    "/<channel>/remove",
    takes=RemoveIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="member.removed",
)
def post_channel_removal(call: Call, channel: str, body: RemoveIn) -> WrittenOut:
    """Remove a member from a channel of ours."""
    return _written(
        call,
        channel,
        Act.MEMBER_REMOVED,
        lambda desk: service.remove(
            call.session,
            desk,
            call.actor,
            channel,
            organisation=body.organisation,
            reason=body.reason,
            now=call.now,
        ),
    )


@resource.writes(
    "POST",
    "/<channel>/leave",
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="member.left",
)
def post_channel_leaving(call: Call, channel: str) -> WrittenOut:
    """Leave a channel; what was received stays here."""
    return _written(
        call,
        channel,
        Act.MEMBER_LEFT,
        lambda desk: service.leave(call.session, desk, call.actor, channel, now=call.now),
    )


@resource.writes("POST", "/<channel>/retry", gives=ChannelOut, action="channel.retried")
def post_channel_retry(call: Call, channel: str) -> ChannelOut:
    """Have a waiting or frozen channel read again."""
    repair.retry(call.session, _desk(call.session), call.actor, channel, now=call.now)
    return channel_document(queries.get_visible_summary(call.session, call.actor, channel))


@resource.downloads(
    "/<channel>/export", media_type=EXPORT_TYPE, query=ExportQuery, audited="channel.exported"
)
def get_channel_export(call: Call, channel: str, query: ExportQuery) -> Download:
    """Give the channel as one file, which anybody can check with nothing but the file."""
    export = proofs.get_export(
        call.session,
        call.actor,
        channel,
        us=_desk(call.session).organisation,
        for_=query.for_,
        now=call.now,
    )
    return _spooled(export, call)


@resource.downloads(
    "/<channel>/outbox", media_type=EXPORT_TYPE, query=OutboxQuery, audited="outbox.taken_away"
)
def get_channel_outbox(call: Call, channel: str, query: OutboxQuery) -> Download:
    """Give what of ours waits for a channel as one file, which its owner takes in."""
    del query
    us = _desk(call.session).organisation
    return _spooled(files.get_outbox(call.session, call.actor, channel, us=us, now=call.now), call)


@resource.uploads("/import", media_types=FILE_TYPES, gives=FileTakenOut, action="file.taken_in")
def post_channel_import(step: Step, data: bytes) -> FileTakenOut:
    """Take in an export or contributions that came by file."""
    result = files.take_in(
        current_office().files,
        step.actor,
        io.BytesIO(data),
        limit_bytes=files.UPLOAD_EXPANDED_BYTES,
        now=step.now,
    )
    return file_document(result)


def _spooled(made: Export | OutboxFile, call: Call) -> Download:
    with ExitStack() as stack:
        folder = str(current_settings().data)
        spool = stack.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=folder))
        stream = cast("IO[bytes]", spool)
        size = proofs.write_export(call.session, made, stream)
        stream.seek(0)
        stack.pop_all()  # from here on, who sends it closes it
    return Download(name=made.name, stream=stream, size_bytes=size)


def _desk(session: Session) -> Desk:
    return current_office().desk(session)


def _written(call: Call, channel: str, act: Act, write: Callable[[Desk], Written]) -> WrittenOut:
    return written_document(channel, act, write(_desk(call.session)))
