"""Forms of warnings, checks and requests, for the API and for `--json`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hub.api.channel_documents import written_document
from hub.api.channel_models import OrganisationId, WrittenOut
from hub.api.directory_models import ContactOut
from hub.api.models import Document, Form, Moment
from hub.calls.calling import Issued
from hub.calls.values import Call, Indicator, Update
from hub.channels.incoming import MAX_OBJECTS
from hub.channels.relay import MAX_NAME_CHARACTERS
from policies.acts import Act
from policies.calls import (
    Affected,
    AnswersTo,
    CallKind,
    DeclineReason,
    Reply,
    RequestOutcome,
    RequestResult,
)
from policies.tlp import TLP

Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Addressees = Annotated[
    list[OrganisationId],
    Field(max_length=500, description="All other joined members if none is named."),
]
Label = Annotated[TLP | None, Field(description="The channel's ceiling if not given.")]
Objects = Annotated[
    list[dict[str, object]],
    Field(max_length=MAX_OBJECTS, description="STIX objects of ours: what to look for."),
]


class WarningIn(Form):
    """What threatens, and what to do."""

    text: Text
    addressees: Addressees = Field(default_factory=list)
    reply_by: Annotated[Moment | None, Field(description="In one hour if not given.")] = None
    next_update: Annotated[Moment | None, Field(description="When they hear more.")] = None
    objects: Objects = Field(default_factory=list)
    tlp: Label = None


class CheckIn(Form):
    """Who is asked to answer."""

    text: Text | None = None
    addressees: Addressees = Field(default_factory=list)
    reply_by: Annotated[Moment | None, Field(description="In one hour if not given.")] = None
    tlp: Label = None


class InquiryIn(Form):
    """What is asked, of whom, and who reads the answers."""

    text: Text
    addressees: Addressees = Field(default_factory=list)
    needed_by: Annotated[Moment | None, Field(description="In a day if not given.")] = None
    answers_to: AnswersTo = AnswersTo.ALL
    about: Annotated[
        str | None, Field(max_length=288, description="STIX id of what it is about.")
    ] = None
    objects: Objects = Field(default_factory=list)
    tlp: Label = None


class AdditionIn(Form):
    """What is new about a warning."""

    text: Text
    again: Annotated[bool, Field(description="Whether all are asked again.")] = False
    reply_by: Moment | None = None
    next_update: Moment | None = None
    objects: Objects = Field(default_factory=list)
    tlp: Label = None


class EndIn(Form):
    """That nobody is asked any more."""

    text: Text | None = None
    outcome: Annotated[
        RequestOutcome | None,
        Field(
            description="Of a request; as the answers say if not given, or *no longer needed* where"
            " they are for the asker alone."
        ),
    ] = None


class CallAcknowledgementIn(Form):
    """That a warning or a check has arrived."""

    affected: Annotated[Affected | None, Field(description="By what a warning tells of.")] = None
    text: Text | None = None


class InquiryAnswerIn(Form):
    """What we know of what was asked."""

    result: RequestResult = RequestResult.ANSWERED
    text: Text | None = None
    objects: Objects = Field(default_factory=list)


class RefusalIn(Form):
    """That we do not answer; the reason may be kept back."""

    reason: DeclineReason | None = None
    text: Text | None = None


class ToldIn(Form):
    """What an organisation answered that can't write now, and how it came."""

    organisation: OrganisationId
    way: Literal["telephone", "in-person", "e-mail", "message", "other"] = "telephone"
    at: Annotated[Moment | None, Field(description="When it was said; now, if not given.")] = None
    informant: Annotated[
        str | None, Field(min_length=1, max_length=MAX_NAME_CHARACTERS, description="Who told it.")
    ] = None
    affected: Annotated[Affected | None, Field(description="To a warning.")] = None
    result: Annotated[
        RequestResult | None, Field(description="To a request; null where they declined.")
    ] = None
    reason: Annotated[DeclineReason | None, Field(description="Why they declined.")] = None
    text: Text | None = None


class AskedOut(Document):
    """One organisation that is asked, and what it answered."""

    organisation: str
    name: str
    is_us: bool
    membership: str
    without_node: bool
    contact: Annotated[str | None, Field(description="Shown to who manages members.")]
    reply: Reply
    asked_at: Moment
    reply_by: Moment
    answered_at: Annotated[
        Moment | None, Field(description="Its first answer to the newest asking.")
    ]
    minutes: Annotated[int | None, Field(description="From that asking to that answer.")]
    late: bool
    newest_at: Annotated[Moment | None, Field(description="Its newest answer, which counts.")]
    way: str | None
    relayed: Annotated[bool, Field(description="The coordinator wrote down what it told.")]
    affected: Affected | None
    result: RequestResult | None
    reason: DeclineReason | None
    text: str | None
    people: Annotated[list[ContactOut], Field(description="Of the silent: whom to call, in order.")]


class MeasuredOut(Document):
    """How quickly those who were called have answered, by ledger time alone."""

    asked: int
    answered: int
    within: Annotated[
        list[tuple[int, int]], Field(description="Minutes, and how many took no longer.")
    ]
    middle: int | None
    slowest: int | None


class CallOut(Document):
    """A warning, a check or a request."""

    channel: str
    channel_name: str
    ref: Annotated[str, Field(description="STIX id of the object that says it.")]
    kind: CallKind
    author: str
    author_name: str
    is_ours: Annotated[bool, Field(description="We add to it, and end it.")]
    text: str
    tlp: TLP
    issued_at: Annotated[Moment, Field(description="Ledger time.")]
    changed_at: Moment
    reply_by: Moment | None
    next_update: Moment | None
    answers_to: AnswersTo | None
    about: str | None
    closed_at: Moment | None
    outcome: RequestOutcome | None
    is_open: bool
    waits_for_us: bool
    is_under_way: Annotated[bool, Field(description="An answer of ours waits in the outbox.")]
    addressees: Annotated[list[AskedOut], Field(description="The silent first.")]
    measured: MeasuredOut


class CallsOut(Document):
    """A page of warnings, checks and requests, the open ones first."""

    items: list[CallOut]
    next: str | None


class UpdateOut(Document):
    """What whoever called said since."""

    author_name: str
    act: Act
    asks_again: bool
    text: str | None
    at: Moment


class CallIndicatorOut(Document):
    """Something to look for."""

    name: str
    pattern: str
    tlp: TLP


class CallDetailsOut(Document):
    """A warning, a check or a request, with all that was said to it."""

    call: CallOut
    updates: list[UpdateOut]
    indicators: list[CallIndicatorOut]


class IssuedOut(Document):
    """What was called out, and what became of the write."""

    ref: str
    written: WrittenOut


def call_document(call: Call) -> CallOut:
    """Give a warning, a check or a request as the API shows it."""
    return CallOut.model_validate(
        {
            name: getattr(call, name)
            for name in CallOut.model_fields
            if name not in {"addressees", "measured"}
        }
        | {
            "addressees": [
                AskedOut.model_validate(one, from_attributes=True) for one in call.addressees
            ],
            "measured": MeasuredOut.model_validate(call.measured, from_attributes=True),
        }
    )


def details_document(
    call: Call, updates: list[Update], indicators: list[Indicator]
) -> CallDetailsOut:
    """Give a call with all that was said to it."""
    return CallDetailsOut(
        call=call_document(call),
        updates=[UpdateOut.model_validate(one, from_attributes=True) for one in updates],
        indicators=[
            CallIndicatorOut.model_validate(one, from_attributes=True) for one in indicators
        ],
    )


def issued_document(channel: str, issued: Issued) -> IssuedOut:
    """Give what was called out as the API shows it."""
    return IssuedOut(ref=issued.ref, written=written_document(channel, issued.act, issued.written))
