"""The joint assessment: what all words come to, and what others may be told of it.

Source: lifecycles, 5; domain, 1 and 5; decision 21.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from federation.judging.state import ChannelState
from federation.ledgers import channels
from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import get_channel, get_state
from hub.accounts.actor import Actor
from hub.audit import service as audit
from hub.cases.heard import Heard, heard_alone, heard_openly, placed, possible_figures
from hub.cases.incident import next_incident
from hub.cases.queries import get_case_row
from hub.cases.records import CaseMemory, CaseView
from hub.channels.service import note_of
from policies.acts import Act
from policies.discretion import (
    Memory,
    OwnSeverity,
    Standing,
    disclose,
    memory_document,
    own_severity,
    publishable_severity,
    read_memory,
    standings,
)
from policies.errors import ConflictError, InvalidError
from policies.figures import Figure, figures_document
from policies.inputs import Input
from policies.matrix import Level
from policies.roles import Right, takes_part
from policies.severity import Severity


@dataclass(frozen=True)
class Picture:
    """How it looks to the coordinator just now.

    Args:
        told: by what others may see, with the figures that would be told.
        own: by everything that it knows; it never leaves the node.
        standings: where each topic stands that was told alone.
    """

    told: Severity
    figures: tuple[Figure, ...]
    own: OwnSeverity
    standings: tuple[Standing, ...]
    memory: Memory
    inputs: tuple[Heard, ...]
    asked: int


@dataclass(frozen=True)
class Shown:
    """How it looks to one person.

    Args:
        told: by open words and figures.
        figures: those that all were told; for who runs the case, those that could be told now.
        own: by everything that the coordinator knows; `None` for everybody else.
        standings: where each topic stands that was told alone; none for everybody else.
    """

    told: Severity
    figures: tuple[Figure, ...]
    own: Severity | None
    standings: tuple[Standing, ...]
    asked: int

    @property
    def knows_more(self) -> bool:
        """Tell whether by everything that is known it is another level."""
        return self.own is not None and self.own.level is not self.told.level

    @property
    def crisis_advised(self) -> bool:
        """Tell whether by everything that this person may know a crisis should be declared."""
        return self.told.crisis_advised or (self.own is not None and self.own.crisis_advised)


def visible_picture(session: Session, actor: Actor, channel: str) -> Shown:
    """Give what organisations' words come to just now.

    Who does not run the case reads the figures that were told, and no others: figures that nobody
    keeps follow each other word by word, and two of them say what a single word was.

    Raises:
        NotFoundError: there is none, or the actor may not know of it.
    """
    row = get_case_row(session, actor, channel)
    record = get_channel(session, channel)
    if record.is_ours and actor.may(Right.RUN_CASES):
        found = find_picture(session, row)
        own = found.own.severity
        return Shown(found.told, found.figures, own, found.standings, found.asked)
    state = get_state(session, record)
    asked, figures = _asked(state), possible_figures(state, row.figures)
    openly = _inputs(heard_openly(session, state), asked)
    return Shown(publishable_severity(openly, figures), figures, None, (), len(asked))


def find_picture(session: Session, row: CaseView) -> Picture:
    """Put together what organisations have stated in a case of ours, and told us alone."""
    record = get_channel(session, row.channel)
    state = get_state(session, record)
    asked, inputs = _asked(state), heard_openly(session, state)
    told_us = heard_alone(session, state) if record.is_ours else []
    openly, alone = _inputs(inputs, asked), _inputs(told_us, ())
    memory, figures = Memory(), possible_figures(state, row.figures)
    if record.is_ours:
        kept = session.get(CaseMemory, row.channel)
        before = read_memory(kept.document) if kept is not None else memory
        if figures_document(before.figures) != (row.figures or []):
            # Another node has told them, or this one was restored from before: it begins anew.
            before = Memory()
        memory = disclose(openly, alone, before, position=state.head.seq)
        figures = memory.figures
    return Picture(
        told=publishable_severity(openly, figures),
        figures=figures,
        own=own_severity(openly, alone),
        standings=standings(openly, alone, memory),
        memory=memory,
        inputs=tuple(inputs),
        asked=len(asked),
    )


def join_assessments(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    level: Level | None = None,
    reason: str | None = None,
    seen_at: datetime | None = None,
    now: datetime,
) -> Written:
    """Tell all what the assessments come to; what was told us alone goes in coarsely, or not.

    Args:
        level: another level than the derived one, with the reason why.
        seen_at: when the person looked; what somebody else told all since is not passed over.

    Raises:
        ConflictError: nothing is new, or another of us has told all since the person looked.
        InvalidError: another level needs a reason.
    """
    actor.may(Right.RUN_CASES).enforce()
    row = get_case_row(session, actor, channel)
    if seen_at is not None and row.joined_at is not None and row.joined_at > seen_at:
        said = row.severity.label if row.severity is not None else "not stated"
        raise ConflictError(
            f"another of you has told all in the meantime: severity {said}",
            hint="Yours was not told. Say it again if you still see it otherwise.",
        )
    picture = find_picture(session, row)
    severity, body = _body(row, picture, level)
    words = note_of(desk, reason, about=[row.incident], marking=row.tlp, now=now)
    if "derived" in body and not words:
        raise InvalidError("say why it is another level", field="reason")
    version = next_incident(session, row, now, severity=severity)
    objects = [*version, *words]
    act = Act.ASSESSMENT_JOINED
    written = channels.write(session, desk, channel, act, body, objects, by=actor.name, now=now)
    _remember(session, channel, picture.memory)
    audit.record(session, actor, act.value, channel, now=now)
    return written


def _body(row: CaseView, picture: Picture, level: Level | None) -> tuple[Level, dict[str, Any]]:
    derived = picture.told.level
    severity = level or derived
    hashes = [
        {"organisation": one.organisation, "sha256": sha256}
        for one in picture.inputs
        for sha256 in (one.assessed_in, one.responded_in)
        if sha256 is not None
    ]
    body: dict[str, Any] = {"severity": severity.value, "inputs": hashes, "asked": picture.asked}
    body |= {"derived": derived.value} if severity is not derived else {}
    figures = figures_document(picture.figures)
    body |= {"figures": figures} if figures else {}
    before = Level.of(row.derived) if row.derived else row.severity
    same = (row.severity, before, row.figures or [], row.asked)
    newest = max(
        (at for one in picture.inputs for at in (one.assessed_at, one.responded_at) if at),
        default=None,
    )
    unheard = newest is None or (row.joined_at is not None and newest <= row.joined_at)
    if row.joined_at and unheard and same == (severity, derived, figures, picture.asked):
        # An entry that says nothing new would say that somebody has spoken.
        raise ConflictError("nothing that others may know has changed since the last one")
    return severity, body


def _remember(session: Session, channel: str, memory: Memory) -> None:
    kept = session.get(CaseMemory, channel)
    if kept is None:
        kept = CaseMemory(channel=channel, document=[])
        session.add(kept)
    kept.document = memory_document(memory)
    session.flush()


def _asked(state: ChannelState) -> list[str]:
    return [who for who, roles in placed(state).items() if takes_part(roles)]


def _inputs(words: Sequence[Heard], asked: Sequence[str]) -> list[Input]:
    """Give words as the rules take them; the order of one organisation's words is its time."""
    silent = set(asked) - {one.organisation for one in words}
    found = [Input(who) for who in sorted(silent)]
    for one in words:
        if one.stated is not None and one.assessed_at is not None:
            order = _order(one.assessed_at)
            found.append(Input(one.organisation, order, assessment=one.stated))
        if one.response is not None and one.responded_at is not None:
            order = _order(one.responded_at) + 1
            found.append(Input(one.organisation, order, response=one.response))
    return found


def _order(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 2
