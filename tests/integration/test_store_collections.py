"""The store on SQLite and on PostgreSQL: transactions, objects by hash, pages by key."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from policies.errors import NotFoundError
from policies.tlp import TLP
from sharing import collections, objects
from sharing.collections import CollectionItem, Filters, Pick, Scope, Versions
from sharing.db import after_commit, reading, transaction
from sharing.objects import StixObject
from tests.integration.taxii_node import versions_in

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
ALL = Filters(versions=Versions.all())
EVERYTHING = Scope.everything()

pytestmark = pytest.mark.usefixtures("app_context")


def note(number: int, *, modified: datetime = NOW, **more: object) -> StixObject:
    moment = f"{modified:%Y-%m-%dT%H:%M:%S}.000Z"
    return StixObject.of(
        {
            "type": "note",
            "spec_version": "2.1",
            "id": f"note--{uuid.UUID(int=number, version=4)}",
            "created": "2026-11-20T09:00:00.000Z",
            "modified": moment,
            "content": f"note {number}",
            "object_refs": ["identity--0f5a1f0e-6b0e-4c63-9a52-3a0b4c1d0001"],
            **more,
        }
    )


def make_collection() -> str:
    collection_id = str(uuid.uuid4())
    with transaction() as session:
        collections.create(session, collection_id, title="A case")
    return collection_id


def add(collection_id: str, *items: StixObject, claimed: TLP | None = TLP.AMBER) -> list[int]:
    with transaction() as session:
        return collections.append(
            session, collection_id, [CollectionItem(item, claimed) for item in items], NOW
        )


def read(
    collection_id: str, filters: Filters = ALL, scope: Scope = EVERYTHING, limit: int = 100
) -> collections.Page:
    with reading() as session:
        return collections.page(session, collection_id, filters, scope, limit=limit)


def test_a_page_is_the_stored_bytes_in_the_order_they_came() -> None:
    collection_id = make_collection()
    items = [note(number) for number in (3, 1, 2)]
    dates = add(collection_id, *items)
    page = read(collection_id)
    assert page.contents == [item.content for item in items]
    assert dates == sorted(set(dates))
    assert (page.first_added, page.last_added) == (dates[0], dates[-1])
    assert not page.more
    assert page.next is None


def test_date_added_increases_though_the_clock_stands_or_goes_back() -> None:
    collection_id = make_collection()
    first = add(collection_id, note(1), note(2))
    with transaction() as session:
        second = collections.append(
            session, collection_id, [CollectionItem(note(3), None)], NOW - timedelta(days=1)
        )
    assert first[0] < first[1] < second[0]


def test_an_object_that_is_there_keeps_its_row() -> None:
    collection_id = make_collection()
    first = add(collection_id, note(1))
    again = add(collection_id, note(2), note(1), note(2))
    assert again[1] == first[0]
    assert again[0] == again[2] > first[0]
    assert len(read(collection_id).contents) == 2


def test_pages_follow_each_other_without_gap_or_double() -> None:
    collection_id = make_collection()
    items = [note(number) for number in range(25)]
    add(collection_id, *items)
    seen: list[bytes] = []
    after, pages = -1, 0
    while True:
        page = read(collection_id, Filters(after=after, versions=Versions.all()), limit=10)
        seen += page.contents
        pages += 1
        if not page.more:
            break
        assert page.next is not None
        after = page.next
    assert seen == [item.content for item in items]
    assert pages == 3


def test_a_page_ends_at_its_size_but_holds_at_least_one() -> None:
    collection_id = make_collection()
    add(collection_id, *(note(number, content="x" * 1000) for number in range(3)))
    with reading() as session:
        page = collections.page(session, collection_id, ALL, EVERYTHING, limit=10, limit_bytes=2500)
        tiny = collections.page(session, collection_id, ALL, EVERYTHING, limit=10, limit_bytes=1)
    assert len(page.contents) == 2
    assert page.more
    assert len(tiny.contents) == 1


def test_versions_last_first_all_and_exact() -> None:
    collection_id = make_collection()
    old, new = note(1), note(1, modified=NOW + timedelta(hours=1))
    middle = note(1, modified=NOW + timedelta(minutes=1))
    add(collection_id, new, old, middle)

    def ask(versions: Versions) -> list[bytes]:
        return read(collection_id, Filters(versions=versions)).contents

    assert ask(Versions.last()) == [new.content]
    assert ask(Versions(picks=frozenset({Pick.FIRST}))) == [old.content]
    assert ask(Versions(picks=frozenset(Pick))) == [new.content, old.content]
    assert ask(Versions.all()) == [new.content, old.content, middle.content]
    exact = frozenset({middle.version_ns})
    assert ask(Versions(instants=exact)) == [middle.content]
    both = Versions(picks=frozenset({Pick.LAST}), instants=exact)
    assert ask(both) == [new.content, middle.content]


def test_the_last_version_is_the_last_that_the_reader_can_see() -> None:
    collection_id = make_collection()
    old, new = note(1), note(1, modified=NOW + timedelta(hours=1))
    first, _ = add(collection_id, old, new)
    left = Scope(((0, first),))
    assert read(collection_id, Filters(), left).contents == [old.content]
    assert read(collection_id, Filters(), EVERYTHING).contents == [new.content]


def test_filters_of_id_type_and_specification_hold_together() -> None:
    collection_id = make_collection()
    address = StixObject.of(
        {
            "type": "ipv4-addr",
            "id": "ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd",
            "value": "198.51.100.3",
        }
    )
    ours, other = note(1), note(2)
    ancient = {key: value for key, value in note(3).value.items() if key != "spec_version"}
    older = StixObject.of(ancient)
    newer = note(3)
    add(collection_id, ours, address, other, older, newer)

    def ask(**filters: frozenset[str]) -> list[bytes]:
        return read(collection_id, Filters(**filters)).contents  # type: ignore[arg-type]

    assert ask(ids=frozenset({ours.stix_id, other.stix_id})) == [ours.content, other.content]
    assert ask(types=frozenset({"ipv4-addr"})) == [address.content]
    assert ask(types=frozenset({"ipv4-addr", "note", "tool"}))[:2] == [
        ours.content,
        address.content,
    ]
    assert ask(hidden_types=frozenset({"note"})) == [address.content]
    assert len(ask(hidden_types=frozenset({"note"}), types=frozenset({"note"}))) == 3
    assert ask(spec_versions=frozenset({"2.0"})) == [older.content]
    assert older.content not in ask()
    assert newer.content in ask()
    both = ask(spec_versions=frozenset({"2.0", "2.1"}), ids=frozenset({older.stix_id}))
    assert both == [older.content, newer.content]
    assert ask(ids=frozenset({ours.stix_id}), types=frozenset({"ipv4-addr"})) == []


def test_a_late_joiner_is_served_what_is_open_released_or_never_withheld() -> None:
    collection_id = make_collection()
    secret, released, bundle, green = note(1), note(2), note(3), note(4)
    add(collection_id, secret, released)
    add(collection_id, bundle, claimed=None)
    add(collection_id, green, claimed=TLP.GREEN)
    later = note(5)
    (joined,) = add(collection_id, later)
    scope = Scope(((joined, None),))
    shown = [bundle.content, green.content, later.content]
    assert read(collection_id, ALL, scope).contents == shown
    with transaction() as session:
        assert collections.release(session, collection_id, released.stix_id, by=joined) == [
            released.sha256
        ]
    assert read(collection_id, ALL, scope).contents == [released.content, *shown]


def test_who_left_reads_up_to_the_entry_that_ended_it_and_who_never_came_reads_nothing() -> None:
    collection_id = make_collection()
    dates = add(collection_id, *(note(number) for number in range(5)))
    twice = Scope(((dates[0], dates[1]), (dates[3], dates[3])))
    assert [item.content for item in (note(0), note(1), note(3))] == read(
        collection_id, ALL, twice
    ).contents
    assert read(collection_id, ALL, Scope.nothing()).contents == []


def test_what_is_recalled_is_hidden_from_everybody_and_its_bytes_can_go() -> None:
    here, there = make_collection(), make_collection()
    kept, gone = note(1), note(2)
    add(here, kept, gone)
    add(there, kept)
    with transaction() as session:
        assert collections.hide(session, here, gone.stix_id) == [gone.sha256]
        assert collections.hide(session, here, kept.stix_id) == [kept.sha256]
        deleted = objects.delete_content(session, {kept.sha256, gone.sha256})
    assert deleted == {gone.sha256}
    assert read(here).contents == []
    assert read(there).contents == [kept.content]
    with reading() as session:
        assert objects.find(session, gone.sha256) is None
        found = objects.find(session, kept.sha256)
        versions = versions_in(session, here, [gone.stix_id])
    assert found == kept
    assert versions == {(gone.stix_id, gone.version_ns): [gone.sha256]}


def test_a_manifest_tells_of_every_version() -> None:
    collection_id = make_collection()
    old, new = note(1), note(1, modified=NOW + timedelta(hours=1))
    dates = add(collection_id, old, new)
    with reading() as session:
        whole = collections.manifest(session, collection_id, ALL, EVERYTHING, limit=10)
        part = collections.manifest(session, collection_id, ALL, EVERYTHING, limit=1)
        assert collections.has_object(session, collection_id, old.stix_id, EVERYTHING)
        assert not collections.has_object(session, collection_id, "note--x", EVERYTHING)
    assert [record.date_added for record in whole.records] == dates
    assert [record.version for record in whole.records] == [old.version, new.version]
    assert part.more
    assert not whole.more


def test_nothing_is_kept_of_a_transaction_that_fails_and_its_hooks_never_run() -> None:
    collection_id = make_collection()
    ran: list[str] = []

    def fail() -> None:
        with transaction() as session:
            after_commit(session, lambda: ran.append("never"))
            collections.append(session, collection_id, [CollectionItem(note(1), None)], NOW)
            collections.append(session, "no such", [CollectionItem(note(2), None)], NOW)

    with pytest.raises(NotFoundError):
        fail()
    assert read(collection_id).contents == []
    assert ran == []


def test_hooks_run_once_after_the_commit_and_may_write() -> None:
    collection_id = make_collection()
    seen: list[int] = []

    def hook() -> None:
        seen.append(len(read(collection_id).contents))
        add(collection_id, note(2))

    with transaction() as session:
        after_commit(session, hook)
        after_commit(session, lambda: 1 / 0)
        collections.append(session, collection_id, [CollectionItem(note(1), None)], NOW)
    assert seen == [1]
    assert len(read(collection_id).contents) == 2


def test_a_transaction_in_a_transaction_is_a_mistake_and_reading_in_one_sees_it(
    app_context: Flask,
) -> None:
    collection_id = make_collection()
    with transaction() as session:
        collections.append(session, collection_id, [CollectionItem(note(1), None)], NOW)
        assert len(read(collection_id).contents) == 1
        with pytest.raises(RuntimeError, match="open already"), transaction():
            pass
