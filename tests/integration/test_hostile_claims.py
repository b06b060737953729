"""A member that lies about what it has seen: one signature stops no owner for long.

Source: protocol, 10 (*Rollback*) and 14; decision 16.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
from tests.kit.api import Api
from tests.kit.console import Console
from tests.kit.hostile_peer import HostilePeer, Shelf, csrf, peers, signed_in
from tests.kit.nodes import Clock, RunningNode, running, settle
from tests.kit.proofs import failures, told, verified

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
    world.mallory.is_away = False
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


def by_page(lied: Lied, case: str) -> None:
    """Take the way out as an administrator does: from Today, over the channel, to the button."""
    browser = signed_in(lied.cert, "carol")
    today = browser.get("/").text
    assert "is behind here" in today
    assert "Mallory signed to have seen entry 1/500, which no member that answers holds" in today
    assert "The node asks the members by itself. If it lasts: look and choose a way out." in today
    assert f'href="/channels/{case}"' in today
    page = browser.get(f"/channels/{case}").text
    assert "Nobody can write here now." in page
    assert "an administrator opens a new epoch" in page
    assert f"/channels/{case}/repair" in page
    page = browser.get(f"/channels/{case}/repair").text
    assert "Nobody can write into it now: Mallory signed to have seen entry 1/500" in page
    assert "Call first:" in page
    assert "Nobody can give it back: go on without it" in page
    assert "is abandoned everywhere; its authors offer it again by themselves." in page
    assert "Whoever only says that it holds more is not waited for again in this channel" in page
    form = {"csrf_token": csrf(browser, f"/channels/{case}/repair"), "without_lost": "yes"}
    answer = browser.post(f"/channels/{case}/reopening", data=form)
    assert answer.status_code == HTTPStatus.SEE_OTHER
    assert "is behind here" not in browser.get("/").text
    page = browser.get(f"/channels/{case}/repair").text
    assert "receipt for entry 1/500, which nobody has shown" in page
    assert "channel.reopened" in browser.get("/administration/audit").text


def by_api(lied: Lied, case: str) -> None:
    api = Api.of(lied.cert)
    seen = api.get(f"/repair/{case}")
    assert (seen["standing"], seen["ways"]) == ("behind", ["retry", "reopen"])
    assert "Mallory signed to have seen entry 1/500" in seen["wrong"][0]
    assert "Mallory" in seen["call"]
    api.post(f"/repair/{case}/reopening", {}, status=HTTPStatus.CONFLICT)
    opened = api.post(f"/repair/{case}/reopening", {"abandon_witnessed": True})
    assert opened["epoch"] == 2
    assert api.get(f"/repair/{case}")["wrong"] == []


def by_command(lied: Lied, case: str) -> None:
    console = Console(lied.cert)
    shown = console.run("channel", "repair", case, code=1).stdout
    assert "Nobody can write into it now: Mallory signed to have seen entry 1/500" in shown
    assert "--retry, --reopen" in shown
    assert "held by Mallory" in console.run("channel", "repair", case, "--reopen", code=1).stderr
    console.run("channel", "repair", case, "--reopen", "--abandon-witnessed")


@pytest.mark.parametrize("choose", [by_page, by_api, by_command])
def test_the_way_out_is_said_in_plain_words_and_works(
    lied: Lied, choose: Callable[[Lied, str], None]
) -> None:
    case = lied.world.case
    assert lied.posts(FAR) == HTTPStatus.NO_CONTENT
    lied.mallory.is_away = True
    lied.later()
    assert lied.stands(Standing.BEHIND)
    choose(lied, case)
    assert lied.stands(Standing.CURRENT)
    lied.cert.note(case, "Written on, in a new epoch.")
    lied.mallory.is_away = False
    assert lied.posts(Position(901, 7, "cd" * 32)) == HTTPStatus.NO_CONTENT
    assert lied.stands(Standing.CURRENT)
    report = verified(lied.cert, case)
    assert failures(report) == []
    assert [line["act"] for line in told(report)[-2:]] == ["channel.opened", "note.added"]
