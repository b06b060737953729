"""A warning at three in the morning, a check, a request: from both chairs, and without scripts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.nodes import HubNode
from tests.browser.test_reports import HOSTILE, waits
from tests.browser.visitor import PHONE


@pytest.fixture(scope="module")
def case(node: HubNode, grid: HubNode) -> str:
    """Give a case with the grid operator, and with a utility that has a telephone alone."""
    opened = node.open_case("Trojanised update")
    node.note_absent(opened, "Water Utility", contact="+43 1 234, control room")
    node.take_in(opened, grid)
    return opened


def test_a_warning_is_read_with_one_click_and_the_silent_are_called(
    visit: Any, node: HubNode, grid: HubNode, case: str, script: bool
) -> None:
    title = f"Stop the updater, {'with' if script else 'without'} scripts"
    here = visit(script=script, size=PHONE).sign_in()
    here.see("Waits for you")
    here.goto(f"/channels/{case}")
    here.page.locator("summary", has_text="Warn everybody").click()
    here.page.get_by_label("What threatens").fill(title)
    here.press("Send the warning")
    here.see("The warning is out.")
    # Who is silent comes first, with the telephone of whom has no node.
    silent = here.page.locator("#silent")
    assert silent.locator(".strong", has_text="Grid Operator").count() == 1
    silent.get_by_text("+43 1 234, control room").wait_for()
    path = here.page.url.removeprefix(node.base_url)
    # At the member it stands above all else; one click answers it.
    there = visit(grid, script=script, size=PHONE).sign_in("jonas")
    waits(there, "/", title)
    first = there.page.locator(".wait").first
    first.get_by_text(title).wait_for()
    first.get_by_role("link", name="Look and answer").click()
    there.press("We are looking")
    there.see("They know that you have it.")
    waits(here, path, "1 of 2 answered")
    here.page.locator("summary", has_text="Record what they told you").click()
    here.page.get_by_label("What do they say?").select_option("no")
    here.press("Record it")
    here.see("Recorded as your statement")
    here.see("2 of 2 answered")
    here.page.locator("summary", has_text="Add to it").click()
    here.page.get_by_label("What is new?").fill("A second address.")
    here.page.get_by_label("Ask all to acknowledge again").check()
    here.press("Add to it")
    here.see("0 of 2 answered")
    waits(there, "/", title)
    here.page.locator("summary", has_text="End it").click()
    here.press("End it")
    here.see("Nobody is asked any more.")


def test_a_check_is_answered_and_measured(
    visit: Any, node: HubNode, grid: HubNode, case: str, script: bool
) -> None:
    here = visit(script=script).sign_in()
    here.see("Waits for you")
    here.goto(f"/channels/{case}")
    here.page.locator("summary", has_text="Check who can be reached").click()
    here.press("Start the check")
    here.see("Here you see who does.")
    path = here.page.url.removeprefix(node.base_url)
    there = visit(grid, script=script, size=PHONE).sign_in("jonas")
    waits(there, "/", "checks in Trojanised update who can be reached")
    there.page.get_by_role("link", name="Look and answer").first.click()
    there.press("We are here")
    there.see("They know that you have it.")
    waits(here, path, "1 of 2 answered, 1 within 5 min.")
    here.page.locator("summary", has_text="End it").click()
    here.press("End it")
    here.see("Nobody is asked any more.")


def test_a_request_is_answered_to_its_asker_alone(
    visit: Any, node: HubNode, grid: HubNode, case: str, script: bool
) -> None:
    title = f"How many machines, {'with' if script else 'without'} scripts"
    here = visit(script=script).sign_in()
    here.see("Waits for you")
    here.goto(f"/channels/{case}")
    here.page.locator("summary", has_text="Ask for information or aid").click()
    here.page.get_by_label("What do you need").fill(title)
    here.page.get_by_label("Who reads the answers?").select_option("asker")
    here.press("Ask")
    here.see("They are asked.")
    path = here.page.url.removeprefix(node.base_url)
    there = visit(grid, script=script, size=PHONE).sign_in("jonas")
    waits(there, "/", title)
    there.page.get_by_role("link", name="Look and answer").first.click()
    there.see("National CERT alone reads it.")
    # An answer without words comes back with what is missing, and nothing is lost.
    there.press("Answer")
    there.see("Say it in some words.")
    there.page.get_by_label("Your answer").fill("Four hundred.")
    there.press("Answer")
    there.see("Your answer is given.")
    waits(here, path, "Four hundred.")
    here.page.locator("summary", has_text="Close the request").click()
    here.press("Close the request")
    here.see("Nobody is asked any more.")


def test_who_has_joined_since_is_asked_too(visit: Any, node: HubNode) -> None:
    case = node.open_case("Grows")
    node.note_absent(case, "Water Utility")
    ref = node.warn(case, "Close the valves.")
    node.note_absent(case, "Gas Utility")
    one = visit(script=False, size=PHONE).sign_in()
    one.see("Waits for you")
    one.goto(f"/channels/{case}/calls/{ref}")
    one.see("0 of 1 answered")
    one.press("Ask them, too")
    one.see("0 of 2 answered")
    assert one.page.get_by_role("button", name="Ask them, too").count() == 0


def test_hostile_words_are_shown_as_words(visit: Any, case: str) -> None:
    one = visit().sign_in()
    one.see("Waits for you")
    one.goto(f"/channels/{case}")
    one.page.locator("summary", has_text="Warn everybody").click()
    one.page.get_by_label("What threatens").fill(HOSTILE)
    one.press("Send the warning")
    one.see(HOSTILE)
    one.page.locator("summary", has_text="Record what they told you").first.click()
    one.page.get_by_label("In their words").first.fill(HOSTILE)
    one.page.get_by_label("Who told you?").first.fill("<b>Jo</b>")
    one.press("Record it")
    one.see("Recorded as your statement")
    assert one.page.locator("main b").count() == 0
    one.goto(f"/channels/{case}")
    one.see(HOSTILE)


def test_an_auditor_reads_and_is_offered_nothing(visit: Any, node: HubNode, case: str) -> None:
    ref = node.warn(case, "Seen by the auditor")
    one = visit().sign_in("ada")
    one.see("Today")
    one.goto(f"/channels/{case}/calls/{ref}")
    one.see("Seen by the auditor")
    one.see("Not heard from")
    assert one.page.locator("main form").count() == 0
    assert one.page.get_by_text("+43 1 234").count() == 0
    one.goto(f"/channels/{case}")
    assert one.page.get_by_text("Warn everybody").count() == 0


def test_a_form_that_does_not_fit_keeps_what_was_typed(visit: Any, case: str) -> None:
    one = visit(script=False).sign_in()
    one.see("Waits for you")
    one.goto(f"/channels/{case}")
    one.page.locator("summary", has_text="Warn everybody").click()
    one.page.get_by_label("What threatens").fill("Kept")
    one.page.locator("summary", has_text="Until when").first.click()
    one.page.get_by_label("They acknowledge by").fill("2020-01-01 10:00")
    one.press("Send the warning")
    one.see("That time has passed.")
    assert one.page.get_by_label("What threatens").input_value() == "Kept"


def test_a_page_that_is_left_open_shows_who_answers_and_keeps_what_is_typed(
    visit: Any, node: HubNode
) -> None:
    case = node.open_case("Left open")
    node.note_absent(case, "Water Utility", contact="+43 1 234")
    node.note_absent(case, "Gas Utility", contact="+43 1 567")
    ref = node.warn(case, "Close the valves.")
    path = f"/channels/{case}/calls/{ref}"
    watching = visit().sign_in()
    watching.see("Waits for you")
    watching.goto(path)
    watching.see("0 of 2 answered")
    assert watching.page.locator("#live-answers li").count() == 0
    told(visit().sign_in(), path, "Water Utility")
    watching.page.bring_to_front()
    answered = watching.page.locator("#live-answers li", has_text="Water Utility")
    answered.wait_for(timeout=60_000)
    silent = watching.page.locator("#silent > ul > li")
    assert [silent.count(), silent.filter(has_text="Gas Utility").count()] == [1, 1]
    # What a person is at is left as it is, and shows once the page is loaded again.
    watching.page.locator("summary", has_text="Record what they told you").click()
    watching.page.get_by_label("In their words").fill("Half a sentence")
    told(visit().sign_in(), path, "Gas Utility")
    watching.page.bring_to_front()
    watching.page.locator("#live-answers li", has_text="Gas Utility").wait_for(timeout=60_000)
    assert watching.page.get_by_label("In their words").input_value() == "Half a sentence"
    assert silent.filter(has_text="Gas Utility").count() == 1
    watching.goto(path)
    watching.see("2 of 2 answered")
    assert silent.count() == 0


def told(one: Any, path: str, who: str) -> None:
    """Record at another screen that somebody has read it."""
    one.see("Waits for you")
    one.goto(path)
    waiting = one.page.locator("#silent li").filter(has_text=who)
    waiting.locator("summary", has_text="Record what they told you").click()
    waiting.get_by_role("button", name="Record it").click()
    one.see("Recorded as your statement")
