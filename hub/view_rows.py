"""What every reducer does alike with the rows of its views: throw away, compare, let go.

A view that is handled here has a column `channel`; one whose rows go with what brought them has a
column `bundle` as well.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from sharing.orm import Base


def clear_rows(session: Session, channel: str, views: Collection[type[Base]]) -> None:
    """Throw away what entries of one channel have filled, before they are applied anew."""
    for view in views:
        session.execute(delete(view).where(view.__table__.c.channel == channel))


def snapshot_rows(
    session: Session, channel: str, views: Collection[type[Base]]
) -> Mapping[str, Any]:
    """Give what views hold for one channel, to compare before and after `rebuild`."""
    found: dict[str, Any] = {}
    for view in views:
        table = view.__table__
        keys = [column.name for column in table.primary_key]
        rows = session.execute(select(table).where(table.c.channel == channel)).mappings()
        for row in rows:
            place = " ".join(str(row[key]) for key in keys)
            found[f"{view.__tablename__} {place}"] = dict(row)
    return found


def forget_bundles(
    session: Session, channel: str, bundles: Collection[str], views: Collection[type[Base]]
) -> None:
    """Let go of the rows that bundles have brought which their author says are not its own."""
    for view in views:
        columns = view.__table__.c
        session.execute(
            delete(view)
            .where(columns.channel == channel, columns.bundle.in_(bundles))
            .execution_options(synchronize_session="fetch")
        )
