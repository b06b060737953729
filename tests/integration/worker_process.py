"""A worker in a process of its own, to be killed: `DATABASE_URL LOG SECONDS [LOOK_ANYWAY]`.

Each errand writes a line to the log when it begins and when it ends, and takes SECONDS. With
LOOK_ANYWAY it looks for work that nobody told it of after so many seconds, in place of the usual.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime
from pathlib import Path

from flask import Flask

from federation.work import changes, worker
from federation.work.errands import Done, Outcome
from sharing.db import db


def main(database_url: str, log: Path, seconds: float) -> None:
    app = Flask("worker")
    app.config["SQLALCHEMY_DATABASE_URI"] = database_url
    db.init_app(app)
    lines = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def deliver(_app: Flask, subject: str, _now: datetime) -> Outcome:
        os.write(lines, f"begin {subject} {os.getpid()}\n".encode())
        time.sleep(seconds)
        os.write(lines, f"end {subject} {os.getpid()}\n".encode())
        return Done()

    worker.equip(app, worker.Work(handlers={"deliver": deliver}))
    worker.run(app)


if __name__ == "__main__":
    if sys.argv[4:]:
        changes.LOOK_ANYWAY_SECONDS = float(sys.argv[4])  # type: ignore[misc]
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))
