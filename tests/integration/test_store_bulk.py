"""Many rows and many values at once, on SQLite and on PostgreSQL: what goes in comes out."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from policies.errors import UnavailableError
from policies.tlp import TLP
from sharing import collections
from sharing.bulk import among, insert_rows
from sharing.db import db, reading, transaction
from sharing.records import CollectionRow, StoredObject, TaxiiStatus

pytestmark = pytest.mark.usefixtures("app_context")

ODD = ["plain", '{curly,"quoted"}', "back\\slash", "tab\tand\nline", "Größe – 日本 🜂", "\\N", ""]
NOW = datetime(2026, 11, 20, 10, 0, 0, 123456, tzinfo=UTC)
COLUMNS = (
    "collection_id", "date_added", "sha256", "size_bytes", "stix_id", "stix_type", "spec_version",
    "version", "version_ns", "claimed", "released_from", "hidden",
)  # fmt: skip


def hashed(number: int) -> str:
    return f"{number:064x}"


def make_collection() -> str:
    collection_id = str(uuid.uuid4())
    with transaction() as session:
        collections.create(session, collection_id, title="A case")
    return collection_id


def row(collection_id: str, number: int, stix_id: str, claimed: TLP | None) -> tuple[Any, ...]:
    version = "2026-11-20T10:00:00.000Z" if number % 2 else None
    return (
        collection_id, number, hashed(number), 10, stix_id, "note", "2.1", version, -number,
        claimed, None, number % 2 == 0,
    )  # fmt: skip


def test_rows_come_out_as_they_went_in() -> None:
    collection_id = make_collection()
    labels = [*TLP, None]
    rows = [
        row(collection_id, number, name, labels[number % len(labels)])
        for number, name in enumerate(ODD)
    ]
    with transaction() as session:
        insert_rows(session, CollectionRow, COLUMNS, rows)
    with reading() as session:
        found = session.scalars(select(CollectionRow).order_by(CollectionRow.date_added)).all()
        assert [tuple(getattr(one, name) for name in COLUMNS) for one in found] == rows


def test_times_and_bytes_come_out_as_they_went_in() -> None:
    columns = ("id", "submitter", "requested_at", "document")
    rows = [(str(number), name, NOW, name.encode()) for number, name in enumerate(ODD)]
    with transaction() as session:
        insert_rows(session, TaxiiStatus, columns, rows)
    with reading() as session:
        found = session.scalars(select(TaxiiStatus).order_by(TaxiiStatus.id)).all()
        assert [tuple(getattr(one, name) for name in columns) for one in found] == rows


def test_what_is_known_is_passed_over_and_nothing_else() -> None:
    columns = ("sha256", "stix_id", "content")
    rows = [(hashed(number), name, name.encode()) for number, name in enumerate(ODD)]
    with transaction() as session:
        insert_rows(session, StoredObject, columns, rows[2:4], pass_over_known=True)
    with transaction() as session:
        other = [(one[0], "other", b"other") for one in rows[2:3]]
        insert_rows(session, StoredObject, columns, [*other, *rows], pass_over_known=True)
    with reading() as session:
        found = session.scalars(select(StoredObject).order_by(StoredObject.sha256)).all()
        assert [(one.sha256, one.stix_id, one.content) for one in found] == rows


def test_a_double_is_an_error_and_nothing_of_it_is_kept() -> None:
    collection_id = make_collection()
    rows = [row(collection_id, 1, "a", None), row(collection_id, 1, "b", None)]
    with pytest.raises(IntegrityError), transaction() as session:
        insert_rows(session, CollectionRow, COLUMNS, rows)
    with reading() as session:
        assert session.scalars(select(CollectionRow)).all() == []


def test_any_text_is_found_among_any_and_none_among_none() -> None:
    columns = ("sha256", "stix_id", "content")
    rows = [(hashed(number), name, b"") for number, name in enumerate(ODD)]
    with transaction() as session:
        insert_rows(session, StoredObject, columns, rows)
    with reading() as session:
        for wanted in ([], ODD, ODD[1:4], ["{", "plain,", *ODD[5:]]):
            query = select(StoredObject.stix_id).where(among(session, StoredObject.stix_id, wanted))
            assert set(session.scalars(query)) == set(wanted) & set(ODD)


def write_while_the_way_is_cut(collection_id: str) -> None:
    with transaction() as session:
        us = session.scalar(text("SELECT pg_backend_pid()"))
        with db.engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:us, 5000)"), {"us": us})
        insert_rows(session, CollectionRow, COLUMNS, [row(collection_id, 1, "a", None)])


def test_a_server_that_goes_away_in_between_is_away() -> None:
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite is a file")
    collection_id = make_collection()
    with pytest.raises(UnavailableError):
        write_while_the_way_is_cut(collection_id)
    with reading() as session:
        assert session.scalars(select(CollectionRow)).all() == []
