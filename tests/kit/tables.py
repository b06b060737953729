"""Databases with today's tables, made by the migrations once and then copied."""

from __future__ import annotations

import functools
import sqlite3
import tempfile
from pathlib import Path
from typing import Final

from flask import Flask

from hub import schema
from sharing.db import db

MIGRATED: Final = "tocsin_migrated"
"""The PostgreSQL database after which tests make theirs."""


def give_tables() -> None:
    """Bring the database of this application to where `tocsin upgrade` brings it."""
    url = db.engine.url
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_migrated_file())
            return
    with db.engine.connect() as connection:
        here = schema.present(connection)
    if here != _head():
        schema.upgrade()


def migrate(database_url: str) -> None:
    """Run the migrations on an empty database."""
    app = Flask("tables")
    app.config["SQLALCHEMY_DATABASE_URI"] = database_url
    db.init_app(app)
    with app.app_context():
        schema.upgrade()
        db.engine.dispose()


@functools.cache
def _head() -> str:
    return schema.head()


@functools.cache
def _migrated_file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tocsin.db"
        migrate(f"sqlite:///{path}")
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        return path.read_bytes()
