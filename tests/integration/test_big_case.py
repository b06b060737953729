"""The case that the benchmark writes in bulk is one that a node would have written itself."""

from __future__ import annotations

import io
from pathlib import Path

from federation.archive.verifying import verify_file
from federation.archive.writer import prepare_export
from federation.ledgers import rebuild
from hub.apply import VIEWS
from tests.kit.big_case import write_big_case
from tests.kit.nodes import running

ENTRIES = 90


def test_what_was_kept_together_is_what_is_made_again(tmp_path: Path) -> None:
    with running(tmp_path, "CERT") as (cert,):
        channel = write_big_case(cert, members=12, entries=ENTRIES)
        with cert.writing() as session:
            done = rebuild.rebuild(session, cert.office.desk(session), channel, VIEWS)
        assert done.equal
        assert done.entries == ENTRIES
        with cert.reading() as session:
            export = prepare_export(session, channel, by=cert.organisation, now=cert.now())
            report = verify_file(io.BytesIO(b"".join(export.lines(session))))
        assert report.holds, report.failures
        assert len(report.history) == ENTRIES
