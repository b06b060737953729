"""Write the pages of the docs that are drawn from the tables: `python docs/draw.py`."""
# ruff: noqa: INP001  # a script beside the pages that it writes, no package

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

from policies.drawing import acts_page, lifecycles_page  # noqa: E402  # after the path is set

if __name__ == "__main__":
    (DOCS / "acts.md").write_text(acts_page(), encoding="utf-8")
    (DOCS / "lifecycles.md").write_text(lifecycles_page(), encoding="utf-8")
