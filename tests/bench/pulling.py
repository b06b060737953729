"""Pulls one channel and says what it took: run as a process of its own, so that memory counts.

    python -m tests.bench.pulling DATA_FOLDER CHANNEL [FILE FOR A PROFILE]

Settings come from the environment, as for every process of a node.
"""

from __future__ import annotations

import cProfile
import json
import sys
import time
from pathlib import Path

from hub import collecting
from hub.app import create_app
from hub.office import OFFICE, Office
from hub.settings import load_settings


def peak_kilobytes() -> int:
    """Give the most memory that this process has held."""
    status = Path("/proc/self/status").read_text("utf-8")
    return int(status.split("VmHWM:")[1].split()[0])


def main(folder: str, channel: str, profile: str = "") -> None:
    """Pull until nothing more comes."""
    # As `tocsin worker` does.
    collecting.settle()
    app = create_app(load_settings(data=Path(folder), log_level="ERROR"))
    office: Office = app.extensions[OFFICE]
    watch = cProfile.Profile() if profile else None
    with app.app_context():
        began, took = time.perf_counter(), time.process_time()
        if watch is not None:
            watch.enable()
        doubt = office.replicas.pull(channel)
        if watch is not None:
            watch.disable()
            watch.dump_stats(profile)
        figures = {
            "seconds": time.perf_counter() - began,
            "cpu_seconds": time.process_time() - took,
            "peak_kilobytes": peak_kilobytes(),
            "doubt": str(doubt) if doubt is not None else None,
        }
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
