"""Verification is a function of the file: whoever runs it, wherever and whenever, reads the same.

Source: protocol, 7 (whether an entry is good is a function of its ledger alone).
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

import hub
from policies.acts import Act
from policies.tlp import TLP
from tests.kit.ledger_kit import LedgerKit, grid, vendor, water
from tests.kit.nodes import running

ROOT: Final = Path(hub.__file__).parents[1]
ELSEWHEN: Final = '''
"""Another time: what asks for it is told that it is years ago."""
import datetime as module
import time

_ago = 20 * 365 * 86_400
_real, _real_ns = time.time, time.time_ns
time.time = lambda: _real() - _ago
time.time_ns = lambda: _real_ns() - _ago * 10**9


class Earlier(module.datetime):
    @classmethod
    def now(cls, tz=None):
        return super().now(tz) - module.timedelta(seconds=_ago)

    @classmethod
    def utcnow(cls):
        return super().utcnow() - module.timedelta(seconds=_ago)


module.datetime = Earlier
'''


@pytest.fixture
def exports(tmp_path: Path) -> tuple[Path, Path]:
    """Give an export that holds, with all that a report can tell, and one that does not."""
    kit = LedgerKit.opened(grid(), vendor())
    kit.contribute(grid(), Act.NOTE_ADDED, {}, [grid().note(1, "Relay 7 isolated.")])
    kit.write(Act.NOTE_ADDED, {}, [kit.owner.note(1, "Größe, ’quoted’ – and 日本.")])
    kit.join(water())
    kit.contribute(vendor(), Act.NOTE_ADDED, {}, [vendor().note(1, tlp=TLP.GREEN)])
    kit.contribute(grid(), Act.OBJECT_RECALLED, {"objects": [grid().note(1).stix_id]})
    receipts = [kit.receipt(one) for one in (grid(), vendor(), water())]
    gone = [grid().note(1).stix_id, kit.owner.note(1).stix_id]
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_bytes(kit.export(for_=water(), leave_out=gone, receipts=receipts))
    bad.write_bytes(good.read_bytes().replace(b'"nth":1', b'"nth":2', 1))
    return good, bad


def environments(folder: Path) -> dict[str, dict[str, str]]:
    """Give what processes differ in: settings, partners, clock, locale, time zone, hash seed."""
    elsewhen = folder / "elsewhen"
    elsewhen.mkdir()
    (elsewhen / "sitecustomize.py").write_text(ELSEWHEN)
    plain = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}
    with running(folder, "CERT", "Grid") as (cert, _grid):
        with_partners = {
            "TOCSIN_DATA": str(cert.settings.data),
            "TOCSIN_DATABASE_URL": cert.settings.database_address,
            "TOCSIN_LOG_LEVEL": "DEBUG",
            "TOCSIN_POLL_SECONDS": "7",
        }
    return {
        "plain": plain,
        "a node with partners": plain
        | with_partners
        | {"PYTHONHASHSEED": "1", "TZ": "America/St_Johns", "LANGUAGE": "de", "COLUMNS": "40"},
        "another time and place, and settings that make no sense": plain
        | {
            "PYTHONPATH": f"{elsewhen}{os.pathsep}{ROOT}",
            "TZ": "Asia/Kathmandu",
            "PYTHONHASHSEED": "4242",
            "LC_ALL": "C",
            "TOCSIN_DATA": "/nowhere",
            "TOCSIN_DATABASE_URL": "postgresql://nobody@nowhere.invalid/x",
        },
    }


def verify(environment: dict[str, str], folder: Path, *arguments: object) -> tuple[int, bytes]:
    done = subprocess.run(
        [sys.executable, "-m", "hub.commands", "verify", *map(str, arguments)],
        env=environment,
        cwd=folder,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_every_process_reads_the_same_bytes(exports: tuple[Path, Path], tmp_path: Path) -> None:
    places = environments(tmp_path)
    good, bad = exports
    asked = [(good,), (good, "--json"), (bad,)]
    with ThreadPoolExecutor(2) as threads:
        answers = {
            place: list(threads.map(lambda one, env=env: verify(env, tmp_path, *one), asked))
            for place, env in places.items()
        }
    plain = answers.pop("plain")
    assert [code for code, _ in plain] == [0, 0, 1]
    assert all(len(told) > 500 for _, told in plain)
    for place, told in answers.items():
        assert told == plain, place
