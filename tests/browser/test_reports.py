"""A report from the first suspicion to its end: what two people do, with JavaScript and without."""

from __future__ import annotations

from typing import Any

from tests.browser.nodes import HubNode
from tests.browser.visitor import PHONE, Visitor

HOSTILE = "<script>alert(1)</script> & “quotes” {{ 7 * 7 }}"


def waits(one: Visitor, path: str, text: str) -> None:
    """Load a page until a text stands on it: what others write arrives within seconds."""
    for _ in range(60):
        one.goto(path)
        if one.page.get_by_text(text).count():
            return
        one.page.wait_for_timeout(250)
    one.see(text)


def test_a_suspicion_is_reported_answered_and_closed(
    visit: Any, node: HubNode, grid: HubNode, script: bool
) -> None:
    title = f"Updater phones home, {'with' if script else 'without'} scripts"
    there = visit(grid, script=script, size=PHONE).sign_in("jonas")
    there.see("Waits for you")
    there.goto("/reports/new")
    there.page.get_by_label("In one line").fill(title)
    there.page.get_by_label("What happened").fill("It loads a library that is not its own.")
    there.page.get_by_label("Send it at once to").select_option(label="National CERT")
    there.press("Report")
    there.see("It is on its way.")
    there.see("not answered yet")
    path = there.page.url.removeprefix(grid.base_url)
    # At the coordinator it waits, first of all; one click answers it.
    here = visit(script=script, size=PHONE).sign_in()
    waits(here, "/", title)
    here.page.get_by_role("link", name="Look and answer").first.click()
    here.press("We have it")
    here.see("They know that you have it.")
    waits(there, path, "NATIONAL-")
    there.page.locator("summary", has_text="Add to it").click()
    there.page.get_by_label("In your words").first.fill("It also asks for a strange name.")
    there.press("Add to it")
    there.see("Added.")
    here.page.locator("summary", has_text="Say what you take it for").click()
    here.press("Tell them")
    here.page.locator("summary", has_text="Close it").click()
    here.page.get_by_label("What became of it").select_option("resolved")
    here.press("Close the report")
    here.see("They are told what became of it.")
    waits(there, path, "We do not leave it at that")
    there.see("It also asks for a strange name.")
    waits(here, here.page.url.removeprefix(node.base_url), "It also asks for a strange name.")


def test_what_is_recorded_is_set_aside_with_a_reason(visit: Any, script: bool) -> None:
    one = visit(script=script).sign_in("jonas")
    one.see("Waits for you")
    one.goto("/reports/new")
    one.page.get_by_label("In one line").fill("A noise in the night")
    one.page.get_by_label("What happened").fill("Somebody scanned us.")
    one.press("Report")
    one.see("Nobody else has read it.")
    one.page.locator("summary", has_text="A false alarm").click()
    one.page.get_by_label("Why").first.fill("Our own scanner.")
    one.press("A false alarm")
    one.see("Our own scanner.")
    one.page.locator("summary", has_text="Take it up again").click()


def test_a_form_that_does_not_fit_keeps_what_was_typed(visit: Any) -> None:
    one = visit(script=False).sign_in("jonas")
    one.see("Waits for you")
    one.goto("/reports/new")
    one.page.get_by_label("In one line").fill("Kept")
    one.page.get_by_label("What happened").fill("Kept as well.")
    one.page.locator("summary", has_text="More, if you know it").click()
    one.page.get_by_label("When it happened").fill("yesterday")
    one.press("Report")
    one.see("Please give date and time in UTC")
    assert one.page.get_by_label("In one line").input_value() == "Kept"


def test_hostile_words_are_shown_as_words(visit: Any) -> None:
    one = visit().sign_in("jonas")
    one.see("Waits for you")
    one.goto("/reports/new")
    one.page.get_by_label("In one line").fill(HOSTILE)
    one.page.get_by_label("What happened").fill(HOSTILE)
    one.press("Report")
    assert one.page.get_by_role("heading", name=HOSTILE).count() == 1
    one.goto("/reports")
    one.see(HOSTILE)


def test_what_was_pasted_is_recognised(visit: Any) -> None:
    one = visit(script=False).sign_in("jonas")
    one.see("Waits for you")
    one.goto("/reports/new")
    one.page.get_by_label("In one line").fill("Addresses from a log")
    one.page.get_by_label("What happened").fill("Beacons to hxxp://officestoragebox[.]com/api")
    one.press("Report")
    one.see("Recognised, to look for")
    one.see("http://officestoragebox.com/api")


def test_an_auditor_reads_and_is_offered_nothing(visit: Any, node: HubNode) -> None:
    report = node.record_report("Seen by the auditor")
    one = visit().sign_in("ada")
    one.see("Today")
    one.goto("/reports")
    one.see("Seen by the auditor")
    assert one.page.get_by_text("Report something").count() == 0
    one.goto(f"/reports/here/{report}")
    assert one.page.locator("main form").count() == 0
