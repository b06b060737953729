"""The chain of a node's descriptors: trust is walked from version 1 to the newest.

A branch that the recovery key has signed wins over one that it has not. So whoever knows the same
descriptors walks the same chain, in whatever order they came; where the recovery key has not
spoken, two descriptors of one version are a fork, and nothing is chosen.

Source: protocol, 2; wire format, 4.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from federation.identity.descriptor import (
    MAX_VERSIONS,
    Descriptor,
    DescriptorError,
    DescriptorForkError,
    KeyUse,
    NodeKey,
    read_descriptor,
)


def read_chain(
    documents: object,
    *,
    recovery_thumbprint: str | None = None,
) -> tuple[Descriptor, ...]:
    """Prove a chain of descriptors, version 1 first, and give it.

    Args:
        recovery_thumbprint: what version 1 has to name, where somebody vouched for it.

    Raises:
        DescriptorError: it proves nothing.
    """
    chain = _read_run(documents)
    first = chain[0]
    if first.version != 1:
        raise DescriptorError("a chain of descriptors begins with version 1")
    if recovery_thumbprint is not None and first.recovery.thumbprint != recovery_thumbprint:
        raise DescriptorError("version 1 names another recovery key than the one vouched for")
    check_first(first)
    for before, after in itertools.pairwise(chain):
        check_step(before, after)
    return chain


def merge_chain(known: Sequence[Descriptor], documents: object) -> tuple[Descriptor, ...]:
    """Give the chain that stands once these descriptors are known too.

    Args:
        known: the proven chain, version 1 first, not empty.
        documents: descriptors that follow each other, oldest first. They begin with version 1, or
            follow some version of the known chain; versions that are known are passed over.

    Raises:
        DescriptorForkError: two different descriptors of one version, and the recovery key has
            vouched for neither side, or for both.
        DescriptorError: they prove nothing.
    """
    known = tuple(known)
    run = _read_run(documents)
    trunk = _trunk(known, run[0])
    path = (*trunk, *run)
    start = _departure(known, path)
    if start == len(path):
        return known
    # 1. What is new is proven step by step.
    if start == 0:
        raise DescriptorForkError("two different descriptors of version 1", field="descriptors")
    for before, after in itertools.pairwise(path[start - 1 :]):
        check_step(before, after)
    if start == len(known):
        return path
    # 2. Beyond the last common version the side counts that the recovery key has signed.
    ours, theirs = settled_version(known) > start, settled_version(path) > start
    if ours == theirs:
        raise DescriptorForkError(
            f"two different descriptors of version {start + 1}", field="descriptors"
        )
    return path if theirs else known


def news_for(theirs: Sequence[Descriptor], ours: Sequence[Descriptor]) -> tuple[Descriptor, ...]:
    """Give the descriptors of our chain that a chain elsewhere lacks, from where it departs on."""
    return tuple(ours[_departure(theirs, ours) :])


def settled_version(chain: Sequence[Descriptor]) -> int:
    """Give the newest version after the first that the recovery key has signed, or 0."""
    settled = [
        after.version
        for before, after in itertools.pairwise(chain)
        if after.is_signed_by(before.recovery)
    ]
    return max(settled, default=0)


def _read_run(documents: object) -> tuple[Descriptor, ...]:
    """Read descriptors that follow each other; their signatures are proven later."""
    if not isinstance(documents, Sequence) or isinstance(documents, str) or not documents:
        raise DescriptorError("a chain of descriptors is a list that is not empty")
    if len(documents) > MAX_VERSIONS:
        raise DescriptorError(f"more than {MAX_VERSIONS} descriptors")
    run = tuple(read_descriptor(document) for document in documents)
    for before, after in itertools.pairwise(run):
        _check_follows(before, after)
    return run


def _trunk(known: tuple[Descriptor, ...], first: Descriptor) -> tuple[Descriptor, ...]:
    """Give the part of the known chain that new descriptors follow."""
    trunk = known[: first.version - 1]
    if len(trunk) != first.version - 1:
        raise DescriptorError(f"version {first.version} does not follow {known[-1].version}")
    if trunk:
        _check_follows(trunk[-1], first)
    return trunk


def _departure(one: Sequence[Descriptor], other: Sequence[Descriptor]) -> int:
    """Count the versions that two chains have in common."""
    count = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine.sha256 != theirs.sha256:
            break
        count += 1
    return count


def _check_follows(before: Descriptor, after: Descriptor) -> None:
    if after.version != before.version + 1:
        raise DescriptorError(f"version {after.version} does not follow {before.version}")
    if after.previous != before.sha256:
        raise DescriptorForkError(
            f"version {after.version} follows another version {before.version}", field="previous"
        )


def check_first(first: Descriptor) -> None:
    """Prove version 1: its recovery key and its signing keys signed it. Source: protocol, 2."""
    if not first.is_signed_by(first.recovery):
        raise DescriptorError("version 1 is not signed by its recovery key", field="signatures")
    for entry in first.keys:
        if entry.key == first.recovery:
            raise DescriptorError("the recovery key is no key for every day", field="keys")
        if not entry.in_use:
            raise DescriptorError("version 1 holds a key out of use", field="keys")
    signing = first.keys_in_use(KeyUse.SIGN)
    if not signing or not all(first.is_signed_by(entry.key) for entry in signing):
        raise DescriptorError("version 1 is not signed by its signing key", field="signatures")
    if not first.keys_in_use(KeyUse.TRANSPORT):
        raise DescriptorError("version 1 holds no transport key", field="keys")


def check_step(before: Descriptor, after: Descriptor) -> None:
    """Prove that one version follows another. Source: protocol, 2."""
    # 1. It continues the chain, for the same organisation.
    _check_follows(before, after)
    if after.organisation_id != before.organisation_id:
        raise DescriptorError("a descriptor can't change its organisation", field="organisation")
    # 2. The recovery key may do all; revoking and replacing the recovery key only it may.
    by_recovery = after.is_signed_by(before.recovery)
    if after.recovery != before.recovery and not (
        by_recovery and after.is_signed_by(after.recovery)
    ):
        raise DescriptorError("only the recovery key replaces itself", field="recovery_key")
    old = {entry.key.raw: entry for entry in before.keys}
    new = {entry.key.raw: entry for entry in after.keys}
    for raw, entry in old.items():
        _check_kept(entry, new.get(raw), by_recovery=by_recovery)
    introduced = [entry for raw, entry in new.items() if raw not in old]
    if after.recovery.raw in new:
        raise DescriptorError("the recovery key is no key for every day", field="keys")
    # 3. Otherwise a signing key in use before, and every key that it introduces, signed it.
    if not by_recovery:
        if not any(after.is_signed_by(entry.key) for entry in before.keys_in_use(KeyUse.SIGN)):
            raise DescriptorError("not signed by a signing key in use before", field="signatures")
        for entry in introduced:
            if not after.is_signed_by(entry.key):
                raise DescriptorError("a new key did not sign", field="signatures")
    if not after.keys_in_use(KeyUse.SIGN) or not after.keys_in_use(KeyUse.TRANSPORT):
        raise DescriptorError("no key in use for signing, or none for transport", field="keys")


def _check_kept(old: NodeKey, new: NodeKey | None, *, by_recovery: bool) -> None:
    if new is None:
        raise DescriptorError("a key may be retired or revoked, never left out", field="keys")
    if new.use is not old.use or new.since != old.since:
        raise DescriptorError("a key keeps its use and its beginning", field="keys")
    if old.retired_at is not None and new.retired_at != old.retired_at:
        raise DescriptorError("a retired key stays retired", field="keys")
    if old.revoked_at is not None and new.revoked_at is None:
        raise DescriptorError("a revoked key stays revoked", field="keys")
    if new.revoked_at != old.revoked_at and not by_recovery:
        raise DescriptorError("only the recovery key revokes", field="keys")
