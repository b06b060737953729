"""TAXII 2.1 checklist, T1 to T3: data types, paths, negotiation, errors. Names cite the numbers."""

from __future__ import annotations

import re
import shutil
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.integration.taxii_node import (
    CERT,
    GRID,
    MAX_CONTENT_LENGTH,
    TAXII,
    TaxiiNode,
    basic,
    envelope,
    note,
)


@pytest.fixture
def tables_url(sqlite_template: Path, tmp_path: Path) -> str:
    """What is said on the wire here does not depend on the database: SQLite will do."""
    shutil.copyfile(sqlite_template, tmp_path / "tocsin.db")
    return f"sqlite:///{tmp_path}/tocsin.db"


STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def test_t1_01_t3_04_every_answer_names_media_type_and_version(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    taxii.add(shelf, note(1))
    paths = [
        "",
        "collections/",
        f"collections/{shelf}/",
        f"collections/{shelf}/manifest/",
        f"collections/{shelf}/objects/",
        f"collections/{shelf}/objects/{note(1).stix_id}/",
        f"collections/{shelf}/objects/{note(1).stix_id}/versions/",
        "nothing/",
    ]
    answers = [taxii.get(path) for path in [*paths, "../"]]
    assert {answer.headers["Content-Type"] for answer in answers} == {TAXII}
    assert [answer.status_code for answer in answers] == [200] * 7 + [404, 200]


def test_t1_03_t1_05_a_status_has_a_uuid_and_a_time_with_six_digits(taxii: TaxiiNode) -> None:
    status = taxii.post(taxii.open(), envelope(note(1))).json()
    assert uuid.UUID(status["id"]).version == 4
    assert STAMP.fullmatch(status["request_timestamp"])


def test_t1_04_t6_01_lists_are_never_empty(taxii: TaxiiNode) -> None:
    assert taxii.get("collections/").json() == {}
    shelf = taxii.open()
    assert taxii.get(f"collections/{shelf}/objects/").json() == {}
    assert taxii.get(f"collections/{shelf}/manifest/").json() == {}
    status = taxii.post(shelf, envelope(note(1))).json()
    assert "failures" not in status
    assert "pendings" not in status


def test_t2_01_t2_05_a_path_without_final_slash_is_nothing_and_takes_nothing(
    taxii: TaxiiNode,
) -> None:
    shelf = taxii.open()
    for path in ("collections", f"collections/{shelf}", f"collections/{shelf}/objects"):
        answer = taxii.get(path)
        assert answer.status_code == 404
        assert "/" in answer.json()["description"]
    body = envelope(note(1))
    answer = taxii.ask(
        "POST", f"collections/{shelf}/objects", json=body, headers={"Content-Type": TAXII}
    )
    assert answer.status_code == 404
    assert taxii.objects(shelf) == []
    assert taxii.get("../").status_code == 200
    assert taxii.get("../../taxii2").status_code == 404


def test_t2_02_t5_01_discovery_names_our_api_root(taxii: TaxiiNode) -> None:
    document = taxii.get("../").json()
    assert document["default"] in document["api_roots"]
    for root in document["api_roots"]:
        assert root.startswith("/")
        assert not root.startswith("//")
        assert ".." not in root
    assert taxii.get(f"../..{document['default']}").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "../", "GET, HEAD"),
        ("DELETE", "collections/", "GET, HEAD"),
        ("PUT", "collections/{shelf}/objects/", "GET, HEAD, POST"),
        ("POST", "collections/{shelf}/manifest/", "GET, HEAD"),
        ("PATCH", "collections/{shelf}/objects/{object}/", "DELETE, GET, HEAD"),
        ("OPTIONS", "", "GET, HEAD"),
    ],
)
def test_t2_06_other_methods_are_405_and_say_what_is_allowed(
    taxii: TaxiiNode, method: str, path: str, allow: str
) -> None:
    path = path.format(shelf=taxii.open(), object=note(1).stix_id)
    answer = taxii.ask(method, path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == allow


def test_head_answers_like_get_without_body(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    taxii.add(shelf, note(1))
    answer = taxii.ask("HEAD", f"collections/{shelf}/objects/")
    assert answer.status_code == 200
    assert answer.content == b""
    assert "X-TAXII-Date-Added-Last" in answer.headers


@pytest.mark.parametrize(
    "accept",
    [
        "application/taxii+json",
        "application/taxii+json;version=2.1",
        "application/taxii+json; version=2.1",
        'application/taxii+json; version="2.1"',
        "Application/TAXII+json;Version=2.1",
        "application/*",
        "*/*",
        "text/html, application/taxii+json;version=2.1;q=0.5",
        "application/taxii+json;version=2.0, application/taxii+json;version=2.1",
        "application/taxii+json;version=2.0, */*;q=0.1",
    ],
)
def test_t1_02_t3_05_t3_06_t3_13_accepted(taxii: TaxiiNode, accept: str) -> None:
    answer = taxii.ask("GET", "", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == TAXII


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "",
        "text/html",
        "application/taxii+json;version=2.0",
        "application/stix+json;version=2.1",
        "application/vnd.oasis.taxii+json;version=2.0",
        "application/taxii+json;q=0",
        "application/taxii+json;q=0, */*",
        "*/*;q=0.0",
        ";;;",
    ],
)
def test_t3_07_t3_13_not_acceptable(taxii: TaxiiNode, accept: str | None) -> None:
    answer = taxii.ask("GET", "", headers={"Accept": accept})
    assert answer.status_code == 406
    assert answer.json()["http_status"] == "406"


def test_t3_14_object_endpoints_take_the_stix_type_and_answer_with_taxii(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    taxii.add(shelf, note(1))
    for path in ("manifest/", "objects/", f"objects/{note(1).stix_id}/"):
        accept = {"Accept": "application/stix+json;version=2.1"}
        answer = taxii.ask("GET", f"collections/{shelf}/{path}", headers=accept)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == TAXII


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        (TAXII, 202),
        ("application/taxii+json", 202),
        ('application/taxii+json; version="2.1"; charset=utf-8', 202),
        ("application/taxii+json;version=2.0", 415),
        ("application/json", 415),
        ("application/stix+json;version=2.1", 415),
        ("text/plain", 415),
        (None, 415),
    ],
)
def test_t3_08_t3_09_content_types(taxii: TaxiiNode, content_type: str | None, status: int) -> None:
    shelf = taxii.open()
    answer = taxii.post(shelf, envelope(note(1)), headers={"Content-Type": content_type})
    assert answer.status_code == status
    assert len(taxii.objects(shelf)) == (status == 202)


def test_t3_03_a_post_is_also_asked_for_accept(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    assert taxii.post(shelf, envelope(note(1)), headers={"Accept": "text/html"}).status_code == 406
    assert taxii.objects(shelf) == []


def test_t3_12_a_request_without_user_agent_is_served(taxii: TaxiiNode) -> None:
    assert taxii.ask("GET", "", headers={"User-Agent": None}).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [None, basic("cert", "wrong"), basic("nobody", "secret"), "Bearer x", "Basic ÿ", "x" * 2000],
)
def test_t3_20_t3_22_t8_04_t8_13_without_proof_401_names_the_ways_in(
    taxii: TaxiiNode, authorization: str | None
) -> None:
    import requests  # noqa: PLC0415

    shelf = taxii.open()
    for path in ("../", "", f"collections/{shelf}/objects/", f"collections/{uuid.uuid4()}/"):
        headers = {"Accept": TAXII}
        if authorization:
            headers["Authorization"] = authorization.encode("latin-1").decode("latin-1")
        answer = requests.get(taxii.root + path, headers=headers, timeout=20)
        assert answer.status_code == 401
        assert "Basic" in answer.headers["WWW-Authenticate"]
        assert "Bearer" in answer.headers["WWW-Authenticate"]


def test_t3_21_t3_23_what_is_hidden_answers_like_what_is_not_there(taxii: TaxiiNode) -> None:
    theirs, closed = taxii.open(GRID), taxii.open(CERT, can_read=False, can_write=False)
    missing = str(uuid.uuid4())
    taxii.add(theirs, note(1))
    listed = taxii.get("collections/").json()
    assert listed == {}
    for path in ("", "manifest/", "objects/", f"objects/{note(1).stix_id}/"):
        bodies = [
            (answer.status_code, answer.content)
            for answer in (taxii.get(f"collections/{shelf}/{path}") for shelf in (theirs, missing))
        ]
        assert bodies[0] == bodies[1]
        assert bodies[0][0] == 404
        assert taxii.get(f"collections/{closed}/{path}").status_code == 404
    assert taxii.post(theirs, envelope(note(2))).status_code == 404


def _refusals(taxii: TaxiiNode) -> list[Any]:
    shelf = taxii.open()
    read_only = taxii.open(CERT, can_write=False)
    return [
        taxii.get("nothing/"),
        taxii.get(f"collections/{shelf}/objects/", limit="0"),
        taxii.ask("GET", "", headers={"Accept": "text/html"}),
        taxii.ask("PUT", ""),
        taxii.post(read_only, envelope(note(1))),
        taxii.post(shelf, b"x" * (MAX_CONTENT_LENGTH + 1)),
        taxii.post(shelf, envelope(), headers={"Content-Type": "text/plain"}),
        taxii.post(shelf, {"type": "bundle"}),
    ]


def test_t3_11_t3_30_t3_31_errors_are_error_messages_with_their_status_as_text(
    taxii: TaxiiNode,
) -> None:
    answers = _refusals(taxii)
    statuses = [answer.status_code for answer in answers]
    assert statuses == [404, 400, 406, 405, 403, 413, 415, 422]
    for answer in answers:
        document = answer.json()
        assert document["http_status"] == str(answer.status_code)
        assert document["title"]
        assert "Traceback" not in answer.text
        assert "/" + "work" not in answer.text


def test_t3_31_a_bug_of_ours_is_a_500_with_an_id_and_no_detail(
    taxii: TaxiiNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise ZeroDivisionError("the secret detail")

    monkeypatch.setattr(type(taxii.doors), "collections", fail)
    answer = taxii.get("collections/")
    assert answer.status_code == 500
    assert uuid.UUID(answer.json()["error_id"]).version == 4
    assert "secret" not in answer.text
