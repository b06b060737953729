"""The rooms of a case: its timeline, what there is to look for; with scripts or without."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tests.browser.nodes import HubNode
from tests.browser.test_reports import HOSTILE
from tests.browser.visitor import PHONE


def test_what_happened_is_put_on_the_timeline_as_uncertain_as_it_is(
    visit: Any, node: HubNode, script: bool
) -> None:
    case = node.open_room(f"Update, {'with' if script else 'without'} scripts")
    here = visit(script=script, size=PHONE).sign_in()
    here.see("Waits for you")
    here.goto(f"/cases/{case}")
    here.page.get_by_role("link", name="Timeline").first.click()
    here.page.get_by_label("What happened").fill("First beacon")
    here.page.get_by_label("When, or at the earliest").fill("2026-02-30")
    here.press("Put it on the timeline")
    here.see("This is no time.")
    here.page.get_by_label("When, or at the earliest").fill("2025-03-01 14:30")
    here.press("Put it on the timeline")
    here.see("It is on the timeline")
    here.page.locator("summary", has_text="Until when").click()
    here.page.get_by_label("What happened").fill(HOSTILE)
    here.page.get_by_label("When, or at the earliest").fill("2025-02-03")
    here.page.get_by_label("At the latest").fill("2025-02-20")
    here.press("Put it on the timeline")
    here.see("It is on the timeline")
    table = here.page.locator("table")
    assert "between 2025-02-03 00:00 and 2025-02-20 23:59 UTC" in table.inner_text()
    assert here.page.locator("table strong", has_text=HOSTILE).count() == 1
    drawing = here.page.get_by_role("img", name="Timeline of Update")
    widths = [one.get_attribute("width") for one in drawing.locator("rect.is-event").all()]
    assert len(widths) == 2
    assert widths.count("12.0") == 1, widths
    assert drawing.locator("rect.is-uncertain").count() == 1
    assert "opened the case" in table.inner_text()
    here.page.get_by_role("link", name="Members").first.click()
    here.see("Its own entries are its word")
    here.page.get_by_role("link", name="Overview").first.click()
    here.see("Newest on the timeline")
    here.page.get_by_role("link", name="All of it").click()
    here.see("In words, newest first")
    if folder := os.environ.get("TOCSIN_SHOTS"):
        here.page.screenshot(path=str(Path(folder) / f"timeline-{script}.png"), full_page=True)


def test_what_was_pasted_is_shared_and_sighted_in_one_click(
    visit: Any, node: HubNode, script: bool
) -> None:
    case = node.open_room(f"Beacons, {'with' if script else 'without'} scripts")
    here = visit(script=script, size=PHONE).sign_in()
    here.see("Waits for you")
    here.goto(f"/cases/{case}")
    here.page.get_by_role("link", name="Intel").first.click()
    here.page.locator("summary", has_text="Share what to look for").click()
    here.page.get_by_label("Paste it").fill("Nothing of use.")
    here.press("Share it")
    here.see("Nothing to look for was recognised in it.")
    here.page.get_by_label("Paste it").fill("It talks to evil-updates[.]com.")
    here.press("Share it")
    here.see("Domain evil-updates.com")
    here.page.get_by_role("button", name="Searched, not found").click()
    here.see("Searched and not found by 1: National CERT.")
    here.page.locator("summary", has_text="Add a note").click()
    here.page.get_by_role("textbox", name="Note").fill(HOSTILE)
    here.press("Add it")
    here.see("Noted, for all members.")
    assert here.page.locator("p.said", has_text=HOSTILE).count() == 1
    here.page.get_by_role("link", name="Overview").first.click()
    newest = here.page.locator("section", has_text="Newest to look for").last
    assert newest.get_by_text("Domain evil-updates.com").count() >= 1
    assert newest.locator("p", has_text=HOSTILE).count() == 1
    newest.get_by_role("link", name="All intel").click()
    here.see("Shared in this case")
    if folder := os.environ.get("TOCSIN_SHOTS"):
        here.page.screenshot(path=str(Path(folder) / f"intel-{script}.png"), full_page=True)


def test_what_would_go_out_is_shown_before_it_is_shared_and_revoked_after(
    visit: Any, node: HubNode, script: bool
) -> None:
    case = node.open_room(f"Looked at, {'with' if script else 'without'} scripts")
    here = visit(script=script, size=PHONE).sign_in()
    here.see("Waits for you")
    here.goto(f"/cases/{case}/intel")
    here.page.locator("summary", has_text="Share what to look for").click()
    pasted = "It talks to evil-updates[.]com and 45.77.12[.]9, as seen by 10.0.0.7."
    form = here.page.locator("form[action$='/intel']")
    form.get_by_label("Paste it").fill(pasted)
    form.get_by_role("button", name="Who will see this?").click()
    sees = form.locator("[data-sees]")
    sees.get_by_text("Goes out as 2 indicators").wait_for()
    for summary in ("Goes out as 2 indicators", "Left out"):
        folded = sees.locator("details", has_text=summary)
        if folded.get_attribute("open") is None:
            folded.locator("summary").click()
    sees.get_by_text("Domain evil-updates.com").wait_for()
    sees.get_by_text("10.0.0.7").wait_for()
    assert here.page.get_by_text("Shared in this case").count() == 0
    assert form.get_by_label("Paste it").input_value() == pasted
    here.press("Share it")
    here.see("Domain evil-updates.com")
    line = here.page.locator("ol > li", has_text="Domain evil-updates.com")
    line.get_by_role("button", name="Revoke it").click()
    here.see("Revoked: all members are told")
    assert "revoked" in line.inner_text()
    assert line.get_by_role("button", name="Revoke it").count() == 0
    assert here.page.get_by_role("button", name="Revoke it").count() == 1
    if folder := os.environ.get("TOCSIN_SHOTS"):
        here.page.screenshot(path=str(Path(folder) / f"revoked-{script}.png"), full_page=True)
