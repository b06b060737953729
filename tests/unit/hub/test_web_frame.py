from __future__ import annotations

import pytest
from flask import Flask

from hub.web import assets
from hub.web.frame import pages, safe_back


@pytest.fixture
def app() -> Flask:
    app = Flask("pages", static_folder=None)
    app.register_blueprint(pages)
    return app


@pytest.mark.parametrize(
    "address", ["/channels", "/channels?author=x", "/partners/identity--1#outbox"]
)
def test_one_goes_back_to_an_address_of_ours(app: Flask, address: str) -> None:
    with app.test_request_context():
        assert safe_back(address) == address


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "https://example.org/",
        "//example.org/",
        "/\\example.org",
        "javascript:alert(1)",
        "channels",
        "\\\\example.org",
    ],
)
def test_one_never_goes_back_to_anywhere_else(app: Flask, address: str | None) -> None:
    with app.test_request_context():
        assert safe_back(address) == "/"


def test_an_asset_is_kept_for_good_under_its_hash_and_checked_otherwise(app: Flask) -> None:
    client = app.test_client()
    version = assets.load_assets()["tocsin.css"].version
    for_good = client.get(f"/static/tocsin.css?v={version}")
    assert for_good.cache_control.immutable
    checked = client.get("/static/tocsin.css?v=old")
    assert checked.cache_control.no_cache
    etag = checked.headers["ETag"]
    assert client.get("/static/tocsin.css", headers={"If-None-Match": etag}).status_code == 304


def test_an_asset_is_packed_for_whom_it_suits(app: Flask) -> None:
    client = app.test_client()
    packed = client.get("/static/tocsin.css", headers={"Accept-Encoding": "gzip"})
    plain = client.get("/static/tocsin.css", headers={"Accept-Encoding": "identity"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert len(packed.data) < len(plain.data) / 2
    assert packed.headers["ETag"] != plain.headers["ETag"]
