"""The timeline of a case on whole nodes: what one adds the other sees, as uncertain as it is.

Source: domain, 8 (*timeline*); lifecycles, 13 (`event.added`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from federation.ledgers import rebuild
from federation.ledgers.ledger_records import CoveredRecord
from hub.accounts.actor import Actor
from hub.apply import VIEWS
from hub.cases import course, own_words, timeline
from hub.cases.timeline import Moment
from hub.channels import service
from hub.web import timeline_words
from policies.acts import Act, ChannelKind
from policies.assessment import ResponseState
from policies.decisions import Topic
from policies.errors import ForbiddenError, InvalidError, NotFoundError
from policies.timeline import MomentKind, Precision
from policies.tlp import TLP
from sharing import collections, stix
from sharing.objects import StixObject
from tests.integration.test_cases import AUDITOR, HANDLER, Room
from tests.kit.nodes import CONSOLE, RunningNode, running


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("timeline")
    with running(folder, "CERT", "Grid", "Vendor") as (cert, grid, vendor):
        yield Room(cert, grid, vendor)


@pytest.fixture
def room(nodes: Room) -> Room:
    return Room(nodes.cert, nodes.grid, nodes.vendor).open()


def moments(room: Room, node: RunningNode, actor: Actor = CONSOLE) -> list[Moment]:
    with node.reading() as session:
        return timeline.visible_moments(session, actor, room.case)


def events(room: Room, node: RunningNode, actor: Actor = CONSOLE) -> list[Moment]:
    return [one for one in moments(room, node, actor) if one.kind is MomentKind.EVENT]


def test_what_one_adds_the_others_see_as_uncertain_as_it_is(room: Room) -> None:
    room.do(room.grid, timeline.add_event, text="First beacon", when="2025-03-01 14:30")
    room.do(room.vendor, timeline.add_event, text="Build server entered", when="2025-02")
    room.do(
        room.vendor, timeline.add_event, text="Update signed", when="2025-02-03", until="2025-02-20"
    )
    seen = {one.text: one for one in events(room, room.cert)}
    assert seen == {one.text: one for one in events(room, room.grid)}
    beacon, entered, signed = (
        seen[name] for name in ("First beacon", "Build server entered", "Update signed")
    )
    assert (beacon.name, beacon.precision) == ("Grid", Precision.MINUTE)
    assert beacon.earliest == datetime(2025, 3, 1, 14, 30, tzinfo=UTC)
    assert beacon.latest == datetime(2025, 3, 1, 14, 31, tzinfo=UTC)
    assert (entered.precision, entered.latest) == (
        Precision.MONTH,
        datetime(2025, 3, 1, tzinfo=UTC),
    )
    assert timeline_words.when(entered) == "2025-02 UTC"
    assert signed.precision is Precision.BETWEEN
    assert timeline_words.when(signed) == "between 2025-02-03 00:00 and 2025-02-20 23:59 UTC"


def test_the_ledger_tells_its_part_by_its_own_time(room: Room) -> None:
    room.do(room.grid, own_words.respond, state=ResponseState.AFFECTED)
    room.decide(Topic.START)
    told = [(one.name, timeline_words.what(one)) for one in reversed(moments(room, room.vendor))]
    assert told[0] == ("CERT", "opened the case")
    assert {("Grid", "joined"), ("Vendor", "joined")} <= set(told)
    assert told[-2:] == [
        ("Grid", "says of itself: affected"),
        ("CERT", "decided: start coordination"),
    ]
    assert all(one.precision is Precision.LEDGER for one in moments(room, room.vendor))


def test_what_was_told_the_coordinator_alone_is_on_no_timeline(room: Room) -> None:
    before = [moments(room, node) for node in room.nodes]
    room.do(room.grid, own_words.respond, state=ResponseState.AFFECTED, alone=True)
    assert [moments(room, node) for node in room.nodes] == before


def test_red_events_are_for_coordinators_and_handlers(room: Room) -> None:
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
    room.do(room.cert, timeline.add_event, text="Informant called", when="2025-03-01", tlp=TLP.RED)
    room.do(room.cert, timeline.add_event, text="Known to all", when="2025-03-02", tlp=TLP.GREEN)
    assert [one.text for one in events(room, room.cert, HANDLER)] == [
        "Known to all",
        "Informant called",
    ]
    assert [one.text for one in events(room, room.cert, AUDITOR)] == ["Known to all"]
    with room.cert.reading() as session:
        assert timeline.keeps_some_close(session, AUDITOR, room.case)
        assert not timeline.keeps_some_close(session, HANDLER, room.case)


def test_a_timeline_is_read_page_by_page_without_loss(room: Room) -> None:
    for day in range(1, 6):
        room.do(room.grid, timeline.add_event, text=f"Day {day % 2}", when=f"2025-03-0{day}")
    whole = moments(room, room.cert)
    read: list[Moment] = []
    with room.cert.reading() as session:
        while page := timeline.visible_moments(
            session,
            CONSOLE,
            room.case,
            before=timeline.read_key(*timeline.key_of(read[-1])) if read else None,
            limit=2,
        ):
            read += page
    assert read == whole
    assert [one.earliest for one in whole] == sorted((one.earliest for one in whole), reverse=True)


def test_what_is_taken_back_leaves_neither_words_nor_time(room: Room) -> None:
    room.do(room.grid, timeline.add_event, text="A slip", when="2025-03-01")
    (event,) = events(room, room.vendor)
    body = {"objects": [event.key]}
    room.do(room.grid, service.write, act=Act.OBJECT_RECALLED, body=body, objects=[])
    for node in room.nodes:
        (gone,) = events(room, node)
        assert (gone.text, gone.more, gone.precision) == (None, None, Precision.UNKNOWN)
        assert gone.earliest == gone.latest == gone.said_at


def test_another_organisation_changes_no_event_but_its_author_does(room: Room) -> None:
    room.do(room.grid, timeline.add_event, text="Noticed", when="2025-03-01")
    (event,) = events(room, room.grid)
    with room.grid.reading() as session:
        row = session.query(CoveredRecord).filter_by(channel=room.case, ref=event.key).one()
        content = collections.find_contents(session, room.case, [row.sha256])[row.sha256]
    newer = stix.new_version(
        StixObject.read(content), {"name": "Noticed earlier"}, now=room.grid.now()
    )
    room.do(room.grid, service.write, act=Act.EVENT_ADDED, body={}, objects=[newer])
    assert [one.text for one in events(room, room.cert)] == ["Noticed earlier"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"text": " ", "when": "2025-03-01"}, "text"),
        ({"text": "x", "when": "yesterday"}, "when"),
        ({"text": "x", "when": "2025-02-30"}, "when"),
        ({"text": "x", "when": "9998"}, "when"),
        ({"text": "x", "when": "2025-03-01", "until": "2025-02-01"}, "until"),
        ({"text": "x", "when": "2025-03-01", "lasting": True}, "until"),
    ],
)
def test_what_does_not_fit_is_refused_beside_its_field(
    room: Room, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidError) as refused:
        room.do(room.grid, timeline.add_event, **given)
    assert refused.value.field == field


def test_who_may_not_is_refused(room: Room) -> None:
    with pytest.raises(ForbiddenError):
        room.do(room.grid, timeline.add_event, actor=AUDITOR, text="x", when="2025-03-01")
    with room.grid.reading() as session, pytest.raises(NotFoundError):
        timeline.visible_moments(session, CONSOLE, room.grid.organisation[-36:])


def test_the_timeline_comes_out_the_same_when_it_is_made_again(room: Room) -> None:
    room.do(room.grid, timeline.add_event, text="x", when="2025-03-01", until="2025-03-04")
    room.decide(Topic.START)
    for node in room.nodes:
        with node.writing() as session:
            desk = node.office.desk(session)
            assert not rebuild.rebuild(session, desk, room.case, VIEWS).differences
    assert timedelta() < events(room, room.vendor)[0].latest - events(room, room.vendor)[0].earliest
