"""A node in one file: database, keys and settings; written while it runs, put back when it rests.

The database is copied first and the keys after it: a key is on the disk before the database
speaks of it, so every key that the copy names is in the file.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, create_engine, inspect, make_url
from sqlalchemy.exc import SQLAlchemyError

from hub import schema
from hub.accounts.actor import Actor
from hub.restored import settle_restored
from hub.settings import (
    PASSPHRASE_FILE,
    RESTORING_FILE,
    SECRET_KEY_FILE,
    TOML_NAME,
    Settings,
    write_private,
)
from hub.version import product_version
from policies.errors import ConflictError, InvalidError, UnavailableError
from sharing.canonical import write_time

FORMAT: Final = "tocsin-backup/1"
MANIFEST: Final = "manifest.json"
DATABASE: Final = "database"
KEYS: Final = "keys"
FILES: Final = (SECRET_KEY_FILE, PASSPHRASE_FILE, TOML_NAME)
SMALL_FILE_BYTES: Final = 1024 * 1024
TOOL_TIMEOUT_SECONDS: Final = 6 * 3600


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself."""

    format: str
    database: str
    revision: str
    product_version: str
    created_at: str
    files: tuple[str, ...]


def write_backup(settings: Settings, target: Path, *, now: datetime) -> Manifest:
    """Write everything into one file for its owner alone.

    Raises:
        ConflictError: there is a file of that name.
        InvalidError: its folder does not exist.
        UnavailableError: the database can't be copied.
    """
    if target.exists():
        raise ConflictError(f"{target} exists, and nothing is written over it")
    if not target.parent.is_dir():
        raise InvalidError(f"there is no folder {target.parent}", field="file")
    url = make_url(settings.database_address)
    with _scratch(target.parent) as scratch:
        copy = scratch / DATABASE
        revision = _revision(url)
        if revision is None:
            raise UnavailableError("there is nothing to back up: this node has not been set up")
        if settings.on_sqlite:
            _copy_sqlite(url, copy)
        else:
            _run_tool(url, "pg_dump", "--format=custom", "--no-owner", f"--file={copy}")
        files = tuple(_own_files(settings))
        manifest = Manifest(
            FORMAT,
            "sqlite" if settings.on_sqlite else "postgresql",
            revision,
            product_version(),
            write_time(now),
            files,
        )
        draft = scratch / "archive.tar"
        with draft.open("xb") as stream, tarfile.open(fileobj=stream, mode="w") as tar:
            text = json.dumps(asdict(manifest), indent=2).encode()
            _add(tar, MANIFEST, io.BytesIO(text), len(text), now)
            with copy.open("rb") as source:
                _add(tar, DATABASE, source, copy.stat().st_size, now)
            for name in files:
                data = (settings.data / name).read_bytes()
                _add(tar, name, io.BytesIO(data), len(data), now)
            tar.close()
            stream.flush()
            os.fsync(stream.fileno())
        draft.chmod(0o600)
        try:
            target.hardlink_to(draft)
        except FileExistsError:
            raise ConflictError(f"{target} exists, and nothing is written over it") from None
    return manifest


def read_backup(
    settings: Settings, source: Path, *, actor: Actor, force: bool, now: datetime
) -> tuple[Manifest, Path | None]:
    """Put a backup in place of this node.

    Everything in the file is looked at before anything here is touched. Until it is whole, with
    its channels marked as restored, the node does not start.

    Args:
        actor: who restores, for the trail.
        force: take the place of a node that is not empty; its files are moved aside.

    Returns:
        What the backup says of itself, and the folder where the old files are now.

    Raises:
        InvalidError: it is no backup of ours, or not whole.
        ConflictError: this node is not empty, or its database is of another kind.
        UnavailableError: the database can't be written.
    """
    url = make_url(settings.database_address)
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _scratch(settings.data) as scratch:
        manifest = _unpack(source, scratch)
        kind = "sqlite" if settings.on_sqlite else "postgresql"
        if manifest.database != kind:
            raise ConflictError(
                f"the backup is of {manifest.database}, and this node is set to {kind}",
                hint="Set TOCSIN_DATABASE_URL to a database of that kind.",
            )
        if not schema.knows(manifest.revision):
            raise ConflictError(
                f"the backup is of release {manifest.product_version}, which is newer",
                hint="Install that release first.",
            )
        if settings.on_sqlite:
            _check_sqlite(scratch / DATABASE)
        if not force and not _is_empty(settings, url):
            raise ConflictError(
                "this node is not empty",
                hint="With --force its files are moved aside and the backup takes their place.",
            )
        if settings.on_sqlite:
            _settle(URL.create("sqlite", database=str(scratch / DATABASE)), actor, manifest, now)
        unfinished = settings.data / RESTORING_FILE
        unfinished.touch(mode=0o600)
        aside = _move_aside(settings, url, now=now)
        if settings.on_sqlite:
            database = _sqlite_file(url)
            database.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(scratch / DATABASE, database)
            database.chmod(0o600)
        else:
            _run_tool(
                url,
                "pg_restore",
                "--clean",
                "--if-exists",
                "--no-owner",
                "--single-transaction",
                str(scratch / DATABASE),
            )
            _settle(url, actor, manifest, now)
        settings.keys_folder.mkdir(mode=0o700, exist_ok=True)
        for name in manifest.files:
            write_private(settings.data / name, (scratch / name).read_bytes())
        unfinished.unlink()
    return manifest, aside


def _settle(url: URL, actor: Actor, manifest: Manifest, now: datetime) -> None:
    try:
        settle_restored(url, actor, created_at=manifest.created_at, now=now)
    except SQLAlchemyError as error:
        raise UnavailableError(f"the restored database can't be used: {error}") from error


def _own_files(settings: Settings) -> Iterator[str]:
    for name in FILES:
        if (settings.data / name).is_file():
            yield name
    for path in sorted(settings.keys_folder.glob("*")):
        if path.is_file():
            yield f"{KEYS}/{path.name}"


def _add(tar: tarfile.TarFile, name: str, source: Any, size: int, now: datetime) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, int(now.timestamp())
    tar.addfile(member, source)


def _unpack(source: Path, scratch: Path) -> Manifest:
    """Unpack what the manifest names, each a plain file where we expect it, and nothing else."""
    try:
        with tarfile.open(source, mode="r:") as tar:
            first = tar.next()
            if first is None or first.name != MANIFEST or first.size > SMALL_FILE_BYTES:
                raise InvalidError(f"{source} is no backup of a node")
            manifest = _read_manifest(_contents(tar, first))
            wanted = {DATABASE, *manifest.files}
            for member in tar:
                if member.name == MANIFEST:
                    continue
                if member.name not in wanted or not member.isfile():
                    raise InvalidError(f"{source} holds “{member.name[:60]}”, which is not ours")
                wanted.remove(member.name)
                path = scratch / member.name
                path.parent.mkdir(mode=0o700, exist_ok=True)
                with path.open("xb") as stream:
                    shutil.copyfileobj(_contents(tar, member), stream)
    except (tarfile.TarError, EOFError) as error:
        raise InvalidError(f"{source} is no whole backup: {error}") from error
    except OSError as error:
        raise InvalidError(f"{source} can't be read: {error.strerror}") from error
    if wanted:
        raise InvalidError(f"{source} lacks {min(wanted)}")
    return manifest


def _contents(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Any:
    stream = tar.extractfile(member)
    if stream is None:
        raise InvalidError(f"“{member.name[:60]}” is no file")
    return stream


def _read_manifest(stream: Any) -> Manifest:
    try:
        value = json.loads(stream.read())
        manifest = Manifest(**{**value, "files": tuple(value["files"])})
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidError("the backup's manifest can't be read") from error
    if manifest.format != FORMAT:
        raise InvalidError(f"this backup has the form {manifest.format}, not {FORMAT}")
    for name in manifest.files:
        folder, _, base = name.rpartition("/")
        if name not in FILES and (folder != KEYS or not base or base.startswith(".")):
            raise InvalidError(f"the backup names “{name[:60]}”, which is not ours")
    return manifest


def _is_empty(settings: Settings, url: URL) -> bool:
    if any(settings.keys_folder.glob("*")):
        return False
    return _revision(url) is None


def _move_aside(settings: Settings, url: URL, *, now: datetime) -> Path | None:
    """Move what is here out of the way; the database of a server is replaced in place."""
    present = [settings.data / name for name in FILES if (settings.data / name).exists()]
    if settings.keys_folder.exists():
        present.append(settings.keys_folder)
    if settings.on_sqlite:
        database = _sqlite_file(url)
        beside = (database, Path(f"{database}-wal"), Path(f"{database}-shm"))
        present += [path for path in beside if path.exists()]
    if not present:
        return None
    aside = settings.data / f"replaced-{now:%Y%m%dT%H%M%S%f}"
    aside.mkdir(mode=0o700)
    for path in present:
        shutil.move(path, aside / path.name)
    return aside


def _sqlite_file(url: URL) -> Path:
    if not url.database or url.database == ":memory:":
        raise InvalidError("a database in memory has no backup", field="database_url")
    return Path(url.database)


def _copy_sqlite(url: URL, target: Path) -> None:
    try:
        with contextlib.closing(sqlite3.connect(_sqlite_file(url), timeout=60)) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as error:
        raise UnavailableError(f"the database can't be copied: {error}") from error
    _check_sqlite(target)


def _check_sqlite(path: Path) -> None:
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            found = connection.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.Error as error:
        raise InvalidError(f"the copy of the database is damaged: {error}") from error
    if found != "ok":
        raise InvalidError("the copy of the database is damaged")


def _revision(url: URL) -> str | None:
    if url.get_backend_name() == "sqlite" and not _sqlite_file(url).exists():
        return None
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            return schema.present(connection)
    except SQLAlchemyError as error:
        raise UnavailableError("the database can't be reached") from error
    finally:
        engine.dispose()


def _run_tool(url: URL, name: str, *arguments: str) -> None:
    """Run a tool of PostgreSQL; the password goes by the environment, where nobody lists it."""
    tool = shutil.which(name)
    if tool is None:
        raise UnavailableError(
            f"{name} is not installed", hint="Install PostgreSQL's client tools."
        )
    address = url.set(drivername="postgresql", password=None)
    environment: Mapping[str, str] = os.environ | (
        {"PGPASSWORD": str(url.password)} if url.password else {}
    )
    try:
        done = subprocess.run(  # noqa: S603 - a tool of PostgreSQL, with our arguments
            [tool, f"--dbname={address.render_as_string(hide_password=False)}", *arguments],
            env=dict(environment),
            capture_output=True,
            check=False,
            timeout=TOOL_TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"{name} did not come to an end") from error
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise UnavailableError(f"{name}: {lines[-1] if lines else 'failed'}")


@contextlib.contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """Lend a folder for our account alone, on the same file system as the result."""
    path = Path(tempfile.mkdtemp(prefix=".tocsin-", dir=folder))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
