"""The one place where entries become views: own entries and others' alike."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from federation.judge import Judged
from hub.channels import reducer

REDUCERS: Final = (reducer.reduce_channel,)
CLEARERS: Final = (reducer.clear_channel,)


def apply(session: Session, judged: Judged, now: datetime) -> None:
    """Take an applied entry into every view; in the transaction that keeps the entry."""
    for reduce in REDUCERS:
        reduce(session, judged, now)


def clear(session: Session, channel: str) -> None:
    """Throw the views of one channel away, so that they can be made again."""
    for clear_views in CLEARERS:
        clear_views(session, channel)
