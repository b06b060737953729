"""Near-misses told to a community by its coordinator, without their source.

Source: domain, 2 (*Detect and report*).
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
from sqlalchemy import select

from federation.ledgers.ledger_records import CoveredRecord, EntryRecord
from hub.channels import service
from hub.reports import publishing
from policies.acts import Act, ChannelKind
from policies.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from policies.reports import ReportKind
from policies.tlp import TLP
from sharing.records import StoredObject
from tests.integration.test_cases_from_reports import HANDLER, Nodes, do, reported
from tests.kit.api import Api
from tests.kit.console import Console
from tests.kit.hostile_peer import csrf, signed_in
from tests.kit.nodes import CONSOLE, running, settle


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with running(tmp_path_factory.mktemp("near_misses"), "CERT", "Gridville", "Vendor") as made:
        a, b, c = made
        yield a, b, c


@pytest.fixture(scope="module")
def community(nodes: Nodes) -> str:
    """Give a community of CERT's that the vendor is in, and the reporter is not."""
    opened = do(
        nodes,
        service.open_channel,
        kind=ChannelKind.COMMUNITY,
        name="Energy",
        ceiling=TLP.AMBER,
    )
    nodes[0].invite(opened.id, nodes[2], "member")
    settle(*nodes)
    nodes[2].join(opened.id)
    settle(*nodes)
    return str(opened.id)


def test_no_byte_of_what_goes_out_names_the_source(nodes: Nodes, community: str) -> None:
    report = reported(
        nodes,
        nodes[1],
        "A mail was stopped",
        "It linked to https://evilcorp.io/a.exe",
        kind=ReportKind.NEAR_MISS,
    )
    where = (report.channel, report.report)
    written = do(nodes, publishing.publish, *where, community=community)
    assert written.entry.acting.act == Act.INTEL_SHARED.value
    with nodes[2].reading() as session:
        hashes = select(CoveredRecord.sha256).where(CoveredRecord.channel == community)
        covered = StoredObject.sha256.in_(hashes)
        objects = list(session.scalars(select(StoredObject.content).where(covered)))
        entries = [
            content
            for content in session.scalars(select(StoredObject.content))
            if b'"intel.shared"' in content
        ]
    told = b"\n".join([*entries, *objects]).lower()
    assert len(entries) == 1
    assert b"a mail was stopped" in told
    assert b"evilcorp.io/a.exe" in told
    reporter = nodes[1].organisation
    for secret in ("gridville", reporter, report.channel, report.report, report.bundle):
        assert secret.rpartition("--")[2].lower().encode() not in told


def test_words_that_name_the_source_are_refused(nodes: Nodes, community: str) -> None:
    report = reported(
        nodes, nodes[1], "Stopped again", "At GRIDVILLE a mail came.", kind=ReportKind.NEAR_MISS
    )
    where = (report.channel, report.report)
    with pytest.raises(ForbiddenError):
        do(nodes, publishing.publish, *where, community=community, actor=HANDLER)
    with pytest.raises(InvalidError, match="names the source"):
        do(nodes, publishing.publish, *where, community=community)
    with pytest.raises(InvalidError, match="names the source"):
        do(nodes, publishing.publish, *where, community=community, title="gridville", text="Mail.")
    do(nodes, publishing.publish, *where, community=community, text="Somewhere a mail came.")


def test_only_near_misses_go_out_and_only_as_far_as_their_label(
    nodes: Nodes, community: str
) -> None:
    incident = reported(nodes, nodes[1], "An incident", "It happened.")
    close = reported(
        nodes,
        nodes[1],
        "Close",
        "Stopped.",
        kind=ReportKind.NEAR_MISS,
        tlp=TLP.AMBER_STRICT,
    )
    for report, why in ((incident, "near-miss"), (close, "takes TLP")):
        given: dict[str, Any] = {"community": community}
        with pytest.raises(ConflictError, match=why):
            do(nodes, publishing.publish, report.channel, report.report, **given)
    vendor = nodes[2]
    with vendor.reading() as session:
        desk = vendor.office.desk(session)
        with pytest.raises(NotFoundError):
            publishing.get_preview(session, desk, CONSOLE, close.channel, close.report)


def test_programs_and_the_console_publish_the_same(nodes: Nodes, community: str) -> None:
    near = ReportKind.NEAR_MISS
    one = reported(nodes, nodes[1], "By program", "Stopped at the border.", kind=near)
    other = reported(nodes, nodes[1], "At the console", "Stopped at the border.", kind=near)
    cert, vendor = Api.of(nodes[0]), Api.of(nodes[2])
    place = f"/reports/travelled/{one.channel}/{one.report}/publication"
    preview = cert.get(place)
    assert (preview["title"], preview["tlp"]) == ("By program", "amber")
    assert [row["channel"] for row in preview["communities"]] == [community]
    vendor.get(place, 404)
    vendor.post(place, {"community": community}, 404)
    cert.post(place, {"community": community, "title": "At Gridville"}, 400)
    assert cert.post(place, {"community": community}, 201)
    Console(nodes[0]).run("report", "publish", other.report, "Energy")
    settle(*nodes)
    with nodes[2].reading() as session:
        contents = b"\n".join(session.scalars(select(StoredObject.content)))
    assert b"By program" in contents
    assert b"At the console" in contents


def test_what_was_told_already_goes_out_again_as_a_correction_alone(
    nodes: Nodes, community: str
) -> None:
    cert, near = nodes[0], ReportKind.NEAR_MISS
    report = reported(nodes, nodes[1], "Stopped twice", "A mail was stopped.", kind=near)
    where = (report.channel, report.report)
    do(nodes, publishing.publish, *where, community=community)
    with pytest.raises(ConflictError, match="told of it already, by console: “Stopped twice”"):
        do(nodes, publishing.publish, *where, community=community, text="Other words.")
    with cert.reading() as session:
        desk = cert.office.desk(session)
        (told,) = publishing.get_preview(session, desk, CONSOLE, *where).published
        entries = select(EntryRecord.seq).where(EntryRecord.channel == community)
        assert (told.community_name, told.title) == ("Energy", "Stopped twice")
        assert told.seq == max(session.scalars(entries))
    # Who tells another community of it tells that one for the first time.
    cert.now.advance(minutes=1)  # type: ignore[attr-defined]
    other = do(
        nodes, service.open_channel, kind=ChannelKind.COMMUNITY, name="Water", ceiling=TLP.AMBER
    )
    do(nodes, publishing.publish, *where, community=other.id, text="In other words.")
    api, place = Api.of(cert), f"/reports/travelled/{report.channel}/{report.report}/publication"
    assert [one["community_name"] for one in api.get(place)["published"]] == ["Water", "Energy"]
    api.post(place, {"community": community}, 409)
    api.post(place, {"community": community, "title": "Not stopped", "again": True}, 201)
    console = Console(cert)
    console.run("report", "publish", report.report, "Energy", code=1)
    console.run("report", "publish", report.report, "Energy", "--again", "--title", "Stopped late")
    settle(*nodes)
    with nodes[2].reading() as session:
        contents = b"\n".join(session.scalars(select(StoredObject.content)))
    for title in (b"Correction: Not stopped", b"Correction: Stopped late"):
        assert title in contents
    assert b"Correction: Stopped twice" not in contents


def test_the_page_says_what_was_told_and_asks_whether_a_correction_is_meant(
    nodes: Nodes, community: str
) -> None:
    near = ReportKind.NEAR_MISS
    report = reported(nodes, nodes[1], "Stopped thrice", "A mail was stopped.", kind=near)
    browser = signed_in(nodes[0], "petra")
    place = f"/reports/{report.channel}/{report.report}/publication"
    form = {"community": community, "title": "Stopped thrice", "text": "A mail."}
    assert "This is a correction" not in browser.get(place).text
    for wanted, more in (
        (HTTPStatus.SEE_OTHER, {}),
        (HTTPStatus.CONFLICT, {}),
        (HTTPStatus.SEE_OTHER, {"again": "yes"}),
    ):
        token = {"csrf_token": csrf(browser, place)}
        answer = browser.post(place, data=form | token | more)
        assert answer.status_code == wanted
    shown = " ".join(browser.get(place).text.split())
    assert "by petra: “Stopped thrice”" in shown
    assert "This is a correction of what was told before" in shown
    assert "Publish it again, as a correction" in browser.get(place.rpartition("/")[0]).text
