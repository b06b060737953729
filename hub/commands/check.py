"""`tocsin check`: is everything as it should be on this node?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from federation.identity import node as own_node
from federation.identity.descriptor import KeyUse
from federation.work.worker import find_last_beat
from hub import clock, schema
from hub.accounts.records import User, UserRole
from hub.channels import old_views
from hub.commands import frame
from hub.commands.node import key_store
from hub.health import BEAT_MAX_AGE
from hub.settings import (
    PASSPHRASE_FILE,
    PREFIX,
    SECRET_KEY_FILE,
    TOML_NAME,
    Settings,
    too_open,
    unknown_variables,
)
from policies.errors import CoordinationError
from policies.roles import PersonRole
from sharing.db import db, reading

THIS_RELEASE: Final = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found.

    Args:
        good: `None` where it is worth knowing and keeps nothing from working.
    """

    part: str
    good: bool | None
    sentence: str


def _good(part: str, sentence: str) -> Finding:
    return Finding(part, good=True, sentence=sentence)


def _note(part: str, sentence: str) -> Finding:
    return Finding(part, good=None, sentence=sentence)


def _bad(part: str, sentence: str) -> Finding:
    return Finding(part, good=False, sentence=sentence)


@click.command("check")
@frame.as_json
@frame.refusing
def command(*, as_json: bool) -> None:
    """Look at settings, database, migrations, key files, clock and worker; exit 1 if one is bad."""
    with frame.node(any_schema=True) as (_, settings):
        findings = [*look_at_files(settings), *look_at_database(settings), *look_at_clock()]
    if as_json:
        document = [
            {"part": finding.part, "good": finding.good, "sentence": finding.sentence}
            for finding in findings
        ]
        frame.show(document, as_json=True)
    else:
        for finding in findings:
            mark = {True: "ok  ", None: "note", False: "BAD "}[finding.good]
            click.echo(f"{mark} {finding.part}: {finding.sentence}")
    bad = [finding for finding in findings if finding.good is False]
    if bad:
        click.echo(f"tocsin: {bad[0].part}: {bad[0].sentence}", err=True)
        sys.exit(frame.REFUSED)


def look_at_files(settings: Settings) -> Iterator[Finding]:
    """Look at the data folder and who may read what is in it."""
    yield _good("settings", f"read; data in {settings.data}")
    for name in unknown_variables():
        yield _note("settings", f"{name} is set, and no setting is called that")
    private = [settings.data, settings.keys_folder, *sorted(settings.keys_folder.glob("*"))]
    private += [settings.data / name for name in (SECRET_KEY_FILE, PASSPHRASE_FILE, TOML_NAME)]
    open_files = [path for path in private if path.exists() and too_open(path)]
    for path in open_files:
        yield _bad("files", f"others may read {path}; run: chmod go= {path}")
    if not open_files:
        yield _good("files", "keys and secrets are for their owner alone")
    ca_file = settings.partner_ca_file
    if ca_file is not None and not _readable(ca_file):
        yield _bad("settings", f"{PREFIX}PARTNER_CA_FILE: {ca_file} can't be read")


def look_at_database(settings: Settings) -> Iterator[Finding]:
    """Look at the database: there, whole, up to date, and somebody to administer it."""
    try:
        with db.engine.connect() as connection:
            at = schema.present(connection)
            whole = True
            if connection.dialect.name == "sqlite":
                whole = connection.execute(text("PRAGMA quick_check")).scalar() == "ok"
    except SQLAlchemyError as error:
        yield _bad("database", f"can't be reached: {type(error).__name__}")
        return
    kind = "SQLite" if settings.on_sqlite else "PostgreSQL"
    sentence = f"{kind} answers" if whole else "the file is damaged; restore a backup"
    yield Finding("database", good=whole, sentence=sentence)
    if at != schema.head():
        hint = "run: tocsin node init" if at is None else "run: tocsin upgrade"
        yield _bad("migrations", f"at {at or 'nothing'}, not {schema.head()}; {hint}")
        return
    yield _good("migrations", f"up to date, {at}")
    yield from _look_at_node(settings)


def _look_at_node(settings: Settings) -> Iterator[Finding]:
    with reading() as session:
        node = own_node.find_node(session)
        beat = find_last_beat(session)
        query = (
            select(User.id)
            .join(UserRole)
            .where(UserRole.role == PersonRole.ADMINISTRATOR, User.disabled_at.is_(None))
        )
        administrated = session.scalars(query).first() is not None
        old = old_views.find_old(session)
    if node is None:
        yield _bad("node", "not set up; run: tocsin node init")
    else:
        yield _good("node", f"{node.name} at {node.base_url}")
        yield _look_at_keys(settings, node)
    if old:
        yield _note("views", f"{len(old)} to be made again; run: tocsin upgrade")
    yield (
        _good("people", "there is an administrator")
        if administrated
        else _note("people", "nobody administers; run: tocsin user add")
    )
    alive = beat is not None and beat + BEAT_MAX_AGE >= clock.utcnow()
    seen = "never seen" if beat is None else f"last seen {beat:%Y-%m-%d %H:%M:%S} UTC"
    yield _good("worker", "at work") if alive else _note("worker", seen)


def _look_at_keys(settings: Settings, node: own_node.Node) -> Finding:
    try:
        ring = key_store(settings).load()
    except CoordinationError as error:
        return _bad("keys", error.message)
    for use in KeyUse:
        if not any(entry.key.thumbprint in ring for entry in node.newest.keys_in_use(use)):
            return _bad("keys", f"no private key for {use.value} is here")
    return _good("keys", "the private keys in use are here")


def look_at_clock() -> Iterator[Finding]:
    """Look whether the clock can be right."""
    now = clock.utcnow()
    if now < THIS_RELEASE:
        yield _bad("clock", f"says {now:%Y-%m-%d %H:%M} UTC: before this release was made")
        return
    state = _kernel_says_synchronised()
    if state is False:
        yield _note("clock", "the kernel does not know of a time server; signatures need one")
    else:
        yield _good("clock", f"{now:%Y-%m-%d %H:%M:%S} UTC")


def _kernel_says_synchronised() -> bool | None:
    """Ask systemd's marker; `None` where nobody leaves one."""
    folder = Path("/run/systemd/timesync")
    if not folder.exists():
        return None
    return (folder / "synchronized").exists()


def _readable(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            stream.read(1)
    except OSError:
        return False
    return True
