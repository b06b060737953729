"""What the browser needs besides the page: served from memory, by names that carry their hash."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from flask import Response, request, url_for
from markupsafe import Markup

from policies.errors import NotFoundError

STATIC: Final = Path(__file__).parent / "static"
ICONS: Final = STATIC / "vendor" / "tabler-icons-3.51.0"
A_YEAR_SECONDS: Final = 31_536_000
SMALLEST_TO_PACK_BYTES: Final = 1024
SERVED: Final = frozenset({".css", ".js", ".svg", ".webmanifest", ".png"})


@dataclass(frozen=True)
class Asset:
    """One file: its bytes, the same packed where that helps, its type and its hash."""

    content: bytes
    packed: bytes | None
    mimetype: str
    version: str


@lru_cache(maxsize=1)
def load_assets() -> dict[str, Asset]:
    """Read every file that a page may ask for; path below `static/` → asset."""
    assets = {}
    for path in sorted(STATIC.rglob("*")):
        if path.suffix not in SERVED or ICONS in path.parents:
            continue
        content = path.read_bytes()
        packed = gzip.compress(content, mtime=0) if len(content) > SMALLEST_TO_PACK_BYTES else None
        mimetype = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        version = hashlib.sha256(content).hexdigest()[:16]
        assets[path.relative_to(STATIC).as_posix()] = Asset(content, packed, mimetype, version)
    return assets


def get_asset(name: str) -> Response:
    """Answer with one asset; with its hash in the address it may be kept for good.

    Raises:
        NotFoundError: we ship no such file.
    """
    asset = load_assets().get(name)
    if asset is None:
        message = "there is no such file"
        raise NotFoundError(message)
    packed = asset.packed if request.accept_encodings["gzip"] > 0 else None
    response = Response(packed or asset.content, mimetype=asset.mimetype)
    if packed:
        response.content_encoding = "gzip"
    response.vary.add("Accept-Encoding")
    response.set_etag(asset.version + ("-gz" if packed else ""))
    if request.args.get("v") == asset.version:
        response.cache_control.max_age = A_YEAR_SECONDS
        response.cache_control.public = True
        response.cache_control.immutable = True
    else:
        response.cache_control.no_cache = True
    response.make_conditional(request)
    return response


def asset_url(name: str) -> str:
    """Give the address of an asset, its hash included; `KeyError` if we ship no such file."""
    return url_for("pages.get_asset", name=name, v=load_assets()[name].version)


@lru_cache(maxsize=256)
def icon(name: str) -> Markup:
    """Give an outline drawing that stands beside a word; readers of the page's text skip it."""
    drawing = (ICONS / f"{name}.svg").read_text(encoding="utf-8")
    inner = drawing.partition(">")[2].rpartition("</svg>")[0]
    lines = (line.strip() for line in inner.splitlines())
    paths = "".join(line for line in lines if line and 'd="M0 0h24v24H0z"' not in line)
    opening = (
        '<svg class="icon" viewBox="0 0 24 24" width="24" height="24" fill="none" '
        'stroke="currentColor" stroke-width="1.75" stroke-linecap="round" '
        'stroke-linejoin="round" aria-hidden="true" focusable="false">'
    )
    return Markup(f"{opening}{paths}</svg>")  # noqa: S704 - our own files, no input
