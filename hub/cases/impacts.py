"""What an organisation states, as impacts of the STIX incident extension suite.

Source: incident extension suite, 5; taxonomies, 4.3 (mapping).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from policies.assessment import (
    Assessment,
    Danger,
    FunctionalImpact,
    InformationImpact,
    Recoverability,
)
from policies.tlp import TLP
from sharing.incident.builders import impact
from sharing.incident.kinds import Availability, Confidentiality, External, Integrity, Kind
from sharing.objects import StixObject
from sharing.reissue import hard_to_guess

_AVAILABILITY: Final[Mapping[FunctionalImpact, int]] = {
    FunctionalImpact.NONE: 0,
    FunctionalImpact.MINIMAL: 20,
    FunctionalImpact.SIGNIFICANT: 50,
    FunctionalImpact.DENIAL: 75,
    FunctionalImpact.LOSS_OF_CONTROL: 95,
}
"""As the suite's simple scale writes them."""

_INFORMATION: Final[Mapping[InformationImpact, Kind]] = {
    InformationImpact.NONE: Confidentiality("none"),
    InformationImpact.SUSPECTED: Confidentiality("suspected-loss", "system"),
    InformationImpact.PERSONAL_DATA: Confidentiality("confirmed-loss", "pii"),
    InformationImpact.PROPRIETARY: Confidentiality("confirmed-loss", "proprietary"),
    InformationImpact.CRITICAL_SYSTEMS: Confidentiality("confirmed-loss", "system"),
    InformationImpact.CREDENTIALS: Confidentiality("confirmed-loss", "credentials-admin"),
    InformationImpact.DESTROYED: Integrity("partial-destruction", "system"),
    InformationImpact.CRITICAL_DESTROYED: Integrity("full-destruction", "system"),
}


def impacts_of(
    organisation: str,
    stated: Assessment,
    marking: TLP,
    now: datetime,
    *,
    created_by: str | None = None,
) -> list[StixObject]:
    """Give the impacts that an organisation states; none for what it does not state.

    Numbers travel in the act's body as ranges; a range has no place in an impact, so that counts
    are written there only where they are exact.

    Args:
        created_by: who writes them; the organisation itself, if not given.
    """
    found = _impacts(organisation, stated, marking, now, created_by or organisation)
    return [hard_to_guess(one) for one in found]


def _impacts(
    organisation: str, stated: Assessment, marking: TLP, now: datetime, created_by: str
) -> Iterator[StixObject]:
    counts = {kind: span.low for kind, span in stated.counts.items() if span.exact}
    common: dict[str, Any] = {
        "created_by": created_by,
        "now": now,
        "marking": marking,
        "confidence": stated.confidence,
        "impacted_refs": [organisation],
    }
    if stated.recoverability is not None:
        common["recoverability"] = _recoverability(stated.recoverability)
    if stated.functional_impact is not None:
        kind = Availability(_AVAILABILITY[stated.functional_impact])
        yield impact(kind, impacted_entity_counts=counts, **common)
    if stated.information_impact is not None:
        yield impact(_INFORMATION[stated.information_impact], **common)
    if stated.danger not in {None, Danger.NONE}:
        yield impact(External("public-safety"), **common)


def _recoverability(word: Recoverability) -> str:
    return word.value
