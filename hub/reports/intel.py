"""What a report gives to look for: recognised in its words, and in what was pasted beside them.

Source: domain, 2 (*Detect and report*); decision 20.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from policies.errors import InvalidError
from policies.tlp import TLP, strictest
from sharing import stix
from sharing.formats.recognise import recognise
from sharing.formats.recognised import Finding, LeftOut
from sharing.incident.rules import check_text, refuse
from sharing.objects import StixObject
from sharing.reissue import hard_to_guess

MAX_PASTED_CHARACTERS: Final = 500_000
MAX_INDICATORS: Final = 500
"""How many indicators go with one report; more belong into a feed, or into a case."""


@dataclass(frozen=True)
class Intel:
    """What was recognised.

    Args:
        findings: each pattern once, in the order in which they stand there.
        observed: what is not meant for detection, and does not go out by itself.
        more_count: how many more there are than go with a report.
        left_out: what was there and is not taken, and why.
    """

    findings: tuple[Finding, ...] = ()
    observed: tuple[Finding, ...] = ()
    more_count: int = 0
    left_out: tuple[LeftOut, ...] = ()


def find_intel(text: str, pasted: str | None = None, *, observed_too: bool = False) -> Intel:
    """Recognise what a report names; what can't be read names nothing.

    Args:
        pasted: text, a MISP event or STIX.
        observed_too: what is not meant for detection is taken as if it were.
    """
    found: dict[str, Finding] = {}
    observed: dict[str, Finding] = {}
    left_out: list[LeftOut] = []
    for source in (text, pasted or ""):
        if not source.strip():
            continue
        try:
            recognised = recognise(source)
        except InvalidError:
            continue
        left_out += recognised.left_out
        for one in recognised.findings:
            found.setdefault(one.pattern, one)
        for one in recognised.observed:
            observed.setdefault(one.pattern, one)
    if observed_too:
        found, observed = observed | found, {}
    findings = tuple(found.values())
    rest = max(len(findings) - MAX_INDICATORS, 0)
    kept = tuple(one for pattern, one in observed.items() if pattern not in found)
    return Intel(findings[:MAX_INDICATORS], kept, rest, tuple(left_out))


def check_pasted(pasted: str | None) -> None:
    """Refuse what was pasted and can't be read.

    Raises:
        InvalidError: what is wrong with it, and what to do.
    """
    if not (pasted or "").strip():
        return
    if len(pasted or "") > MAX_PASTED_CHARACTERS:
        raise InvalidError(
            f"more than {MAX_PASTED_CHARACTERS} characters",
            field="pasted",
            hint="Share what is in it through a case or a channel instead.",
        )
    refuse(check_text("pasted", pasted, MAX_PASTED_CHARACTERS))
    try:
        recognise(pasted or "")
    except InvalidError as error:
        raise InvalidError(error.message, field="pasted", hint=error.hint) from error


def indicators_of(
    findings: Sequence[Finding], *, author: str, tlp: TLP, now: datetime
) -> list[StixObject]:
    """Give findings as indicators of ours, under the stricter label: ours or their publisher's."""
    return list(_indicators(findings, author=author, tlp=tlp, now=now))


def _indicators(
    findings: Sequence[Finding], *, author: str, tlp: TLP, now: datetime
) -> Iterator[StixObject]:
    for one in findings:
        labels = [tlp] if one.marking.tlp is None else [tlp, one.marking.tlp]
        publisher = one.publication.publisher if one.publication is not None else None
        description = one.description or (f"From {publisher}." if publisher else None)
        found = stix.indicator(
            one.pattern,
            name=one.name[:200],
            created_by=author,
            now=now,
            valid_from=one.first_seen,
            description=description,
            marking=strictest(labels),
        )
        yield hard_to_guess(found)
