"""The rows of one database in another, of whichever kind."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Engine, Integer, Table, func, insert, select, text

from sharing.orm import Base

_AT_ONCE: Final = 5000


def copy_rows(reading: Connection, target: Engine) -> int:
    """Fill the tables of a database that has today's and nothing in them; give how many rows."""
    count = 0
    with target.begin() as writing:
        for table in Base.metadata.sorted_tables:
            rows = reading.execution_options(yield_per=_AT_ONCE).execute(select(table))
            for part in rows.mappings().partitions():
                writing.execute(insert(table), [dict(row) for row in part])
                count += len(part)
            if target.dialect.name == "postgresql":
                _go_on_counting(writing, table)
    with target.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    return count


def _go_on_counting(connection: Connection, table: Table) -> None:
    """Have a table's own numbers go on behind those that it was given."""
    number: Any = table.autoincrement_column
    if number is None or not isinstance(number.type, Integer):
        return
    sequence = connection.scalar(select(func.pg_get_serial_sequence(table.name, number.name)))
    highest = connection.scalar(select(func.max(number)))
    if sequence is not None and highest is not None:
        connection.execute(select(func.setval(sequence, highest)))
