"""Making a channel's state and views again from its ledger, and telling whether they differ.

Source: architecture (*Views*); lifecycles, 1, rule 2: `rebuild` gives the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import literal, select, tuple_
from sqlalchemy.orm import Session

from federation.judging.facts import MemoryFacts
from federation.judging.judged import Disowned, Judged
from federation.judging.state import ChannelState
from federation.ledgers.desk import Anew, Desk
from federation.ledgers.ledger import keep_descriptors, keep_disowned, load_state, lock_channel
from federation.ledgers.ledger_records import CoveredRecord, EntryRecord
from federation.ledgers.replay import PAGE, entries_of, replay
from sharing.objects import chunks


@dataclass(frozen=True)
class Views:
    """The views of the floor above.

    Args:
        anew: throws away what entries of one channel have filled, and makes it again: by what is
            applied inside.
        snapshot: gives what they hold for one channel: name of a row → its content.
    """

    anew: Anew
    snapshot: Callable[[Session, str], Mapping[str, Any]]


@dataclass(frozen=True)
class Rebuilt:
    """What came of it.

    Args:
        entries: how many were judged anew.
        differences: what was otherwise before, in plain words; empty where nothing was.
    """

    entries: int
    differences: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Tell whether what was made again is what was there."""
        return not self.differences


def rebuild(session: Session, desk: Desk, channel: str, views: Views) -> Rebuilt:
    """Judge every entry of a ledger anew and make its state and views again.

    Raises:
        NotFoundError: there is no such channel here.
        ConflictError: the store lacks an entry, or an entry no longer stands: restore a backup.
    """
    record = lock_channel(session, channel)
    before_state = load_state(session, record)
    before_views = views.snapshot(session, channel)
    state: ChannelState | None = None
    differences: list[str] = []
    disowned: list[Disowned] = []
    rows = entries_of(session, channel)
    with views.anew(session, channel):
        for page in chunks(replay(session, rows, MemoryFacts()), PAGE):
            state = page[-1][1].state
            differences += _compare_entries(session, page)
            for row, judged in page:
                desk.apply(session, judged, row.applied_at)
                disowned.append(judged.disowned)
    differences += _mend_disowned(session, channel, disowned)
    if state != before_state:
        differences.append("the channel's state")
    if state is not None:
        record.state = state.document()
        keep_descriptors(session, record, state)
    differences += _compare(before_views, views.snapshot(session, channel))
    record.views_are_old = False
    return Rebuilt(len(rows), tuple(differences))


def _mend_disowned(session: Session, channel: str, disowned: Sequence[Disowned]) -> list[str]:
    """Mark again what authors disowned, and say where that was otherwise."""
    bundles = {sha256 for one in disowned for sha256 in one.bundles}
    hidden = {sha256 for one in disowned for sha256 in one.hidden}
    rows = session.scalars(
        select(EntryRecord).where(EntryRecord.channel == channel, EntryRecord.disowned)
    )
    marked = {row.contribution_sha256 or row.sha256 for row in rows}
    contents = set(
        session.scalars(
            select(CoveredRecord.sha256).where(
                CoveredRecord.channel == channel, CoveredRecord.disowned
            )
        )
    )
    if (marked, contents) == (bundles, hidden):
        return []
    for one in disowned:
        keep_disowned(session, channel, one)
    return ["what its authors disowned"]


def _compare_entries(session: Session, page: Sequence[tuple[EntryRecord, Judged]]) -> list[str]:
    """Compare entries that follow each other with what is kept of them."""
    first, last = page[0][0], page[-1][0]
    place = tuple_(CoveredRecord.epoch, CoveredRecord.seq)
    rows = session.execute(
        select(
            CoveredRecord.epoch,
            CoveredRecord.seq,
            CoveredRecord.ref,
            CoveredRecord.sha256,
            CoveredRecord.author,
            CoveredRecord.claimed,
        )
        .where(
            CoveredRecord.channel == first.channel,
            place >= tuple_(literal(first.epoch), literal(first.seq)),
            place <= tuple_(literal(last.epoch), literal(last.seq)),
        )
        .order_by(CoveredRecord.epoch, CoveredRecord.seq, CoveredRecord.place)
    )
    kept: dict[tuple[int, int], list[tuple[Any, ...]]] = {}
    for epoch, seq, *covered in rows:
        kept.setdefault((epoch, seq), []).append(tuple(covered))
    found = (
        _compare_entry(row, judged, kept.get((row.epoch, row.seq), [])) for row, judged in page
    )
    return [difference for difference in found if difference is not None]


def _compare_entry(row: EntryRecord, judged: Judged, kept: Sequence[tuple[Any, ...]]) -> str | None:
    place = f"entry {row.epoch}/{row.seq}"
    void = judged.void.doubt.value if judged.void is not None else None
    said = (judged.entry.sha256, judged.acting.act, judged.acting.author, void)
    if said != (row.sha256, row.act, row.author, row.void):
        return place
    covered = [(one.item.ref, one.item.sha256, one.author, one.claimed) for one in judged.covered]
    return None if kept == covered else f"what {place} covers"


def _compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    names = sorted(set(before) | set(after))
    return [f"view {name}" for name in names if before.get(name) != after.get(name)]
