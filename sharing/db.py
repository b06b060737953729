"""The database: one engine, `transaction()` as the one place that commits, `reading()` beside it.

On SQLite a transaction takes the write lock at once (`BEGIN IMMEDIATE`), so that what it has read
stays true until it commits; on PostgreSQL whoever needs that locks a row. A commit is durable
when it returns: `synchronous=FULL`, `synchronous_commit=on`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from policies.errors import ConflictError, UnavailableError
from sharing.orm import Base

if TYPE_CHECKING:
    from flask import Flask

logger = logging.getLogger(__name__)

LOCK_TIMEOUT_MILLISECONDS: Final = 10_000
_READING: Final = "tocsin_reading"
_BEFORE: Final = "tocsin_before_commit"
_HOOKS: Final = "tocsin_after_commit"
_ANSWERS: Final = "tocsin_answers"
_SQLITE_PRAGMAS: Final = (
    f"busy_timeout={LOCK_TIMEOUT_MILLISECONDS}",
    "journal_mode=wal",
    "synchronous=full",
    "foreign_keys=on",
    "trusted_schema=off",
)
_SQLITE_AWAY: Final = ("unable to open", "disk", "readonly", "i/o error", "malformed")
_SQLITE_BUSY: Final = ("locked", "busy")
_POSTGRESQL_BUSY: Final = frozenset({"40001", "40P01", "55P03"})
_POSTGRESQL_AWAY: Final = ("08", "53", "57", "58")

T = TypeVar("T")


class BusyError(UnavailableError):
    """Other work was in the way; the same call may succeed at once. Nothing was changed."""


class Database(SQLAlchemy):
    """Flask-SQLAlchemy with our engine: transactions as this module promises them."""

    def init_app(self, app: Flask) -> None:
        """Make the engine of this application and prepare it."""
        super().init_app(app)
        with app.app_context():
            for engine in self.engines.values():
                prepare_engine(engine)


db: Final = Database(metadata=Base.metadata)

_open_session: ContextVar[Session | None] = ContextVar("tocsin_open_session", default=None)


@dataclass
class Rehearsal:
    """A transaction that is played through and then undone, to see what it would have written.

    Args:
        kinds: records that are looked for.
        look: called with the session and what of these kinds was added, in their order, before
            all of it is undone.
    """

    kinds: tuple[type[Base], ...]
    look: Callable[[Session, Sequence[Any]], object]
    _added: list[Any] = field(default_factory=list)

    def watch(self, session: Session) -> None:
        """Note what is added in a session from now on."""

        def note(flushed: Session, _context: object) -> None:
            self._added += [one for one in flushed.new if isinstance(one, self.kinds)]

        event.listen(session, "after_flush", note)

    def end(self, session: Session) -> None:
        """Show what was added, and undo everything."""
        session.flush()
        self.look(session, tuple(self._added))
        session.rollback()
        session.info.pop(_HOOKS, None)


_rehearsal: ContextVar[Rehearsal | None] = ContextVar("tocsin_rehearsal", default=None)


@contextmanager
def rehearsing(rehearsal: Rehearsal) -> Iterator[None]:
    """Let every transaction inside the block end undone; nothing is kept, and no hook runs after.

    What happens outside the database is not undone: only what writes and nothing else may be
    rehearsed.
    """
    token = _rehearsal.set(rehearsal)
    try:
        yield
    finally:
        _rehearsal.reset(token)


def prepare_engine(engine: Engine) -> None:
    """Give an engine our settings; migrations and tools call it for engines of their own."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _connect_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "connect", _connect_postgresql)


@contextmanager
def transaction() -> Iterator[Session]:
    """Lend a session; commit when the block ends, roll back when it raises or is rehearsed.

    Hooks given to `before_commit` run before the commit and belong to it, those given to
    `after_commit` run after it. Loaded records stay readable afterwards.

    Raises:
        BusyError: a lock was not to be had, or the database chose us to give way; try again.
        UnavailableError: the database is away. Whether a commit under way was done is unknown
            then; all that we write is safe to write twice.
        ConflictError: somebody else changed a record since it was read (version column).
    """
    if _open_session.get() is not None:
        raise RuntimeError("a transaction is open already: one call of an edge is one transaction")
    with Session(db.engine, expire_on_commit=False) as session:
        token = _open_session.set(session)
        rehearsal = _rehearsal.get()
        try:
            with _translated():
                if rehearsal is not None:
                    rehearsal.watch(session)
                yield session
                for hook in session.info.pop(_BEFORE, ()):
                    hook()
                if rehearsal is not None:
                    rehearsal.end(session)
                else:
                    session.commit()
        finally:
            _open_session.reset(token)
    _run_hooks(session)


@contextmanager
def reading() -> Iterator[Session]:
    """Lend a session that sees one state of the database and changes nothing.

    Inside a transaction it is that transaction's session, so that a service that reads sees what
    was written before.

    Raises:
        UnavailableError: the database is away.
    """
    outer = _open_session.get()
    if outer is not None:
        yield outer
        return
    with _translated(), Session(db.engine, expire_on_commit=False, autoflush=False) as session:
        options: dict[str, Any] = {_READING: True}
        if db.engine.dialect.name == "postgresql":
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        session.connection(execution_options=options)
        session.info[_ANSWERS] = {}
        yield session
        session.rollback()


def once(session: Session, key: Hashable, ask: Callable[[], T]) -> T:
    """Give what `ask` gives; a session that changes nothing is asked once for each key.

    It sees one state of the database, so what is asked again has the same answer. Several readers
    share that answer: nobody changes it. In a transaction each is asked anew.

    Args:
        key: names the question, with everything that the answer goes by.
    """
    answers: dict[Hashable, object] | None = session.info.get(_ANSWERS)
    if answers is None:
        return ask()
    if key not in answers:
        answers[key] = ask()
    return cast("T", answers[key])


def before_commit(session: Session, hook: Callable[[], object]) -> None:
    """Run `hook` once, when this session's transaction is about to be committed.

    What it writes is part of that commit; what it raises undoes the whole. Where the block of the
    transaction raises, it never runs.
    """
    session.info.setdefault(_BEFORE, []).append(hook)


def after_commit(session: Session, hook: Callable[[], object]) -> None:
    """Run `hook` once, after this session's transaction has been committed.

    Where the transaction does not commit, it never runs. It may open a transaction of its own.
    What it raises is logged: the commit stands.
    """
    session.info.setdefault(_HOOKS, []).append(hook)


def _run_hooks(session: Session) -> None:
    for hook in session.info.pop(_HOOKS, ()):
        try:
            hook()
        except Exception:
            logger.exception("a hook after commit failed", extra={"hook": repr(hook)})


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except StaleDataError as error:
        raise ConflictError(
            "Somebody else changed this in the meantime.", hint="Load it again and repeat."
        ) from error
    except PoolTimeoutError as error:
        raise BusyError("All database connections are in use.", retry_after_seconds=1) from error
    except DBAPIError as error:
        refusal = _refusal(error)
        if refusal is None:
            raise
        raise refusal from error


def _refusal(error: DBAPIError) -> UnavailableError | None:
    """Tell what a driver's error means for the caller; `None` for a bug of ours."""
    busy = BusyError("The database is busy with other work.", retry_after_seconds=1)
    away = UnavailableError("The database can't be reached.", retry_after_seconds=5)
    if error.connection_invalidated:
        return away
    if not isinstance(error, OperationalError | InterfaceError):
        return None
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(state, str):
        if state in _POSTGRESQL_BUSY:
            return busy
        return away if state.startswith(_POSTGRESQL_AWAY) else None
    text = str(error.orig).lower()
    if getattr(error.orig, "sqlite_errorcode", None) is None:
        # psycopg: no SQLSTATE means that no server answered.
        return None if type(error.orig).__module__ == "sqlite3" else away
    if any(word in text for word in _SQLITE_BUSY):
        return busy
    return away if any(word in text for word in _SQLITE_AWAY) else None


def _connect_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in _SQLITE_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get(_READING, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _connect_postgresql(connection: Any, _record: object) -> None:
    before, connection.autocommit = connection.autocommit, True
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit TO on")
        cursor.execute(f"SET lock_timeout TO {LOCK_TIMEOUT_MILLISECONDS}")
        cursor.execute("SET timezone TO 'UTC'")
    connection.autocommit = before
