"""What reading gives, whatever form it came in: findings, context, and what was left out.

All of it is values. Nothing here knows of a form, of STIX builders or of who reads.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any, Final

from policies.errors import TooLargeError
from sharing.formats.labels import UNMARKED, Marking
from sharing.limits import PATTERN_BYTES
from sharing.objects import StixObject

LIMIT_BYTES: Final = 8 * 1024 * 1024
"""How much of STIX or MISP is read at once."""
TEXT_LIMIT_BYTES: Final = 2 * 1024 * 1024
"""How much text is searched at once: some thousand pages."""
LIMIT_COUNT: Final = 10_000
"""How many objects, attributes or findings are taken at once."""
SHOWN_VALUES: Final = 20
"""How many of the values that were left out for one reason are shown; all are counted."""
SHOWN_LENGTH: Final = 200
TEXT_LENGTH: Final = 10_000
"""How much of a title or a description is kept."""

_LONG: Final = f"longer than a pattern of {PATTERN_BYTES} bytes can hold"


class Form(StrEnum):
    """The forms that are told apart."""

    STIX = "stix"
    MISP = "misp"
    TEXT = "text"


class Kind(StrEnum):
    """What a finding is: something that an attack can be detected by."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    ENDPOINT = "endpoint"
    DOMAIN = "domain"
    URL = "url"
    EMAIL = "email"
    MESSAGE = "message"
    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA512 = "sha512"
    SHA3_256 = "sha3-256"
    SHA3_512 = "sha3-512"
    FILE_NAME = "file-name"
    FILE_PATH = "file-path"
    MUTEX = "mutex"
    REGISTRY_KEY = "registry-key"
    USER_AGENT = "user-agent"
    CERTIFICATE = "certificate"
    MAC = "mac"
    AS_NUMBER = "as-number"
    BITCOIN = "bitcoin"
    PATTERN = "pattern"

    @property
    def noun(self) -> str:
        """What the name of a finding of this kind begins with."""
        return _NOUNS[self]


_NOUNS: Final = {
    Kind.IPV4: "IPv4 address",
    Kind.IPV6: "IPv6 address",
    Kind.ENDPOINT: "Address and port",
    Kind.DOMAIN: "Domain",
    Kind.URL: "Url",
    Kind.EMAIL: "E-mail address",
    Kind.MESSAGE: "E-mail message",
    Kind.MD5: "File",
    Kind.SHA1: "File",
    Kind.SHA256: "File",
    Kind.SHA512: "File",
    Kind.SHA3_256: "File",
    Kind.SHA3_512: "File",
    Kind.FILE_NAME: "File",
    Kind.FILE_PATH: "File",
    Kind.MUTEX: "Mutex",
    Kind.REGISTRY_KEY: "Registry key",
    Kind.USER_AGENT: "User agent",
    Kind.CERTIFICATE: "Certificate",
    Kind.MAC: "MAC address",
    Kind.AS_NUMBER: "Autonomous system",
    Kind.BITCOIN: "Bitcoin address",
    Kind.PATTERN: "Pattern",
}


def name_of(kind: Kind, value: str) -> str:
    """Give the name of a finding that nobody has given another."""
    return f"{kind.noun} {value}"


class ContextKind(StrEnum):
    """What tells of an attack without being something to detect it by."""

    VULNERABILITY = "vulnerability"
    TECHNIQUE = "technique"


@dataclass(frozen=True, slots=True)
class Publication:
    """What somebody published, as far as it says so itself.

    Args:
        reference: under which its publisher knows it: a MISP event's UUID, a STIX report's id.
    """

    title: str | None = None
    publisher: str | None = None
    date: datetime | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing by which an attack can be detected.

    Args:
        value: as a person reads it; live, so pages show it as text and never as a link.
        pattern: in STIX patterning.
        confidence: 0 to 100, as in STIX.
        marking: the publisher's, of this thing: what it says itself and what holds it.
        object_id: the STIX indicator that says so.
    """

    kind: Kind
    value: str
    pattern: str
    name: str
    description: str | None = None
    first_seen: datetime | None = None
    confidence: int | None = None
    marking: Marking = UNMARKED
    publication: Publication | None = None
    object_id: str | None = None

    def merged(self, again: Finding) -> Finding:
        """Give what this and the same thing said again say together."""
        seen = [moment for moment in (self.first_seen, again.first_seen) if moment is not None]
        return replace(
            self,
            description=self.description or again.description,
            first_seen=min(seen, default=None),
            confidence=self.confidence if self.confidence is not None else again.confidence,
            marking=self.marking.stricter(again.marking),
            object_id=self.object_id or again.object_id,
        )


@dataclass(frozen=True, slots=True)
class Context:
    """Something that tells of the attack: `CVE-2023-29059`, `T1195.002`."""

    kind: ContextKind
    value: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What was there and was not taken.

    Args:
        what: its kind, in the words of its form: a `Kind`, a MISP type, a STIX type.
        reason: why, in plain words.
        count: how many: attributes of an event, objects of a bundle, different values of a text.
        values: some of them, the first ones first; none where they are not to be shown.
    """

    what: str
    reason: str
    count: int
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recognised:
    """What was read.

    Args:
        findings: in the order in which they appear, each once.
        observed: what was seen and is not meant for detection: of MISP, `to_ids` is off.
        objects: of STIX alone: as they came, under their own authorship and marking.
        marking: the strictest of all that was read.
    """

    form: Form
    findings: tuple[Finding, ...] = ()
    observed: tuple[Finding, ...] = ()
    context: tuple[Context, ...] = ()
    objects: tuple[StixObject, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    publications: tuple[Publication, ...] = ()
    marking: Marking = UNMARKED


@dataclass(slots=True)
class Collected:
    """What a reader has collected so far: each thing once, nothing without bound."""

    form: Form
    marking: Marking = UNMARKED
    publications: list[Publication] = field(default_factory=list)
    objects: list[StixObject] = field(default_factory=list)
    _findings: dict[str, Finding] = field(default_factory=dict)
    _observed: dict[str, Finding] = field(default_factory=dict)
    _context: dict[Context, None] = field(default_factory=dict)
    _left_out: dict[tuple[str, str], dict[str | None, int]] = field(default_factory=dict)

    def add(self, finding: Finding, *, for_detection: bool = True) -> None:
        """Take a finding; what has the same pattern is the same thing.

        Raises:
            TooLargeError: more different ones than are taken at once.
        """
        if len(finding.pattern.encode()) > PATTERN_BYTES:
            self.leave_out(finding.kind, _LONG, finding.value)
            return
        self.marking = self.marking.stricter(finding.marking)
        taken = self._findings if for_detection else self._observed
        known = taken.get(finding.pattern)
        if known is None and len(taken) == LIMIT_COUNT:
            raise too_many("indicators")
        taken[finding.pattern] = finding if known is None else known.merged(finding)

    def add_context(self, kind: ContextKind, value: str) -> None:
        """Take something that tells of the attack.

        Raises:
            TooLargeError: more different ones than are taken at once.
        """
        self._context[Context(kind, value)] = None
        if len(self._context) > LIMIT_COUNT:
            raise too_many("vulnerabilities and techniques")

    def leave_out(self, what: str, reason: str, value: str | None = None) -> None:
        """Say of something that it was there and is not taken.

        Args:
            value: what it was, where that may be shown.
        """
        values = self._left_out.setdefault((what, reason), {})
        shown = None if value is None else _shown(value)
        values[shown] = values.get(shown, 0) + 1

    def whole(self) -> Recognised:
        """Give all of it."""
        return Recognised(
            form=self.form,
            findings=tuple(self._findings.values()),
            observed=tuple(
                one for pattern, one in self._observed.items() if pattern not in self._findings
            ),
            context=tuple(self._context),
            objects=tuple(self.objects),
            left_out=tuple(self._summed(*key) for key in self._left_out),
            publications=tuple(self.publications),
            marking=self.marking,
        )

    def _summed(self, what: str, reason: str) -> LeftOut:
        values = self._left_out[what, reason]
        # Somebody who writes of one address ten times still writes of one address.
        count = len(values) if self.form is Form.TEXT else sum(values.values())
        shown = (value for value in values if value is not None)
        return LeftOut(what, reason, count, tuple(islice(shown, SHOWN_VALUES)))


_UNWRITABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def is_writable(value: str) -> bool:
    """Tell whether a value is one line without control characters and half characters."""
    return bool(value) and _UNWRITABLE.search(value) is None and "\n" not in value


def tidy(text: Any) -> str | None:
    """Give a title or a description as it can be kept; `None` where it is none."""
    if not isinstance(text, str):
        return None
    kept = _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n")).strip()
    return (kept if len(kept) <= TEXT_LENGTH else f"{kept[: TEXT_LENGTH - 1]}…") or None


def too_large(size: int, limit: int, what: str = "") -> TooLargeError:
    """Give the refusal of more bytes than are read at once."""
    return TooLargeError(
        f"{size} bytes{what} are more than the {limit} that are read at once",
        field="data",
        hint="Split it, and take the parts one after another.",
    )


def too_many(things: str) -> TooLargeError:
    """Give the refusal of more things than are taken at once."""
    return TooLargeError(
        f"this holds more than the {LIMIT_COUNT} {things} that are read at once",
        field="data",
        hint="Split it, and take the parts one after another.",
    )


def _shown(value: str) -> str:
    return value if len(value) <= SHOWN_LENGTH else f"{value[: SHOWN_LENGTH - 1]}…"
