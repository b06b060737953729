"""A case opened from a report, and reports that may belong to it, on whole nodes.

Source: domain, 2 (*Assess and decide*); lifecycles, 2 (`report.linked`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from hub.accounts.actor import Actor, Via
from hub.cases import from_report, intel, queries
from hub.cases.from_report import visible_likely
from hub.reports import exchange, recording
from hub.reports.queries import Travelled, visible_incoming, visible_outgoing
from hub.reports.recording import Said
from policies.errors import ConflictError, ForbiddenError, NotFoundError
from policies.likeness import Likeness
from policies.reports import ReportKind, ReportState, Triage
from policies.roles import PersonRole
from policies.tlp import TLP
from tests.kit.api import Api
from tests.kit.console import Console
from tests.kit.nodes import CONSOLE, RunningNode, running, settle

HANDLER = Actor("h", "hana", frozenset({PersonRole.HANDLER}), Via.SESSION)
Nodes = tuple[RunningNode, RunningNode, RunningNode]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with running(tmp_path_factory.mktemp("from_reports"), "CERT", "Grid", "Vendor") as (a, b, c):
        yield a, b, c


def reported(
    nodes: Nodes,
    who: RunningNode,
    title: str,
    text: str,
    kind: ReportKind = ReportKind.INCIDENT,
    tlp: TLP = TLP.AMBER,
) -> Travelled:
    """Report to CERT, and give the report as CERT has it."""
    with who.writing() as session:
        desk, now = who.office.desk(session), who.now()
        report = recording.record(session, CONSOLE, Said(kind, title, text, tlp=tlp), now=now).id
        exchange.submit(session, desk, CONSOLE, report, to=nodes[0].organisation, now=now)
    settle(*nodes)
    with nodes[0].reading() as session:
        found = visible_incoming(session, CONSOLE, us=nodes[0].organisation)
    return next(one for one in found if one.title == title)


def do(nodes: Nodes, how: Any, *args: Any, actor: Actor = CONSOLE, **more: Any) -> Any:
    cert = nodes[0]
    with cert.writing() as session:
        done = how(session, cert.office.desk(session), actor, *args, now=cert.now(), **more)
    settle(*nodes)
    return done


def at_cert(nodes: Nodes, report: Travelled) -> Travelled:
    with nodes[0].reading() as session:
        found = visible_incoming(session, CONSOLE, us=nodes[0].organisation)
    return next(one for one in found if one.report == report.report)


def test_a_case_takes_title_and_words_of_the_report_that_it_is_opened_from(nodes: Nodes) -> None:
    report = reported(nodes, nodes[1], "Updater phones home", "It asks for akamai-tech.net.")
    case = do(nodes, from_report.open_from_report, report.channel, report.report)
    with nodes[0].reading() as session:
        room = queries.get_visible_case(session, CONSOLE, case)
    assert (room.title, room.text) == ("Updater phones home", "It asks for akamai-tech.net.")
    found = at_cert(nodes, report)
    assert (found.state, found.case, found.triaged_as) == (
        ReportState.LINKED,
        case,
        Triage.INCIDENT,
    )
    with nodes[1].reading() as session:
        sent = visible_outgoing(session, CONSOLE, us=nodes[1].organisation)
    told = next(one for one in sent if one.report == report.report)
    assert (told.state, told.case) == (ReportState.LINKED, None), "it is not invited yet"
    with pytest.raises(ConflictError, match="linked"):
        do(nodes, from_report.open_from_report, report.channel, report.report)


def test_an_invited_reporter_is_told_which_case(nodes: Nodes) -> None:
    first = reported(nodes, nodes[1], "First of two", "Nothing to look for.")
    second = reported(nodes, nodes[1], "Second of two", "Nothing to look for.")
    case = do(nodes, from_report.open_from_report, first.channel, first.report)
    nodes[0].invite(case, nodes[1])
    do(nodes, from_report.take_in, case, (second.channel, second.report))
    with nodes[1].reading() as session:
        sent = visible_outgoing(session, CONSOLE, us=nodes[1].organisation)
    assert {one.title: one.case for one in sent if one.title.endswith("of two")} == {
        "First of two": None,
        "Second of two": case,
    }


def test_stricter_words_do_not_go_into_a_case_and_nothing_is_opened(nodes: Nodes) -> None:
    report = reported(nodes, nodes[1], "Close matter", "Names.", tlp=TLP.AMBER_STRICT)
    with nodes[0].reading() as session:
        before = len(queries.visible_cases(session, CONSOLE))
    with pytest.raises(ConflictError, match=r"TLP:AMBER\+STRICT"):
        do(nodes, from_report.open_from_report, report.channel, report.report)
    with pytest.raises(ForbiddenError):
        do(nodes, from_report.open_from_report, report.channel, report.report, actor=HANDLER)
    with pytest.raises(NotFoundError):
        do(nodes, from_report.open_from_report, report.channel, "incident--none")
    with nodes[0].reading() as session:
        assert len(queries.visible_cases(session, CONSOLE)) == before
    own: dict[str, Any] = {"title": "In other words", "text": "Somebody saw something."}
    case = do(nodes, from_report.open_from_report, report.channel, report.report, **own)
    assert at_cert(nodes, report).case == case


def test_what_is_shared_in_a_case_and_still_holds_finds_the_reports_that_name_it(
    nodes: Nodes,
) -> None:
    reported(nodes, nodes[1], "Names what is shared", "It asks for beacon.evilcorp-cdn.net.")
    first = reported(nodes, nodes[2], "Names nothing", "Somebody saw something.")
    case = do(nodes, from_report.open_from_report, first.channel, first.report)

    def likely() -> list[str]:
        with nodes[0].reading() as session:
            us, now = nodes[0].organisation, nodes[0].now()
            return [one.title for one, _ in visible_likely(session, CONSOLE, case, us=us, now=now)]

    assert likely() == []
    do(nodes, intel.share, case, pasted="beacon.evilcorp-cdn.net")
    assert likely() == ["Names what is shared"]
    with nodes[0].reading() as session:
        (shared,) = intel.visible_intel(session, CONSOLE, case, now=nodes[0].now())
    do(nodes, intel.revoke, case, ref=shared.ref)
    assert likely() == []


def test_reports_that_name_the_same_may_belong_to_a_case(nodes: Nodes) -> None:
    url, other = "https://pages.gitlab.io/first/a.exe", "https://pages.gitlab.io/second/b.exe"
    first = reported(nodes, nodes[1], "Names the place", f"Fetches {url}")
    same = reported(nodes, nodes[2], "Names it as well", f"Fetches {url}")
    host = reported(nodes, nodes[2], "On the same host", f"Fetches {other}")
    reported(nodes, nodes[2], "Elsewhere", "Fetches https://evilcorp.io/c.exe")
    case = do(nodes, from_report.open_from_report, first.channel, first.report)
    with nodes[0].reading() as session:
        likely = visible_likely(
            session, CONSOLE, case, us=nodes[0].organisation, now=nodes[0].now()
        )
    assert [(one.title, how) for one, how in likely] == [
        ("Names it as well", Likeness(1, 0)),
        ("On the same host", Likeness(0, 1)),
    ]
    nodes[0].invite(case, nodes[1])
    settle(*nodes)
    nodes[1].join(case)
    settle(*nodes)
    with nodes[1].reading() as session:
        assert (
            visible_likely(session, CONSOLE, case, us=nodes[1].organisation, now=nodes[1].now())
            == []
        )
    with nodes[2].reading() as session, pytest.raises(NotFoundError):
        visible_likely(session, CONSOLE, case, us=nodes[2].organisation, now=nodes[2].now())
    # By programs and at the console the same.
    cert, console = Api.of(nodes[0]), Console(nodes[0])
    rows = cert.get(f"/cases/{case}/likely-reports")["items"]
    assert [(one["same_count"], one["same_host_count"]) for one in rows] == [(1, 0), (0, 1)]
    place = {"channel": same.channel, "report": same.report}
    cert.post(f"/cases/{case}/reports", place, 201)
    console.run("case", "take-in", case, host.report)
    settle(*nodes)
    assert at_cert(nodes, host).case == at_cert(nodes, same).case == case
    assert json.loads(console.run("case", "likely-reports", case, "--json").stdout) == []


def test_programs_and_the_console_open_cases_from_reports(nodes: Nodes) -> None:
    one = reported(nodes, nodes[1], "By program", "Seen.", kind=ReportKind.VULNERABILITY)
    other = reported(nodes, nodes[1], "At the console", "Seen.", kind=ReportKind.NEAR_MISS)
    cert = Api.of(nodes[0])
    place = {"channel": one.channel, "report": one.report}
    opened = cert.post("/cases/from-report", place, 201)
    assert (opened["title"], opened["text"]) == ("By program", "Seen.")
    assert at_cert(nodes, one).triaged_as is Triage.VULNERABILITY
    assert cert.post("/cases/from-report", place, 409)["detail"]
    grid = Api.of(nodes[1])
    assert grid.post("/cases/from-report", place, 409)["detail"]
    Api.of(nodes[2]).post("/cases/from-report", place, 404)
    case = Console(nodes[0]).run("case", "open-from", other.report).stdout.strip()
    found = at_cert(nodes, other)
    assert (found.case, found.triaged_as) == (case, Triage.NEAR_MISS)
