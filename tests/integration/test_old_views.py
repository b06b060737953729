"""Views that a migration has marked are made again by `tocsin upgrade`, channel by channel.

Source: architecture (*Views*); lifecycles, 1, rule 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, delete, select, update

from federation.ledgers.ledger_records import ChannelRecord, EntryRecord
from hub import schema
from hub.cases import course, queries
from hub.cases.records import CaseView, CaseWords
from sharing.db import prepare_engine
from sharing.records import StoredObject
from tests.kit.console import Console
from tests.kit.nodes import CONSOLE, RunningNode, running

ROOT = Path(__file__).parent.parent.parent
BEFORE = "20261129_0040"


@pytest.fixture
def cert(tmp_path: Path) -> Iterator[RunningNode]:
    with running(tmp_path, "CERT") as (cert,):
        yield cert


def opened(cert: RunningNode, title: str) -> str:
    with cert.writing() as session:
        desk, now = cert.office.desk(session), cert.now()
        text = "It phones home."
        return course.open_case(session, desk, CONSOLE, title=title, text=text, now=now)


def titles(cert: RunningNode) -> set[str]:
    with cert.reading() as session:
        return {one.title for one in queries.visible_cases(session, CONSOLE)}


def marked(cert: RunningNode) -> set[str]:
    with cert.reading() as session:
        query = select(ChannelRecord.id).where(ChannelRecord.views_are_old)
        return set(session.scalars(query))


def grow_old(cert: RunningNode, *cases: str) -> None:
    """Leave cases as a release left them that had no view of them."""
    with cert.writing() as session:
        for view in (CaseView, CaseWords):
            session.execute(delete(view).where(view.channel.in_(cases)))
        session.execute(
            update(ChannelRecord).where(ChannelRecord.id.in_(cases)).values(views_are_old=True)
        )


def views_of(answer: Any) -> dict[str, str | None]:
    return {one["channel"]: one["problem"] for one in answer["views"]}


def test_what_is_marked_is_made_again_and_nothing_else(cert: RunningNode) -> None:
    console = Console(cert)
    old, fresh = opened(cert, "Old"), opened(cert, "Fresh")
    grow_old(cert, old)
    assert titles(cert) == {"Fresh"}
    assert "tocsin upgrade" in console.run("check").stdout
    dry = console.asks("upgrade", "--dry-run")
    assert (dry["done"], views_of(dry)) == (False, {old: None})
    assert titles(cert) == {"Fresh"}
    done = console.asks("upgrade")
    assert (done["done"], views_of(done)) == (True, {old: None})
    assert titles(cert) == {"Old", "Fresh"}
    assert marked(cert) == set()
    assert views_of(console.asks("upgrade")) == {}
    assert "up to date" in console.run("upgrade").stdout
    assert fresh not in views_of(done)


def test_a_migration_that_says_so_has_the_views_made_again(cert: RunningNode) -> None:
    case = opened(cert, "Before the migration")
    engine = create_engine(cert.settings.database_address)
    prepare_engine(engine)
    with engine.connect() as connection, connection.begin():
        config = Config()
        config.set_main_option("script_location", str(ROOT / "migrations"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.downgrade(config, BEFORE)
        assert schema.present(connection) == BEFORE
    engine.dispose()
    done = Console(cert).asks("upgrade")
    assert done["steps"]
    assert case in views_of(done)
    with cert.reading() as session:
        row = session.get(CaseView, case)
        assert row is not None
        assert row.told_in is not None, "which bundle brought it stands in the ledger alone"
    assert marked(cert) == set()


def test_a_damaged_ledger_is_named_and_keeps_nobody_else_from_being_done(
    cert: RunningNode,
) -> None:
    console = Console(cert)
    broken, whole = opened(cert, "Broken"), opened(cert, "Whole")
    grow_old(cert, broken, whole)
    with cert.writing() as session:
        entry = select(EntryRecord.object_sha256).where(
            EntryRecord.channel == broken, EntryRecord.seq == 1
        )
        session.execute(
            update(StoredObject)
            .where(StoredObject.sha256 == session.scalars(entry).one())
            .values(content=b"{}")
        )
    told = console.run("upgrade", code=1)
    assert "Broken" in told.stderr
    assert titles(cert) == {"Whole"}
    assert marked(cert) == {broken}
