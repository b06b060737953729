"""The command line at a node's own console."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from hub import clock
from hub.commands import main
from tests.kit.nodes import Clock, RunningNode


@dataclass
class Console:
    """Runs `tocsin` for one node, in this process, by the test's clock."""

    node: RunningNode

    def run(self, *arguments: object, code: int = 0, stdin: str | bytes | None = None) -> Result:
        """Run a command; a refusal is one line on standard error."""
        others: dict[str, str | None] = {
            name: None for name in os.environ if name.startswith("TOCSIN_")
        }
        env = others | {
            "TOCSIN_DATA": str(self.node.settings.data),
            "TOCSIN_DATABASE_URL": self.node.settings.database_address,
        }
        result = CliRunner().invoke(main, [str(one) for one in arguments], input=stdin, env=env)
        assert result.exit_code == code, (arguments, result.output, result.exception)
        if code == 1:
            assert len(result.stderr.strip().splitlines()) == 1, result.stderr
            assert result.stderr.startswith("tocsin: ")
        return result

    def asks(self, *arguments: object, **given: Any) -> Any:
        """Run a command for a machine; give its answer."""
        return json.loads(self.run(*arguments, "--json", **given).stdout)


@contextmanager
def strangers(folder: Path, *names: str) -> Iterator[tuple[RunningNode, ...]]:
    """Run nodes that do not know each other yet."""
    now = Clock()
    with clock.told_by(now):
        nodes = tuple(RunningNode(name, folder, now=now) for name in names)
        try:
            yield nodes
        finally:
            for node in nodes:
                node.close()
