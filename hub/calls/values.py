"""What a person is shown of a warning, a check or a request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hub.community.directory_queries import Contact
from policies.acts import Act, ChannelKind
from policies.calls import (
    Affected,
    AnswersTo,
    CallKind,
    DeclineReason,
    Measured,
    Reply,
    RequestOutcome,
    RequestResult,
    measure,
)
from policies.tlp import TLP


@dataclass(frozen=True)
class Asked:
    """One organisation that is asked, and what it answered.

    Args:
        membership: how it stands in the channel now.
        own_name: as we alone know it.
        contact: how to reach it, where this node knows and this person may read it.
        people: of the silent: whom to call there, in order.
        answered_at: when its first answer to the newest asking came.
        minutes: from that asking to that answer, by ledger time.
        late: that answer came after the time that was given.
        newest_at: when its newest answer came, which counts.
        relayed: it told whoever coordinates, who wrote it down.
    """

    organisation: str
    name: str
    is_us: bool
    membership: str
    without_node: bool
    own_name: str | None
    contact: str | None
    reply: Reply
    asked_at: datetime
    reply_by: datetime
    is_closed: bool
    answered_at: datetime | None = None
    minutes: int | None = None
    late: bool = False
    newest_at: datetime | None = None
    way: str | None = None
    relayed: bool = False
    affected: Affected | None = None
    result: RequestResult | None = None
    reason: DeclineReason | None = None
    text: str | None = None
    tlp: TLP = TLP.CLEAR
    people: tuple[Contact, ...] = ()

    @property
    def is_silent(self) -> bool:
        """Tell whether nothing has come from it so far, in time or not."""
        return self.reply in {Reply.SILENT, Reply.WAITING}


@dataclass(frozen=True)
class Update:
    """What whoever called said since."""

    author_name: str
    act: Act
    asks_again: bool
    text: str | None
    tlp: TLP
    at: datetime


@dataclass(frozen=True)
class Indicator:
    """Something to look for."""

    name: str
    pattern: str
    tlp: TLP


@dataclass(frozen=True)
class Call:
    """A warning, a check or a request.

    Args:
        is_ours: it is for us to add to it and to end it.
        text: *for coordinators and handlers* where this person may not read it.
        addressees: the silent first.
        is_under_way: an answer of ours waits in the outbox.
    """

    channel: str
    channel_name: str
    channel_kind: ChannelKind
    channel_is_ours: bool
    ref: str
    kind: CallKind
    bundle: str
    author: str
    author_name: str
    is_ours: bool
    text: str
    tlp: TLP
    issued_at: datetime
    changed_at: datetime
    next_update: datetime | None
    answers_to: AnswersTo | None
    about: str | None
    closed_at: datetime | None
    outcome: RequestOutcome | None
    addressees: tuple[Asked, ...]
    is_under_way: bool

    @property
    def is_open(self) -> bool:
        """Tell whether somebody is still asked."""
        return self.closed_at is None

    @property
    def ours(self) -> Asked | None:
        """What is asked of us, where it is."""
        return next((one for one in self.addressees if one.is_us), None)

    @property
    def waits_for_us(self) -> bool:
        """Tell whether our organisation is asked, and has not answered."""
        ours = self.ours
        return (
            ours is not None
            and ours.is_silent
            and ours.membership == "joined"
            and not self.is_under_way
        )

    @property
    def silent(self) -> tuple[Asked, ...]:
        """Those from whom nothing has come so far."""
        return tuple(one for one in self.addressees if one.is_silent)

    @property
    def overdue(self) -> tuple[Asked, ...]:
        """Those from whom nothing has come in the time that was given."""
        return tuple(one for one in self.addressees if one.reply is Reply.SILENT)

    def is_to_be_led(self, now: datetime) -> bool:
        """Tell whether it is for us to call the silent, or to say more as we promised."""
        return self.is_ours and (bool(self.overdue) or self.has_to_tell_more(now))

    def has_to_tell_more(self, now: datetime) -> bool:
        """Tell whether the time by which more was promised has passed."""
        return self.next_update is not None and self.next_update < now

    @property
    def reply_by(self) -> datetime | None:
        """The latest time that was given to anybody."""
        return max((one.reply_by for one in self.addressees), default=None)

    @property
    def measured(self) -> Measured:
        """How quickly they have answered."""
        spans = [
            one.answered_at - one.asked_at for one in self.addressees if one.answered_at is not None
        ]
        return measure(spans, asked=len(self.addressees))
