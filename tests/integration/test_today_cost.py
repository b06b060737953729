"""What stands on every page costs the same with one channel and with many."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import event

from hub.web.waiting import count_waiting
from sharing.db import db
from tests.kit.nodes import CONSOLE, RunningNode, running


def statements(node: RunningNode) -> int:
    """Count what the mark beside Today asks the database."""
    seen: list[str] = []

    def note(*arguments: object) -> None:
        seen.append(str(arguments[2]))

    with node.app.test_request_context("/"):
        event.listen(db.engine, "before_cursor_execute", note)
        try:
            count_waiting(CONSOLE, now=node.now())
        finally:
            event.remove(db.engine, "before_cursor_execute", note)
    return len(seen)


def test_the_mark_beside_today_asks_no_more_for_many_channels(tmp_path: Path) -> None:
    with running(tmp_path, "CERT") as (cert,):
        cert.open("One")
        before = statements(cert)
        for number in range(5):
            cert.open(f"Case {number}")
        assert statements(cert) == before
