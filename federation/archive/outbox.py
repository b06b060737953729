"""Contributions on their way by file: objects, then the contribution that covers them, no entry.

Nothing in such a file is history. Whose keys signed it and whether it is open says the ledger of
the channel's owner, who judges each as if it had been posted.

Source: protocol, 8 and 10; wire format, 7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, Final

from federation.archive.lines import BadLine, Kind, Line, read_lines
from federation.archive.report import Failure, Report, What
from federation.judging.bundles import SignedBundle
from federation.judging.contents import released_refs
from federation.judging.doubt import Doubt, DoubtError
from policies.errors import InvalidError
from sharing.objects import SIGNED_BUNDLE, StixObject

PARCEL_LIMIT_BYTES: Final = 64 * 1024 * 1024
PARCELS_AT_MOST: Final = 10_000


@dataclass(frozen=True)
class Parcel:
    """One contribution with the objects that come with it."""

    contribution: SignedBundle
    objects: tuple[StixObject, ...]
    line: int


def verify_outbox(archive: IO[bytes], header: Mapping[str, Any]) -> Report:
    """Check the form of contributions on their way; alone, they prove nothing."""
    try:
        count = sum(1 for _ in read_parcels(archive, header))
    except DoubtError as error:
        failure = Failure(error.doubt, error.message)
    else:
        failure = Failure(
            Doubt.UNKNOWN_KEY,
            f"{count} contributions alone prove nothing: the ledger of the channel's owner says "
            "whose keys signed them",
        )
    return Report(what=What.OUTBOX, failures=(failure,), header=header)


def read_parcels(archive: IO[bytes], header: Mapping[str, Any]) -> Iterator[Parcel]:
    """Give the contributions in a file, in their order.

    Raises:
        DoubtError: `malformed`, `foreign_channel`, `hash_mismatch` or `too_large`: nothing of
            the rest can be meant.
    """
    archive.seek(0)
    objects: dict[str, StixObject] = {}
    size, count, last = 0, 0, 0
    for line in read_lines(archive):
        if isinstance(line, BadLine):
            raise _malformed(line.number, line.sentence)
        if line.number == 1:
            continue
        try:
            stix = _read(line)
            if line.kind is Kind.OBJECT:
                objects[stix.sha256] = stix
                size = _added(size, line.length)
                continue
            contribution = SignedBundle.read(stix)
            _check(contribution, objects, header, above=last)
        except InvalidError as error:
            raise _malformed(line.number, error.message) from None
        except DoubtError as error:
            raise DoubtError(error.doubt, f"line {line.number}: {error.message}") from None
        count, last = count + 1, contribution.nth or 0
        if count > PARCELS_AT_MOST:
            raise _malformed(line.number, f"more than {PARCELS_AT_MOST} contributions")
        yield Parcel(contribution, tuple(objects.values()), line.number)
        objects, size = {}, 0
    if objects:
        raise DoubtError(Doubt.MALFORMED, "the file ends with objects that nothing covers")


def _read(line: Line) -> StixObject:
    if line.kind not in (Kind.OBJECT, Kind.CONTRIBUTION):
        raise DoubtError(Doubt.MALFORMED, f"contributions on their way hold no {line.kind.value}")
    return StixObject.of(line.value, written=line.written)


def _added(size: int, length: int) -> int:
    if size + length > PARCEL_LIMIT_BYTES:
        raise DoubtError(Doubt.TOO_LARGE, "more objects than one contribution takes")
    return size + length


def _check(
    contribution: SignedBundle,
    objects: Mapping[str, StixObject],
    header: Mapping[str, Any],
    *,
    above: int,
) -> None:
    if contribution.is_entry or contribution.nth is None:
        raise DoubtError(Doubt.MALFORMED, "an entry is no contribution")
    if contribution.channel != header["channel"]:
        raise DoubtError(Doubt.FOREIGN_CHANNEL, "the contribution was made for another channel")
    if contribution.author != header["by"]:
        raise DoubtError(Doubt.MALFORMED, "the contribution is by another than the header names")
    if contribution.nth <= above:
        raise DoubtError(Doubt.MALFORMED, "contributions stand in the order of their numbers")
    covered = {item.sha256 for item in contribution.contents}
    released = released_refs(contribution)
    for sha256, stix in objects.items():
        if stix.stix_type == SIGNED_BUNDLE:
            sha256 = SignedBundle.read(stix).sha256  # noqa: PLW2901 - a bundle's own hash
        if sha256 not in covered and stix.stix_id not in released:
            raise DoubtError(
                Doubt.HASH_MISMATCH, f"{stix.stix_id} is not what the contribution covers"
            )


def _malformed(line: int, sentence: str) -> DoubtError:
    return DoubtError(Doubt.MALFORMED, f"line {line}: {sentence}")
