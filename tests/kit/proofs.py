"""What an auditor finds who has a file of a node and nothing else."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner

from federation.archive.writer import prepare_export
from hub.commands import main
from tests.kit.nodes import RunningNode


def verified(
    node: RunningNode, channel: str, *, for_: str | None = None, pins: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Export a channel of a node, and give what `tocsin verify --json` says of the file.

    Args:
        for_: the organisation that the file is written for; for the node's own, if not given.
        pins: recovery keys that somebody vouches for.
    """
    with node.reading() as session:
        export = prepare_export(session, channel, by=node.organisation, for_=for_, now=node.now())
        data = b"".join(export.lines(session))
    return said_of(data, pins=pins)


def said_of(data: bytes, *, pins: tuple[str, ...] = ()) -> dict[str, Any]:
    """Give what `tocsin verify --json` says of a file; no node is asked."""
    pinned = [word for pin in pins for word in ("--pin", pin)]
    result = CliRunner().invoke(main, ["verify", "-", "--json", *pinned], input=data)
    report: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == (0 if report["holds"] else 1), result.output
    if not report["holds"]:
        assert result.stderr.startswith(f"tocsin: {report['failures'][0]['name']}: "), result.stderr
    return report


def failures(report: dict[str, Any]) -> list[str]:
    """Give the names of what does not hold."""
    return [failure["name"] for failure in report["failures"]]


def told(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the history as a file tells it; on which line it stands is each file's own."""
    return [{name: line[name] for name in line if name != "line"} for line in report["history"]]
