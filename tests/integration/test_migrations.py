"""The migrations end where the records are, on both databases, from empty and back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from hub import schema
from sharing.db import prepare_engine
from sharing.orm import NAMING_CONVENTION, Base
from tests.conftest import load_records
from tests.integration.hubs import Hub, hub

__all__ = ["hub"]

ROOT = Path(__file__).parent.parent.parent


def config_for(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = create_engine(database_url)
    prepare_engine(made)
    yield made
    made.dispose()


def describe(connection: Connection) -> dict[str, Any]:
    """Say all that the database knows of each table of ours, in an order of our own."""
    looker = inspect(connection)
    tables = {}
    for table in sorted(set(looker.get_table_names()) - {"alembic_version"}):
        tables[table] = {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in looker.get_columns(table)
            },
            "key": looker.get_pk_constraint(table),
            "checks": sorted(
                (str(check["name"]), " ".join(check["sqltext"].split()))
                for check in looker.get_check_constraints(table)
            ),
            "uniques": sorted(
                (str(unique["name"]), unique["column_names"])
                for unique in looker.get_unique_constraints(table)
            ),
            "references": sorted(
                (
                    str(key["name"]),
                    key["constrained_columns"],
                    key["referred_table"],
                    key["referred_columns"],
                    key["options"],
                )
                for key in looker.get_foreign_keys(table)
            ),
            "indexes": sorted(
                (str(index["name"]), index["column_names"], bool(index["unique"]))
                for index in looker.get_indexes(table)
            ),
        }
    return tables


def test_the_migrations_make_what_the_records_say(engine: Engine) -> None:
    load_records()
    with engine.connect() as connection, connection.begin():
        command.upgrade(config_for(connection), "head")
    with engine.connect() as connection:
        migrated = describe(connection)
    with engine.connect() as connection, connection.begin():
        command.downgrade(config_for(connection), "base")
    with engine.connect() as connection:
        assert describe(connection) == {}
    Base.metadata.create_all(engine)
    with engine.connect() as connection:
        made = describe(connection)
    assert migrated == made


def test_alembic_finds_nothing_to_change(engine: Engine) -> None:
    load_records()
    with engine.connect() as connection, connection.begin():
        config = config_for(connection)
        command.upgrade(config, "head")
        config.attributes["target_metadata"] = Base.metadata
        command.check(config)


def test_a_migration_that_fails_leaves_nothing_behind(engine: Engine) -> None:
    def break_off() -> None:
        with engine.connect() as connection, connection.begin():
            command.upgrade(config_for(connection), "head")
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        break_off()
    with engine.connect() as connection:
        assert describe(connection) == {}
        assert schema.present(connection) is None


def test_an_upgrade_that_is_done_is_done_once(hub: Hub) -> None:
    with hub.app.app_context():
        schema.upgrade()
        schema.require_current()


def test_the_audit_trail_can_be_added_to_and_not_changed(hub: Hub) -> None:
    hub.add_user("ada")
    with hub.writing() as session:
        assert session.execute(text("SELECT count(*) FROM audit_record")).scalar() == 1
    for statement in ("UPDATE audit_record SET action = 'x'", "DELETE FROM audit_record"):
        with pytest.raises(DBAPIError, match="append-only"), hub.writing() as session:
            session.execute(text(statement))


def test_the_migrations_name_constraints_as_the_records_do() -> None:
    source = (ROOT / "migrations" / "env.py").read_text(encoding="utf-8")
    for name, pattern in NAMING_CONVENTION.items():
        assert f'"{name}": "{pattern}"' in source


def test_the_migrations_import_nothing_of_ours_and_are_one_line() -> None:
    files = sorted((ROOT / "migrations" / "versions").glob("*.py"))
    before: str | None = None
    for path in files:
        source = path.read_text(encoding="utf-8")
        assert not any(f"import {name}" in source for name in ("hub", "federation", "sharing"))
        assert f'revision: Final = "{path.name[:13]}"' in source
        down = "None" if before is None else f'"{before}"'
        assert f"down_revision: Final = {down}" in source
        before = path.name[:13]
    assert schema.head() == schema._script().get_current_head() == before
