"""The typed base of every record: names of constraints, UTC times, closed sets as checked text."""

from __future__ import annotations

import enum
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Enum, Integer, MetaData, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator, TypeEngine

NAMING_CONVENTION: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

ENUM_LENGTH: Final = 40


class UTCDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC: `timestamptz` on PostgreSQL, sortable text elsewhere.

    Naive datetimes are refused, so that nobody's local time slips in.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column type."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(String(27))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Write a time."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without zone can't be stored")
        value = value.astimezone(UTC)
        if dialect.name == "postgresql":
            return value
        return f"{value.year:04d}-{value:%m-%dT%H:%M:%S.%f}Z"

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Read a time."""
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        return datetime.fromisoformat(value)


def _values(closed_set: type[enum.Enum]) -> list[str]:
    return [str(member.value) for member in closed_set]


BIG_INTEGER: Final = BigInteger().with_variant(Integer, "sqlite")
JSON_DOCUMENT: Final = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class Base(DeclarativeBase):
    """The base of every record.

    A `StrEnum` is kept as its value, and a CHECK constraint repeats its members. An `int` is
    64 bits wide. Text has no length in the database: limits stand where text is read.
    """

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map: Final = {
        datetime: UTCDateTime(),
        str: Text(),
        int: BIG_INTEGER,
        dict[str, Any]: JSON_DOCUMENT,
        list[str]: JSON_DOCUMENT,
        list[Any]: JSON_DOCUMENT,
        enum.Enum: Enum(
            enum.Enum,
            native_enum=False,
            create_constraint=True,
            length=ENUM_LENGTH,
            values_callable=_values,
        ),
    }
