"""Whose part had ended is a member again, because a new epoch opened on an entry before that.

Source: protocol, 9 and 11; issue 3, item 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from federation.judging.bundles import Position
from federation.ledgers.branch_records import HeadClaimRecord
from federation.ledgers.ledger_records import Standing
from federation.partners.heads import Head
from hub.channels import repair
from policies.acts import Act
from tests.integration.test_keys_in_life import pass_time, same_everywhere, shared_case
from tests.kit.console import Console
from tests.kit.hostile_peer import signed_in
from tests.kit.nodes import RunningNode, running, settle


@dataclass(frozen=True)
class Ended:
    """A case in which one member's part has ended."""

    case: str
    before: Position


def removed(cert: RunningNode, grid: RunningNode, *others: RunningNode) -> Ended:
    """Have a coordinator remove a member after both have written."""
    nodes = (cert, grid, *others)
    case = shared_case(*nodes)
    grid.note(case, "while a member")
    settle(*nodes)
    before = cert.state(case).head
    cert.write(case, Act.MEMBER_REMOVED, {"organisation": grid.organisation})
    cert.note(case, "without it")
    settle(*nodes)
    assert grid.channel(case).standing is Standing.ENDED
    return Ended(case, before)


def reopen(cert: RunningNode, ended: Ended) -> None:
    place = (ended.before.epoch, ended.before.seq)
    cert.does(repair.reopen, ended.case, at=place, abandon_witnessed=True)


def goes_on_as_member(case: str, grid: RunningNode, *others: RunningNode) -> None:
    """Check that it reads and writes again, by itself."""
    same_everywhere(case, grid, *others)
    assert grid.channel(case).standing is Standing.CURRENT
    grid.note(case, "a member again")
    settle(*others, grid)
    same_everywhere(case, grid, *others)
    assert grid.state(case).is_member(grid.organisation)
    assert "a member again" in signed_in(others[0]).get(f"/channels/{case}").text


def test_who_was_removed_hears_the_bell_and_goes_on_by_itself(tmp_path: Path) -> None:
    with running(tmp_path, "Cert", "Grid", "Water") as nodes:
        cert, grid, water = nodes
        ended = removed(cert, grid, water)
        reopen(cert, ended)
        settle(*nodes)
        assert cert.state(ended.case).head.epoch == 2
        goes_on_as_member(ended.case, grid, cert, water)
        # It has not read what was written without it, and its people are told why it is back.
        page = signed_in(grid).get(f"/channels/{ended.case}").text
        assert "while a member" in page
        assert "without it" not in page
        assert Console(grid).asks("channel", "verify", ended.case)["holds"]


def test_where_no_bell_was_heard_a_poll_tells_it(tmp_path: Path) -> None:
    with running(tmp_path, "Cert", "Grid", "Water") as nodes:
        cert, grid, water = nodes
        ended = removed(cert, grid, water)
        grid.stop()
        reopen(cert, ended)
        settle(cert, water)
        pass_time(cert, days=3)
        settle(cert, water)
        grid.start()
        with grid.app.app_context():
            grid.office.rounds.poll(grid.app, cert.organisation, grid.now())
        settle(*nodes)
        goes_on_as_member(ended.case, grid, cert, water)


def test_members_that_choose_another_owner_take_it_back_in(tmp_path: Path) -> None:
    with running(tmp_path, "Cert", "Grid", "Water", "Heat") as nodes:
        cert, grid, water, heat = nodes
        case = shared_case(cert, water, heat)
        cert.invite(case, grid, "observer")
        settle(*nodes)
        grid.join(case)
        settle(*nodes)
        # Its coordinator removes the observer, and is lost before the others hear of it.
        for node in (water, heat):
            node.stop()
        cert.write(case, Act.MEMBER_REMOVED, {"organisation": grid.organisation})
        settle(cert, grid)
        assert grid.channel(case).standing is Standing.ENDED
        cert.stop()
        for node in (water, heat):
            node.start()
        pass_time(cert, minutes=61)
        for node in (water, heat):
            node.does(repair.endorse, case, candidate=water.organisation)
        settle(grid, water, heat)
        water.does(repair.take_over, case)
        settle(grid, water, heat)
        same_everywhere(case, grid, water, heat)
        assert grid.channel(case).standing is Standing.CURRENT
        heat.note(case, "under another coordinator")
        settle(grid, water, heat)
        assert "under another coordinator" in signed_in(grid).get(f"/channels/{case}").text


def test_who_left_and_is_a_member_again_leaves_again(tmp_path: Path) -> None:
    with running(tmp_path, "Cert", "Grid", "Water") as nodes:
        cert, grid, _ = nodes
        case = shared_case(*nodes)
        before = cert.state(case).head
        grid.write(case, Act.MEMBER_LEFT)
        settle(*nodes)
        assert grid.channel(case).standing is Standing.ENDED
        reopen(cert, Ended(case, before))
        for _ in range(3):
            settle(*nodes)
            pass_time(cert, minutes=6)
        assert cert.state(case).head.epoch == 2
        assert not cert.state(case).is_member(grid.organisation)
        assert grid.channel(case).standing is Standing.ENDED


def test_who_was_removed_is_not_led_by_a_head_that_leads_nowhere(tmp_path: Path) -> None:
    with running(tmp_path, "Cert", "Grid", "Water") as nodes:
        cert, grid, water = nodes
        ended = removed(cert, grid, water)
        head = grid.channel(ended.case).head_sha256
        for claimed, who in ((9, cert), (9, water), (1, cert)):
            with grid.writing() as session:
                rounds = grid.office.rounds
                named = Head(ended.case, claimed, 30, "0" * 64)
                rounds.hear(session, who.organisation, named, grid.now())
            settle(*nodes)
            assert grid.channel(ended.case).standing is Standing.ENDED
            assert grid.channel(ended.case).head_sha256 == head
        # Whoever names heads in vain is looked at less and less.
        with grid.reading() as session:
            for who in (cert, water):
                claim = session.get_one(HeadClaimRecord, (ended.case, who.organisation))
                assert claim.in_vain == 1
