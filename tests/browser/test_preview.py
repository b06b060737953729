"""“Who will see this?”: beside every form that shares, with scripts and without."""

from __future__ import annotations

from typing import Any, Final

import pytest

from hub.channels import queries
from policies.tlp import TLP
from sharing.db import reading
from tests.browser.nodes import HubNode
from tests.browser.test_reports import HOSTILE
from tests.browser.visitor import PHONE, Visitor

ASK: Final = "Who will see this?"


@pytest.fixture(scope="module")
def case(node: HubNode, grid: HubNode) -> str:
    channel = node.open_room("Trojanised update")
    node.take_in(channel, grid)
    return channel


def seq_of(node: HubNode, channel: str) -> int | None:
    with node.app.app_context(), reading() as session:
        return queries.get_visible_summary(session, node.person(), channel).seq


def ask_within(one: Visitor, form: str) -> Any:
    """Press the button in one form; give what the form then shows."""
    place = one.page.locator(f"form[action$='{form}']")
    place.get_by_role("button", name=ASK).click()
    sees = place.locator("[data-sees]")
    sees.locator("details[open]").first.wait_for()
    return sees


def test_a_note_says_who_reads_it_before_it_is_sent(
    visit: Any, node: HubNode, grid: HubNode, case: str, script: bool
) -> None:
    one = visit(script=script, size=PHONE).sign_in()
    one.see("Waits for you")
    one.goto(f"/channels/{case}")
    note = one.page.locator("form[action$='/notes']")
    note.get_by_text("Goes to Grid Operator.").wait_for()
    before = seq_of(node, case)
    words = f"Relay 7 is isolated, {script}."
    note.get_by_label("Write a note").fill(words)
    sees = ask_within(one, "/notes")
    sees.get_by_text("reads it: member.").first.wait_for()
    sees.get_by_text("its words are withheld until their author opens them").first.wait_for()
    sees.get_by_text("1 × note").first.wait_for()
    # Another label and a word for later members: asked again for exactly that.
    note.get_by_label("Label of the note").select_option(TLP.AMBER.value)
    note.get_by_label("Members who join later may read it too").check()
    sees = ask_within(one, "/notes")
    sees.get_by_text("Who joins later reads it, too.").wait_for()
    # Nothing was written so far, what was typed stands, and one click sends it.
    assert seq_of(node, case) == before
    assert note.get_by_label("Write a note").input_value() == words
    assert note.get_by_label("Members who join later may read it too").is_checked()
    one.press("Send")
    one.see("Your note stands in the history.")


def test_a_label_that_is_changed_is_looked_at_at_once(
    visit: Any, node: HubNode, grid: HubNode, case: str
) -> None:
    one = visit().sign_in()
    one.see("Waits for you")
    one.goto(f"/channels/{case}")
    note = one.page.locator("form[action$='/notes']")
    note.locator("details > summary", has_text="Goes to").click()
    note.get_by_text("its words are withheld").wait_for()
    note.get_by_label("Label of the note").select_option(TLP.GREEN.value)
    note.get_by_text("Who joins later reads it, too.").wait_for()
    assert note.locator("[data-sees] details[open]").count() == 1


def test_what_is_for_the_coordinator_alone_is_seen_to_go_to_it_alone(
    visit: Any, node: HubNode, grid: HubNode, case: str, script: bool
) -> None:
    one = visit(grid, script=script).sign_in("jonas")
    one.see("Waits for you")
    one.goto(f"/cases/{case}")
    form = one.page.locator("form[action$='/response']")
    form.get_by_label("We are affected").check()
    form.locator("summary", has_text="Since when").click()
    form.get_by_label("In your words").fill("The dispatch system is down.")
    form.get_by_label("For the coordinator alone").check()
    sees = ask_within(one, "/response")
    sees.get_by_text("coordinators and handlers alone").first.wait_for()
    sees.get_by_text(f"{grid.name} to {node.name}").first.wait_for()
    sees.get_by_text("Nobody joins here later.").first.wait_for()
    assert form.get_by_label("We are affected").is_checked()


def test_what_would_be_refused_says_so_beforehand(
    visit: Any, node: HubNode, grid: HubNode, case: str, script: bool
) -> None:
    one = visit(script=script).sign_in()
    one.see("Waits for you")
    one.goto(f"/cases/{case}")
    form = one.page.locator("form[action$='/joint']")
    form.locator("summary", has_text="You see it otherwise?").click()
    form.get_by_label("Say this level").select_option("critical")
    sees = ask_within(one, "/joint")
    sees.get_by_text("As it is filled in, it would be refused").wait_for()


def test_a_report_says_who_gets_it(visit: Any, node: HubNode, grid: HubNode, script: bool) -> None:
    report = node.record_report(f"Updater phones home, {script}")
    one = visit(script=script).sign_in()
    one.see("Waits for you")
    one.goto("/reports/new")
    one.see("It stays here: nobody else gets it.")
    one.goto(f"/reports/here/{report}")
    one.page.get_by_text("Goes to Grid Operator.").wait_for()
    sees = ask_within(one, "/submission")
    sees.get_by_text("reads it: member.").first.wait_for()
    sees.get_by_text("1 × incident").first.wait_for()
    one.goto(f"/reports/here/{report}")
    one.see("Recorded here; nobody else has read it.")


def test_hostile_words_are_shown_as_words(visit: Any, node: HubNode, script: bool) -> None:
    channel = node.open_case(HOSTILE)
    node.note_absent(channel, HOSTILE)
    one = visit(script=script).sign_in()
    one.see("Waits for you")
    one.goto(f"/channels/{channel}")
    one.page.get_by_label("Write a note").fill(HOSTILE)
    sees = ask_within(one, "/notes")
    sees.get_by_text(HOSTILE).first.wait_for()
    assert one.page.locator("[data-sees] script").count() == 0
    assert one.page.get_by_label("Write a note").input_value() == HOSTILE
