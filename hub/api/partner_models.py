"""Forms of partnerships, for the API and for `--json`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field
from sqlalchemy.orm import Session

from federation.identity.node import get_node
from federation.partners import pairing, throttling
from federation.partners.pairing import GivenInvitation
from federation.partners.partner_keys import find_key_state, newest_descriptor
from federation.partners.partner_records import PartnerState, StopReason
from federation.partners.partners import MAX_REASON_CHARACTERS, Partner
from hub import clock
from hub.api.models import Document, Form, Moment
from hub.api.node import KeyOut, KeyStateOut

Reason = Annotated[
    str | None,
    Field(max_length=MAX_REASON_CHARACTERS, description="For our own record; never sent."),
]


class PartnerOut(Document):
    """One partnership."""

    organisation: Annotated[str, Field(description="Its STIX id.")]
    name: str
    base_url: str
    recovery_thumbprint: str
    state: PartnerState
    stopped_by: Annotated[
        StopReason | None, Field(description="Why this node itself stopped the exchange.")
    ]
    reason: str | None
    we_invited: bool
    paired_at: Moment
    changed_at: Moment
    confirmed_at: Annotated[Moment | None, Field(description="When we confirmed it.")]
    confirmed_by: str | None
    phrase_compared: bool | None
    delivered_at: Annotated[Moment | None, Field(description="When it took our confirmation.")]
    they_confirmed_at: Moment | None
    heard_at: Annotated[Moment | None, Field(description="When its node was last heard.")]
    failed_at: Moment | None
    failure: Annotated[str | None, Field(description="Why it could not be reached then.")]
    descriptor_version: int
    key_state: KeyStateOut | None = None


class PartnersOut(Document):
    """A page of partnerships, by name."""

    items: list[PartnerOut]
    next: str | None


class ThrottledOut(Document):
    """That a partner asks more of this node than it may."""

    since: Moment
    at: Annotated[Moment, Field(description="When it was last refused something.")]
    what: Annotated[str, Field(description="Which quota was used up.")]
    refused_count: int


class PartnerDetailOut(PartnerOut):
    """One partnership, with what both administrators compare."""

    phrase: Annotated[list[str], Field(description="The eight words that both sides see.")]
    keys: list[KeyOut]
    quota_percent: Annotated[int, Field(description="What it may ask, of what is usual.")]
    throttled: Annotated[
        ThrottledOut | None, Field(description="That it asks more; null: it does not.")
    ]


class QuotaIn(Form):
    """What one partner may ask of this node."""

    percent: Annotated[int, Field(ge=throttling.LEAST_PERCENT, le=throttling.MOST_PERCENT)]


class InvitationIn(Form):
    """An invitation to be made."""

    note: Annotated[
        str | None,
        Field(
            max_length=pairing.MAX_NOTE_CHARACTERS,
            description="For whom it is meant, in your words; never sent.",
        ),
    ] = None


class InvitationLineOut(Document):
    """A new invitation."""

    line: Annotated[str, Field(description="Give it to the other side; shown this once.")]
    expires_at: Moment


class GivenInvitationOut(Document):
    """An invitation that we gave out, without its secret."""

    id: UUID
    note: str | None
    created_at: Moment
    created_by: str
    expires_at: Moment
    used_at: Moment | None
    used_by: str | None
    withdrawn_at: Moment | None


class GivenInvitationsOut(Document):
    """A page of the invitations that we gave out, newest first."""

    items: list[GivenInvitationOut]
    next: str | None


class AcceptIn(Form):
    """The line that the other side gave us."""

    line: Annotated[str, Field(min_length=1, max_length=1000)]


class ConfirmIn(Form):
    """Whether the eight words were compared over another way."""

    compared: bool


class ReasonIn(Form):
    """Why."""

    reason: Reason = None


def partner_document(session: Session, partner: Partner) -> PartnerOut:
    """Give a partnership as the API shows it."""
    document = PartnerOut.model_validate(partner, from_attributes=True)
    keys = find_key_state(session, partner.organisation)
    state = KeyStateOut.model_validate(keys, from_attributes=True) if keys is not None else None
    return document.model_copy(update={"key_state": state})


def partner_detail(
    session: Session, partner: Partner, *, now: datetime | None = None
) -> PartnerDetailOut:
    """Give a partnership with the phrase, the keys in its newest descriptor, and its quota."""
    throttled = throttling.find_throttled(session, partner.organisation, now=now or clock.utcnow())
    return PartnerDetailOut(
        **dict(partner_document(session, partner)),
        phrase=list(pairing.verification_phrase(get_node(session), partner)),
        keys=[
            KeyOut(
                thumbprint=entry.key.thumbprint,
                use=entry.use,
                since=entry.since,
                retired_at=entry.retired_at,
                revoked_at=entry.revoked_at,
            )
            for entry in newest_descriptor(session, partner.organisation).keys
        ],
        quota_percent=throttling.percent_of(session, partner.organisation),
        throttled=ThrottledOut.model_validate(throttled, from_attributes=True)
        if throttled
        else None,
    )


def given_document(row: GivenInvitation) -> GivenInvitationOut:
    """Give an invitation that we gave out as the API shows it."""
    return GivenInvitationOut.model_validate(row, from_attributes=True)
