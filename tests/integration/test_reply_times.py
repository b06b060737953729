"""Times that a charter sets for answers: what is asked goes by them, and who is late is named.

Source: domain, 2 (*Plan and prepare*); lifecycles, 7.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from hub.calls import calling
from hub.calls.queries import get_call
from hub.cases import own_words
from hub.channels import inviting
from hub.channels.member_queries import visible_members
from hub.channels.service import usual_reply
from hub.reports import exchange, recording
from hub.reports.recording import Said
from hub.web.models import Waiting
from hub.web.waiting import look_at_today
from policies.acts import ChannelKind
from policies.assessment import ResponseState
from policies.charter import Answering, Terms
from policies.reports import ReportKind
from policies.tlp import TLP
from tests.integration.test_charters import Circle, open_case
from tests.kit.api import Api
from tests.kit.hostile_peer import signed_in
from tests.kit.nodes import CONSOLE, RunningNode, running

TIMES = Terms(
    reply_minutes={Answering.ASSESS: 120, Answering.REPORT: 30, Answering.JOIN: 45},
)


@pytest.fixture(scope="module")
def circle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Circle]:
    folder: Path = tmp_path_factory.mktemp("reply_times")
    with running(folder, "CERT", "Grid", "Vendor") as (cert, grid, vendor):
        circle = Circle(cert, grid, vendor).open()
        circle.adopt(TIMES)
        yield circle


def waiting(node: RunningNode) -> list[Waiting]:
    with node.app.test_request_context("/"):
        return list(look_at_today(CONSOLE, now=node.now()).waiting)


def page(node: RunningNode, who: str, path: str) -> str:
    return " ".join(signed_in(node, who).get(path).text.split())


def joined_at(node: RunningNode, case: str, who: RunningNode) -> datetime:
    with node.reading() as session:
        members = visible_members(session, CONSOLE, case, us=node.organisation, now=node.now())
        return next(one.since for one in members if one.organisation == who.organisation)


def test_who_is_silent_past_the_charters_time_is_to_be_called(circle: Circle) -> None:
    cert, grid, vendor = circle.nodes
    case = open_case(circle)
    until = joined_at(cert, case, grid) + timedelta(hours=2)
    (own,) = [one for one in waiting(grid) if case in one.href and one.act == "Look and say it"]
    assert own.due == until
    assert not [one for one in waiting(cert) if one.act == "Look whom to call"]
    assert "late, by the charter" not in page(cert, "early", f"/cases/{case}")
    with vendor.writing() as session:
        desk = vendor.office.desk(session)
        own_words.respond(
            session,
            desk,
            CONSOLE,
            case,
            state=ResponseState.NOT_AFFECTED,
            alone=True,
            now=vendor.now(),
        )
    circle.settle()
    cert.now.advance(hours=3)  # type: ignore[attr-defined]
    (late,) = [one for one in waiting(cert) if one.act == "Look whom to call"]
    # Who told the coordinator alone is silent to everybody else, and late for nobody.
    assert late.sentence.endswith("silent on how they are hit: Grid. Call them.")
    assert (late.due, late.href) == (until, f"/cases/{case}#matrix")
    shown = page(cert, "late", f"/cases/{case}")
    assert "late, by the charter" in shown
    assert "Grid was to say it by" in shown
    assert "late, by the charter" not in page(vendor, "late", f"/cases/{case}")
    assert "By the charter you say it by" in page(grid, "late", f"/cases/{case}")
    told = {
        node.name: {
            one["name"]: one["assess_by"]
            for one in Api.of(node).get(f"/cases/{case}")["organisations"]
            if one["assess_by"] is not None
        }
        for node in circle.nodes
    }
    assert {name: list(rows) for name, rows in told.items()} == {
        "CERT": ["Grid"],
        "Grid": ["Grid"],
        "Vendor": [],
    }
    with grid.writing() as session:
        desk, now = grid.office.desk(session), grid.now()
        own_words.respond(session, desk, CONSOLE, case, state=ResponseState.AFFECTED, now=now)
    circle.settle()
    assert not [one for one in waiting(cert) if one.act == "Look whom to call"]


def test_what_is_asked_in_a_case_is_answered_in_the_charters_time(circle: Circle) -> None:
    cert, case = circle.cert, open_case(circle)
    with cert.writing() as session:
        desk, now = cert.office.desk(session), cert.now()
        asked = calling.ask(session, desk, CONSOLE, case, text="Are you hit?", now=now)
    with cert.reading() as session:
        call = get_call(session, CONSOLE, case, asked.ref, us=cert.organisation, now=cert.now())
    assert {one.reply_by for one in call.addressees} == {now + timedelta(hours=2)}
    # In a community, where it is about anything, a day is left as it was.
    with cert.writing() as session:
        desk, now = cert.office.desk(session), cert.now()
        asked = calling.ask(session, desk, CONSOLE, circle.channel, text="Who is it?", now=now)
        call = get_call(session, CONSOLE, circle.channel, asked.ref, us=cert.organisation, now=now)
    assert {one.reply_by for one in call.addressees} == {now + timedelta(days=1)}


def test_several_are_invited_with_the_charters_time_where_nobody_says_another(
    circle: Circle,
) -> None:
    cert, grid, vendor = circle.nodes
    opened = cert.open("A channel", kind=ChannelKind.COMMUNITY)
    for channel, within in ((circle.channel, 45), (opened, 24 * 60)):
        with cert.reading() as session:
            assert usual_reply(session, channel) == timedelta(minutes=within)
    with cert.writing() as session:
        desk, now = cert.office.desk(session), cert.now()
        written = [
            *inviting.invite_several(
                session,
                desk,
                CONSOLE,
                opened,
                organisations=[grid.organisation],
                roles=["member"],
                now=now,
            ),
            *inviting.invite_several(
                session,
                desk,
                CONSOLE,
                opened,
                organisations=[vendor.organisation],
                roles=["member"],
                reply_within=timedelta(hours=4),
                now=now,
            ),
        ]
        members = visible_members(session, CONSOLE, opened, us=cert.organisation, now=now)
    assert len(written) == 2
    assert {one.name: one.reply_by for one in members if one.reply_by is not None} == {
        "Grid": now + timedelta(days=1),
        "Vendor": now + timedelta(hours=4),
    }


def test_a_report_that_nobody_acknowledges_in_time_is_to_be_called_about(circle: Circle) -> None:
    cert, grid, _ = circle.nodes
    with grid.writing() as session:
        desk, now = grid.office.desk(session), grid.now()
        said = Said(ReportKind.INCIDENT, "It stands still", "Since ten.", tlp=TLP.AMBER)
        report = recording.record(session, CONSOLE, said, now=now).id
        exchange.submit(session, desk, CONSOLE, report, to=cert.organisation, now=now)
    circle.settle()
    (theirs,) = [one for one in waiting(cert) if one.title == "It stands still"]
    assert theirs.due is not None
    assert theirs.due - cert.now() <= timedelta(minutes=30)
    place = theirs.href.removeprefix("/reports/")
    assert Api.of(grid).get(f"/reports/travelled/{place}")["answer_by"] is not None
    assert not [one for one in waiting(grid) if one.title == "It stands still"]
    assert "By the charter they acknowledge it by" in page(grid, "early", theirs.href)
    grid.now.advance(hours=1)  # type: ignore[attr-defined]
    (ours,) = [one for one in waiting(grid) if one.title == "It stands still"]
    assert ours.act == "Look whom to call"
    shown = page(grid, "gone", theirs.href)
    assert "CERT was to acknowledge it by" in shown
    channel, _, name = place.partition("/")
    with cert.writing() as session:
        desk = cert.office.desk(session)
        exchange.acknowledge(session, desk, CONSOLE, channel, name, now=cert.now())
    circle.settle()
    assert not [one for one in waiting(grid) if one.title == "It stands still"]
    assert "CERT was to acknowledge it by" not in page(grid, "done", theirs.href)
