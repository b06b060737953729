# noqa: INP001 - a script, run by hand
"""Write a migration from what the records say: `python deploy/new_migration.py "case marking"`.

It compares the records with an empty database that all migrations so far have made, and writes
the difference. Read it before you commit it: it knows nothing of data that must move along.
"""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def main() -> None:
    """Write the file and bring it into form."""
    if len(sys.argv) != 2 or not sys.argv[1].strip():  # noqa: PLR2004 - the name and the title
        sys.exit("usage: python deploy/new_migration.py TITLE")
    title = sys.argv[1].strip()
    for name in ("sharing", "federation", "hub"):
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if module.name.endswith("records"):
                importlib.import_module(module.name)
    metadata = importlib.import_module("sharing.orm").Base.metadata
    moment = f"{datetime.now(UTC):%Y%m%d_%H%M}"
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        config.attributes["target_metadata"] = metadata
        script = command.revision(config, title.capitalize(), autogenerate=True, rev_id=moment)
    if script is None or isinstance(script, list):
        sys.exit("nothing was written")
    tool = str(Path(sys.executable).with_name("ruff"))
    for arguments in (["format", "--quiet"], ["check", "--fix", "--exit-zero", "--quiet"]):
        subprocess.run([tool, *arguments, script.path], check=True)  # noqa: S603 - our own linter
    print(script.path)  # noqa: T201 - what the caller wants to know


if __name__ == "__main__":
    main()
