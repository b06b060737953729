"""A warning outlives its coordinator: whoever coordinates next leads it on, and ends it.

Source: lifecycles, 3 (*Hand-over*) and 14; domain, 1 (*Three in the morning*).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from federation.ledgers import rebuild
from hub.apply import VIEWS
from hub.calls import answering, calling, queries
from hub.calls.values import Call
from hub.web.waiting import look_at_today
from policies.calls import Affected
from policies.errors import ConflictError
from tests.integration.test_membership import hand_over, open_case
from tests.kit.nodes import CONSOLE, RunningNode, running, settle


def test_a_successor_leads_a_former_coordinators_warning_on(tmp_path: Path) -> None:
    with running(tmp_path, "CERT", "Grid", "Vendor") as nodes:
        cert, grid, vendor = nodes
        case = open_case(cert, grid, vendor)
        ref = does(cert, case, calling.warn, text="Pull the plug.").ref
        settle(*nodes)
        does(grid, case, answering.acknowledge, ref, affected=Affected.LOOKING)
        settle(*nodes)
        hand_over(cert, grid, case)
        settle(*nodes)
        cert.now.advance(hours=2)  # type: ignore[attr-defined]
        # It is the successor's to call who is silent, and nobody else's.
        assert sees(grid, case, ref).is_ours
        assert not sees(cert, case, ref).is_ours
        assert [one.name for one in sees(grid, case, ref).silent] == ["Vendor"]
        assert ref in hrefs(grid)
        assert ref not in hrefs(cert)
        with pytest.raises(ConflictError, match="the coordinator adds to this warning"):
            does(cert, case, calling.add, ref, text="More from me.")
        # It adds to it, and asks again: who answered before is asked anew.
        does(grid, case, calling.add, ref, text="A second address.", again=True)
        settle(*nodes)
        asked = {one.name: one.reply.value for one in sees(vendor, case, ref).addressees}
        assert set(asked.values()) == {"waiting"}
        assert "Vendor" in asked
        does(vendor, case, answering.acknowledge, ref, affected=Affected.NO)
        settle(*nodes)
        for node in nodes:
            replies = {one.name: one.reply.value for one in sees(node, case, ref).addressees}
            assert replies["Vendor"] == "answered"
        does(grid, case, calling.end, ref, text="It is over.")
        settle(*nodes)
        for node in nodes:
            call = sees(node, case, ref)
            assert not call.is_open
            with node.reading() as session:
                said = queries.visible_updates(session, CONSOLE, call)
            assert [(one.author_name, one.text) for one in said] == [
                ("Grid", "A second address."),
                ("Grid", "It is over."),
            ]
            with node.writing() as session:
                desk = node.office.desk(session)
                assert rebuild.rebuild(session, desk, case, VIEWS).equal


def does(node: RunningNode, case: str, use_case: Any, *given: Any, **more: Any) -> Any:
    with node.writing() as session:
        desk = node.office.desk(session)
        return use_case(session, desk, CONSOLE, case, *given, now=node.now(), **more)


def sees(node: RunningNode, case: str, ref: str) -> Call:
    with node.reading() as session:
        return queries.get_call(session, CONSOLE, case, ref, us=node.organisation, now=node.now())


def hrefs(node: RunningNode) -> str:
    """Give where everything leads that waits for somebody at this node."""
    with node.app.test_request_context("/"):
        waiting = look_at_today(CONSOLE, now=node.now()).waiting
    return " ".join(one.href for one in waiting)
