# noqa: INP001 - a script, run by hand
"""Bring the front-end assets that we ship, and say in `vendor.json` what each file is.

Run it only to move to another version: change `PACKAGES`, run it, look at the pages, commit the
result. It asks npm for the packages, copies the named files with each package's licence, takes
source-map references out (a browser would ask for them) and writes the hashes that
`tests/unit/hub/test_vendor_assets.py` compares.

    python deploy/vendor_assets.py
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
STATIC: Final = ROOT / "hub" / "web" / "static" / "vendor"
FOR_TESTS: Final = ROOT / "tests" / "browser" / "vendor"

ICONS: Final = (
    "activity",
    "alert-triangle",
    "arrow-left",
    "arrow-right",
    "bell",
    "building-community",
    "bulb",
    "check",
    "chevron-down",
    "chevron-right",
    "circle-check",
    "clock",
    "clock-pause",
    "copy",
    "device-desktop",
    "dots",
    "download",
    "external-link",
    "eye",
    "eye-off",
    "file-certificate",
    "filter",
    "fingerprint",
    "hand-stop",
    "heart-handshake",
    "history",
    "home",
    "inbox",
    "info-circle",
    "key",
    "link",
    "list-check",
    "lock",
    "logout",
    "mail-forward",
    "message-2",
    "moon",
    "note",
    "notes",
    "phone",
    "player-pause",
    "player-play",
    "plus",
    "plug-connected",
    "rss",
    "search",
    "send",
    "settings",
    "shield-check",
    "shield-half",
    "shield-lock",
    "shield-x",
    "snowflake",
    "sun",
    "topology-star-3",
    "trash",
    "urgent",
    "user",
    "user-plus",
    "users",
    "users-group",
    "x",
)


@dataclass(frozen=True)
class Package:
    """One npm package: which version, which of its files, and where they go.

    Args:
        files: path inside the package → file name in our folder.
        target: the folder that holds `NAME-VERSION`.
    """

    name: str
    version: str
    licence: str
    files: dict[str, str]
    target: Path = STATIC

    @property
    def folder(self) -> Path:
        """Where the files go."""
        plain = self.name.removeprefix("@").removesuffix(".org").replace("/", "-")
        return self.target / f"{plain}-{self.version}"


PACKAGES: Final = (
    Package("htmx.org", "2.0.11", "0BSD", {"dist/htmx.min.js": "htmx.min.js"}),
    Package("@tabler/core", "1.6.1", "MIT", {"dist/css/tabler.min.css": "tabler.min.css"}),
    Package(
        "@tabler/icons",
        "3.51.0",
        "MIT",
        {f"icons/outline/{name}.svg": f"{name}.svg" for name in ICONS},
    ),
    Package("axe-core", "4.14.1", "MPL-2.0", {"axe.min.js": "axe.min.js"}, target=FOR_TESTS),
)

MIT_TEXT: Final = """\
Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""


def without_source_map(content: bytes) -> bytes:
    """Take the reference to a source map out of a script or a style sheet."""
    return re.sub(rb"\n?(/\*|//)# sourceMappingURL=\S+( \*/)?\s*$", b"\n", content)


def dark_by_system(style: str) -> str:
    """Give Tabler's dark rules once more, for `data-bs-theme="auto"` on a system set to dark.

    Tabler turns dark by an attribute that a script would have to set. These rules let the style
    sheet alone follow the system, so that the first paint is right and no script is needed.
    """
    rules = []
    for selectors, block in re.findall(r"([^{}]+)\{([^{}]*)\}", style):
        chosen = [
            one.replace("[data-bs-theme=dark]", "[data-bs-theme=auto]")
            for one in selectors.split(",")
            if one.startswith(("[data-bs-theme=dark]", ":root[data-bs-theme=dark]"))
        ]
        if chosen and not selectors.startswith(":root,"):
            rules.append(f"{','.join(chosen)}{{{block}}}")
    return "@media (prefers-color-scheme:dark){\n" + "\n".join(rules) + "\n}\n"


def licence_of(package: Package, source: Path) -> str:
    """Give the licence text: the package's own, or MIT with the notice of its first file."""
    own = source / "LICENSE"
    if own.exists():
        return own.read_text(encoding="utf-8")
    if package.licence != "MIT":
        message = f"{package.name} brings no licence text"
        raise SystemExit(message)
    first = next(iter(package.files))
    banner = (source / first).read_text(encoding="utf-8")[:600]
    notices = re.findall(r"Copyright [^\n]+", banner)
    return "\n".join(["MIT License", "", *notices, "", MIT_TEXT])


def bring(package: Package, scratch: Path) -> None:
    """Fetch one package and write its folder anew."""
    fetched = subprocess.run(  # noqa: S603 - our own constants
        ["npm", "pack", "--silent", f"{package.name}@{package.version}"],  # noqa: S607 - npm from the path
        cwd=scratch,
        check=True,
        capture_output=True,
        text=True,
    )
    archive = scratch / fetched.stdout.strip().splitlines()[-1]
    unpacked = scratch / archive.stem
    with tarfile.open(archive) as tar:
        tar.extractall(unpacked, filter="data")
    source = unpacked / "package"

    shutil.rmtree(package.folder, ignore_errors=True)
    package.folder.mkdir(parents=True)
    (package.folder / "LICENSE").write_text(licence_of(package, source), encoding="utf-8")
    contents = {
        name: without_source_map((source / path).read_bytes())
        for path, name in package.files.items()
    }
    if "tabler.min.css" in contents:
        style = contents["tabler.min.css"].decode()
        contents["tabler.auto.css"] = dark_by_system(style).encode()
    for name, content in contents.items():
        (package.folder / name).write_bytes(content)
    document = {
        "package": package.name,
        "version": package.version,
        "licence": package.licence,
        "files": [
            {
                "file": name,
                "sha384": base64.b64encode(hashlib.sha384(content).digest()).decode(),
            }
            for name, content in sorted(contents.items())
        ],
    }
    text = json.dumps(document, indent=2, ensure_ascii=False)
    (package.folder / "vendor.json").write_text(text + "\n", encoding="utf-8")


def main() -> None:
    """Bring every package; folders of other versions go."""
    keep = {package.folder for package in PACKAGES}
    for target in (STATIC, FOR_TESTS):
        target.mkdir(parents=True, exist_ok=True)
        for folder in target.iterdir():
            if folder.is_dir() and folder not in keep:
                shutil.rmtree(folder)
    with tempfile.TemporaryDirectory() as scratch:
        for package in PACKAGES:
            bring(package, Path(scratch))


if __name__ == "__main__":
    main()
