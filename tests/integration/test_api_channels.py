"""Channels for programs: three real nodes, nothing but `/api/v1`."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from typing import Any, Final

import pytest
from sqlalchemy import select, update

from federation.archive.verifying import verify_file
from federation.ledgers.ledger_records import ChannelRecord, ContributionRecord, Delivery, Standing
from hub.accounts.actor import TokenScope
from hub.audit.records import AuditRecord
from policies.roles import PersonRole
from tests.kit.api import Api
from tests.kit.nodes import running, settle

Apis = tuple[Api, Api, Api]
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
NOWHERE: Final = "6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c0003"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def apis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apis]:
    """Give three organisations that are paired; each test opens channels of its own."""
    with running(tmp_path_factory.mktemp("nodes"), "CERT", "Grid", "Vendor") as nodes:
        cert, grid, vendor = (Api.of(node) for node in nodes)
        yield cert, grid, vendor


def settled(apis: Apis) -> None:
    settle(*(api.node for api in apis))


def opened(cert: Api, **given: Any) -> str:
    body = {"kind": "case", "name": f"3CX {next(_numbers)}", "tlp": "amber"} | given
    return str(cert.post("/channels", body)["id"])


def joined(apis: Apis, *members: Api, **given: Any) -> str:
    cert, *_ = apis
    channel = opened(cert, **given)
    for member in members:
        invite(cert, channel, member)
    settled(apis)
    for member in members:
        member.post(f"/invitations/{channel}/answer", {"answer": "join"})
    settled(apis)
    return channel


def invite(cert: Api, channel: str, other: Api, **given: Any) -> Any:
    body = {"organisation": other.node.organisation, "roles": ["affected"]} | given
    return cert.post(f"/channels/{channel}/invitations", body)


def test_three_organisations_work_on_one_case(apis: Apis) -> None:
    cert, grid, vendor = apis
    response = cert.ask("POST", "/channels", {"kind": "case", "name": "3CX", "tlp": "amber"})
    channel = response.get_json()["id"]
    assert response.headers["Location"] == f"/api/v1/channels/{channel}"
    invited = invite(cert, channel, grid, reason="Relay 7 is yours.")
    assert (invited["state"], invited["epoch"], invited["seq"]) == ("history", 1, 1)
    invite(cert, channel, vendor, roles=["supplier", "advisor"], reply_by="2026-11-22T10:00:00Z")
    settled(apis)
    rows = [row for row in grid.get("/invitations")["items"] if row["channel"] == channel]
    assert [(row["name"], row["reason"], row["state"]) for row in rows] == [
        ("3CX", "Relay 7 is yours.", "open")
    ]
    answer = grid.post(f"/invitations/{channel}/answer", {"answer": "join"})
    assert (answer["state"], answer["act"], answer["seq"]) == ("pending", "member.joined", None)
    assert grid.get(f"/channels/{channel}")["standing"] == "joining"
    vendor.post(f"/invitations/{channel}/answer", {"answer": "join"})
    settled(apis)
    note = grid.post(f"/channels/{channel}/notes", {"text": "Relay 7 isolated.", "tlp": "green"})
    (pending,) = grid.get(f"/channels/{channel}/pending")["items"]
    assert (pending["sha256"], pending["state"]) == (note["sha256"], "pending")
    assert note["sha256"] in {row["sha256"] for row in grid.get("/contributions")["items"]}
    act = {"act": "intel.shared", "objects": [INDICATOR, INDICATOR]}
    vendor.post(f"/channels/{channel}/acts", act)
    settled(apis)

    histories = [api.get(f"/channels/{channel}/entries")["items"] for api in apis]
    assert len({str([row["sha256"] for row in rows]) for rows in histories}) == 1
    newest = {row["act"]: row for row in histories[0]}
    assert newest["intel.shared"]["items"][0]["ref"] == INDICATOR["id"]
    assert newest["note.added"]["bundle"] == note["sha256"]
    assert newest["note.added"]["items"][0]["text"] == "Relay 7 isolated."
    members = cert.get(f"/channels/{channel}/members")["items"]
    assert {row["name"]: row["state"] for row in members} == dict.fromkeys(
        ("CERT", "Grid", "Vendor"), "joined"
    )
    assert members[[row["name"] for row in members].index("Vendor")]["roles"] == [
        "advisor",
        "supplier",
    ]
    proven = grid.get(f"/channels/{channel}/verification")
    assert (proven["standing"], proven["entries"], proven["voids"]) == ("current", 7, 0)
    assert grid.get(f"/channels/{channel}/pending")["items"] == []


def test_invitations_are_declined_taken_back_and_members_go(apis: Apis) -> None:
    cert, grid, vendor = apis
    channel = opened(cert, kind="community", tlp="green")
    for other in (grid, vendor):
        invite(cert, channel, other, roles=["member"])
    settled(apis)
    vendor.post(f"/invitations/{channel}/answer", {"answer": "decline"})
    organisation = {"organisation": grid.node.organisation}
    cert.post(f"/channels/{channel}/uninvite", organisation)
    settled(apis)
    assert (
        "taken back"
        in grid.post(f"/invitations/{channel}/answer", {"answer": "join"}, 409)["detail"]
    )
    states = {
        row["channel"]: row["state"] for row in vendor.get("/invitations", all="true")["items"]
    }
    assert states[channel] == "declined"
    assert channel not in {row["channel"] for row in vendor.get("/invitations")["items"]}

    channel = joined(apis, grid, vendor)
    grid.post(f"/channels/{channel}/leave")
    settled(apis)
    gone = {"organisation": vendor.node.organisation, "reason": "It was another product."}
    cert.post(f"/channels/{channel}/remove", gone)
    settled(apis)
    acts = [row["act"] for row in cert.get(f"/channels/{channel}/entries", limit=2)["items"]]
    assert acts == ["member.removed", "member.left"]
    for api in (grid, vendor):
        assert api.get(f"/channels/{channel}")["standing"] == "ended"
        api.post(f"/channels/{channel}/notes", {"text": "Still here?"}, 409)


def test_open_acts_are_what_is_accepted(apis: Apis) -> None:
    cert, grid, _ = apis
    channel = joined(apis, grid)
    ours = set(cert.get(f"/channels/{channel}/open-acts")["items"])
    theirs = set(grid.get(f"/channels/{channel}/open-acts")["items"])
    assert "member.invited" in ours - theirs
    assert "note.added" in ours & theirs
    refused = grid.post(
        f"/channels/{channel}/acts",
        {"act": "channel.ceiling_changed", "body": {"ceiling": "red"}},
        409,
    )
    assert refused["field"] in {"act", "not_permitted"}
    handler = Api.of(cert.node, PersonRole.HANDLER)
    assert "member.invited" not in handler.get(f"/channels/{channel}/open-acts")["items"]
    auditor = Api.of(cert.node, PersonRole.AUDITOR)
    assert auditor.get(f"/channels/{channel}/open-acts")["items"] == []


def test_lists_come_in_pages_that_neither_skip_nor_repeat(apis: Apis) -> None:
    cert, grid, vendor = apis
    channel = joined(apis, grid, vendor)
    for number in range(5):
        cert.post(f"/channels/{channel}/notes", {"text": f"Note {number}"})
        grid.post(f"/channels/{channel}/notes", {"text": f"Their note {number}"})
    for api, path, key in (
        (cert, "/channels", "id"),
        (cert, f"/channels/{channel}/entries", "sha256"),
        (cert, f"/channels/{channel}/members", "organisation"),
        (grid, f"/channels/{channel}/pending", "sha256"),
        (grid, "/contributions", "sha256"),
    ):
        whole = [row[key] for row in api.walk(path, 99)]
        assert len(set(whole)) == len(whole) > 2
        for limit in (1, 2, len(whole) - 1, len(whole)):
            assert [row[key] for row in api.walk(path, min(limit, 99))] == whole
    settled(apis)
    listed = cert.walk("/channels", 2)
    kinds = [row["kind"] == "direct" for row in listed]
    assert kinds == sorted(kinds)
    everything = grid.walk("/invitations", 1, all="true")
    assert len({row["channel"] for row in everything}) == len(everything)


def test_an_export_is_taken_away_and_checked(apis: Apis) -> None:
    cert, grid, vendor = apis
    channel = joined(apis, grid)
    grid.post(f"/channels/{channel}/notes", {"text": "Before the vendor came."})
    settled(apis)
    invite(cert, channel, vendor, roles=["supplier"])
    settled(apis)
    vendor.post(f"/invitations/{channel}/answer", {"answer": "join"})
    settled(apis)
    response = cert.ask("GET", f"/channels/{channel}/export")
    assert response.status_code == 200
    assert response.mimetype == "application/jsonl"
    disposition = response.headers["Content-Disposition"]
    assert disposition == f"attachment; filename={channel}-1-5.coordination.jsonl"
    assert response.headers["Cache-Control"] == "private, no-store"
    assert response.content_length == len(response.data)
    assert verify_file(io.BytesIO(response.data)).holds
    assert b"Before the vendor came." in response.data
    query = {"for": vendor.node.organisation}
    part = cert.ask("GET", f"/channels/{channel}/export", query_string=query)
    assert verify_file(io.BytesIO(part.data)).holds
    assert b"Before the vendor came." not in part.data
    cert.get(f"/channels/{channel}/export", 404, **{"for": f"identity--{NOWHERE}"})
    cert.get(f"/channels/{channel}/export", 400, **{"for": "Vendor"})
    cert.get(f"/channels/{channel}/export", 400, whom="Vendor")
    with cert.node.reading() as session:
        rows = session.execute(
            select(AuditRecord.action, AuditRecord.outcome)
            .where(AuditRecord.subject == channel, AuditRecord.action == "channel.exported")
            .order_by(AuditRecord.id)
        ).all()
    assert [outcome for _, outcome in rows] == ["done", "done", "refused"]


def test_reading_the_history_is_in_the_trail(apis: Apis) -> None:
    cert, *_ = apis
    channel = opened(cert)
    cert.get(f"/channels/{channel}/entries")
    with cert.node.reading() as session:
        actions = set(
            session.scalars(select(AuditRecord.action).where(AuditRecord.subject == channel))
        )
    assert actions == {"channel.opened", "channel.read"}


def test_what_is_red_is_for_coordinators_and_handlers(apis: Apis) -> None:
    cert, *_ = apis
    parent = opened(cert, tlp="amber+strict")
    channel = opened(cert, tlp="red", parent=parent)
    cert.post(f"/channels/{channel}/notes", {"text": "For named persons.", "tlp": "red"})
    path = f"/channels/{channel}"
    handler, auditor = (
        Api.of(cert.node, role) for role in (PersonRole.HANDLER, PersonRole.AUDITOR)
    )
    assert "For named persons." in str(handler.get(f"{path}/entries"))
    item = auditor.get(f"{path}/entries")["items"][0]["items"][0]
    assert (item["text"], item["absence"]) == (None, "red")
    assert "TLP:RED" in auditor.get(f"{path}/export", 403)["detail"]
    assert handler.ask("GET", f"{path}/export").status_code == 200
    assert auditor.ask("GET", f"/channels/{parent}/export").status_code == 200
    Api.of(cert.node, PersonRole.LIAISON).get(f"{path}/export", 403)


def test_who_may_not_is_told_which_role_may(apis: Apis) -> None:
    cert, grid, _ = apis
    channel = joined(apis, grid)
    organisation = {"organisation": grid.node.organisation}
    handler = Api.of(cert.node, PersonRole.HANDLER)
    for path, body in (
        ("/channels", {"kind": "case", "name": "x", "tlp": "green"}),
        (f"/channels/{channel}/invitations", organisation | {"roles": ["affected"]}),
        (f"/channels/{channel}/uninvite", organisation),
        (f"/channels/{channel}/remove", organisation | {"reason": "x"}),
        (f"/channels/{channel}/retry", None),
    ):
        refused = handler.post(path, body, 403)
        assert "takes the role" in refused["detail"]
    auditor = Api.of(grid.node, PersonRole.AUDITOR)
    auditor.post(f"/channels/{channel}/notes", {"text": "x"}, 403)
    auditor.post(f"/invitations/{channel}/answer", {"answer": "join"}, 403)
    auditor.post(f"/contributions/{'0' * 64}/noted", None, 403)
    reader = Api.of(cert.node, scopes=(TokenScope.READ,))
    reader.post(f"/channels/{channel}/notes", {"text": "x"}, 403)
    assert reader.get(f"/channels/{channel}")["id"] == channel


@pytest.mark.parametrize("channel", [NOWHERE, "nonsense", "..", "%ff", "x" * 300])
def test_what_nobody_here_knows_is_not_there(apis: Apis, channel: str) -> None:
    cert, *_ = apis
    for part in ("", "/entries", "/members", "/pending", "/verification", "/open-acts", "/export"):
        cert.get(f"/channels/{channel}{part}", 404)
    note, organisation = {"text": "x"}, {"organisation": f"identity--{NOWHERE}"}
    for part, body in (
        ("/acts", {"act": "note.added"}),
        ("/notes", note),
        ("/invitations", organisation | {"roles": ["affected"]}),
        ("/uninvite", organisation),
        ("/remove", organisation | {"reason": "x"}),
        ("/leave", None),
        ("/retry", None),
    ):
        cert.post(f"/channels/{channel}{part}", body, 404)
    cert.post(f"/invitations/{channel}/answer", {"answer": "join"}, 404)
    cert.post(f"/contributions/{channel}/noted", None, 404)


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("", {"kind": "direct", "name": "x", "tlp": "green"}, 400, "json.kind"),
        ("", {"kind": "case", "name": "", "tlp": "green"}, 400, "json.name"),
        ("", {"kind": "case", "name": "\u0007", "tlp": "green"}, 400, "name"),
        ("", {"kind": "case", "name": "x", "tlp": "white"}, 400, "json.tlp"),
        ("", {"kind": "case", "name": "x", "tlp": "red"}, 400, "tlp"),
        ("", {"kind": "case", "name": "x", "tlp": "green", "parent": "y"}, 400, "json.parent"),
        ("", {"kind": "case", "name": "x", "tlp": "green", "owner": "me"}, 400, "json.owner"),
        ("/ID/notes", {"text": ""}, 400, "json.text"),
        ("/ID/notes", {"text": " "}, 400, "text"),
        ("/ID/notes", {"text": "x" * 20_001}, 400, "json.text"),
        ("/ID/notes", {"text": "x", "tlp": "red"}, 403, "objects"),
        ("/ID/acts", {"act": "no.act"}, 400, "json.act"),
        ("/ID/acts", {"act": "note.added", "body": {"x": 1}}, 400, "body.x"),
        ("/ID/acts", {"act": "note.added", "body": []}, 400, "json.body"),
        ("/ID/acts", {"act": "note.added", "objects": [1]}, 400, "json.objects.0"),
        ("/ID/acts", {"act": "note.added", "objects": [{}]}, 400, "json.objects[0]"),
        ("/ID/acts", {"act": "note.added", "objects": [INDICATOR | {"name": None}]}, 400, None),
        ("/ID/acts", {"act": "member.role_changed", "body": {"role": "affected"}}, 400, None),
        ("/ID/invitations", {"organisation": "Grid", "roles": ["affected"]}, 400, None),
        ("/ID/invitations", {"organisation": f"identity--{NOWHERE}", "roles": []}, 400, None),
        ("/ID/invitations", {"organisation": f"identity--{NOWHERE}", "roles": ["king"]}, 400, None),
        ("/ID/remove", {"organisation": f"identity--{NOWHERE}"}, 400, "json.reason"),
        ("/ID/retry", None, 409, None),
    ],
)
def test_what_does_not_fit_is_refused_by_field(
    apis: Apis, case: str, path: str, body: object, status: int, field: str | None
) -> None:
    cert, *_ = apis
    document = cert.post("/channels" + path.replace("ID", case), body, status)
    assert document["detail"]
    if field is not None:
        assert document["field"] == field
    assert cert.get(f"/channels/{case}")["seq"] == 0


@pytest.fixture(scope="module")
def case(apis: Apis) -> str:
    """Give a case that nothing is written to."""
    return opened(apis[0])


def test_a_long_note_is_taken(apis: Apis) -> None:
    cert, *_ = apis
    cert.post(f"/channels/{opened(cert)}/notes", {"text": "x" * 20_000})


def test_a_repeated_request_writes_once(apis: Apis) -> None:
    cert, *_ = apis
    channel = opened(cert)
    key = {"Idempotency-Key": "this-note-and-no-other"}
    answers = [
        cert.post(f"/channels/{channel}/notes", {"text": "Once."}, headers=key) for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert cert.get(f"/channels/{channel}")["seq"] == 1


def test_what_did_not_change_is_not_sent_again(apis: Apis) -> None:
    cert, *_ = apis
    channel = opened(cert)
    for part in ("", "/entries", "/members", "/verification"):
        path = f"/channels/{channel}{part}"
        tag = {"If-None-Match": cert.ask("GET", path).headers["ETag"]}
        assert cert.ask("GET", path, headers=tag).status_code == 304
    path = f"/channels/{channel}/entries"
    tag = {"If-None-Match": cert.ask("GET", path).headers["ETag"]}
    cert.post(f"/channels/{channel}/notes", {"text": "News."})
    assert cert.ask("GET", path, headers=tag).status_code == 200


def test_a_refused_contribution_waits_until_somebody_notes_it(apis: Apis) -> None:
    cert, grid, _ = apis
    channel = joined(apis, grid)
    cert.post(
        f"/channels/{channel}/acts",
        {"act": "channel.ceiling_changed", "body": {"ceiling": "green"}},
    )
    note = grid.post(f"/channels/{channel}/notes", {"text": "Written before.", "tlp": "amber"})
    settled(apis)
    (row,) = grid.get(f"/channels/{channel}/pending")["items"]
    assert (row["sha256"], row["state"], row["doubt"]) == (
        note["sha256"],
        "refused",
        "tlp_violation",
    )
    assert row["what_it_means"]
    assert grid.get(f"/channels/{channel}")["pending_count"] == 1
    assert grid.post(f"/contributions/{row['sha256']}/noted", None, 200) == {"done": True}
    assert grid.get(f"/channels/{channel}/pending")["items"] == []
    with grid.node.reading() as session:
        kept = session.get_one(ContributionRecord, row["sha256"])
        assert kept.state is Delivery.REFUSED


def test_a_channel_that_waits_is_read_again(apis: Apis) -> None:
    cert, grid, _ = apis
    channel = joined(apis, grid)
    with grid.node.writing() as session:
        session.execute(
            update(ChannelRecord)
            .where(ChannelRecord.id == channel)
            .values(standing=Standing.FROZEN, doubt="fork", sentence="two histories")
        )
    proven = grid.get(f"/channels/{channel}/verification")
    assert (proven["standing"], proven["doubt"]) == ("frozen", "fork")
    assert proven["way_out"]
    assert grid.post(f"/channels/{channel}/retry", None, 200)["standing"] == "waiting"
    cert.post(f"/channels/{channel}/notes", {"text": "All is well."})
    settled(apis)
    assert grid.get(f"/channels/{channel}")["standing"] == "current"


def test_who_reads_what_is_settled_by_api(apis: Apis) -> None:
    cert, grid, vendor = apis
    channel = joined(apis, grid)
    cert.post(f"/channels/{channel}/notes", {"text": "for all", "later_members": True})
    cert.post(f"/channels/{channel}/notes", {"text": "kept close"})
    settled(apis)
    invite(cert, channel, vendor)
    settled(apis)
    vendor.post(f"/invitations/{channel}/answer", {"answer": "join", "takes": "green"})
    settled(apis)
    notes = [
        entry["items"][0]
        for entry in vendor.get(f"/channels/{channel}/entries")["items"]
        if entry["act"] == "note.added"
    ]
    assert [one["absence"] or one["text"] for one in notes] == ["withheld", "for all"]
    here = {"channel": channel, "objects": [notes[0]["ref"]]}
    vendor.post("/audience/requests", here, 201)
    vendor.post("/audience/releases", here, 409)
    cert.post("/audience/releases", here, 201)
    members = {row["name"]: row for row in cert.get(f"/channels/{channel}/members")["items"]}
    assert members["Vendor"]["takes"] == "green"
    ceiling = {"channel": channel, "ceiling": "amber+strict"}
    assert "TLP:GREEN" in cert.post("/audience/ceilings", ceiling, 409)["detail"]
    settled(apis)
    vendor.post("/audience/limits", {"channel": channel}, 201)
    settled(apis)
    cert.post("/audience/ceilings", ceiling, 201)
    doubted = {"channel": channel, "organisation": vendor.node.organisation}
    cert.post("/audience/suspensions", doubted, 400)
    cert.post("/audience/suspensions", doubted | {"reason": "a stolen laptop"}, 201)
    cert.post("/audience/resumptions", doubted | {"reason": "by telephone"}, 201)
    handler = Api.of(cert.node, PersonRole.HANDLER)
    handler.post("/audience/ceilings", ceiling | {"ceiling": "green"}, 403)
    breakout = cert.post(
        "/audience/breakouts",
        {
            "parent": channel,
            "name": "The insider",
            "tlp": "red",
            "members": [grid.node.organisation],
        },
        201,
    )
    assert (breakout["parent"], breakout["ceiling"]) == (channel, "red")
    nowhere = {"channel": NOWHERE, "objects": [notes[0]["ref"]]}
    cert.post("/audience/releases", nowhere, 404)
