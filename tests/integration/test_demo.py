"""The demo, as people run it: real processes, and everything that it claims."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from hub.demo.browsing import missing_browser
from hub.demo.proving import verify_alone

STORY_SECONDS = 600
SENTENCES = (
    "both read:",
    "Each pair now has two direct channels",
    "National CERT is shown that they may be one incident.",
    "one is affected, one is still looking. Nobody is silent.",
    "asks with its own valid token: 404",
    "4 indicators stand in the case of all three.",
    "sees that Voxline has said nothing to all, and no more.",
    "By what is open to all: severity low.",
    "By what National CERT alone knows: critical.",
    "Northern Grid's node is killed (kill -9)",
    "as the others do.",
    "shows the note as pending: not history yet, and not lost.",
    "and the note becomes history everywhere",
    "are the same, byte for byte.",
    "with no node: 24 entries",
    "hash_mismatch",
    "every step held.",
)


@pytest.mark.timeout(STORY_SECONDS + 60)
def test_the_whole_story_holds_and_ends_cleanly(tmp_path: Path) -> None:
    """Without --exit: the nodes stay up after the story, and Ctrl-C ends them."""
    folder = tmp_path / "demo"
    told: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "hub.demo", "--folder", str(folder)],
        env=os.environ | {"COLUMNS": "200", "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as story:
        try:
            assert story.stdout is not None
            for line in story.stdout:
                told.append(" ".join(line.split()))
                if "The nodes are up" in line:
                    break
            text = " ".join(told)
            for sentence in SENTENCES:
                assert sentence in text, "\n".join(told)
            addresses = sorted(set(re.findall(r"http://127\.0\.0\.1:\d+", text)))
            assert len(addresses) == 3
            for address in addresses:
                with urllib.request.urlopen(f"{address}/readyz", timeout=10) as answer:
                    assert answer.status == 200
            story.send_signal(signal.SIGINT)
            assert "The nodes have ended." in story.stdout.read()
            assert story.wait(60) == 0
        finally:
            story.terminate()
    for address in addresses:
        with pytest.raises(OSError, match="refused"):
            urllib.request.urlopen(f"{address}/healthz", timeout=10)
    pictures = [path.name for path in (folder / "pictures").glob("*.png")]
    assert len(pictures) == (3 if missing_browser() is None else 0)
    assert verify_alone(folder / "3cx.jsonl", [], folder).code == 0
    assert verify_alone(folder / "forged.jsonl", [], folder).code == 1
