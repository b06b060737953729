"""The identities of one statement: new ones, new versions, and what is taken back.

Source: domain, 4 (*STIX objects*); STIX 2.1, 3.6 (versioning).
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from hub.community.directory_statement import (
    LINE_CHARACTERS,
    NAME_CHARACTERS,
    StatedConstituency,
    StatedPoint,
    Statement,
    constituency_text,
    point_document,
)
from policies.directory import find_zone
from policies.errors import InvalidError
from policies.tlp import TLP
from sharing import stix
from sharing.objects import StixObject
from sharing.reissue import NONCE_BYTES

MAX_FACTS: Final = 100
_DOMAIN: Final = re.compile(r"(?:[a-z0-9_-]{1,63}\.)+[a-z0-9-]{2,63}", re.ASCII)


class Writer:
    """Builds them under one label, each of our own author."""

    def __init__(self, us: str, known: Mapping[str, StixObject], label: TLP, now: datetime) -> None:
        self._us, self._known, self._label, self._now = us, known, label, now
        self._made: list[StixObject] = []

    def point(self, point: StatedPoint, place: int) -> dict[str, Any]:
        """Write a contact point; give what the body says of it."""
        field = f"points[{place}]"
        if len(point.ways) != len(point.lines) or not point.ways:
            raise InvalidError("say at least one way to reach them", field=f"{field}.ways")
        if point.hours is not None and find_zone(point.hours.zone) is None:
            raise InvalidError(
                "this node knows no such time zone",
                field=f"{field}.zone",
                hint="Its name is like Europe/Vienna; an offset is like +01:00.",
            )
        lines = [_words(line, f"{field}.ways", LINE_CHARACTERS) for line in point.lines]
        made = self._identity(
            point.ref,
            {
                "name": _words(point.name or "", f"{field}.name", NAME_CHARACTERS),
                "identity_class": "individual",
                "roles": [point.duty.value],
                "contact_information": "\n".join(lines),
            },
        )
        return point_document(point, made.stix_id)

    def constituency(
        self, facts: StatedConstituency, before: Statement, name: str
    ) -> dict[str, Any]:
        """Write for whom an organisation answers; give what the body says of it."""
        facts = _checked(facts)
        ref = before.constituency.ref if before.constituency is not None else None
        made = self._identity(
            ref,
            {
                "name": f"{name}: constituency"[:NAME_CHARACTERS],
                "identity_class": "class",
                "sectors": [one.value for one in facts.sectors],
                "description": constituency_text(facts),
            },
        )
        document: dict[str, Any] = {"ref": made.stix_id}
        if facts.sectors:
            document["sectors"] = [one.value for one in facts.sectors]
        if facts.as_numbers:
            document["as_numbers"] = list(facts.as_numbers)
        return document

    def written(self) -> list[StixObject]:
        """Give all of them; what was stated before and is no more, as revoked."""
        kept = {one.stix_id for one in self._made}
        gone = {"revoked": True, "contact_information": None, "description": None}
        return self._made + [
            stix.new_version(old, gone, now=self._now)
            for ref, old in self._known.items()
            if ref not in kept and not old.value.get("revoked")
        ]

    def _identity(self, ref: str | None, properties: Mapping[str, Any]) -> StixObject:
        old = self._known.get(ref) if ref is not None else None
        open_to_all = TLP.GREEN.allows(self._label)
        nonce = None if open_to_all else secrets.token_hex(NONCE_BYTES)
        extensions = {stix.NONCE_EXTENSION: stix.nonce_extension(nonce)} if nonce else None
        changes = {**properties, "extensions": extensions}
        if old is None:
            made = stix.build(
                "identity", changes, created_by=self._us, now=self._now, marking=self._label
            )
        else:
            marking = {"object_marking_refs": [self._label.marking_id]}
            made = stix.new_version(old, changes | marking, now=self._now)
        self._made.append(made)
        return made


def _checked(facts: StatedConstituency) -> StatedConstituency:
    """Check facts in words, and give them as they are written.

    Raises:
        InvalidError: what is no domain or no range, or too much of anything.
    """
    for field in ("domains", "ranges", "services", "as_numbers"):
        if len(getattr(facts, field)) > MAX_FACTS:
            raise InvalidError(f"more than {MAX_FACTS} of them", field=field)
    domains = tuple(one.strip().lower().rstrip(".") for one in facts.domains)
    wrong = next((one for one in domains if _DOMAIN.fullmatch(one) is None), None)
    if wrong is not None:
        raise InvalidError(f"“{wrong[:60]}” is no domain", field="domains")
    services = tuple(_words(one, "services", LINE_CHARACTERS) for one in facts.services)
    if any("," in one for one in services):
        raise InvalidError("name one service at a time, without commas", field="services")
    return replace(
        facts,
        domains=domains,
        ranges=tuple(_range(one) for one in facts.ranges),
        services=services,
    )


def _range(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError:
        raise InvalidError(
            f"“{text.strip()[:60]}” is no range of addresses",
            field="ranges",
            hint="Like 192.0.2.0/24 or 2001:db8::/32.",
        ) from None


def _words(text: str, field: str, characters: int) -> str:
    text = text.strip()
    if not text or len(text) > characters or not text.isprintable():
        raise InvalidError(f"1 to {characters} printable characters", field=field)
    return text
