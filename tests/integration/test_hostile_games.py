"""Thieves of tokens, players with clocks, squatters and script writers, over real HTTP.

Each ends in a named state, and nobody else notices. Source: protocol, 14; docs/threat-model.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest

from federation.judging.bundles import Position, SignedBundle
from federation.ledgers import outbox
from federation.ledgers.ledger import head_of
from federation.partners.partners import get_destination
from federation.serving.access import is_admitted
from hub.channels import history
from policies.acts import Act
from sharing.canonical import read_time
from sharing.objects import StixObject
from tests.kit.hostile_peer import HostilePeer, note_by, peers, read_all, signed_in
from tests.kit.nodes import CONSOLE, RunningNode, running, settle
from tests.kit.proofs import failures, told, verified

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>"


@dataclass
class Games:
    """A case of a CERT, a grid operator, and a member that plays games."""

    cert: RunningNode
    grid: RunningNode
    mallory: HostilePeer
    numbers: dict[str, int] = field(default_factory=dict)

    def open(self, name: str = "Case") -> str:
        case = self.cert.open(name)
        self.cert.invite(case, self.mallory)  # type: ignore[arg-type]
        self.cert.invite(case, self.grid)
        settle(self.cert, self.grid)
        self.grid.join(case)
        settle(self.cert, self.grid)
        joining = {"role": "affected", "descriptors": self.mallory.documents}
        assert self.post(case, self.mallory.identity, act=Act.MEMBER_JOINED, body=joining) == ""
        return case

    def head(self, case: str) -> Position:
        head = head_of(self.cert.channel(case))
        assert head is not None
        return head

    def bundle(self, case: str, *objects: StixObject, **more: Any) -> SignedBundle:
        act, body = more.pop("act", Act.NOTE_ADDED), more.pop("body", {})
        self.numbers[case] = more.pop("nth", self.numbers.get(case, 0) + 1)
        seen = more.pop("seen", None) or self.head(case)
        return self.mallory.contribution(
            case, act, body, objects, nth=self.numbers[case], seen=seen, **more
        )

    def post(self, case: str, *objects: StixObject, **more: Any) -> str:
        """Contribute; give the failure, empty where it was taken."""
        return self.send(case, *objects, self.bundle(case, *objects, **more))

    def send(self, case: str, *objects: object) -> str:
        answer = self.mallory.post(self.cert, case, objects)
        assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
        failures = answer.json().get("failures", [])
        return str(failures[0]["message"]) if failures else ""

    def note(self, case: str, text: str, **more: Any) -> StixObject:
        return note_by(self.mallory.id, case, text, more.pop("now", self.cert.now()), **more)

    def entries(self, node: RunningNode, case: str) -> list[history.Entry]:
        with node.reading() as session:
            return history.visible_entries(session, CONSOLE, case)


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Games]:
    folder = tmp_path_factory.mktemp("games")
    with running(folder, "CERT", "Grid") as (cert, grid), peers(cert.now, "Mallory") as (mallory,):
        mallory.pair(cert)
        yield Games(cert, grid, mallory)


def assert_proven_without(games: Games, channel: str, bundle: SignedBundle) -> None:
    """The files of both honest nodes hold, say the same, and know nothing of a bundle."""
    said = [verified(node, channel) for node in (games.cert, games.grid)]
    assert [failures(report) for report in said] == [[], []]
    assert told(said[0]) == told(said[1])
    with games.cert.reading() as session:
        assert not is_admitted(session, channel, bundle.sha256)


def test_a_stolen_token_reads_for_ten_minutes_at_one_origin_and_writes_nothing(
    games: Games,
) -> None:
    case = games.open()
    games.grid.note(case, "Ours.")
    settle(games.cert, games.grid)
    with games.grid.app.app_context():
        with games.grid.reading() as session:
            destination = get_destination(session, games.cert.organisation)
        stolen = games.grid.office.http.token(destination)
    objects = f"/taxii2/channels/collections/{case}/objects/"
    thief = {"token": stolen}
    assert games.mallory.ask(games.cert, "GET", objects, **thief).status_code == 200
    forged = games.bundle(case, games.note(case, "In their name."))
    headers = {"Content-Type": "application/taxii+json;version=2.1"}
    data = b'{"objects":[' + forged.stix.content + b"]}"
    answer = games.mallory.ask(games.cert, "POST", objects, data=data, headers=headers, **thief)
    (failure,) = answer.json()["failures"]
    assert failure["message"] == "malformed: a contribution is posted by its author"
    assert games.mallory.ask(games.grid, "GET", objects, **thief).status_code == 401
    games.cert.now.advance(minutes=11)  # type: ignore[attr-defined]
    assert games.mallory.ask(games.cert, "GET", objects, **thief).status_code == 401
    games.mallory.token(games.cert, fresh=True)
    assert_proven_without(games, case, forged)


def test_times_are_claims_and_those_that_differ_are_flagged(games: Games) -> None:
    case = games.open()
    now = games.cert.now()
    old = games.note(case, "I said so hours ago.", now=now - timedelta(hours=2))
    assert games.post(case, old, now=now - timedelta(hours=2)) == ""
    assert games.post(case, games.note(case, "Now.")) == ""
    settle(games.cert, games.grid)
    for node in (games.cert, games.grid):
        newest, before = games.entries(node, case)[:2]
        assert newest.clock is None
        assert before.clock is not None
        assert before.clock.startswith("Mallory dates it ")
        assert before.clock.endswith("which counts")
        assert before.at >= now, "order and deadlines go by the ledger, never by what it claims"
        assert (newest.seq, before.seq) == tuple(sorted((newest.seq, before.seq), reverse=True))
    page = signed_in(games.grid).get(f"/channels/{case}").get_data(as_text=True)
    assert "Clocks differ:" in page
    ahead = games.note(case, "From tomorrow.", now=now + timedelta(days=1))
    assert "lies in the future" in games.post(case, ahead)
    # An auditor reads the same time from the file alone: the ledger's.
    report = verified(games.grid, case)
    assert failures(report) == []
    claimed = games.entries(games.grid, case)[1]
    (line,) = (one for one in report["history"] if one["seq"] == claimed.seq)
    assert read_time(line["time"]) == claimed.at >= now


def test_an_id_that_is_taken_elsewhere_is_nobodys_here(games: Games) -> None:
    """Whoever squats an id in one channel changes nothing in another."""
    one, other = games.open("One"), games.open("Other")
    games.grid.note(one, "What Grid says.")
    settle(games.cert, games.grid)
    grids = next(
        value
        for value in read_all(games.cert, games.mallory, one)
        if value["type"] == "note" and value["content"] == "What Grid says."
    )
    squatted = StixObject.of(
        {**grids, "created_by_ref": games.mallory.id, "content": "What Mallory makes of it."}
    )
    assert games.post(one, squatted).startswith("conflicting_object: ")
    assert games.post(other, squatted) == ""
    settle(games.cert, games.grid)
    said = {
        item.text
        for entry in games.entries(games.grid, one)
        for item in entry.items
        if item.type == "note"
    }
    assert said == {"What Grid says."}
    address = StixObject.of(
        {
            "type": "ipv4-addr",
            "spec_version": "2.1",
            "id": "ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd",
            "value": "203.0.113.9",
            "object_marking_refs": grids["object_marking_refs"],
        }
    )
    assert games.post(other, address, act=Act.INTEL_SHARED) == ""
    rightful = StixObject.of({**address.value, "value": "198.51.100.3"})
    games.grid.write(other, Act.INTEL_SHARED, {}, [rightful])
    settle(games.cert, games.grid)
    with games.grid.reading() as session:
        assert outbox.pending(session, other) == [], "its own node has written it under another id"
    values = read_all(games.cert, games.mallory, other)
    shown = {one["value"]: one["id"] for one in values if one["type"] == "ipv4-addr"}
    assert shown["203.0.113.9"] == address.stix_id
    assert shown["198.51.100.3"] != address.stix_id
    for channel in (one, other):
        assert failures(verified(games.grid, channel)) == []


def test_what_is_replayed_later_or_elsewhere_counts_nowhere(games: Games) -> None:
    one, other = games.open("First"), games.open("Second")
    note = games.note(one, "Once.")
    bundle = games.bundle(one, note)
    assert games.send(one, note, bundle) == ""
    assert games.send(one, note, bundle) == "", "sending again is harmless"
    assert games.send(other, note, bundle).startswith("foreign_channel: ")
    draft, final = games.note(one, "A draft."), games.note(one, "What holds.")
    older, newer = games.bundle(one, draft, nth=50), games.bundle(one, final, nth=60)
    assert games.send(one, final, newer) == ""
    assert games.send(one, draft, older).startswith("superseded: ")
    settle(games.cert, games.grid)
    words = [item.text for entry in games.entries(games.grid, one) for item in entry.items]
    assert words.count("Once.") == 1
    assert_proven_without(games, other, bundle)
    assert_proven_without(games, one, older)


def test_script_in_shared_words_is_shown_as_words(games: Games) -> None:
    case = games.open(SCRIPT)
    assert games.post(case, games.note(case, SCRIPT)) == ""
    settle(games.cert, games.grid)
    browser = signed_in(games.grid, "bob")
    for path in ("/", "/channels", f"/channels/{case}", "/partners"):
        page = browser.get(path)
        assert page.status_code == HTTPStatus.OK
        text = page.get_data(as_text=True)
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert "&lt;script&gt;alert(1)" in browser.get(f"/channels/{case}").get_data(as_text=True)
