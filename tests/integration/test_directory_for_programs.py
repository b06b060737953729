"""The directory by `/api/v1/channels/{channel}/directory` and by `tocsin community`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from hub.channels import relay
from hub.channels.relay import Told
from policies.acts import Act, ChannelKind
from policies.roles import PersonRole
from tests.kit.api import Api
from tests.kit.console import Console
from tests.kit.nodes import RunningNode, running, settle

WAYS = [
    {"kind": "telephone", "words": "+43 1 234", "out_of_band": True, "ceiling": "amber"},
    {"kind": "e-mail", "words": "soc@grid.example"},
]
DESK = {"name": "Control room", "ways": WAYS}
OFFICE = {
    "days": ["mon", "fri"],
    "begins": "08:00",
    "ends": "18:00",
    "zone": "Europe/Vienna",
}


@dataclass
class Story:
    """A CERT with a community, a grid operator in it, and a utility that has a telephone alone."""

    cert: RunningNode
    grid: RunningNode
    place: str
    water: str

    def settle(self) -> None:
        settle(self.cert, self.grid)

    def of(self, name: str, by: RunningNode | None = None) -> dict[str, Any]:
        items = Api.of(by or self.cert).get(f"/channels/{self.place}/directory")["items"]
        found: dict[str, Any] = next(one for one in items if one["name"] == name)
        return found


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with running(tmp_path_factory.mktemp("programs"), "CERT", "Grid") as (cert, grid):
        place = cert.open("Energy sector", kind=ChannelKind.COMMUNITY)
        cert.invite(place, grid, "member")
        settle(cert, grid)
        grid.join(place)
        water = cert.does(relay.add_absent, place, name="Water Utility", roles=["member"])
        told = Told("telephone", cert.now(), "Jo")
        cert.does(relay.relay, place, organisation=water, act=Act.MEMBER_JOINED, told=told)
        settle(cert, grid)
        yield Story(cert, grid, place, water)


def test_a_program_states_changes_and_reads(story: Story) -> None:
    grid, path = Api.of(story.grid), f"/channels/{story.place}/directory"
    facts = {"sectors": ["energy"], "as_numbers": [64496], "domains": ["grid.example"]}
    points = [DESK, {"name": "Kim", "ways": WAYS[:1], "duty": "executive", "hours": OFFICE}]
    written = grid.post(path, {"points": points, "constituency": facts})
    assert (written["act"], written["state"]) == ("member.described", "pending")
    story.settle()
    found = story.of("Grid")
    assert [one["name"] for one in found["contacts"]] == ["Control room", "Kim"]
    desk, kim = found["contacts"]
    assert [(one["words"], one["link"], one["ceiling"]) for one in desk["ways"]] == [
        ("+43 1 234", "tel:+431234", "amber"),
        ("soc@grid.example", "mailto:soc@grid.example", None),
    ]
    assert (desk["on_duty"], desk["hours"], desk["freshness"]) == ("yes", None, "never")
    assert kim["hours"] == OFFICE
    assert found["constituency"]["domains"] == ["grid.example"]
    assert found["constituency"]["as_numbers"] == [64496]
    changed = DESK | {"name": "Shift leader", "ref": desk["ref"]}
    grid.post(f"{path}/points", {"point": changed})
    grid.post(f"{path}/removals", {"ref": kim["ref"]})
    grid.post(f"{path}/verifications", {})
    grid.post(f"{path}/constituency", {"constituency": {"services": ["hotline"]}})
    story.settle()
    found = story.of("Grid")
    assert [(one["name"], one["freshness"]) for one in found["contacts"]] == [
        ("Shift leader", "fresh")
    ]
    assert found["constituency"]["services"] == ["hotline"]
    people = Api.of(story.cert).get(f"{path}/people")["items"]
    assert [(one["name"], len(one["people"])) for one in people][:1] == [("Grid", 1)]
    first = Api.of(story.cert).get(path, limit=1)
    second = Api.of(story.cert).get(path, limit=1, cursor=first["next"])
    assert [one["name"] for one in first["items"] + second["items"]] == ["Grid", "CERT"]
    named = Api.of(story.cert).get(path, name="shift")["items"]
    assert [one["name"] for one in named] == ["Grid"]


def test_the_silent_in_a_call_come_with_whom_to_call(story: Story) -> None:
    cert = Api.of(story.cert)
    body = {"points": [DESK], "organisation": story.water, "informant": "Jo"}
    cert.post(f"/channels/{story.place}/directory", body)
    issued = cert.post(f"/calls/{story.place}/warnings", {"text": "Stop the updater."})
    call = cert.get(f"/calls/{story.place}/{issued['ref']}")["call"]
    people = {one["organisation"]: one["people"] for one in call["addressees"]}
    assert [one["name"] for one in people[story.water]] == ["Control room"]
    assert story.of("Water Utility", by=story.cert)["by_name"] == "CERT"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"point": DESK | {"hours": OFFICE | {"begins": "25:00"}}}, 400),
        ({"point": DESK | {"hours": OFFICE | {"zone": "Mars/Olympus"}}}, 400),
        ({"point": DESK | {"hours": OFFICE | {"zone": "+25:00"}}}, 400),
        ({"point": DESK | {"name": "a\nb"}}, 400),
        ({"point": DESK | {"ways": []}}, 400),
        ({"point": DESK | {"ref": "identity--6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c0003"}}, 404),
        ({"point": DESK, "organisation": "identity--6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c0003"}, 404),
    ],
)
def test_what_cannot_be_is_refused(story: Story, body: dict[str, Any], status: int) -> None:
    path = f"/channels/{story.place}/directory/points"
    refused = Api.of(story.cert).ask("POST", path, body)
    assert refused.status_code in ({400, 422} if status == 400 else {status}), refused.text


def test_who_has_no_right_finds_or_does_nothing(story: Story) -> None:
    path = f"/channels/{story.place}/directory"
    auditor = Api.of(story.cert, PersonRole.AUDITOR)
    assert auditor.ask("GET", path).status_code == 200
    assert auditor.ask("POST", path, {"points": []}).status_code == 403
    nowhere = "/channels/6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c0003/directory"
    for where in (nowhere, f"{nowhere}/people"):
        assert auditor.ask("GET", where).status_code == 404


def test_the_commands_say_the_same(story: Story) -> None:
    console = Console(story.cert)
    given = ("--way", "e-mail:noc@cert.example", "--out-of-band", "telephone:+43 1 555")
    console.run("community", "describe", story.place, "Duty officer", *given)
    hours = ("--day", "mon", "--from", "08:00", "--until", "16:00", "--zone", "+01:00")
    console.run("community", "describe", "Energy sector", "Duty officer", *given, *hours)
    console.run("community", "describe", story.place, "Press desk", *given, "--duty", "press")
    listed = console.asks("community", "directory", story.place, "--name", "CERT")
    assert [one["name"] for one in listed[0]["contacts"]] == ["Press desk", "Duty officer"]
    lines = console.run("community", "directory", story.place, "--name", "CERT").stdout
    assert "telephone +43 1 555 (out of band); e-mail noc@cert.example" in lines
    assert "Mon 08:00–16:00 +01:00" in lines
    console.run("community", "verify", story.place, "Duty officer")
    console.run("community", "take-back", story.place, "Press desk")
    facts = ("--sector", "research", "--domain", "cert.example", "--as-number", "64500")
    console.run("community", "answers-for", story.place, *facts)
    listed = console.asks("community", "directory", story.place, "--name", "CERT")
    assert [one["name"] for one in listed[0]["contacts"]] == ["Duty officer"]
    assert listed[0]["constituency"]["as_numbers"] == [64500]
    relayed = ("--for", "Water Utility", "--informant", "Jo")
    console.run("community", "describe", story.place, "Pump house", *given, *relayed)
    assert "Pump house" in console.run("community", "whom", story.place).stdout
    for wrong in (
        ("describe", story.place, "Duty officer", "--way", "pigeon:Ada"),
        ("describe", story.place, "Duty officer"),
        ("describe", story.place, "Duty officer", *given, "--from", "8 o'clock"),
        ("take-back", story.place, "Nobody"),
        ("answers-for", story.place, "--range", "300.0.0.0/8"),
        ("directory", "Nowhere"),
    ):
        console.run("community", *wrong, code=1)
