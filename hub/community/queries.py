"""Communities as a person may see them: the charter that binds, the one proposed, who says what.

Source: domain, 2 and 8; lifecycles, 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from federation.judging.judge import situation_of
from federation.judging.state import ChannelState
from federation.ledgers.ledger import get_state, load_state
from federation.ledgers.ledger_facts import LedgerFacts
from federation.ledgers.ledger_records import ChannelRecord, Standing
from hub.accounts.actor import Actor
from hub.channels.names import names_in
from hub.channels.records import MemberView
from hub.channels.service import get_visible_channel
from hub.community.records import CharterAnswerView, CharterView
from hub.community.terms import find_in_force
from policies.acts import ACTS, Act, ChannelKind
from policies.charter import Difference, Terms, differences, read_terms
from policies.errors import NotFoundError
from policies.lifecycles import Situation, rule
from policies.lifecycles.guards.charters import adopted
from policies.roles import Right, takes_part
from policies.tlp import TLP
from sharing.canonical import write_time

_WRITABLE: Final = (Standing.CURRENT, Standing.WAITING)
_STEPS: Final = (
    Act.CHARTER_ACCEPTED,
    Act.CHARTER_DECLINED,
    Act.CHARTER_IN_FORCE,
    Act.CHARTER_WITHDRAWN,
)


@dataclass(frozen=True)
class Answer:
    """What one member says to a version.

    Args:
        answer: `accepted`, `declined`, or `None` for who is silent; silence is nobody's no.
        relayed: the coordinator's word on its behalf.
    """

    organisation: str
    name: str
    answer: str | None
    at: datetime | None
    reason: str | None
    relayed: bool
    is_us: bool
    disowned: str | None = None
    """What a stolen key answered for it: the ledger goes by that until it answers again."""


@dataclass(frozen=True)
class Charter:
    """One version of a charter, with what each member says to it.

    Args:
        answers: of the members that it would bind, and of those who have left, if they answered.
        differs: in what, from the version in force when it is looked at.
        readable: its words are here, and are those that were proposed.
    """

    charter: str
    state: str
    text: str | None
    tlp: TLP
    terms: Terms
    sha256: str
    readable: bool
    accept_by: datetime
    proposed_by: str
    proposed_at: datetime
    in_force_at: datetime | None
    changed_at: datetime
    reason: str | None
    answers: tuple[Answer, ...]
    differs: tuple[Difference, ...]
    words_differ: bool
    open: frozenset[Act]
    """What this person may do about it for us now."""
    lacks: str | None
    """Why a proposed version can't be put in force yet."""
    disowned: bool
    """Who proposed it, or put it in force, took it back or ended it, says it was a stolen key."""

    @property
    def ours(self) -> Answer | None:
        """Our own answer, where this version would bind us."""
        return next((one for one in self.answers if one.is_us), None)

    @property
    def silent(self) -> tuple[Answer, ...]:
        """Give who has not answered."""
        return tuple(one for one in self.answers if one.answer is None)


@dataclass(frozen=True)
class Asked:
    """A version that waits for our answer."""

    channel: str
    community: str
    ceiling: TLP
    charter: str
    proposed_by: str
    """The name of who proposes it."""
    proposed_at: datetime
    accept_by: datetime
    in_force: bool
    """It binds already, and we have not said whether we accept it."""


@dataclass(frozen=True)
class Community:
    """A community: who coordinates it, and which charter binds."""

    channel: str
    name: str
    ceiling: TLP
    is_ours: bool
    owner: str
    owner_name: str
    standing: Standing
    members: int
    in_force: str | None
    in_force_at: datetime | None
    proposed: int


def get_community(session: Session, actor: Actor, channel: str) -> ChannelRecord:
    """Give a community that this actor may know of.

    Raises:
        NotFoundError: there is none, or the actor may not know of it.
    """
    record = get_visible_channel(session, actor, channel)
    if record.kind is not ChannelKind.COMMUNITY or record.state is None:
        raise NotFoundError("there is no such community")
    return record


def get_charter_row(session: Session, actor: Actor, channel: str, charter: str) -> CharterView:
    """Give a version of a charter that this actor may know of.

    Raises:
        NotFoundError: there is none, or the actor may not know of it.
    """
    get_community(session, actor, channel)
    row = session.get(CharterView, (channel, charter))
    if row is None:
        raise NotFoundError("there is no such version of the charter")
    return row


def visible_communities(session: Session, actor: Actor) -> list[Community]:
    """Give the communities that we have a part in, by their names."""
    if not actor.may(Right.READ_CHANNELS):
        return []
    records = session.scalars(
        select(ChannelRecord).where(ChannelRecord.kind == ChannelKind.COMMUNITY)
    ).all()
    found = [_community(session, record) for record in records if record.state is not None]
    return sorted(found, key=lambda one: (one.name.casefold(), one.channel))


def get_visible_community(session: Session, actor: Actor, channel: str) -> Community:
    """Give one community.

    Raises:
        NotFoundError: there is none, or the actor may not know of it.
    """
    return _community(session, get_community(session, actor, channel))


def visible_charters(
    session: Session, actor: Actor, channel: str, *, us: str, now: datetime
) -> list[Charter]:
    """Give the versions of a charter: the one in force, those proposed, then the newest."""
    record = get_community(session, actor, channel)
    facts = LedgerFacts(session, channel)
    asking = _Asking(record, get_state(session, record), facts, actor, us, now)
    rows = session.scalars(select(CharterView).where(CharterView.channel == channel)).all()
    answers: dict[str, dict[str, CharterAnswerView]] = {}
    for one in session.scalars(
        select(CharterAnswerView).where(CharterAnswerView.channel == channel)
    ):
        answers.setdefault(one.charter, {})[one.organisation] = one
    names = names_in(session, channel)
    in_force = next((row for row in rows if row.state == "in force"), None)
    found = [_charter(row, in_force, answers.get(row.charter, {}), names, asking) for row in rows]
    newest = sorted(found, key=lambda one: one.proposed_at, reverse=True)
    order = {"in force": 0, "proposed": 1}
    return sorted(newest, key=lambda one: order.get(one.state, 2))


def visible_under(session: Session, actor: Actor) -> list[Community]:
    """Give the communities under whose charter a case can be opened."""
    return [one for one in visible_communities(session, actor) if one.in_force is not None]


def visible_unanswered(session: Session, actor: Actor, *, us: str) -> list[Asked]:
    """Give the versions that stand and that we have not answered, the most urgent first."""
    if not actor.may(Right.ANSWER_INVITATIONS):
        return []
    answered = exists().where(
        CharterAnswerView.channel == CharterView.channel,
        CharterAnswerView.charter == CharterView.charter,
        CharterAnswerView.organisation == us,
        ~CharterAnswerView.disowned,
    )
    joined = exists().where(
        MemberView.channel == CharterView.channel,
        MemberView.organisation == us,
        MemberView.state == "joined",
    )
    rows = session.execute(
        select(CharterView, ChannelRecord)
        .join(ChannelRecord, ChannelRecord.id == CharterView.channel)
        .where(
            CharterView.state.in_(("proposed", "in force")),
            ~CharterView.disowned,
            joined,
            ~answered,
        )
        .order_by(CharterView.accept_by, CharterView.charter)
    ).all()
    return [
        Asked(
            channel=record.id,
            community=record.name or "not read yet",
            ceiling=state.ceiling,
            charter=row.charter,
            proposed_by=names_in(session, record.id).get(row.proposed_by, row.proposed_by),
            proposed_at=row.proposed_at,
            accept_by=row.accept_by,
            in_force=row.state == "in force",
        )
        for row, record in rows
        if (state := load_state(session, record)) is not None
        and takes_part(state.joined.get(us, frozenset()))
    ]


def _charter(
    row: CharterView,
    in_force: CharterView | None,
    answers: Mapping[str, CharterAnswerView],
    names: Mapping[str, str],
    asking: _Asking,
) -> Charter:
    bound = {who for who, roles in asking.state.joined.items() if takes_part(roles)}
    terms = read_terms(row.terms)
    before = in_force if in_force is not None and in_force is not row else None
    listed = [
        _answer(who, answers.get(who), names, asking.us)
        for who in sorted(bound | set(answers), key=lambda who: (names.get(who, who), who))
    ]
    lacks = adopted(asking.situation(row), row.charter)
    return Charter(
        charter=row.charter,
        state=row.state,
        text=row.text,
        tlp=row.tlp,
        terms=terms,
        sha256=row.sha256,
        readable=row.text is not None and row.words_sha256 == row.sha256,
        accept_by=row.accept_by,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        in_force_at=row.in_force_at,
        changed_at=row.changed_at,
        reason=row.reason,
        answers=tuple(listed),
        differs=tuple(differences(read_terms(before.terms), terms)) if before is not None else (),
        words_differ=before is not None and before.text != row.text,
        open=asking.open_steps(row),
        lacks=lacks if row.state == "proposed" else None,
        disowned=row.disowned,
    )


def _answer(who: str, row: CharterAnswerView | None, names: Mapping[str, str], us: str) -> Answer:
    said = row if row is not None and not row.disowned else None
    return Answer(
        organisation=who,
        name=names.get(who, who),
        answer=said.answer if said is not None else None,
        at=row.answered_at if row is not None else None,
        reason=row.reason if row is not None else None,
        relayed=row is not None and row.relayed,
        is_us=who == us,
        disowned=row.answer if row is not None and row.disowned else None,
    )


def _community(session: Session, record: ChannelRecord) -> Community:
    state = get_state(session, record)
    row = find_in_force(session, record.id)
    proposed = session.scalars(
        select(CharterView.charter).where(
            CharterView.channel == record.id, CharterView.state == "proposed"
        )
    ).all()
    return Community(
        channel=record.id,
        name=record.name or "not read yet",
        ceiling=state.ceiling,
        is_ours=record.is_ours,
        owner=record.owner,
        owner_name=names_in(session, record.id).get(record.owner, record.owner),
        standing=record.standing,
        members=len(state.joined),
        in_force=row.charter if row is not None else None,
        in_force_at=row.in_force_at if row is not None else None,
        proposed=len(proposed),
    )


@dataclass(frozen=True)
class _Asking:
    """Who looks, and what the ledger says: asked of each version, which acts are open."""

    record: ChannelRecord
    state: ChannelState
    facts: LedgerFacts
    actor: Actor
    us: str
    now: datetime

    def situation(self, row: CharterView) -> Situation:
        """Give what the ledger says when we act about a version now."""
        body = {"charter": row.charter, "sha256": row.sha256}
        return situation_of(self.state, self.us, body, self.facts, write_time(self.now))

    def open_steps(self, row: CharterView) -> frozenset[Act]:
        """Give the acts about a version that this person may do for us now."""
        if self.record.standing not in _WRITABLE:
            return frozenset()
        situation = self.situation(row)
        return frozenset(
            act
            for act in _STEPS
            if self.actor.may(ACTS[act].right) and rule(self.state.tables, act, situation).decision
        )
