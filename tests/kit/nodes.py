"""Whole nodes in one process: real HTTP between them, own databases, one clock that we set.

Workers are not started: `settle` does what waits on each node, in turn, until nothing is due.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.orm import Session
from werkzeug.serving import WSGIRequestHandler, make_server

from federation.identity.keys import PrivateKey
from federation.identity.node import get_node, init_node
from federation.judging.state import ChannelState
from federation.ledgers.ledger import get_channel, load_state
from federation.ledgers.ledger_records import ChannelRecord
from federation.partners import pairing
from federation.work import errands
from federation.work.errands import Done, Failed
from federation.work.worker import Work
from hub import clock
from hub.accounts.actor import Actor
from hub.app import create_app
from hub.channels import service
from hub.commands.node import key_store
from hub.office import OFFICE, Office
from hub.settings import load_settings
from policies.acts import Act, ChannelKind
from policies.tlp import TLP
from sharing.db import db, reading, transaction
from sharing.objects import StixObject
from tests.conftest import take_free_port
from tests.kit.paired import borrow
from tests.kit.tables import give_tables

START = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
CONSOLE = Actor.at_the_console("console")

T = TypeVar("T")


class Clock:
    """One clock for all nodes of a test; it moves a millisecond with every look."""

    def __init__(self) -> None:
        self._now = START
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        with self._lock:
            self._now += timedelta(milliseconds=1)
            return self._now

    def advance(self, **span: float) -> None:
        with self._lock:
            self._now += timedelta(**span)


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
        pass


class LocalNode:
    """One organisation's node, for use-cases in this process; whoever serves it is elsewhere.

    Args:
        recovery: its recovery key, where it was set up before and its data lies in the folder.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        base_url: str,
        database_url: str = "",
        now: Callable[[], datetime],
        recovery: PrivateKey | None = None,
        **settings: Any,
    ) -> None:
        self.name, self.base_url, self.now = name, base_url, now
        self.settings = load_settings(
            data=folder / name, database_url=database_url, log_level="ERROR", **settings
        )
        self.app = create_app(self.settings)
        with self.app.app_context():
            give_tables()
            with transaction() as session:
                self.recovery = recovery or init_node(
                    session,
                    key_store(self.settings),
                    organisation=name,
                    base_url=self.base_url,
                    now=now(),
                )
                self.organisation = get_node(session).organisation

    def close(self) -> None:
        with self.app.app_context():
            db.engine.dispose()

    @property
    def office(self) -> Office:
        office: Office = self.app.extensions[OFFICE]
        return office

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with self.app.app_context(), transaction() as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with self.app.app_context(), reading() as session:
            yield session

    def does(self, use_case: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a use-case of `hub.channels.service` as the console."""
        with self.writing() as session:
            desk = self.office.desk(session)
            return use_case(session, desk, CONSOLE, *args, now=self.now(), **kwargs)

    def open(
        self, name: str = "3CX", *, kind: ChannelKind = ChannelKind.CASE, tlp: TLP = TLP.AMBER
    ) -> str:
        return self.does(service.open_channel, kind=kind, name=name, ceiling=tlp).id

    def invite(self, channel: str, other: LocalNode, role: str = "affected") -> None:
        self.does(service.invite, channel, organisation=other.organisation, roles=[role])

    def join(self, channel: str) -> None:
        self.does(service.join, channel)

    def note(self, channel: str, text: str, tlp: TLP | None = None) -> None:
        self.does(service.add_note, channel, text=text, tlp=tlp)

    def write(
        self,
        channel: str,
        act: Act,
        body: dict[str, Any] | None = None,
        objects: list[StixObject] | None = None,
    ) -> None:
        self.does(service.write, channel, act, body or {}, objects or [])

    def channel(self, channel: str) -> ChannelRecord:
        with self.reading() as session:
            record = get_channel(session, channel)
            session.refresh(record)
            session.expunge(record)
            return record

    def state(self, channel: str) -> ChannelState:
        with self.reading() as session:
            state = load_state(session, get_channel(session, channel))
        assert state is not None
        return state


class RunningNode(LocalNode):
    """One organisation's node behind a real server on loopback, in this process."""

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        database_url: str = "",
        now: Callable[[], datetime],
        port: int = 0,
        **settings: Any,
    ) -> None:
        self.port = port or take_free_port()
        base_url = f"http://127.0.0.1:{self.port}"
        super().__init__(
            name, folder, base_url=base_url, database_url=database_url, now=now, **settings
        )
        self._running = False
        self.start()

    def start(self) -> None:
        """Be reachable."""
        self._server = make_server(
            "127.0.0.1", self.port, self.app, threaded=True, request_handler=_Quiet
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()
        self._running = True

    def stop(self) -> None:
        """Be reachable no more; what was kept stays."""
        if self._running:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
        self._running = False

    def close(self) -> None:
        self.stop()
        super().close()

    def work(self) -> int:
        """Do what is due now, once each; give how many errands were done or failed."""
        work: Work = self.app.extensions["tocsin_work"]
        with self.app.app_context():
            with transaction() as session:
                claims = errands.claim(session, 50, self.now())
            for claimed in claims:
                outcome: Done | Failed
                try:
                    outcome = work.handlers[claimed.kind](self.app, claimed.subject, self.now())
                except Exception as error:  # noqa: BLE001 - as the worker does
                    outcome = Failed(str(error) or type(error).__name__, "failed")
                with transaction() as session:
                    errands.settle(session, claimed, outcome, now=self.now(), chance=0.5)
        return len(claims)


def settle(*nodes: RunningNode, rounds: int = 60) -> None:
    """Let every node do what is due until nothing is."""
    for _ in range(rounds):
        if not sum(node.work() for node in nodes):
            return
    raise AssertionError("the nodes do not come to rest")


def pair(one: LocalNode, other: LocalNode) -> None:
    """Pair two nodes, confirmed on both sides over HTTP."""
    with one.writing() as session:
        invitation = pairing.create_invitation(
            session, get_node(session), by="console", note=None, now=one.now()
        )
    with other.app.app_context():
        other.office.exchanges.accept(invitation.line)
        other.office.exchanges.confirm(one.organisation, compared=True, by="console")
    with one.app.app_context():
        one.office.exchanges.confirm(other.organisation, compared=True, by="console")
    with other.app.app_context():
        other.office.exchanges.deliver_confirmations()


@contextmanager
def running(
    folder: Path, *names: str, new_database: Callable[[], str] | None = None, **settings: Any
) -> Iterator[tuple[RunningNode, ...]]:
    """Run nodes that are paired with each other, on embedded databases or those given."""
    now = Clock()
    with clock.told_by(now), ExitStack() as stack:
        if new_database is None and not settings:
            nodes = _copied(stack, folder, names, now)
        else:
            urls = [new_database() if new_database else "" for _ in names]
            nodes = [
                _run(stack, name, folder, now=now, database_url=url, **settings)
                for name, url in zip(names, urls, strict=True)
            ]
            _pair_all(nodes)
        yield tuple(nodes)


def _copied(stack: ExitStack, folder: Path, names: Sequence[str], now: Clock) -> list[RunningNode]:
    """Run nodes as they were when nodes of these names had paired, which the first of them do."""
    paired = stack.enter_context(borrow(names))
    if paired.at is None:
        nodes = [
            _run(stack, name, folder, now=now, port=port)
            for name, port in zip(names, paired.ports, strict=True)
        ]
        _pair_all(nodes)
        for node in nodes:
            with node.app.app_context():
                db.engine.dispose()
        paired.keep(folder, [node.recovery for node in nodes], at=now())
        return nodes
    now.advance(seconds=(paired.at - START).total_seconds())
    paired.lay_out(folder)
    return [
        _run(stack, name, folder, now=now, port=port, recovery=recovery)
        for name, port, recovery in zip(names, paired.ports, paired.recoveries, strict=True)
    ]


def _run(stack: ExitStack, name: str, folder: Path, **given: Any) -> RunningNode:
    node = RunningNode(name, folder, **given)
    stack.callback(node.close)
    return node


def _pair_all(nodes: Sequence[RunningNode]) -> None:
    for place, one in enumerate(nodes):
        for other in nodes[place + 1 :]:
            pair(one, other)
    settle(*nodes)
