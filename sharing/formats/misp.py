"""MISP events: what their publishers give for detection, under the marking that they say.

What a publisher says is read and not judged: a domain of an honest service that it gives for
detection is one. What it does not give for detection (`to_ids` is off) was observed, and is kept
apart.

Source: MISP core format (attributes, objects, tags); MISP taxonomies `tlp`, `PAP`,
`admiralty-scale`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from policies.errors import InvalidError
from policies.tlp import TLP
from sharing.formats.labels import UNMARKED, Marking, read_labels
from sharing.formats.misp_types import Detectable, is_detectable, read_attribute
from sharing.formats.patterns import HASH_NAMES, of_hashes
from sharing.formats.recognised import (
    LIMIT_COUNT,
    Collected,
    ContextKind,
    Finding,
    Form,
    Publication,
    Recognised,
    is_writable,
    name_of,
    tidy,
    too_many,
)

_NOT_GIVEN: Final = "not given for detection by its publisher (to_ids is off)"
_DELETED: Final = "deleted by its publisher"
_UNREADABLE: Final = "no attribute that could be read"
_NO_KIND: Final = "of a type that tells of the attack, or that no pattern is made of here"
_OUT_OF_FORM: Final = "not well formed for its type"
_TYPE_LENGTH: Final = 100
_MOST_NAMES: Final = 20
"""Under which scanners know a thing; a description tells no more."""
_PARTS: Final = frozenset({"Attribute", "Object", "Orgc", "Tag"})
_BESIDE: Final[Mapping[str, str]] = {
    "ShadowAttribute": "proposed by somebody else than the publisher, and not accepted",
    "EventReport": "a report in prose; taken by itself, as text, it is read",
}
_NAMELESS_TAG: Final = Marking(tlp=TLP.RED, undecided=("a tag without a name",))
_CVE: Final = re.compile(r"CVE-\d{4}-\d{4,7}", re.ASCII | re.IGNORECASE)
_TECHNIQUE: Final = re.compile(r'misp-galaxy:mitre-[a-z-]+="[^"]* - (T\d{4}(?:\.\d{3})?)"')
_CONFIDENCE: Final[Mapping[str, int]] = {
    **{
        f'admiralty-scale:information-credibility="{number}"': confidence
        for number, confidence in enumerate((90, 70, 50, 30, 10), 1)
    },
    **{
        f'estimative-language:likelihood-probability="{words}"': confidence
        for words, confidence in (
            ("almost-no-chance", 5), ("very-unlikely", 15), ("unlikely", 30),
            ("roughly-even-chance", 50), ("likely", 70), ("very-likely", 85),
            ("almost-certain", 95),
        )
    },
}  # fmt: skip
"""Source: STIX 2.1, appendix A."""


def find_events(document: Any) -> list[Any] | None:
    """Give the events of a document; `None` where it is no MISP document.

    Raises:
        InvalidError: it is one, but holds no events.
    """
    if isinstance(document, Mapping):
        if "response" in document:
            return _events_of_response(document["response"])
        event = document.get("Event", document)
        return [event] if _is_event(event) else None
    if isinstance(document, list) and document:
        events = [item.get("Event") if isinstance(item, Mapping) else None for item in document]
        return events if all(map(_is_event, events)) else None
    return None


def _is_event(event: Any) -> bool:
    """Tell an event of MISP from those of other software."""
    return isinstance(event, Mapping) and "info" in event and not _PARTS.isdisjoint(event)


def _events_of_response(response: Any) -> list[Any] | None:
    if isinstance(response, Mapping) and "Attribute" in response:
        raise InvalidError(
            "these are MISP attributes without their events, so nobody knows their marking",
            field="response",
            hint="Export the events that they belong to.",
        )
    if response == []:
        raise InvalidError("this MISP answer holds no event", field="response")
    items = response if isinstance(response, list) else [response]
    if not any(isinstance(item, Mapping) and "Event" in item for item in items):
        return None
    return [item.get("Event") if isinstance(item, Mapping) else None for item in items]


def read_events(events: Sequence[Any]) -> Recognised:
    """Read what was published in MISP events.

    Raises:
        InvalidError: one of them is no event.
        TooLargeError: more attributes than are read at once.
    """
    found = Collected(Form.MISP)
    if sum(_count(event) for event in events) > LIMIT_COUNT:
        raise too_many("attributes")
    for number, event in enumerate(events):
        if not isinstance(event, Mapping):
            message = "this is no MISP event, which is an object with “info” and attributes"
            raise InvalidError(message, field=f"Event[{number}]")
        _Event(found, event).read()
    return found.whole()


def _count(event: Any) -> int:
    things = [event, *_items(event, "Object")]
    return sum(len(_items(thing, "Attribute")) for thing in things)


@dataclass(frozen=True, slots=True)
class _Around:
    """What holds an attribute, and so says something of it."""

    publication: Publication
    marking: Marking
    confidence: int | None
    comments: tuple[str, ...] = ()
    first_seen: datetime | None = None

    def with_said(self, said: _Around) -> _Around:
        """Add what holds one of several attributes that are about one thing."""
        seen = [moment for moment in (self.first_seen, said.first_seen) if moment is not None]
        return replace(
            self,
            marking=self.marking.stricter(said.marking),
            confidence=self.confidence if said.confidence is None else said.confidence,
            comments=tuple(dict.fromkeys((*self.comments, *said.comments))),
            first_seen=min(seen, default=None),
        )


class _Event:
    def __init__(self, found: Collected, event: Mapping[str, Any]) -> None:
        self._found = found
        self._event = event
        self._detected_as: dict[str, str] = {}

    def read(self) -> None:
        event = self._event
        publisher = event.get("Orgc")
        publication = Publication(
            title=tidy(event.get("info")),
            publisher=tidy(publisher.get("name")) if isinstance(publisher, Mapping) else None,
            date=_date(event.get("date")),
            reference=tidy(event.get("uuid")),
        )
        self._found.publications.append(publication)
        around = _Around(publication, UNMARKED, None)
        around = self._with_tags(around, event)
        self._found.marking = self._found.marking.stricter(around.marking)
        for name, reason in _BESIDE.items():
            for _ in _items(event, name):
                self._found.leave_out(name, reason)
        self._read_things(_items(event, "Attribute"), around)
        objects = _items(event, "Object")
        self._detected_as = _signatures(objects)
        for thing in objects:
            self._read_object(thing, around)

    def _read_object(self, thing: Any, around: _Around) -> None:
        if not isinstance(thing, Mapping):
            self._found.leave_out("object", _UNREADABLE)
            return
        attributes = _items(thing, "Attribute")
        if _is_on(thing.get("deleted")):
            for attribute in attributes:
                self._found.leave_out(_type_of(attribute), _DELETED)
            return
        names = islice(self._names_of(thing), _MOST_NAMES)
        detected = (f"Detected as {name}." for name in names)
        comment = tidy(thing.get("comment"))
        around = replace(
            self._with_tags(around, thing),
            comments=tuple(filter(None, (comment, *detected))),
            first_seen=_time(thing.get("first_seen")),
        )
        self._read_things(attributes, around, of_one_file=True)

    def _names_of(self, thing: Mapping[str, Any]) -> Iterator[str]:
        for reference in _items(thing, "ObjectReference"):
            if (
                isinstance(reference, Mapping)
                and reference.get("relationship_type") == "detected-as"
                and isinstance(target := reference.get("referenced_uuid"), str)
                and target in self._detected_as
            ):
                yield self._detected_as[target]

    def _read_things(
        self, attributes: Sequence[Any], around: _Around, *, of_one_file: bool = False
    ) -> None:
        """Read attributes; those of an object describe one file, where they hold hashes."""
        named = _file_name_among(attributes) if of_one_file else None
        given: dict[bool, list[tuple[_Around, Detectable]]] = {True: [], False: []}
        for attribute in attributes:
            if attribute is named:
                continue
            detectable = self._given_by(attribute)
            if detectable is not None:
                about = self._around_attribute(around, attribute)
                given[_is_for_detection(attribute)].append((about, detectable))
        hashes = {
            suited: [one for one in some if of_one_file and one[1].hash_of_file]
            for suited, some in given.items()
        }
        # A name that is there to detect by itself is no mere name of what was only observed.
        only_names = hashes[True] or (hashes[False] and not _is_for_detection(named))
        if (
            named is not None
            and not only_names
            and (detectable := self._given_by(named)) is not None
        ):
            about = self._around_attribute(around, named)
            given[_is_for_detection(named)].insert(0, (about, detectable))
        name = None if named is None else named["value"].strip()
        for suited, some in given.items():
            if hashes[suited]:
                self._add_file(hashes[suited], around, name, for_detection=suited)
            for about, detectable in some:
                if not (of_one_file and detectable.hash_of_file):
                    shown = detectable.file_name or detectable.value
                    self._add(detectable, detectable.pattern, shown, about, for_detection=suited)

    def _given_by(self, attribute: Any) -> Detectable | None:
        """Give what an attribute shows, for detection or not; what shows nothing is left out."""
        misp_type = _type_of(attribute)
        value = attribute.get("value") if isinstance(attribute, Mapping) else None
        if not isinstance(value, str) or not isinstance(attribute.get("type"), str):
            self._found.leave_out(misp_type, _UNREADABLE)
            return None
        if _is_on(attribute.get("deleted")):
            self._found.leave_out(misp_type, _DELETED)
            return None
        if misp_type == "vulnerability" and _CVE.fullmatch(value.strip()):
            self._found.add_context(ContextKind.VULNERABILITY, value.strip().upper())
            return None
        detectable = read_attribute(misp_type, value) if is_detectable(misp_type) else None
        if detectable is not None:
            return detectable
        if not _is_for_detection(attribute):
            reason = _NOT_GIVEN
        elif not is_detectable(misp_type):
            reason = _NO_KIND
        else:
            reason = _OUT_OF_FORM
        self._found.leave_out(misp_type, reason, tidy(value))
        return None

    def _add_file(
        self,
        hashes: Sequence[tuple[_Around, Detectable]],
        around: _Around,
        name: str | None,
        *,
        for_detection: bool,
    ) -> None:
        """Add a file that is known by any of its hashes."""
        order = list(HASH_NAMES)
        strongest = min((one for _, one in hashes), key=lambda one: order.index(one.kind))
        names = (one.file_name for _, one in hashes)
        shown = name or next(filter(None, names), None) or strongest.value
        about = around
        for said, _ in hashes:
            about = about.with_said(said)
        pattern = of_hashes([(one.kind, one.value) for _, one in hashes])
        self._add(strongest, pattern, shown, about, for_detection=for_detection)

    def _add(
        self,
        detectable: Detectable,
        pattern: str,
        shown: str,
        about: _Around,
        *,
        for_detection: bool,
    ) -> None:
        self._found.add(
            Finding(
                kind=detectable.kind,
                value=detectable.value,
                pattern=pattern,
                name=tidy(name_of(detectable.kind, shown)) or detectable.value,
                description=tidy(" ".join(dict.fromkeys(about.comments))),
                first_seen=about.first_seen,
                confidence=about.confidence,
                marking=about.marking,
                publication=about.publication,
            ),
            for_detection=for_detection,
        )

    def _around_attribute(self, around: _Around, attribute: Mapping[str, Any]) -> _Around:
        comment = tidy(attribute.get("comment"))
        return replace(
            self._with_tags(around, attribute),
            comments=(*around.comments, *([comment] if comment else [])),
            first_seen=_time(attribute.get("first_seen")) or around.first_seen,
        )

    def _with_tags(self, around: _Around, thing: Mapping[str, Any]) -> _Around:
        """Add what the tags of a thing say: its marking, how sure one is, techniques."""
        names: list[str] = []
        marking = around.marking
        for tag in _items(thing, "Tag"):
            name = tag.get("name") if isinstance(tag, Mapping) else None
            if isinstance(name, str):
                names.append(name)
            else:
                marking = marking.stricter(_NAMELESS_TAG)
        for name in names:
            match = _TECHNIQUE.fullmatch(name)
            if match:
                self._found.add_context(ContextKind.TECHNIQUE, match[1])
        said = [_CONFIDENCE[name] for name in names if name in _CONFIDENCE]
        return replace(
            around,
            marking=marking.stricter(read_labels(names)),
            confidence=min(said, default=around.confidence),
        )


def _file_name_among(attributes: Sequence[Any]) -> Mapping[str, Any] | None:
    for one in attributes:
        if (
            isinstance(one, Mapping)
            and one.get("type") == "filename"
            and isinstance(value := one.get("value"), str)
            and is_writable(value.strip())
            and not _is_on(one.get("deleted"))
        ):
            return one
    return None


def _signatures(objects: Iterable[Any]) -> dict[str, str]:
    """Give the names under which scanners know things: uuid → name."""
    names: dict[str, str] = {}
    for thing in objects:
        if not isinstance(thing, Mapping) or thing.get("name") != "av-signature":
            continue
        uuid = thing.get("uuid")
        for attribute in _items(thing, "Attribute"):
            if isinstance(attribute, Mapping) and attribute.get("object_relation") == "signature":
                name = tidy(attribute.get("value"))
                if isinstance(uuid, str) and name:
                    names[uuid] = name
    return names


def _items(thing: Any, name: str) -> Sequence[Any]:
    """Give a list in a thing; nothing where there is none."""
    items = thing.get(name) if isinstance(thing, Mapping) else None
    return items if isinstance(items, list) else ()


def _type_of(attribute: Any) -> str:
    misp_type = attribute.get("type") if isinstance(attribute, Mapping) else None
    return misp_type[:_TYPE_LENGTH] if isinstance(misp_type, str) else "attribute"


def _is_for_detection(attribute: Any) -> bool:
    """Tell whether its publisher holds an attribute suitable for detection (`to_ids`)."""
    return isinstance(attribute, Mapping) and _is_on(attribute.get("to_ids"))


def _is_on(flag: Any) -> bool:
    return flag in (True, "1")


def _date(text: Any) -> datetime | None:
    try:
        return datetime.strptime(str(text), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


def _time(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
