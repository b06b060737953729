"""Where the taxonomies lie; each file names its source and licence at its head."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any


def read_data(name: str) -> Mapping[str, Any]:
    """Read one of the files beside this module."""
    text = resources.files("policies").joinpath("taxonomies", f"{name}.json").read_text("utf-8")
    data: Mapping[str, Any] = json.loads(text)
    return data
