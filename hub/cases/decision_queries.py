"""What is asked and was decided in a channel, and how it was voted, as a person may see it.

Source: domain, 2; lifecycles, 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from hub.accounts.actor import Actor
from hub.cases.queries import KEPT_CLOSE, may_read, names_of
from hub.cases.records import CaseWords, DecisionView, VoteView
from hub.channels.service import get_visible_channel
from policies.acts import Act
from policies.decisions import YES, Count, DecisionRule, Topic, count
from policies.errors import NotFoundError
from policies.roles import Right
from policies.tlp import TLP
from sharing.bulk import among


@dataclass(frozen=True)
class Vote:
    """One voter's newest vote; silence is nobody's no."""

    organisation: str
    name: str
    option: str | None
    is_us: bool
    relayed: bool = False
    """The coordinator wrote it down as it was told."""
    disowned: str | None = None
    """What a stolen key voted for it: the ledger counts that until it votes again."""


@dataclass(frozen=True)
class Decision:
    """Something that is decided, or asked."""

    decision: str
    topic: str
    state: str
    text: str | None
    tlp: TLP
    outcome: str | None
    authority: str | None
    rule: DecisionRule | None
    options: tuple[str, ...]
    vote_until: datetime | None
    votes: tuple[Vote, ...]
    count: Count | None
    opened_at: datetime
    taken_at: datetime | None
    review_at: datetime | None
    facts: Mapping[str, Any] | None
    disowned: bool = False
    """Who asked, or said what was decided, says that it was a stolen key."""

    @property
    def stolen(self) -> tuple[Vote, ...]:
        """Give whose vote was a stolen key's, and has not been given anew."""
        return tuple(one for one in self.votes if one.disowned is not None)

    @property
    def is_doubted(self) -> bool:
        """Tell whether it was decided on a stolen key's word, or would not be without one."""
        if self.disowned or self.state != "taken" or not self.stolen or self.count is None:
            return self.disowned
        return not self.count.settled or self.count.outcome != self.outcome

    @property
    def ours(self) -> Vote | None:
        """Our own vote, where we have one."""
        return next((one for one in self.votes if one.is_us), None)


def get_decision_row(session: Session, channel: str, decision: str) -> DecisionView:
    """Give something that was asked or decided in a channel.

    Raises:
        NotFoundError: there is none.
    """
    row = session.get(DecisionView, (channel, decision))
    if row is None:
        raise NotFoundError("there is no such decision")
    return row


def find_vote_to_close(session: Session, actor: Actor, channel: str) -> str | None:
    """Give the vote that said yes to closing a case, since it was opened last."""
    get_visible_channel(session, actor, channel)
    reopened = session.scalar(
        select(func.max(CaseWords.said_at)).where(
            CaseWords.channel == channel, CaseWords.act == Act.CASE_REOPENED
        )
    )
    query = select(DecisionView.decision).where(
        DecisionView.channel == channel,
        DecisionView.topic == Topic.CLOSE,
        DecisionView.state == "taken",
        DecisionView.authority == "vote",
        DecisionView.outcome == YES,
        ~DecisionView.disowned,
    )
    if reopened is not None:
        query = query.where(DecisionView.taken_at > reopened)
    return session.scalars(query.order_by(DecisionView.taken_at.desc())).first()


def visible_unvoted(session: Session, actor: Actor, *, us: str) -> list[tuple[str, str, datetime]]:
    """Give the open questions that wait for our vote: channel, topic, until when."""
    if not actor.may(Right.VOTE):
        return []
    voted = exists().where(
        VoteView.channel == DecisionView.channel,
        VoteView.decision == DecisionView.decision,
        VoteView.voter == us,
        ~VoteView.disowned,
    )
    rows = session.scalars(
        select(DecisionView)
        .where(DecisionView.state == "open", ~DecisionView.disowned, ~voted)
        .order_by(DecisionView.vote_until)
    )
    return [
        (row.channel, row.topic, row.vote_until)
        for row in rows
        if us in (row.voters or ()) and row.vote_until is not None
    ]


def visible_decisions(
    session: Session, actor: Actor, channel: str, *, us: str, over: int | None = None
) -> list[Decision]:
    """Give what is asked and was decided, open questions first, then the newest.

    Args:
        over: how many at most that are not open any more, the newest; all where none is given.
    """
    get_visible_channel(session, actor, channel)
    names = names_of(session, [channel])
    which = DecisionView.channel == channel
    query = select(DecisionView).where(which)
    if over is not None:
        shown = (
            select(DecisionView.decision)
            .where(which, DecisionView.state != "open")
            .order_by(DecisionView.opened_at.desc(), DecisionView.decision)
            .limit(over)
        )
        query = query.where(or_(DecisionView.state == "open", DecisionView.decision.in_(shown)))
    rows = session.scalars(query).all()
    votes: dict[str, dict[str, VoteView]] = {}
    cast = select(VoteView).where(
        VoteView.channel == channel,
        among(session, VoteView.decision, [row.decision for row in rows]),
    )
    for vote in session.scalars(cast):
        votes.setdefault(vote.decision, {})[vote.voter] = vote
    found = [_decision(actor, row, votes.get(row.decision, {}), names, us) for row in rows]
    newest = sorted(found, key=lambda one: one.opened_at, reverse=True)
    return sorted(newest, key=lambda one: one.state != "open")


def _decision(
    actor: Actor,
    row: DecisionView,
    cast: Mapping[str, VoteView],
    names: Mapping[tuple[str, str], str],
    us: str,
) -> Decision:
    rule = DecisionRule.read(row.rule) if row.rule is not None else None
    options, voters = tuple(row.options or ()), row.voters or []
    counted = None
    if rule is not None and options:
        counted = count(rule, options, {who: _option(cast.get(who)) for who in voters})
    return Decision(
        decision=row.decision,
        topic=row.topic,
        state=row.state,
        text=row.text if may_read(actor, row.tlp) else KEPT_CLOSE,
        tlp=row.tlp,
        outcome=row.outcome,
        authority=row.authority,
        rule=rule,
        options=options,
        vote_until=row.vote_until,
        votes=tuple(
            Vote(
                who,
                names.get((row.channel, who), who),
                _option(cast.get(who)),
                who == us,
                relayed=who in cast and cast[who].relayed,
                disowned=_stolen(cast.get(who)),
            )
            for who in voters
        ),
        count=counted,
        opened_at=row.opened_at,
        taken_at=row.taken_at,
        review_at=row.review_at,
        facts=row.facts,
        disowned=row.disowned,
    )


def _option(vote: VoteView | None) -> str | None:
    return vote.option if vote is not None and not vote.disowned else None


def _stolen(vote: VoteView | None) -> str | None:
    return vote.option if vote is not None and vote.disowned else None
