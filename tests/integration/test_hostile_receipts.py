"""A hostile member's receipts, over HTTP: each is refused by name or kept for what it is.

Source: protocol, 10 and 14.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

import pytest
import requests
from sqlalchemy import delete, select

from federation.identity.keys import Typ
from federation.judging.bundles import Position
from federation.judging.receipts import RECEIPT_LIMIT_BYTES, make_receipt
from federation.ledgers.ledger import head_of
from federation.ledgers.ledger_records import EvidenceRecord, Standing
from federation.ledgers.receipt_records import ReceiptRecord
from federation.witnesses.witnesses import find_contradictions
from hub.channels import repair
from policies.acts import Act
from sharing.canonical import canonical, write_time
from tests.kit.hostile_peer import HostilePeer, peers
from tests.kit.nodes import Clock, RunningNode, running, settle

UNKNOWN = "6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c00ff"


@dataclass
class World:
    """A case of an honest CERT, an honest member, a member that is not, and a stranger."""

    cert: RunningNode
    grid: RunningNode
    mallory: HostilePeer
    trudy: HostilePeer
    case: str

    @property
    def head(self) -> Position:
        head = head_of(self.cert.channel(self.case))
        assert head is not None
        return head

    def receipt(self, head: Position | None = None, **given: object) -> str:
        asked: dict[str, object] = {
            "key": self.mallory.key,
            "author": self.mallory.id,
            "channel": self.case,
            "head": head or self.head,
            "now": self.cert.now(),
        }
        return make_receipt(**{**asked, **given})  # type: ignore[arg-type]

    def post(
        self, jws: str | bytes, *, peer: HostilePeer | None = None, channel: str = ""
    ) -> requests.Response:
        return (peer or self.mallory).ask(
            self.cert,
            "POST",
            f"/federation/channels/{channel or self.case}/receipts/",
            headers={"Content-Type": "application/jose"},
            data=jws,
        )

    def wait(self, **span: float) -> None:
        assert isinstance(self.cert.now, Clock)
        self.cert.now.advance(**span)
        settle(self.cert, self.grid)
        self.mallory.token(self.cert, fresh=True)

    def kept(self) -> list[str]:
        with self.cert.reading() as session:
            query = select(ReceiptRecord.jws).where(ReceiptRecord.author == self.mallory.id)
            return list(session.scalars(query.order_by(ReceiptRecord.id)))


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("receipts")
    with (
        running(folder, "CERT", "Grid") as (cert, grid),
        peers(cert.now, "Mallory", "Trudy") as (
            mallory,
            trudy,
        ),
    ):
        mallory.pair(cert)
        trudy.pair(cert)
        case = cert.open("Case")
        cert.invite(case, mallory)  # type: ignore[arg-type]
        cert.invite(case, grid)
        settle(cert, grid)
        grid.join(case)
        settle(cert, grid)
        made = World(cert, grid, mallory, trudy, case)
        joining = mallory.contribution(
            case,
            Act.MEMBER_JOINED,
            {"role": "affected", "descriptors": mallory.documents},
            [mallory.identity],
            nth=1,
            seen=made.head,
        )
        mallory.post(cert, case, [mallory.identity, joining])
        settle(cert, grid)
        yield made


@pytest.fixture
def world(nodes: World) -> World:
    """Give the same with no receipt of the hostile member kept."""
    with nodes.cert.writing() as session:
        session.execute(delete(ReceiptRecord).where(ReceiptRecord.author == nodes.mallory.id))
    return nodes


def test_an_honest_receipt_is_taken_and_served_to_the_audience_alone(world: World) -> None:
    jws = world.receipt()
    assert world.post(jws).status_code == HTTPStatus.NO_CONTENT
    assert world.post(jws).status_code == HTTPStatus.NO_CONTENT
    assert world.kept() == [jws]
    path = f"/federation/channels/{world.case}/receipts/"
    answer = world.mallory.get(world.cert, f"{path}?epoch=1&since_seq={world.head.seq}")
    assert jws in answer.json()["receipts"]
    assert answer.json()["head"] == world.head.document()
    assert jws not in world.mallory.get(world.cert, f"{path}?epoch=2").json()["receipts"]
    for channel in (world.case, UNKNOWN):
        assert (
            world.trudy.get(world.cert, f"/federation/channels/{channel}/receipts/").status_code
            == HTTPStatus.NOT_FOUND
        )
        refused = world.post(jws, peer=world.trudy, channel=channel)
        assert refused.status_code == HTTPStatus.NOT_FOUND
        assert "no such channel" in refused.text


def test_what_does_not_prove_is_refused_by_name(world: World) -> None:
    bell = world.mallory.key.sign(
        canonical(
            {
                "protocol": "1",
                "channel": world.case,
                **world.head.document(),
                "author": world.mallory.id,
                "at": write_time(world.cert.now()),
            }
        ),
        Typ.BELL,
    )
    first = Position(1, 0, world.cert.state(world.case).genesis)
    cases = {
        "unknown_key": world.receipt(key=world.trudy.key),
        "foreign_channel": world.receipt(channel=UNKNOWN),
        "bad_signature": bell,
        "malformed": "a.b.c",
        "not_member": world.receipt(first),
    }
    for name, jws in cases.items():
        answer = world.post(jws)
        assert answer.status_code == HTTPStatus.CONFLICT, (name, answer.text)
        assert answer.json()["field"] in {name, "bad_signature"}, (name, answer.text)
    assert not world.kept()


def test_somebody_elses_receipt_is_not_posted(world: World) -> None:
    world.wait(seconds=11)
    with world.cert.reading() as session:
        theirs = session.scalars(
            select(ReceiptRecord.jws).where(ReceiptRecord.author == world.grid.organisation)
        ).first()
    assert theirs is not None
    assert world.post(theirs).status_code == HTTPStatus.FORBIDDEN


def test_a_body_beyond_its_bounds_is_not_looked_at(world: World) -> None:
    answer = world.post(b"a" * (RECEIPT_LIMIT_BYTES + 1))
    assert answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert world.post("käse".encode()).status_code == HTTPStatus.BAD_REQUEST
    for query in ("epoch=-1", "since_seq=1e3", "epoch=" + "9" * 16):
        path = f"/federation/channels/{world.case}/receipts/?{query}"
        assert world.mallory.get(world.cert, path).status_code == HTTPStatus.BAD_REQUEST


def test_a_flood_is_told_when_to_come_again(world: World) -> None:
    assert world.post(world.receipt()).status_code == HTTPStatus.NO_CONTENT
    for _ in range(5):
        world.cert.now()
        answer = world.post(world.receipt())
        assert answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
        assert 1 <= int(answer.headers["Retry-After"]) <= 10
    assert len(world.kept()) == 1
    world.wait(seconds=11)
    assert world.post(world.receipt()).status_code == HTTPStatus.NO_CONTENT


def test_a_history_that_nobody_shows_is_a_contradiction_and_stops_nothing(world: World) -> None:
    lie = world.receipt(Position(1, world.head.seq, "0" * 64))
    assert world.post(lie).status_code == HTTPStatus.NO_CONTENT
    with world.cert.reading() as session:
        assert [row.jws for row in find_contradictions(session, world.case)] == [lie]
    world.wait(minutes=6)
    assert world.cert.channel(world.case).standing is Standing.CURRENT
    world.cert.note(world.case, "On we go.")
    world.wait(seconds=31)
    assert world.grid.channel(world.case).standing is Standing.CURRENT


def test_who_signs_what_nobody_shows_stops_an_owner_once_and_not_again(world: World) -> None:
    # Whoever can be asked, and does not show it, is not waited for; this one hides.
    world.mallory.is_away = True
    for place in (Position(1, world.head.seq + 9, "1" * 64), Position(999_999, 0, "2" * 64)):
        world.wait(seconds=11)
        assert world.post(world.receipt(place)).status_code == HTTPStatus.NO_CONTENT
    assert world.cert.channel(world.case).standing is Standing.BEHIND
    world.wait(minutes=6)
    assert world.cert.channel(world.case).standing is Standing.BEHIND
    # An administrator has asked around, and opens the channel anew.
    world.cert.does(repair.reopen, world.case, abandon_witnessed=True)
    assert world.cert.channel(world.case).standing is Standing.CURRENT
    with world.cert.reading() as session:
        kept = select(EvidenceRecord.doubt).where(EvidenceRecord.channel == world.case)
        assert list(session.scalars(kept)) == ["gap", "gap"]
    world.wait(seconds=11)
    again = world.receipt(Position(999_999, 1, "3" * 64))
    assert world.post(again).status_code == HTTPStatus.NO_CONTENT
    assert world.cert.channel(world.case).standing is Standing.CURRENT
    world.cert.note(world.case, "On we go.")
    assert again not in world.kept()
    honest = world.receipt()
    world.wait(seconds=11)
    assert world.post(honest).status_code == HTTPStatus.NO_CONTENT
    assert world.kept()[-1] == honest
