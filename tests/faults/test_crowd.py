"""Two web processes and two workers on one PostgreSQL keep one ledger, whoever writes to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import select

from federation.identity.origins import Destination
from federation.ledgers.ledger_records import ContributionRecord
from federation.rounds.servers import NodeServer
from hub.channels.invitations import find_invited
from policies.roles import PersonRole
from sharing.objects import find_contents
from sharing.taxii.connection import Limits
from tests.interop.channel_readers import give_token
from tests.kit.histories import (
    assert_one_history,
    assert_pages_tell_it_all,
    at_rest,
    history_of,
    read_page,
)
from tests.kit.nodes import RunningNode, pair
from tests.kit.processes import NodeProcesses, utcnow, wait_until
from tests.kit.reach import LOOPBACK

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

MEMBERS: Final = 10
EACH: Final = 10
PATIENCE_SECONDS: Final = 120
LOOK_SECONDS: Final = 0.2
"""Ten members live in this one process: the more often they look, the less they get done."""


@dataclass
class Reader:
    """A TAXII reader that pages on while others write."""

    address: str
    secret: str
    channel: str
    ids: list[str] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    def read_on(self) -> None:
        after: str | None = None
        while True:
            is_last = self.done.is_set()
            found, last = read_page(self.address, self.secret, self.channel, after=after, limit=7)
            self.ids += [value["id"] for value in found]
            after = last or after
            if not found:
                if is_last:
                    return
                time.sleep(0.02)


@pytest.fixture
def owner(tmp_path: Path, postgresql_url: str) -> Iterator[NodeProcesses]:
    node = NodeProcesses(
        "CERT",
        tmp_path,
        database_url=postgresql_url,
        serve=("web", "worker", "worker"),
        web_processes=2,
        quota_at_once=16,
    )
    try:
        node.start()
        node.wait_ready()
        yield node
    finally:
        node.close()


@pytest.fixture
def members(tmp_path: Path, owner: NodeProcesses) -> Iterator[list[RunningNode]]:
    with ExitStack() as stack:
        nodes = []
        for place in range(MEMBERS):
            node = RunningNode(f"Member {place}", tmp_path, now=utcnow)
            stack.callback(node.close)
            pair(owner, node)
            nodes.append(node)
        yield nodes


def join(node: RunningNode, case: str) -> None:
    def invited() -> bool:
        node.work()
        with node.reading() as session:
            return bool(find_invited(session, case))

    wait_until(invited, f"{node.name} is invited", seconds=PATIENCE_SECONDS, step=LOOK_SECONDS)
    node.join(case)
    wait_until(
        lambda: in_case(node, case),
        f"{node.name} joins",
        seconds=PATIENCE_SECONDS,
        step=LOOK_SECONDS,
    )


def in_case(node: RunningNode, case: str) -> bool:
    node.work()
    record = node.channel(case)
    return record.seq is not None and node.organisation in node.state(case).joined


def contribute(node: RunningNode, case: str) -> None:
    for number in range(EACH):
        node.note(case, f"{node.name} says {number}")
        node.work()


def test_ten_members_write_at_once_and_one_ledger_comes_of_it(
    owner: NodeProcesses, members: Sequence[RunningNode]
) -> None:
    case = owner.open("3CX")
    for node in members:
        owner.invite(case, node)
    reader = Reader(owner.address, give_token(owner, PersonRole.HANDLER), case)
    with ThreadPoolExecutor(MEMBERS + 2) as threads:
        reading = threads.submit(reader.read_on)
        list(threads.map(lambda node: join(node, case), members))
        list(threads.map(lambda node: contribute(node, case), members))
        nodes = [owner, *members]

        def calm() -> bool:
            list(threads.map(RunningNode.work, members))
            return at_rest(nodes)

        wait_until(calm, owner.last_words, seconds=PATIENCE_SECONDS, step=LOOK_SECONDS)
        reader.done.set()
        reading.result(PATIENCE_SECONDS)
    assert_one_history(nodes)
    kept = history_of(owner, case)
    said = kept.texts()
    assert sorted(said) == sorted(f"{node.name} says {n}" for node in members for n in range(EACH))
    for node in members:
        own = [text for text in said if text.startswith(f"{node.name} ")]
        assert own == [f"{node.name} says {number}" for number in range(EACH)]
    assert reader.ids == [kept.id_of(sha256) for sha256 in kept.hashes]
    assert_pages_tell_it_all(owner, owner.address, reader.secret, case)
    assert owner.bugs() == []


def test_one_contribution_posted_from_everywhere_at_once_is_admitted_once(
    owner: NodeProcesses, tmp_path: Path
) -> None:
    node = RunningNode("Grid", tmp_path, now=utcnow)
    try:
        pair(owner, node)
        case = owner.open("3CX")
        owner.invite(case, node)
        join(node, case)
        for number in range(5):
            node.note(case, f"Said {number} times")
            contents = newest(node, case)
            server = NodeServer(
                node.office.http,
                Destination(owner.base_url, owner.organisation),
                limits=Limits(reach=LOOPBACK),
            )

            def post(
                _place: int, server: NodeServer = server, contents: list[bytes] = contents
            ) -> str | None:
                with node.app.app_context():
                    return server.post(case, contents).failure

            with ThreadPoolExecutor(8) as threads:
                assert list(threads.map(post, range(8))) == [None] * 8

        def calm() -> bool:
            node.work()
            return at_rest([owner, node])

        wait_until(calm, owner.last_words, seconds=PATIENCE_SECONDS, step=LOOK_SECONDS)
        assert_one_history([owner, node])
        assert len(history_of(owner, case).texts()) == 5
        assert owner.bugs() == []
    finally:
        node.close()


def newest(node: RunningNode, case: str) -> list[bytes]:
    """Give the newest contribution in an outbox, with its objects, as it is posted."""
    with node.reading() as session:
        row = session.scalars(
            select(ContributionRecord)
            .where(ContributionRecord.channel == case)
            .order_by(ContributionRecord.nth.desc())
            .limit(1)
        ).one()
        return [*find_contents(session, row.objects).values(), row.bundle]
