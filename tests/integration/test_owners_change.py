"""An owner is lost, opens anew, or comes back: which branch holds, and who follows it."""

from __future__ import annotations

from pathlib import Path

from federation.ledger import get_channel, head_of
from federation.openings import OpenedBy, open_epoch
from federation.rebuild import rebuild
from hub.apply import VIEWS
from tests.kit.nodes import RunningNode, running, settle


def rebuilt_equal(node: RunningNode, channel: str) -> bool:
    with node.writing() as session:
        done = rebuild(session, node.office.desk(session), channel, VIEWS)
        assert done.differences == ()
        return done.equal


def test_an_owner_opens_anew_on_an_older_head(tmp_path: Path) -> None:
    with running(tmp_path, "cert", "grid") as (cert, grid):
        channel = cert.open()
        cert.invite(channel, grid)
        settle(cert, grid)
        grid.join(channel)
        settle(cert, grid)
        named = head_of(cert.channel(channel))
        cert.note(channel, "One that will be abandoned.")
        with cert.writing() as session:
            desk = cert.office.desk(session)
            record = get_channel(session, channel)
            open_epoch(
                session, desk, record, opened_by=OpenedBy.RE_OPENING, head=named, now=cert.now()
            )
        assert cert.channel(channel).epoch == 2
        assert rebuilt_equal(cert, channel)
