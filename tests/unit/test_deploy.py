"""What is there to install and run Tocsin with: locks, scripts, units."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
SCRIPTS = [ROOT / "deploy/setup", ROOT / "deploy/check", ROOT / ".ci/run"]


def pins(lock: str) -> dict[str, Version]:
    found = re.findall(
        r"^([A-Za-z0-9_.-]+)(?:\[.*\])?==(\S+)", (ROOT / lock).read_text(), re.MULTILINE
    )
    return {canonicalize_name(name): Version(version) for name, version in found}


def wanted(*, with_dev: bool) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    texts = project["dependencies"] + (project["optional-dependencies"]["dev"] if with_dev else [])
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_what_the_project_wants(lock: str) -> None:
    pinned = pins(lock)
    for requirement in wanted(with_dev=lock == "requirements-dev.lock"):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} is not in {lock}: make lock"
        assert requirement.specifier.contains(version), f"{requirement} in {lock}: make lock"


def test_what_runs_is_what_was_tested() -> None:
    tested = pins("requirements-dev.lock")
    assert {name: tested.get(name) for name in pins("requirements.lock")} == pins(
        "requirements.lock"
    )


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_hashes_and_no_host_and_no_path(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert text.count("--hash=sha256:") >= len(pins(lock))
    assert "://" not in text
    assert not re.search(r"(--(index|extra|find|trusted)|\s/[a-z])", text)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_can_be_run_and_parsed(path: Path) -> None:
    assert path.stat().st_mode & 0o111
    subprocess.run(["/bin/sh", "-n", path], check=True)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_the_units(unit: Path, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    # The program need not be installed for its unit to be right.
    copy = tmp_path / unit.name
    copy.write_text(re.sub(r"/opt/tocsin/bin/\w+", "/bin/true", unit.read_text()))
    done = subprocess.run([analyze, "verify", copy], capture_output=True, text=True, check=False)
    of_ours = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, of_ours) == (0, [])


def test_a_command_that_a_unit_starts_exists() -> None:
    commands = {
        match for unit in UNITS for match in re.findall(r"bin/tocsin (\w+)", unit.read_text())
    }
    assert commands == {"web", "worker"}
    for command in commands:
        assert (ROOT / f"hub/commands/{command}.py").exists()
