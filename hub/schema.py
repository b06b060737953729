"""Where the database's schema stands, and how it is brought up to date."""

from __future__ import annotations

import importlib.resources
from collections.abc import Sequence
from dataclasses import dataclass

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from sharing.db import db


@dataclass(frozen=True, slots=True)
class Step:
    """One migration that has not been run here."""

    revision: str
    title: str


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(importlib.resources.files("migrations")))
    config.set_main_option("path_separator", "os")
    return config


def head() -> str:
    """Give the revision that this release needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise RuntimeError("this installation lacks its migrations")
    return revision


def present(connection: Connection) -> str | None:
    """Give the revision that the database is at; `None` before the first."""
    return MigrationContext.configure(connection).get_current_revision()


def missing_steps(connection: Connection) -> Sequence[Step]:
    """Give the migrations that are still to be run, in order."""
    script = ScriptDirectory.from_config(_config())
    now_at = present(connection)
    steps = [
        Step(revision.revision, (revision.doc or "").splitlines()[0])
        for revision in script.iterate_revisions("head", now_at or "base")
        if revision.revision != now_at
    ]
    return list(reversed(steps))


def upgrade() -> None:
    """Run what is missing: all of it or nothing. Several processes may call this at once."""
    with db.engine.connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            # Any number will do, as long as every release takes the same.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7623091)")
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
