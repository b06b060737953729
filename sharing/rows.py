"""The one question that pages ask of the database: which rows match, oldest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    false,
    not_,
    or_,
    outerjoin,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from policies.tlp import TLP
from sharing.bulk import listed
from sharing.records import Collection, CollectionRow
from sharing.selection import LARGEST_INSTANT, NEVER_WITHHELD, Filters, Pick, Scope


def oldest_rows(
    session: Session,
    collection_id: str,
    filters: Filters,
    scope: Scope,
    columns: Sequence[str],
    limit: int,
) -> Sequence[Row[Any]]:
    """Give the columns of the oldest matching rows, by `date_added`."""
    if not scope.intervals:
        return []
    row = aliased(CollectionRow)
    mixed = select(Collection.mixed).where(Collection.id == collection_id)
    conditions = [
        row.collection_id == collection_id,
        _visible(row, scope),
        _of_version(row, filters, scope),
    ]
    if filters.spec_versions:
        conditions.append(row.spec_version.in_(sorted(filters.spec_versions)))
    elif session.scalar(mixed):
        conditions.append(_newest_form(row, scope))
    if filters.types:
        conditions.append(row.stix_type.in_(sorted(filters.types)))
    elif filters.hidden_types:
        conditions.append(row.stix_type.not_in(sorted(filters.hidden_types)))
    if filters.ids:
        return session.execute(_named(session, row, conditions, filters, columns, limit)).all()
    conditions.append(row.date_added > filters.after)
    if scope.end is not None:
        conditions.append(row.date_added <= scope.end)
    for column, values in (
        (row.stix_type, filters.types),
        (row.version_ns, frozenset() if filters.versions.picks else filters.versions.instants),
        (row.spec_version, filters.spec_versions),
    ):
        if values:
            return session.execute(_merged(row, conditions, column, values, columns, limit)).all()
    return session.execute(_oldest(row, conditions, columns, limit)).all()


def _named(
    session: Session,
    row: Any,
    conditions: Sequence[ColumnElement[bool]],
    filters: Filters,
    columns: Sequence[str],
    limit: int,
) -> Select[Any]:
    """Gather what there is of the ids, which is little, then sort.

    The ids come first in an outer join, which no planner turns round. What is said of
    `version_ns` holds always: it makes SQLite, which has no figures of ours, prefer the index in
    which an id and its versions stand. Asked with `IN`, it walks the whole collection.
    """
    asked = listed(session, filters.ids)
    names = dict.fromkeys((*columns, "date_added"))
    found = and_(
        row.stix_id == asked.c.value,
        row.version_ns >= -LARGEST_INSTANT,
        row.date_added + 0 > filters.after,
        *conditions,
    )
    gathered = (
        select(*(getattr(row, name) for name in names))
        .select_from(outerjoin(asked, row, found))
        .cte("gathered")
        .prefix_with("MATERIALIZED")
    )
    return (
        select(*(gathered.c[name] for name in columns))
        .where(gathered.c.date_added.is_not(None))
        .order_by(gathered.c.date_added)
        .limit(limit)
    )


def _oldest(
    row: Any, conditions: Sequence[ColumnElement[bool]], columns: Sequence[str], limit: int
) -> Select[Any]:
    wanted = [getattr(row, name) for name in columns]
    return select(*wanted).where(*conditions).order_by(row.date_added).limit(limit)


def _merged(
    row: Any,
    conditions: Sequence[ColumnElement[bool]],
    column: Any,
    values: Iterable[Any],
    columns: Sequence[str],
    limit: int,
) -> Select[Any]:
    """Merge the oldest rows of each value, each found through its index.

    One `IN` would gather and sort all that match before the first page is known.
    """
    parts = [
        _oldest(row, [*conditions, column == value], columns, limit).subquery()
        for value in sorted(values)
    ]
    merged = union_all(*(select(part) for part in parts)).subquery()
    return select(merged).order_by(merged.c.date_added).limit(limit)


def _visible(row: Any, scope: Scope) -> ColumnElement[bool]:
    """`Scope.shows`, for the database."""
    here: ColumnElement[bool] = not_(row.hidden)
    if not scope.red:
        here = and_(here, or_(row.claimed.is_(None), row.claimed != TLP.RED))
    if scope.intervals == Scope.everything().intervals:
        return here
    stretches = [
        row.date_added >= first if last is None else row.date_added.between(first, last)
        for first, last in scope.intervals
    ]
    released = row.released_from.is_not(None)
    if scope.end is not None:
        released = and_(released, row.released_from <= scope.end)
    never_withheld = or_(row.claimed.is_(None), row.claimed.in_(sorted(NEVER_WITHHELD)), released)
    older = and_(row.date_added < scope.joined_at, never_withheld)
    return and_(here, or_(*stretches, older))


def _of_version(row: Any, filters: Filters, scope: Scope) -> ColumnElement[bool]:
    """Match the versions asked for, among those that this reader can see."""
    versions = filters.versions
    if versions.every:
        return true()
    choices: list[ColumnElement[bool]] = []
    if versions.instants:
        choices.append(row.version_ns.in_(sorted(versions.instants)))
    for pick in sorted(versions.picks):
        other = aliased(CollectionRow)
        later = pick is Pick.LAST
        beyond = other.version_ns > row.version_ns if later else other.version_ns < row.version_ns
        at_least = (
            other.version_ns >= row.version_ns if later else other.version_ns <= row.version_ns
        )
        # Where two contents claim one version, the one that came first stands for it.
        twin = and_(other.spec_version == row.spec_version, other.date_added < row.date_added)
        conditions = [
            other.collection_id == row.collection_id,
            other.stix_id == row.stix_id,
            at_least,
            or_(beyond, twin),
            _visible(other, scope),
        ]
        if filters.spec_versions:
            conditions.append(other.spec_version.in_(sorted(filters.spec_versions)))
        choices.append(~select(1).where(*conditions).correlate(row).exists())
    return or_(*choices) if choices else false()


def _newest_form(row: Any, scope: Scope) -> ColumnElement[bool]:
    """Leave out a version that is here in a newer version of STIX as well.

    Source: TAXII 2.1, 3.4.1 (`match[spec_version]`).
    """
    other = aliased(CollectionRow)
    newer: Select[Any] = select(1).where(
        other.collection_id == row.collection_id,
        other.stix_id == row.stix_id,
        other.version_ns == row.version_ns,
        other.spec_version > row.spec_version,
        _visible(other, scope),
    )
    return ~newer.correlate(row).exists()
