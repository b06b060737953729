"""Many rows and many values at once, the way each database takes them quickest.

A page of a thousand objects is three statements that write and a handful that ask, and none of
them grows with the page: what varies is one argument.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Dialect,
    Enum,
    LargeBinary,
    Text,
    any_,
    cast,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.types import TypeEngine

from sharing.orm import Base

_Writer = Callable[[Any], Any]


def insert_rows(
    session: Session,
    record: type[Base],
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    *,
    pass_over_known: bool = False,
) -> None:
    """Insert rows in this order; one statement, whatever their number.

    Args:
        columns: names of the columns that are given; the others keep the database's defaults.
        rows: their values, as the record's attributes would hold them.
        pass_over_known: a row that breaks a UNIQUE constraint is left out, and no error.
    """
    if not rows:
        return
    connection = session.connection()
    statement, writers = _prepared(connection.dialect, record, tuple(columns))
    if pass_over_known:
        statement += " ON CONFLICT DO NOTHING"
    if not any(writers) and connection.dialect.name != "postgresql":
        connection.exec_driver_sql(statement, list(rows))
        return
    series = [
        list(values) if write is None else [write(value) for value in values]
        for values, write in zip(zip(*rows, strict=True), writers, strict=True)
    ]
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(statement, tuple(series))
    else:
        connection.exec_driver_sql(statement, list(zip(*series, strict=True)))


def among(
    session: Session, column: InstrumentedAttribute[Any], values: Iterable[str]
) -> ColumnElement[bool]:
    """Tell whether a column holds one of these texts, however many there are.

    They are one argument: the statement stays the same, is prepared once, and has no limit on how
    many may be asked for.
    """
    listed = sorted(set(values))
    if session.get_bind().dialect.name == "postgresql":
        return column == any_(cast(listed, ARRAY(Text)))
    each = func.json_each(orjson.dumps(listed).decode()).table_valued("value", name="asked")
    return column.in_(select(each.c.value))


@lru_cache(maxsize=64)
def _prepared(
    dialect: Dialect, record: type[Base], columns: tuple[str, ...]
) -> tuple[str, tuple[_Writer | None, ...]]:
    """Give the statement and what writes each column's values."""
    table = record.metadata.tables[record.__tablename__]
    types = [table.c[name].type for name in columns]
    writers = tuple(_writer(one, dialect) for one in types)
    names = ", ".join(columns)
    if dialect.name == "postgresql":
        arrays = ", ".join(f"%s::{one.compile(dialect)}[]" for one in types)
        source = f"SELECT * FROM unnest({arrays})"  # noqa: S608 - names of our own columns
    else:
        source = f"VALUES ({', '.join('?' * len(columns))})"
    return f"INSERT INTO {table.name} ({names}) {source}", writers


def _writer(column_type: TypeEngine[Any], dialect: Dialect) -> _Writer | None:
    """Give what turns a record's value into the driver's; `None` where it is the same."""
    if isinstance(column_type, LargeBinary):
        return None
    if isinstance(column_type, Enum | Boolean) and dialect.name == "sqlite":
        return None  # a `StrEnum` is its text, and a truth is 0 or 1
    return column_type.dialect_impl(dialect).bind_processor(dialect)
