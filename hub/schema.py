"""Where the database's schema stands, and how it is brought up to date.

Alembic is loaded by what needs it alone: it takes as long as a tenth of a node, and most processes
only ask whether the database fits.
"""

from __future__ import annotations

import functools
import importlib.resources
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from policies.errors import UnavailableError
from sharing.db import db

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

_VERSIONS: Final = "alembic_version"
"""Alembic's table, in which a migrated database has one row."""
_LENGTH: Final = len("20261121_2300")


@dataclass(frozen=True, slots=True)
class Step:
    """One migration that has not been run here."""

    revision: str
    title: str


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(importlib.resources.files("migrations")))
    config.set_main_option("path_separator", "os")
    return config


def _script() -> ScriptDirectory:
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see above

    return ScriptDirectory.from_config(_config())


@functools.cache
def head() -> str:
    """Give the revision that this release needs; each migration's file begins with its own."""
    files = importlib.resources.files("migrations").joinpath("versions").iterdir()
    revisions = [file.name[:_LENGTH] for file in files if file.name[:1].isdigit()]
    if not revisions:
        raise RuntimeError("this installation lacks its migrations")
    return max(revisions)


def knows(revision: str) -> bool:
    """Tell whether a revision is one of this release or of those before it."""
    return any(known.revision == revision for known in _script().walk_revisions())


def present(connection: Connection) -> str | None:
    """Give the revision that the database is at; `None` before the first."""
    if not inspect(connection).has_table(_VERSIONS):
        return None
    at: str | None = connection.scalar(text(f"SELECT version_num FROM {_VERSIONS}"))  # noqa: S608 - our own word
    return at


def missing_steps(connection: Connection) -> list[Step]:
    """Give the migrations that are still to be run, in order."""
    now_at = present(connection)
    steps = [
        Step(revision.revision, (revision.doc or "").splitlines()[0].rstrip("."))
        for revision in _script().iterate_revisions("head", now_at or "base")
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
    from alembic import command  # noqa: PLC0415 - see above

    with (engine or db.engine).connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            # Any number will do, as long as every release takes the same.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7623091)")
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
