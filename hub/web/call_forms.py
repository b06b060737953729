"""What is typed to warn, to check the communication, to ask, and to answer that."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from hub.channels.relay import MAX_NAME_CHARACTERS
from hub.web.forms import PageForm
from policies.calls import (
    Affected,
    AnswersTo,
    DeclineReason,
    RequestOutcome,
    RequestResult,
)
from policies.tlp import TLP

Text = Annotated[str, StringConstraints(max_length=20_000)]


Organisation = Annotated[str, StringConstraints(max_length=60)]


Words = Annotated[str, StringConstraints(max_length=MAX_NAME_CHARACTERS)]


Organisations = Annotated[list[Organisation], Field(max_length=500)]


class WarningForm(PageForm):
    """What threatens, and what to do."""

    text: Text
    tlp: TLP | None = None
    reply_by: datetime | None = None
    next_update: datetime | None = None
    addressees: Organisations = Field(default_factory=list)


class CheckForm(PageForm):
    """Who is asked to answer."""

    reply_by: datetime | None = None
    addressees: Organisations = Field(default_factory=list)


class RequestForm(PageForm):
    """What is asked, and who reads the answers."""

    text: Text
    answers_to: AnswersTo = AnswersTo.ALL
    tlp: TLP | None = None
    needed_by: datetime | None = None
    addressees: Organisations = Field(default_factory=list)


class AcknowledgementForm(PageForm):
    """That a warning or a check has arrived."""

    affected: Affected | None = None
    text: Text | None = None


class AnswerForm(PageForm):
    """What we know of what was asked."""

    result: RequestResult = RequestResult.ANSWERED
    text: Text | None = None


class RefusalForm(PageForm):
    """That we do not answer."""

    reason: DeclineReason | None = None
    text: Text | None = None


class ToldForm(PageForm):
    """What somebody answered by telephone."""

    organisation: Organisation
    affected: Affected | None = None
    result: RequestResult | None = None
    way: Literal["telephone", "in-person", "e-mail", "message", "other"] = "telephone"
    informant: Words | None = None
    text: Text | None = None


class AdditionForm(PageForm):
    """What is new."""

    text: Text
    again: Literal["yes"] | None = None
    reply_by: datetime | None = None
    next_update: datetime | None = None


class EndForm(PageForm):
    """That nobody is asked any more."""

    text: Text | None = None
    outcome: RequestOutcome | None = None
