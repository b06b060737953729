"""`/api/v1/invitations`: the channels that others have invited us to."""

from __future__ import annotations

from http import HTTPStatus

from hub.api.channel_documents import invitation_document, written_document
from hub.api.channel_models import AnswerIn, InvitationsQuery, ReceivedInvitationsOut, WrittenOut
from hub.api.frame import Call, Resource
from hub.api.listing import cut_page, oldest_first
from hub.channels import service
from hub.channels.invitations import visible_invitations
from hub.office import current_office
from policies.acts import Act

resource = Resource("invitations")


@resource.reads("", gives=ReceivedInvitationsOut, query=InvitationsQuery)
def get_invitations(call: Call, query: InvitationsQuery) -> ReceivedInvitationsOut:
    """Give the invitations that wait for an answer, the most urgent first."""
    rows, following = cut_page(
        visible_invitations(call.session, call.actor, now=call.now, open_only=not query.all),
        query,
        lambda row: (oldest_first(row.reply_by), row.channel, row.owner),
        int,
        str,
        str,
    )
    return ReceivedInvitationsOut(items=[invitation_document(row) for row in rows], next=following)


@resource.writes(
    "POST",
    "/<channel>/answer",
    takes=AnswerIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="invitation.answered",
)
def post_invitation_answer(call: Call, channel: str, body: AnswerIn) -> WrittenOut:
    """Join or decline."""
    desk = current_office().desk(call.session)
    if body.answer == "join":
        written = service.join(
            call.session,
            desk,
            call.actor,
            channel,
            owner=body.owner,
            takes=body.takes,
            accept_charter=body.accept_charter,
            now=call.now,
        )
        return written_document(channel, Act.MEMBER_JOINED, written)
    written = service.decline(
        call.session,
        desk,
        call.actor,
        channel,
        owner=body.owner,
        reason=body.reason,
        now=call.now,
    )
    return written_document(channel, Act.MEMBER_DECLINED, written)
