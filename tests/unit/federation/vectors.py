"""The published test vectors of the wire format. Their keys are test keys: they open nothing."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from federation.identity.keys import PrivateKey

_FILE: Final = Path(__file__).parents[2] / "data" / "wire-vectors.json"


@cache
def vectors() -> Any:
    return json.loads(_FILE.read_text(encoding="utf-8"))


def vector_key(label: str) -> PrivateKey:
    return PrivateKey.from_seed(bytes.fromhex(vectors()["test_keys"][label]["seed_hex"]))
