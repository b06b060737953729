"""What holds for every page: it fits a phone, and a checker of accessibility finds nothing."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from tests.browser.nodes import HubNode
from tests.browser.visitor import DESKTOP, PHONE, Visitor
from tests.kit.hostile_text import line, words

AXE: Final = Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"
PLACES: Final = (
    "/",
    "/channels",
    "/channels/new",
    "/channels/import",
    "/reports",
    "/reports/new",
    "/cases",
    "/cases/new",
    "/communities",
    "/partners",
    "/partners/new",
    "/account",
    "/administration",
    "/administration/keys",
    "/administration/audit?action=user.created",
    "/nothing-here",
)


@cache
def rich_pages(node: HubNode) -> tuple[str, ...]:
    """Give the pages of a node on which a good deal has happened."""
    case = node.open_case("Trojanised update")
    node.note_absent(case, "Water Utility")
    node.say_how_to_reach_us(case)
    node.lose_keys(case)
    report = node.record_report("Updater phones home")
    community = node.open_community("Energy circle")
    node.agree(community, "We tell each other early.")
    warning = node.warn(case, "Stop the updater.")
    room = node.open_room("A case with a room")
    node.share_intel(room, "Beacons to 45.77.12.9 and evil-updates.com")
    node.add_event(room, "First beacon", "2025-03-01 14:30")
    node.add_event(room, "Update signed", "2025-02-03", "2025-02-20")
    return (
        f"/channels/{case}",
        f"/channels/{case}/calls/{warning}",
        f"/channels/{case}/directory",
        f"/channels/{case}/repair",
        f"/channels/{case}/holders/1-0",
        f"/reports/here/{report}",
        f"/communities/{community}",
        f"/communities/{community}/charters/new",
        f"/cases/{room}",
        f"/cases/{room}/timeline",
        f"/cases/{room}/intel",
        f"/cases/{room}/members",
        f"/cases/{room}/merge?into={node.open_room('A case that takes it in')}",
        f"/cases/{room}/told/{node.note_absent(room, 'Rail')}",
        f"/cases/{node.come_into('A case that has not come yet')}",
    )


def look_for_faults(one: Visitor) -> list[str]:
    one.page.add_script_tag(path=str(AXE))
    found = one.page.evaluate("axe.run().then(r => r.violations)")
    return [
        f"{one.page.url} {rule['id']}: {node['html'][:200]} {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_accessible_and_fitting(
    visit: Any, node: HubNode, size: tuple[int, int], dark: bool
) -> None:
    one = visit(size=size, dark=dark, measuring=True)
    places = (*PLACES, *rich_pages(node))
    one.goto("/sign-in")
    faults = look_for_faults(one)
    one.sign_in().see("Waits for you")
    for place in places:
        one.goto(place)
        for folded in one.page.locator("details").all():
            folded.evaluate("element => { element.open = element.className !== 'menu' }")
        width = one.page.evaluate("document.documentElement.scrollWidth")
        assert width <= size[0], f"{place} is {width} wide"
        faults += look_for_faults(one)
    assert faults == []


MADE_OF_MARKS: Final = """() => [...document.querySelectorAll('*')]
  .filter(one => [one.tagName, ...one.getAttributeNames()].some(name => /zq1z/i.test(name)))
  .map(one => one.outerHTML.slice(0, 200))"""


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_browser_makes_nothing_of_hostile_text_and_it_fits(
    visit: Any, node: HubNode, size: tuple[int, int]
) -> None:
    one = visit(size=size).sign_in()
    one.see("Waits for you")
    title, text = line("zq1z"), words("zq1z")
    room = node.open_room(title)
    node.note_absent(room, line("zq1z"), contact=line("zq1z"))
    node.share_intel(room, f"{text} 45.77.12.9 http://evil-zq1z.com/a?<script>zq1z()</script>")
    node.add_event(room, text, "2025-03-01 14:30")
    node.say_how_to_reach_us(room, line("zq1z"))
    warning = node.warn(room, text)
    report = node.record_report(title)
    community = node.open_community(title)
    node.agree(community, text)
    places = ["", "/timeline", "/intel", "/members"]
    pages = [f"/cases/{room}{place}" for place in places]
    pages += [f"/channels/{room}", f"/channels/{room}/calls/{warning}"]
    pages += [f"/channels/{room}/directory", f"/communities/{community}", f"/reports/here/{report}"]
    for path in (*pages, "/cases", "/channels", "/reports", "/communities"):
        one.goto(path)
        one.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        assert one.page.evaluate(MADE_OF_MARKS) == [], path
        assert one.page.locator("main").inner_text().count("zq1z<b zq1z=1>{{7*7}}\"'>"), path
        width = one.page.evaluate("document.documentElement.scrollWidth")
        assert width <= size[0], f"{path} is {width} wide"


def test_every_form_that_changes_something_carries_its_token(visit: Any) -> None:
    one = visit().sign_in()
    one.see("Waits for you")
    for place in PLACES:
        one.goto(place)
        for form in one.page.locator("form[method=post]").all():
            assert form.locator("input[name=csrf_token]").count() == 1


def test_no_page_has_a_script_or_style_of_its_own(visit: Any) -> None:
    one = visit().sign_in()
    one.see("Waits for you")
    for place in PLACES:
        text = one.context.request.get(place).text()
        assert "<style" not in text
        assert " style=" not in text
        assert "javascript:" not in text
        assert text.count("<script") == text.count("<script src=")
        assert not any(f" on{event}=" in text for event in ("click", "load", "submit", "change"))
