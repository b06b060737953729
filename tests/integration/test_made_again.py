"""A ledger made again from what a node keeps: nothing that was changed from outside gets through.

Source: decision 24.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from federation.identity.keys import PublicKey
from federation.ledgers import rebuild
from federation.ledgers.ledger_records import EntryRecord
from hub.apply import REDUCERS, VIEWS
from hub.cases import own_words
from hub.cases.records import CaseWords, OwnWordView
from hub.view_rows import clear_rows, find_row, forget_bundles, held_rows, keep_row
from policies.assessment import ResponseState
from policies.errors import ConflictError
from policies.tlp import TLP
from sharing.canonical import canonical, sha256_hex, write_time
from sharing.objects import StixObject
from sharing.records import StoredObject
from tests.integration.test_cases import Room
from tests.kit.nodes import RunningNode, running


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("again")
    with running(folder, "CERT", "Grid", "Vendor") as (cert, grid, vendor):
        yield Room(cert, grid, vendor)


@pytest.fixture
def room(nodes: Room) -> Room:
    room = Room(nodes.cert, nodes.grid, nodes.vendor).open()
    room.do(room.grid, own_words.respond, state=ResponseState.AFFECTED, text="Relay 7 beacons.")
    room.do(room.vendor, own_words.respond, state=ResponseState.CONTAINED)
    return room


def made_again(node: RunningNode, session: Session, case: str) -> rebuild.Rebuilt:
    return rebuild.rebuild(session, node.office.desk(session), case, VIEWS)


@contextmanager
def told(room: Room) -> Iterator[pytest.ExceptionInfo[ConflictError]]:
    """Expect a refusal with a way out; nothing of it stays."""
    with pytest.raises(ConflictError) as caught:
        yield caught
    assert caught.value.hint == "The database was changed from outside. Restore a backup."
    with room.cert.writing() as session:
        assert made_again(room.cert, session, room.case).equal


def entries(session: Session, case: str) -> list[EntryRecord]:
    query = select(EntryRecord).where(EntryRecord.channel == case)
    return list(session.scalars(query.order_by(EntryRecord.epoch, EntryRecord.seq)))


def changed_in_place(session: Session, sha256: str, old: bytes, new: bytes) -> None:
    """Change stored bytes under the hash that they had."""
    content = session.scalar(select(StoredObject.content).where(StoredObject.sha256 == sha256))
    assert content is not None
    assert content.count(old) >= 1
    session.execute(
        update(StoredObject)
        .where(StoredObject.sha256 == sha256)
        .values(content=content.replace(old, new))
    )


def put_instead(session: Session, row: EntryRecord, **values: object) -> None:
    """Put another entry into the place of one, with a hash that fits it, as who owns the database
    could."""
    stored = session.get(StoredObject, row.object_sha256)
    assert stored is not None
    stix = StixObject.of({**orjson.loads(stored.content), **values})
    session.add(StoredObject(sha256=stix.sha256, stix_id=stix.stix_id, content=stix.content))
    session.flush()
    row.object_sha256 = stix.sha256
    unsigned = {name: one for name, one in stix.value.items() if name != "signature"}
    row.sha256 = sha256_hex(canonical(unsigned))
    session.flush()


def test_the_last_signature_alone_is_checked_again(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[bytes] = []
    check = PublicKey.check

    def counted(key: PublicKey, signature: bytes, data: bytes) -> None:
        checked.append(data)
        check(key, signature, data)

    monkeypatch.setattr(PublicKey, "check", counted)
    with room.cert.reading() as session:
        rows = entries(session, room.case)
    with room.cert.writing() as session:
        assert made_again(room.cert, session, room.case).equal
    assert len(rows) > 4
    # The last entry admits a contribution: both are proven. Descriptors were proven when read.
    assert len(checked) <= 2


@pytest.mark.parametrize("back", [1, 2, 3])
def test_bytes_that_were_changed_in_place_are_told(room: Room, back: int) -> None:
    with told(room) as caught, room.cert.writing() as session:
        row = entries(session, room.case)[-back]
        changed_in_place(session, row.object_sha256, b'"protocol":"1"', b'"protocol":"2"')
        made_again(room.cert, session, room.case)
    assert f"kept as {row.object_sha256[:12]}… are others" in caught.value.message


def test_words_that_were_changed_in_place_are_told(room: Room) -> None:
    with told(room) as caught, room.cert.writing() as session:
        everything = session.scalars(select(StoredObject)).all()
        for stored in [one for one in everything if b"Relay 7" in one.content]:
            changed_in_place(session, stored.sha256, b"Relay 7", b"Relay 8")
        made_again(room.cert, session, room.case)
    assert "are others" in caught.value.message


def test_another_entry_in_the_middle_breaks_the_chain_behind_it(room: Room) -> None:
    with told(room) as caught, room.cert.writing() as session:
        rows = entries(session, room.case)
        at = write_time(rows[-2].created_at)
        put_instead(session, rows[-3], created=at, modified=at)
        made_again(room.cert, session, room.case)
    assert f"entry {rows[-2].epoch}/{rows[-2].seq} no longer stands" in caught.value.message


def test_another_last_entry_lacks_a_signature(room: Room) -> None:
    with told(room) as caught, room.cert.writing() as session:
        row = entries(session, room.case)[-1]
        later = row.created_at.replace(year=row.created_at.year + 1)
        at = write_time(later)
        put_instead(session, row, created=at, modified=at)
        made_again(room.cert, session, room.case)
    assert "no longer stands: bad_signature" in caught.value.message


def test_rows_are_found_in_memory_only_while_their_views_are_made_anew(room: Room) -> None:
    key = (room.case, room.case, room.grid.organisation)
    with room.cert.writing() as session:
        before = find_row(session, OwnWordView, key)
        assert before is not None
        with VIEWS.anew(session, room.case):
            assert find_row(session, OwnWordView, key) is None
            row = OwnWordView(
                channel=key[0], case=key[1], organisation=key[2], alone=False, relayed=False
            )
            keep_row(session, row)
            assert row in session.new, "it waits for the others"
            assert find_row(session, OwnWordView, key) is row
        assert row not in session.new
        assert find_row(session, OwnWordView, key) is row
        assert made_again(room.cert, session, room.case).differences, "nothing else was made"
    with room.cert.writing() as session:
        assert made_again(room.cert, session, room.case).equal


def test_a_row_that_a_statement_has_deleted_is_found_no_more(room: Room) -> None:
    with room.cert.writing() as session, held_rows(session):
        clear_rows(session, room.case, (CaseWords,))
        key = (room.case, "b" * 64)
        row = CaseWords(
            channel=room.case,
            bundle="b" * 64,
            about="case",
            author=room.grid.organisation,
            act="case.opened",
            note=None,
            text=None,
            tlp=TLP.GREEN,
            said_at=room.cert.now(),
        )
        keep_row(session, row)
        assert find_row(session, CaseWords, key) is row
        forget_bundles(session, room.case, ["b" * 64], (CaseWords,))
        assert find_row(session, CaseWords, key) is None
        session.rollback()


@pytest.mark.parametrize("reduce", REDUCERS, ids=lambda one: one.__name__)
def test_a_reducer_finds_and_keeps_its_rows_in_the_one_place(reduce: Callable[..., Any]) -> None:
    module = inspect.getmodule(reduce)
    assert module is not None
    source = inspect.getsource(module)
    assert "session.get(" not in source
    assert "session.add(" not in source
