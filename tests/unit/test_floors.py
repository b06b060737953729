"""What may import what, read from the source; `lint-imports` checks the order of the floors."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Edges below the hub: what speaks HTTP, what works, and the one that lends sessions.
FLASK_BELOW_HUB = {
    "federation/serving/access.py",
    "federation/serving/endpoints.py",
    "federation/partners/gate.py",
    "federation/partners/problems.py",
    "federation/rounds/rounds.py",
    "federation/work/worker.py",
    "sharing/db.py",
    "sharing/taxii/doors.py",
    "sharing/taxii/server.py",
}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names.add(node.module or "")
    return {name.partition(".")[0] for name in names}


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", modules("policies"), ids=short)
def test_a_rule_imports_the_standard_library_and_jsonschema_alone(path: Path) -> None:
    # `referencing` is jsonschema's own way of finding a schema by its name.
    allowed = sys.stdlib_module_names | {"policies", "jsonschema", "referencing"}
    assert imported(path) <= allowed


@pytest.mark.parametrize("path", modules("federation", "sharing"), ids=short)
def test_below_the_hub_only_edges_import_flask(path: Path) -> None:
    if short(path) not in FLASK_BELOW_HUB:
        assert not imported(path) & {"flask", "apiflask", "werkzeug"}


@pytest.mark.parametrize("path", modules("migrations"), ids=short)
def test_a_migration_imports_nothing_of_ours(path: Path) -> None:
    assert not imported(path) & {"hub", "federation", "sharing", "policies", "tests"}


@pytest.mark.parametrize(
    "path", modules("hub", "federation", "sharing", "policies", "migrations"), ids=short
)
def test_nobody_imports_tests(path: Path) -> None:
    assert "tests" not in imported(path)
