"""A hospital's IT provider is dead, node and mail; there is danger to life: from three chairs.

Three hospitals lean on one provider. Nobody there answers but by telephone, and the coordinator
says for it what it told. With JavaScript, and without.

Source: domain, 1 (*Three in the morning*), 2 and 5; lifecycles, 1 (rule 6) and 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from hub import clock
from policies.assessment import Assessment, Danger, ResponseState
from policies.calls import Affected
from tests.browser.crowd import Crowd, until
from tests.browser.nodes import HubNode
from tests.browser.test_reports import waits
from tests.browser.test_walk_supply_chain import answer, here, report
from tests.browser.visitor import PHONE, Visitor

CIRCLE: Final = "Health circle"
SILENT: Final = timedelta(minutes=15)
TELEPHONE: Final = "+43 1 234"
TOLD: Final = "Everything is encrypted. It came in through remote maintenance: cut it off."


@dataclass
class Walk:
    """Three chairs: the coordinator's, a hospital's on a phone, the provider's once it is back."""

    crowd: Crowd
    community: str
    how: str
    desk: Visitor
    phone: Visitor
    case: str = ""
    crisis_call: str = ""

    @property
    def room(self) -> str:
        return f"/cases/{self.case}"

    @property
    def title(self) -> str:
        return f"The provider of three hospitals is down, {self.how}"

    @property
    def provider(self) -> HubNode:
        return self.crowd.partners[0]

    @property
    def spoken_for(self) -> str:
        """How the case knows the provider as long as its node is dead."""
        return f"{self.provider.name} (by telephone)"

    @property
    def ward(self) -> HubNode:
        return self.crowd.partners[1]

    @property
    def others(self) -> list[HubNode]:
        """Hospitals in front of which nobody sits."""
        return self.crowd.partners[2:-1]

    @property
    def authority(self) -> HubNode:
        return self.crowd.partners[-1]

    def a_hospital_reports_from_a_phone(self) -> None:
        told = f"Our systems are down, {self.how}"
        report(self.phone, told, "No images, no laboratory. Their hotline is dead, too.")
        answer(self.desk, told)
        self.desk.press("We have it")
        self.desk.see("They know that you have it.")

    def everybody_is_warned_and_the_silent_are_called(self) -> None:
        threat = f"Cut what leads to the provider, {self.how}."
        self.desk.goto(f"/channels/{self.community}")
        self.desk.page.locator("summary", has_text="Warn everybody").click()
        self.desk.page.get_by_label("What threatens").fill(threat)
        self.desk.press("Send the warning")
        self.desk.see("The warning is out.")
        warning = here(self.desk)
        answer(self.phone, threat)
        self.phone.press("We are affected")
        self.phone.see("They know that you have it.")
        ref = warning.rsplit("/", 1)[1]
        for one in (*self.others, self.authority):
            self.crowd.answer(self.community, ref, one, Affected.LOOKING)
        waits(self.desk, warning, f"{len(self.crowd.partners) - 1} of {len(self.crowd.partners)}")
        self.whom_to_call_stands_first()
        number = self.desk.page.locator("#silent").get_by_role("link", name=TELEPHONE).first
        assert number.get_attribute("href") == "tel:+431234"
        self.desk.see("apart from their systems")
        self.desk.page.locator("summary", has_text="Record what they told you").click()
        self.desk.page.get_by_label("What do they say?").select_option("yes")
        self.desk.page.get_by_label("Who told you?").fill("Their head of operations")
        self.desk.press("Record it")
        self.desk.see("Recorded as your statement")

    def whom_to_call_stands_first(self) -> None:
        """See on the page of a call that the provider alone is silent, with its telephone."""
        silent = self.desk.page.locator("#silent")
        assert silent.locator(".strong", has_text=self.provider.name).count() == 1
        silent.get_by_text(TELEPHONE).first.wait_for()
        assert self.desk.page.locator("main section").first.get_attribute("id") == "silent"

    def a_case_by_the_charter(self) -> None:
        self.desk.goto("/cases/new")
        self.desk.see("It goes by the charter of")
        self.desk.page.get_by_label("Name").fill(self.title)
        self.desk.page.get_by_label("What is known").fill("Three hospitals, one provider.")
        self.desk.press("Open the case")
        self.desk.see("The case is open.")
        self.desk.see("Goes by")
        self.case = here(self.desk).rsplit("/", 1)[1]
        self.invite("affected", self.ward, *self.others)
        self.invite("authority", self.authority)
        answer(self.phone, self.title)
        self.phone.page.get_by_role("button", name="Join as").click()
        self.crowd.join(self.case, [*self.others, self.authority])

    def invite(self, role: str, *organisations: HubNode) -> None:
        form = self.desk.page.locator("details", has_text="Invite organisations").last
        if form.get_attribute("open") is None:
            form.locator("summary").click()
        for one in organisations:
            form.get_by_label(one.name, exact=True).check()
        form.get_by_label("As what?").select_option(role)
        self.desk.press("Invite them")
        self.desk.see("Invited.")

    def the_provider_speaks_by_telephone(self) -> None:
        self.desk.goto(self.room)
        self.desk.page.locator("summary", has_text="Invite one without a node").click()
        form = self.desk.page.locator("#told form").last
        form.get_by_label("Who?").fill(self.spoken_for)
        form.get_by_label("As what?").select_option("supplier")
        form.get_by_label("How to reach them").fill(TELEPHONE)
        form.get_by_role("button", name="Invite").click()
        self.desk.see("Reach them:")
        self.desk.page.get_by_role("link", name="Record what they say").first.click()
        self.desk.press("They take part")
        self.desk.page.get_by_role("link", name="Record what they say").first.click()
        self.desk.page.get_by_label("They are affected").check()
        self.desk.page.locator("summary", has_text="Since when").click()
        self.desk.page.get_by_label("In their words").first.fill(TOLD)
        self.desk.press("Record how far")
        waits(self.phone, self.room, TOLD)

    def danger_to_life_is_possible_then_confirmed(self) -> None:
        waits(self.phone, "/", "does not know yet whether you are affected")
        self.phone.page.get_by_role("link", name="Look and say it").first.click()
        self.phone.page.get_by_label("We are affected").check()
        self.phone.press("Say it")
        self.phone.see("Said.")
        self.state_danger("possible")
        one, *_ = self.others
        self.crowd.say(self.case, one, ResponseState.AFFECTED, Assessment(danger=Danger.POSSIBLE))
        waits(self.desk, self.room, "Danger to life")
        assert self.desk.page.get_by_text("A crisis should be declared.").count() == 0
        self.state_danger("confirmed")
        # It stands first on Today, and leads to where one click does it.
        waits(self.desk, "/", "A crisis should be declared")
        first = self.desk.page.locator(".wait").first
        first.get_by_text(self.title).wait_for()
        first.get_by_role("link").click()
        self.desk.see("critical")

    def state_danger(self, danger: str) -> None:
        self.phone.goto(self.room)
        self.phone.page.locator("summary", has_text="How you are hit").click()
        self.phone.page.get_by_label("Danger to life").select_option(danger)
        self.phone.page.get_by_label("It still spreads").select_option("yes")
        self.phone.press("State it")
        self.phone.see("Stated.")

    def a_crisis_is_declared_and_all_are_called(self) -> None:
        self.desk.press("Declare a crisis")
        self.desk.see("It is a crisis, and all are called.")
        self.crisis_call = here(self.desk)
        answer(self.phone, "A crisis is declared.")
        self.phone.press("We are affected")
        self.phone.see("They know that you have it.")
        ref = self.crisis_call.rsplit("/", 1)[1]
        for one in (*self.others, self.authority):
            self.crowd.answer(self.case, ref, one, Affected.LOOKING)
        waits(self.desk, self.crisis_call, f"{len(self.crowd.partners) - 1} of")
        self.whom_to_call_stands_first()

    def it_is_told_decided_and_reviewed(self) -> None:
        # One step leads back to the room.
        self.desk.page.get_by_role("navigation", name="Way back").get_by_role("link").click()
        self.desk.page.locator("#severity").get_by_role("button", name="Tell all").click()
        self.desk.see("Everybody is told.")
        self.desk.page.get_by_label("Why you coordinate").fill("Lives hang on one provider.")
        self.desk.press("Start coordination")
        self.desk.see("Coordination has started.")
        self.review("No")
        self.review("Yes")
        waits(self.phone, self.room, "Lives hang on one provider.")
        self.phone.see("crisis")
        self.phone.see("critical")

    def review(self, word: str) -> None:
        form = self.desk.page.locator("details", has_text="Is it under control?").last
        form.locator("summary").first.click()
        form.get_by_label(word, exact=True).check()
        form.get_by_role("button", name="Tell all").click()
        self.desk.see("Everybody is told.")
        state = {"No": "not under control", "Yes": "under control"}[word]
        self.desk.page.locator(".page-head").get_by_text(state, exact=True).wait_for()

    def the_provider_is_invited_in_that_place(self) -> None:
        page = self.desk.goto(f"/channels/{self.case}")
        page.locator("summary", has_text="Invite").first.click()
        page.locator("#inv-organisation").select_option(label=self.provider.name)
        page.locator("#inv-role").select_option("supplier")
        page.locator("#inv-replaces").select_option(label=self.spoken_for)
        page.locator("form", has=page.locator("#inv-replaces")).get_by_role("button").click()
        self.desk.see("Invited.")

    def the_provider_comes_back_and_answers_for_itself(self, back: Visitor) -> None:
        back.see("Waits for you")
        answer(back, self.title)
        back.page.get_by_role("button", name="Join as").click()
        waits(self.desk, f"/channels/{self.case}", "Takes part with a node of its own now.")
        self.desk.press("Let them read what was said for them")
        # One word in the community stands in its name, two in the case: each has its answer.
        answer(back, f"in your name in {CIRCLE}")
        back.press("So we said")
        back.see("Confirmed.")
        answer(back, f"in your name in {self.title}")
        back.see(TOLD)
        part = back.page.locator("li", has_text="member.joined").filter(has_text="on behalf of")
        part.get_by_role("button", name="So we said").click()
        back.see("Confirmed.")
        said = back.page.locator("li", has_text="response.reported").filter(has_text=TOLD)
        said.get_by_role("button", name="So we did not say").click()
        back.see("Disputed.")
        waits(self.desk, f"/channels/{self.case}", f"Disputed by {self.provider.name}")


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Crowd:
    return Crowd(
        tmp_path_factory.mktemp("crowd"),
        "National CERT",
        "Hospital IT Provider",
        "General Hospital",
        "Children's Hospital",
        "Trauma Centre",
        "Health Authority",
    )


@pytest.fixture(scope="module")
def community(crowd: Crowd) -> str:
    """Give a community with a charter, in whose directory the provider says how to reach it."""
    channel = crowd.open_community(CIRCLE, charter="We call each other at any hour.")
    crowd.partners[0].say_how_to_reach_us(channel)
    until(lambda: crowd.can_reach(crowd.partners[0]))
    return channel


@pytest.fixture(scope="module")
def let_time_pass(crowd: Crowd) -> Iterator[Callable[[timedelta], None]]:
    """Give what sets the clock of all nodes ahead; they run on from there."""
    ahead = timedelta()

    def go_ahead(span: timedelta) -> None:
        nonlocal ahead
        ahead += span

    with clock.told_by(lambda: datetime.now(UTC) + ahead):
        yield go_ahead
        crowd.stop()


@pytest.fixture
def dead(
    crowd: Crowd, community: str, let_time_pass: Callable[[timedelta], None]
) -> Iterator[HubNode]:
    """Give the provider's node, that has not been heard from for a while."""
    provider = crowd.partners[0]
    provider.go_down()
    let_time_pass(SILENT)
    yield provider
    provider.come_up()


@pytest.mark.timeout(600)
def test_a_dead_provider_is_spoken_for_through_a_crisis_until_it_is_back(
    visit: Any, crowd: Crowd, community: str, dead: HubNode, script: bool
) -> None:
    walk = Walk(
        crowd,
        community,
        "with scripts" if script else "without scripts",
        desk=visit(crowd.coordinator, script=script).sign_in(),
        phone=visit(crowd.partners[1], script=script, size=PHONE).sign_in("jonas"),
    )
    for one in (walk.desk, walk.phone):
        one.see("Waits for you")
    walk.a_hospital_reports_from_a_phone()
    walk.everybody_is_warned_and_the_silent_are_called()
    walk.a_case_by_the_charter()
    walk.the_provider_speaks_by_telephone()
    walk.danger_to_life_is_possible_then_confirmed()
    walk.a_crisis_is_declared_and_all_are_called()
    walk.it_is_told_decided_and_reviewed()
    walk.the_provider_is_invited_in_that_place()
    dead.come_up()
    back = visit(dead, script=script).sign_in("jonas")
    walk.the_provider_comes_back_and_answers_for_itself(back)
