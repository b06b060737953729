"""Each TAXII filter has its index: what a page costs does not depend on the collection's size."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from sharing import collections
from sharing.collections import Filters, Pick, Scope, Versions
from sharing.db import db, reading, transaction
from tests.conftest import make_store_app

EVERY = Versions.all()
IDS = frozenset(f"note--{uuid.UUID(int=number)}" for number in range(500))
FIRST = Versions(picks=frozenset({Pick.FIRST}))
EXACT = Versions(instants=frozenset({1, 2}))
LATE = Scope(((10, 20), (500, None)))


@pytest.mark.parametrize(
    ("filters", "scope", "found_by"),
    [
        (Filters(after=5, versions=EVERY), Scope.everything(), "date_added>?"),
        (Filters(after=5, versions=EVERY), LATE, "date_added>?"),
        (Filters(after=5), LATE, "date_added>?"),
        (Filters(after=5, versions=FIRST), Scope.everything(), "date_added>?"),
        (Filters(after=5, ids=IDS), Scope.everything(), "stix_id=? AND version_ns>?"),
        (Filters(ids=IDS, versions=EVERY), LATE, "stix_id=? AND version_ns>?"),
        (Filters(types=frozenset({"a", "b"})), LATE, "stix_type=? AND date_added>?"),
        (Filters(versions=EXACT), Scope.everything(), "version_ns=? AND date_added>?"),
        (Filters(spec_versions=frozenset({"2.0"})), LATE, "spec_version=? AND date_added>?"),
    ],
)
def test_every_look_up_is_a_search_and_none_a_scan(
    tmp_path: Any, filters: Filters, scope: Scope, found_by: str
) -> None:
    app: Flask = make_store_app(f"sqlite:///{tmp_path}/tocsin.db")
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, sql: str, parameters: Any, *_more: Any) -> None:
        asked.append((sql, parameters))

    with app.app_context():
        collection_id = str(uuid.uuid4())
        with transaction() as session:
            collections.create(session, collection_id, title="A case")
        event.listen(db.engine, "before_cursor_execute", note)
        with reading() as session:
            collections.page(session, collection_id, filters, scope, limit=100)
        event.remove(db.engine, "before_cursor_execute", note)
        (question,) = [
            item for item in asked if "FROM collection_row" in item[0] or "JOIN" in item[0]
        ]
        with db.engine.connect() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {question[0]}", question[1])
            steps = [str(step[-1]) for step in plan]
        db.engine.dispose()
    searches = [step for step in steps if "collection_row" in step]
    assert searches
    assert all(step.startswith("SEARCH") for step in searches), steps
    assert found_by in searches[0]
