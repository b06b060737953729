"""What people see of a contribution that an owner refuses, delays, takes and hides, or garbles.

Source: protocol, 8; wire format, 3; issue 2, acceptance 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

import pytest
from flask.testing import FlaskClient
from werkzeug.wrappers import Response

from federation.judging.doubt import PLAIN_WORDS, Doubt
from federation.ledgers.ledger_records import Delivery, Standing
from hub.channels import queries
from hub.channels.queries import PendingRow
from tests.kit.hostile_peer import HostileChannel, HostilePeer, csrf, honest, peers, signed_in
from tests.kit.nodes import CONSOLE, RunningNode, running, settle

AGAIN = {Doubt.GAP, Doubt.MISSING_OBJECT, Doubt.UNKNOWN_KEY, Doubt.STALE_EPOCH}
SENTENCE = "number 7 is <b>not</b> what we take"
SHOWN = "umber 7 is &lt;b&gt;not&lt;/b&gt; what we take."


@dataclass
class World:
    grid: RunningNode
    owner: HostilePeer
    case: HostileChannel
    browser: FlaskClient

    def pending(self) -> list[PendingRow]:
        with self.grid.reading() as session:
            return queries.visible_pending(session, CONSOLE, self.case.id, now=self.grid.now())

    def page(self, path: str = "") -> str:
        answer = self.browser.get(path or f"/channels/{self.case.id}")
        assert answer.status_code == HTTPStatus.OK, answer.text
        return answer.text

    def heal(self) -> None:
        """Have the owner take what waits, and show it."""
        self.case.shelf.answer = lambda _objects: None
        self.owner.ring(self.grid, self.case.id)
        settle(self.grid)
        self.case.admit_posted()
        self.owner.ring(self.grid, self.case.id)
        settle(self.grid)
        assert self.pending() == []
        assert self.grid.state(self.case.id) == self.case.kit.state


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("answers")
    with running(folder, "Grid") as (grid,), peers(grid.now, "Mallory") as (owner,):
        owner.pair(grid)
        direct = HostileChannel.opened(owner, honest(grid), kind="direct")
        settle(grid)
        case = HostileChannel.opened(owner)
        case.invite(grid, direct)
        owner.ring(grid, direct.id)
        settle(grid)
        grid.join(case.id)
        settle(grid)
        case.admit_posted()
        owner.ring(grid, case.id)
        settle(grid)
        assert grid.channel(case.id).standing is Standing.CURRENT
        yield World(grid, owner, case, signed_in(grid))


@pytest.mark.parametrize("doubt", sorted(set(Doubt) - AGAIN))
def test_a_refusal_is_final_and_its_author_sees_why(world: World, doubt: Doubt) -> None:
    world.case.shelf.answer = lambda _objects: f"{doubt}: {SENTENCE}"
    world.grid.note(world.case.id, "refused")
    settle(world.grid)
    (row,) = world.pending()
    assert (row.state, row.doubt, row.sentence) == (Delivery.REFUSED, doubt, SENTENCE)
    assert row.what_it_means == PLAIN_WORDS[doubt]
    page = world.page()
    assert SHOWN in page
    assert ">refused<" in page.replace("\n", "")
    today = world.page("/")
    assert "A note of ours was refused" in today
    assert SHOWN in today
    api = world.browser.get(f"/api/v1/channels/{world.case.id}/pending").get_json()
    assert [(one["doubt"], one["sentence"]) for one in api["items"]] == [(doubt, SENTENCE)]
    posted = len(world.case.shelf.posted)
    world.owner.ring(world.grid, world.case.id)
    settle(world.grid)
    assert len(world.case.shelf.posted) == posted, "what is final is not sent again"
    here = f"/channels/{world.case.id}"
    form = {"csrf_token": csrf(world.browser, here)}
    answer = world.browser.post(f"{here}/refusals/{row.sha256}/seen", data=form)
    assert answer.status_code == HTTPStatus.SEE_OTHER
    assert world.pending() == []
    assert "A note of ours was refused" not in world.page("/")


@pytest.mark.parametrize("doubt", sorted(AGAIN))
def test_what_may_heal_is_sent_again_unchanged_until_it_is_taken(
    world: World, doubt: Doubt
) -> None:
    world.case.shelf.answer = lambda _objects: f"{doubt}: {SENTENCE}"
    world.grid.note(world.case.id, "not yet")
    settle(world.grid)
    (row,) = world.pending()
    assert (row.state, row.doubt, row.sentence) == (Delivery.PENDING, doubt, SENTENCE)
    assert row.what_it_means == PLAIN_WORDS[doubt]
    page = world.page()
    assert "on the way" in page
    assert SHOWN in page
    assert "next try" in page
    first = world.case.shelf.posted[-1]
    world.heal()
    assert world.case.shelf.posted[-1] == first


@pytest.mark.parametrize(
    ("status", "final"),
    [
        (HTTPStatus.BAD_REQUEST, Doubt.MALFORMED),
        (HTTPStatus.UNPROCESSABLE_ENTITY, Doubt.MALFORMED),
        (HTTPStatus.FORBIDDEN, None),
        (HTTPStatus.NOT_FOUND, None),
        (HTTPStatus.TOO_MANY_REQUESTS, None),
        (HTTPStatus.INTERNAL_SERVER_ERROR, None),
        (HTTPStatus.FOUND, None),
        (HTTPStatus.OK, None),
    ],
)
def test_an_answer_that_is_no_status(world: World, status: HTTPStatus, final: Doubt | None) -> None:
    """A garbled answer loses nothing and freezes nothing: it waits, and says why."""
    world.case.shelf.answer = lambda _objects: Response(
        b'{"title":"no","description":"<i>nothing</i>"}',
        status=status,
        content_type="application/taxii+json;version=2.1",
        headers={"Location": "http://198.51.100.1/"},
    )
    world.grid.note(world.case.id, "into the noise")
    settle(world.grid)
    (row,) = world.pending()
    assert "<i>" not in world.page()
    assert world.grid.channel(world.case.id).standing is Standing.CURRENT
    if final is not None:
        assert (row.state, row.doubt) == (Delivery.REFUSED, final)
        form = {"csrf_token": csrf(world.browser, f"/channels/{world.case.id}")}
        seen = f"/channels/{world.case.id}/refusals/{row.sha256}/seen"
        assert world.browser.post(seen, data=form).status_code == HTTPStatus.SEE_OTHER
        return
    assert row.state is Delivery.PENDING
    assert "has not taken it yet" in world.page()
    world.heal()


def test_a_refusal_under_a_name_that_nobody_knows_is_shown_as_it_is(world: World) -> None:
    world.case.shelf.answer = lambda _objects: "we do not like you"
    world.grid.note(world.case.id, "refused")
    settle(world.grid)
    (row,) = world.pending()
    assert (row.state, row.doubt) == (Delivery.REFUSED, "refused")
    assert row.sentence == "we do not like you"
    assert "We do not like you." in world.page()
    form = {"csrf_token": csrf(world.browser, f"/channels/{world.case.id}")}
    world.browser.post(f"/channels/{world.case.id}/refusals/{row.sha256}/seen", data=form)


def test_what_was_taken_and_is_not_shown_raises_an_alarm(world: World) -> None:
    world.case.shelf.answer = lambda _objects: None
    world.grid.note(world.case.id, "hidden")
    settle(world.grid)
    (row,) = world.pending()
    assert (row.state, row.alarm) == (Delivery.ADMITTED, False)
    world.grid.now.advance(minutes=11)  # type: ignore[attr-defined]
    (row,) = world.pending()
    assert row.alarm
    assert "held back?" in world.page()
    assert "does not show in" in world.page("/")
    world.case.admit_posted()
    world.owner.ring(world.grid, world.case.id)
    settle(world.grid)
    assert world.pending() == []
