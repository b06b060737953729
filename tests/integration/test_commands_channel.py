"""Channels at the console: three real nodes, nothing but `tocsin channel`."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import update

from federation.ledgers.ledger_records import ChannelRecord, Standing
from hub.channels.records import MemberView
from tests.kit.console import Console
from tests.kit.nodes import running, settle

ROOT: Final = Path(__file__).parents[2]
Consoles = tuple[Console, Console, Console]
INDICATOR: Final[dict[str, Any]] = {
    "type": "indicator",
    "spec_version": "2.1",
    "id": "indicator--5b1f7a52-7c0d-4f7e-8d43-0c6d3b2a0004",
    "created": "2026-11-20T09:00:00.000Z",
    "modified": "2026-11-20T09:00:00.000Z",
    "pattern": "[domain-name:value = 'akamaitechcloudservices.com']",
    "pattern_type": "stix",
    "valid_from": "2026-11-20T09:00:00Z",
    "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
}
RED: Final = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def consoles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consoles]:
    """Give three organisations that are paired; each test opens channels of its own."""
    with running(tmp_path_factory.mktemp("nodes"), "CERT", "Grid", "Vendor") as nodes:
        cert, grid, vendor = (Console(node) for node in nodes)
        yield cert, grid, vendor


def settled(consoles: Consoles) -> None:
    settle(*(console.node for console in consoles))


def opened(cert: Console, *more: str, kind: str = "case", tlp: str = "amber") -> tuple[str, str]:
    """Open a channel under a name of its own; give its name and id."""
    name = f"3CX {next(_numbers)}"
    channel = cert.run("channel", "open", "--kind", kind, "--name", name, "--tlp", tlp, *more)
    return name, channel.stdout.strip()


def joined(consoles: Consoles, *members: Console, **given: str) -> tuple[str, str]:
    """Open a channel that others have joined."""
    cert, *_ = consoles
    name, channel = opened(cert, **given)
    for member in members:
        cert.run("channel", "invite", name, member.node.name, "--role", "affected")
    settled(consoles)
    for member in members:
        member.run("channel", "join", channel)
    settled(consoles)
    return name, channel


def acts(console: Console, channel: str) -> list[str]:
    """Give the acts of a channel's history, oldest first."""
    rows = console.asks("channel", "log", channel, "--limit", "500")
    return [row["act"] for row in reversed(rows)]


def written(folder: Path, value: object) -> Path:
    path = folder / f"objects-{next(_numbers)}.json"
    path.write_text(json.dumps(value))
    return path


def test_three_organisations_work_on_one_case(consoles: Consoles, tmp_path: Path) -> None:
    cert, grid, vendor = consoles
    name, channel = opened(cert)
    invited = cert.run(
        "channel", "invite", name, "grid", "--role", "affected", "--reason", "Relay 7 is yours."
    )
    assert invited.stdout == "member.invited is entry 1/1\n"
    reply = ("--reply-by", "2026-11-22T10:00:00Z")
    two = ("--role", "supplier", "--role", "advisor")
    cert.run("channel", "invite", channel[:13], vendor.node.organisation, *two, *reply)
    settled(consoles)
    (row,) = [row for row in grid.asks("channel", "invitations") if row["channel"] == channel]
    assert (row["name"], row["reason"], row["owner_name"]) == (name, "Relay 7 is yours.", "CERT")
    assert name in vendor.run("channel", "invitations").stdout

    assert grid.run("channel", "join", name).stdout == "member.joined waits in the outbox\n"
    vendor.run("channel", "join", channel[:13])
    settled(consoles)
    answer = grid.asks("channel", "note", name, "Relay 7 isolated.", "--tlp", "TLP:GREEN")
    assert (answer["state"], answer["act"], answer["epoch"]) == ("pending", "note.added", None)
    shown = grid.asks("channel", "show", name)
    assert [one["sha256"] for one in shown["pending"]] == [answer["sha256"]]
    assert "note.added pending" in grid.run("channel", "show", name).stdout
    settled(consoles)
    file = written(tmp_path, {"type": "bundle", "id": "bundle--x", "objects": [INDICATOR] * 2})
    vendor.run("channel", "write", name, "intel.shared", "--object", file)
    settled(consoles)

    logs = [console.asks("channel", "log", name) for console in consoles]
    assert len({json.dumps([row["sha256"] for row in log]) for log in logs}) == 1
    said = "\n".join(row["sentence"] for row in logs[0])
    assert "Grid joined as affected" in said
    assert "Vendor joined as advisor and supplier" in said
    assert "Vendor shared 1 indicator" in said
    full = cert.run("channel", "log", name, "--full").stdout
    assert "Relay 7 isolated." in full
    assert "akamaitechcloudservices.com" in full
    assert cert.run("channel", "list").stdout.splitlines()[0].startswith(f"case\t{name}\tamber\t")
    summary = cert.asks("channel", "show", channel)
    assert {row["name"]: row["state"] for row in summary["members"]} == dict.fromkeys(
        ("CERT", "Grid", "Vendor"), "joined"
    )
    assert summary["verification"]["standing"] == "current"
    assert "member.invited" in summary["open_acts"]
    assert "member.invited" not in grid.asks("channel", "show", channel)["open_acts"]


def test_the_history_is_read_in_parts(consoles: Consoles) -> None:
    cert, *_ = consoles
    name, _channel = opened(cert)
    for number in range(4):
        cert.run("channel", "note", name, "-", stdin=f"Note {number}\nsecond line")
    newest = cert.asks("channel", "log", name, "--limit", "2")
    assert [row["seq"] for row in newest] == [4, 3]
    assert newest[0]["items"][0]["text"] == "Note 3\nsecond line"
    older = cert.asks("channel", "log", name, "--before", "1/3")
    assert [row["seq"] for row in older] == [2, 1, 0]
    assert "nothing before that" in cert.run("channel", "log", name, "--before", "1/0").stdout
    cert.run("channel", "log", name, "--before", "the beginning", code=2)


def test_invitations_are_declined_and_taken_back(consoles: Consoles) -> None:
    cert, grid, vendor = consoles
    name, channel = opened(cert, kind="community", tlp="green")
    for member in ("Grid", "Vendor"):
        cert.run("channel", "invite", name, member, "--role", "member")
    settled(consoles)
    assert vendor.run("channel", "decline", name).stdout.endswith("waits in the outbox\n")
    cert.run("channel", "uninvite", name, "Grid")
    settled(consoles)
    assert "taken back" in grid.run("channel", "join", name, code=1).stderr
    states = {row["name"]: row["state"] for row in cert.asks("channel", "show", name)["members"]}
    assert states == {"CERT": "joined", "Grid": "uninvited", "Vendor": "declined"}
    assert set(acts(cert, channel)[-2:]) == {"member.uninvited", "member.declined"}
    listed = {
        row["channel"]: row["state"] for row in vendor.asks("channel", "invitations", "--all")
    }
    assert listed[channel] == "declined"
    assert channel not in {row["channel"] for row in vendor.asks("channel", "invitations")}


def test_members_leave_and_are_removed(consoles: Consoles) -> None:
    cert, grid, vendor = consoles
    name, channel = joined(consoles, grid, vendor)
    grid.run("channel", "leave", name)
    settled(consoles)
    cert.run("channel", "remove", name, "Vendor", code=2)
    cert.run("channel", "remove", name, "Vendor", "--reason", "It was another product.")
    settled(consoles)
    assert acts(cert, channel)[-2:] == ["member.left", "member.removed"]
    for gone in (grid, vendor):
        assert gone.asks("channel", "show", channel)["standing"] == "ended"
        refused = gone.run("channel", "note", channel, "Still here?", code=1).stderr
        assert "no longer a member" in refused


def test_a_refusal_of_the_protocol_is_told_by_its_name(consoles: Consoles) -> None:
    cert, *_ = consoles
    name, _channel = opened(cert)
    body = json.dumps({"organisation": cert.node.organisation, "role": "affected"})
    refused = cert.run("channel", "write", name, "member.role_changed", "--body", body, code=1)
    assert refused.stderr.startswith("tocsin: not_permitted: ")
    assert cert.asks("channel", "show", name)["seq"] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("note", "nowhere", "text"), 1, "no channel “nowhere”"),
        (("note", "CHANNEL", "  "), 1, "needs some text"),
        (("note", "CHANNEL", "text", "--tlp", "white"), 1, "CLEAR"),
        (("note", "CHANNEL", "text", "--tlp", "red"), 1, "RED"),
        (("write", "CHANNEL", "no.act"), 2, "no.act"),
        (("write", "CHANNEL", "note.added", "--body", "{"), 1, "not JSON"),
        (("write", "CHANNEL", "note.added", "--body", '{"a":1,"a":1}'), 1, "twice"),
        (("write", "CHANNEL", "note.added", "--body", "[]"), 1, "a JSON object"),
        (("write", "CHANNEL", "note.added", "--body", '{"x": 1}'), 1, "body.x"),
        (("write", "CHANNEL", "note.added", "--object", "/nowhere"), 2, "does not exist"),
        (("invite", "CHANNEL", "Grid"), 2, "--role"),
        (("invite", "CHANNEL", "Nobody", "--role", "affected"), 1, "no partner"),
        (("invite", "CHANNEL", "Grid", "--role", "king"), 2, "king"),
        (("invite", "CHANNEL", "Grid", "--role", "member", "--reply-by", "soon"), 1, "UTC time"),
        (("uninvite", "CHANNEL", "Grid"), 1, "no part in this channel"),
        (("join", "nowhere"), 1, "nobody has invited us"),
        (("retry", "CHANNEL"), 1, "neither waits nor is frozen"),
        (("show", "nowhere"), 1, "no channel"),
        (("export", "CHANNEL", "/nowhere/x.jsonl"), 1, "can't be written"),
        (("export", "CHANNEL", "-", "--for", "Grid"), 1, "no part in this channel"),
        (("open", "--kind", "direct", "--name", "x", "--tlp", "green"), 2, "direct"),
        (("open", "--kind", "case", "--name", "x", "--tlp", "red"), 1, "breakouts only"),
        (("open", "--kind", "case", "--name", "", "--tlp", "green"), 1, "name"),
        (("open", "--kind", "case", "--name", "x", "--tlp", "pink"), 1, "pink"),
    ],
)
def test_what_is_refused_is_said_in_one_line(
    consoles: Consoles, arguments: tuple[str, ...], code: int, reason: str
) -> None:
    cert, *_ = consoles
    name = CASE.setdefault("name", "") or opened(cert)[0]
    CASE["name"] = name
    shown = [name if one == "CHANNEL" else one for one in arguments]
    assert reason in cert.run("channel", *shown, code=code).stderr


CASE: Final[dict[str, str]] = {}


def test_objects_are_read_strictly_and_nothing_is_half_written(
    consoles: Consoles, tmp_path: Path
) -> None:
    cert, *_ = consoles
    name, _channel = opened(cert)
    given = ("channel", "write", name, "intel.shared", "--object")
    good = written(tmp_path, INDICATOR)
    assert "twice" in cert.run(*given, "-", stdin=b'{"type": "a", "type": "b"}', code=1).stderr
    red = written(tmp_path, {**INDICATOR, "object_marking_refs": [RED]})
    assert "RED" in cert.run(*given, good, "--object", red, code=1).stderr
    huge = b" " * (32 * 1024 * 1024 + 1)
    assert "33554432" in cert.run(*given, good, "--object", "-", stdin=huge, code=1).stderr
    assert cert.asks("channel", "show", name)["seq"] == 0
    cert.run(*given, good, "--object", good, "--object", "-", stdin=good.read_bytes())
    (item,) = cert.asks("channel", "log", name)[0]["items"]
    assert item["ref"] == INDICATOR["id"]


def test_a_name_or_a_beginning_that_fits_two_is_not_guessed(consoles: Consoles) -> None:
    cert, *_ = consoles
    ids = [
        cert.run("channel", "open", "--kind", "case", "--name", "Twice", "--tlp", "green").stdout
        for _ in range(2)
    ]
    refused = cert.run("channel", "show", "Twice", code=1).stderr
    assert all(one.strip() in refused for one in ids)
    assert cert.asks("channel", "show", ids[1].strip())["name"] == "Twice"
    cert.run("channel", "show", "", code=1)


def test_an_export_is_checked_with_nothing_but_the_file(consoles: Consoles, tmp_path: Path) -> None:
    cert, grid, _ = consoles
    name, channel = joined(consoles, grid)
    grid.run("channel", "note", name, "Relay 7 isolated.")
    settled(consoles)
    file = tmp_path / "case.coordination.jsonl"
    cert.run("channel", "export", name, file)
    document = cert.asks("channel", "export", name, file)
    assert (document["channel"], document["seq"]) == (channel, 3)
    assert document["size_bytes"] == file.stat().st_size
    assert file.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == [file]
    assert "Everything in this export holds." in cert.run("verify", file).stdout
    piped = cert.run("channel", "export", name, "-").stdout_bytes
    assert len(piped) == document["size_bytes"]
    packed = tmp_path / "case.coordination.jsonl.gz"
    assert "up to entry 1/3" in grid.run("channel", "export", name, packed).stdout
    assert gzip.decompress(packed.read_bytes()).startswith(b'{"header":')
    assert grid.asks("verify", packed)["holds"] is True

    tampered = tmp_path / "tampered.jsonl"
    tampered.write_bytes(file.read_bytes().replace(b"Relay 7 isolated.", b"Relay 7 is fine.!"))
    assert "hash_mismatch" in cert.run("verify", tampered, code=1).stderr


def test_an_export_for_a_member_holds_what_that_member_is_due(
    consoles: Consoles, tmp_path: Path
) -> None:
    cert, grid, vendor = consoles
    name, _channel = joined(consoles, grid)
    cert.run("channel", "note", name, "Before the vendor came.")
    cert.run("channel", "note", name, "For everybody.", "--tlp", "green")
    cert.run("channel", "invite", name, "Vendor", "--role", "supplier")
    settled(consoles)
    vendor.run("channel", "join", name)
    settled(consoles)
    cert.run("channel", "note", name, "While the vendor was here.")
    cert.run("channel", "remove", name, "Vendor", "--reason", "It was another product.")
    cert.run("channel", "note", name, "After the vendor left.")
    settled(consoles)
    file = tmp_path / "vendor.jsonl"
    document = cert.asks("channel", "export", name, file, "--for", "Vendor")
    assert document["for"] == vendor.node.organisation
    text = file.read_text()
    assert "For everybody." in text
    assert "While the vendor was here." in text
    assert "Before the vendor came." not in text
    assert "After the vendor left." not in text
    report = cert.asks("verify", file)
    assert report["holds"] is True
    assert report["history"][-1]["act"] == "member.removed"
    assert report["counts"]["withheld"] > 0
    whole = cert.asks("channel", "verify", name)
    assert whole["counts"]["withheld"] == 0
    assert vendor.asks("channel", "verify", name)["holds"] is True


def test_what_was_recalled_is_in_no_export(consoles: Consoles, tmp_path: Path) -> None:
    cert, grid, _ = consoles
    name, _channel = joined(consoles, grid)
    grid.run("channel", "write", name, "intel.shared", "--object", written(tmp_path, INDICATOR))
    settled(consoles)
    body = json.dumps({"objects": [INDICATOR["id"]]})
    grid.run("channel", "write", name, "object.recalled", "--body", body)
    settled(consoles)
    for console in (cert, grid):
        report = console.asks("channel", "verify", name)
        assert (report["holds"], report["counts"]["recalled"]) == (True, 1)
    cert.run("channel", "export", name, tmp_path / "x.jsonl")
    assert "akamaitech" not in (tmp_path / "x.jsonl").read_text()


def test_a_rebuild_gives_the_same_and_says_what_was_otherwise(consoles: Consoles) -> None:
    cert, grid, _ = consoles
    name, channel = joined(consoles, grid)
    for console in (cert, grid):
        document = console.asks("channel", "rebuild", name)
        assert (document["equal"], document["entries"]) == (True, 3)
    assert "nothing was otherwise" in cert.run("channel", "rebuild", name).stdout
    with cert.node.writing() as session:
        session.execute(
            update(MemberView).where(MemberView.channel == channel).values(name="Somebody else")
        )
    assert "otherwise before" in cert.run("channel", "rebuild", name, code=1).stderr
    cert.run("channel", "rebuild", name)
    names = {row["name"] for row in cert.asks("channel", "show", name)["members"]}
    assert names == {"CERT", "Grid"}


def test_a_channel_that_waits_is_read_again(consoles: Consoles) -> None:
    _, grid, _ = consoles
    name, channel = joined(consoles, grid)
    with grid.node.writing() as session:
        session.execute(
            update(ChannelRecord)
            .where(ChannelRecord.id == channel)
            .values(standing=Standing.FROZEN, doubt="fork", sentence="two histories\x1b[31m")
        )
    shown = grid.run("channel", "show", name).stdout
    assert "fork: two histories" in shown
    assert "\x1b" not in shown
    assert "frozen here" in grid.run("channel", "note", name, "Anybody?", code=1).stderr
    grid.run("channel", "retry", name)
    settled(consoles)
    assert grid.asks("channel", "show", name)["standing"] in {"current", "waiting"}


def test_a_breakout_points_to_its_case(consoles: Consoles) -> None:
    cert, *_ = consoles
    parent, _ = opened(cert)
    name, _channel = opened(cert, "--parent", parent, tlp="red")
    cert.run("channel", "note", name, "For named persons.", "--tlp", "red")
    assert cert.asks("channel", "show", name)["ceiling"] == "red"
    assert cert.asks("channel", "verify", name)["holds"] is True
    kind = ("--kind", "community", "--name", "x", "--tlp", "green")
    refused = cert.run("channel", "open", *kind, "--parent", parent, code=1)
    assert "only a case" in refused.stderr


def test_the_script_itself_ends_as_it_says(consoles: Consoles) -> None:
    cert, *_ = consoles
    opened(cert)
    env = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    env["TOCSIN_DATA"] = str(cert.node.settings.data)
    for arguments, code in (
        (("channel", "list", "--json"), 0),
        (("partner", "show", "nobody"), 1),
        (("channel", "nonsense"), 2),
    ):
        argv = [sys.executable, "-m", "hub.commands", *arguments]
        done = subprocess.run(
            argv, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == code, done.stderr
        if code == 0:
            assert json.loads(done.stdout)
            assert not done.stderr
        if code == 1:
            assert done.stderr.startswith("tocsin: ")
            assert len(done.stderr.splitlines()) == 1
