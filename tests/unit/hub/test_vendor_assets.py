from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest

from hub.web import assets
from hub.web.assets import ICONS, STATIC, load_assets

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = sorted(
    folder
    for target in (STATIC / "vendor", ROOT / "tests" / "browser" / "vendor")
    for folder in target.iterdir()
    if folder.is_dir()
)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_what_we_ship_of_others_is_exactly_what_vendor_json_says(folder: Path) -> None:
    document = json.loads((folder / "vendor.json").read_text(encoding="utf-8"))
    named = {entry["file"]: entry["sha384"] for entry in document["files"]}
    present = {path.name for path in folder.iterdir()} - {"vendor.json", "LICENSE"}
    assert present == set(named)
    for name, expected in named.items():
        digest = hashlib.sha384((folder / name).read_bytes()).digest()
        assert base64.b64encode(digest).decode() == expected, name
    assert folder.name.endswith(f"-{document['version']}")
    assert document["licence"]
    assert (folder / "LICENSE").read_text(encoding="utf-8").strip()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_file_makes_a_browser_ask_for_a_source_map(folder: Path) -> None:
    for path in folder.iterdir():
        if path.suffix in {".js", ".css"}:
            assert b"sourceMappingURL=" not in path.read_bytes()[-300:], path.name


def test_no_style_sheet_loads_from_elsewhere() -> None:
    for name, asset in load_assets().items():
        if name.endswith(".css"):
            text = asset.content.decode()
            addresses = re.findall(r"url\(\s*[\"']?([^\"')]{1,12})", text)
            assert all(address.startswith(("data:", "#")) for address in addresses), name
            assert "@import" not in text


def test_each_icon_that_a_page_names_is_there() -> None:
    root = ROOT / "hub" / "web"
    text = "".join(
        path.read_text(encoding="utf-8") for path in [*root.rglob("*.html"), *root.rglob("*.py")]
    )
    named = set(re.findall(r"icon\('([a-z0-9-]+)'\)", text))
    assert named
    for name in named:
        assert (ICONS / f"{name}.svg").exists(), name
        assert "<path" in assets.icon(name)
