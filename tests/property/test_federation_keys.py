"""Laws of descriptor chains: over random lives of keys, in any order in which they become known.

Source: protocol, 2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from federation.identity.descriptor import (
    Descriptor,
    DescriptorError,
    DescriptorForkError,
    KeyUse,
    NodeKey,
)
from federation.identity.descriptor_chain import merge_chain, read_chain, settled_version
from federation.identity.descriptor_making import next_descriptor
from federation.identity.keys import PrivateKey
from sharing.canonical import write_time
from tests.kit.ledger_kit import BORN, Organisation, cert

STEPS = ("rotate", "revoke", "replace")
steps = st.lists(st.sampled_from(STEPS), max_size=4)


def fresh(label: str) -> PrivateKey:
    return PrivateKey.from_seed(hashlib.sha256(label.encode()).digest())


@dataclass
class Life:
    """One line of descriptors, with the private keys that it takes to go on."""

    chain: tuple[Descriptor, ...]
    keys: list[PrivateKey]
    """The signing key in use in each version."""
    recovery: PrivateKey
    label: str
    now: datetime = BORN
    made: int = field(default=0)

    @classmethod
    def begun(cls) -> Life:
        one: Organisation = cert()
        return cls(tuple(one.chain), [one.key], one.recovery, "life")

    @property
    def key(self) -> PrivateKey:
        return self.keys[-1]

    def branch(self, version: int, label: str) -> Life:
        """Begin another line after a version, with the signing key of that version."""
        trunk, keys = self.chain[:version], self.keys[:version]
        return replace(self, chain=trunk, keys=keys, label=label, now=self.now + timedelta(days=1))

    def take(self, step: str) -> None:
        self.made += 1
        self.now += timedelta(minutes=1)
        at = write_time(self.now)
        last = self.chain[-1]
        new, recovery = fresh(f"{self.label} {self.made}"), self.recovery
        keys = list(last.keys)
        if step != "replace":
            keys = [_ended(one, at, revoked=step == "revoke") for one in keys]
            keys.append(NodeKey(new.public, KeyUse.SIGN, at))
        signers = [self.key, new] if step == "rotate" else [recovery, new]
        if step == "replace":
            self.recovery = fresh(f"{self.label} recovery {self.made}")
            signers = [recovery, self.recovery]
        self.chain += (
            next_descriptor(
                last, signers=signers, now=self.now, keys=keys, recovery=self.recovery.public
            ),
        )
        self.keys.append(self.key if step == "replace" else new)


def _ended(one: NodeKey, at: str, *, revoked: bool) -> NodeKey:
    if one.use is not KeyUse.SIGN or not one.in_use:
        return one
    return replace(one, revoked_at=at) if revoked else replace(one, retired_at=at)


def lived(*taken: str) -> Life:
    life = Life.begun()
    for step in taken:
        life.take(step)
    return life


def documents(chain: Sequence[Descriptor]) -> list[object]:
    return [one.jws for one in chain]


@given(steps)
@settings(max_examples=40)
def test_every_life_is_a_chain_and_every_prefix_says_nothing_new(taken: list[str]) -> None:
    life = lived(*taken)
    assert read_chain(documents(life.chain)) == life.chain
    for length in range(1, len(life.chain) + 1):
        assert merge_chain(life.chain, documents(life.chain[:length])) == life.chain
        assert merge_chain(life.chain[:length], documents(life.chain)) == life.chain


@given(st.lists(st.just("rotate"), max_size=3), st.data(), steps)
@settings(max_examples=60)
def test_the_branch_that_the_recovery_key_signed_stands_in_whatever_order(
    thefts: list[str], data: st.DataObject, taken: list[str]
) -> None:
    honest = lived(*taken)
    # The thief goes on from a version whose signing key it holds; the victim recovers.
    start = data.draw(st.integers(max(settled_version(honest.chain), 1), len(honest.chain)))
    thief = honest.branch(start, "thief")
    for step in thefts:
        thief.take(step)
    victim = honest.branch(len(honest.chain), "victim")
    victim.take(data.draw(st.sampled_from(("revoke", "replace"))))
    victim.take("rotate")
    lines = [documents(honest.chain), documents(thief.chain), documents(victim.chain)]
    order = data.draw(st.permutations(lines))
    known = read_chain(order[0])
    for other in order[1:]:
        try:
            known = merge_chain(known, other)
        except DescriptorForkError:
            # A fork chooses nothing: what was known stands until the recovery key has spoken.
            assert other is not lines[2]
    assert known == victim.chain


@given(st.lists(st.just("rotate"), min_size=1, max_size=3), st.integers(1, 3))
@settings(max_examples=20)
def test_without_the_recovery_key_two_lines_are_a_fork_from_either_side(
    taken: list[str], length: int
) -> None:
    one, other = Life.begun().branch(1, "one"), Life.begun().branch(1, "other")
    for step in taken:
        one.take(step)
    for _ in range(length):
        other.take("rotate")
    for mine, theirs in ((one, other), (other, one)):
        try:
            merge_chain(mine.chain, documents(theirs.chain))
        except DescriptorForkError:
            continue
        raise AssertionError("nobody has noticed the fork")


@given(steps, st.sampled_from(("revoke", "replace")))
@settings(max_examples=40)
def test_nobody_but_the_recovery_key_revokes_or_replaces(taken: list[str], step: str) -> None:
    life = lived(*taken)
    thief = life.branch(len(life.chain), "thief")
    thief.recovery = thief.key
    try:
        thief.take(step)
    except DescriptorError:
        return
    raise AssertionError("a signing key has spoken for the recovery key")


@given(steps)
@settings(max_examples=20)
def test_a_replaced_recovery_key_settles_nothing_any_more(taken: list[str]) -> None:
    life = lived(*taken)
    old = life.recovery
    life.take("replace")
    thief = life.branch(len(life.chain), "thief")
    thief.recovery = old
    for step in ("revoke", "replace"):
        try:
            thief.take(step)
        except DescriptorError:
            continue
        raise AssertionError("the old recovery key still counts")
