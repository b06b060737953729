"""The STIX objects that a report travels in: what is said, and what to look for.

Source: domain, 4 (`report.*`); STIX 2.1, 4.6 and 4.19; incident extension suite.
"""

from __future__ import annotations

from datetime import datetime

from federation.ledgers.desk import Desk
from hub.reports.intel import find_intel, indicators_of
from hub.reports.records import LocalReport
from policies.reports import Certainty, ReportKind
from policies.taxonomies.categories import find_type
from policies.tlp import TLP
from sharing import stix
from sharing.incident.builders import incident
from sharing.objects import StixObject
from sharing.reissue import hard_to_guess


def carrier_of(
    desk: Desk,
    row: LocalReport,
    *,
    title: str,
    text: str,
    pasted: str | None,
    observed_too: bool,
    tlp: TLP,
    now: datetime,
) -> list[StixObject]:
    """Give the object that says what is reported, and what is to be looked for besides.

    The first is what the report is known by. An incident is *suspected* until it is said to be
    actual; a near-miss was blocked.
    """
    findings = find_intel(text, pasted, observed_too=observed_too).findings
    indicators = indicators_of(findings, author=desk.organisation, tlp=tlp, now=now)
    said = _said(desk, row, title=title, text=text, tlp=tlp, now=now)
    return [hard_to_guess(said), *indicators]


def _said(
    desk: Desk, row: LocalReport, *, title: str, text: str, tlp: TLP, now: datetime
) -> StixObject:
    if row.kind is ReportKind.VULNERABILITY:
        return stix.build(
            "vulnerability",
            {"name": title, "description": text},
            created_by=desk.organisation,
            now=now,
            marking=tlp,
        )
    known = find_type(row.category) if row.category is not None else None
    return incident(
        title,
        description=text,
        determination=_determination(row),
        investigation_status="new",
        incident_types=known.incident_types if known is not None else (),
        labels=(known.label,) if known is not None else (),
        created_by=desk.organisation,
        now=now,
        marking=tlp,
    )


def _determination(row: LocalReport) -> str:
    if row.kind is ReportKind.NEAR_MISS:
        return "blocked"
    return "confirmed" if row.certainty is Certainty.ACTUAL else "suspected"
