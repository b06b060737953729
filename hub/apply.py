"""The one place where entries become views: own entries and others' alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from federation.judging.judged import Judged
from federation.ledgers.rebuild import Views
from hub import collecting
from hub.calls import reducer as calls
from hub.cases import intel_reducer as intel
from hub.cases import moments_reducer as moments
from hub.cases import reducer as cases
from hub.channels import reducer, relay_reducer
from hub.community import directory_reducer as directory
from hub.community import reducer as community
from hub.reports import reducer as reports
from hub.view_rows import held_rows

REDUCERS: Final = (
    reducer.reduce_channel,
    relay_reducer.reduce_relay,
    reports.reduce_reports,
    cases.reduce_cases,
    moments.reduce_moments,
    intel.reduce_intel,
    calls.reduce_calls,
    community.reduce_charters,
    directory.reduce_directory,
)
CLEARERS: Final = (
    reducer.clear_channel,
    relay_reducer.clear_relay,
    reports.clear_reports,
    cases.clear_cases,
    moments.clear_moments,
    intel.clear_intel,
    calls.clear_calls,
    community.clear_charters,
    directory.clear_directory,
)
SNAPSHOTS: Final = (
    reducer.snapshot_channel,
    relay_reducer.snapshot_relay,
    reports.snapshot_reports,
    cases.snapshot_cases,
    moments.snapshot_moments,
    intel.snapshot_intel,
    calls.snapshot_calls,
    community.snapshot_charters,
    directory.snapshot_directory,
)


def apply(session: Session, judged: Judged, now: datetime) -> None:
    """Take an applied entry into every view; in the transaction that keeps the entry."""
    for reduce in REDUCERS:
        reduce(session, judged, now)


@contextmanager
def anew(session: Session, channel: str) -> Iterator[None]:
    """Throw the views of one channel away and make them again, by what is applied inside."""
    with collecting.paused(), held_rows(session):
        for clear_views in CLEARERS:
            clear_views(session, channel)
        yield


def snapshot(session: Session, channel: str) -> Mapping[str, Any]:
    """Give what the views hold for one channel: name of a row → its content."""
    return {name: row for take in SNAPSHOTS for name, row in take(session, channel).items()}


VIEWS: Final = Views(anew=anew, snapshot=snapshot)
