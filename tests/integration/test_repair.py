"""A channel is stopped, or its coordinator is lost: what people are told, and the ways out."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from federation.judging.bundles import Position, SignedBundle
from federation.ledgers.ledger import head_of
from federation.ledgers.ledger_records import ChannelRecord, Standing
from hub.audit.service import AuditFilter, visible_records
from policies.acts import Act
from policies.roles import PersonRole
from tests.kit.api import Api
from tests.kit.console import Console
from tests.kit.hostile_peer import HostilePeer, csrf, kept, peers, resign, signed_in
from tests.kit.nodes import RunningNode, running, settle

SILENT_MINUTES = 61


def gather(owner: RunningNode, *members: RunningNode, mallory: HostilePeer | None = None) -> str:
    case = owner.open("Case")
    for member in members:
        owner.invite(case, member)
    settle(owner, *members)
    for member in members:
        member.join(case)
    settle(owner, *members)
    if mallory is not None:
        owner.invite(case, mallory)  # type: ignore[arg-type]
        role = {"role": "affected", "descriptors": mallory.documents}
        joining = mallory.contribution(
            case, Act.MEMBER_JOINED, role, [mallory.identity], nth=1, seen=newest(owner, case)
        )
        assert refusal(mallory, owner, case, mallory.identity, joining) == ""
    settle(owner, *members)
    return case


def newest(node: RunningNode, case: str) -> Position:
    head = head_of(node.channel(case))
    assert head is not None
    return head


def refusal(mallory: HostilePeer, node: RunningNode, case: str, *objects: object) -> str:
    """Post an envelope to a node; give how it was refused."""
    answer = mallory.post(node, case, objects)
    assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
    failures = answer.json().get("failures", [])
    return str(failures[0]["message"]) if failures else ""


def endorsement(
    mallory: HostilePeer, node: RunningNode, case: str, nth: int, **more: Any
) -> SignedBundle:
    head = newest(node, case)
    body = {
        "epoch": head.epoch + 1,
        "round": 1,
        "candidate": node.organisation,
        "head": head.document(),
    }
    return mallory.contribution(case, Act.SUCCESSION_ENDORSED, body | more, [], nth=nth, seen=head)


def trail(node: RunningNode, case: str) -> set[str]:
    with node.reading() as session:
        found = visible_records(session, AuditFilter(), limit=500)
        return {row.action for row in found if row.subject and row.subject.startswith(case)}


def pass_silence(lost: RunningNode, *others: RunningNode) -> None:
    lost.stop()
    lost.now.advance(minutes=SILENT_MINUTES)  # type: ignore[attr-defined]
    settle(*others)


def test_members_choose_a_successor_and_what_a_hostile_one_signs_is_kept(tmp_path: Path) -> None:
    names = ("CERT", "Grid", "Vendor")
    with (
        running(tmp_path, *names) as (cert, grid, vendor),
        peers(cert.now, "Mallory") as (mallory,),
    ):
        for node in (cert, grid):
            mallory.pair(node)
        case = gather(cert, grid, vendor, mallory=mallory)
        at_grid, at_vendor = Api.of(grid), Console(vendor)
        asked: dict[str, Any] = {"organisation": grid.organisation}
        # While the coordinator is heard of, nobody is endorsed.
        early = at_grid.post(f"/repair/{case}/endorsements", asked, 409)
        assert "was heard of" in early["detail"]
        assert at_grid.get(f"/repair/{case}")["ways"] == ["leave"]
        assert "nothing" in at_vendor.run("channel", "repair", case).stdout
        pass_silence(cert, grid, vendor)
        told = at_grid.get(f"/repair/{case}")
        assert told["wrong"] == ["CERT has not been heard of for more than an hour."]
        assert told["ways"] == ["endorse", "leave"]
        assert "CERT" in at_vendor.run("channel", "repair", case, code=1).stdout
        # A member posts endorsements of the candidate, and nothing else.
        good = endorsement(mallory, grid, case, 5)
        head = newest(grid, case)
        note = mallory.contribution(case, Act.NOTE_ADDED, {}, [], nth=9, seen=head)
        entry = resign(good, mallory.key, nth=None, epoch=head.epoch, seq=head.seq + 1)
        far = Position(1, 99, "0" * 64).document()
        other = {**head.document(), "sha256": "0" * 64}
        before = kept(grid)
        for crafted, named in (
            (note, "stale_epoch"),
            (entry, "not_owner"),
            (endorsement(mallory, grid, case, 9, candidate=vendor.organisation), "not_permitted"),
            (endorsement(mallory, grid, case, 9, epoch=1), "not_permitted"),
            (endorsement(mallory, grid, case, 9, round=-1), "malformed"),
            (endorsement(mallory, grid, case, 9, head=other), "fork"),
            (resign(good, vendor_key(mallory)), "unknown_key"),
        ):
            assert refusal(mallory, grid, case, crafted).split(":")[0] == named
        assert kept(grid) == before
        assert refusal(mallory, grid, case, endorsement(mallory, grid, case, 9, epoch=7)) != ""
        assert refusal(mallory, grid, case, good) == ""
        assert refusal(mallory, grid, case, good) == "", "sending twice is harmless"
        # A second one of the same round is proof against who signs it.
        second = endorsement(mallory, grid, case, 6, head=far)
        assert refusal(mallory, grid, case, second).startswith("fork: ")
        proofs = at_grid.get(f"/repair/{case}")["evidence"]
        assert [one["name"] for one in proofs] == ["endorsed_twice"] * 2
        assert "You are asked to coordinate Case" in signed_in(grid).get("/").text
        # The first one stands; with two more the candidate takes over.
        assert at_grid.post(f"/repair/{case}/take-over", None, 409)["hint"]
        at_vendor.run("channel", "repair", case, "--endorse", "Grid")
        at_vendor.run("channel", "repair", case, "--endorse", "Grid")
        refused = at_vendor.run(
            "channel", "repair", case, "--endorse", "Vendor", "--round", 1, code=1
        )
        assert "we have endorsed another member" in refused.stderr
        settle(grid, vendor)
        tally = at_grid.post(f"/repair/{case}/endorsements", asked)
        assert (len(tally["given"]), tally["needed"], tally["enough"]) == (3, 3, True)
        assert at_grid.post(f"/repair/{case}/take-over")["is_ours"]
        settle(grid, vendor)
        assert vendor.channel(case).owner == grid.organisation
        assert vendor.channel(case).head_sha256 == grid.channel(case).head_sha256
        done = {"succession.endorsed", "channel.taken_over", "succession.contradicted"}
        assert done <= trail(grid, case)
        assert {"succession.endorsed", "channel.owner_changed"} <= trail(vendor, case)


def vendor_key(mallory: HostilePeer) -> Any:
    """Give a signing key that the ledger does not know as hers."""
    return mallory.recovery


def freeze(node: RunningNode, case: str) -> None:
    with node.writing() as session:
        session.execute(
            update(ChannelRecord)
            .where(ChannelRecord.id == case)
            .values(
                standing=Standing.FROZEN,
                doubt="fork",
                sentence="two histories",
                doubted_at=node.now(),
            )
        )


def test_a_frozen_channel_is_left_even_if_nobody_can_be_asked(tmp_path: Path) -> None:
    with running(tmp_path, "CERT", "Grid") as (cert, grid):
        case = gather(cert, grid)
        freeze(grid, case)
        cert.stop()
        api, handler = Api.of(grid), Api.of(grid, PersonRole.HANDLER)
        told = api.get(f"/repair/{case}")
        assert told["wrong"][0].startswith("It is frozen here: two histories.")
        assert told["ways"] == ["retry", "leave"]
        assert told["call"] == ["CERT"]
        assert handler.get(f"/repair/{case}")["ways"] == []
        for way in ("take-over", "leaving"):
            handler.post(f"/repair/{case}/{way}", None, 403)
        browser = signed_in(grid)
        page = browser.get(f"/channels/{case}/repair").text
        assert "It is frozen here" in page
        assert "Leave this channel" in page
        token = csrf(browser, f"/channels/{case}/repair")
        answer = browser.post(f"/channels/{case}/leaving-now", data={"csrf_token": token})
        assert answer.status_code == HTTPStatus.SEE_OTHER, answer.text
        assert grid.channel(case).standing is Standing.ENDED
        again = browser.post(f"/channels/{case}/leaving-now", data={"csrf_token": token})
        assert "no longer a member" in again.text
        settle(grid)
        cert.start()
        cert.now.advance(minutes=30)  # type: ignore[attr-defined]
        settle(cert, grid)
        assert cert.state(case).members[grid.organisation].state == "left"
        assert "channel.left" in trail(grid, case)


def test_a_channel_that_waits_is_told_after_ten_minutes_and_tried_again(tmp_path: Path) -> None:
    with running(tmp_path, "CERT", "Grid") as (cert, grid):
        case = gather(cert, grid)
        freeze(grid, case)
        with grid.writing() as session:
            session.get_one(ChannelRecord, case).standing = Standing.WAITING
        console = Console(grid)
        console.run("channel", "repair", case)
        grid.now.advance(minutes=10)  # type: ignore[attr-defined]
        assert "Something has not arrived" in console.run("channel", "repair", case, code=1).stdout
        console.run("channel", "repair", case, "--retry")
        cert.note(case, "News.")
        settle(cert, grid)
        assert grid.channel(case).standing is Standing.CURRENT
        assert console.asks("channel", "repair", case)["wrong"] == []


@pytest.mark.parametrize("arguments", [("--retry",), ("--take-over",), ("--leave",)])
def test_what_is_not_open_is_refused_in_one_line(
    alone: Console, arguments: tuple[str, ...]
) -> None:
    alone.run("channel", "repair", "Case", *arguments, code=1)


def test_an_owner_opens_anew_and_abandons_what_others_hold_only_when_told_to(
    tmp_path: Path,
) -> None:
    with running(tmp_path, "CERT", "Grid") as (cert, grid):
        case = gather(cert, grid)
        console, api = Console(cert), Api.of(cert)
        named = newest(cert, case)
        cert.note(case, "Held by both.")
        settle(cert, grid)
        cert.now.advance(minutes=1)  # type: ignore[attr-defined]
        settle(cert, grid)
        at = f"{named.epoch}/{named.seq}"
        refused = console.run("channel", "repair", case, "--reopen", "--at", at, code=1)
        assert "is held by Grid" in refused.stderr
        api.post(f"/repair/{case}/reopening", {"at": {"epoch": 9, "seq": 9}}, 404)
        console.run("channel", "repair", case, "--reopen", "--at", at, "--abandon-witnessed")
        settle(cert, grid)
        assert grid.channel(case).epoch == 2
        ended = {"at": {"epoch": named.epoch, "seq": named.seq}, "abandon_witnessed": True}
        assert "has ended" in api.post(f"/repair/{case}/reopening", ended, 409)["detail"]
        assert api.post(f"/repair/{case}/reopening", {})["epoch"] == 3
        settle(cert, grid)
        heads = {node.channel(case).head_sha256 for node in (cert, grid)}
        assert len(heads) == 1
        (left, *_) = Api.of(grid).get(f"/repair/{case}")["abandoned"]
        assert left["fate"]
        file = tmp_path / "case.coordination.jsonl"
        Console(grid).run("channel", "export", case, file)
        report = Console(grid).asks("verify", file)
        assert report["holds"], report["failures"]
        assert report["abandoned"]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with running(tmp_path_factory.mktemp("alone"), "CERT") as (cert,):
        cert.open("Case")
        yield Console(cert)
