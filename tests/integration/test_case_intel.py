"""What there is to look for in a case, on whole nodes: what one shares the others find, or not.

Source: domain, 2 (*Detect and report*) and 8 (*intel*); lifecycles, 13.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from federation.ledgers import rebuild
from hub.accounts.actor import Actor
from hub.apply import VIEWS
from hub.cases import course, intel, timeline
from hub.cases.intel import IntelItem
from hub.channels import service
from policies.acts import Act, ChannelKind
from policies.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from policies.intel import IntelKind, Standing, Verdict
from policies.tlp import TLP
from sharing import stix
from tests.integration.test_cases import AUDITOR, HANDLER, Room
from tests.kit.nodes import CONSOLE, RunningNode, running

GAMING = Path(__file__).parents[1] / "data" / "misp" / "gaming.misp.json"


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("intel")
    with running(folder, "CERT", "Grid", "Vendor") as (cert, grid, vendor):
        yield Room(cert, grid, vendor)


@pytest.fixture
def room(nodes: Room) -> Room:
    return Room(nodes.cert, nodes.grid, nodes.vendor).open()


def items(room: Room, node: RunningNode, actor: Actor = CONSOLE, days: int = 0) -> list[IntelItem]:
    with node.reading() as session:
        later = node.now() + timedelta(days=days)
        return intel.visible_intel(session, actor, room.case, now=later)


def indicators(room: Room, node: RunningNode, actor: Actor = CONSOLE) -> dict[str, IntelItem]:
    found = items(room, node, actor)
    return {one.title or "": one for one in found if one.kind is IntelKind.INDICATOR}


def test_what_one_pastes_the_others_find_and_each_counts_once(room: Room) -> None:
    room.do(room.grid, intel.share, pasted="It talks to evil-updates[.]com and 45.77.12.9.")
    seen = indicators(room, room.cert)
    assert sorted(seen) == ["Domain evil-updates.com", "IPv4 address 45.77.12.9"]
    domain = seen["Domain evil-updates.com"]
    assert (domain.name, domain.tlp, domain.standing) == ("Grid", TLP.AMBER, Standing.VALID)
    room.do(room.vendor, intel.sight, ref=domain.ref, verdict=Verdict.NOT_FOUND)
    room.do(room.vendor, intel.sight, ref=domain.ref, verdict=Verdict.SEEN)
    room.do(room.cert, intel.sight, ref=domain.ref, verdict=Verdict.FALSE_POSITIVE)
    for node in room.nodes:
        words = {one.name: one.verdict for one in indicators(room, node)[domain.title or ""].found}
        assert words == {"Vendor": Verdict.SEEN, "CERT": Verdict.FALSE_POSITIVE}
    newest = items(room, room.grid)[0]
    assert (newest.kind, newest.name, newest.about_title) == (
        IntelKind.SIGHTING,
        "CERT",
        "Domain evil-updates.com",
    )


def test_notes_stand_beside_what_is_shared(room: Room) -> None:
    room.do(room.grid, service.add_note, text="We block it since noon.")
    (note,) = items(room, room.vendor)
    assert (note.kind, note.name, note.text) == (IntelKind.NOTE, "Grid", "We block it since noon.")


def test_what_is_revoked_taken_back_or_run_out_says_so(room: Room) -> None:
    room.do(room.grid, intel.share, pasted="evil-updates.com")
    (one,) = items(room, room.cert)
    body = {"objects": [one.ref]}
    room.do(room.grid, service.write, act=Act.INTEL_REVOKED, body=body, objects=[])
    (one,) = items(room, room.vendor)
    assert (one.standing, one.title) == (Standing.REVOKED, "Domain evil-updates.com")
    room.do(room.grid, service.write, act=Act.OBJECT_RECALLED, body=body, objects=[])
    (one,) = items(room, room.vendor)
    assert (one.standing, one.title, one.pattern) == (Standing.RECALLED, None, None)
    short = stix.build(
        "indicator",
        {
            "name": "Short",
            "pattern": "[domain-name:value = 'a.example']",
            "pattern_type": "stix",
            "valid_from": "2026-01-01T00:00:00Z",
            "valid_until": "2027-01-01T00:00:00Z",
        },
        created_by=room.grid.organisation,
        now=room.grid.now(),
        marking=TLP.AMBER,
    )
    room.do(room.grid, service.write, act=Act.INTEL_SHARED, body={}, objects=[short])
    assert items(room, room.cert)[0].standing is Standing.VALID
    assert items(room, room.cert, days=365)[0].standing is Standing.EXPIRED


def test_what_is_not_meant_for_detection_is_shared_by_a_word_alone(room: Room) -> None:
    event = GAMING.read_text("utf-8")
    with pytest.raises(InvalidError, match="nothing in it is meant for detection"):
        room.do(room.grid, intel.share, pasted=event)
    assert indicators(room, room.grid) == {}
    room.do(room.grid, intel.share, pasted=event, observed_too=True)
    shared = indicators(room, room.vendor)
    assert len(shared) == 18
    assert "Domain checkin.travelsanignacio.com" in shared


def test_only_who_shared_it_revokes_it_and_all_see_that(room: Room) -> None:
    room.do(room.grid, intel.share, pasted="evil-updates.com 45.77.12.9")
    shared = indicators(room, room.cert)
    domain = shared["Domain evil-updates.com"]
    with pytest.raises(ForbiddenError, match=r"^Grid shared it, and nobody else revokes it$"):
        room.do(room.vendor, intel.revoke, ref=domain.ref)
    with pytest.raises(ForbiddenError):
        room.do(room.grid, intel.revoke, actor=AUDITOR, ref=domain.ref)
    room.do(room.grid, intel.revoke, ref=domain.ref)
    for node in room.nodes:
        found = indicators(room, node)
        assert {one.title: one.standing for one in found.values()} == {
            "Domain evil-updates.com": Standing.REVOKED,
            "IPv4 address 45.77.12.9": Standing.VALID,
        }
    with pytest.raises(ConflictError, match="it is revoked already"):
        room.do(room.grid, intel.revoke, ref=domain.ref)
    room.do(room.grid, intel.sight, ref=domain.ref, verdict=Verdict.SEEN)
    sighting = items(room, room.grid)[0]
    with pytest.raises(NotFoundError):
        room.do(room.grid, intel.revoke, ref=sighting.ref)


def test_red_is_for_coordinators_and_handlers(room: Room) -> None:
    with room.cert.writing() as session:
        desk, now = room.cert.office.desk(session), room.cert.now()
        room.case = service.open_channel(
            session,
            desk,
            CONSOLE,
            kind=ChannelKind.CASE,
            name="Red",
            ceiling=TLP.RED,
            parent=room.case,
            now=now,
        ).id
        course.describe(session, desk, CONSOLE, room.case, title="Red", text="", now=now)
    room.do(room.cert, intel.share, pasted="red.evil-updates.com", tlp=TLP.RED)
    room.do(room.cert, intel.share, pasted="green.evil-updates.com", tlp=TLP.GREEN)
    assert len(indicators(room, room.cert, HANDLER)) == 2
    assert list(indicators(room, room.cert, AUDITOR)) == ["Domain green.evil-updates.com"]
    red = indicators(room, room.cert, HANDLER)["Domain red.evil-updates.com"]
    with pytest.raises(NotFoundError):
        room.do(room.cert, intel.sight, actor=AUDITOR, ref=red.ref, verdict=Verdict.SEEN)
    with pytest.raises(NotFoundError):
        room.do(room.cert, intel.revoke, actor=AUDITOR, ref=red.ref)
    with room.cert.reading() as session:
        assert intel.keeps_some_close(session, AUDITOR, room.case)
        assert not intel.keeps_some_close(session, HANDLER, room.case)


def test_where_nothing_is_red_nothing_is_kept_close(room: Room) -> None:
    room.do(room.cert, intel.share, pasted="evil-updates.com")
    with room.cert.reading() as session:
        assert not intel.keeps_some_close(session, AUDITOR, room.case)


def test_it_is_read_page_by_page_without_loss(room: Room) -> None:
    room.do(
        room.grid, intel.share, pasted="a.evil-updates.com b.evil-updates.com c.evil-updates.com"
    )
    whole, read = items(room, room.cert), list[IntelItem]()
    with room.cert.reading() as session:
        while page := intel.visible_intel(
            session,
            CONSOLE,
            room.case,
            before=timeline.read_key(*intel.key_of(read[-1])) if read else None,
            limit=2,
            now=room.cert.now(),
        ):
            read += page
    assert [one.ref for one in read] == [one.ref for one in whole]
    assert len(read) == 3


def test_what_can_not_be_shared_or_sighted_is_refused(room: Room) -> None:
    with pytest.raises(InvalidError, match="nothing to look for"):
        room.do(room.grid, intel.share, pasted="Nothing at all.")
    with pytest.raises(ForbiddenError):
        room.do(room.grid, intel.share, actor=AUDITOR, pasted="evil-updates.com")
    room.do(room.grid, service.add_note, text="Only words.")
    (note,) = items(room, room.grid)
    for ref in (note.ref, "indicator--6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c0003"):
        with pytest.raises(NotFoundError):
            room.do(room.grid, intel.sight, ref=ref, verdict=Verdict.SEEN)
    with room.grid.reading() as session, pytest.raises(NotFoundError):
        intel.visible_intel(session, CONSOLE, room.grid.organisation[-36:], now=room.grid.now())


def test_it_comes_out_the_same_when_it_is_made_again(room: Room) -> None:
    room.do(room.grid, intel.share, pasted="evil-updates.com")
    (one,) = items(room, room.cert)
    room.do(room.vendor, intel.sight, ref=one.ref, verdict=Verdict.SEEN)
    for node in room.nodes:
        with node.writing() as session:
            desk = node.office.desk(session)
            assert not rebuild.rebuild(session, desk, room.case, VIEWS).differences
