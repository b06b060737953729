"""Rows of a ledger by where they stand in it."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.sql import false

from federation.ledgers.ledger_records import CoveredRecord, EntryRecord


def stands_at(
    record: type[EntryRecord | CoveredRecord], places: Iterable[tuple[str, int, int]]
) -> ColumnElement[bool]:
    """Tell whether a row stands at one of these places: channel, epoch, seq.

    It is said epoch by epoch: SQLite finds those by their key, and of a list of whole places it
    reads all that there is.
    """
    epochs: dict[tuple[str, int], set[int]] = {}
    for channel, epoch, seq in places:
        epochs.setdefault((channel, epoch), set()).add(seq)
    if not epochs:
        return false()
    return or_(
        *(
            and_(record.channel == channel, record.epoch == epoch, record.seq.in_(sorted(seqs)))
            for (channel, epoch), seqs in sorted(epochs.items())
        )
    )
