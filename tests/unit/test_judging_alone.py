"""Judging and verifying ask the ledger and nothing else: by what they may even reach."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from typing import Final

import grimp
import pytest

OWN: Final = "federation."
OURS: Final = ("hub", "federation", "sharing", "policies")
ROOTS: Final = ("federation.judging.judge", "federation.archive.verifying")
OUTSIDE: Final = {
    "flask", "http", "locale", "logging", "os", "random", "requests", "secrets", "socket", "ssl",
    "subprocess", "sys", "time", "urllib", "zoneinfo",
}  # fmt: skip
"""Where clocks, chance, configuration, places and other machines come from."""
NODES_ALONE: Final = ("sharing.db", "sharing.collections", "sharing.taxii")
CLOCKS: Final = frozenset({"now", "utcnow", "today", "time", "localtime"})


@pytest.fixture(scope="module")
def reached() -> frozenset[str]:
    """Give every module that judging or verifying imports, however far off."""
    graph = grimp.build_graph(*OURS, include_external_packages=True)
    return frozenset({*ROOTS}.union(*(graph.find_upstream_modules(one) for one in ROOTS)))


def test_they_reach_no_clock_no_chance_no_configuration(reached: frozenset[str]) -> None:
    assert "federation.judging.contents" in reached
    assert not reached & OUTSIDE
    assert not [one for one in reached if one.split(".")[0] == "hub"]


def test_they_reach_no_partner_and_no_database_of_a_node(reached: frozenset[str]) -> None:
    assert not [one for one in reached if one.startswith(NODES_ALONE)]
    rooms = {one.split(".")[1] for one in reached if one.count(".") > 1 and one.startswith(OWN)}
    assert rooms == {"archive", "identity", "judging"}
    forbidden = {f"federation.identity.{one}" for one in ("keystore", "node", "node_records")}
    assert not reached & forbidden


def test_what_they_reach_asks_no_clock_itself(reached: frozenset[str]) -> None:
    for name in sorted(reached):
        if name.split(".")[0] not in OURS:
            continue
        found = importlib.util.find_spec(name)
        assert found is not None
        assert found.origin is not None
        for node in ast.walk(ast.parse(Path(found.origin).read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert node.func.attr not in CLOCKS, f"{name}, line {node.lineno}"
