"""A vendor's build system is the source: from two reports to a decision, from three chairs.

Ten organisations use what the vendor ships. Eight have nodes; a water utility has a telephone, and
one does not want to be named. An authority reads. With JavaScript, and without.

Source: domain, 1 (*Three in the morning*), 2 and 8.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest

from policies.assessment import Assessment, FunctionalImpact, ResponseState, Span
from policies.calls import Affected
from tests.browser.crowd import Crowd
from tests.browser.nodes import HubNode
from tests.browser.test_reports import waits
from tests.browser.visitor import PHONE, Visitor

USERS: Final = (
    "Grid Operator",
    "Hospital Group",
    "Harbour Authority",
    "Regional Bank",
    "Rail Company",
    "Food Retailer",
    "Broadcaster",
    "University",
)
SEEN_BY_USER: Final = "Beacons to hxxps://glcloudservice[.]com/v1/console, pbxphonenetwork[.]com"
SEEN_BY_VENDOR: Final = "Our own client calls https://glcloudservice.com/v1/console"


@dataclass
class Walk:
    """Three chairs around one incident: the coordinator's, a user's on a phone, the vendor's."""

    crowd: Crowd
    community: str
    how: str
    desk: Visitor
    phone: Visitor
    maker: Visitor
    users: int = len(USERS) - 1
    """How many take part in front of whom nobody sits."""
    case: str = ""

    @property
    def room(self) -> str:
        return f"/cases/{self.case}"

    @property
    def grid(self) -> HubNode:
        return self.crowd.partners[1]

    @property
    def others(self) -> list[HubNode]:
        return self.crowd.partners[2 : 2 + self.users]

    def two_reports_of_one_thing(self) -> None:
        report(self.phone, f"Strange traffic, {self.how}", SEEN_BY_USER)
        report(self.maker, f"Our build is not ours, {self.how}", SEEN_BY_VENDOR)
        for told in (f"Strange traffic, {self.how}", f"Our build is not ours, {self.how}"):
            answer(self.desk, told)
            self.desk.press("We have it")
            self.desk.see("They know that you have it.")
        # That it is one thing shows by what they name.
        self.desk.see("This may be known already.")
        self.desk.see(f"Strange traffic, {self.how}")

    def a_warning_to_all(self) -> None:
        threat = f"Stop the telephone client, {self.how}."
        self.desk.goto(f"/channels/{self.community}")
        self.desk.page.locator("summary", has_text="Warn everybody").click()
        self.desk.page.get_by_label("What threatens").fill(threat)
        self.desk.press("Send the warning")
        self.desk.see("The warning is out.")
        warning = here(self.desk)
        answer(self.phone, threat)
        self.phone.press("We are affected")
        self.phone.see("They know that you have it.")
        for one in self.others:
            ref = warning.rsplit("/", 1)[1]
            self.crowd.answer(self.community, ref, one, Affected.LOOKING)
        told = f"{len(self.others) + 1} of {len(self.crowd.partners)} answered"
        waits(self.desk, warning, told)

    def a_case_with_ten_users(self) -> None:
        title = f"The telephone client is trojanised, {self.how}"
        self.desk.goto("/cases/new")
        self.desk.page.get_by_label("Name").fill(title)
        self.desk.page.get_by_label("What is known").fill("A signed client loads a library.")
        self.desk.press("Open the case")
        self.desk.see("The case is open.")
        self.case = here(self.desk).rsplit("/", 1)[1]
        vendor, authority = self.crowd.partners[0], self.crowd.partners[-1]
        self.invite("affected", self.grid, *self.others)
        self.invite("supplier", vendor)
        self.invite("authority", authority)
        for one in (self.phone, self.maker):
            answer(one, title)
            one.page.get_by_role("button", name="Join as").click()
        self.crowd.join(self.case, [*self.others, authority])
        self.take_in_by_telephone("Water Utility", unnamed=False)
        self.take_in_by_telephone("Armaments Maker", unnamed=True)

    def invite(self, role: str, *organisations: HubNode) -> None:
        form = self.desk.page.locator("details", has_text="Invite organisations").last
        if form.get_attribute("open") is None:
            form.locator("summary").click()
        for one in organisations:
            self.desk.page.get_by_label(one.name, exact=True).check()
        form.get_by_label("As what?").select_option(role)
        self.desk.page.get_by_label("Why they?").fill("You have to do with that client.")
        self.desk.press("Invite them")
        self.desk.see("Invited.")

    def take_in_by_telephone(self, name: str, *, unnamed: bool) -> None:
        page = self.desk.goto(f"/channels/{self.case}")
        page.locator("summary", has_text="Add one without a node").click()
        page.locator("#abs-name").fill(name)
        page.locator("#abs-role").select_option("affected")
        if unnamed:
            page.get_by_label("Keep the name here").check()
        page.get_by_role("button", name="Add", exact=True).click()
        self.desk.see("They are noted.")
        page.locator("summary", has_text="Record what somebody told you").click()
        option = page.locator("#told-organisation option", has_text=name)
        page.locator("#told-organisation").select_option(option.first.get_attribute("value"))
        page.locator("#told-act").select_option("member.joined")
        self.desk.press("Record it")
        self.desk.see("Recorded as your statement")

    def each_says_how_it_is_hit(self) -> None:
        for at, one in enumerate(self.others):
            hit = Assessment(
                functional_impact=FunctionalImpact.SIGNIFICANT,
                counts={"system": Span(at, 10 * at)},
            )
            self.crowd.say(self.case, one, ResponseState.AFFECTED, hit if at % 2 else None)
        self.phone.goto(self.room)
        self.phone.page.get_by_label("We are affected").check()
        self.phone.press("Say it")
        self.phone.see("Said.")
        self.phone.page.locator("summary", has_text="How you are hit").click()
        self.phone.page.get_by_label("Functional impact").select_option("denial")
        self.phone.page.locator("#assess-alone").check()
        self.phone.press("State it")
        self.phone.see("Stated.")

    def a_decision_to_coordinate(self) -> None:
        waits(self.desk, self.room, "Grid Operator, to you alone")
        self.desk.page.get_by_role("button", name="Tell all").first.click()
        self.desk.see("Everybody is told.")
        self.desk.page.get_by_label("Why you coordinate").fill("Ten are hit through one vendor.")
        self.desk.press("Start coordination")
        self.desk.see("Coordination has started.")

    def everybody_reads_what_is_for_it(self, reader: Visitor) -> None:
        for one in (self.phone, self.maker, reader):
            waits(one, self.room, "Ten are hit through one vendor.")
            one.see("coordinated")
            assert one.page.get_by_text("Armaments").count() == 0
        self.phone.see("Grid Operator, to the coordinator alone")
        for one in (self.maker, reader):
            assert one.page.locator("th", has_text="alone").count() == 0
        assert reader.page.get_by_role("heading", name="Your organisation").count() == 0


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    made = Crowd(
        tmp_path_factory.mktemp("crowd"),
        "National CERT",
        "Telephony Vendor",
        *USERS,
        "Supervisory Authority",
    )
    yield made
    made.stop()


@pytest.fixture(scope="module")
def community(crowd: Crowd) -> str:
    return crowd.open_community("Supply chain circle")


@pytest.mark.timeout(600)
def test_a_trojanised_client_comes_from_two_reports_to_a_decision(
    visit: Any, crowd: Crowd, community: str, script: bool
) -> None:
    walk = Walk(
        crowd,
        community,
        "with scripts" if script else "without scripts",
        desk=visit(crowd.coordinator, script=script).sign_in(),
        phone=visit(crowd.partners[1], script=script, size=PHONE).sign_in("jonas"),
        maker=visit(crowd.partners[0], script=script).sign_in("jonas"),
        users=len(USERS) - 1 if script else 2,
    )
    for one in (walk.desk, walk.phone, walk.maker):
        one.see("Waits for you")
    walk.two_reports_of_one_thing()
    walk.a_warning_to_all()
    walk.a_case_with_ten_users()
    walk.each_says_how_it_is_hit()
    walk.a_decision_to_coordinate()
    reader = visit(crowd.partners[-1], script=script).sign_in("jonas")
    reader.see("Waits for you")
    walk.everybody_reads_what_is_for_it(reader)


def here(one: Visitor) -> str:
    """Give the path of the page that somebody looks at."""
    return one.page.url.removeprefix(one.node.base_url).partition("#")[0]


def answer(one: Visitor, text: str) -> None:
    """Go from Today to what waits there with these words."""
    waits(one, "/", text)
    waiting = one.page.locator(".wait", has_text=text).first
    waiting.get_by_role("link", name="Look and answer").click()


def report(one: Visitor, title: str, what: str) -> None:
    """Report something to the coordinator."""
    one.goto("/reports/new")
    one.page.get_by_label("In one line").fill(title)
    one.page.get_by_label("What happened").fill(what)
    one.page.get_by_label("Send it at once to").select_option(label="National CERT")
    one.press("Report")
    one.see("It is on its way.")
