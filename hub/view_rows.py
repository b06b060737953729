"""What every reducer does alike with rows of its views: find, keep, throw away, compare, let go.

A view that is handled here has a column `channel`, the first of its key; one whose rows go with
what brought them has a column `bundle` as well.

While views are made anew they begin empty: whatever is asked for was kept since, and is found in
memory. So thousands of rows wait for one flush, where every entry would ask the database.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, Final, TypeVar

from sqlalchemy import delete, inspect, select
from sqlalchemy.orm import Session

from sharing.bulk import among
from sharing.orm import Base

Row = TypeVar("Row", bound=Base)
Key = tuple[str, ...]
_Held = dict[tuple[type[Base], str], dict[Key, Base]]
_HELD: Final = "rows of views that are made anew"


@contextmanager
def held_rows(session: Session) -> Iterator[None]:
    """Find the rows of every view that is cleared from here on in memory, until this ends."""
    held: _Held = {}
    session.info[_HELD] = held
    try:
        yield
        session.flush()
    finally:
        del session.info[_HELD]


def find_row(session: Session, view: type[Row], key: Key) -> Row | None:
    """Give the row with this key, its channel first; `None` where there is none."""
    held = _held(session).get((view, key[0]))
    if held is None:
        return session.get(view, key)
    row = held.get(key)
    # What a statement has deleted since is in no session any more.
    return row if isinstance(row, view) and row in session else None


def find_rows(
    session: Session, view: type[Row], channel: str, names: Collection[str]
) -> dict[str, Row]:
    """Give those rows of one channel that are there, by name: by the other half of their key."""
    if (view, channel) in _held(session):
        found = ((name, find_row(session, view, (channel, name))) for name in names)
        return {name: row for name, row in found if row is not None}
    _, of_name = _key_names(view)
    named = among(session, getattr(view, of_name), names)
    rows = session.scalars(select(view).where(view.__table__.c.channel == channel, named))
    return {getattr(row, of_name): row for row in rows}


def keep_row(session: Session, row: Base) -> None:
    """Add a new row to its view."""
    session.add(row)
    held = _held(session)
    if held:
        key = tuple(getattr(row, name) for name in _key_names(type(row)))
        rows = held.get((type(row), key[0]))
        if rows is not None:
            rows[key] = row


def clear_rows(session: Session, channel: str, views: Collection[type[Base]]) -> None:
    """Throw away what entries of one channel have filled, before they are applied anew."""
    for view in views:
        session.execute(delete(view).where(view.__table__.c.channel == channel))
    held = session.info.get(_HELD)
    if held is not None:
        held.update({(view, channel): {} for view in views})


def snapshot_rows(
    session: Session, channel: str, views: Collection[type[Base]]
) -> Mapping[str, Any]:
    """Give what views hold for one channel, to compare before and after `rebuild`."""
    found: dict[str, Any] = {}
    for view in views:
        table = view.__table__
        keys = [at for at, column in enumerate(table.columns) if column.primary_key]
        for row in session.execute(select(table).where(table.c.channel == channel)):
            place = " ".join(str(row[at]) for at in keys)
            found[f"{view.__tablename__} {place}"] = tuple(row)
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


def _held(session: Session) -> _Held:
    """Give the rows of each view and channel that are made anew, by their keys."""
    held: _Held = session.info.get(_HELD, {})
    return held


@cache
def _key_names(view: type[Base]) -> tuple[str, ...]:
    mapper = inspect(view)
    return tuple(mapper.get_property_by_column(column).key for column in mapper.primary_key)
