"""What an applied entry does to what there is to look for in a case.

Source: domain, 2 (*Detect and report*) and 8 (*intel*); lifecycles, 13.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import update
from sqlalchemy.orm import Session

from federation.judging.judged import Judged, can_be_hidden
from hub.cases.room_records import IntelView
from hub.covered import words_in
from hub.view_rows import clear_rows, find_row, find_rows, forget_bundles, keep_row, snapshot_rows
from policies.acts import Act, ChannelKind
from policies.errors import CoordinationError
from policies.intel import IntelKind, verdict_of
from policies.tlp import TLP
from sharing.canonical import read_time

NAME_CHARACTERS: Final = 200
_KINDS: Final[Mapping[str, IntelKind]] = {
    "indicator": IntelKind.INDICATOR,
    "sighting": IntelKind.SIGHTING,
    "note": IntelKind.NOTE,
}
_TAKES: Final[Mapping[Act, frozenset[IntelKind]]] = {
    Act.INTEL_SHARED: frozenset(IntelKind),
    Act.NOTE_ADDED: frozenset({IntelKind.NOTE}),
    Act.SIGHTING_REPORTED: frozenset({IntelKind.SIGHTING, IntelKind.NOTE}),
    Act.WARNING_ISSUED: frozenset({IntelKind.INDICATOR}),
    Act.WARNING_UPDATED: frozenset({IntelKind.INDICATOR}),
}

_NOTHING_KNOWN: Final[Mapping[str, Any]] = dict.fromkeys(
    ("version", "title", "text", "pattern", "valid_until", "about", "verdict")
) | {"revoked": False}
"""What is left of an object once its bytes are gone: the same, whoever reads the ledger when."""


def reduce_intel(session: Session, judged: Judged, now: datetime) -> None:
    """Keep what is shared to look for, who found it, and what does not hold any more."""
    del now
    if judged.void is not None or judged.state.kind is not ChannelKind.CASE:
        return
    channel = judged.entry.channel
    if judged.recalled:
        _set(session, channel, judged.recalled, recalled=True, **_NOTHING_KNOWN)
    if judged.disowned.bundles:
        forget_bundles(session, channel, judged.disowned.bundles, (IntelView,))
    for due in judged.due:
        row = find_row(session, IntelView, (channel, due.stix.stix_id))
        if row is not None:
            _take(row, due.stix.value)
    if judged.act is Act.INTEL_REVOKED:
        _set(session, channel, judged.acting.body["objects"], revoked=True)
    elif judged.act is not None and judged.act in _TAKES:
        _shared(session, judged, _TAKES[judged.act])


def clear_intel(session: Session, channel: str) -> None:
    """Throw away what entries of one channel have filled, before they are applied anew."""
    clear_rows(session, channel, (IntelView,))


def snapshot_intel(session: Session, channel: str) -> Mapping[str, Any]:
    """Give what the view holds for one channel, to compare before and after `rebuild`."""
    return snapshot_rows(session, channel, (IntelView,))


def _shared(session: Session, judged: Judged, takes: frozenset[IntelKind]) -> None:
    body, at = judged.acting.body, read_time(judged.entry.created)
    found = {
        one.item.ref: one
        for one in judged.covered
        if can_be_hidden(one.item.ref) and kind_of(one.item.ref) in takes
    }
    if not found:
        return
    channel = judged.entry.channel
    rows = find_rows(session, IntelView, channel, found)
    for ref, one in found.items():
        row = rows.get(ref)
        if row is None:
            row = IntelView(
                channel=channel,
                ref=ref,
                kind=kind_of(ref),
                organisation=body.get("on_behalf_of", {}).get("organisation", judged.acting.author),
                author=judged.acting.author,
                relayed="on_behalf_of" in body,
                revoked=False,
                recalled=False,
                bundle=judged.acting.sha256,
                said_at=at,
            )
            keep_row(session, row)
        # The label is the entry's word: it stands whether or not the bytes are here still.
        row.tlp = one.claimed or TLP.GREEN
        if one.stix is not None:
            _take(row, one.stix.value)


def _take(row: IntelView, value: Mapping[str, Any]) -> None:
    """Take what the newest version says."""
    version = str(value.get("modified") or "")
    if row.version is not None and version <= row.version:
        return
    row.version, row.recalled = version, False
    row.title = words_in(value, "name", "abstract", "value", limit=NAME_CHARACTERS)
    row.text = words_in(value, "content", "description")
    row.pattern = words_in(value, "pattern")
    row.revoked = row.revoked or value.get("revoked") is True
    row.valid_until = _time(value.get("valid_until"))
    if row.kind is IntelKind.SIGHTING:
        row.about = words_in(value, "sighting_of_ref")
        count, labels = value.get("count"), value.get("labels")
        row.verdict = verdict_of(
            count if isinstance(count, int) else None,
            [str(one) for one in labels] if isinstance(labels, list) else (),
        )


def kind_of(ref: str) -> IntelKind:
    """Say what an object is, by its type."""
    return _KINDS.get(ref.partition("--")[0], IntelKind.OTHER)


def _set(session: Session, channel: str, refs: Sequence[str], **values: Any) -> None:
    query = update(IntelView).where(IntelView.channel == channel, IntelView.ref.in_(refs))
    session.execute(query.values(**values).execution_options(synchronize_session="fetch"))


def _time(text: Any) -> datetime | None:
    try:
        return read_time(text) if isinstance(text, str) else None
    except (CoordinationError, ValueError, OverflowError):
        return None
