"""Warnings, checks and requests by `/api/v1/calls` and by `tocsin channel`."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from hub.channels import relay
from hub.channels.relay import Told
from hub.web import call_words
from policies.acts import Act
from policies.roles import PersonRole
from tests.kit.api import Api
from tests.kit.console import Console
from tests.kit.hostile_peer import signed_in
from tests.kit.nodes import RunningNode, running, settle

NOWHERE = "note--6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c0003"


@dataclass
class Story:
    """A CERT with a case, a grid operator in it, and a utility that has a telephone alone."""

    cert: RunningNode
    grid: RunningNode
    case: str
    water: str

    def settle(self) -> None:
        settle(self.cert, self.grid)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with running(tmp_path_factory.mktemp("programs"), "CERT", "Grid") as (cert, grid):
        case = cert.open("Pumps")
        cert.invite(case, grid)
        settle(cert, grid)
        grid.join(case)
        water = cert.does(relay.add_absent, case, name="Water Utility", roles=["affected"])
        told = Told("telephone", cert.now(), "Jo")
        cert.does(relay.relay, case, organisation=water, act=Act.MEMBER_JOINED, told=told)
        settle(cert, grid)
        yield Story(cert, grid, case, water)


def test_a_program_warns_and_reads_who_is_silent(story: Story) -> None:
    cert, grid = Api.of(story.cert), Api.of(story.grid)
    issued = cert.post(f"/calls/{story.case}/warnings", {"text": "Stop the updater."})
    path = f"/calls/{story.case}/{issued['ref']}"
    assert issued["written"]["state"] == "history"
    story.settle()
    waiting = grid.get("/calls")["items"]
    assert [one["ref"] for one in waiting if one["waits_for_us"]] == [issued["ref"]]
    written = grid.post(f"{path}/acknowledgements", {"affected": "looking", "text": "Wait."})
    assert (written["act"], written["state"]) == ("warning.acknowledged", "pending")
    story.settle()
    call = cert.get(path)["call"]
    assert [one["reply"] for one in call["addressees"]] == ["waiting", "answered"]
    assert call["addressees"][1]["affected"] == "looking"
    assert call["measured"]["within"][0] == [5, 1]
    told = {"organisation": story.water, "affected": "no", "informant": "Jo"}
    assert cert.post(f"{path}/told", told)["act"] == "warning.acknowledged"
    cert.post(f"{path}/additions", {"text": "One more thing.", "again": True})
    details = cert.get(path)
    assert [one["reply"] for one in details["call"]["addressees"]] == ["waiting"] * 2
    assert [one["asks_again"] for one in details["updates"]] == [True]
    assert cert.ask("POST", f"{path}/newcomers").status_code == 409
    assert cert.post(f"{path}/endings", {})["act"] == "warning.ended"
    refused = grid.ask("POST", f"{path}/endings", {})
    assert refused.status_code == 409
    listed = cert.get(f"/calls/{story.case}")["items"]
    assert [one["is_open"] for one in listed if one["ref"] == issued["ref"]] == [False]


def test_a_program_asks_answers_and_declines(story: Story) -> None:
    cert, grid = Api.of(story.cert), Api.of(story.grid)
    body = {"text": "How many machines?", "answers_to": "asker"}
    path = f"/calls/{story.case}/{cert.post(f'/calls/{story.case}/requests', body)['ref']}"
    story.settle()
    answer = grid.post(f"{path}/answers", {"text": "Four hundred."})
    assert answer["channel"] != story.case
    cert.post(f"{path}/told", {"organisation": story.water, "reason": "no-capacity"})
    story.settle()
    replies = {one["name"]: one for one in cert.get(path)["call"]["addressees"]}
    assert replies["Grid"]["text"] == "Four hundred."
    assert replies["Water Utility"]["reply"] == "declined"
    other = cert.post(f"/calls/{story.case}/requests", {"text": "And how many printers?"})
    story.settle()
    where = f"/calls/{story.case}/{other['ref']}"
    grid.post(f"{where}/refusals", {"reason": "other"})
    check = cert.post(f"/calls/{story.case}/checks", {})
    story.settle()
    there = f"/calls/{story.case}/{check['ref']}"
    assert grid.post(f"{there}/acknowledgements", {})["act"] == "check.acknowledged"


def test_a_program_is_refused_by_status(story: Story) -> None:
    cert = Api.of(story.cert)
    auditor = Api.of(story.cert, PersonRole.AUDITOR)
    warnings = f"/calls/{story.case}/warnings"
    for api, path, body, status in (
        (auditor, warnings, {"text": "No."}, 403),
        (cert, warnings, {"text": ""}, 400),
        (cert, warnings, {"text": "No.", "reply_by": "2020-01-01T00:00:00Z"}, 400),
        (cert, f"/calls/{story.case}/{NOWHERE}/endings", {}, 404),
    ):
        assert api.ask("POST", path, body).status_code == status, (path, body)
    for ref, status in ((NOWHERE, 404), ("nonsense", 404), ("%00", 400)):
        assert cert.ask("GET", f"/calls/{story.case}/{ref}").status_code == status, ref
    assert isinstance(auditor.get(f"/calls/{story.case}")["items"], list)


def test_a_person_at_the_console_warns_checks_asks_and_records_what_was_told(
    story: Story,
) -> None:
    cert, grid = Console(story.cert), Console(story.grid)
    ref = cert.asks("channel", "warn", "Pumps", "Close the valves.", "--to", "Grid")["ref"]
    story.settle()
    grid.run("channel", "acknowledge", "Pumps", ref, "--affected", "yes")
    story.settle()
    shown = cert.asks("channel", "show-call", "Pumps", ref[:14])["call"]
    assert [(one["name"], one["affected"]) for one in shown["addressees"]] == [("Grid", "yes")]
    cert.run("channel", "add-to-warning", "Pumps", ref, "Still closed.")
    # Only the grid operator was asked; the utility is asked now.
    cert.run("channel", "ask-newcomers", "Pumps", ref)
    assert (
        "all that have joined" in cert.run("channel", "ask-newcomers", "Pumps", ref, code=1).stderr
    )
    cert.run("channel", "end-call", "Pumps", ref)
    assert (
        "no warning, check or request"
        in cert.run("channel", "end-call", "Pumps", NOWHERE, code=1).stderr
    )
    check = cert.run("channel", "check", "Pumps").stdout.strip()
    told = ("--for", "Water Utility", "--informant", "Jo")
    cert.run("channel", "acknowledge", "Pumps", check, *told)
    lines = cert.run("channel", "calls", "Pumps").stdout
    assert "1 of 2" in lines
    question = cert.asks("channel", "ask", "Pumps", "How many?", "--answers-to-us")["ref"]
    story.settle()
    grid.run("channel", "answer-request", "Pumps", question, "Seven.")
    cert.run("channel", "decline-request", "Pumps", question, "--reason", "other", *told)
    story.settle()
    text = cert.run("channel", "show-call", "Pumps", question).stdout
    assert "answered      2 of 2" in text
    assert "Seven." in text


def test_no_call_falls_off_the_end_of_the_list(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert = Api.of(story.cert)
    other = story.cert.open("Valves")
    story.cert.invite(other, story.grid)
    story.settle()
    story.grid.join(other)
    story.settle()
    refs = []
    for number in range(7):
        issued = cert.post(f"/calls/{other}/requests", {"text": f"Question {number}"})
        refs.append(issued["ref"])
        if number not in {1, 4}:
            cert.post(f"/calls/{other}/{issued['ref']}/endings", {})
        if number % 2:
            story.cert.now.advance(seconds=1)  # type: ignore[attr-defined]
    walked = cert.walk(f"/calls/{other}", 2)
    assert [one["ref"] for one in walked] == [
        one["ref"] for one in cert.get(f"/calls/{other}", limit=200)["items"]
    ]
    assert sorted(one["ref"] for one in walked) == sorted(refs)
    assert [one["closed_at"] is None for one in walked] == [True] * 2 + [False] * 5
    cert.get(f"/calls/{other}", 400, cursor="bm9uZQ")
    monkeypatch.setattr(call_words, "PAGE", 2)
    browser, found, ended = signed_in(story.cert), [], ""
    address: str | None = f"/channels/{other}"
    while address is not None:
        shown = browser.get(address).text
        ended = shown.split('aria-labelledby="calls-title"')[1].split("</section>")[0]
        found += re.findall(r"Question \d", ended)
        older = re.search(r'href="([^"]*ended=[^"]*)"', ended)
        address = html.unescape(older[1]).partition("#")[0] if older else None
    assert sorted(set(found)) == [f"Question {number}" for number in range(7)]
    assert "Back to the newest" in ended
    console = Console(story.cert)
    assert len(console.asks("channel", "calls", other, "--all")) == 7
    assert len(console.asks("channel", "calls", other)) == 2


def test_cases_are_walked_in_their_order_each_once(story: Story) -> None:
    cert = Api.of(story.cert)
    made = []
    for number in range(5):
        made.append(cert.post("/cases", {"title": f"Walk {number}", "text": "Seen."})["channel"])
        if number % 2:
            story.cert.now.advance(seconds=1)  # type: ignore[attr-defined]
    walked = [one["channel"] for one in cert.walk("/cases", 2)]
    assert set(made) <= set(walked)
    assert len(walked) == len(set(walked))
    assert walked == [one["channel"] for one in cert.get("/cases", limit=200)["items"]]
    cert.get("/cases", 400, cursor="bm9uZQ")
