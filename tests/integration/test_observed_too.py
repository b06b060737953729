"""What is not meant for detection (`to_ids` off) leaves by a tick of a person, and not without one.

By the page of a case, by the page of a report, and at the console.

Source: domain, 2 (*Detect and report*); decision 20.
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

import pytest

from hub.cases import course, intel
from hub.channels.service import get_visible_channel
from hub.reports import queries, recording
from hub.reports.recording import Said
from policies.errors import NotFoundError
from policies.intel import IntelKind
from policies.reports import ReportKind
from tests.integration.test_cases_from_reports import Nodes, do
from tests.integration.test_reports import GAMING
from tests.kit.api import Api
from tests.kit.console import Console
from tests.kit.hostile_peer import csrf, signed_in
from tests.kit.nodes import CONSOLE, running, settle

EVENT = GAMING.read_text("utf-8")
OBSERVED = 18
TICK = "Also what is not meant for detection"


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with running(tmp_path_factory.mktemp("observed"), "CERT", "Grid", "Vendor") as (a, b, c):
        yield a, b, c


@pytest.fixture
def case(nodes: Nodes) -> str:
    return str(do(nodes, course.open_case, title="Gaming", text="Seen."))


def shared(nodes: Nodes, case: str) -> int:
    cert = nodes[0]
    with cert.reading() as session:
        get_visible_channel(session, CONSOLE, case)
        items = intel.visible_intel(session, CONSOLE, case, limit=100, now=cert.now())
    return len([one for one in items if one.kind is IntelKind.INDICATOR])


def recorded(nodes: Nodes, title: str) -> str:
    """Record a report at Grid, with what it observed pasted beside it."""
    grid = nodes[1]
    said = Said(ReportKind.INCIDENT, title, "As published.", pasted=EVENT)
    with grid.writing() as session:
        return recording.record(session, CONSOLE, said, now=grid.now()).id


def arrived(nodes: Nodes, title: str) -> int:
    """Give how many indicators came to CERT with a report."""
    settle(*nodes)
    cert = nodes[0]
    with cert.reading() as session:
        reports = queries.visible_incoming(session, CONSOLE, us=cert.organisation)
        found = next((one for one in reports if one.title == title), None)
        if found is None:
            raise NotFoundError("it has not come")
        return len(queries.visible_indicators(session, CONSOLE, found))


def test_the_page_of_a_case_shares_it_where_the_tick_is_set(nodes: Nodes, case: str) -> None:
    browser, page = signed_in(nodes[0], "sharer"), f"/cases/{case}/intel"
    assert TICK in browser.get(page).text
    form = {"csrf_token": csrf(browser, page), "pasted": EVENT}
    refused = browser.post(page, data=form)
    assert refused.status_code == HTTPStatus.BAD_REQUEST
    assert "othing in it is meant for detection" in refused.text
    assert f"Observed, not meant for detection: {OBSERVED}, kept back" in refused.text
    assert shared(nodes, case) == 0
    done = browser.post(page, data=form | {"observed_too": "yes"})
    assert done.status_code == HTTPStatus.SEE_OTHER
    assert shared(nodes, case) == OBSERVED


def test_the_console_shares_it_where_it_is_told_to(nodes: Nodes, case: str) -> None:
    console = Console(nodes[0])
    shown = console.run("case", "recognise", "-", stdin=EVENT).stdout
    assert shown.count("observed  ") == OBSERVED
    refused = console.run("case", "share", case, "-", stdin=EVENT, code=1)
    assert "nothing in it is meant for detection" in refused.stderr
    assert shared(nodes, case) == 0
    console.run("case", "share", case, "-", "--observed-too", stdin=EVENT)
    assert shared(nodes, case) == OBSERVED


def test_the_page_of_a_report_sends_it_where_the_tick_is_set(nodes: Nodes) -> None:
    browser = signed_in(nodes[1], "sender")
    for title, ticked, count in (
        ("Unticked", {}, 0),
        ("Ticked", {"observed_too": "yes"}, OBSERVED),
    ):
        page = f"/reports/here/{recorded(nodes, title)}"
        shown = browser.get(page).text
        assert TICK in shown
        assert f"Observed, not meant for detection: {OBSERVED}, kept back" in shown
        form = {"csrf_token": csrf(browser, page), "to": nodes[0].organisation}
        answer = browser.post(f"{page}/submission", data=form | ticked)
        assert answer.status_code == HTTPStatus.SEE_OTHER
        assert arrived(nodes, title) == count


def test_the_console_sends_it_with_a_report_where_it_is_told_to(nodes: Nodes) -> None:
    console = Console(nodes[1])
    for title, told, count in (("Untold", (), 0), ("Told", ("--observed-too",), OBSERVED)):
        console.run("report", "submit", recorded(nodes, title), "CERT", *told)
        assert arrived(nodes, title) == count


def test_programs_share_it_where_they_say_so(nodes: Nodes, case: str) -> None:
    api, body = Api.of(nodes[0]), {"pasted": EVENT}
    api.post(f"/cases/{case}/intel", body, 400)
    assert shared(nodes, case) == 0
    api.post(f"/cases/{case}/intel", body | {"observed_too": True})
    assert shared(nodes, case) == OBSERVED
