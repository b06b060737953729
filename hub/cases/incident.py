"""The incident of a case as STIX: a rendering for readers of STIX, made anew with each act.

The channel's own identity creates it, so that whoever coordinates may version it.

Source: coordination protocol, 5; incident extension suite, 3; domain, 4.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.ledgers.ledger_records import CoveredRecord
from hub.cases.records import CaseView
from policies.matrix import Level
from policies.tlp import TLP
from sharing import collections, stix
from sharing.incident.builders import incident
from sharing.incident.readers import read_incident
from sharing.incident.values import Score
from sharing.objects import StixObject
from sharing.reissue import hard_to_guess

CRITICALITY: Final = {
    Level.NEGLIGIBLE: 0,
    Level.LOW: 15,
    Level.MEDIUM: 40,
    Level.HIGH: 70,
    Level.CRITICAL: 95,
}
"""Level → what is written; bands of the five-level scale of the suite."""
SCORE: Final = "Joint severity (Tocsin matrix)"


def first_incident(
    channel: str, title: str, text: str | None, tlp: TLP, now: datetime
) -> StixObject:
    """Give the first version: suspected, and new."""
    first = incident(
        title,
        description=text,
        created_by=stix.channel_identity_id(channel),
        now=now,
        marking=tlp,
    )
    return hard_to_guess(first)


def next_incident(
    session: Session,
    row: CaseView,
    now: datetime,
    *,
    severity: Level | None = None,
    **changes: Any,
) -> list[StixObject]:
    """Give the next version of a case's incident; none where the last one is not here.

    Args:
        severity: the joint severity, as a score and as criticality.
        changes: properties that are otherwise now.
    """
    earlier = _newest(session, row)
    if earlier is None:
        return []
    told = read_incident(earlier.value)
    scores = [one for one in told.scores if one.name != SCORE or severity is None]
    if severity is not None:
        value = CRITICALITY[severity]
        scores.append(Score(SCORE, value, f"{severity.label}, from what organisations state"))
    given: dict[str, Any] = {
        "description": told.description,
        "determination": told.determination,
        "investigation_status": told.investigation_status,
        "criticality": told.criticality if severity is None else CRITICALITY[severity],
        "incident_types": told.incident_types,
        "recoverability": told.recoverability,
        "event_refs": told.event_refs,
        "impact_refs": told.impact_refs,
        "labels": told.labels,
        "scores": scores,
    }
    following = incident(
        told.name or row.title or "An incident",
        created_by=stix.channel_identity_id(row.channel),
        now=now,
        earlier=earlier,
        **{**given, **changes},
    )
    return [hard_to_guess(following)]


def _newest(session: Session, row: CaseView) -> StixObject | None:
    hashes = session.scalars(
        select(CoveredRecord.sha256)
        .where(
            CoveredRecord.channel == row.channel,
            CoveredRecord.ref == row.incident,
            ~CoveredRecord.recalled,
        )
        .order_by(CoveredRecord.epoch.desc(), CoveredRecord.seq.desc())
        .limit(1)
    ).all()
    found = collections.find_contents(session, row.channel, hashes)
    content = found.get(hashes[0]) if hashes else None
    return StixObject.read(content) if content is not None else None
