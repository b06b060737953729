"""What `web` and `serve` share: look first, then become gunicorn."""

from __future__ import annotations

import os
import sys
import tempfile

import click
from flask import Flask

from hub import schema
from hub.commands import frame
from hub.settings import Settings, load_settings
from sharing.db import db

bind_option = click.option("--bind", help="Address and port in place of TOCSIN_BIND.")


def become_server(bind: str | None, *, with_worker: bool, as_json: bool) -> None:
    """Replace this process by gunicorn, if the node is ready for it.

    Raises:
        CoordinationError: the settings, the database or its schema are not.
    """
    settings = _look_first()
    address = bind or settings.bind
    environment = os.environ | {
        "TOCSIN_DATA": str(settings.data),
        "TOCSIN_BIND": address,
        "_TOCSIN_SERVE_WITH_WORKER": "1" if with_worker else "0",
        "PROMETHEUS_MULTIPROC_DIR": tempfile.mkdtemp(prefix="tocsin-figures-"),
    }
    frame.show({"address": address}, as_json=as_json, line=f"serving on {address}")
    sys.stdout.flush()
    argv = [sys.executable, "-m", "gunicorn", "-c", "python:hub.serving"]
    os.execve(sys.executable, argv, environment)  # noqa: S606 - ourselves, with our arguments


def _look_first() -> Settings:
    """Check the settings and the database alone; gunicorn makes the whole application anyway.

    Raises:
        CoordinationError: the settings can't be read, or the database is not ready.
    """
    settings = load_settings()
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_address
    db.init_app(app)
    with app.app_context():
        try:
            schema.require_current()
        finally:
            db.engine.dispose()
    return settings
