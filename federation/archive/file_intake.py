"""Taking in files where networks are down: exports, and contributions on their way.

A file is checked as a whole before anything of it is kept. What it brings then goes the way of
every pull: staged, judged by the ledger that is here, applied; so a file and the network together
bring nothing twice.

Source: protocol, 7, 8 and 10 (`import`); wire format, 7.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

from sqlalchemy.orm import Session

from federation.archive.lines import (
    LAST,
    OUTBOX_FORMAT,
    Kind,
    Line,
    open_archive,
    read_lines,
)
from federation.archive.outbox import Parcel, read_parcels
from federation.archive.report import Report
from federation.archive.verifying import check_export, read_header
from federation.judging.bundles import Position, SignedBundle
from federation.judging.doubt import Consequence, Doubt, DoubtError, consequence
from federation.ledgers.desk import Desk
from federation.ledgers.invited import Invited, expect_invited
from federation.ledgers.ledger import find_channel, head_of, lock_channel
from federation.ledgers.ledger_records import ChannelRecord, EntryRecord, Standing
from federation.ledgers.sources import ask_pull, expect_direct, source_of
from federation.ledgers.stops import keep_evidence
from federation.ledgers.whole import LOST
from federation.partners.partner_keys import get_chain
from federation.partners.partners import find_partner
from federation.replicas.replica import Replicas
from federation.serving.access import admit, refusal_of
from federation.witnesses.rollback import LOST_CHANNEL, fall_behind, look_soon
from federation.witnesses.witnesses import keep_receipt
from policies.acts import ChannelKind
from policies.errors import ConflictError, CoordinationError, ForbiddenError, InvalidError
from sharing.canonical import canonical, sha256_hex
from sharing.db import reading, transaction
from sharing.objects import StixObject

logger = logging.getLogger(__name__)

_LINES_AT_ONCE: Final = 500
_BYTES_AT_ONCE: Final = 4 * 1024 * 1024
_LEDGER: Final = frozenset({Kind.OBJECT, Kind.CONTRIBUTION, Kind.ENTRY})
_PARTS: Final = frozenset({"joined", "suspended", "left", "removed"})


@dataclass(frozen=True)
class TakenIn:
    """What taking in an export brought.

    Args:
        before, after: our head.
        doubt: what the replica waits for now, or what froze it.
        receipts: how many of the file's receipts prove by our ledger.
    """

    channel: str
    before: Position | None
    after: Position | None
    standing: Standing
    doubt: DoubtError | None
    receipts: int


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of one contribution that came by file.

    Args:
        failure: its name, `None` where it is history.
    """

    sha256: str
    nth: int
    act: str
    failure: Doubt | None
    sentence: str | None


@dataclass(frozen=True)
class Admitted:
    """What became of contributions that came by file, in their order."""

    channel: str
    by: str
    decided: tuple[Decided, ...]


@dataclass(frozen=True)
class FileIntake:
    """What taking in files needs.

    Args:
        invited: gives the invitations to a channel that we can still answer.
    """

    replicas: Replicas
    desk: Callable[[Session], Desk]
    invited: Callable[[Session, str], Sequence[Invited]]
    clock: Callable[[], datetime]

    def take(
        self, source: Path | IO[bytes], *, limit_bytes: int | None = None
    ) -> TakenIn | Admitted:
        """Take in a file, whichever of the two it is.

        Args:
            limit_bytes: how much a compressed file may bring, if less than usual.

        Raises:
            DoubtError: the file itself does not hold, by name, or belongs to a channel that
                nobody here knows; nothing of it was kept.
            ConflictError: the channel is frozen here, or our part in it has ended.
            ForbiddenError: nobody here agreed to such a channel.
        """
        with open_archive(source, limit_bytes=limit_bytes) as archive:
            header = read_header(archive)
            if header["format"] == OUTBOX_FORMAT:
                return self._admit(archive, header)
            return self._take_export(archive, header)

    def _take_export(self, archive: IO[bytes], header: Mapping[str, Any]) -> TakenIn:
        # 1. The file holds as a whole, by nothing but itself; what follows the ledger may lack.
        ledger = check_export(archive, header)
        report = ledger.report(frozenset())
        for failure in report.failures:
            if not failure.beside:
                where = f"line {failure.line}: " if failure.line is not None else ""
                raise DoubtError(failure.doubt, f"{where}{failure.sentence}")
        # 2. It is of a channel that we know, by its first entry, or that we agreed to.
        with transaction() as session:
            desk, now = self.desk(session), self.clock()
            record = self._find_or_expect(session, desk, report, now)
            before, ours = head_of(record), source_of(record) == desk.organisation
            news = not ours or _is_news(session, record, report)
            if ours and news and record.standing is not Standing.BEHIND:
                fall_behind(session, record, LOST, now=now)
        # 3. What is due to us goes the way of a pull; what is withheld from us is left alone.
        channel, doubt = record.id, None
        if news:
            doubt = self._apply(archive, channel, ledger.withheld_from(desk.organisation))
        receipts = self._take_beside(archive, channel, report)
        with transaction() as session:
            record = lock_channel(session, channel)
            if record.standing is Standing.WAITING:
                ask_pull(session, record, now=self.clock())
            if record.standing is Standing.BEHIND:
                look_soon(session, now=self.clock())
            return TakenIn(channel, before, head_of(record), record.standing, doubt, receipts)

    def _find_or_expect(
        self, session: Session, desk: Desk, report: Report, now: datetime
    ) -> ChannelRecord:
        """Give the channel's row; make one where we agreed to the channel."""
        first = report.history[0]
        channel, genesis = _channel_of(report), first.position.sha256
        record = find_channel(session, channel)
        if record is not None and record.genesis is not None:
            if record.genesis != genesis:
                raise DoubtError(
                    Doubt.FOREIGN_CHANNEL, "this file holds another channel under the same id"
                )
            _check_standing(record)
            return record
        us = [member for member in report.members if member.organisation == desk.organisation]
        if not us or us[0].state not in _PARTS:
            raise DoubtError(Doubt.FOREIGN_CHANNEL, "we have no part in the channel of this file")
        for invited in self.invited(session, channel):
            if invited.genesis == genesis:
                return expect_invited(session, invited, now=now)
        if first.author == desk.organisation:
            return _expect_own(session, desk, report, record, now)
        _check_direct(session, report)
        if record is None:
            return expect_direct(session, first.author, channel, now=now)
        if record.owner != first.author:
            raise DoubtError(Doubt.NOT_OWNER, "its first entry names another owner")
        return record

    def _apply(
        self, archive: IO[bytes], channel: str, withheld: frozenset[str]
    ) -> DoubtError | None:
        doubt: DoubtError | None = None
        for values in _batches(archive, withheld):
            doubt = self.replicas.take_in(channel, values)
            if doubt is not None and consequence(doubt.doubt) is Consequence.FREEZE:
                break
        return doubt

    def _take_beside(self, archive: IO[bytes], channel: str, report: Report) -> int:
        """Take in receipts and proofs that hold; what does not changes nothing."""
        proofs = {one.position.sha256 for one in report.evidence}
        abandoned = {one.position.sha256 for one in report.abandoned}
        kept, admitted = 0, []
        for line in _lines_after_ledger(archive):
            if line.kind is Kind.RECEIPT:
                kept += self._keep_receipt(channel, line.value)
                continue
            sha256 = _bundle_hash(line.value)
            if line.kind is Kind.EVIDENCE and "nth" in line.value:
                # What the next piece of evidence admits.
                admitted = [line.value]
                continue
            if sha256 in proofs:
                self.replicas.take_in(channel, [*admitted, line.value])
            elif sha256 in abandoned:
                error = DoubtError(Doubt.STALE_EPOCH, "it stands on a branch that was abandoned")
                with transaction() as session:
                    record = lock_channel(session, channel)
                    keep_evidence(session, record, error, canonical(line.value), self.clock())
            admitted = []
        return kept

    def _keep_receipt(self, channel: str, jws: object) -> bool:
        try:
            with transaction() as session:
                keep_receipt(session, lock_channel(session, channel), jws, self.clock())
        except CoordinationError as error:
            facts = {"channel": channel, "reason": error.message}
            logger.info("a receipt in a file does not prove", extra=facts)
            return False
        return True

    def _admit(self, archive: IO[bytes], header: Mapping[str, Any]) -> Admitted:
        channel = str(header["channel"])
        with reading() as session:
            record = find_channel(session, channel)
            desk = self.desk(session)
            if record is None or record.state is None:
                raise DoubtError(Doubt.FOREIGN_CHANNEL, "no such channel is here")
            if source_of(record) != desk.organisation:
                raise ConflictError(
                    "this channel is another organisation's",
                    hint="Its owner takes these contributions in.",
                )
        # The whole file has its form before the first of its contributions is admitted.
        for _ in read_parcels(archive, header):
            pass
        parcels = read_parcels(archive, header)
        decided = tuple(self._decide(channel, parcel) for parcel in parcels)
        return Admitted(channel, str(header["by"]), decided)

    def _decide(self, channel: str, parcel: Parcel) -> Decided:
        contribution = parcel.contribution
        failure, sentence = None, None
        try:
            with transaction() as session:
                desk, now = self.desk(session), self.clock()
                admit(session, desk, channel, contribution, parcel.objects, now=now)
        except (DoubtError, InvalidError, ForbiddenError) as error:
            failure, sentence = refusal_of(error)
        return Decided(
            contribution.sha256, contribution.nth or 0, contribution.act, failure, sentence
        )


def _channel_of(report: Report) -> str:
    return str(report.header["channel"]) if report.header is not None else ""


def _check_standing(record: ChannelRecord) -> None:
    if record.standing is Standing.FROZEN:
        raise ConflictError(
            f"this channel is frozen here: {record.sentence}",
            hint="An administrator settles that first.",
        )
    if record.standing is Standing.ENDED:
        raise ConflictError("our part in this channel has ended")


def _check_direct(session: Session, report: Report) -> None:
    """Take a channel unasked only where it is a partner's direct one, signed by its own keys."""
    owner = report.history[0].author
    partner = find_partner(session, owner)
    if report.kind != ChannelKind.DIRECT or partner is None or not partner.active:
        raise ForbiddenError(
            "nobody here agreed to this channel",
            hint="Only a channel that we know or are invited to, or a partner's direct one.",
        )
    recovery = get_chain(session, owner)[0].recovery.thumbprint
    named = [one.recovery_key for one in report.members if one.organisation == owner]
    if named != [recovery]:
        raise DoubtError(
            Doubt.UNKNOWN_KEY, f"it describes {partner.name} by another recovery key than we know"
        )


def _expect_own(
    session: Session, desk: Desk, report: Report, record: ChannelRecord | None, now: datetime
) -> ChannelRecord:
    """Prepare for a channel of our own that we have lost."""
    recovery = desk.node.descriptors[0].recovery.thumbprint
    named = [one.recovery_key for one in report.members if one.organisation == desk.organisation]
    if named != [recovery]:
        raise DoubtError(Doubt.UNKNOWN_KEY, "it describes us by a recovery key that is not ours")
    if record is None:
        record = expect_direct(session, desk.organisation, _channel_of(report), now=now)
    record.owner = desk.organisation
    fall_behind(session, record, LOST_CHANNEL, now=now)
    return record


def _is_news(session: Session, record: ChannelRecord, report: Report) -> bool:
    """Tell whether a file holds an entry of our own ledger that does not stand here."""
    for line in report.history:
        place = line.position
        entry = session.get(EntryRecord, (record.id, place.epoch, place.seq))
        if entry is None or entry.sha256 != place.sha256:
            return True
    return False


def _batches(archive: IO[bytes], withheld: frozenset[str]) -> Iterator[list[Mapping[str, Any]]]:
    """Give what the ledger's lines hold, in their order, some at a time."""
    values: list[Mapping[str, Any]] = []
    size = 0
    for line in _lines(archive):
        if line.kind not in _LEDGER:
            continue
        if line.kind is Kind.OBJECT and sha256_hex(canonical(line.value)) in withheld:
            continue
        values.append(line.value)
        size += line.length
        if len(values) >= _LINES_AT_ONCE or size >= _BYTES_AT_ONCE:
            yield values
            values, size = [], 0
    if values:
        yield values


def _lines_after_ledger(archive: IO[bytes]) -> Iterator[Line]:
    return (line for line in _lines(archive) if line.kind in LAST)


def _lines(archive: IO[bytes]) -> Iterator[Line]:
    archive.seek(0)
    return (line for line in read_lines(archive) if isinstance(line, Line))


def _bundle_hash(value: object) -> str | None:
    try:
        return SignedBundle.read(StixObject.of(value)).sha256
    except (DoubtError, InvalidError):
        return None
