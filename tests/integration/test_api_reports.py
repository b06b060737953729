"""Reports for programs: two real nodes and a partner that plays games, nothing but `/api/v1`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from sqlalchemy import select

from hub.accounts.actor import TokenScope
from hub.api.paging import write_cursor
from hub.audit.records import AuditRecord
from policies.acts import Act
from policies.roles import PersonRole
from policies.tlp import TLP
from sharing.objects import StixObject
from tests.integration.test_hostile_reports import Games, said
from tests.kit.api import Api
from tests.kit.hostile_peer import peers
from tests.kit.nodes import running, settle

Apis = tuple[Api, Api]
NOWHERE: Final = "6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c0003"
NOBODY: Final = f"identity--{NOWHERE}"
SCRIPT: Final = "<script>alert(1)</script> \u202e"
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
def apis(games: Games) -> Apis:
    """Give a CERT that coordinates and a grid operator that reports."""
    return Api.of(games.cert), Api.of(games.grid)


def settled(apis: Apis) -> None:
    settle(*(api.node for api in apis))


def recorded(api: Api, **given: Any) -> dict[str, Any]:
    body = {"kind": "incident", "title": f"Report {next(_numbers)}", "text": "It phones home."}
    document: dict[str, Any] = api.post("/reports", body | given)
    return document


def submission(apis: Apis, **given: Any) -> dict[str, Any]:
    return {"to": apis[0].node.organisation} | given


def submitted(apis: Apis, *, how: dict[str, Any] | None = None, **given: Any) -> str:
    """Have the operator report something; give the address of the report on both nodes."""
    _, grid = apis
    report = recorded(grid, **given)["id"]
    path = f"/reports/{report}/submission"
    response = grid.ask("POST", path, submission(apis, **(how or {})))
    assert response.status_code == 201, response.text
    settled(apis)
    return str(response.headers["Location"]).removeprefix("/api/v1")


def both(apis: Apis, path: str) -> list[dict[str, Any]]:
    return [api.get(path) for api in apis]


def test_a_report_goes_from_one_node_to_the_other_and_back(apis: Apis) -> None:
    cert, grid = apis
    body = {
        "kind": "event",
        "title": "Updater phones home",
        "text": "The client loads a library.",
        "occurred_at": "2026-11-20T08:00:00+01:00",
    }
    response = grid.ask("POST", "/reports", body)
    assert response.status_code == 201
    report = response.get_json()
    assert response.headers["Location"] == f"/api/v1/reports/{report['id']}"
    assert (report["state"], report["certainty"], report["tlp"]) == (
        "recorded",
        "suspected",
        "amber",
    )
    assert report["occurred_at"] == "2026-11-20T07:00:00.000Z"
    assert report["open_steps"] == ["assess", "submit", "discard"]
    assert (report["report"], report["channel"], report["submitted_to"]) == (None, None, None)
    here = f"/reports/{report['id']}"
    assessment = {"kind": "incident", "certainty": "actual", "category": "ransomware"}
    assert grid.post(f"{here}/assessment", assessment, 400)["field"] == "category"
    assessment["category"] = "system-compromise"
    assessed = grid.post(f"{here}/assessment", assessment, 200)
    assert (assessed["state"], assessed["category"]) == ("assessed", "system-compromise")
    how = submission(apis, attribution="sector", help_wanted=True, title="A client phones home")
    response = grid.ask("POST", f"{here}/submission", how)
    written = response.get_json()
    assert (response.status_code, written["act"], written["state"]) == (
        201,
        "report.submitted",
        "history",
    )
    place = str(response.headers["Location"]).removeprefix("/api/v1")
    mine = grid.get(here)
    assert (mine["state"], mine["open_steps"]) == ("submitted", [])
    assert place == f"/reports/travelled/{mine['channel']}/{mine['report']}"
    assert mine["title"] == "Updater phones home"
    settled(apis)
    theirs = next(
        one for one in cert.get("/reports/incoming")["items"] if place.endswith(one["report"])
    )
    assert (theirs["title"], theirs["reporter_name"]) == ("A client phones home", "Grid")
    assert (theirs["redacted"], theirs["help_wanted"]) == (True, True)
    assert (theirs["attribution"], theirs["certainty"]) == ("sector", "actual")
    assert "text" not in theirs, "a list holds what nobody has to account for reading"

    soon = "2027-01-02T10:00:00.000Z"
    answer = cert.post(f"{place}/acknowledgement", {"next_contact": soon, "text": "We look."})
    assert (answer["act"], answer["state"]) == ("report.acknowledged", "history")
    settled(apis)
    for one in both(apis, place):
        assert (one["state"], one["next_contact"]) == ("acknowledged", soon)
        assert one["reference"].startswith("CERT-20")
    grid.post(f"{place}/addition", {"text": "It also asks for a strange name."})
    cert.post(f"{place}/triage", {"taken_for": "incident"})
    case = cert.post("/channels", {"kind": "case", "name": "3CX", "tlp": "amber"})["id"]
    cert.post(f"{place}/link", {"case": case})
    settled(apis)
    assert [one["case"] for one in both(apis, place)] == [case, None]
    cert.post(f"{place}/closing", {"outcome": "handled-in-case", "text": "Thank you."})
    settled(apis)
    one, other = both(apis, place)
    assert one["words"] == other["words"]
    assert [(said["author_name"], said["text"]) for said in one["words"] if said["text"]] == [
        ("CERT", "We look."),
        ("Grid", "It also asks for a strange name."),
        ("CERT", "Thank you."),
    ]
    assert (one["state"], one["outcome"], one["triaged_as"]) == (
        "closed",
        "handled-in-case",
        "incident",
    )
    assert one["text"] == other["text"] == "The client loads a library."


def test_a_report_that_was_closed_is_taken_up_again_by_either_side(apis: Apis) -> None:
    cert, grid = apis
    place = submitted(apis)
    cert.post(f"{place}/triage", {"taken_for": "near-miss"})
    cert.post(f"{place}/closing", {"outcome": "no-action"})
    settled(apis)
    assert "Ask again" in grid.post(f"{place}/addition", {"text": "It came back."}, 409)["hint"]
    grid.post(f"{place}/asking-again", {"text": "It came back."})
    settled(apis)
    assert [(one["state"], one["asked_again"]) for one in both(apis, place)] == [
        ("acknowledged", True)
    ] * 2
    assert (
        "open now: report.reopened"
        in cert.post(f"{place}/triage", {"taken_for": "incident"}, 409)["detail"]
    )
    cert.post(f"{place}/reopening", {"text": "You are right."})
    cert.post(f"{place}/triage", {"taken_for": "false-alarm", "false_alarm": "scan"})
    settled(apis)
    assert [one["false_alarm"] for one in both(apis, place)] == ["scan"] * 2
    grid.post(f"{place}/withdrawal", {"reason": "Wrong machine."})
    settled(apis)
    assert [one["state"] for one in both(apis, place)] == ["withdrawn"] * 2
    cert.post(f"{place}/acknowledgement", {}, 409)


def test_what_was_set_aside_is_taken_up_again(apis: Apis) -> None:
    _, grid = apis
    here = f"/reports/{recorded(grid)['id']}"
    assert grid.post(f"{here}/handling", {}, 409)["field"] == "step"
    assert grid.post(f"{here}/discard", {"reason": "A test."}, 200)["state"] == "false alarm"
    assert "open: reopen" in grid.post(f"{here}/submission", submission(apis), 409)["detail"]
    again = grid.post(f"{here}/reopening", {"reason": "No test."}, 200)
    assert (again["state"], again["reason"]) == ("recorded", "No test.")
    grid.post(f"{here}/assessment", {"kind": "near-miss", "certainty": "actual"}, 200)
    handled = grid.post(f"{here}/handling", {"reason": "Blocked at the door."}, 200)
    assert (handled["state"], handled["open_steps"]) == ("handled locally", ["reopen"])


def test_a_report_is_changed_by_who_has_read_the_newest(apis: Apis) -> None:
    cert, grid = apis
    report = recorded(grid)
    here = f"/reports/{report['id']}"
    body = {"kind": "vulnerability", "title": SCRIPT[:-1], "text": SCRIPT, "tlp": "green"}
    changed = grid.ask("PUT", here, body | {"version": report["version"]}).get_json()
    assert (changed["kind"], changed["text"], changed["tlp"]) == ("vulnerability", SCRIPT, "green")
    assert changed["version"] == report["version"] + 1
    late = grid.ask("PUT", here, body | {"version": report["version"]})
    assert (late.status_code, late.get_json()["field"]) == (409, "version")
    assert grid.ask("PUT", here, body).status_code == 200
    grid.post(f"{here}/submission", submission(apis))
    assert grid.ask("PUT", here, body).status_code == 409
    settled(apis)
    theirs = cert.get("/reports/incoming")["items"][0]
    assert (theirs["kind"], theirs["title"]) == ("vulnerability", SCRIPT.strip(" \u202e"))
    twice = grid.post(f"{here}/submission", submission(apis), 409)
    assert "with the coordinator" in twice["detail"]


def test_what_was_pasted_beside_the_words_goes_along_and_stays_when_it_is_sent_back(
    apis: Apis,
) -> None:
    cert, grid = apis
    report = recorded(grid, pasted="Seen: 185[.]220[.]101[.]5", title="With more")
    assert report["pasted"] == "Seen: 185[.]220[.]101[.]5"
    here = f"/reports/{report['id']}"
    names = ("kind", "title", "text", "certainty", "category", "tlp", "pasted", "version")
    body = {name: report[name] for name in names}
    changed = grid.ask("PUT", here, body | {"title": "With more of it"}).get_json()
    assert (changed["title"], changed["pasted"]) == ("With more of it", report["pasted"])
    grid.post(f"{here}/submission", submission(apis))
    settled(apis)
    row = next(
        one for one in cert.get("/reports/incoming")["items"] if one["title"] == "With more of it"
    )
    found = cert.get(f"/reports/travelled/{row['channel']}/{row['report']}")
    assert [one["pattern"] for one in found["indicators"]] == [
        "[ipv4-addr:value = '185.220.101.5']"
    ]


def test_lists_come_in_pages_that_neither_skip_nor_repeat(apis: Apis, games: Games) -> None:
    cert, grid = apis
    for _ in range(3):
        submitted(apis)
        recorded(grid)
    direct = games.open_direct(games.cert)
    for _ in range(2):
        ahead = datetime(9999, 1, 1, tzinfo=UTC)
        games.submits(direct, games.cert, said(games, "From far away"), now=ahead)
    for api, path, key in (
        (grid, "/reports", "id"),
        (cert, "/reports/incoming", "report"),
        (grid, "/reports/outgoing", "report"),
    ):
        whole = [row[key] for row in api.walk(path, 99)]
        assert len(set(whole)) == len(whole) >= 5
        for limit in (1, 2, len(whole) - 1, len(whole)):
            assert [row[key] for row in api.walk(path, min(limit, 99))] == whole
    states = {row["state"] for row in grid.walk("/reports", 99)}
    assert {"recorded", "submitted"} <= states
    for state in states:
        found = grid.walk("/reports", 2, state=state)
        assert {row["state"] for row in found} == {state}
    assert cert.get("/reports/outgoing")["items"] == grid.get("/reports/incoming")["items"] == []


@pytest.mark.parametrize("path", ["/reports", "/reports/incoming", "/reports/outgoing"])
def test_a_cursor_that_is_none_of_ours_is_refused(apis: Apis, path: str) -> None:
    cert, _ = apis
    whole = 2 if path == "/reports" else 3
    for moment in ("", "soon", "2026-11-20", "0001-01-01T00:00:00+14:00", "2026-11-20T10:00:00"):
        cursor = write_cursor(moment, *["x"] * (whole - 1))
        assert cert.get(path, 400, cursor=cursor)["field"] == "query.cursor"
    for parts in ((1,) * whole, ("x",), ("2026-11-20T10:00:00Z", *["\0"] * (whole - 1))):
        assert cert.get(path, 400, cursor=write_cursor(*parts))["field"] == "query.cursor"
    for limit in (0, 201, "many"):
        cert.get(path, 400, limit=limit)
    cert.get(path, 400, state="nonsense")
    cert.get(path, 400, whose="ours")


def test_reading_a_report_is_in_the_trail_and_reading_a_list_is_not(apis: Apis) -> None:
    cert, grid = apis
    report = recorded(grid)["id"]
    place = submitted(apis)
    grid.get("/reports")
    grid.get(f"/reports/{report}")
    cert.get("/reports/incoming")
    cert.get(place)
    cert.get(f"{place}x", 404)
    subject = place.removeprefix("/reports/travelled/")
    assert actions(grid, report) == [("report.recorded", "done"), ("report.read", "done")]
    assert actions(cert, subject) == [("report.read", "done")]
    assert actions(cert, f"{subject}x") == [("report.read", "refused")]
    cert.post(f"{place}/acknowledgement", {})
    cert.post(f"{place}/link", {"case": NOWHERE}, 404)
    assert actions(cert, subject)[1:] == [
        ("report.acknowledged", "done"),
        ("report.linked", "refused"),
    ]


def actions(api: Api, subject: str) -> list[tuple[str, str]]:
    with api.node.reading() as session:
        rows = session.execute(
            select(AuditRecord.action, AuditRecord.outcome)
            .where(AuditRecord.subject == subject)
            .order_by(AuditRecord.id)
        )
        return [(action, str(outcome)) for action, outcome in rows]


def test_the_same_request_twice_records_and_answers_once(apis: Apis) -> None:
    cert, grid = apis
    headers = {"Idempotency-Key": f"report-{next(_numbers):08d}"}
    body = {"kind": "event", "title": "Once", "text": "Only."}
    first, second = (grid.ask("POST", "/reports", body, headers=headers) for _ in range(2))
    assert first.data == second.data
    assert first.headers["Location"] == second.headers["Location"]
    place = submitted(apis)
    headers = {"Idempotency-Key": f"report-{next(_numbers):08d}"}
    said = [
        cert.ask("POST", f"{place}/acknowledgement", {}, headers=headers).data for _ in range(2)
    ]
    assert said[0] == said[1]


OTHERS: Final = (PersonRole.AUDITOR, PersonRole.LIAISON, PersonRole.ADMINISTRATOR)


@pytest.mark.parametrize("role", OTHERS)
def test_others_read_and_are_told_which_role_it_takes(apis: Apis, role: PersonRole) -> None:
    place = submitted(apis)
    report = recorded(apis[1])["id"]
    cert, grid = (Api.of(api.node, role) for api in apis)
    assert [api.get(place)["state"] for api in (cert, grid)] == ["submitted"] * 2
    assert grid.get(f"/reports/{report}")["text"] == "It phones home."
    for api, path, body in refused_to_readers(apis, report, place):
        answer = Api.of(api.node, role).post(path, body, 403)
        assert "takes the role" in answer["detail"]
    put = grid.ask("PUT", f"/reports/{report}", {"kind": "event", "title": "x", "text": "x"})
    assert put.status_code == 403


def refused_to_readers(
    apis: Apis, report: str, place: str
) -> list[tuple[Api, str, dict[str, Any]]]:
    cert, grid = apis
    assessment = {"kind": "event", "certainty": "actual"}
    return [
        (grid, "/reports", {"kind": "event", "title": "x", "text": "x"}),
        (grid, f"/reports/{report}/assessment", assessment),
        (grid, f"/reports/{report}/discard", {"reason": "x"}),
        (grid, f"/reports/{report}/handling", {}),
        (grid, f"/reports/{report}/reopening", {"reason": "x"}),
        (grid, f"/reports/{report}/submission", submission(apis)),
        (grid, f"{place}/addition", {"text": "x"}),
        (grid, f"{place}/withdrawal", {}),
        (grid, f"{place}/asking-again", {"text": "x"}),
        *((cert, f"{place}/{part}", body) for part, body in ANSWERS),
    ]


ANSWERS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("acknowledgement", {}),
    ("triage", {"taken_for": "incident"}),
    ("link", {"case": NOWHERE}),
    ("closing", {"outcome": "resolved"}),
    ("reopening", {"text": "x"}),
)


def test_a_handler_reports_and_does_not_answer_for_the_coordinator(apis: Apis) -> None:
    place = submitted(apis)
    cert, grid = (Api.of(api.node, PersonRole.HANDLER) for api in apis)
    grid.post(f"{place}/addition", {"text": "More."})
    for part, body in ANSWERS:
        assert "takes the role coordinator" in cert.post(f"{place}/{part}", body, 403)["detail"]
    reader = Api.of(grid.node, scopes=(TokenScope.READ,))
    assert reader.get(place)["state"] == "submitted"
    reader.post("/reports", {"kind": "event", "title": "x", "text": "x"}, 403)
    assert Api(grid.node).ask("GET", "/reports").status_code == 401
    assert Api(grid.node).ask("GET", place).status_code == 401


def test_what_is_red_is_for_coordinators_and_handlers(apis: Apis) -> None:
    cert, grid = apis
    report = recorded(grid, title="Names", text="Names of victims.", tlp="red")["id"]
    place = submitted(apis, title="More names", text="Names of others.", tlp="red")
    grid.post(f"{place}/addition", {"text": "One more name."})
    cert.post(f"{place}/acknowledgement", {"text": "Thank you for the names."})
    settled(apis)
    for api in apis:
        handler, auditor = (
            Api.of(api.node, role) for role in (PersonRole.HANDLER, PersonRole.AUDITOR)
        )
        assert "Names of others." in str(handler.get(place))
        seen = auditor.get(place)
        assert (seen["title"], seen["text"]) == ("for coordinators and handlers", None)
        assert {one["text"] for one in seen["words"]} == {"for coordinators and handlers"}
        assert "names" not in str(seen | {"title": ""}).lower().replace("_name", "")
        for listed in ("/reports/incoming", "/reports/outgoing", "/reports"):
            assert "ames" not in str([row["title"] for row in auditor.walk(listed, 99)])
    auditor = Api.of(grid.node, PersonRole.AUDITOR)
    auditor.get(f"/reports/{report}", 404)
    # What it may not know of is not there, whatever it may do.
    for path, body in (
        (f"/reports/{report}/discard", {"reason": "x"}),
        (f"/reports/{report}/submission", submission(apis)),
    ):
        assert auditor.post(path, body, 404)["detail"] == "there is no such report"
    assert report not in {row["id"] for row in auditor.walk("/reports", 99)}
    assert Api.of(grid.node, PersonRole.HANDLER).get(f"/reports/{report}")["tlp"] == "red"


def test_each_side_does_what_is_its_own(apis: Apis) -> None:
    cert, grid = apis
    place = submitted(apis)
    for part, body in ANSWERS:
        assert "our own" in grid.post(f"{place}/{part}", body, 409)["detail"]
    for part, body in (
        ("addition", {"text": "x"}),
        ("withdrawal", {}),
        ("asking-again", {"text": "x"}),
    ):
        assert "another organisation’s" in cert.post(f"{place}/{part}", body, 409)["detail"]
    assert "not closed" in grid.post(f"{place}/asking-again", {"text": "x"}, 409)["detail"]
    for part in ("reopening", "link"):
        body = (
            {"text": "x"}
            if part == "reopening"
            else {
                "case": cert.post("/channels", {"kind": "case", "name": "x", "tlp": "green"})["id"]
            }
        )
        assert "not open now" in cert.post(f"{place}/{part}", body, 409)["detail"]
    assert [one["state"] for one in both(apis, place)] == ["submitted"] * 2


def test_a_reference_that_another_report_has_is_refused(apis: Apis) -> None:
    cert, _ = apis
    one, other = submitted(apis), submitted(apis)
    cert.post(f"{one}/acknowledgement", {"reference": "HOTLINE-1"})
    refused = cert.post(f"{other}/acknowledgement", {"reference": "HOTLINE-1"}, 409)
    assert refused["field"] == "reference"
    cert.post(f"{one}/acknowledgement", {"reference": "HOTLINE-1", "text": "Still."})
    cert.post(f"{other}/acknowledgement", {})
    assert cert.get(other)["reference"] != "HOTLINE-1"


def test_reports_that_name_the_same_are_named_side_by_side(apis: Apis, games: Games) -> None:
    cert, grid = apis
    place, direct = submitted(apis), games.open_direct(games.cert)
    channel, report = place.split("/")[-2:]
    value = {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--{NOWHERE}",
        "created": "2026-11-20T09:00:00.000Z",
        "modified": "2026-11-20T09:00:00.000Z",
        "name": SCRIPT,
        "pattern": "[domain-name:value = 'akamaitechcloudservices.com']",
        "pattern_type": "stix",
        "valid_from": "2026-11-20T09:00:00Z",
        "object_marking_refs": [TLP.GREEN.marking_id],
    }
    act = {"act": "report.updated", "body": {"report": report}, "objects": [value]}
    grid.post(f"/channels/{channel}/acts", act)
    other = said(games, SCRIPT)
    games.submits(direct, games.cert, other, objects=(other, StixObject.of(value)))
    settled(apis)
    found = cert.get(place)
    assert [(one["name"], one["tlp"]) for one in found["indicators"]] == [(SCRIPT, "green")]
    (alike,) = found["alike"]
    assert (alike["title"], alike["same_count"], alike["reporter_name"]) == (SCRIPT, 1, "Mallory")
    back = cert.get(f"/reports/travelled/{alike['channel']}/{alike['report']}")
    assert [one["report"] for one in back["alike"]] == [report]
    assert grid.get(place)["alike"] == []


def test_answers_have_their_own_addresses(apis: Apis) -> None:
    cert, _ = apis
    place = submitted(apis)
    cert.post(f"{place}/acknowledgement", {})
    report = place.rpartition("/")[2]
    direct = next(
        row["id"]
        for row in cert.get("/channels", limit=200)["items"]
        if row["kind"] == "direct" and row["is_ours"] and row["name"] == "CERT to Grid"
    )
    for act, body in (
        (Act.REPORT_ACKNOWLEDGED, {"report": report, "reference": "CERT-2026-0001"}),
        (Act.REPORT_LINKED, {"report": report, "case": direct}),
        (Act.REPORT_REOPENED, {"report": report}),
    ):
        refused = cert.post(f"/channels/{direct}/acts", {"act": act, "body": body}, 400)
        assert refused["field"] == "act"


@pytest.mark.parametrize("report", [NOWHERE, "nonsense", "..", "%ff", "x" * 300])
def test_what_nobody_here_knows_is_not_there(apis: Apis, report: str) -> None:
    cert, grid = apis
    channel = submitted(apis).split("/")[-2]
    for api in apis:
        api.get(f"/reports/{report}", 404)
        api.get(f"/reports/travelled/{channel}/{report}", 404)
        api.get(f"/reports/travelled/{report}/{report}", 404)
    change = grid.ask("PUT", f"/reports/{report}", {"kind": "event", "title": "x", "text": "x"})
    assert change.status_code == 404
    place = f"/reports/travelled/{channel}/{report}"
    for api, path, body in refused_to_readers(apis, report, place):
        if path != "/reports":
            api.post(path, body, 404)
    mine = recorded(grid)["id"]
    assert cert.get(f"/reports/{mine}", 404)["detail"] == "there is no such report"
    for to in (NOBODY, grid.node.organisation):
        refused = grid.post(f"/reports/{mine}/submission", submission(apis, to=to), 404)
        assert "partner" in refused["detail"]
    assert grid.get(f"/reports/{mine}")["state"] == "recorded"


GOOD: Final = {"kind": "event", "title": "x", "text": "x"}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("", {}, "json.kind"),
        ("", GOOD | {"kind": "crime"}, "json.kind"),
        ("", GOOD | {"title": ""}, "json.title"),
        ("", GOOD | {"title": " "}, "title"),
        ("", GOOD | {"title": "x" * 201}, "json.title"),
        ("", GOOD | {"title": "two\nlines"}, "title"),
        ("", GOOD | {"title": "nul\0"}, "title"),
        ("", GOOD | {"title": 1}, "json.title"),
        ("", GOOD | {"text": ""}, "json.text"),
        ("", GOOD | {"text": "\t"}, "text"),
        ("", GOOD | {"text": "nul\0"}, "text"),
        ("", GOOD | {"text": "x" * 20_001}, "json.text"),
        ("", GOOD | {"pasted": "x" * 500_001}, "json.pasted"),
        ("", GOOD | {"pasted": '{"type": "bundle", "objects": [{"type": "x"}]}'}, "pasted"),
        ("", GOOD | {"pasted": 1}, "json.pasted"),
        ("", GOOD | {"category": "nonsense"}, "category"),
        ("", GOOD | {"category": "x" * 65}, "json.category"),
        ("", GOOD | {"tlp": "white"}, "json.tlp"),
        ("", GOOD | {"certainty": "maybe"}, "json.certainty"),
        ("", GOOD | {"occurred_at": "2999-01-01T00:00:00Z"}, "occurred_at"),
        ("", GOOD | {"discovered_at": "2999-01-01T00:00:00Z"}, "discovered_at"),
        ("", GOOD | {"occurred_at": "2026-01-01T00:00:00"}, "json.occurred_at"),
        ("", GOOD | {"occurred_at": "9999-12-31T23:59:59-23:00"}, "json.occurred_at"),
        ("", GOOD | {"state": "submitted"}, "json.state"),
        ("", GOOD | {"id": NOWHERE}, "json.id"),
        ("/ID/assessment", {"kind": "event"}, "json.certainty"),
        ("/ID/assessment", {"kind": "event", "certainty": "actual", "category": "x"}, "category"),
        ("/ID/discard", {}, "json.reason"),
        ("/ID/discard", {"reason": " "}, "reason"),
        ("/ID/discard", {"reason": "nul\0"}, "reason"),
        ("/ID/discard", {"reason": "x" * 20_001}, "json.reason"),
        ("/ID/reopening", {"reason": 7}, "json.reason"),
        ("/ID/handling", {"why": "x"}, "json.why"),
        ("/ID/submission", {}, "json.to"),
        ("/ID/submission", {"to": "CERT"}, "json.to"),
        ("/ID/submission", {"to": NOBODY, "attribution": "hidden"}, "json.attribution"),
        ("/ID/submission", {"to": "US", "text": " "}, "text"),
        ("/ID/submission", {"to": "US", "title": "two\nlines"}, "title"),
        ("/ID/submission", {"to": "US", "tlp": "pink"}, "json.tlp"),
        ("/ID/submission", {"to": "US", "report": NOWHERE}, "json.report"),
    ],
)
def test_what_does_not_fit_is_refused_by_field(
    apis: Apis, waiting: str, path: str, body: dict[str, Any], field: str | None
) -> None:
    _, grid = apis
    if body.get("to") == "US":
        body = body | {"to": apis[0].node.organisation}
    refused = grid.post(f"/reports{path.replace('ID', waiting)}", body, 400)
    assert refused.get("field") == field
    assert grid.get(f"/reports/{waiting}")["state"] == "recorded"


@pytest.fixture(scope="module")
def waiting(apis: Apis) -> str:
    """Give a report that nobody has gone on with."""
    return str(recorded(apis[1])["id"])


@pytest.fixture(scope="module")
def place(apis: Apis) -> str:
    """Give a report that nobody has answered."""
    return submitted(apis)


@pytest.mark.parametrize(
    ("part", "body", "field"),
    [
        ("acknowledgement", {"reference": "two words"}, "json.reference"),
        ("acknowledgement", {"reference": "x" * 41}, "json.reference"),
        ("acknowledgement", {"reference": ""}, "json.reference"),
        ("acknowledgement", {"next_contact": "2020-01-01T00:00:00Z"}, "next_contact"),
        ("acknowledgement", {"next_contact": "tomorrow"}, "json.next_contact"),
        ("acknowledgement", {"text": ""}, "json.text"),
        ("acknowledgement", {"text": "nul\0"}, "text"),
        ("acknowledgement", {"answers": "0" * 64}, "json.answers"),
        ("triage", {}, "json.taken_for"),
        ("triage", {"taken_for": "crime"}, "json.taken_for"),
        ("triage", {"taken_for": "false-alarm"}, "false_alarm"),
        ("triage", {"taken_for": "incident", "false_alarm": "scan"}, "false_alarm"),
        ("triage", {"taken_for": "false-alarm", "false_alarm": "bored"}, "json.false_alarm"),
        ("link", {}, "json.case"),
        ("link", {"case": "3CX"}, "json.case"),
        ("closing", {}, "json.outcome"),
        ("closing", {"outcome": "lost"}, "json.outcome"),
        ("reopening", {}, "json.text"),
        ("reopening", {"text": " "}, "text"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_by_field(
    apis: Apis, place: str, part: str, body: dict[str, Any], field: str | None
) -> None:
    cert, _ = apis
    refused = cert.post(f"{place}/{part}", body, 400)
    assert refused.get("field") == field
    assert cert.get(place)["state"] == "submitted"


@pytest.mark.parametrize(
    ("part", "body", "field"),
    [
        ("addition", {}, "json.text"),
        ("addition", {"text": " "}, "text"),
        ("addition", {"text": "x" * 20_001}, "json.text"),
        ("addition", {"text": "nul\0"}, "text"),
        ("withdrawal", {"reason": ""}, "json.reason"),
        ("withdrawal", {"reason": ["x"]}, "json.reason"),
        ("asking-again", {"text": 1}, "json.text"),
    ],
)
def test_words_that_do_not_fit_are_refused_by_field(
    apis: Apis, place: str, part: str, body: dict[str, Any], field: str | None
) -> None:
    _, grid = apis
    refused = grid.post(f"{place}/{part}", body, 400)
    assert refused.get("field") == field
    assert grid.get(place)["words"] == []


def test_long_words_arrive_whole(apis: Apis) -> None:
    cert, grid = apis
    text = "ä" * 20_000
    place = submitted(apis, text=text, title="ä" * 200)
    grid.post(f"{place}/addition", {"text": text})
    settled(apis)
    found = cert.get(place)
    assert (found["text"], found["words"][0]["text"]) == (text, text)
    assert found["title"] == "ä" * 200


def test_a_partner_that_was_stopped_is_reported_nothing(apis: Apis) -> None:
    cert, grid = apis
    place, report = submitted(apis), recorded(grid)["id"]
    partner = f"/partners/{cert.node.organisation}"
    grid.post(f"{partner}/suspension", {"reason": "x"}, 200)
    refused = grid.post(f"/reports/{report}/submission", submission(apis), 409)
    assert (refused["field"], "suspended" in refused["detail"]) == ("to", True)
    assert grid.get(place)["state"] == "submitted"
    grid.post(f"{partner}/resumption", None, 200)
    grid.post(f"/reports/{report}/submission", submission(apis))
