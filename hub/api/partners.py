"""`/api/v1/partners`: pairing with other organisations, and the partnerships that came of it."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from federation.partners.invitations import LIFE
from hub import partnerships
from hub.api.frame import PREFIX, Call, Resource, Step
from hub.api.listing import cut_page, newest_first
from hub.api.paging import PageQuery
from hub.api.partner_models import (
    AcceptIn,
    ConfirmIn,
    GivenInvitationOut,
    GivenInvitationsOut,
    InvitationIn,
    InvitationLineOut,
    PartnerDetailOut,
    PartnerOut,
    PartnersOut,
    QuotaIn,
    ReasonIn,
    given_document,
    partner_detail,
    partner_document,
)
from hub.office import current_office
from policies.errors import NotFoundError
from sharing.db import reading

resource = Resource("partners")


@resource.reads("", gives=PartnersOut, query=PageQuery)
def get_partners(call: Call, query: PageQuery) -> PartnersOut:
    """Give the partnerships by name."""
    rows, following = cut_page(
        partnerships.visible_partners(call.session, call.actor),
        query,
        lambda row: (row.name, row.organisation),
        str,
        str,
    )
    return PartnersOut(items=[partner_document(call.session, row) for row in rows], next=following)


@resource.reads("/invitations", gives=GivenInvitationsOut, query=PageQuery)
def get_partner_invitations(call: Call, query: PageQuery) -> GivenInvitationsOut:
    """Give the invitations that we gave out, newest first; nobody knows their secrets any more."""
    rows, following = cut_page(
        partnerships.visible_invitations(call.session, call.actor),
        query,
        lambda row: (newest_first(row.created_at), str(row.id)),
        int,
        str,
    )
    return GivenInvitationsOut(items=[given_document(row) for row in rows], next=following)


@resource.writes(
    "POST",
    "/invitations",
    takes=InvitationIn,
    gives=InvitationLineOut,
    status=HTTPStatus.CREATED,
    action="partner.invited",
)
def post_partner_invitation(call: Call, body: InvitationIn) -> InvitationLineOut:
    """Make an invitation: one line, for one use."""
    invitation = partnerships.invite(call.session, call.actor, note=body.note, now=call.now)
    return InvitationLineOut(line=invitation.line, expires_at=call.now + LIFE)


@resource.writes(
    "DELETE",
    "/invitations/<invitation_id>",
    gives=GivenInvitationOut,
    action="partner.invitation_withdrawn",
)
def delete_partner_invitation(call: Call, invitation_id: str) -> GivenInvitationOut:
    """Take an invitation back before it is used."""
    wanted = _read_uuid(invitation_id)
    partnerships.withdraw_invitation(call.session, call.actor, wanted, now=call.now)
    rows = partnerships.visible_invitations(call.session, call.actor)
    return given_document(next(row for row in rows if row.id == wanted))


@resource.writes(
    "POST",
    "/accept",
    takes=AcceptIn,
    gives=PartnerDetailOut,
    status=HTTPStatus.CREATED,
    action="partner.accepted",
    in_one_transaction=False,
)
def post_partner_accept(step: Step, body: AcceptIn) -> tuple[PartnerDetailOut, str]:
    """Answer an invitation; then compare the eight words, and confirm on both sides."""
    exchanges = current_office().exchanges
    partner = partnerships.accept(exchanges, step.actor, body.line, now=step.now)
    with reading() as session:
        document = partner_detail(session, partner)
    return document, f"{PREFIX}/partners/{partner.organisation}"


@resource.reads("/<organisation>", gives=PartnerDetailOut)
def get_partner(call: Call, organisation: str) -> PartnerDetailOut:
    """Give one partnership, with the words to compare."""
    partner = partnerships.get_visible_partner(call.session, call.actor, organisation)
    return partner_detail(call.session, partner)


@resource.writes(
    "POST",
    "/<organisation>/confirmation",
    takes=ConfirmIn,
    gives=PartnerOut,
    action="partner.confirmed",
    in_one_transaction=False,
)
def post_partner_confirmation(step: Step, organisation: str, body: ConfirmIn) -> PartnerOut:
    """Confirm that it is the organisation it claims to be, and tell its node so."""
    exchanges = current_office().exchanges
    partner = partnerships.confirm(
        exchanges, step.actor, organisation, compared=body.compared, now=step.now
    )
    with reading() as session:
        return partner_document(session, partner)


@resource.writes(
    "POST",
    "/<organisation>/suspension",
    takes=ReasonIn,
    gives=PartnerOut,
    action="partner.suspended",
)
def post_partner_suspension(call: Call, organisation: str, body: ReasonIn) -> PartnerOut:
    """Stop all exchange at once; nothing is deleted."""
    return partner_document(
        call.session,
        partnerships.suspend(
            call.session, call.actor, organisation, reason=body.reason, now=call.now
        ),
    )


@resource.writes("POST", "/<organisation>/resumption", gives=PartnerOut, action="partner.resumed")
def post_partner_resumption(call: Call, organisation: str) -> PartnerOut:
    """Take up the exchange again."""
    return partner_document(
        call.session,
        partnerships.resume(call.session, call.actor, organisation, now=call.now),
    )


@resource.writes(
    "POST",
    "/<organisation>/quota",
    takes=QuotaIn,
    gives=PartnerDetailOut,
    action="partner.quota_set",
)
def post_partner_quota(call: Call, organisation: str, body: QuotaIn) -> PartnerDetailOut:
    """Allow a partner more or less than is usual."""
    partner = partnerships.set_quota(
        call.session, call.actor, organisation, body.percent, now=call.now
    )
    return partner_detail(call.session, partner, now=call.now)


@resource.writes(
    "POST", "/<organisation>/end", takes=ReasonIn, gives=PartnerOut, action="partner.ended"
)
def post_partner_end(call: Call, organisation: str, body: ReasonIn) -> PartnerOut:
    """End the partnership; a new invitation can begin another."""
    return partner_document(
        call.session,
        partnerships.end(call.session, call.actor, organisation, reason=body.reason, now=call.now),
    )


def _read_uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFoundError("there is no such invitation") from None
