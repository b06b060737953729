"""The keyboard alone suffices: Tab reaches everything, and each main act is done by keys."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.keyboard import Keys, faults_by_tab
from tests.browser.nodes import HubNode
from tests.browser.test_every_page import rich_pages
from tests.browser.test_reports import waits
from tests.browser.visitor import DESKTOP, PHONE, Visitor


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_tab_reaches_everything_in_order_and_the_focus_is_seen(
    visit: Any, node: HubNode, size: tuple[int, int]
) -> None:
    one = visit(size=size).sign_in()
    one.see("Waits for you")
    # Where it scrolls by and by, nobody can tell when it has arrived.
    one.page.emulate_media(reduced_motion="reduce")
    faults = {}
    for place in (*rich_pages(node), "/cases/new", "/reports/new"):
        one.goto(place)
        one.page.evaluate(
            "document.querySelectorAll('details:not(.menu)').forEach(one => { one.open = true })"
        )
        found = faults_by_tab(one.page)
        if found:
            faults[place] = found
    assert faults == {}


def at(one: Visitor, path: str) -> Keys:
    """Go to a page, and to its content by the skip link."""
    one.goto(path)
    keys = Keys(one.page)
    keys.skip()
    return keys


def opens_a_case(here: Visitor) -> None:
    keys = Keys(here.page)
    keys.follow("Cases")
    keys.follow("Open a case")
    keys.skip()
    keys.write("Name", "By keys")
    keys.write("What is known", "A signed client loads a foreign library.")
    if not here.page.locator("input[type=hidden][name=community]").count():
        keys.unfold("charter")
        keys.write("Why by none (optional)", "It concerns nobody whose charter would cover it.")
    keys.press("Open the case")
    here.see("The case is open.")
    keys.skip()
    keys.tick("Grid Operator")
    keys.press("Invite them")
    here.see("Invited.")


def joins_and_says_how_it_is_hit(there: Visitor, room: str) -> None:
    waits(there, "/", "By keys")
    keys = Keys(there.page)
    keys.skip()
    keys.follow("Look and answer")
    keys.skip()
    keys.press("Join as")
    waits(there, "/", "does not know yet whether you are affected")
    keys = at(there, room)
    keys.tick("We are affected")
    keys.press("Say it")
    there.see("Said.")
    keys.skip()
    keys.unfold("How you are hit")
    keys.choose("Functional impact (optional)", "denial")
    keys.press("State it")
    there.see("Stated.")


def shares_what_it_pasted(there: Visitor, room: str) -> None:
    keys = Keys(there.page)
    keys.skip()
    keys.follow("Intel")
    keys.skip()
    keys.unfold("Share what to look for")
    keys.write("Paste it", "It talks to evil-updates[.]com.")
    keys.press("Who will see this?", stays=True)
    there.see("Goes out as 1 indicator")
    keys.press("Share it")
    waits(there, f"{room}/intel", "Domain evil-updates.com")


def decides_and_warns(here: Visitor, room: str) -> None:
    waits(here, room, "denial")
    keys = at(here, room)
    keys.write("Why you coordinate", "Two sectors are hit.")
    keys.press("Start coordination")
    here.see("Coordination has started.")
    keys.skip()
    keys.follow("Ledger")
    keys.skip()
    keys.unfold("Warn everybody")
    keys.write("What threatens, and what should they do?", "Stop the updater, by keys.")
    keys.press("Send the warning")
    here.see("The warning is out.")


def acknowledges(there: Visitor) -> None:
    waits(there, "/", "Stop the updater, by keys.")
    keys = Keys(there.page)
    keys.skip()
    keys.follow("Look and answer")
    keys.skip()
    keys.press("We are looking")
    there.see("They know that you have it.")


def asks(here: Visitor, room: str) -> None:
    keys = at(here, room.replace("/cases/", "/channels/"))
    keys.unfold("Ask for information or aid")
    keys.write("What do you need, and why?", "Which version do you run?")
    keys.press("Ask")
    here.see("Which version do you run?")


def answers(there: Visitor) -> None:
    waits(there, "/", "Which version do you run?")
    keys = Keys(there.page)
    keys.skip()
    keys.follow("Look and answer")
    keys.skip()
    keys.write("Your answer (optional)", "18.12, on 14 machines.")
    keys.press("Answer")


def test_each_main_act_is_done_by_keys(visit: Any, node: HubNode, grid: HubNode) -> None:
    here, there = visit().sign_in(), visit(grid).sign_in("jonas")
    here.see("Waits for you")
    there.see("Waits for you")
    opens_a_case(here)
    room = here.page.url.removeprefix(node.base_url)
    joins_and_says_how_it_is_hit(there, room)
    shares_what_it_pasted(there, room)
    decides_and_warns(here, room)
    warning = here.page.url.removeprefix(node.base_url)
    acknowledges(there)
    waits(here, warning, "1 of 1 answered")
    asks(here, room)
    question = here.page.url.removeprefix(node.base_url)
    answers(there)
    waits(here, question, "18.12, on 14 machines.")
