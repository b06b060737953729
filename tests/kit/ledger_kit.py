"""Organisations with keys from seeds, and a ledger that can also be made to misbehave."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from federation.archive.lines import FORMAT
from federation.identity.descriptor import Descriptor, NodeKey
from federation.identity.descriptor_making import first_descriptor, next_descriptor
from federation.identity.keys import PrivateKey, Typ
from federation.judging.bundles import Item, Position, SignedBundle, items_of, make_bundle
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.facts import MemoryFacts
from federation.judging.judge import judge_entry
from federation.judging.judged import Judged
from federation.judging.reader import Reader
from federation.judging.receipts import make_receipt
from federation.judging.state import ChannelState
from policies.acts import Act
from policies.marking import effective_label
from policies.tlp import TLP
from sharing.canonical import canonical, write_time
from sharing.objects import StixObject

VECTORS: Final[Mapping[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "wire-vectors.json").read_text("utf-8")
)
BORN: Final = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
START: Final = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
CHANNEL: Final = "6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c0003"
OTHER_CHANNEL: Final = "6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c00ff"


def key_of(label: str) -> PrivateKey:
    """Give the test key of a label, as the vectors make theirs."""
    return PrivateKey.from_seed(hashlib.sha256(f"TEST KEY ONLY {label}".encode()).digest())


@dataclass
class Organisation:
    """An organisation and the keys of its node."""

    label: str
    number: int
    name: str
    chain: list[Descriptor] = field(default_factory=list, repr=False)
    keys: list[PrivateKey] = field(default_factory=list, repr=False)
    """Signing keys, newest last."""

    def __post_init__(self) -> None:
        self.keys = [key_of(f"{self.label} signing")]
        self.transport = key_of(f"{self.label} transport")
        self.recovery = key_of(f"{self.label} recovery")
        self.chain = [
            first_descriptor(
                self.identity.value,
                f"https://{self.name.split()[-1].lower()}.example",
                recovery=self.recovery,
                signing=self.keys[0],
                transport=self.transport,
                now=BORN,
            )
        ]

    @property
    def id(self) -> str:
        return f"identity--0f5a1f0e-6b0e-4c63-9a52-3a0b4c1d{self.number:04d}"

    @property
    def identity(self) -> StixObject:
        return StixObject.of(
            {
                "type": "identity",
                "spec_version": "2.1",
                "id": self.id,
                "created_by_ref": self.id,
                "created": write_time(BORN),
                "modified": write_time(BORN),
                "name": self.name,
                "identity_class": "organization",
            }
        )

    @property
    def key(self) -> PrivateKey:
        return self.keys[-1]

    @property
    def documents(self) -> list[dict[str, Any]]:
        """Its descriptors as bodies carry them, version 1 first."""
        return [dict(one.jws) for one in self.chain]

    def rotate(self, now: datetime, *, retire: bool = True) -> Descriptor:
        """Take a new signing key into use."""
        new = key_of(f"{self.label} signing {len(self.keys) + 1}")
        at = write_time(now)
        kept = [
            replace(one, retired_at=at) if retire and one.key == self.key.public else one
            for one in self.chain[-1].keys
        ]
        sign = kept[0].use
        keys = [*kept, NodeKey(new.public, sign, at)]
        self.chain.append(
            next_descriptor(self.chain[-1], signers=(self.key, new), now=now, keys=keys)
        )
        self.keys.append(new)
        return self.chain[-1]

    def revoke(
        self, key: PrivateKey, now: datetime, *, since: datetime | None = None
    ) -> Descriptor:
        """Revoke a signing key and take a new one, by the word of the recovery key."""
        new = key_of(f"{self.label} signing {len(self.keys) + 1}")
        kept = [
            replace(one, revoked_at=write_time(since or now)) if one.key == key.public else one
            for one in self.chain[-1].keys
        ]
        keys = [*kept, NodeKey(new.public, kept[0].use, write_time(now))]
        self.chain.append(
            next_descriptor(self.chain[-1], signers=(self.recovery,), now=now, keys=keys)
        )
        self.keys.append(new)
        return self.chain[-1]

    def note(
        self, number: int, text: str = "", *, tlp: TLP | None = TLP.AMBER, **more: Any
    ) -> StixObject:
        """Write a note of its own."""
        return note(self.id, self.number * 1000 + number, text, tlp=tlp, **more)


def note(author: str, number: int, text: str = "", *, tlp: TLP | None, **more: Any) -> StixObject:
    """Write a note in the name of an author."""
    moment = write_time(START + timedelta(minutes=number % 1000))
    value = {
        "type": "note",
        "spec_version": "2.1",
        "id": f"note--00000000-0000-4000-8000-{number:012d}",
        "created_by_ref": author,
        "created": moment,
        "modified": moment,
        "content": text or f"Note {number}.",
        "object_refs": [f"identity--{CHANNEL}"],
    }
    if tlp is not None:
        value["object_marking_refs"] = [tlp.marking_id]
    return StixObject.of(value | more)


def cert() -> Organisation:
    return Organisation("cert", 1, "Example CERT")


def grid() -> Organisation:
    return Organisation("operator", 2, "Example Grid")


def vendor() -> Organisation:
    return Organisation("vendor", 3, "Example Vendor")


def water() -> Organisation:
    return Organisation("water", 4, "Example Water")


@dataclass(frozen=True)
class Step:
    """What one entry brought."""

    judged: Judged
    objects: tuple[StixObject, ...]


@dataclass
class LedgerKit:
    """One channel: a ledger and everybody's keys.

    What `draft` and `contribution` are given by name replaces what an honest node would write.
    """

    owner: Organisation
    others: Sequence[Organisation] = ()
    kind: str = "case"
    ceiling: TLP = TLP.AMBER
    parent: str | None = None
    channel: str = CHANNEL
    roles: Mapping[str, Any] = field(default_factory=dict)
    state: ChannelState | None = None
    facts: MemoryFacts = field(default_factory=MemoryFacts)
    steps: list[Step] = field(default_factory=list)
    now: datetime = START
    numbers: dict[str, int] = field(default_factory=dict)
    bundle_count: int = 0

    @classmethod
    def opened(cls, *others: Organisation, **more: Any) -> LedgerKit:
        """Open a channel of the CERT with these founding members."""
        kit = cls(cert(), others, **more)
        kit.write(Act.CHANNEL_OPENED, kit.opening(), kit.founding_objects())
        return kit

    @property
    def channel_identity(self) -> StixObject:
        return StixObject.of(
            {
                "type": "identity",
                "spec_version": "2.1",
                "id": f"identity--{self.channel}",
                "created_by_ref": f"identity--{self.channel}",
                "created": write_time(START),
                "modified": write_time(START),
                "name": "Case 2026-17",
                "identity_class": "group",
                "object_marking_refs": [self.ceiling.marking_id],
            }
        )

    @property
    def head(self) -> Position:
        assert self.state is not None
        return self.state.head

    def founding_objects(self) -> list[StixObject]:
        everybody = (self.owner, *self.others)
        return [*(one.identity for one in everybody), self.channel_identity]

    def opening(self, **more: Any) -> dict[str, Any]:
        """Give the body that opens the channel."""
        default = "coordinator" if self.kind != "direct" else "member"
        members = [self.member(self.owner, default)]
        other = "affected" if self.kind != "direct" else "member"
        members += [self.member(one, other) for one in self.others]
        body = {
            "kind": self.kind,
            "owner": self.owner.id,
            "ceiling": self.ceiling.value,
            "acts": "1",
            "members": members,
        }
        if self.parent is not None:
            body["parent"] = self.parent
        return body | more

    def member(self, one: Organisation, role: Any) -> dict[str, Any]:
        role = self.roles.get(one.id, role)
        return {"organisation": one.id, "role": role, "descriptors": one.documents}

    def tick(self, seconds: float = 1) -> datetime:
        """Let time pass, and give the new time."""
        self.now += timedelta(seconds=seconds)
        return self.now

    def draft(
        self,
        act: str,
        body: Mapping[str, Any] | None = None,
        objects: Iterable[StixObject] = (),
        *,
        admits: SignedBundle | None = None,
        by: Organisation | None = None,
        **changed: Any,
    ) -> SignedBundle:
        """Sign an entry of the owner's; nothing is appended."""
        by = by or self.owner
        contents = list(self.items(objects, changed.get("label")))
        if admits is not None:
            contents.insert(0, admits.item)
        return self.make(
            by,
            act,
            body or {},
            contents,
            **{
                "position": self.state.next_place if self.state is not None else (1, 0),
                "seen": self.state.head if self.state is not None else None,
                **changed,
            },
        )

    def contribution(
        self,
        by: Organisation,
        act: str,
        body: Mapping[str, Any] | None = None,
        objects: Iterable[StixObject] = (),
        **changed: Any,
    ) -> SignedBundle:
        """Sign a contribution of a member's; nothing is admitted."""
        nth = self.numbers.get(by.id, 0) + 1
        self.numbers[by.id] = nth
        changed = {"nth": nth, "seen": self.head, **changed}
        return self.make(
            by, act, body or {}, list(self.items(objects, changed.get("label"))), **changed
        )

    def make(
        self,
        by: Organisation,
        act: str,
        body: Mapping[str, Any],
        covered: list[Item],
        *,
        key: PrivateKey | None = None,
        author: str | None = None,
        channel: str | None = None,
        label: TLP | None = None,
        **changed: Any,
    ) -> SignedBundle:
        self.bundle_count += 1
        number = UUID(int=(0x4000 << 64) + (0x8 << 60) + self.bundle_count)
        return make_bundle(
            key=key or by.key,
            author=author or by.id,
            channel=channel or self.channel,
            act=str(act),
            body=body,
            contents=changed.pop("contents", covered),
            label=label or self.ceiling,
            **{"now": self.now, "bundle_id": f"signed-bundle--{number}", **changed},
        )

    def items(self, objects: Iterable[StixObject], label: TLP | None = None) -> tuple[Item, ...]:
        """Say what a bundle with this label covers, each with its own label."""
        listed = list(objects)
        labels = {}
        for stix in listed:
            if stix.stix_type not in ("marking-definition", "signed-bundle"):
                labels[stix.sha256] = effective_label(
                    stix.value, label or self.ceiling, self.facts.find_marking
                )
        return tuple(
            SignedBundle.read(stix).item if stix.stix_type == "signed-bundle" else item
            for stix, item in zip(listed, items_of(listed, labels), strict=True)
        )

    def arrive(self, *objects: StixObject) -> None:
        """Let objects reach the node that judges."""
        for stix in objects:
            self.facts.add_object(stix)

    def judge(self, entry: SignedBundle, reader: Reader | None = None) -> Judged:
        """Judge an entry and forget it."""
        return judge_entry(self.state, entry, self.facts, reader or Reader())

    def append(
        self,
        entry: SignedBundle,
        objects: Iterable[StixObject] = (),
        *,
        admits: SignedBundle | None = None,
        reader: Reader | None = None,
    ) -> Judged:
        """Judge an entry as a member does, and take it into the ledger."""
        listed = tuple(objects)
        self.arrive(*listed, *([admits.stix] if admits is not None else []))
        judged = self.judge(entry, reader)
        self.facts.record(judged)
        self.state = judged.state
        self.owner = next(one for one in (self.owner, *self.others) if one.id == judged.state.owner)
        self.steps.append(Step(judged, listed))
        return judged

    def write(
        self,
        act: str,
        body: Mapping[str, Any] | None = None,
        objects: Iterable[StixObject] = (),
        **changed: Any,
    ) -> Judged:
        """Append an entry of the owner's."""
        listed = tuple(objects)
        self.tick()
        return self.append(self.draft(act, body, listed, **changed), listed)

    def contribute(
        self,
        by: Organisation,
        act: str,
        body: Mapping[str, Any] | None = None,
        objects: Iterable[StixObject] = (),
        **changed: Any,
    ) -> Judged:
        """Have a member contribute, and the owner admit it."""
        listed = tuple(objects)
        self.tick()
        bundle = self.contribution(by, act, body, listed, **changed)
        return self.admit(bundle, listed)

    def admit(
        self, bundle: SignedBundle, objects: Iterable[StixObject] = (), **changed: Any
    ) -> Judged:
        """Admit a contribution."""
        self.tick()
        entry = self.draft(Act.ADMITTED, admits=bundle, **changed)
        return self.append(entry, objects, admits=bundle)

    def invitation(self, one: Organisation, role: str = "responder", **more: Any) -> dict[str, Any]:
        body = {
            "organisation": one.id,
            "role": role,
            "reply_by": write_time(self.now + timedelta(hours=1)),
            "ceiling": self.ceiling.value,
            "older": "released",
            "recovery_key": one.chain[0].recovery.thumbprint,
        }
        return body | more

    def join(self, one: Organisation, role: str = "responder") -> Judged:
        """Invite an organisation and have it join."""
        self.write(Act.MEMBER_INVITED, self.invitation(one, role))
        self.others = (*self.others, one)
        body = {"role": role, "descriptors": one.documents}
        return self.contribute(one, Act.MEMBER_JOINED, body, [one.identity])

    def hand_over(self, successor: Organisation) -> None:
        """Offer the coordination, have it accepted, and end the epoch."""
        self.write(Act.HANDOVER_OFFERED, {"successor": successor.id})
        self.contribute(successor, Act.HANDOVER_ACCEPTED)
        self.write(Act.COORDINATOR_HANDED_OVER, {"successor": successor.id})

    def reopening(self, by: Organisation, opened_by: str, **more: Any) -> dict[str, Any]:
        """Give the body that opens a new epoch with the same members."""
        assert self.state is not None
        everybody = {one.id: one for one in (self.owner, *self.others)}
        members = []
        for who, roles in self.state.joined.items():
            role = "coordinator" if who == by.id else sorted(roles)
            if who != by.id and "coordinator" in role:
                role = "responder"
            members.append(
                {
                    "organisation": who,
                    "role": role,
                    "descriptors": everybody[who].documents,
                }
            )
        body = {
            "kind": self.kind,
            "owner": by.id,
            "ceiling": self.state.ceiling.value,
            "acts": "1",
            "members": members,
            "opened_by": opened_by,
        }
        return body | more

    def reopen(
        self,
        by: Organisation,
        opened_by: str,
        objects: Iterable[StixObject] = (),
        **more: Any,
    ) -> Judged:
        """Open a new epoch."""
        listed = tuple(objects)
        self.tick()
        body = self.reopening(by, opened_by, **more)
        entry = self.draft(
            Act.CHANNEL_OPENED, body, listed, by=by, position=(self.head.epoch + 1, 0)
        )
        return self.append(entry, listed)

    def receipt(
        self, by: Organisation, head: Position | None = None, key: PrivateKey | None = None
    ) -> str:
        """Have a member say that it holds the ledger."""
        return make_receipt(
            key or by.key, author=by.id, channel=self.channel, head=head or self.head, now=self.now
        )

    def export(
        self,
        *,
        for_: Organisation | None = None,
        leave_out: Iterable[str] = (),
        receipts: Iterable[str] = (),
        more: Iterable[Mapping[str, Any]] = (),
        **header: Any,
    ) -> bytes:
        """Write the ledger as a file.

        Args:
            leave_out: ids of objects whose bytes stay out.
            more: further lines.
        """
        left_out = set(leave_out)
        value = {
            "format": FORMAT,
            "channel": self.channel,
            **self.head.document(),
            "by": self.owner.id,
            "for": (for_ or self.owner).id,
            "at": write_time(self.now),
        }
        lines: list[Mapping[str, Any]] = [{"header": value | header}]
        seen: set[str] = set()
        for step in self.steps:
            for stix in step.objects:
                if stix.stix_id not in left_out and stix.sha256 not in seen:
                    lines.append({"object": stix.value})
                    seen.add(stix.sha256)
            if step.judged.contribution is not None:
                lines.append({"contribution": step.judged.contribution.stix.value})
            lines.append({"entry": step.judged.entry.stix.value})
        lines += [{"receipt": receipt} for receipt in receipts]
        lines += more
        return b"".join(canonical(line) + b"\n" for line in lines)


def resigned(
    bundle: SignedBundle, key: PrivateKey, *, without: Iterable[str] = (), **changed: Any
) -> dict[str, Any]:
    """Give a bundle with other members, signed anew."""
    dropped = {"signature", *without}
    value = {name: item for name, item in bundle.stix.value.items() if name not in dropped}
    value |= changed
    value["signature"] = key.sign_detached(canonical(value), Typ.BUNDLE)
    return value


def altered(bundle: SignedBundle, **changed: Any) -> SignedBundle:
    """Give a bundle with other members under its old signature."""
    return SignedBundle.read(StixObject.of({**bundle.stix.value, **changed}))


def doubt_of(kit: LedgerKit, entry: SignedBundle, reader: Reader | None = None) -> Doubt:
    """Give the doubt that a judge has about the next entry, void or raised."""
    try:
        judged = kit.judge(entry, reader)
    except DoubtError as error:
        return error.doubt
    assert judged.void is not None, "nobody doubts it"
    return judged.void.doubt
