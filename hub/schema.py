"""Where the database's schema stands, and how it is brought up to date."""

from __future__ import annotations

import importlib.resources
from dataclasses import dataclass

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from policies.errors import UnavailableError
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


def knows(revision: str) -> bool:
    """Tell whether a revision is one of this release or of those before it."""
    script = ScriptDirectory.from_config(_config())
    return any(known.revision == revision for known in script.walk_revisions())


def present(connection: Connection) -> str | None:
    """Give the revision that the database is at; `None` before the first."""
    return MigrationContext.configure(connection).get_current_revision()


def missing_steps(connection: Connection) -> list[Step]:
    """Give the migrations that are still to be run, in order."""
    script = ScriptDirectory.from_config(_config())
    now_at = present(connection)
    steps = [
        Step(revision.revision, (revision.doc or "").splitlines()[0].rstrip("."))
        for revision in script.iterate_revisions("head", now_at or "base")
        if revision.revision != now_at
    ]
    return list(reversed(steps))


def require_current() -> None:
    """Refuse to work on a database that this release does not fit.

    Raises:
        UnavailableError: it is away, was never set up, or is behind or ahead.
    """
    try:
        with db.engine.connect() as connection:
            at = present(connection)
    except SQLAlchemyError as error:
        raise UnavailableError("the database can't be reached") from error
    if at is None:
        raise UnavailableError("this node has not been set up", hint="Run: tocsin node init")
    if at != head():
        raise UnavailableError(
            f"the database is at {at}, and this release needs {head()}", hint="Run: tocsin upgrade"
        )


def upgrade(engine: Engine | None = None) -> None:
    """Run what is missing: all of it or nothing. Several processes may call this at once.

    Args:
        engine: of another database than the application's.
    """
    with (engine or db.engine).connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            # Any number will do, as long as every release takes the same.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7623091)")
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
