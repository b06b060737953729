from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.nodes import HubNode
from tests.browser.visitor import Visitor


@pytest.fixture
def other(tmp_path_factory: pytest.TempPathFactory, script: bool) -> Iterator[HubNode]:
    name = "Grid Operator" if script else "Software Vendor"
    running = HubNode(name, tmp_path_factory.mktemp("other"))
    yield running
    running.stop()


def make_invitation(one: Visitor, note: str) -> str:
    one.goto("/partners")
    one.page.get_by_role("link", name="New partner").first.click()
    one.page.get_by_label("For whom?").fill(note)
    one.press("Make an invitation")
    one.see("Copy it now: it is not shown again.")
    return one.page.locator("#line").inner_text()


def words_on(one: Visitor) -> list[str]:
    return one.page.locator("ol.phrase li").all_inner_texts()


def test_two_administrators_pair_compare_confirm_suspend_resume_and_end(
    visit: Any, node: HubNode, other: HubNode, script: bool
) -> None:
    here, there = visit(script=script).sign_in(), visit(other, script=script).sign_in()
    there.see("Waits for you")
    line = make_invitation(here, other.name)

    there.goto("/partners/new")
    there.page.get_by_label("Invitation").fill(line)
    there.press("Answer the invitation")
    there.see(f"{node.name} answered. Now compare the words.")
    here.goto("/")
    here.see(f"{other.name} wants to be your partner")
    here.page.get_by_role("link", name="Compare and confirm").click()
    assert len(words_on(here)) == 8
    assert words_on(here) == words_on(there)

    here.page.get_by_label("We compared it by telephone").check()
    here.press(f"Confirm {other.name}")
    here.see(f"Confirmed. Now {other.name} has to confirm you.")
    there.press(f"Confirm {node.name}")
    there.see("is confirmed by both sides. The exchange begins.")
    there.see("phrase not compared")
    here.goto("/partners")
    here.page.get_by_role("link", name=other.name).click()
    here.see("phrase compared")
    here.see("in touch")

    here.page.get_by_text("Suspend", exact=True).click()
    here.page.get_by_label("Reason").first.fill("their keys are in doubt")
    here.press(f"Suspend {other.name}")
    here.see("The exchange with this partner has stopped.")
    here.see("Their keys are in doubt.")
    here.press("Resume the exchange")
    here.see("goes on.")
    here.page.get_by_text("End the partnership", exact=True).click()
    here.press("End it")
    here.see("has ended.")


def test_an_invitation_is_taken_back_and_its_line_is_refused_with_what_to_do(
    visit: Any, other: HubNode, script: bool
) -> None:
    here, there = visit(script=script).sign_in(), visit(other, script=script).sign_in()
    there.see("Waits for you")
    line = make_invitation(here, f"nobody-{script}")
    here.goto("/partners")
    row = here.page.get_by_role("listitem").filter(has_text=f"nobody-{script}")
    row.get_by_role("button", name="Take back").click()
    here.see("The invitation is taken back.")
    there.goto("/partners/new")
    there.page.get_by_label("Invitation").fill(line)
    there.press("Answer the invitation")
    there.see("Ask the other side’s administrator for a new invitation.")
    assert there.page.get_by_label("Invitation").input_value() == line


@pytest.mark.parametrize(
    "line",
    [
        "hello",
        "coordination-invitation/1 http://127.0.0.1:1 x y",
        "coordination-invitation/1 " + "x" * 950,
    ],
)
def test_a_line_that_is_no_invitation_is_refused_beside_the_field(visit: Any, line: str) -> None:
    one = visit(script=False).sign_in()
    one.goto("/partners/new")
    one.page.get_by_label("Invitation").fill(line)
    one.press("Answer the invitation")
    assert one.page.get_by_label("Invitation").get_attribute("aria-invalid") == "true"
    assert one.page.locator("#paste-invitation-error").inner_text()


def test_a_handler_sees_partners_and_is_offered_nothing_to_change(visit: Any) -> None:
    one = visit().sign_in("jonas")
    one.goto("/partners")
    assert one.page.get_by_role("link", name="New partner").count() == 0
    one.goto("/partners/new")
    one.see("Not open to you")
