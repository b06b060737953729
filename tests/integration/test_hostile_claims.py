"""A member that lies about what it has seen: one signature stops no owner for long.

Source: protocol, 10 (*Rollback*) and 14; decision 16.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import pytest

from federation.judging.bundles import Position
from federation.judging.doubt import DoubtError
from federation.judging.receipts import make_receipt
from federation.ledgers.ledger_records import Standing
from hub.channels import repair
from policies.acts import Act
from policies.errors import ConflictError
from tests.integration.test_hostile_member import World
from tests.kit.hostile_peer import HostilePeer, Shelf, peers
from tests.kit.nodes import Clock, RunningNode, running, settle

FAR = Position(1, 500, "ab" * 32)


@dataclass
class Lied:
    """A case of an honest owner, and a member that names entries which never were."""

    world: World

    @property
    def cert(self) -> RunningNode:
        return self.world.cert

    @property
    def mallory(self) -> HostilePeer:
        return self.world.mallory

    def posts(self, head: Position) -> HTTPStatus:
        receipt = make_receipt(
            self.mallory.key,
            author=self.mallory.id,
            channel=self.world.case,
            head=head,
            now=self.cert.now(),
        )
        answer = self.mallory.ask(
            self.cert,
            "POST",
            f"/federation/channels/{self.world.case}/receipts/",
            data=receipt,
            headers={"Content-Type": "application/jose"},
        )
        return HTTPStatus(answer.status_code)

    def later(self) -> None:
        assert isinstance(self.cert.now, Clock)
        self.cert.now.advance(minutes=10)
        settle(self.cert)
        self.mallory.token(self.cert, fresh=True)

    def stands(self, standing: Standing) -> bool:
        return self.cert.channel(self.world.case).standing is standing


@pytest.fixture(scope="module")
def pair_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("claims")
    with (
        running(folder, "CERT", "Grid") as (cert, grid),
        peers(cert.now, "Mallory") as (mallory,),
    ):
        mallory.pair(cert)
        settle(cert, grid)
        yield World(cert, grid, mallory, "")


@pytest.fixture
def lied(pair_of: World) -> Lied:
    world = pair_of
    world.numbers.clear()
    world.mallory.shelves.clear()
    world.case = world.open()
    return Lied(world)


def test_who_is_asked_and_shows_nothing_stops_nobody_a_second_time(lied: Lied) -> None:
    case = lied.world.case
    assert lied.posts(FAR) == HTTPStatus.NO_CONTENT
    assert lied.stands(Standing.BEHIND)
    with pytest.raises((ConflictError, DoubtError)):
        lied.cert.note(case, "Not now.")
    lied.later()
    assert lied.stands(Standing.CURRENT)
    lied.cert.note(case, "Written on.")
    # Neither another receipt nor a contribution of its own stops anything any more.
    assert lied.posts(Position(900, 7, "cd" * 32)) == HTTPStatus.NO_CONTENT
    note = lied.world.note("Seen ahead.")
    ahead = Position(1, 700, "ef" * 32)
    assert lied.world.refusal(case, note, lied.world.bundle(note, seen=ahead)).startswith("gap")
    assert lied.stands(Standing.CURRENT)
    lied.cert.note(case, "And on.")


@pytest.mark.parametrize("kind", ["malformed", "its own", "forged", "far ahead"])
def test_what_it_shows_instead_freezes_nothing(lied: Lied, kind: str) -> None:
    case, mallory = lied.world.case, lied.mallory
    state = lied.cert.state(case)
    note = lied.world.note("Never written.")
    changed: dict[str, Any] = {"nth": None}
    entry = mallory.contribution(
        case,
        Act.NOTE_ADDED,
        {},
        [note],
        **changed,
        seen=state.head,
        position=(1, 499) if kind == "far ahead" else state.next_place,
        author=mallory.id if kind in ("its own", "far ahead") else lied.cert.organisation,
    )
    shown: object = entry.stix
    if kind == "malformed":
        shown = {"type": "signed-bundle", "epoch": 1, "seq": 6, "id": "signed-bundle--x"}
    shelf: Shelf = mallory.shelves.setdefault(case, Shelf())
    shelf.head = FAR
    mallory.show(case, note, shown)
    assert lied.posts(FAR) == HTTPStatus.NO_CONTENT
    lied.later()
    assert any(case in path for path in mallory.asked)
    assert lied.stands(Standing.CURRENT)
    lied.cert.note(case, "Written on.")


def test_who_lies_and_is_gone_is_gone_on_without(lied: Lied) -> None:
    case = lied.world.case
    for place in (FAR, Position(900, 7, "cd" * 32)):
        assert lied.posts(place) == HTTPStatus.NO_CONTENT
        assert isinstance(lied.cert.now, Clock)
        lied.cert.now.advance(seconds=11)
    lied.mallory.is_away = True
    lied.later()
    assert lied.stands(Standing.BEHIND)
    lied.cert.does(repair.reopen, case, abandon_witnessed=True)
    lied.cert.note(case, "Written on, in a new epoch.")
    assert lied.stands(Standing.CURRENT)
    assert lied.posts(Position(901, 7, "cd" * 32)) == HTTPStatus.NO_CONTENT
    assert lied.stands(Standing.CURRENT)
