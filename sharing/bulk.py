"""Many rows and many values at once, the way each database takes them quickest.

A page of a thousand objects is three statements that write and a handful that ask, and none of
them grows with the page: what varies is one argument.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Dialect,
    Enum,
    LargeBinary,
    Table,
    TableValuedAlias,
    any_,
    cast,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
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
    table = record.metadata.tables[record.__tablename__]
    if connection.dialect.name != "postgresql":
        _insert_on_sqlite(connection, table, columns, rows, pass_over_known=pass_over_known)
    elif pass_over_known:
        types = (table.c[name].type.compile(connection.dialect) for name in columns)
        arrays = ", ".join(f"%b::{one}[]" for one in types)
        connection.exec_driver_sql(
            f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT * FROM unnest({arrays})"  # noqa: S608
            " ON CONFLICT DO NOTHING",
            tuple(list(values) for values in zip(*rows, strict=True)),
        )
    else:
        _copy(connection, f"COPY {table.name} ({', '.join(columns)}) FROM STDIN", rows)


def _insert_on_sqlite(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    *,
    pass_over_known: bool,
) -> None:
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
    if pass_over_known:
        statement += " ON CONFLICT DO NOTHING"
    writers = [_writer(table.c[name].type, connection.dialect) for name in columns]
    connection.exec_driver_sql(statement, _written(rows, writers))


def _copy(connection: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Send rows as a stream; a fault of the server's or of the way is told as by any statement."""
    driver, dbapi = connection.connection.driver_connection, connection.dialect.dbapi
    assert driver is not None  # noqa: S101 - it is open
    assert dbapi is not None  # noqa: S101 - it was opened by that
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(
                    [value.value if isinstance(value, StrEnum) else value for value in row]
                )
    except dbapi.Error as error:
        gone = connection.dialect.is_disconnect(error, driver, None)
        if gone:
            connection.invalidate(error)
        raise DBAPIError.instance(
            statement,
            None,
            error,
            dbapi.Error,
            hide_parameters=True,
            connection_invalidated=gone,
            dialect=connection.dialect,
        ) from error


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
    return column.in_(select(listed(session, asked).c.value))


def listed(session: Session, values: Iterable[str]) -> TableValuedAlias:
    """Give these texts as a table with the column `value`; they are one argument."""
    asked = sorted(set(values))
    if session.get_bind().dialect.name == "postgresql":
        each = func.jsonb_array_elements_text(cast(asked, JSONB))
    else:
        each = func.json_each(orjson.dumps(asked).decode())
    return each.table_valued("value", name="asked")


def _writer(column_type: TypeEngine[Any], dialect: Dialect) -> _Writer | None:
    """Give what turns a record's value into the driver's; `None`: it is the same."""
    if isinstance(column_type, LargeBinary | Enum | Boolean):
        return None  # a closed set is its text, a truth 0 or 1
    return column_type.dialect_impl(dialect).bind_processor(dialect)


def _written(
    rows: Sequence[tuple[Any, ...]], writers: Sequence[_Writer | None]
) -> list[tuple[Any, ...]]:
    """Give the rows with each column's values as the driver takes them."""
    if not any(writers):
        return list(rows)
    series = [
        values if write is None else [write(value) for value in values]
        for values, write in zip(zip(*rows, strict=True), writers, strict=True)
    ]
    return list(zip(*series, strict=True))
