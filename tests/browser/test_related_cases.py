"""A case and others on pages: named, merged, broken out, with scripts or without."""

from __future__ import annotations

from typing import Any

from hub import clock
from hub.channels import service
from hub.office import current_office
from hub.reports import exchange, recording
from hub.reports.recording import Said
from policies.acts import ChannelKind
from policies.reports import ReportKind
from policies.tlp import TLP
from tests.browser.nodes import HubNode
from tests.browser.test_reports import HOSTILE, waits
from tests.browser.visitor import PHONE


def test_a_case_is_named_and_goes_on_in_another(
    visit: Any, node: HubNode, grid: HubNode, script: bool
) -> None:
    tail = "with" if script else "without"
    here, into = node.open_room(f"Small {tail} {HOSTILE}"), node.open_room(f"Large {tail}")
    node.take_in(here, grid)
    one = visit(script=script, size=PHONE).sign_in()
    one.see("Waits for you")
    one.goto(f"/cases/{here}")
    one.page.locator("summary", has_text="Name another case").click()
    one.page.locator("#link-other").select_option(into)
    one.page.get_by_label("The other", exact=True).select_option("same-cause")
    one.press("Name it")
    one.see("Named.")
    assert one.page.get_by_role("link", name=f"Large {tail}").count() == 1
    one.goto(f"/cases/{into}")
    one.see("Has the same cause")
    assert one.page.get_by_role("link", name=HOSTILE).count() == 1
    there = visit(grid, script=script).sign_in("jonas")
    waits(there, f"/cases/{here}", "A case that you have no part in")
    assert not there.page.get_by_text(f"Large {tail}").count()
    one.goto(f"/cases/{here}")
    one.page.locator("summary", has_text="Let it go on in another case").click()
    one.page.get_by_label("In which case").select_option(into)
    one.press("See what that brings about")
    one.see("Grid Operator")
    one.see("can’t be undone")
    one.press("Let it go on there")
    one.see("It goes on here.")
    one.goto(f"/cases/{here}")
    one.see("This case has been merged into another.")
    assert one.page.locator("main form").count() == 0
    waits(there, f"/cases/{here}", "You are invited to it")


def test_a_breakout_is_opened_from_the_case_and_leads_back(
    visit: Any, node: HubNode, grid: HubNode, script: bool
) -> None:
    here = node.open_room("A case with a breakout")
    node.take_in(here, grid)
    one = visit(script=script).sign_in()
    one.see("Waits for you")
    one.goto(f"/cases/{here}")
    one.page.locator("summary", has_text="Open a breakout with some of them").click()
    one.page.locator("#breakouts").get_by_label("Name").fill(HOSTILE)
    one.page.locator("#breakouts").get_by_label("Grid Operator").check()
    one.press("Open the breakout")
    one.see("The breakout is open")
    one.see("Nobody but its members knows that it exists.")
    assert "the coordinators and handlers of" in one.page.locator("#red-readers").inner_text()
    one.page.get_by_role("link", name="A case with a breakout").click()
    assert one.page.locator("#breakouts").get_by_role("link", name=HOSTILE).count() == 1


def report_to(
    node: HubNode,
    reporter: HubNode,
    title: str,
    text: str,
    kind: ReportKind = ReportKind.INCIDENT,
) -> None:
    """Submit a report from one node to another."""
    with reporter.session() as session:
        desk, actor, now = current_office().desk(session), reporter.person(), clock.utcnow()
        said = Said(kind, title, text)
        report = recording.record(session, actor, said, now=now).id
        exchange.submit(session, desk, actor, report, to=node.organisation, now=now)


def test_a_case_is_opened_from_a_report_and_takes_in_what_is_alike(
    visit: Any, node: HubNode, grid: HubNode, script: bool
) -> None:
    tail = "with" if script else "without"
    url = f"https://evilcorp.io/{tail}.exe"
    report_to(node, grid, f"First {tail} {HOSTILE}", f"Fetches {url}")
    report_to(node, grid, f"Second {tail} {HOSTILE}", f"Fetches {url}")
    one = visit(script=script, size=PHONE).sign_in()
    waits(one, "/reports", f"First {tail}")
    waits(one, "/reports", f"Second {tail}")
    one.page.get_by_role("link", name=f"First {tail}").first.click()
    one.page.get_by_role("link", name="Open a case from this report").click()
    one.see("There may be a case of it already.")
    assert one.page.get_by_label("Name").input_value() == f"First {tail} {HOSTILE}"
    one.press("Open the case")
    one.see("The case is open.")
    one.see("names one thing that this one names too")
    one.page.locator("#likely").get_by_role("button", name=f"Second {tail}").click()
    one.see("It is part of this case.")
    assert not one.page.locator("#likely").count()


def test_a_near_miss_is_published_without_its_source(
    visit: Any, node: HubNode, grid: HubNode, script: bool
) -> None:
    title = f"Stopped {'with' if script else 'without'} {HOSTILE}"
    report_to(node, grid, title, "Grid Operator stopped a mail.", ReportKind.NEAR_MISS)
    with node.session() as session:
        desk, now = current_office().desk(session), clock.utcnow()
        kind, ceiling = ChannelKind.COMMUNITY, TLP.AMBER
        name = "Energy with" if script else "Energy without"
        service.open_channel(
            session, desk, node.person(), kind=kind, name=name, ceiling=ceiling, now=now
        )
    one = visit(script=script, size=PHONE).sign_in()
    waits(one, "/reports", title)
    one.page.get_by_role("link", name=title).first.click()
    one.page.get_by_role("link", name="Publish it without its source").click()
    one.page.get_by_label("To which community").select_option(label=name)
    one.press("Publish it")
    one.see("this names the source: “Grid Operator”. Leave it out")
    one.page.get_by_label("What happened").fill("Somebody stopped a mail.")
    one.press("Publish it")
    one.see("Published, in your name and without its source.")
