"""How a worker hears at next to no cost that another process has asked for something.

SQLite keeps a number that rises whenever another connection has written. PostgreSQL passes word
to whoever listens; where a connection pooler swallows it, a look every now and then finds out.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, Final

import psycopg
from sqlalchemy import PoolProxiedConnection, text
from sqlalchemy.orm import Session

from sharing.db import db

LOOK_ANYWAY_SECONDS: Final = 1.0

_LISTEN: Final = "LISTEN tocsin_errand"
_NOTIFY: Final = text("NOTIFY tocsin_errand")


def announce(session: Session) -> None:
    """Have the listeners of other processes told when this transaction is committed."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_NOTIFY)


class Changes:
    """Whether anybody may have asked for something since the last time this was asked.

    For one thread, in an application context.
    """

    def __init__(self) -> None:
        self._lent: PoolProxiedConnection | None = None
        self._version: object = None
        self._looked = 0.0

    def seen(self) -> bool:
        """Tell whether there may be news; yes, where that can't be known."""
        if self._lent is None:
            self._open()
            return True
        connection: Any = self._lent.dbapi_connection
        if isinstance(connection, psycopg.Connection):
            return self._has_heard(connection)
        before, self._version = self._version, _read_version(connection)
        return self._version != before

    def close(self) -> None:
        """End the connection; the next `seen` opens another."""
        if self._lent is not None:
            with suppress(Exception):
                self._lent.close()
        self._lent = None

    def _open(self) -> None:
        lent = db.engine.raw_connection()
        # It is kept for as long as the worker lives: out of the pool with it.
        lent.detach()
        connection: Any = lent.dbapi_connection
        try:
            if isinstance(connection, psycopg.Connection):
                connection.autocommit = True
                connection.execute(_LISTEN)
            else:
                self._version = _read_version(connection)
        except Exception:
            lent.close()
            raise
        self._lent = lent

    def _has_heard(self, connection: psycopg.Connection[Any]) -> bool:
        try:
            heard = any(True for _ in connection.notifies(timeout=0))
        except psycopg.Error:
            self.close()
            return True
        now = time.monotonic()
        if heard or now - self._looked >= LOOK_ANYWAY_SECONDS:
            self._looked = now
            return True
        return False


def _read_version(connection: Any) -> object:
    return connection.execute("PRAGMA data_version").fetchone()
