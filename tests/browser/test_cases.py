"""A case with its room: opened, joined, assessed by a partner, decided, with scripts or without."""

from __future__ import annotations

from typing import Any

from tests.browser.nodes import HubNode
from tests.browser.test_reports import HOSTILE, waits
from tests.browser.visitor import PHONE


def test_a_case_is_opened_assessed_and_coordination_started(
    visit: Any, node: HubNode, grid: HubNode, script: bool
) -> None:
    title = f"Trojanised update, {'with' if script else 'without'} scripts"
    here = visit(script=script).sign_in()
    here.see("Waits for you")
    here.goto("/cases/new")
    here.page.get_by_label("Name").fill(title)
    here.page.get_by_label("What is known").fill("A signed client loads a foreign library.")
    here.press("Open the case")
    here.see("The case is open.")
    room = here.page.url.removeprefix(node.base_url)
    here.page.get_by_label("Grid Operator").check()
    here.page.get_by_label("Why they?").fill("You run that client.")
    here.press("Invite them")
    here.see("Invited.")
    # The partner joins from Today, says in one click that it is hit, and then how.
    there = visit(grid, script=script, size=PHONE).sign_in("jonas")
    waits(there, "/", title)
    there.page.get_by_role("link", name="Look and answer").first.click()
    there.page.get_by_role("button", name="Join as").click()
    waits(there, "/", "does not know yet whether you are affected")
    there.goto(room)
    there.page.get_by_label("We are affected").check()
    there.press("Say it")
    there.see("Said.")
    there.page.locator("summary", has_text="How you are hit").click()
    there.page.get_by_label("Functional impact").select_option("denial")
    there.page.get_by_label("Danger to life").select_option("possible")
    there.page.get_by_label("Systems affected, at least").fill("3")
    there.page.get_by_label("Systems affected, at most").fill("12")
    there.press("State it")
    there.see("Stated.")
    # The coordinator sees it beside the others, and tells all what it comes to.
    waits(here, room, "3 to 12 system")
    here.page.get_by_role("button", name="Tell all").first.click()
    here.see("Everybody is told.")
    here.page.get_by_label("Why you coordinate").fill("Two sectors are hit through one vendor.")
    here.press("Start coordination")
    here.see("Coordination has started.")
    waits(there, room, "Two sectors are hit through one vendor.")
    there.see("severity high")
    there.see("coordinated")


def test_a_vote_waits_on_today_and_is_cast_with_one_click(
    visit: Any, node: HubNode, grid: HubNode
) -> None:
    title = "A vote is awaited"
    room = f"/cases/{node.open_room(title)}"
    node.invite(room.rsplit("/", 1)[1], grid)
    there = visit(grid, script=False, size=PHONE).sign_in("jonas")
    waits(there, "/", title)
    there.page.get_by_role("link", name="Look and answer").first.click()
    there.page.get_by_role("button", name="Join as").click()
    here = visit(script=False).sign_in()
    waits(here, room, "Silent: Grid Operator")
    here.page.locator("summary", has_text="Put a question to the vote").click()
    here.page.get_by_label("The question").fill("Shall we coordinate?")
    here.page.get_by_role("button", name="Ask", exact=True).click()
    here.see("The question is put.")
    here.page.get_by_role("button", name="Yes", exact=True).click()
    here.see("Your vote is cast.")
    waits(there, "/", "A vote waits for you: start coordination.")
    there.page.get_by_role("link", name="Look and vote").first.click()
    there.page.get_by_role("button", name="Yes", exact=True).click()
    there.see("Your vote is cast.")
    waits(here, room, "Take it: yes")
    here.press("Take it: yes")
    here.see("It is decided.")
    here.see("coordinated")


def test_who_has_no_node_takes_part_by_telephone(visit: Any, node: HubNode, script: bool) -> None:
    room = f"/cases/{node.open_room(f'By telephone, {script}')}"
    here = visit(script=script, size=PHONE).sign_in()
    here.see("Waits for you")
    here.goto(room)
    here.page.locator("summary", has_text="Invite one without a node").click()
    here.page.get_by_label("Who?").fill(HOSTILE)
    here.page.get_by_label("How to reach them").fill("+1 555 0100")
    here.page.get_by_role("button", name="Invite", exact=True).click()
    here.see("Reach them: +1 555 0100")
    here.page.locator("#told a", has_text="Record what they say").click()
    here.see("All members read what you record here.")
    here.page.get_by_role("button", name="They take part").click()
    here.see("Recorded as your word, on their behalf.")
    here.page.locator("#told a", has_text="Record what they say").click()
    here.page.get_by_label("They are affected", exact=True).check()
    here.page.get_by_role("button", name="Record how far").click()
    here.see("the coordinator’s word, not confirmed yet")
    here.page.locator("#told a", has_text="Record what they say").click()
    here.page.locator("summary", has_text="How they are hit").click()
    here.page.get_by_label("Danger to life").select_option("possible")
    here.page.get_by_role("button", name="Record how they are hit").click()
    here.see("How they are hit: told by telephone")
    here.page.locator("#matrix th", has_text=HOSTILE).first.wait_for()
    here.page.locator("summary", has_text="Put a question to the vote").click()
    here.page.get_by_label("The question").fill("Shall we coordinate?")
    here.page.get_by_role("button", name="Ask", exact=True).click()
    here.page.locator("#told a", has_text="Record what they say").click()
    here.page.get_by_role("button", name="Yes", exact=True).click()
    here.see("(told the coordinator)")


def test_hostile_words_are_shown_as_words(visit: Any, node: HubNode) -> None:
    room = f"/cases/{node.open_room(HOSTILE)}"
    one = visit().sign_in()
    one.see("Waits for you")
    one.goto(room)
    assert one.page.get_by_role("heading", name=HOSTILE).count() == 1
    one.page.locator("summary", has_text="Is it under control?").click()
    one.page.get_by_label("No", exact=True).check()
    one.page.locator("#control-reason").fill(HOSTILE)
    one.page.locator("details[open] button", has_text="Tell all").click()
    one.see(HOSTILE)


def test_an_exercise_says_so_everywhere(visit: Any, node: HubNode) -> None:
    room = f"/cases/{node.open_room('Dark winter', exercise=True)}"
    one = visit().sign_in("ada")
    one.see("Today")
    one.goto(room)
    one.see("This is an exercise.")
    assert one.page.locator("main form").count() == 0
    one.goto("/cases")
    one.see("exercise")
