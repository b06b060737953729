"""Cases for programs: three real nodes, nothing but `/api/v1`.

Source: lifecycles, 4 to 6; domain, 1 (*For the coordinator alone*).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import pytest
from sqlalchemy import select

from hub.accounts.actor import TokenScope
from hub.audit.records import AuditRecord
from hub.cases.members import visible_case_members
from hub.channels import service
from policies.roles import PersonRole
from tests.kit.api import Api
from tests.kit.nodes import CONSOLE, running, settle

Apis = tuple[Api, Api, Api]
GRAVE: Final = {"danger": "confirmed", "still_spreading": True}
HIT: Final = {"functional_impact": "significant", "counts": {"system": {"low": 3, "high": 12}}}
NOWHERE: Final = "6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c0003"
NO_DECISION: Final = f"note--{NOWHERE}"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def apis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apis]:
    with running(tmp_path_factory.mktemp("api_cases"), "CERT", "Grid", "Vendor") as nodes:
        cert, grid, vendor = (Api.of(node) for node in nodes)
        yield cert, grid, vendor


@pytest.fixture
def case(apis: Apis) -> str:
    """Give a case of CERT's that Grid and Vendor have joined."""
    cert, *others = apis
    opened = cert.post(
        "/cases", {"title": f"Update {next(_numbers)}", "text": "It phones home.", "tlp": "amber"}
    )
    channel = str(opened["channel"])
    for other in others:
        cert.node.invite(channel, other.node)
    settled(apis)
    for other in others:
        other.node.join(channel)
    settled(apis)
    return channel


def settled(apis: Apis) -> None:
    settle(*(api.node for api in apis))


def says(apis: Apis, who: Api, path: str, body: dict[str, Any], status: int = 201) -> Any:
    answer = who.post(f"/cases/{path}", body, status)
    settled(apis)
    return answer


def member(document: Any, who: Api) -> Any:
    rows = [
        row for row in document["organisations"] if row["organisation"] == who.node.organisation
    ]
    assert len(rows) == 1
    return rows[0]


def test_a_case_goes_its_whole_course(apis: Apis, case: str) -> None:
    cert, grid, vendor = apis
    written = says(apis, cert, f"{case}/start", {"reason": "Three of us are hit."})
    assert (written["act"], written["state"]) == ("case.activated", "history")
    pending = says(apis, grid, f"{case}/response", {"state": "affected"})
    assert (pending["channel"], pending["state"]) == (case, "pending")
    early = cert.post(f"/cases/{case}/recovery", {}, 409)
    assert "not recovered" in early["detail"]
    assert cert.post(f"/cases/{case}/crisis/end", {}, 400)["field"] == "reason"
    says(apis, cert, f"{case}/crisis", {"reason": "Lights go out."})
    assert vendor.get(f"/cases/{case}")["crisis"]
    says(apis, cert, f"{case}/control", {"under_control": True})
    assert vendor.get(f"/cases/{case}")["control"] == "yes"
    says(apis, cert, f"{case}/crisis/end", {})
    says(apis, grid, f"{case}/response", {"state": "recovered", "text": "All back."})
    says(apis, vendor, f"{case}/response", {"state": "not-affected"})
    says(apis, cert, f"{case}/recovery", {})
    says(apis, cert, f"{case}/closing", {"reason": "Done."})
    for api in apis:
        here = api.get(f"/cases/{case}")
        assert (here["state"], here["crisis"]) == ("closed", False)
        taken = {(one["topic"], one["authority"]) for one in here["decisions"]}
        assert taken == {("start-coordination", "coordinator"), ("close", "coordinator")}
        assert "All back." in {one["text"] for one in here["words"]}
    says(apis, cert, f"{case}/reopening", {"reason": "It came back."})
    assert grid.get(f"/cases/{case}")["state"] == "response"
    assert case in {row["channel"] for row in vendor.walk("/cases", 1)}


def test_a_case_is_declined_with_its_reason(apis: Apis, case: str) -> None:
    cert, grid, _ = apis
    says(apis, cert, f"{case}/refusal", {"reason": "One printer."})
    here = grid.get(f"/cases/{case}")
    assert (here["state"], here["decisions"][0]["text"]) == ("declined", "One printer.")
    over = grid.post(f"/cases/{case}/response", {"state": "affected", "alone": True}, 409)
    assert "declined" in over["detail"]


def test_what_is_stated_comes_to_a_severity_with_its_derivation(apis: Apis, case: str) -> None:
    cert, grid, vendor = apis
    says(apis, grid, f"{case}/assessment", {"assessment": HIT, "text": "Three at least."})
    said = vendor.get(f"/cases/{case}")
    row = member(said, grid)
    assert (row["assessment"], row["is_silent"]) == (HIT, False)
    assert "danger" not in row["assessment"], "not stated differs from none"
    assert member(said, vendor)["is_silent"]
    joint = said["joint"]
    assert (joint["said"], joint["known"]) == (None, None)
    assert [line["rule"] for line in joint["lines"]]
    assert joint["lines"][-1]["after"] == joint["derived"]
    first = joint["lines"][0]["grounds"][0]
    assert first == {
        "organisation": grid.node.organisation,
        "field": "functional_impact",
        "word": "significant",
    }
    assert joint["would_change"]
    assert all(one["level"] != joint["derived"] for one in joint["would_change"])
    coverage = {one["field"]: (one["stated"], one["asked"]) for one in joint["coverage"]}
    assert coverage["functional_impact"] == (1, 3)
    assert coverage["danger"] == (0, 3)
    says(apis, cert, f"{case}/joint", {})
    assert vendor.get(f"/cases/{case}")["joint"]["said"] == joint["derived"]
    again = cert.post(f"/cases/{case}/joint", {}, 409)
    assert "nothing that others may know" in again["detail"]
    assert cert.post(f"/cases/{case}/joint", {"level": "critical"}, 400)["field"] == "reason"
    says(apis, cert, f"{case}/joint", {"level": "critical", "reason": "Lives."})
    after = grid.get(f"/cases/{case}")["joint"]
    assert (after["said"], after["said_derived"]) == ("critical", joint["derived"])


def test_what_the_coordinator_alone_was_told_is_for_whom_it_is(apis: Apis, case: str) -> None:
    cert, grid, vendor = apis
    written = says(
        apis, grid, f"{case}/assessment", {"assessment": GRAVE, "text": "The dam.", "alone": True}
    )
    assert written["channel"] != case
    says(apis, grid, f"{case}/response", {"state": "affected", "alone": True})
    runs = cert.get(f"/cases/{case}")
    assert member(runs, grid)["assessment_alone"] == GRAVE
    known = runs["joint"]["known"]
    assert (known["level"], runs["joint"]["derived"]) == ("critical", "negligible")
    assert {(one["field"], one["told"]) for one in known["standings"]} == {
        ("danger", 1),
        ("still_spreading", 1),
        ("response", 1),
    }
    handler = Api.of(cert.node, PersonRole.HANDLER).get(f"/cases/{case}")
    assert member(handler, grid)["response_alone"] == "affected"
    assert handler["joint"]["known"] is None
    assert member(grid.get(f"/cases/{case}"), grid)["assessment_alone"] == GRAVE
    for curious in (
        Api.of(cert.node, PersonRole.AUDITOR),
        Api.of(cert.node, PersonRole.LIAISON),
        Api.of(cert.node, PersonRole.ADMINISTRATOR),
        vendor,
    ):
        said = curious.get(f"/cases/{case}")
        row = member(said, grid)
        assert (row["assessment_alone"], row["response_alone"]) == (None, None)
        assert row["is_silent"]
        assert said["joint"]["known"] is None
        assert "critical" not in {said["joint"]["said"], said["joint"]["derived"]}
        assert "The dam." not in str(said)
        if curious is not vendor:
            entries = str(curious.get(f"/channels/{written['channel']}/entries"))
            assert "for coordinators and handlers" in entries
            assert "The dam." not in entries
            assert "affected" not in entries


def test_questions_are_voted_counted_taken_and_taken_back(apis: Apis, case: str) -> None:
    cert, grid, vendor = apis
    asked = says(
        apis, cert, f"{case}/questions", {"topic": "start-coordination", "question": "Shall we?"}
    )
    place = f"{case}/decisions/{asked['decision']}"
    early = cert.post(f"/cases/{place}/outcome", {"outcome": "yes"}, 409)
    assert "still to come" in early["detail"]
    says(apis, grid, f"{place}/votes", {"option": "yes"})
    says(apis, vendor, f"{place}/votes", {"option": "no", "dissent": "Too early."})
    says(apis, cert, f"{place}/votes", {"option": "yes"})
    open_question = grid.get(f"/cases/{case}")["decisions"][0]
    assert (open_question["state"], open_question["by"]) == ("open", "majority")
    assert open_question["count"] == {
        "outcome": "yes",
        "quorate": True,
        "settled": True,
        "votes": {"yes": 2, "no": 1},
        "abstained": 0,
        "silent": 0,
    }
    says(apis, cert, f"{place}/outcome", {"outcome": "yes"})
    here = vendor.get(f"/cases/{case}")
    assert here["state"] == "response", "what was decided is done"
    assert (here["decisions"][0]["outcome"], here["decisions"][0]["authority"]) == ("yes", "vote")
    other = says(
        apis,
        cert,
        f"{case}/questions",
        {"topic": "question", "question": "How?", "options": ["patch", "wait"], "by": "unanimity"},
    )
    place = f"{case}/decisions/{other['decision']}"
    assert grid.post(f"/cases/{place}/votes", {"option": "leave"}, 409)["detail"]
    says(apis, cert, f"{place}/withdrawal", {"reason": "Patched."})
    states = {one["decision"]: one["state"] for one in grid.get(f"/cases/{case}")["decisions"]}
    assert states[other["decision"]] == "withdrawn"


def test_who_may_not_is_refused_and_what_is_unknown_is_not_there(apis: Apis, case: str) -> None:
    cert, grid, _ = apis
    handler = Api.of(cert.node, PersonRole.HANDLER)
    for path, body in (
        ("/cases", {"title": "Mine"}),
        (f"/cases/{case}/start", {"reason": "So."}),
        (f"/cases/{case}/joint", {}),
        (f"/cases/{case}/questions", {"topic": "question", "question": "Why?"}),
    ):
        assert handler.post(path, body, 403)["status"] == 403
    auditor = Api.of(grid.node, PersonRole.AUDITOR)
    assert auditor.post(f"/cases/{case}/response", {"state": "affected"}, 403)
    reader = Api.of(cert.node, PersonRole.COORDINATOR, scopes=(TokenScope.READ,))
    assert reader.get(f"/cases/{case}")["channel"] == case
    reader.post(f"/cases/{case}/start", {"reason": "So."}, 403)
    cert.get(f"/cases/{NOWHERE}", 404)
    cert.post(f"/cases/{NOWHERE}/start", {"reason": "So."}, 404)
    cert.post(f"/cases/{NOWHERE}/questions", {"topic": "question", "question": "Why?"}, 404)
    direct = next(row for row in grid.walk("/channels", 50) if row["kind"] == "direct")
    grid.get(f"/cases/{direct['id']}", 404)
    for path, body in (
        ("votes", {"option": "yes"}),
        ("outcome", {"outcome": "yes"}),
        ("withdrawal", {}),
    ):
        cert.post(f"/cases/{case}/decisions/{NO_DECISION}/{path}", body, 404)
    # The coordinator alone goes on with a case, whoever asks.
    assert grid.post(f"/cases/{case}/start", {"reason": "Mine."}, 409)["detail"]
    assert grid.get(f"/cases/{case}")["state"] == "assessment"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("assessment", {"assessment": {}}, "assessment"),
        ("assessment", {"assessment": {"danger": "some"}}, "json.assessment.danger"),
        ("assessment", {"assessment": {"mood": "low"}}, "json.assessment.mood"),
        ("response", {"state": "affected", "since": "2999-01-01T00:00:00Z"}, "since"),
        ("crisis", {"topics": ["publication"]}, "until"),
        ("joint", {"level": "apocalyptic"}, "json.level"),
        ("closing", {"reason": ""}, "json.reason"),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_field(
    apis: Apis, case: str, path: str, body: dict[str, Any], field: str
) -> None:
    cert, *_ = apis
    assert cert.post(f"/cases/{case}/{path}", body, 400)["field"] == field


def test_reading_a_case_stands_in_the_trail(apis: Apis, case: str) -> None:
    cert, *_ = apis
    cert.get(f"/cases/{case}")
    with cert.node.reading() as session:
        query = select(AuditRecord).where(
            AuditRecord.action == "case.read", AuditRecord.subject == case
        )
        assert len(session.scalars(query).all()) == 1


def test_a_timeline_is_added_to_and_read_page_by_page(apis: Apis, case: str) -> None:
    cert, grid, vendor = apis
    says(apis, grid, f"{case}/events", {"text": "First beacon", "when": "2025-03-01T14:30"})
    event = {
        "text": "Signed",
        "when": "2025-02-03",
        "until": "2025-02-20",
        "status": "undetermined",
    }
    says(apis, vendor, f"{case}/events", event)
    page = cert.get(f"/cases/{case}/timeline", limit=1)
    read = page["items"]
    while page["next"]:
        page = cert.get(f"/cases/{case}/timeline", limit=1, cursor=page["next"])
        read += page["items"]
    assert read == cert.get(f"/cases/{case}/timeline")["items"]
    beacon, signed = read[-2:]
    assert (beacon["text"], beacon["name"], beacon["precision"]) == (
        "First beacon",
        "Grid",
        "minute",
    )
    assert (beacon["earliest"], beacon["tlp"]) == ("2025-03-01T14:30:00Z", "amber")
    assert (signed["precision"], signed["status"]) == ("between", "undetermined")
    assert (signed["earliest"], signed["latest"]) == (
        "2025-02-03T00:00:00Z",
        "2025-02-21T00:00:00Z",
    )
    refused = grid.post(f"/cases/{case}/events", {"text": "x", "when": "soon"}, 400)
    assert "2025" in str(refused) or "2026" in str(refused)
    cert.get(f"/cases/{NOWHERE}/timeline", 404)
    cert.get(f"/cases/{case}/timeline", 400, cursor="nonsense")


def test_members_stand_with_their_part_and_with_what_they_hold(apis: Apis, case: str) -> None:
    cert, grid, vendor = apis
    says(apis, grid, f"{case}/response", {"state": "affected"})
    with vendor.node.writing() as session:
        desk = vendor.node.office.desk(session)
        service.leave(session, desk, CONSOLE, case, now=vendor.node.now())
    settled(apis)
    cert.node.invite(case, vendor.node)
    settled(apis)
    members = {one["name"]: one for one in cert.get(f"/cases/{case}/members")["items"]}
    assert (members["Grid"]["response"], members["Grid"]["state"]) == ("affected", "joined")
    held = {one["name"]: one for one in cert.get(f"/channels/{case}/receipts")["items"]}
    assert {name: one["holding"] for name, one in members.items() if one["holding"]} == held
    assert members["CERT"]["holding"]["voucher"] == "owner"
    assert members["CERT"]["is_us"]
    assert (members["Vendor"]["state"], members["Vendor"]["late"]) == ("invited", False)
    assert members["Vendor"]["holding"] is None
    with cert.node.reading() as session:
        later = cert.node.now() + timedelta(days=30)
        us = cert.node.organisation
        rows = visible_case_members(session, CONSOLE, case, us=us, now=later)
    assert {one.member.name for one in rows if one.member.late} == {"Vendor"}
    cert.get(f"/cases/{NOWHERE}/members", 404)


def test_intel_is_shared_sighted_and_read(apis: Apis, case: str) -> None:
    cert, grid, vendor = apis
    says(apis, grid, f"{case}/intel", {"pasted": "evil-updates.com", "tlp": "green"})
    (one,) = cert.get(f"/cases/{case}/intel")["items"]
    assert (one["title"], one["tlp"], one["name"]) == ("Domain evil-updates.com", "green", "Grid")
    says(apis, vendor, f"{case}/intel/{one['ref']}/sightings", {"verdict": "not-found"})
    page = cert.get(f"/cases/{case}/intel", limit=1)
    assert (page["items"][0]["kind"], page["items"][0]["about"]) == ("sighting", one["ref"])
    (again,) = cert.get(f"/cases/{case}/intel", limit=1, cursor=page["next"])["items"]
    assert [(found["name"], found["verdict"]) for found in again["found"]] == [
        ("Vendor", "not-found")
    ]
    recognition = f"/cases/{case}/intel/recognition"
    looked_at = grid.post(recognition, {"pasted": "evil-updates.com, seen by 10.0.0.7"}, 200)
    assert [one["name"] for one in looked_at["findings"]] == ["Domain evil-updates.com"]
    assert [one["values"] for one in looked_at["left_out"]] == [["10.0.0.7"]]
    grid.post(recognition.replace(case, NOWHERE), {"pasted": "evil-updates.com"}, 404)
    grid.post(recognition, {"pasted": '{"type": "bundle", "spec_version": '}, 400)
    revocation = f"{case}/intel/{one['ref']}/revocation"
    vendor.post(f"/cases/{revocation}", None, 403)
    grid.post(f"/cases/{revocation}")
    settled(apis)
    again = next(i for i in cert.get(f"/cases/{case}/intel")["items"] if i["ref"] == one["ref"])
    assert (again["standing"], again["author"]) == ("revoked", grid.node.organisation)
    grid.post(f"/cases/{case}/intel", {"pasted": "nothing"}, 400)
    grid.post(f"/cases/{case}/intel/{NO_DECISION}/sightings", {"verdict": "seen"}, 404)
    cert.get(f"/cases/{NOWHERE}/intel", 404)
