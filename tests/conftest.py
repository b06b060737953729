"""What every test may ask for: real databases, free ports, an application context."""

from __future__ import annotations

import functools
import importlib
import os
import pkgutil
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from argon2 import PasswordHasher
from flask import Flask
from hypothesis import settings
from werkzeug.routing import Rule

import federation
import hub
import sharing
from federation.identity import keystore
from hub import collecting
from hub.accounts import passwords
from sharing.db import db
from sharing.orm import Base
from tests.integration.taxii_node import TaxiiNode, serve_taxii
from tests.kit.tables import MIGRATED, migrate

_POSTGRESQL = Path("/usr/lib/postgresql")

# How long one example takes on a busy machine says nothing.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def _postgresql_bin() -> Path | None:
    found = sorted(_POSTGRESQL.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def pytest_configure() -> None:
    """Collect cyclic garbage as seldom as a node does."""
    collecting.seldom()


def pytest_report_header() -> str:
    """Say at the top of every run which PostgreSQL it uses, or that there is none."""
    folder = _postgresql_bin()
    if folder is None:
        return "PostgreSQL: MISSING, its half of the store's tests does not run"
    return f"PostgreSQL: {folder}"


def take_free_port() -> int:
    """Ask the kernel for a port on loopback that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def load_records() -> None:
    """Import every module of records, so that the metadata is whole."""
    for package in (sharing, federation, hub):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.endswith("records"):
                importlib.import_module(module.name)


@pytest.fixture(scope="session", autouse=True)
def cheap_secrets() -> Iterator[None]:
    """Hash passwords quickly, and stretch the passphrase of a key store once; processes do not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64))
        patch.setattr(keystore, "_stretch", functools.cache(keystore._stretch))
        yield


@pytest.fixture(scope="session", autouse=True)
def addresses_made_when_asked_for() -> Iterator[None]:
    """Let routing write the code that builds an address when one is built.

    A node has hundreds of routes, a test makes several nodes and asks for few addresses.
    """
    write = Rule._compile_builder

    def later(self: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:  # noqa: FBT002 - as Werkzeug calls it
        name = "_build_unknown" if append_unknown else "_build"

        def build(rule: Rule, **values: Any) -> tuple[str, str]:
            written = write(rule, append_unknown).__get__(rule, None)
            setattr(rule, name, written)
            made: tuple[str, str] = written(**values)
            return made

        return build

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", later)
        yield


@pytest.fixture
def free_port() -> int:
    """Give a port on loopback that nobody uses."""
    return take_free_port()


@pytest.fixture(scope="session")
def postgresql_cluster() -> Iterator[str]:
    """Run one PostgreSQL for the session; give the URL of its server, without database."""
    bin_dir = _postgresql_bin()
    if bin_dir is None:
        reason = "PostgreSQL is not installed (Debian package `postgresql`)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    as_postgres = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []

    def run(*argv: str) -> None:
        subprocess.run(
            [*as_postgres, *argv], check=True, stdout=subprocess.DEVNULL, cwd="/", timeout=120
        )

    folder, port = Path(tempfile.mkdtemp(prefix="tocsin-pg-")), take_free_port()
    if as_postgres:
        shutil.chown(folder, "postgres")
    data = f"{folder}/data"
    options = (
        f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} "
        "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200"
    )
    run(
        f"{bin_dir}/initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
        "--locale=C.UTF-8", "--no-sync",
    )  # fmt: skip
    run(f"{bin_dir}/pg_ctl", "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start")
    try:
        yield f"postgresql+psycopg://postgres@127.0.0.1:{port}"
    finally:
        run(f"{bin_dir}/pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _run_sql(cluster: str, statement: str) -> None:
    server = cluster.replace("+psycopg", "") + "/postgres"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement.encode())


def _copy_database(cluster: str, template: str, name: str) -> None:
    _run_sql(cluster, f'CREATE DATABASE "{name}" TEMPLATE {template} STRATEGY file_copy')


@pytest.fixture
def postgresql_url(postgresql_cluster: str) -> Iterator[str]:
    """Give the URL of an empty PostgreSQL database of this test's own."""
    name = f"t_{uuid.uuid4().hex}"
    _run_sql(postgresql_cluster, f'CREATE DATABASE "{name}"')
    try:
        yield f"{postgresql_cluster}/{name}"
    finally:
        _run_sql(postgresql_cluster, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of an empty database of this test's own, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/tocsin.db"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture(scope="session")
def migrated_cluster(postgresql_cluster: str) -> str:
    """Give the server with one database that the migrations made, for others to be copies of."""
    _run_sql(postgresql_cluster, f"CREATE DATABASE {MIGRATED}")
    migrate(f"{postgresql_cluster}/{MIGRATED}")
    return postgresql_cluster


@pytest.fixture(params=["sqlite", "postgresql"])
def node_databases(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Give what makes a database for one more node: its own SQLite file, or PostgreSQL."""
    made: list[str] = []
    cluster = request.getfixturevalue("migrated_cluster") if request.param != "sqlite" else ""

    def make() -> str:
        if not cluster:
            return ""
        made.append(f"t_{uuid.uuid4().hex}")
        _copy_database(cluster, MIGRATED, made[-1])
        return f"{cluster}/{made[-1]}"

    yield make
    for name in made:
        _run_sql(cluster, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=["sqlite", "postgresql"])
def node_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a database of this test's own for a node, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/tocsin.db"
        return
    cluster: str = request.getfixturevalue("migrated_cluster")
    name = f"t_{uuid.uuid4().hex}"
    _copy_database(cluster, MIGRATED, name)
    try:
        yield f"{cluster}/{name}"
    finally:
        _run_sql(cluster, f'DROP DATABASE "{name}" WITH (FORCE)')


def open_store_app(database_url: str) -> Flask:
    """Make an application that is nothing but the store, on a database as it is."""
    app = Flask("store")
    app.config["SQLALCHEMY_DATABASE_URI"] = database_url
    app.secret_key = "a key for tests"
    db.init_app(app)
    return app


def make_store_app(database_url: str) -> Flask:
    """Make an application that is nothing but the store, its tables made from the records."""
    load_records()
    app = open_store_app(database_url)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        db.engine.dispose()
    return app


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the tables once; tests copy the file."""
    path = tmp_path_factory.mktemp("template") / "tocsin.db"
    make_store_app(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path


@pytest.fixture(scope="session")
def postgresql_template(postgresql_cluster: str) -> str:
    """Make the tables once; tests make their databases after this one."""
    _run_sql(postgresql_cluster, "CREATE DATABASE tocsin_template")
    make_store_app(f"{postgresql_cluster}/tocsin_template")
    return "tocsin_template"


@pytest.fixture(params=["sqlite", "postgresql"])
def tables_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a database with all tables, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "tocsin.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    cluster: str = request.getfixturevalue("postgresql_cluster")
    template: str = request.getfixturevalue("postgresql_template")
    name = f"t_{uuid.uuid4().hex}"
    _copy_database(cluster, template, name)
    try:
        yield f"{cluster}/{name}"
    finally:
        _run_sql(cluster, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def store_app(tables_url: str) -> Iterator[Flask]:
    """Give an application on an empty database with all tables, once per kind of database."""
    app = open_store_app(tables_url)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app_context(store_app: Flask) -> Iterator[Flask]:
    """Enter the context of `store_app`, so that `transaction()` and `reading()` work."""
    with store_app.app_context():
        yield store_app


@pytest.fixture
def taxii(store_app: Flask) -> Iterator[TaxiiNode]:
    """Serve plain collections by TAXII over real HTTP, once per kind of database."""
    with serve_taxii(store_app) as node:
        yield node
