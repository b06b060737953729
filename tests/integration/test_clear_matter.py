"""What is TLP:CLEAR is shown as TLP:CLEAR: reports, cases, calls and what they name to look for."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from hub.calls import calling
from hub.calls.records import IssuedCall
from hub.cases import course
from hub.cases.queries import get_visible_case
from hub.channels import service
from hub.reports import exchange, queries, recording
from hub.reports.recording import Said
from hub.reports.records import ReportIndicator
from policies.reports import ReportKind
from policies.tlp import TLP
from tests.kit.nodes import CONSOLE, running, settle


def test_clear_matter_is_shown_as_clear_on_both_sides(tmp_path: Path) -> None:
    with running(tmp_path, "CERT", "Grid") as (cert, grid):
        said = Said(
            ReportKind.INCIDENT,
            "Updater phones home",
            "It asks akamaitechcloudservices[.]com for orders.",
            tlp=TLP.CLEAR,
        )
        with grid.writing() as session:
            report = recording.record(session, CONSOLE, said, now=grid.now()).id
        grid.does(exchange.submit, report, to=cert.organisation)
        case = cert.does(course.open_case, title="3CX", text="Public.", ceiling=TLP.CLEAR)
        cert.invite(case, grid)
        settle(cert, grid)
        grid.join(case)
        settle(cert, grid)
        cert.does(calling.warn, case, text="Stop the updater.", tlp=TLP.CLEAR)
        grid.does(service.add_note, case, text="Stopped.", tlp=TLP.CLEAR)
        settle(cert, grid)
        with cert.reading() as session:
            (came,) = queries.visible_incoming(session, CONSOLE, us=cert.organisation)
            named = session.scalars(select(ReportIndicator.tlp)).all()
        assert came.tlp is TLP.CLEAR
        assert set(named) == {TLP.CLEAR}
        for node in (cert, grid):
            with node.reading() as session:
                assert get_visible_case(session, CONSOLE, case).tlp is TLP.CLEAR
                assert session.scalars(select(IssuedCall.tlp)).all() == [TLP.CLEAR]
