"""A community's charter from its proposal into force, and a case that is opened under it."""

from __future__ import annotations

from typing import Any

from tests.browser.nodes import HubNode
from tests.browser.test_reports import HOSTILE, waits
from tests.browser.visitor import PHONE


def test_a_charter_is_proposed_accepted_put_in_force_and_a_case_goes_by_it(
    visit: Any, node: HubNode, grid: HubNode, script: bool
) -> None:
    how = "with" if script else "without"
    name = f"Energy circle {how} scripts"
    channel = node.open_community(name)
    node.take_in(channel, grid, "member")
    here = visit(script=script).sign_in()
    here.see("Waits for you")
    here.goto(f"/channels/{channel}")
    here.page.get_by_role("link", name="The home of this community").click()
    here.see("No charter is in force.")
    here.page.get_by_role("link", name="Propose a charter").click()
    here.page.get_by_label("Its words").fill(f"We tell each other early, {how} scripts.")
    here.page.get_by_role("group", name="Who decides that a case is coordinated?").get_by_label(
        "More than half of the votes"
    ).check()
    here.press("Propose it")
    here.see("Proposed. Every member is asked")
    here.see("1 of 2 have accepted; 2 must")
    # The partner finds it on Today, reads it and accepts it with one click.
    there = visit(grid, script=script, size=PHONE).sign_in("jonas")
    waits(there, "/", f"A charter for {name}")
    there.page.get_by_role("link", name="Read and answer").first.click()
    there.see(f"We tell each other early, {how} scripts.")
    there.see("more than half of the votes")
    there.press("Accept it")
    there.see("Accepted for your organisation.")
    waits(here, f"/communities/{channel}", "Put it in force")
    here.press("Put it in force")
    here.see("The charter is in force.")
    waits(there, f"/communities/{channel}", "The charter in force")
    # A case goes by it: where the charter asks for a vote, one click asks the members.
    here.goto("/cases/new")
    here.page.get_by_label("Name").fill(f"Trojanised update {how} scripts")
    here.page.get_by_label("What is known").fill("A signed client loads a foreign library.")
    if here.page.get_by_label("By the charter of").count():
        here.page.get_by_label("By the charter of").select_option(label=name)
    here.press("Open the case")
    here.see("The case is open.")
    here.see("Goes by")
    assert here.page.get_by_role("link", name=name).count() == 1
    here.page.get_by_label("Why you would coordinate").fill("Two sectors are hit.")
    here.press("Ask the members")
    here.see("The members are asked: the charter asks for a vote.")
    here.page.get_by_role("button", name="Yes", exact=True).click()
    here.see("Your vote is cast.")
    here.press("Take it: yes")
    here.see("coordinated")
    # And one that nobody's charter covers is opened all the same, with the reason.
    here.goto("/cases/new")
    here.page.get_by_label("Name").fill(f"A matter of our own {how} scripts")
    here.page.get_by_label("What is known").fill("It concerns nobody else.")
    here.page.locator("summary", has_text="By no charter?").click()
    here.page.get_by_label("Why by none").fill("It concerns nobody of that circle.")
    here.press("Open the case")
    here.see("No charter: the coordinator decides alone.")
    here.see("It concerns nobody of that circle.")


def test_hostile_words_of_a_charter_are_shown_as_words(visit: Any, node: HubNode) -> None:
    channel = node.open_community(HOSTILE)
    one = visit().sign_in()
    one.see("Waits for you")
    one.goto(f"/communities/{channel}/charters/new")
    one.page.get_by_label("Its words").fill(HOSTILE)
    one.press("Propose it")
    assert one.page.get_by_role("heading", name=HOSTILE).count() == 1
    one.see(HOSTILE)
    one.page.locator("summary", has_text="Take the proposal back").click()
    one.page.get_by_label("Why").fill(HOSTILE)
    one.press("Take it back")
    one.see("Taken back, with the reason.")
    one.page.locator("summary", has_text="Proposed").click()
    assert one.page.get_by_text(HOSTILE).count() >= 3


def test_who_is_invited_reads_the_charter_and_accepts_it_by_joining(
    visit: Any, node: HubNode, grid: HubNode
) -> None:
    name = "Circle with a charter"
    channel = node.open_community(name)
    node.agree(channel, "We tell each other early, and blame nobody.")
    node.invite(channel, grid, "member")
    there = visit(grid, script=False, size=PHONE).sign_in("jonas")
    waits(there, "/", f"Invitation to {name}")
    there.goto(f"/invitations/{channel}")
    there.see("We tell each other early, and blame nobody.")
    there.page.get_by_label("Accept this charter for your organisation").check()
    there.page.get_by_role("button", name="Join as member").click()
    here = visit().sign_in()
    here.see("Waits for you")
    here.goto(f"/communities/{channel}")
    waits(here, f"/communities/{channel}", "Grid Operator")
    assert here.page.locator("li", has_text="Grid Operator").get_by_text("accepted").count() == 1
