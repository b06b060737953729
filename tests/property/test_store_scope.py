"""What a reader may see: the rule in Python and the rule in the database say the same."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies.tlp import TLP
from sharing import collections
from sharing.collections import CollectionItem, Filters, Scope, Versions
from sharing.db import db, reading, transaction
from tests.conftest import make_store_app
from tests.integration.taxii_node import NOW, note

LABELS = st.none() | st.sampled_from(TLP)
COUNT = 12


@st.composite
def scopes(draw: st.DrawFn) -> Scope:
    """Draw stretches in order, over positions in a collection of `COUNT` objects."""
    bounds = sorted(draw(st.sets(st.integers(0, COUNT + 2), max_size=5)))
    pairs = [
        (bounds[index], bounds[index + 1] if index + 1 < len(bounds) else None)
        for index in range(0, len(bounds), 2)
    ]
    return Scope(tuple(pairs))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    path: Path = tmp_path_factory.mktemp("scope") / "tocsin.db"
    made = make_store_app(f"sqlite:///{path}")
    yield made
    with made.app_context():
        db.engine.dispose()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    scopes(),
    st.lists(LABELS, min_size=COUNT, max_size=COUNT),
    st.dictionaries(st.integers(0, COUNT - 1), st.integers(0, COUNT + 2)),
    st.booleans(),
)
def test_the_database_shows_what_the_rule_shows(
    app: Flask, positions: Scope, labels: list[TLP | None], released: dict[int, int], red: bool
) -> None:
    collection_id = str(uuid.uuid4())
    items = [note(number) for number in range(COUNT)]
    with app.app_context():
        with transaction() as session:
            collections.create(session, collection_id, title="A case")
            rows = [CollectionItem(item, label) for item, label in zip(items, labels, strict=True)]
            dates = collections.append(session, collection_id, rows, NOW)
            for number, by in released.items():
                stix_id = items[number].stix_id
                collections.release(session, collection_id, stix_id, by=dates[0] + by)
        base = dates[0]
        scope = Scope(
            tuple(
                (base + first, None if last is None else base + last)
                for first, last in positions.intervals
            ),
            red=red,
        )
        expected = [
            item.content
            for number, (item, label, date) in enumerate(zip(items, labels, dates, strict=True))
            if scope.shows(
                date,
                label,
                released_from=base + released[number] if number in released else None,
            )
        ]
        with reading() as session:
            page = collections.page(
                session, collection_id, Filters(versions=Versions.all()), scope, limit=100
            )
            ids = frozenset(item.stix_id for item in items)
            named = collections.page(session, collection_id, Filters(ids=ids), scope, limit=100)
    assert page.contents == expected
    assert named.contents == expected


@given(st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(0, 9)), max_size=3))
def test_stretches_that_overlap_or_run_backwards_are_refused(
    intervals: list[tuple[int, int | None]],
) -> None:
    flat = [bound for first, last in intervals for bound in (first, 10 if last is None else last)]
    starts_after = all(
        before is not None and first > before for (_, before), (first, _) in pairwise(intervals)
    )
    ordered = starts_after and all(last is None or last >= first for first, last in intervals)
    if ordered:
        assert Scope(tuple(intervals)).intervals == tuple(intervals)
        assert flat == sorted(flat)
    else:
        with pytest.raises(ValueError, match="order"):
            Scope(tuple(intervals))


@given(LABELS, st.booleans(), st.integers(0, 100))
def test_a_scope_of_everything_shows_everything_and_of_nothing_nothing(
    label: TLP | None, released: bool, date: int
) -> None:
    released_from = date if released else None
    assert Scope.everything().shows(date, label, released_from=released_from)
    assert not Scope.nothing().shows(date, label, released_from=released_from)
