"""Signed bundles: read strictly, build, sign, prove.

Source: protocol, 6; wire format, 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from federation.identity.keys import (
    PrivateKey,
    PublicKey,
    SignatureError,
    Typ,
    key_id,
    split,
    unb64,
    verify_detached,
)
from federation.judging.doubt import Doubt, DoubtError
from policies.errors import InvalidError
from policies.tlp import TLP
from sharing.canonical import (
    BUNDLE_LIMIT_BYTES,
    MAX_INTEGER,
    canonical,
    read_instant,
    sha256_hex,
    write_time,
)
from sharing.objects import SIGNED_BUNDLE, StixObject, is_stix_id

EXTENSION: Final = "extension-definition--ccdc6f67-242b-460a-8fd8-aaae3376b87b"
CONTENTS_LIMIT: Final = 10_000
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_ACT: Final = re.compile(r"[a-z]+(?:[._][a-z]+)*", re.ASCII)
_ACT_LENGTH: Final = 60
_NEEDED: Final = frozenset({"ref", "sha256"})
_NAMED: Final = frozenset({"ref", "sha256", "version", "tlp"})
_LABELS: Final = {label.value: label for label in TLP}
_SMALL_BYTES: Final = 16 * 1024
_RECENT_COUNT: Final = 256
_WHOEVER: Final = b""
"""Among the keys that were seen to have signed a bundle: the one that it names."""


@dataclass(frozen=True, slots=True)
class Item:
    """One object that a bundle covers."""

    ref: str
    sha256: str
    version: str | None
    tlp: TLP | None = None

    @property
    def version_ns(self) -> int:
        """The version as nanoseconds since 1970; 0 where there is none."""
        return 0 if self.version is None else read_instant(self.version)

    def document(self) -> dict[str, Any]:
        """Give it as it stands in `contents`."""
        value: dict[str, Any] = {"ref": self.ref, "sha256": self.sha256}
        if self.version is not None:
            value["version"] = self.version
        if self.tlp is not None:
            value["tlp"] = self.tlp.value
        return value


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a ledger and the hash of the entry that stands there."""

    epoch: int
    seq: int
    sha256: str

    def document(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {"epoch": self.epoch, "seq": self.seq, "sha256": self.sha256}

    @classmethod
    def read(cls, value: object) -> Position:
        """Read a position.

        Raises:
            DoubtError: `malformed`.
        """
        if not isinstance(value, Mapping) or set(value) != {"epoch", "seq", "sha256"}:
            raise _malformed("a position is {epoch, seq, sha256}")
        epoch, seq = _number(value["epoch"], 1, "epoch"), _number(value["seq"], 0, "seq")
        return cls(epoch, seq, _hash(value["sha256"]))


@dataclass(frozen=True)
class SignedBundle:
    """A bundle as it came over the wire: well formed, nothing proven."""

    stix: StixObject = field(repr=False)
    channel: str
    act: str
    author: str
    created: str
    body: Mapping[str, Any] = field(repr=False)
    contents: tuple[Item, ...] = field(repr=False)
    nth: int | None
    epoch: int | None
    seq: int | None
    seen: Position | None
    signature: str = field(repr=False)
    sha256: str
    payload: bytes = field(repr=False)
    _proven_by: set[bytes] = field(default_factory=set, init=False, repr=False, compare=False)
    """Keys that were seen to have signed it: neither they nor it ever change."""

    @property
    def bundle_id(self) -> str:
        """Its STIX id."""
        return self.stix.stix_id

    @property
    def is_entry(self) -> bool:
        """Tell an owner's entry from a contribution."""
        return self.epoch is not None

    @property
    def position(self) -> Position:
        """Where this entry stands."""
        if self.epoch is None or self.seq is None:
            raise ValueError("a contribution has no position")
        return Position(self.epoch, self.seq, self.sha256)

    @property
    def place(self) -> tuple[int, int]:
        """Epoch and seq of this entry."""
        place = self.position
        return place.epoch, place.seq

    @property
    def created_ns(self) -> int:
        """The author's time, as nanoseconds since 1970."""
        return read_instant(self.created)

    @property
    def item(self) -> Item:
        """How another bundle covers this one: by its bundle hash."""
        return Item(self.bundle_id, self.sha256, self.created)

    @classmethod
    def read(cls, stix: StixObject) -> SignedBundle:
        """Read a bundle's form; no key is asked.

        Raises:
            DoubtError: `malformed`.
        """
        known = _recent.get(id(stix)) or _before.get(id(stix))
        if known is not None and known.stix is stix:
            return known
        try:
            return _remembered(stix)
        except SignatureError as error:
            raise DoubtError(Doubt.MALFORMED, f"signature: {error.message}") from None
        except InvalidError as error:
            raise DoubtError(Doubt.MALFORMED, error.message) from None

    def take_as_proven(self) -> None:
        """Check its signature no more: it was when it came, and these are the very bytes."""
        self._proven_by.add(_WHOEVER)

    def prove(self, key: PublicKey) -> None:
        """Prove that this key signed exactly this bundle.

        Raises:
            DoubtError: `bad_signature` or `malformed`.
        """
        if key.raw in self._proven_by or _WHOEVER in self._proven_by:
            return
        try:
            verify_detached(self.signature, self.payload, key, Typ.BUNDLE)
        except SignatureError as error:
            raise DoubtError(Doubt(error.name), error.message) from None
        self._proven_by.add(key.raw)

    @property
    def kid(self) -> str:
        """The key that it says it was signed with.

        Raises:
            DoubtError: `malformed` or `bad_signature`.
        """
        try:
            return key_id(self.signature)
        except SignatureError as error:
            raise DoubtError(Doubt(error.name), error.message) from None


def make_bundle(  # noqa: PLR0913 - a bundle has that many properties
    *,
    key: PrivateKey,
    author: str,
    channel: str,
    act: str,
    body: Mapping[str, Any],
    contents: Sequence[Item],
    label: TLP,
    now: datetime,
    position: tuple[int, int] | None = None,
    nth: int | None = None,
    seen: Position | None = None,
    bundle_id: str | None = None,
) -> SignedBundle:
    """Build and sign a bundle: an entry where `position` is given, else a contribution.

    Args:
        label: marks the bundle's own metadata.
        position: epoch and seq.

    Raises:
        DoubtError: `malformed`: it would break a limit of the protocol.
    """
    created = write_time(now)
    value: dict[str, Any] = {
        "type": SIGNED_BUNDLE,
        "spec_version": "2.1",
        "id": bundle_id or f"{SIGNED_BUNDLE}--{uuid4()}",
        "created_by_ref": author,
        "created": created,
        "modified": created,
        "object_marking_refs": [label.marking_id],
        "extensions": {EXTENSION: {"extension_type": "new-sdo"}},
        "protocol": "1",
        "channel": channel,
        "act": act,
    }
    if body:
        value["body"] = dict(body)
    if contents:
        value["contents"] = [item.document() for item in contents]
    if position is not None:
        value["epoch"], value["seq"] = position
    if nth is not None:
        value["nth"] = nth
    if seen is not None:
        value["seen"] = seen.document()
    payload = canonical(value)
    value["signature"] = key.sign_detached(payload, Typ.BUNDLE)
    try:
        return _remembered(StixObject.of(value), payload)
    except DoubtError:
        raise
    except InvalidError as error:
        raise DoubtError(Doubt.MALFORMED, error.message) from None


def items_of(objects: Iterable[StixObject], labels: Mapping[str, TLP]) -> tuple[Item, ...]:
    """Say what a bundle covers.

    Args:
        labels: effective label by object hash; stated where it is known. What a bundle leaves
            unstated counts as strict as the bundle itself, and green matter is due to later
            members.

    Raises:
        DoubtError: `malformed`: something that calls itself a signed bundle is none.
    """
    return tuple(
        SignedBundle.read(stix).item
        if stix.stix_type == SIGNED_BUNDLE
        else Item(stix.stix_id, stix.sha256, stix.version, labels.get(stix.sha256))
        for stix in objects
    )


def _remembered(stix: StixObject, payload: bytes | None = None) -> SignedBundle:
    bundle = _read(stix, payload)
    if len(stix.content) <= _SMALL_BYTES:
        if len(_recent) >= _RECENT_COUNT:
            _before.clear()
            _before.update(_recent)
            _recent.clear()
        _recent[id(stix)] = bundle
    return bundle


def _signed_part(stix: StixObject, signature: str) -> bytes:
    """Give the canonical form without the signature, cut out of the bytes.

    `spec_version` stands behind it in every bundle, so a comma does. Where the same text stands
    once more further in, the form is made anew.
    """
    member = f'"signature":"{signature}",'.encode()
    if stix.content.count(member) == 1:
        return stix.content.replace(member, b"")
    return canonical({name: item for name, item in stix.value.items() if name != "signature"})


def _read(stix: StixObject, payload: bytes | None) -> SignedBundle:
    """Read a bundle.

    Args:
        payload: its canonical form without the signature, where we have just signed that.
    """
    value = stix.value
    _check_constants(stix, value)
    signature = value.get("signature")
    if not isinstance(signature, str):
        raise _malformed("a bundle is signed")
    header, middle, last = split(signature)
    unb64(header)
    unb64(last)
    if middle:
        raise _malformed("the signature of a bundle is detached")
    body, author, act = value.get("body", {}), value.get("created_by_ref"), value.get("act")
    if not isinstance(body, Mapping) or ("body" in value and not body):
        raise _malformed("body is an object, left out when empty")
    if not isinstance(author, str) or not author.startswith("identity--") or not is_stix_id(author):
        raise _malformed("created_by_ref names an identity")
    if not isinstance(act, str) or len(act) > _ACT_LENGTH or _ACT.fullmatch(act) is None:
        raise _malformed("act is a word like note.added")
    if payload is None:
        payload = _signed_part(stix, signature)
    nth, epoch, seq, seen = _read_place(value)
    return SignedBundle(
        stix=stix,
        channel=_channel(value.get("channel")),
        act=act,
        author=author,
        created=value["created"],
        body=body,
        contents=_contents(value),
        nth=nth,
        epoch=epoch,
        seq=seq,
        seen=seen,
        signature=signature,
        sha256=sha256_hex(payload),
        payload=payload,
    )


_recent: dict[int, SignedBundle] = {}
"""Bundles by the identity of what they were read from: on its way into a ledger one is read several
times."""
_before: dict[int, SignedBundle] = {}
"""Those that were read before the recent ones."""


def _check_constants(stix: StixObject, value: Mapping[str, Any]) -> None:
    if stix.stix_type != SIGNED_BUNDLE:
        raise _malformed(f"a {stix.stix_type[:40]} is no signed bundle")
    if len(stix.content) > BUNDLE_LIMIT_BYTES:
        raise _malformed(f"a bundle has at most {BUNDLE_LIMIT_BYTES} bytes")
    if value.get("spec_version") != "2.1" or value.get("protocol") != "1":
        raise _malformed("a bundle is STIX 2.1 and protocol 1")
    if value.get("extensions") != {EXTENSION: {"extension_type": "new-sdo"}}:
        raise _malformed("extensions names the extension of signed bundles and nothing else")
    if not isinstance(value.get("created"), str) or value.get("modified") != value["created"]:
        raise _malformed("a bundle is never changed: modified is created")


def _read_place(
    value: Mapping[str, Any],
) -> tuple[int | None, int | None, int | None, Position | None]:
    seen = Position.read(value["seen"]) if "seen" in value else None
    if "nth" in value:
        if "epoch" in value or "seq" in value or seen is None:
            raise _malformed("a contribution has nth and seen, an entry epoch and seq")
        return _number(value["nth"], 1, "nth"), None, None, seen
    epoch, seq = _number(value.get("epoch"), 1, "epoch"), _number(value.get("seq"), 0, "seq")
    if (seen is None) != (epoch == 1 and seq == 0):
        raise _malformed("every entry but the very first names the one before it in seen")
    return None, epoch, seq, seen


def _contents(value: Mapping[str, Any]) -> tuple[Item, ...]:
    if "contents" not in value:
        return ()
    contents = value["contents"]
    if not isinstance(contents, list) or not 1 <= len(contents) <= CONTENTS_LIMIT:
        raise _malformed(f"contents is a list of 1 to {CONTENTS_LIMIT}, left out when empty")
    items = tuple(_item(item) for item in contents)
    if len({(item.ref, item.version_ns) for item in items}) != len(items):
        raise _malformed("contents names one version of an object twice")
    return items


def _item(value: object) -> Item:
    if not isinstance(value, Mapping) or not _NEEDED <= value.keys() <= _NAMED:
        raise _malformed("an item of contents is {ref, sha256, version?, tlp?}")
    ref, version, tlp = value["ref"], value.get("version"), value.get("tlp")
    if not isinstance(ref, str) or not is_stix_id(ref):
        raise _malformed("ref is a STIX id")
    if "version" in value:
        if not isinstance(version, str):
            raise _malformed("version is a time, left out where there is none")
        read_instant(version, field="version")
    label = None
    if "tlp" in value:
        label = _LABELS.get(tlp) if isinstance(tlp, str) else None
        if label is None:
            raise _malformed("tlp is a TLP 2.0 label")
    return Item(ref, _hash(value["sha256"]), version, label)


def _channel(value: object) -> str:
    try:
        fine = isinstance(value, str) and str(UUID(value)) == value
    except ValueError:
        fine = False
    if not fine or not isinstance(value, str):
        raise _malformed("channel is a UUID in lower case")
    return value


def _number(value: object, least: int, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= MAX_INTEGER:
        raise _malformed(f"{name} is a whole number from {least}")
    return value


def _hash(value: object) -> str:
    if not isinstance(value, str) or _SHA256.fullmatch(value) is None:
        raise _malformed("a hash is 64 lower-case hex digits")
    return value


def _malformed(sentence: str) -> DoubtError:
    return DoubtError(Doubt.MALFORMED, sentence)
