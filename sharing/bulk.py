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
    any_,
    cast,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
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
    given = _written(rows, writers) if any(writers) else rows
    if connection.dialect.name == "postgresql":
        document = orjson.dumps([dict(zip(columns, row, strict=True)) for row in given])
        connection.exec_driver_sql(statement, (document.decode(),))
    else:
        connection.exec_driver_sql(statement, list(given))


def among(
    session: Session, column: InstrumentedAttribute[Any], values: Iterable[str]
) -> ColumnElement[bool]:
    """Tell whether a column holds one of these texts, however many there are.

    They are one argument: the statement stays the same, is prepared once, and has no limit on how
    many may be asked for.
    """
    asked = sorted(set(values))
    if session.get_bind().dialect.name == "postgresql":
        texts = select(func.jsonb_array_elements_text(cast(asked, JSONB)))
        return column == any_(func.array(texts.scalar_subquery()))
    each = func.json_each(orjson.dumps(asked).decode()).table_valued("value", name="asked")
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
        typed = zip(columns, types, strict=True)
        shape = ", ".join(f"{name} {one.compile(dialect)}" for name, one in typed)
        source = f"SELECT {names} FROM json_to_recordset(%s::json) AS given ({shape})"  # noqa: S608
    else:
        source = f"VALUES ({', '.join('?' * len(columns))})"
    return f"INSERT INTO {table.name} ({names}) {source}", writers


def _writer(column_type: TypeEngine[Any], dialect: Dialect) -> _Writer | None:
    """Give what turns a record's value into the one that is handed over; `None`: it is the same."""
    on_postgresql = dialect.name == "postgresql"
    if isinstance(column_type, LargeBinary):
        return _hex if on_postgresql else None
    if isinstance(column_type, Enum | Boolean):
        return None  # a closed set is its text
    return None if on_postgresql else column_type.dialect_impl(dialect).bind_processor(dialect)


def _hex(content: bytes) -> str:
    return f"\\x{content.hex()}"


def _written(
    rows: Sequence[tuple[Any, ...]], writers: Sequence[_Writer | None]
) -> list[tuple[Any, ...]]:
    """Give the rows with each column's values as they are handed over."""
    series = [
        values if write is None else [write(value) for value in values]
        for values, write in zip(zip(*rows, strict=True), writers, strict=True)
    ]
    return list(zip(*series, strict=True))
