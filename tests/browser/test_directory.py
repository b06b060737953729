"""The directory at three in the morning: said in one form, found, and used where one is silent."""

from __future__ import annotations

from typing import Any

from tests.browser.nodes import HubNode
from tests.browser.test_reports import HOSTILE
from tests.browser.visitor import PHONE


def test_how_to_reach_us_is_said_in_one_form_and_the_silent_are_called(
    visit: Any, node: HubNode, script: bool
) -> None:
    case = node.open_case("Trojanised update")
    water = node.note_absent(case, "Water Utility", contact="our own note")
    here = visit(script=script, size=PHONE).sign_in()
    here.see("Waits for you")
    here.goto(f"/channels/{case}")
    here.page.get_by_role("link", name="How to reach whom").click()
    ours = here.page.locator(f"#{node.organisation}")
    # Two fields are enough, and the form stands open as long as nothing was said.
    form = ours.locator("form", has=here.page.get_by_role("button", name="Add")).first
    form.get_by_label("Who?").fill(HOSTILE)
    form.get_by_label("Telephone, or another way").fill("+43 1 234")
    form.get_by_role("button", name="Add").click()
    here.see("It stands in the directory.")
    ours.get_by_text(HOSTILE, exact=True).first.wait_for()
    ours.get_by_text("on duty now").first.wait_for()
    assert ours.get_by_role("link", name="+43 1 234").get_attribute("href") == "tel:+431234"
    # What does not fit is said beside its field, and what was typed is still there.
    ours.locator("summary", has_text=f"Change {HOSTILE}").click()
    form = ours.locator("form", has=here.page.get_by_role("button", name="Save")).first
    form.locator("summary", has_text="More ways").click()
    form.get_by_label("From").fill("25:99")
    form.get_by_label("A second way").fill("javascript:alert(1)")
    form.get_by_role("button", name="Save").click()
    here.see("A time is like 08:00.")
    form = ours.locator("form", has=here.page.get_by_role("button", name="Save")).first
    form.get_by_label("From").fill("08:00")
    form.get_by_label("Until").fill("08:01")
    form.get_by_role("button", name="Save").click()
    here.see("every day 08:00–08:01 UTC")
    ours.get_by_text("javascript:alert(1)").first.wait_for()
    assert here.page.locator("a[href^='javascript']").count() == 0
    # For who has no node the coordinator says it; where they are silent it stands beside them.
    theirs = here.page.locator(f"#{water}")
    theirs.get_by_text("our own note").wait_for()
    theirs.locator("summary", has_text="Add a contact point").click()
    form = theirs.locator("form", has=here.page.get_by_role("button", name="Add")).first
    form.get_by_label("Who?").first.fill("Pump house")
    form.get_by_label("Telephone, or another way").fill("+43 5 678")
    form.get_by_label("Who told you?").fill("Jo, shift leader")
    form.get_by_role("button", name="Add").click()
    here.see("National CERT, on their behalf")
    warning = node.warn(case, "Stop the updater.")
    here.goto(f"/channels/{case}/calls/{warning}")
    silent = here.page.locator("#silent")
    silent.get_by_text("Pump house").wait_for()
    assert silent.get_by_role("link", name="+43 5 678").get_attribute("href") == "tel:+435678"
    silent.get_by_text("our own note").wait_for()


def test_somebody_is_found_by_name_and_who_only_reads_changes_nothing(
    visit: Any, node: HubNode, script: bool
) -> None:
    case = node.open_case("Pumps stand still")
    node.say_how_to_reach_us(case)
    node.note_absent(case, "Water Utility")
    here = visit(script=script).sign_in("ada")
    here.see("Waits for you")
    here.goto(f"/communities/{case}/directory")
    here.see("Control room")
    assert here.page.locator("main form[method=post]").count() == 0
    here.page.get_by_label("Part of a name").fill("spokes")
    here.press("Find")
    here.see("Spokesperson")
    assert here.page.get_by_role("heading", name="Organisation 1").count() == 0
    here.page.get_by_label("Part of a name").fill("nobody at all")
    here.press("Find")
    here.see("Nobody of that name.")
