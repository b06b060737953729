"""Reports at the console: two real nodes and a partner that plays games, nothing but `tocsin`."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from policies.acts import Act
from tests.integration.test_hostile_reports import Games, said
from tests.kit.console import Console
from tests.kit.hostile_peer import peers
from tests.kit.nodes import running, settle

Consoles = tuple[Console, Console]
SCRIPT: Final = "Red\x1b[31m\nline"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Games]:
    folder = tmp_path_factory.mktemp("nodes")
    with running(folder, "CERT", "Grid") as (cert, grid), peers(cert.now, "Mallory") as (mallory,):
        mallory.pair(cert)
        made = Games(cert, grid, mallory)
        made.settle()
        yield made


@pytest.fixture(scope="module")
def consoles(games: Games) -> Consoles:
    """Give a CERT that coordinates and a grid operator that reports."""
    return Console(games.cert), Console(games.grid)


def settled(consoles: Consoles) -> None:
    settle(*(console.node for console in consoles))


def recorded(console: Console, *more: object) -> tuple[str, str]:
    """Record a report under a title of its own; give its title and id."""
    title = f"Updater {next(_numbers)} phones home"
    given = ("--text", "It loads a library.", *more)
    return title, console.run("report", "record", title, *given).stdout.strip()


def submitted(consoles: Consoles, *more: object) -> str:
    """Have the operator report something; give its title."""
    _, grid = consoles
    title, _report = recorded(grid)
    grid.run("report", "submit", title, "CERT", *more)
    settled(consoles)
    return title


def shown(consoles: Consoles, name: str) -> list[dict[str, Any]]:
    return [console.asks("report", "show", name) for console in consoles]


def test_a_report_goes_from_one_node_to_the_other_and_back(consoles: Consoles) -> None:
    cert, grid = consoles
    document = grid.asks(
        "report",
        "record",
        "Updater phones home",
        "--text",
        "-",
        "--occurred-at",
        "2026-11-20T07:00:00Z",
        stdin="The client loads\na library.",
    )
    report = document["id"]
    assert (document["kind"], document["tlp"], document["state"]) == ("event", "amber", "recorded")
    assert document["text"] == "The client loads\na library."
    given = ("incident", "--certainty", "actual", "--category", "system-compromise")
    assessed = grid.run("report", "assess", report[:13], *given)
    assert assessed.stdout == "“Updater phones home” is assessed\n"
    sent = grid.run("report", "submit", "updater phones HOME", "cert", "--help-wanted")
    assert sent.stdout.startswith("report.submitted is entry 1/")
    settled(consoles)
    row = next(
        line
        for line in cert.run("report", "list", "--incoming").stdout.splitlines()
        if "Updater phones home" in line
    )
    assert row.startswith("incoming\t–\tsubmitted\tincident\tUpdater phones home\tGrid\tamber\t")
    answer = cert.asks(
        "report",
        "acknowledge",
        "Updater phones home",
        "--next-contact",
        "2027-01-02T10:00:00Z",
        "--text",
        "We look into it.",
    )
    assert (answer["act"], answer["state"]) == ("report.acknowledged", "history")
    settled(consoles)
    reference = cert.asks("report", "show", "Updater phones home")["reference"]
    assert reference.startswith(f"CERT-{cert.node.now().year}-")
    grid.run("report", "add", reference, "It also asks for a strange name.")
    cert.run("report", "triage", reference.lower(), "incident")
    cert.run("channel", "open", "--kind", "case", "--name", "3CX", "--tlp", "amber")
    cert.run("report", "link", reference, "3CX")
    cert.run("report", "close", reference, "handled-in-case", "--text", "-", stdin="Thank you.")
    settled(consoles)
    one, other = shown(consoles, reference)
    assert one["words"] == other["words"]
    assert [said["text"] for said in one["words"] if said["text"]] == [
        "We look into it.",
        "It also asks for a strange name.",
        "Thank you.",
    ]
    assert [each["outcome"] for each in (one, other)] == ["handled-in-case"] * 2
    assert (one["case"] is not None, other["case"]) == (True, None)
    lines = grid.run("report", "show", reference).stdout
    for line in (
        "Updater phones home: incident, closed",
        f"reference     {reference}",
        "to            CERT",
        "asks for help yes",
        "text          The client loads a library.",
        "CERT, report.closed: Thank you.",
    ):
        assert line in lines


def test_what_was_closed_is_asked_again_and_taken_up_again(consoles: Consoles) -> None:
    cert, grid = consoles
    title = submitted(consoles)
    cert.run("report", "triage", title, "false-alarm", "--reason", "scan")
    cert.run("report", "close", title, "false-alarm")
    settled(consoles)
    assert "Ask again" in grid.run("report", "add", title, "It came back.", code=1).stderr
    grid.run("report", "ask-again", title, "-", stdin="It came back.")
    settled(consoles)
    assert [one["state"] for one in shown(consoles, title)] == ["acknowledged"] * 2
    taken = cert.run("report", "reopen", title, "--reason", "You are right.").stdout
    assert taken.startswith("report.reopened is entry 1/")
    cert.run("report", "triage", title, "incident")
    settled(consoles)
    assert grid.asks("report", "show", title)["triaged_as"] == "incident"
    grid.run("report", "withdraw", title, "--reason", "Wrong machine.")
    settled(consoles)
    assert [one["state"] for one in shown(consoles, title)] == ["withdrawn"] * 2
    refused = cert.run("report", "acknowledge", title, code=1).stderr
    assert "Grid has withdrawn this report" in refused


def test_what_was_recorded_is_changed_set_aside_and_taken_up_again(consoles: Consoles) -> None:
    _, grid = consoles
    title, report = recorded(grid, "--category", "brute-force")
    grid.run("report", "discard", title, "--reason", "A test.")
    refused = grid.run("report", "submit", title, "CERT", code=1).stderr
    assert "open: reopen" in refused
    again = grid.run("report", "reopen", title, "--reason", "-", stdin="No test.").stdout
    assert again == f"“{title}” is recorded\n"
    changed = grid.asks("report", "change", report, "--text", "More of it.", "--tlp", "green")
    assert (changed["text"], changed["tlp"], changed["title"]) == ("More of it.", "green", title)
    assert (changed["kind"], changed["category"]) == ("event", "brute-force")
    grid.run("report", "handle", title, code=1)
    grid.run("report", "assess", report, "near-miss", "--certainty", "actual")
    handled = grid.asks("report", "handle", report, "--reason", "Blocked at the door.")
    assert (handled["state"], handled["open_steps"]) == ("handled locally", ["reopen"])
    lines = grid.run("report", "show", report).stdout
    assert f"{title}: near-miss, handled locally" in lines
    assert "reason        Blocked at the door." in lines


def test_what_was_pasted_stays_until_something_else_is(consoles: Consoles, tmp_path: Path) -> None:
    cert, grid = consoles
    first, broken = tmp_path / "first.txt", tmp_path / "broken.txt"
    first.write_text("Seen: 185[.]220[.]101[.]5")
    broken.write_bytes(b"185.220.101.5\0")
    title, report = recorded(grid, "--pasted", first)
    changed = grid.asks("report", "change", report, "--text", "More of it.")
    assert changed["pasted"] == "Seen: 185[.]220[.]101[.]5"
    assert "pasted" in grid.run("report", "change", report, "--pasted", broken, code=1).stderr
    grid.run("report", "change", report, "--pasted", "/nowhere", code=2)
    both = ("--text", "-", "--pasted", "-")
    assert "once" in grid.run("report", "change", report, *both, code=2, stdin="x").stderr
    grid.run("report", "change", report, "--pasted", "-", stdin="Seen: officestoragebox[.]com")
    assert "pasted        Seen: officestoragebox[.]com" in grid.run("report", "show", report).stdout
    grid.run("report", "submit", report, "CERT")
    settled(consoles)
    assert [one["pattern"] for one in cert.asks("report", "show", title)["indicators"]] == [
        "[domain-name:value = 'officestoragebox.com']"
    ]


def test_another_text_may_leave_than_the_one_recorded(consoles: Consoles, tmp_path: Path) -> None:
    cert, grid = consoles
    inside, outside = tmp_path / "inside.txt", tmp_path / "outside.txt"
    inside.write_bytes(b"Transformer 7 \xff")
    outside.write_text("Something at an operator.")
    report = grid.run("report", "record", "Transformer 7", "--file", inside).stdout.strip()
    assert grid.asks("report", "show", report)["text"] == "Transformer 7 \ufffd"
    how = ("--title", "An operator", "--file", outside, "--attribution", "sector", "--tlp", "red")
    grid.run("report", "submit", report, "CERT", *how)
    settled(consoles)
    found = cert.asks("report", "show", "An operator")
    assert (found["text"], found["redacted"]) == ("Something at an operator.", True)
    assert (found["attribution"], found["tlp"]) == ("sector", "red")
    assert "Transformer" not in json.dumps(cert.asks("report", "list"))
    # The recorded one and what left of it are one report: by either title.
    mine = grid.asks("report", "show", report)
    assert grid.asks("report", "show", mine["report"])["title"] == "An operator"


def test_lists_hold_what_was_asked_for(consoles: Consoles) -> None:
    cert, grid = consoles
    title = submitted(consoles)
    alone, _ = recorded(grid)
    everything = grid.asks("report", "list")
    assert sorted(everything) == ["incoming", "outgoing", "recorded"]
    assert everything["incoming"] == []
    assert title in {one["title"] for one in everything["outgoing"]}
    assert {title, alone} <= {one["title"] for one in everything["recorded"]}
    assert sorted(grid.asks("report", "list", "--outgoing", "--incoming")) == [
        "incoming",
        "outgoing",
    ]
    assert len(grid.asks("report", "list", "--recorded", "--limit", "1")["recorded"]) == 1
    assert "no reports yet" in cert.run("report", "list", "--recorded").stdout
    for limit in ("0", "many"):
        grid.run("report", "list", "--limit", limit, code=2)


def test_a_partner_gives_its_report_the_name_of_another_and_takes_nothing(
    consoles: Consoles, games: Games
) -> None:
    cert, _ = consoles
    title = submitted(consoles)
    cert.run("report", "acknowledge", title)
    (true,) = (one for one in cert.asks("report", "list")["incoming"] if one["title"] == title)
    direct = games.open_direct(games.cert)
    places = []
    for called in (true["reference"], title, true["report"], true["report"][10:18]):
        stix_id = true["report"] if called == title else ""
        false = said(games, called, stix_id=stix_id)
        games.submits(direct, games.cert, false)
        places.append(f"{direct.id}/{false.stix_id}")
    # Its reference stands before any title, an id before whatever else.
    assert cert.asks("report", "show", true["reference"])["channel"] == true["channel"]
    refused = cert.run("report", "triage", title, "incident", code=1).stderr
    assert f"{true['channel']}/{true['report']}" in refused
    assert places[1] in refused
    assert "could be any of 2" in refused
    for ambiguous in (true["report"], true["report"][10:18]):
        cert.run("report", "triage", ambiguous, "incident", code=1)
    cert.run("report", "triage", f"{true['channel']}/{true['report']}", "incident")
    states = {
        one["channel"]: one["state"]
        for one in cert.asks("report", "list")["incoming"]
        if one["report"] == true["report"]
    }
    assert states == {true["channel"]: "triaged", direct.id: "submitted"}


def test_what_a_partner_wrote_plays_no_tricks_on_a_terminal(
    consoles: Consoles, games: Games
) -> None:
    cert, _ = consoles
    direct = games.open_direct(games.cert)
    false = said(games, SCRIPT, description=SCRIPT)
    games.submits(direct, games.cert, false)
    games.says_in(direct, games.cert, Act.REPORT_UPDATED, {"report": false.stix_id})
    place = f"{direct.id}/{false.stix_id}"
    for arguments in (("list",), ("show", place)):
        output = cert.run("report", *arguments).stdout
        assert "\x1b" not in output
        assert "\nline" not in output
    assert cert.asks("report", "show", place)["text"] == SCRIPT


ACTS: Final[tuple[tuple[str, ...], ...]] = (
    ("acknowledge",),
    ("triage", "incident"),
    ("link", "3CX"),
    ("close", "resolved"),
    ("reopen", "--reason", "x"),
    ("add", "x"),
    ("withdraw",),
    ("ask-again", "x"),
    ("submit", "CERT"),
    ("assess", "event", "--certainty", "actual"),
    ("discard", "--reason", "x"),
    ("handle",),
    ("change", "--title", "x"),
    ("show",),
)


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act[0])
def test_a_report_that_is_not_there_is_said_not_to_be_there(
    consoles: Consoles, act: tuple[str, ...]
) -> None:
    verb, *more = act
    for name in ("nowhere", "", " ", "CERT-1999-0001", "%", "x" * 300):
        refused = consoles[1].run("report", verb, name, *more, code=1).stderr
        assert "there is no" in refused


def test_each_side_does_what_is_its_own(consoles: Consoles) -> None:
    cert, grid = consoles
    title = submitted(consoles)
    for verb, *more in ACTS[:4]:
        assert "no incoming report" in grid.run("report", verb, title, *more, code=1).stderr
    for verb, *more in ACTS[5:8]:
        assert "no outgoing report" in cert.run("report", verb, title, *more, code=1).stderr
    for verb, *more in ACTS[8:13]:
        assert "no recorded report" in cert.run("report", verb, title, *more, code=1).stderr
    assert "not open now" in cert.run("report", "reopen", title, "--reason", "x", code=1).stderr
    assert "with the coordinator" in grid.run("report", "submit", title, "CERT", code=1).stderr
    assert "was not closed" in grid.run("report", "ask-again", title, "x", code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("record", "x"), 2, "needs --text or --file"),
        (("record", "x", "--text", "x", "--file", __file__), 2, "not both"),
        (("record", "x", "--file", "/nowhere"), 2, "does not exist"),
        (("record", "x", "--file", "/"), 2, "directory"),
        (("record", " ", "--text", "x"), 1, "needs its title"),
        (("record", "x" * 201, "--text", "x"), 1, "200"),
        (("record", "two\nlines", "--text", "x"), 1, "one line"),
        (("record", "x", "--text", " "), 1, "needs its text"),
        (("record", "x", "--text", "x" * 20_001), 1, "20000"),
        (("record", "x", "--text", "x", "--kind", "crime"), 2, "crime"),
        (("record", "x", "--text", "x", "--certainty", "maybe"), 2, "maybe"),
        (("record", "x", "--text", "x", "--category", "nonsense"), 1, "no category"),
        (("record", "x", "--text", "x", "--tlp", "white"), 1, "CLEAR"),
        (("record", "x", "--text", "x", "--occurred-at", "soon"), 1, "UTC time"),
        (("record", "x", "--text", "x", "--occurred-at", "2999-01-01T00:00:00Z"), 1, "future"),
        (("record", "x", "--text", "x", "--discovered-at", "2999-01-01T00:00:00Z"), 1, "future"),
        (("submit", "RECORDED", "Nobody"), 1, "no partner"),
        (("submit", "RECORDED", "CERT", "--attribution", "hidden"), 2, "hidden"),
        (("submit", "RECORDED", "CERT", "--tlp", "pink"), 1, "pink"),
        (("submit", "RECORDED", "CERT", "--text", ""), 1, "needs its text"),
        (("submit", "RECORDED", "CERT", "--title", " "), 1, "needs its title"),
        (("assess", "RECORDED", "crime", "--certainty", "actual"), 2, "crime"),
        (("assess", "RECORDED", "event"), 2, "--certainty"),
        (("discard", "RECORDED"), 2, "--reason"),
        (("discard", "RECORDED", "--reason", " "), 1, "say why"),
        (("reopen", "RECORDED", "--reason", "x"), 1, "does not take the step reopen"),
        (("change", "RECORDED", "--title", ""), 1, "needs its title"),
        (("add", "SUBMITTED", " "), 1, "some words"),
        (("withdraw", "SUBMITTED", "--reason", "x" * 20_001), 1, "20000"),
    ],
)
def test_what_is_refused_is_said_in_one_line(
    consoles: Consoles,
    names: dict[str, str],
    arguments: tuple[str, ...],
    code: int,
    reason: str,
) -> None:
    given = [names.get(one, one) for one in arguments]
    assert reason in consoles[1].run("report", *given, code=code).stderr


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("acknowledge", "SUBMITTED", "--reference", "two words"), 1, "reference"),
        (("acknowledge", "SUBMITTED", "--next-contact", "soon"), 1, "UTC time"),
        (("acknowledge", "SUBMITTED", "--next-contact", "2020-01-01T00:00:00Z"), 1, "ahead"),
        (("triage", "SUBMITTED", "crime"), 2, "crime"),
        (("triage", "SUBMITTED", "false-alarm"), 1, "says why"),
        (("triage", "SUBMITTED", "incident", "--reason", "scan"), 1, "says why"),
        (("triage", "SUBMITTED", "false-alarm", "--reason", "bored"), 2, "bored"),
        (("link", "SUBMITTED", "nowhere"), 1, "no channel"),
        (("link", "SUBMITTED", "CERT to Grid"), 1, "to a case that we coordinate"),
        (("close", "SUBMITTED", "lost"), 2, "lost"),
        (("close", "SUBMITTED", "resolved"), 1, "not open now"),
        (("reopen", "SUBMITTED", "--reason", " "), 1, "some words"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_in_one_line(
    consoles: Consoles,
    names: dict[str, str],
    arguments: tuple[str, ...],
    code: int,
    reason: str,
) -> None:
    cert, _ = consoles
    given = [names.get(one, one) for one in arguments]
    assert reason in cert.run("report", *given, code=code).stderr
    assert cert.asks("report", "show", names["SUBMITTED"])["state"] in {"submitted", "acknowledged"}


@pytest.fixture(scope="module")
def names(consoles: Consoles) -> dict[str, str]:
    """Give a report that waits here, and one that waits for an answer."""
    cert, grid = consoles
    # The CERT has answered something before, so that its own direct channel is there.
    cert.run("report", "acknowledge", submitted(consoles))
    return {"RECORDED": recorded(grid)[0], "SUBMITTED": submitted(consoles)}
