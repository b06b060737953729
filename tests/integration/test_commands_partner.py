"""Pairing at the console: real nodes, real HTTP, nothing but `tocsin partner`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.console import Console, strangers
from tests.kit.nodes import settle


@pytest.fixture
def consoles(tmp_path: Path) -> Iterator[tuple[Console, Console]]:
    with strangers(tmp_path, "CERT", "Grid Operator") as (cert, grid):
        yield Console(cert), Console(grid)


def test_two_organisations_pair_at_their_consoles(consoles: tuple[Console, Console]) -> None:
    cert, grid = consoles
    assert "partner invite" in cert.run("partner", "list").stdout
    line = cert.run("partner", "invite", "--note", "for the grid operator").stdout.strip()
    assert line.startswith("coordination-invitation/1 http://127.0.0.1:")
    accepted = grid.run("partner", "accept", line)
    assert "CERT answered" in accepted.stdout
    assert "tocsin partner confirm CERT --compared" in accepted.stdout
    theirs, ours = (
        grid.asks("partner", "show", "CERT"),
        cert.asks("partner", "show", "grid operator"),
    )
    assert theirs["phrase"] == ours["phrase"]
    assert len(ours["phrase"]) == 8
    assert (theirs["state"], ours["state"]) == ("to confirm", "to confirm")

    waiting = grid.run("partner", "confirm", "CERT", "--compared")
    assert "has to confirm you" in waiting.stdout
    assert cert.asks("partner", "confirm", "Grid Operator", "--not-compared")["state"] == "active"
    settle(cert.node, grid.node)
    assert grid.asks("partner", "show", "CERT")["state"] == "active"
    assert "words were not compared" in cert.run("partner", "show", "Grid Operator").stdout
    (row,) = cert.asks("partner", "list")
    assert (row["name"], row["state"], row["phrase_compared"]) == ("Grid Operator", "active", False)
    assert cert.run("partner", "list").stdout.startswith("Grid Operator\tactive\tno\t")


def test_every_step_may_be_repeated(consoles: tuple[Console, Console]) -> None:
    cert, grid = consoles
    line = cert.asks("partner", "invite")["line"]
    grid.run("partner", "accept", "-", stdin=line.replace(" ", "\n") + "\n")
    again = grid.run("partner", "accept", *line.split())
    assert "has our answer already" in again.stdout
    for _ in range(2):
        grid.run("partner", "confirm", "CERT", "--compared")
        cert.run("partner", "confirm", "Grid Operator", "--compared")
    organisation = cert.asks("partner", "list")[0]["organisation"]
    for _ in range(2):
        document = cert.asks("partner", "suspend", organisation, "--reason", "a drill")
        assert (document["state"], document["reason"]) == ("suspended", "a drill")
    for _ in range(2):
        assert cert.asks("partner", "resume", organisation)["state"] == "active"
    for _ in range(2):
        assert cert.asks("partner", "end", organisation)["state"] == "ended"
    assert "ended" in cert.run("partner", "resume", organisation, code=1).stderr
    assert "nothing to confirm" in cert.run("partner", "confirm", organisation, code=1).stderr


def test_what_is_refused_is_said_in_one_line(consoles: tuple[Console, Console]) -> None:
    cert, grid = consoles
    assert "no partner “nobody”" in cert.run("partner", "show", "nobody", code=1).stderr
    assert "not an invitation" in cert.run("partner", "accept", "nonsense", code=1).stderr
    cert.run("partner", "invite", "--note", "x" * 201, code=1)
    cert.run("partner", "accept", code=2)
    cert.run("partner", "show", code=2)
    own = cert.asks("partner", "invite")["line"]
    assert "your own node" in cert.run("partner", "accept", own, code=1).stderr
    wrong = own[:-22] + "A" * 22
    gone = grid.run("partner", "accept", wrong, code=1).stderr
    assert "used before, has expired, or was never given" in gone
    grid.run("partner", "accept", own)
    misuse = grid.run("partner", "confirm", "CERT", code=2)
    assert "--compared or --not-compared" in misuse.stderr


def test_a_partner_that_does_not_answer_is_named(consoles: tuple[Console, Console]) -> None:
    cert, grid = consoles
    line = cert.asks("partner", "invite")["line"]
    silent = line.replace(cert.node.base_url, "http://127.0.0.1:1")
    refused = grid.run("partner", "accept", silent, code=1)
    assert "127.0.0.1" in refused.stderr


def test_a_name_that_two_have_is_not_guessed(tmp_path: Path) -> None:
    with strangers(tmp_path, "CERT", "Grid", "GRID") as (cert, *grids):
        console = Console(cert)
        for one in grids:
            Console(one).run("partner", "accept", console.asks("partner", "invite")["line"])
        assert console.asks("partner", "show", "Grid")["organisation"] == grids[0].organisation
        refused = console.run("partner", "show", "grid", code=1).stderr
        assert "any of 2 partners" in refused
        assert grids[1].organisation in refused
        assert console.asks("partner", "show", grids[1].organisation)["name"] == "GRID"
