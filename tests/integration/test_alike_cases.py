"""A case that is about to be opened, and what there is already of the same matter.

Source: domain, 2 (*Detect and report*, *Assess and decide*).
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest

from hub.cases import course, deciding, intel
from hub.cases.alike import Alike, visible_alike_to
from hub.cases.queries import visible_cases
from policies.decisions import Topic
from policies.errors import ForbiddenError
from policies.likeness import Likeness
from policies.tlp import TLP
from tests.integration.test_cases_from_reports import HANDLER, Nodes, do, reported
from tests.kit.api import Api
from tests.kit.console import Console
from tests.kit.hostile_peer import csrf, signed_in
from tests.kit.nodes import CONSOLE, running


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with running(tmp_path_factory.mktemp("alike"), "CERT", "Grid", "Vendor") as (a, b, c):
        yield a, b, c


def alike(nodes: Nodes, title: str, text: str = "", **more: Any) -> Alike:
    cert = nodes[0]
    with cert.reading() as session:
        actor = more.get("actor", CONSOLE)
        us, now = cert.organisation, cert.now()
        return visible_alike_to(session, actor, title=title, text=text, us=us, now=now)


def opened(nodes: Nodes, title: str, text: str = "Seen.") -> str:
    return str(do(nodes, course.open_case, title=title, text=text))


def test_cases_of_the_same_name_or_naming_the_same_and_reports_are_found(nodes: Nodes) -> None:
    named = opened(nodes, "Phoning home", "It asks for akamai-tech.net.")
    shared = opened(nodes, "Something else")
    do(nodes, intel.share, shared, pasted="badware-one.net", tlp=TLP.GREEN)
    opened(nodes, "A third matter", "Nothing to look for.")
    report = reported(nodes, nodes[1], "A mail", "It links to akamai-tech.net.")
    found = alike(nodes, "New", "akamai-tech.net and badware-one.net")
    assert {(one.channel, one.how) for one in found.cases} == {
        (named, Likeness(same=1)),
        (shared, Likeness(same=1)),
    }
    assert [(one.report, how.same) for one, how in found.reports] == [(report.report, 1)]
    same = alike(nodes, " phoning HOME ").cases
    assert [(one.channel, one.same_name, bool(one.how)) for one in same] == [(named, True, False)]
    assert not alike(nodes, "Quite new", "It asks for something.org.uk.")
    with pytest.raises(ForbiddenError):
        alike(nodes, "Phoning home", actor=HANDLER)


def test_a_case_that_is_over_is_not_in_the_way(nodes: Nodes) -> None:
    case = opened(nodes, "Over and done")
    assert alike(nodes, "Over and done")
    do(nodes, course.decline, case, decision=decided(nodes, case))
    assert not alike(nodes, "Over and done")


def decided(nodes: Nodes, case: str) -> str:
    return str(do(nodes, deciding.decide, case, topic=Topic.DECLINE, rationale="Nothing."))


def test_the_form_stops_once_and_opens_what_is_another_matter(nodes: Nodes) -> None:
    opened(nodes, "Twice told", "It asks for twice-told.net.")
    browser = signed_in(nodes[0])
    form = {"title": "Again", "text": "It asks for twice-told.net.", "ceiling": "amber"}
    fresh = browser.get("/cases/new").text
    assert "There may be a case of it already" not in fresh
    form["csrf_token"] = csrf(browser, "/cases/new")
    answer = browser.post("/cases", data=form)
    assert answer.status_code == HTTPStatus.CONFLICT
    shown = " ".join(answer.text.split())
    assert "There may be a case of it already" in shown
    assert ">Twice told</a>, coordinated by CERT, names one thing that this one names too." in shown
    assert 'value="Again"' in shown
    assert titles(nodes).count("Again") == 0
    answer = browser.post("/cases", data=form | {"alike_seen": "yes"})
    assert answer.status_code == HTTPStatus.SEE_OTHER
    assert titles(nodes).count("Again") == 1
    # What is like nothing is opened at once.
    other = form | {"title": "Unheard of", "text": "Nothing to look for."}
    assert browser.post("/cases", data=other).status_code == HTTPStatus.SEE_OTHER


def titles(nodes: Nodes) -> list[str]:
    with nodes[0].reading() as session:
        return [one.title for one in visible_cases(session, CONSOLE)]


def test_programs_and_the_console_ask_the_same(nodes: Nodes) -> None:
    case = opened(nodes, "By program", "It asks for program-told.net.")
    reported(nodes, nodes[1], "Mail to a program", "It links to program-told.net.")
    asked = Api.of(nodes[0]).get("/cases/alike", title="Other", text="program-told.net")
    assert [(one["channel"], one["same_count"]) for one in asked["cases"]] == [(case, 1)]
    assert [one["title"] for one in asked["reports"]] == ["Mail to a program"]
    Api.of(nodes[0]).get("/cases/alike", 400, title="")
    console = Console(nodes[0])
    assert console.asks("case", "alike", "by program")["cases"][0]["same_name"] is True
    told = console.run("case", "alike", "Other", "--text", "program-told.net").output
    assert "By program" in told
    assert "Mail to a program" in told
    assert "nothing is like it" in console.run("case", "alike", "Nothing so").output
