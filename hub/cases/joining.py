"""The joint assessment: what all words come to, and what others may be told of it.

Source: lifecycles, 5; domain, 1 and 5; decision 21.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.ledgers import channels
from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import get_channel, get_state
from hub.accounts.actor import Actor
from hub.audit import service as audit
from hub.cases.incident import next_incident
from hub.cases.queries import get_case_row
from hub.cases.records import CaseMemory, CaseView, OwnWordView
from hub.channels.service import note_of
from policies.acts import Act
from policies.assessment import read_assessment
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
from policies.figures import Figure, figures_document, read_figures
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
    inputs: tuple[OwnWordView, ...]
    asked: int


def find_picture(session: Session, row: CaseView) -> Picture:
    """Put together what organisations have stated in a case, and told us alone where it is ours."""
    record = get_channel(session, row.channel)
    state = get_state(session, record)
    asked = [who for who, roles in state.joined.items() if takes_part(roles)]
    words = session.scalars(
        select(OwnWordView)
        .where(OwnWordView.case == row.channel)
        .order_by(OwnWordView.organisation)
    ).all()
    open_words = [one for one in words if not one.alone]
    alone_words = [one for one in words if one.alone]
    openly, alone = _inputs(open_words, asked), _inputs(alone_words, ())
    memory, figures = Memory(), read_figures(row.figures or [])
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
        inputs=tuple(open_words),
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
    now: datetime,
) -> Written:
    """Tell all what the assessments come to; what was told us alone goes in coarsely, or not.

    Args:
        level: another level than the derived one, with the reason why.

    Raises:
        ConflictError: nothing is new.
        InvalidError: another level needs a reason.
    """
    actor.may(Right.RUN_CASES).enforce()
    row = get_case_row(session, actor, channel)
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


def _inputs(words: Sequence[OwnWordView], asked: Sequence[str]) -> list[Input]:
    """Give words as the rules take them; the order of one organisation's words is its time."""
    silent = set(asked) - {one.organisation for one in words}
    found = [Input(who) for who in sorted(silent)]
    for one in words:
        if one.assessment is not None and one.assessed_at is not None:
            order = _order(one.assessed_at)
            stated = read_assessment(one.assessment)
            found.append(Input(one.organisation, order, assessment=stated))
        if one.response is not None and one.responded_at is not None:
            order = _order(one.responded_at) + 1
            found.append(Input(one.organisation, order, response=one.response))
    return found


def _order(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 2
