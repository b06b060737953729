"""STIX 2.1: objects as they came, for being shared on under their own authorship and marking.

Nothing is added, dropped or altered, and what is unknown is kept. Indicators are shown as findings
too, where their pattern is one of STIX.

Source: STIX 2.1, 3.2, 4.7, 7.2 and 8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from policies.errors import InvalidError
from policies.marking import MarkingError, own_label
from policies.pap import own_pap
from policies.tlp import TLP
from sharing.canonical import read_time
from sharing.formats.labels import Marking
from sharing.formats.patterns import read_simple
from sharing.formats.recognised import (
    LIMIT_COUNT,
    Collected,
    ContextKind,
    Finding,
    Form,
    Kind,
    Publication,
    Recognised,
    name_of,
    tidy,
    too_many,
)
from sharing.objects import SIGNED_BUNDLE, StixObject

_ID_MARK: Final = "--"
_TWICE: Final = "another content under an id and version that stood before it"
_REVOKED: Final = "revoked by its publisher; kept as an object"
_OTHER_LANGUAGE: Final = "a rule in the language “{}”; kept as an object"
_NO_PATTERN: Final = "an indicator without a pattern; kept as an object"
_OBSERVED: Final = "says that something was seen, not that it is bad; kept as an object"
_OBSERVABLES: Final = frozenset(
    {
        "artifact", "autonomous-system", "directory", "domain-name", "email-addr", "email-message",
        "file", "ipv4-addr", "ipv6-addr", "mac-addr", "mutex", "network-traffic", "process",
        "software", "url", "user-account", "windows-registry-key", "x509-certificate",
    }
)  # fmt: skip
_CONTEXT: Final[Mapping[str, tuple[ContextKind, re.Pattern[str]]]] = {
    "vulnerability": (
        ContextKind.VULNERABILITY,
        re.compile(r"CVE-\d{4}-\d{4,7}", re.ASCII),
    ),
    "attack-pattern": (ContextKind.TECHNIQUE, re.compile(r"T\d{4}(?:\.\d{3})?", re.ASCII)),
}
_WORD_LENGTH: Final = 40
_MOST_CONFIDENT: Final = 100


def find_objects(document: Any) -> list[Any] | None:
    """Give the objects of a bundle, an envelope, a list, or the one object; `None` if it is none.

    Source: STIX 2.1, 8; TAXII 2.1, 3.7.
    """
    if isinstance(document, list):
        if not any(map(_is_object, document)):
            return None
        return [item for part in document for item in _items_of(part)]
    if _is_object(document):
        return list(_items_of(document))
    if isinstance(document, Mapping) and isinstance(items := document.get("objects"), list):
        return items if any(map(_is_object, items)) else None
    return None


def read_objects(items: list[Any]) -> Recognised:
    """Read STIX objects.

    Raises:
        InvalidError: a signed bundle is among them, or no STIX object at all.
        TooLargeError: more than are read at once.
    """
    if len(items) > LIMIT_COUNT:
        raise too_many("objects")
    if any(isinstance(item, Mapping) and item.get("type") == SIGNED_BUNDLE for item in items):
        raise InvalidError(
            "this holds a signed bundle, which counts only in the ledger of its channel",
            field="data",
            hint="Take the file in with `tocsin import FILE`.",
        )
    found = Collected(Form.STIX)
    _keep(found, items)
    if not found.objects:
        reasons = [one.reason for one in found.whole().left_out] or ["it is empty"]
        raise InvalidError(
            f"this looks like STIX, but nothing of it can be taken: {reasons[0]}",
            field="data",
            hint="An object has a “type” and an “id” of the form type--UUID.",
        )
    _Reading(found).read()
    return found.whole()


def _is_object(item: Any) -> bool:
    if not isinstance(item, Mapping):
        return False
    stix_id, stix_type = item.get("id"), item.get("type")
    if stix_type == "bundle" or "spec_version" in item:
        return True
    return isinstance(stix_type, str) and isinstance(stix_id, str) and _ID_MARK in stix_id


def _items_of(part: Any) -> Iterator[Any]:
    """Give the objects of a bundle; what is no bundle is itself."""
    if isinstance(part, Mapping) and part.get("type") == "bundle":
        items = part.get("objects")
        yield from items if isinstance(items, list) else ()
    else:
        yield part


def _keep(found: Collected, items: list[Any]) -> None:
    """Keep each object once; of two with one id and version the first, as a store would."""
    kept: dict[tuple[str, str | None], StixObject] = {}
    for item in items:
        try:
            one = StixObject.of(item)
        except InvalidError as error:
            found.leave_out(_type_of(item), error.message, _id_of(item))
            continue
        known = kept.setdefault((one.stix_id, one.version), one)
        if known is one:
            found.objects.append(one)
        elif known.sha256 != one.sha256:
            found.leave_out(one.stix_type, _TWICE, one.stix_id)


class _Reading:
    """Tells what kept objects say: whose they are, how marked, what is to be found."""

    def __init__(self, found: Collected) -> None:
        self._found = found
        self._by_id = {one.stix_id: one.value for one in found.objects}
        self._reported: dict[str, Publication] = {}
        self._published: dict[str, Publication] = {}

    def read(self) -> None:
        for one in self._found.objects:
            if one.stix_type == "report":
                self._read_report(one)
        for one in self._found.objects:
            marking = self._marking_of(one)
            self._found.marking = self._found.marking.stricter(marking)
            if one.stix_type == "indicator":
                self._read_indicator(one, marking)
            elif one.stix_type in _OBSERVABLES:
                self._found.leave_out(one.stix_type, _OBSERVED, one.stix_id)
            elif one.stix_type in _CONTEXT:
                self._read_context(one)

    def _marking_of(self, one: StixObject) -> Marking:
        pap = own_pap(one.value, self._by_id.get)
        try:
            return Marking(tlp=own_label(one.value, self._by_id.get), pap=pap)
        except MarkingError as error:
            return Marking(tlp=TLP.RED, pap=pap, undecided=(f"{one.stix_id}: {error.message}",))

    def _read_report(self, one: StixObject) -> None:
        publication = Publication(
            title=tidy(one.value.get("name")),
            publisher=self._creator_of(one),
            date=_time(one.value.get("published")),
            reference=one.stix_id,
        )
        self._found.publications.append(publication)
        refs = one.value.get("object_refs")
        for ref in refs if isinstance(refs, list) else ():
            if isinstance(ref, str):
                self._reported.setdefault(ref, publication)

    def _creator_of(self, one: StixObject) -> str | None:
        creator = one.value.get("created_by_ref")
        identity = self._by_id.get(creator) if isinstance(creator, str) else None
        return None if identity is None else tidy(identity.get("name"))

    def _publication_of(self, one: StixObject) -> Publication | None:
        """Give the report that an object is in, or else who made it."""
        if one.stix_id in self._reported:
            return self._reported[one.stix_id]
        creator = self._creator_of(one)
        if creator is None:
            return None
        if creator not in self._published:
            self._published[creator] = Publication(publisher=creator)
            self._found.publications.append(self._published[creator])
        return self._published[creator]

    def _read_indicator(self, one: StixObject, marking: Marking) -> None:
        value = one.value
        pattern, language = value.get("pattern"), value.get("pattern_type", "stix")
        if value.get("revoked") is True:
            self._found.leave_out(one.stix_type, _REVOKED, one.stix_id)
        elif language != "stix":
            words = str(language)[:_WORD_LENGTH]
            self._found.leave_out(one.stix_type, _OTHER_LANGUAGE.format(words), one.stix_id)
        elif not isinstance(pattern, str) or not pattern.strip():
            self._found.leave_out(one.stix_type, _NO_PATTERN, one.stix_id)
        else:
            kind, thing = read_simple(pattern) or (Kind.PATTERN, pattern)
            self._found.add(
                Finding(
                    kind=kind,
                    value=thing,
                    pattern=pattern,
                    name=tidy(value.get("name")) or name_of(kind, thing),
                    description=tidy(value.get("description")),
                    confidence=_confidence(value.get("confidence")),
                    marking=marking,
                    publication=self._publication_of(one),
                    object_id=one.stix_id,
                )
            )

    def _read_context(self, one: StixObject) -> None:
        kind, form = _CONTEXT[one.stix_type]
        references = one.value.get("external_references")
        names = [one.value.get("name")]
        names += [
            reference.get("external_id")
            for reference in (references if isinstance(references, list) else ())
            if isinstance(reference, Mapping)
        ]
        for name in names:
            if isinstance(name, str) and form.fullmatch(name):
                self._found.add_context(kind, name)


def _type_of(item: Any) -> str:
    stix_type = item.get("type") if isinstance(item, Mapping) else None
    return stix_type[:_WORD_LENGTH] if isinstance(stix_type, str) else "object"


def _id_of(item: Any) -> str | None:
    return tidy(item.get("id")) if isinstance(item, Mapping) else None


def _time(text: Any) -> datetime | None:
    try:
        return read_time(text) if isinstance(text, str) else None
    except InvalidError:
        return None


def _confidence(value: Any) -> int | None:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 <= value <= _MOST_CONFIDENT else None
