"""Much at once: a channel of 100,000 objects pulled, verified and stored; 20,000 entries verified.

Set against bare loops in the same run, because the machine decides the rest.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import orjson
import psycopg
import pytest

import hub
from federation.ledgers.ledger_records import Standing
from hub.channels.invitations import find_invited
from policies.acts import Act
from policies.tlp import TLP
from sharing.canonical import write_time
from sharing.db import _SQLITE_PRAGMAS
from sharing.objects import StixObject
from tests.bench.figures import machine
from tests.kit.ledger_kit import LedgerKit, grid, vendor
from tests.kit.nodes import pair
from tests.kit.processes import NodeProcesses, postgresql, utcnow, wait_until
from tests.kit.tables import _migrated_file, migrate

pytestmark = pytest.mark.bench

OBJECTS: Final = 100_000
PAGE: Final = 1000
ENTRIES: Final = 20_000
PROMISED_RATIO: Final = 0.5
PROMISED_ENTRIES: Final = 2000
PROMISED_MEMORY: Final = 250_000
"""Kilobytes that one process may hold at its peak."""
ROOT: Final = Path(hub.__file__).parents[1]
ROWS: Final = {
    "stix_object": "sha256, stix_id, content",
    "collection_row": "collection_id, date_added, sha256, size_bytes, stix_id, stix_type,"
    " spec_version, version, version_ns, claimed, hidden",
    "covered_object": "channel, epoch, seq, place, ref, version_ns, sha256, author, claimed,"
    " recalled, disowned",
}
"""What one object takes in a node's database: table → columns."""
INSTANT: Final = 1_795_168_800_000_000_000
SAME_FOR_ALL: Final = ("indicator", "2.1", "2026-11-20T10:00:00.000Z", INSTANT, "green", False)


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def indicator(author: str, number: int) -> dict[str, Any]:
    now = write_time(utcnow())
    address = f"198.51.{number // 256 % 256}.{number % 256}"
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--{uuid4()}",
        "created": now,
        "modified": now,
        "created_by_ref": author,
        "name": f"C2 address {number}",
        "description": "Seen in the configuration of a sample; sinkholed since.",
        "indicator_types": ["malicious-activity"],
        "pattern": f"[domain-name:value = 'h{number}.example' OR ipv4-addr:value = '{address}']",
        "pattern_type": "stix",
        "valid_from": now,
        "labels": ["c2", "campaign-17"],
        "confidence": 80,
        "object_marking_refs": [TLP.GREEN.marking_id],
    }


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_full_pull_keeps_up_with_bare_loops(tmp_path: Path, database: str) -> None:
    tell(f"\n{machine()}, {database}")
    with ExitStack() as stack:
        cluster = stack.enter_context(postgresql()) if database == "postgresql" else None
        urls = [cluster.database(name) if cluster else "" for name in ("cert", "grid", "bare")]
        owner = NodeProcesses("CERT", tmp_path, database_url=urls[0])
        member = NodeProcesses("Grid", tmp_path, database_url=urls[1])
        for node in (owner, member):
            stack.callback(node.close)
            node.start()
            node.wait_ready()
        channel = join(owner, member)
        member.process("serve").stop()
        pages = []
        for start in range(0, OBJECTS, PAGE):
            values = [indicator(owner.organisation, start + place) for place in range(PAGE)]
            owner.write(channel, Act.INTEL_SHARED, {}, [StixObject.of(one) for one in values])
            pages.append(orjson.dumps({"objects": values}))
        floors = [
            bare(pages, keeper(tmp_path, urls[2], tables))
            for tables in (("stix_object",), tuple(ROWS))
        ]
        figures = pulled(member, channel)
    rate = OBJECTS / figures["seconds"]
    for name, seconds in zip(("the bytes alone", "every row"), floors, strict=True):
        tell(f"bare loops, {name}: {OBJECTS / seconds:9.0f} objects a second")
    tell(f"pulled, verified, stored:     {rate:9.0f} objects a second")
    tell(f"peak memory {figures['peak_kilobytes'] / 1000:.0f} MB")
    tell(
        f"ratio {floors[1] / figures['seconds']:.2f}, by the bytes alone "
        f"{floors[0] / figures['seconds']:.2f}"
    )
    assert figures["doubt"] is None
    assert figures["peak_kilobytes"] < PROMISED_MEMORY
    assert floors[1] / figures["seconds"] >= PROMISED_RATIO


def join(owner: NodeProcesses, member: NodeProcesses) -> str:
    pair(owner, member)
    channel = owner.open("Much", tlp=TLP.GREEN)
    owner.invite(channel, member)

    def invited() -> bool:
        with member.reading() as session:
            return bool(find_invited(session, channel))

    wait_until(invited, member.last_words, seconds=60)
    member.join(channel)

    def joined() -> bool:
        record = member.channel(channel)
        return record.standing is Standing.CURRENT and record.seq is not None

    wait_until(joined, member.last_words, seconds=60)
    time.sleep(1)
    return channel


def pulled(member: NodeProcesses, channel: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.pulling", str(member.settings.data), channel],
        env=member.processes[0].environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


Keeper = Callable[[Sequence[tuple[str, str, bytes]]], None]


def bare(pages: Sequence[bytes], keep: Keeper) -> float:
    """Parse, canonicalise, hash and insert page by page, and nothing else; give the seconds."""
    began = time.perf_counter()
    for page in pages:
        rows = []
        for value in orjson.loads(page)["objects"]:
            content = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
            rows.append((hashlib.sha256(content).hexdigest(), value["id"], content))
        keep(rows)
    return time.perf_counter() - began


def keeper(folder: Path, url: str, tables: Sequence[str]) -> Keeper:
    """Give what inserts a page's rows in one durable transaction, into tables as a node has them.

    Args:
        tables: the objects' bytes alone, or every row that an object takes.
    """
    numbers: Iterator[int] = iter(range(1, 10 * OBJECTS))
    channel = str(UUID(int=len(tables)))

    def rows_of(table: str, given: Sequence[tuple[str, str, bytes]]) -> list[tuple[Any, ...]]:
        if table == "stix_object":
            return list(given)
        if table == "collection_row":
            return [
                (channel, next(numbers), sha256, len(content), ref, *SAME_FOR_ALL)
                for sha256, ref, content in given
            ]
        seq, version = next(numbers), str(INSTANT)
        return [
            (channel, 1, seq, place, ref, version, sha256, channel, "green", False, False)
            for place, (sha256, ref, _) in enumerate(given)
        ]

    def statement(table: str, mark: str) -> str:
        columns = ROWS[table]
        marks = ",".join([mark] * (columns.count(",") + 1))
        return f"INSERT INTO {table} ({columns}) VALUES ({marks})"

    if not url:
        path = folder / f"bare-{len(tables)}.db"
        path.write_bytes(_migrated_file())
        lite = sqlite3.connect(path, isolation_level=None)
        for pragma in _SQLITE_PRAGMAS:
            lite.execute(f"PRAGMA {pragma}")
        lite.execute("PRAGMA foreign_keys=off")

        def keep_lite(given: Sequence[tuple[str, str, bytes]]) -> None:
            lite.execute("BEGIN IMMEDIATE")
            for table in tables:
                lite.executemany(statement(table, "?"), rows_of(table, given))
            lite.execute("COMMIT")

        return keep_lite
    server = psycopg.connect(url.replace("+psycopg", ""))
    if len(tables) == 1:
        migrate(url)
    server.execute("TRUNCATE stix_object, collection_row, covered_object")
    server.execute("SET session_replication_role = replica")
    server.commit()

    def keep_server(given: Sequence[tuple[str, str, bytes]]) -> None:
        with server.cursor() as cursor:
            for table in tables:
                cursor.executemany(statement(table, "%s").encode(), rows_of(table, given))
        server.commit()

    return keep_server


def test_a_long_ledger_is_verified_in_a_moment(tmp_path: Path) -> None:
    kit = LedgerKit.opened(grid(), vendor())
    for number in range(ENTRIES - 1):
        place = f"note--00000000-0000-4000-8000-{number:012d}"
        if number % 2:
            note = kit.others[0].note(number % 1000, id=place)
            kit.contribute(kit.others[0], Act.NOTE_ADDED, {}, [note])
        else:
            kit.write(Act.NOTE_ADDED, {}, [kit.owner.note(number % 1000, id=place)])
    file = tmp_path / "long.jsonl"
    file.write_bytes(kit.export())
    command = "import resource, sys; from pathlib import Path; import time;"
    command += "from hub import collecting; collecting.seldom();"  # as `tocsin verify` does
    command += "from federation.archive.verifying import verify_file; began = time.perf_counter();"
    command += "report = verify_file(Path(sys.argv[1])); took = time.perf_counter() - began;"
    command += "peak = Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0];"
    command += "print(report.holds, len(report.history), took, peak)"
    done = subprocess.run(
        [sys.executable, "-c", command, str(file)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    holds, count, took, peak = done.stdout.split()
    rate = int(count) / float(took)
    tell(
        f"\n{machine()}\n{count} entries verified at {rate:.0f} a second, {int(peak) / 1000:.0f} MB"
    )
    assert holds == "True"
    assert int(count) == ENTRIES
    assert rate >= PROMISED_ENTRIES
    assert int(peak) < PROMISED_MEMORY
