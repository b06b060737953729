from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import select

from federation.archive.verifying import verify_file
from federation.judging.doubt import Doubt
from federation.ledgers.ledger_records import (
    ChannelRecord,
    ContributionRecord,
    Delivery,
    EntryRecord,
    Standing,
)
from hub import clock
from hub.channels import service
from hub.office import current_office
from policies.tlp import TLP
from tests.browser.nodes import HubNode
from tests.browser.visitor import PHONE, Visitor

SLOW: Final = 30_000
"""Milliseconds in which another node's worker has certainly done its part."""


@pytest.fixture(scope="module")
def other(node: HubNode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubNode]:
    running = HubNode("Grid Operator", tmp_path_factory.mktemp("grid"))
    node.start_worker()
    running.start_worker()
    node.pair_with(running)
    yield running
    running.stop()


def invite(node: HubNode, other: HubNode, channel: str) -> None:
    with node.session() as session:
        service.invite(
            session,
            current_office().desk(session),
            node.person(),
            channel,
            organisation=other.organisation,
            roles=["affected"],
            reason="Your telephones run it.",
            now=clock.utcnow(),
        )


def see_at_last(one: Visitor, path: str, text: str) -> None:
    """Load a page until it shows what another node has to bring about first."""
    for _ in range(60):
        one.goto(path)
        if one.page.get_by_text(text).count():
            return
        one.page.wait_for_timeout(500)
    raise AssertionError(one.page.locator("main").inner_text())


def write_note(one: Visitor, text: str) -> None:
    one.page.get_by_label("Write a note").fill(text)
    one.press("Send")


def join(one: Visitor, name: str, role: str = "affected") -> None:
    see_at_last(one, "/", f"Invitation to {name}")
    waiting = one.page.locator("li.wait").filter(has_text=f"Invitation to {name}")
    waiting.get_by_role("link", name="Look and answer").click()
    one.press(f"Join as {role}")
    one.see("You join.")


def test_a_case_is_opened_joined_written_into_by_both_and_left(
    visit: Any, node: HubNode, other: HubNode, script: bool
) -> None:
    here = visit(script=script).sign_in()
    there = visit(other, script=script).sign_in("mara" if script else "jonas")
    there.see("Waits for you")
    name = f"Trojanised update {script}"
    here.goto("/channels")
    here.page.get_by_role("link", name="Open a channel").first.click()
    here.page.get_by_label("Name").fill(name)
    here.press("Open the channel")
    here.see("The channel is open. Now invite the others.")
    path = here.page.url.removeprefix(node.base_url)
    assert here.page.locator(".tlp-band").inner_text().startswith("TLP:AMBER")
    here.page.get_by_role("combobox", name="Who?").select_option(other.name)
    here.page.locator("#inv-role").select_option("affected")
    here.page.get_by_label("Why?").fill("Your telephones run it.")
    here.press("Invite")
    here.see("Invited. They read of it in your direct channel.")

    join(there, name)
    see_at_last(there, path, "Write a note")
    here.goto(path)
    write_note(here, "Isolate every workstation that runs it.")
    here.see("Your note stands in the history.")
    see_at_last(there, path, "Isolate every workstation that runs it.")
    write_note(there, "Found on 14, all isolated.")
    there.see("Your note is on its way to the coordinator.")
    see_at_last(here, path, "Found on 14, all isolated.")
    here.see(f"{other.name} wrote a note.")
    assert here.page.locator("#members").get_by_text(other.name).count()

    see_at_last(there, path, "Found on 14, all isolated.")
    there.page.get_by_text("Leave the channel").click()
    there.press("Leave this channel")
    there.see("You leave this channel.")
    see_at_last(there, path, "We are not a member any more.")
    see_at_last(here, path, f"{other.name} left")


def test_an_invitation_is_declined_and_taken_back(
    visit: Any, node: HubNode, other: HubNode
) -> None:
    there, here = visit(other, script=False).sign_in("jonas"), visit(script=False).sign_in()
    here.see("Waits for you")
    first, second = node.open_case("To be declined"), node.open_case("To be taken back")
    invite(node, other, first)
    invite(node, other, second)
    see_at_last(there, "/channels", "To be declined")
    there.goto(f"/invitations/{first}")
    there.see("Your telephones run it.")
    there.page.get_by_text("Decline", exact=True).click()
    there.press("Decline the invitation")
    there.see("You declined.")
    see_at_last(here, f"/channels/{first}", "declined")

    here.goto(f"/channels/{second}")
    here.page.get_by_text("Change", exact=True).click()
    here.press("Take the invitation back")
    here.see("The invitation is taken back.")
    see_at_last(there, f"/invitations/{second}", "It was taken back.")
    assert there.page.get_by_role("button", name="Join").count() == 0


def test_a_member_is_removed_with_a_reason_that_is_asked_for(
    visit: Any, node: HubNode, other: HubNode, script: bool
) -> None:
    here = visit(script=script).sign_in()
    there = visit(other, script=script).sign_in()
    there.see("Waits for you")
    name = f"To be removed {script}"
    channel = node.open_case(name)
    invite(node, other, channel)
    join(there, name)
    see_at_last(here, f"/channels/{channel}", "joined as affected")
    here.page.get_by_text("Change", exact=True).click()
    here.page.get_by_label("Why do they have to go?").fill("Their node is in doubt.")
    here.press(f"Remove {other.name}")
    here.see("Removed. From this entry on they read nothing more.")
    here.see("Their node is in doubt.")
    see_at_last(there, f"/channels/{channel}", "We are not a member any more.")
    assert there.page.get_by_label("Write a note").count() == 0


def test_what_is_written_while_the_coordinator_is_silent_waits_and_arrives(
    visit: Any, node: HubNode, other: HubNode
) -> None:
    there = visit(other, script=False).sign_in()
    there.see("Waits for you")
    channel = node.open_case("While silent")
    invite(node, other, channel)
    join(there, "While silent")
    path = f"/channels/{channel}"
    see_at_last(there, path, "Write a note")
    node.fall_silent()
    try:
        there.goto(path)
        write_note(there, "Written in the dark.")
        there.see("Your note is on its way to the coordinator.")
        see_at_last(there, path, "Ours, not in the history yet")
        see_at_last(there, path, "can’t be reached")
        there.goto(f"/partners/{node.organisation}")
        there.see("Waits to go out")
        there.see("A note of ours")
    finally:
        node.listen()
    see_at_last(there, path, "Written in the dark.")


def test_news_appear_without_reloading_where_scripts_run(
    visit: Any, node: HubNode, other: HubNode
) -> None:
    here = visit().sign_in("jonas")
    here.see("Waits for you")
    channel = node.open_case("Live")
    here.goto(f"/channels/{channel}")
    here.page.get_by_label("Write a note").fill("half a sent")
    with node.session() as session:
        service.add_note(
            session,
            current_office().desk(session),
            node.person(),
            channel,
            text="Somebody else was quicker.",
            now=clock.utcnow(),
        )
    here.page.get_by_text("Somebody else was quicker.").wait_for(timeout=SLOW)
    assert here.page.get_by_label("Write a note").input_value() == "half a sent"


def test_older_entries_are_one_page_away(visit: Any, node: HubNode, script: bool) -> None:
    channel = node.open_case("Long")
    for number in range(30):
        with node.session() as session:
            service.add_note(
                session,
                current_office().desk(session),
                node.person(),
                channel,
                text=f"note number {number}",
                now=clock.utcnow(),
            )
    here = visit(script=script).sign_in()
    here.see("Waits for you")
    here.goto(f"/channels/{channel}")
    assert here.page.locator("ol.history > li").count() == 25
    here.page.get_by_role("link", name="Older entries").click()
    here.see("note number 0")
    assert here.page.locator("ol.history > li").count() == 6
    here.page.get_by_role("link", name="Back to the newest").click()
    here.see("note number 29")


def test_the_ledger_is_downloaded_and_proves_itself_offline(visit: Any, node: HubNode) -> None:
    channel = node.open_case("To be proven")
    here = visit().sign_in()
    here.see("Waits for you")
    here.goto(f"/channels/{channel}")
    here.press("Check all of it now")
    here.see("All 1 entry prove")
    with here.page.expect_download() as loading:
        here.page.get_by_role("link", name="Download the ledger").click()
    download = loading.value
    assert download.suggested_filename.startswith(channel)
    assert download.suggested_filename.endswith(".coordination.jsonl")
    report = verify_file(io.BytesIO(download.path().read_bytes()))
    assert report.holds


def test_a_note_above_the_ceiling_is_refused_with_a_sentence(visit: Any, node: HubNode) -> None:
    channel = node.open_case("Up to green", TLP.GREEN)
    here = visit().sign_in("jonas")
    here.see("Waits for you")
    here.goto(f"/channels/{channel}")
    offered = here.page.locator("#note-tlp option").all_inner_texts()
    assert offered == ["TLP:GREEN", "TLP:CLEAR"]
    here.page.locator("#note-tlp option").first.evaluate("o => { o.value = 'red' }")
    here.page.locator("#note-tlp").select_option("red")
    write_note(here, "too secret")
    here.page.locator(".notice.is-trouble").wait_for()
    assert here.page.get_by_label("Write a note").input_value() == "too secret"


def test_who_may_only_read_is_offered_nothing_to_write(visit: Any, node: HubNode) -> None:
    channel = node.open_case("To be audited")
    one = visit().sign_in("ada")
    one.see("Waits for you")
    one.goto(f"/channels/{channel}")
    one.see("opened this case channel")
    assert one.page.get_by_label("Write a note").count() == 0
    assert one.page.get_by_text("Invite an organisation").count() == 0
    answer = one.context.request.get(f"/channels/{channel}/export")
    assert answer.ok


def test_a_channel_that_is_not_here_is_not_known(visit: Any) -> None:
    one = visit().sign_in()
    one.see("Waits for you")
    for path in (f"/channels/{UUID(int=1)}", f"/invitations/{UUID(int=1)}", "/channels/x"):
        one.goto(path)
        one.see("Nothing here")


def test_an_entry_without_effect_is_shown_with_its_reason(visit: Any, node: HubNode) -> None:
    channel = node.open_case("With a void")
    with node.session() as session:
        entry = session.scalars(select(EntryRecord).where(EntryRecord.channel == channel)).one()
        entry.void, entry.sentence = Doubt.NOT_PERMITTED.value, "the case was closed by then"
    one = visit().sign_in("jonas")
    one.see("Waits for you")
    one.goto(f"/channels/{channel}")
    one.see("Without effect:")
    one.see("The case was closed by then.")


@pytest.mark.parametrize("size", [PHONE, (1280, 800)], ids=["phone", "desktop"])
def test_a_frozen_channel_waits_on_today_and_says_the_way_out(
    visit: Any, node: HubNode, size: tuple[int, int]
) -> None:
    name = f"Frozen {size[0]}"
    channel = node.open_case(name)
    with node.session() as session:
        record = session.get_one(ChannelRecord, channel)
        record.standing, record.doubt = Standing.FROZEN, Doubt.FORK.value
        record.sentence, record.doubted_at = "two entries with number 7", clock.utcnow()
    one = visit(size=size).sign_in()
    one.see(f"{name} is frozen here")
    one.page.get_by_role("listitem").filter(has_text=name).get_by_role("link").first.click()
    one.see("This channel is frozen here.")
    one.see("The owner signed two different histories of this channel.")
    one.see("Two entries with number 7.")
    one.press("Try again")
    one.see("It is being read again.")
    handler = visit(size=size).sign_in("jonas")
    handler.see("Waits for you")
    handler.goto(f"/channels/{channel}")
    assert handler.page.get_by_role("button", name="Try again").count() == 0


def test_a_refused_contribution_waits_on_today_until_somebody_took_note(
    visit: Any, node: HubNode, other: HubNode, script: bool
) -> None:
    there = visit(other, script=script).sign_in()
    there.see("Waits for you")
    name = f"Refusing {script}"
    channel = node.open_case(name)
    invite(node, other, channel)
    join(there, name)
    path = f"/channels/{channel}"
    see_at_last(there, path, "Write a note")
    node.fall_silent()
    try:
        there.goto(path)
        write_note(there, "Nobody wants to read this.")
        there.see("Your note is on its way to the coordinator.")
        with other.session() as session:
            row = session.scalars(
                select(ContributionRecord).where(
                    ContributionRecord.channel == channel,
                    ContributionRecord.act == "note.added",
                )
            ).one()
            row.state, row.doubt = Delivery.REFUSED, Doubt.NOT_PERMITTED.value
            row.sentence = "the case does not take notes any more"
    finally:
        node.listen()
    there.goto("/")
    there.see(f"A note of ours was refused in {name}")
    there.see("The case does not take notes any more.")
    there.page.get_by_role("listitem").filter(has_text=name).get_by_role("link").first.click()
    there.press("I have taken note")
    there.goto("/")
    assert not re.search(f"refused in {name}", there.page.locator("main").inner_text())
