"""Write the pages of the docs that are drawn from the code: `python docs/draw.py`."""
# ruff: noqa: INP001  # a script beside the pages that it writes, no package

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

from hub.api.drawing import api_page  # noqa: E402  # after the path is set
from hub.app import create_app  # noqa: E402
from hub.commands.drawing import cli_page  # noqa: E402
from hub.settings import load_settings  # noqa: E402
from policies.drawing import acts_page, lifecycles_page  # noqa: E402


def draw_api() -> str:
    """Give the page of the REST interface, as an application without data serves its document."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(load_settings(data=Path(folder), log_level="ERROR"))
        return api_page(app.test_client().get("/api/v1/openapi.json").get_json())


if __name__ == "__main__":
    (DOCS / "acts.md").write_text(acts_page(), encoding="utf-8")
    (DOCS / "lifecycles.md").write_text(lifecycles_page(), encoding="utf-8")
    (DOCS / "cli.md").write_text(cli_page(), encoding="utf-8")
    (DOCS / "api.md").write_text(draw_api(), encoding="utf-8")
