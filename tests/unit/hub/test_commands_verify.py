"""`tocsin verify`: nothing but the file; 0 where it holds, 1 with the failure's name, 2 misuse."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hub.commands import main
from policies.acts import Act
from sharing.objects import StixObject
from tests.kit.ledger_kit import VECTORS, LedgerKit, grid

EXPORT = VECTORS["export"]["jsonl"].encode()
PIN = VECTORS["test_keys"]["cert recovery"]["thumbprint"]


def run(*argv: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["verify", *(str(arg) for arg in argv)], input=stdin)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    file = tmp_path / "case.coordination.jsonl"
    file.write_bytes(EXPORT)
    return file


def test_a_good_export_ends_with_0_and_tells_its_history(export: Path) -> None:
    result = run(export, "--pin", PIN)
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "Example Grid (admitted by Example CERT)" in result.stdout
    assert "adds a note" in result.stdout
    assert "4 present, 0 withheld, 0 recalled, 0 missing" in result.stdout
    assert "holds it up to 1/1 since 2026-11-20T10:05:02.000Z" in result.stdout
    assert "recovery key vouched for" in result.stdout


@pytest.mark.parametrize("case", VECTORS["must_fail"], ids=lambda case: case["result"])
def test_what_must_fail_ends_with_1_and_its_name_in_one_line(
    case: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "input"
    file.write_text(case.get("jsonl") or case.get("jws") or json.dumps(case["bundle"]), "utf-8")
    result = run(file)
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"tocsin: {case['result']}: ")


def test_machines_get_a_document(export: Path, tmp_path: Path) -> None:
    good = run(export, "--json")
    assert (good.exit_code, json.loads(good.stdout)["holds"]) == (0, True)
    cut = tmp_path / "cut"
    cut.write_bytes(EXPORT[:-1])
    bad = run(cut, "--json")
    document = json.loads(bad.stdout)
    assert (bad.exit_code, document["holds"]) == (1, False)
    assert document["failures"][0]["name"] == "malformed"


def test_standard_input_and_compression_are_read_too() -> None:
    assert run("-", stdin=EXPORT).exit_code == 0
    assert run("-", stdin=gzip.compress(EXPORT)).exit_code == 0


@pytest.mark.parametrize("argv", [[], ["nowhere"], ["."], ["-", "--pin", "short"], ["-", "--x"]])
def test_misuse_ends_with_2(argv: list[str]) -> None:
    result = run(*argv, stdin=EXPORT)
    assert result.exit_code == 2
    assert result.stdout == ""


def test_a_key_that_nobody_in_the_file_has_is_named(export: Path) -> None:
    result = run(export, "--pin", "A" * 43)
    assert result.exit_code == 1
    assert result.stderr.startswith("tocsin: unknown_key: ")


def test_names_play_no_tricks_on_a_terminal(tmp_path: Path) -> None:
    member = grid()
    member.name = "\x1b[31mEvil\x07 [bold]\u202eGrid"
    identity = StixObject.of(member.identity.value)
    member.__post_init__()
    kit = LedgerKit.opened(member)
    kit.contribute(member, Act.NOTE_ADDED, {}, [member.note(1)])
    file = tmp_path / "evil"
    file.write_bytes(kit.export(receipts=[kit.receipt(member)]))
    result = run(file)
    assert identity.value["name"] == member.name
    assert result.exit_code == 0
    for trick in ("\x1b", "\x07", "\u202e"):
        assert trick not in result.stdout
    assert "[bold]" in result.stdout


def test_long_lists_of_failures_are_cut_short(tmp_path: Path) -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    notes = [member.note(number) for number in range(30)]
    kit.contribute(member, Act.NOTE_ADDED, {}, notes)
    file = tmp_path / "holes"
    file.write_bytes(kit.export(leave_out=[note.stix_id for note in notes]))
    result = run(file)
    assert result.exit_code == 1
    assert "and 10 more; --json lists them all" in result.stdout
    assert len(json.loads(run(file, "--json").stdout)["failures"]) == 30


def test_it_needs_no_node_no_database_and_no_settings(export: Path, tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "TOCSIN_DATABASE_URL": "nonsense://"}
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-m", "hub.commands", "verify", str(export)],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": root},
        capture_output=True,
        check=False,
        timeout=90,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(file.name for file in tmp_path.iterdir()) == [export.name]
