"""Three nodes keep one signed history over TAXII."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from federation.ledgers.ledger_records import Standing
from federation.ledgers.rebuild import rebuild
from hub.apply import VIEWS
from tests.kit.nodes import running, settle


def test_three_nodes_keep_one_history(tmp_path: Path, node_databases: Callable[[], str]) -> None:
    names = ("CERT", "Grid", "Vendor")
    with running(tmp_path, *names, new_database=node_databases) as (cert, grid, vendor):
        case = cert.open("3CX")
        cert.invite(case, grid)
        cert.invite(case, vendor, "supplier")
        settle(cert, grid, vendor)
        grid.join(case)
        vendor.join(case)
        settle(cert, grid, vendor)
        grid.note(case, "Relay 7 isolated.")
        settle(cert, grid, vendor)
        cert.note(case, "Thank you.")
        settle(cert, grid, vendor)
        heads = {node.name: node.channel(case).head_sha256 for node in (cert, grid, vendor)}
        assert len(set(heads.values())) == 1, heads
        assert cert.channel(case).seq == 6
        assert grid.channel(case).standing is Standing.CURRENT
        assert grid.state(case) == cert.state(case) == vendor.state(case)
        for node in (cert, grid, vendor):
            with node.writing() as session:
                rebuilt = rebuild(session, node.office.desk(session), case, VIEWS)
            assert rebuilt.equal, rebuilt.differences
            assert rebuilt.entries == 7
