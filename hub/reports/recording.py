"""Reports on the own node: recorded, assessed, set aside. None of it travels.

Source: lifecycles, 2 (*Report on the own node*).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy.orm import Session

from hub.accounts.actor import Actor
from hub.audit import service as audit
from hub.reports.intel import check_pasted
from hub.reports.recorded import get_local
from hub.reports.records import LocalReport
from policies.errors import ConflictError, InvalidError
from policies.reports import Certainty, LocalState, LocalStep, ReportKind, step
from policies.roles import Right
from policies.taxonomies.categories import find_type
from policies.tlp import TLP
from sharing.incident.rules import check_text, refuse

MAX_TITLE_CHARACTERS: Final = 200
MAX_TEXT_CHARACTERS: Final = 20_000


@dataclass(frozen=True)
class Said:
    """What somebody says of an event.

    Args:
        pasted: intelligence beside the words: text, a MISP event or STIX.
        category: a type of the Reference Security Incident Taxonomy.
    """

    kind: ReportKind
    title: str
    text: str
    certainty: Certainty = Certainty.SUSPECTED
    category: str | None = None
    tlp: TLP = TLP.AMBER
    occurred_at: datetime | None = None
    discovered_at: datetime | None = None
    pasted: str | None = None


def record(session: Session, actor: Actor, said: Said, *, now: datetime) -> LocalReport:
    """Record a report on the own node; nobody else hears of it.

    Raises:
        ForbiddenError: the actor may not contribute.
        InvalidError: title, text, category or times can't be used.
    """
    actor.may(Right.CONTRIBUTE).enforce()
    _check(said, now)
    row = LocalReport(
        id=str(uuid4()),
        recorded_by=actor.name,
        recorded_at=now,
        state=LocalState.RECORDED,
        **_columns(said),
        changed_by=actor.name,
        changed_at=now,
    )
    session.add(row)
    session.flush()
    audit.record(session, actor, "report.recorded", row.id, now=now)
    return row


def change(
    session: Session,
    actor: Actor,
    report: str,
    said: Said,
    *,
    version: int | None = None,
    now: datetime,
) -> None:
    """Say it otherwise, or more of it, as long as it was not submitted.

    Args:
        version: which one was read before; it is not asked where none is given.

    Raises:
        ConflictError: it was submitted or set aside, or somebody changed it meanwhile.
    """
    row = at_hand(session, actor, report)
    if version is not None and version != row.version:
        raise ConflictError(
            "somebody has changed this report meanwhile",
            field="version",
            hint="Read it again, then say what is to be otherwise.",
        )
    if row.state not in {LocalState.RECORDED, LocalState.ASSESSED}:
        raise ConflictError(f"a report that is {row.state} is not changed any more")
    _check(said, now)
    _set(row, said)
    touch(session, actor, row, "report.changed", now)


def assess(
    session: Session,
    actor: Actor,
    report: str,
    *,
    kind: ReportKind,
    certainty: Certainty,
    category: str | None = None,
    now: datetime,
) -> None:
    """Say what it is: event, incident, vulnerability or near-miss; actual or suspected."""
    row = at_hand(session, actor, report)
    state = step(row.state, LocalStep.ASSESS)
    _check_category(category)
    row.state = state
    row.kind, row.certainty, row.category = kind, certainty, category or row.category
    touch(session, actor, row, "report.assessed", now)


def set_aside(
    session: Session,
    actor: Actor,
    report: str,
    taken: LocalStep,
    *,
    reason: str | None = None,
    now: datetime,
) -> None:
    """Discard it as a false alarm, handle it here alone, or take it up again.

    Raises:
        InvalidError: discarding and taking up again need a reason.
        ConflictError: the step is not open now.
    """
    if taken in {LocalStep.ASSESS, LocalStep.SUBMIT}:
        raise InvalidError("assessing and submitting have their own form", field="step")
    row = at_hand(session, actor, report)
    state = step(row.state, taken)
    words = (reason or "").strip()
    if not words and taken is not LocalStep.HANDLE:
        raise InvalidError("say why", field="reason")
    refuse(check_text("reason", words, MAX_TEXT_CHARACTERS))
    row.state, row.reason = state, words or None
    touch(session, actor, row, f"report.{taken}", now)


def at_hand(session: Session, actor: Actor, report: str) -> LocalReport:
    """Give a report that this actor may work on."""
    row = get_local(session, actor, report)
    actor.may(Right.CONTRIBUTE).enforce()
    return row


def _check(said: Said, now: datetime) -> None:
    check_title(said.title)
    check_words(said.text)
    _check_category(said.category)
    check_pasted(said.pasted)
    for field, at in (("occurred_at", said.occurred_at), ("discovered_at", said.discovered_at)):
        if at is not None and at > now:
            raise InvalidError("this is in the future", field=field)


def check_title(title: str) -> None:
    """Refuse what is not one line, and one that is too long."""
    if not title.strip():
        raise InvalidError("a report needs its title", field="title")
    refuse(check_text("title", title.strip(), MAX_TITLE_CHARACTERS, line=True))


def check_words(text: str) -> None:
    """Refuse no words, too many, and what is no text."""
    if not text.strip():
        raise InvalidError("a report needs its text", field="text")
    refuse(check_text("text", text.strip(), MAX_TEXT_CHARACTERS))


def _check_category(category: str | None) -> None:
    if category is not None and find_type(category) is None:
        raise InvalidError(f"“{category[:40]}” is no category", field="category")


def _columns(said: Said) -> dict[str, Any]:
    return {
        "kind": said.kind,
        "certainty": said.certainty,
        "title": said.title.strip(),
        "text": said.text.strip(),
        "category": said.category,
        "pasted": (said.pasted or "").strip() or None,
        "tlp": said.tlp,
        "occurred_at": said.occurred_at,
        "discovered_at": said.discovered_at,
    }


def _set(row: LocalReport, said: Said) -> None:
    for name, value in _columns(said).items():
        setattr(row, name, value)


def touch(session: Session, actor: Actor, row: LocalReport, action: str, now: datetime) -> None:
    """Note who did what to a report on this node."""
    row.changed_by, row.changed_at = actor.name, now
    session.flush()
    audit.record(session, actor, action, row.id, now=now)
