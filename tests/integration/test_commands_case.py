"""Cases at the console: three real nodes, nothing but `tocsin case`.

Source: lifecycles, 4 to 6; domain, 1 (*For the coordinator alone*).
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.audit.records import AuditRecord
from tests.kit.console import Console
from tests.kit.nodes import running, settle

Consoles = tuple[Console, Console, Console]
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def consoles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consoles]:
    with running(tmp_path_factory.mktemp("commands_case"), "CERT", "Grid", "Vendor") as nodes:
        cert, grid, vendor = (Console(node) for node in nodes)
        yield cert, grid, vendor


@pytest.fixture
def case(consoles: Consoles) -> str:
    """Give the title of a case of CERT's that Grid and Vendor have joined."""
    cert, *others = consoles
    title = f"Update {next(_numbers)}"
    channel = cert.run("case", "open", title, "--text", "It phones home.").stdout.strip()
    for other in others:
        cert.node.invite(channel, other.node)
    settled(consoles)
    for other in others:
        other.node.join(channel)
    settled(consoles)
    return title


def settled(consoles: Consoles) -> None:
    settle(*(console.node for console in consoles))


def says(consoles: Consoles, who: Console, verb: str, *arguments: str) -> str:
    """Run a command that writes, and let everybody hear of it; give its line."""
    line = who.run("case", verb, *arguments).stdout.strip()
    settled(consoles)
    return line


def member(document: Any, who: Console) -> Any:
    return next(
        row for row in document["organisations"] if row["organisation"] == who.node.organisation
    )


def test_a_case_goes_its_whole_course(consoles: Consoles, case: str) -> None:
    cert, grid, vendor = consoles
    assert "case.activated is entry 1/" in says(consoles, cert, "start", case, "--reason", "Now.")
    waiting = says(consoles, grid, "respond", case, "affected", "--since", "2026-01-01T00:00:00Z")
    assert waiting == "response.reported waits in the outbox"
    refused = cert.run("case", "recovered", case, code=1)
    assert "not recovered" in refused.stderr
    assert "review first" in cert.run("case", "crisis", case, "--end", code=1).stderr
    says(consoles, cert, "crisis", case, "--reason", "Lights go out.")
    assert vendor.asks("case", "show", case)["crisis"]
    says(consoles, cert, "control", case, "yes")
    says(consoles, cert, "crisis", case, "--end")
    says(consoles, vendor, "respond", case, "not-affected")
    assert "say why" in cert.run("case", "recovered", case, "--except", "grid", code=1).stderr
    says(consoles, cert, "recovered", case, "--except", "grid", "--reason", "One relay to go.")
    says(consoles, cert, "close", case, "--reason", "Done.")
    for console in consoles:
        here = console.asks("case", "show", case)
        assert (here["state"], here["crisis"], here["control"]) == ("closed", False, "yes")
        assert "One relay to go." in {one["text"] for one in here["words"]}
    says(consoles, cert, "reopen", case, "--reason", "It came back.")
    rows = {row["title"]: row["state"] for row in vendor.asks("case", "list")}
    assert rows[case] == "response"
    assert case in vendor.run("case", "list").stdout


def test_a_case_is_declined(consoles: Consoles, case: str) -> None:
    cert, grid, _ = consoles
    says(consoles, cert, "decline", case, "--reason", "One printer.")
    shown = grid.run("case", "show", case).stdout
    assert "declined" in shown
    assert "One printer." in shown
    assert "declined" in grid.run("case", "respond", case, "affected", "--alone", code=1).stderr


def test_what_is_stated_is_shown_with_what_it_comes_to(consoles: Consoles, case: str) -> None:
    cert, grid, vendor = consoles
    stated = ("--functional-impact", "significant", "--no-essential-service")
    says(consoles, grid, "assess", case, *stated, "--count", "system=3-12", "--text", "Three.")
    row = member(vendor.asks("case", "show", case), grid)
    assert row["assessment"] == {
        "functional_impact": "significant",
        "essential_service": False,
        "counts": {"system": {"low": 3, "high": 12}},
    }
    assert "assessment.joined is entry" in says(consoles, cert, "join", case)
    assert "nothing that others may know" in cert.run("case", "join", case, code=1).stderr
    assert "say why" in cert.run("case", "join", case, "--level", "critical", code=1).stderr
    says(consoles, cert, "join", case, "--level", "critical", "--reason", "Lives.")
    shown = vendor.run("case", "show", case).stdout
    joint = vendor.asks("case", "show", case)["joint"]
    assert (joint["said"], joint["said_derived"]) == ("critical", joint["derived"])
    assert f"derived here  {joint['derived']}" in shown
    for line in joint["lines"]:
        assert line["sentence"] in shown
    assert "functional_impact=significant" in shown
    assert "silent" in shown


def test_what_is_told_alone_is_shown_to_the_coordinator_alone(
    consoles: Consoles, case: str
) -> None:
    cert, grid, vendor = consoles
    says(consoles, grid, "assess", case, "--danger", "confirmed", "--still-spreading", "--alone")
    says(consoles, grid, "respond", case, "affected", "--alone", "--text", "The dam.")
    shown = cert.run("case", "show", case).stdout
    assert "you alone know critical" in shown
    assert "danger=confirmed" in shown
    told = vendor.run("case", "show", case).stdout
    assert "danger=confirmed" not in told
    assert "critical" not in told
    row = member(vendor.asks("case", "show", case), grid)
    assert (row["assessment_alone"], row["response_alone"], row["is_silent"]) == (None, None, True)
    assert (
        "you coordinate"
        in cert.run("case", "assess", case, "--alone", "--danger", "none", code=1).stderr
    )


def test_questions_are_voted_taken_and_taken_back(consoles: Consoles, case: str) -> None:
    cert, grid, vendor = consoles
    question = says(
        consoles, cert, "ask", case, "Shall we coordinate?", "--topic", "start-coordination"
    )
    assert "still to come" in cert.run("case", "take", case, question, "yes", code=1).stderr
    says(consoles, grid, "vote", case, "start-coordination", "yes")
    says(consoles, cert, "vote", case, question[:20], "yes")
    says(consoles, vendor, "vote", case, question, "no", "--dissent", "Too early.")
    shown = grid.run("case", "show", case).stdout
    assert "Vendor: no" in shown
    says(consoles, cert, "take", case, question, "yes")
    assert vendor.asks("case", "show", case)["state"] == "response"
    other = says(
        consoles,
        cert,
        "ask",
        case,
        "How?",
        "--option",
        "patch",
        "--option",
        "wait",
        "--by",
        "unanimity",
    )
    says(consoles, cert, "withdraw", case, other, "--reason", "Patched.")
    states = {
        one["decision"]: one["state"] for one in vendor.asks("case", "show", case)["decisions"]
    }
    assert states == {question: "taken", other: "withdrawn"}


def test_refusals_are_one_line_and_misuse_is_another_thing(consoles: Consoles, case: str) -> None:
    cert, grid, _ = consoles
    assert "no case “Nothing”" in cert.run("case", "show", "Nothing", code=1).stderr
    assert "no decision" in cert.run("case", "vote", case, "note--0", "yes", code=1).stderr
    assert "for the owner" in grid.run("case", "start", case, "--reason", "Mine.", code=1).stderr
    assert "state at least one thing" in grid.run("case", "assess", case, code=1).stderr
    crooked = grid.run("case", "assess", case, "--count", "system=many", code=1)
    assert "counts nothing" in crooked.stderr
    backwards = grid.run("case", "assess", case, "--count", "system=9-3", code=1)
    assert backwards.stderr
    no_part = cert.run("case", "recovered", case, "--except", "Nobody", "--reason", "So.", code=1)
    assert "no part" in no_part.stderr
    until = ("--delegate", "publication")
    assert "until when" in cert.run("case", "crisis", case, *until, code=1).stderr
    cert.run("case", "crisis", case, "--end", *until, code=2)
    cert.run("case", "start", case, code=2)
    cert.run("case", "respond", case, "fine", code=2)
    cert.run("case", "assess", case, "--confidence", "101", code=2)


def test_a_case_is_named_by_title_id_or_its_beginning(consoles: Consoles, case: str) -> None:
    cert, *_ = consoles
    channel = cert.asks("case", "show", case.upper())["channel"]
    for name in (channel, channel[:13]):
        assert cert.asks("case", "show", name)["title"] == case
    twin = cert.run("case", "open", case).stdout.strip()
    several = cert.run("case", "show", case, code=1).stderr
    assert "could be any of 2 cases" in several
    with cert.node.reading() as session:
        query = select(AuditRecord.subject).where(AuditRecord.action == "case.read")
        read = session.scalars(query).all()
    assert (read.count(channel), read.count(twin)) == (3, 0)


def test_what_happened_is_put_on_the_timeline(consoles: Consoles, case: str) -> None:
    cert, grid, _ = consoles
    says(consoles, grid, "event", case, "First beacon", "--when", "2025-03-01 14:30")
    shown = cert.run("case", "timeline", case).stdout
    assert "2025-03-01 14:30 UTC" in shown
    assert "First beacon" in shown
    assert "opened the case" in shown
    (last,) = json.loads(cert.run("case", "timeline", case, "--json", "--limit", "50").stdout)[-1:]
    assert (last["text"], last["precision"]) == ("First beacon", "minute")


def test_members_are_listed_with_what_they_hold(consoles: Consoles, case: str) -> None:
    cert, grid, _ = consoles
    says(consoles, grid, "respond", case, "contained")
    shown = cert.run("case", "members", case).stdout
    assert "contained" in shown
    assert "silent" in shown
    assert "it wrote this ledger" in shown


def test_intel_is_shared_from_a_file_and_sighted(
    consoles: Consoles, case: str, tmp_path: Path
) -> None:
    cert, grid, vendor = consoles
    pasted = tmp_path / "pasted.txt"
    pasted.write_text("Blocked: evil-updates[.]com", encoding="utf-8")
    says(consoles, grid, "share", case, str(pasted))
    (one,) = json.loads(cert.run("case", "intel", case, "--json").stdout)
    assert one["title"] == "Domain evil-updates.com"
    says(consoles, vendor, "sight", case, one["ref"], "seen")
    shown = cert.run("case", "intel", case).stdout
    assert "seen by 1: Vendor" in shown
    assert grid.run("case", "recognise", str(pasted)).stdout == (
        "goes out  Domain evil-updates.com\n"
    )
    says(consoles, grid, "revoke", case, one["ref"])
    assert "revoked" in cert.run("case", "intel", case).stdout
