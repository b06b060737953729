"""The command line: done 0, refused 1 with one line, misused 2; safe to repeat."""

from __future__ import annotations

import io
import json
import os
import signal
import stat
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hub import schema
from hub.commands import NOUNS, main
from tests.conftest import take_free_port

ROOT = Path(__file__).parent.parent.parent
INIT = ("node", "init", "--organisation", "CERT A", "--base-url", "http://127.0.0.1:8123")
PASSWORD = "correct horse battery"

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give a way to run a command on a node of this test's own, once per kind of database."""
    return runner(tmp_path, monkeypatch, database_url)


@pytest.fixture
def run_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give a way to run a command on a node with the embedded database."""
    return runner(tmp_path, monkeypatch, None)


def runner(folder: Path, monkeypatch: pytest.MonkeyPatch, database_url: str | None) -> Run:
    for name in list(os.environ):
        if name.startswith("TOCSIN_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TOCSIN_DATA", str(folder / "data"))
    if database_url is not None:
        monkeypatch.setenv("TOCSIN_DATABASE_URL", database_url)

    def call(*arguments: str, code: int = 0, stdin: str | None = None) -> Result:
        result = CliRunner().invoke(main, [str(one) for one in arguments], input=stdin)
        assert result.exit_code == code, (result.output, result.exception)
        if code == 1:
            assert len(result.stderr.strip().splitlines()) == 1
            assert result.stderr.startswith("tocsin: ")
        return result

    return call


def answer(result: Result) -> Any:
    return json.loads(result.stdout)


def test_every_noun_can_be_asked_for_help() -> None:
    for noun in NOUNS:
        result = CliRunner().invoke(main, [noun, "--help"])
        assert result.exit_code == 0, noun
        assert "Usage" in result.stdout


def test_what_is_no_command_is_misuse(run_sqlite: Run) -> None:
    run_sqlite("nonsense", code=2)
    run_sqlite("user", "add", "ada", code=2)
    run_sqlite("user", "add", "ada", "--role", "king", code=2)


def test_a_node_is_set_up_once(run: Run, tmp_path: Path) -> None:
    refused = run("user", "list", code=1)
    assert "tocsin node init" in refused.stderr
    made = answer(run(*INIT, "--json"))
    assert made["created"] is True
    assert "PRIVATE KEY" in made["recovery_key"]
    again = answer(run(*INIT, "--json"))
    assert (again["created"], again["organisation"]) == (False, made["organisation"])
    assert "recovery_key" not in again
    other = run("node", "init", "--organisation", "B", "--base-url", "http://127.0.0.1:1", code=1)
    assert "CERT A" in other.stderr
    shown = answer(run("node", "show", "--json"))
    assert shown["name"] == "CERT A"
    assert "CERT A" in run("node", "show").stdout
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_the_recovery_key_goes_into_a_file_for_its_owner_alone(
    run_sqlite: Run, tmp_path: Path
) -> None:
    target = tmp_path / "recovery.pem"
    target.write_text("something else")
    run_sqlite(*INIT, "--recovery-key", str(target), code=1)
    target.unlink()
    result = run_sqlite(*INIT, "--recovery-key", str(target))
    assert "PRIVATE" not in result.stdout
    assert "PRIVATE" in target.read_text()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_a_base_url_that_is_none_is_refused(run_sqlite: Run) -> None:
    run_sqlite("node", "init", "--organisation", "A", "--base-url", "http://far.example", code=1)
    run_sqlite("node", "init", "--organisation", "A", "--base-url", "nonsense", code=1)


def test_people_are_managed_at_the_console(run: Run) -> None:
    run(*INIT)
    made = answer(run("user", "add", "ada", "--role", "administrator", "--json"))
    assert made["created"] is True
    assert len(made["password"]) >= 12
    again = answer(run("user", "add", "ada", "--role", "administrator", "--json"))
    assert (again["created"], again["password"]) == (False, None)
    assert "already" in run("user", "add", "ada", "--role", "handler", code=1).stderr
    run("user", "add", "bob", "--role", "handler", "--password-stdin", stdin=f"{PASSWORD}\n")
    run("user", "add", "eve", "--role", "handler", "--password-stdin", stdin="short\n", code=1)
    assert [row["name"] for row in answer(run("user", "list", "--json"))] == ["ada", "bob"]
    assert run("user", "list").stdout.splitlines()[1].startswith("bob\thandler\tyes")
    assert "last administrator" in run("user", "disable", "ada", code=1).stderr
    assert answer(run("user", "role", "bob", "coordinator", "liaison", "--json"))["roles"] == [
        "coordinator",
        "liaison",
    ]
    for _ in range(2):
        assert answer(run("user", "disable", "bob", "--json"))["active"] is False
    for _ in range(2):
        assert answer(run("user", "enable", "bob", "--json"))["active"] is True
    assert len(answer(run("user", "password", "bob", "--json"))["password"]) >= 12
    run("user", "password", "bob", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert "nobody" in run("user", "disable", "nobody", code=1).stderr


def test_tokens_are_made_and_ended_at_the_console(run: Run) -> None:
    run(*INIT)
    run("user", "add", "ada", "--role", "handler")
    secret = run("token", "add", "ada", "script", "--scope", "read").stdout.strip()
    assert secret.startswith("tocsin_")
    rows = answer(run("token", "list", "ada", "--json"))
    assert [(row["name"], row["scopes"]) for row in rows] == [("script", ["read"])]
    assert secret not in json.dumps(rows)
    run("token", "add", "ada", "script", "--scope", "read", code=1)
    run("token", "add", "ada", "x", "--scope", "read", "--network", "nowhere", code=1)
    for _ in range(2):
        assert answer(run("token", "revoke", "ada", "script", "--json"))["revoked_at"]
    run("token", "revoke", "ada", "nothing", code=1)


def test_check_finds_what_is_wrong(run: Run, tmp_path: Path) -> None:
    bad = run("check", code=1)
    assert "migrations" in bad.stderr
    run(*INIT)
    run("user", "add", "ada", "--role", "administrator")
    findings = answer(run("check", "--json"))
    assert {finding["part"] for finding in findings} >= {
        "settings", "files", "database", "migrations", "node", "keys", "people", "worker", "clock",
    }  # fmt: skip
    assert not [finding for finding in findings if finding["good"] is False]
    key = next((tmp_path / "data" / "keys").glob("*.pem"))
    key.chmod(0o644)
    assert str(key) in run("check", code=1).stderr
    key.chmod(0o600)
    key.unlink()
    assert "no private key" in run("check", code=1).stderr


def test_a_slip_in_a_setting_is_shown(run_sqlite: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run_sqlite(*INIT)
    monkeypatch.setenv("TOCSIN_WEB_TREADS", "3")
    assert "TOCSIN_WEB_TREADS" in run_sqlite("check").stdout
    monkeypatch.setenv("TOCSIN_WEB_THREADS", "none")
    assert "web_threads" in run_sqlite("check", code=1).stderr


def test_an_upgrade_says_before_what_it_will_do(run: Run) -> None:
    dry = run("upgrade", "--dry-run").stdout
    assert "The spine" in dry
    run("user", "list", code=1)
    asked = run("upgrade", stdin="n\n", code=1)
    assert "The spine" in asked.stdout
    assert answer(run("upgrade", "--yes", "--json"))["done"] is True
    assert answer(run("upgrade", "--json"))["steps"] == []
    assert "up to date" in run("upgrade").stdout


def test_a_node_comes_back_from_its_backup(run: Run, tmp_path: Path) -> None:
    made = answer(run(*INIT, "--json"))
    run("user", "add", "ada", "--role", "administrator")
    target = tmp_path / "node.tar"
    answer(run("backup", str(target), "--json"))
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert "nothing is written over" in run("backup", str(target), code=1).stderr
    run("user", "add", "bob", "--role", "handler")
    assert "not empty" in run("restore", str(target), code=1).stderr
    back = answer(run("restore", str(target), "--force", "--json"))
    assert (Path(back["old_files"]) / "keys").is_dir()
    assert [row["name"] for row in answer(run("user", "list", "--json"))] == ["ada"]
    assert answer(run("node", "show", "--json"))["organisation"] == made["organisation"]
    run("check")


def test_a_backup_opens_an_empty_node(
    run_sqlite: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_sqlite(*INIT)
    target = tmp_path / "node.tar"
    run_sqlite("backup", str(target))
    monkeypatch.setenv("TOCSIN_DATA", str(tmp_path / "other"))
    assert answer(run_sqlite("restore", str(target), "--json"))["old_files"] is None
    run_sqlite("check")
    monkeypatch.setenv("TOCSIN_DATA", str(tmp_path / "third"))
    monkeypatch.setenv("TOCSIN_DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/x")
    assert "of sqlite" in run_sqlite("restore", str(target), code=1).stderr


def test_there_is_no_backup_of_nothing(run_sqlite: Run, tmp_path: Path) -> None:
    assert "nothing to back up" in run_sqlite("backup", str(tmp_path / "x.tar"), code=1).stderr
    run_sqlite("backup", str(tmp_path / "none" / "x.tar"), code=1)
    assert not list(tmp_path.glob("*.tar"))


NEWEST = f'"{schema.head()}"'.encode()


def tampered(source: Path, target: Path, change: Callable[[tarfile.TarInfo, bytes], Any]) -> None:
    """Copy a backup member by member; `change` gives each anew, or nothing to leave it out."""

    with tarfile.open(source) as old, tarfile.open(target, "w") as new:
        for member in old:
            data = old.extractfile(member).read()  # type: ignore[union-attr]
            for info, content in change(member, data):
                info.size = len(content)
                new.addfile(info, io.BytesIO(content))


def test_a_file_that_is_no_whole_backup_changes_nothing(run_sqlite: Run, tmp_path: Path) -> None:
    run_sqlite(*INIT)
    good = tmp_path / "good.tar"
    run_sqlite("backup", str(good))
    cases: dict[str, Callable[[tarfile.TarInfo, bytes], Any]] = {
        "lacks": lambda info, data: [] if info.name == "database" else [(info, data)],
        "not ours": lambda info, data: [(info, data), (tarfile.TarInfo("../escape"), b"x")],
        "damaged": lambda info, data: [
            (info, data[:8192] + b"\0" * 4096 + data[12288:] if info.name == "database" else data)
        ],
        "newer": lambda info, data: [(info, data.replace(NEWEST, b'"20991231_2301"'))],
        "form": lambda info, data: [(info, data.replace(b"tocsin-backup/1", b"tocsin-backup/9"))],
        "manifest": lambda info, data: [(info, b"[]" if info.name == "manifest.json" else data)],
        "names": lambda info, data: [(info, data.replace(b'"secret.key"', b'"../../key"'))],
    }
    for word, change in cases.items():
        bad = tmp_path / f"{word}.tar"
        tampered(good, bad, change)
        assert word in run_sqlite("restore", "--force", str(bad), code=1).stderr
    cut = tmp_path / "cut.tar"
    cut.write_bytes(good.read_bytes()[:50_000])
    run_sqlite("restore", "--force", str(cut), code=1)
    (tmp_path / "text.tar").write_text("no tar at all")
    run_sqlite("restore", "--force", str(tmp_path / "text.tar"), code=1)
    run_sqlite("restore", str(tmp_path / "nowhere.tar"), code=2)
    run_sqlite("check")
    assert not list((tmp_path / "data").glob("replaced-*"))
    assert not list((tmp_path / "data").glob(".tocsin-*"))


def test_a_node_serves_and_works_in_one_process(run_sqlite: Run, tmp_path: Path) -> None:
    refused = run_sqlite("serve", code=1)
    assert "node init" in refused.stderr
    run_sqlite(*INIT)
    address = f"127.0.0.1:{take_free_port()}"
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "hub.commands", "serve", "--bind", address],
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        parts = wait_for_ready(f"http://{address}/readyz")
        assert parts == {"database": "ok", "migrations": "ok", "worker": "ok"}
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as response:
            assert b"tocsin_http_requests_total" in response.read()
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines[0] == f"serving on {address}"
    assert all(json.loads(line) for line in lines[1:])


def wait_for_ready(url: str) -> dict[str, str]:
    end = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                parts: dict[str, str] = json.loads(response.read())["parts"]
                return parts
        except (OSError, urllib.error.HTTPError):
            assert time.monotonic() < end, "the node did not become ready"
            time.sleep(0.2)
