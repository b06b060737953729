"""TAXII 2.1 checklist, T5 to T7: server information, collections, adding and deleting objects."""

from __future__ import annotations

import gzip
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from sharing.objects import StixObject
from sharing.taxii.server import Outcome
from tests.integration.taxii_node import (
    CERT,
    MAX_CONTENT_LENGTH,
    NOW,
    TaxiiNode,
    envelope,
    note,
)

BUNDLE = {
    "type": "signed-bundle",
    "spec_version": "2.1",
    "id": "signed-bundle--9c1d2e3f-0000-4000-8000-000000000001",
    "created": "2026-11-20T10:05:00.000Z",
    "modified": "2026-11-20T10:05:00.000Z",
}


def test_t5_10_t5_11_the_api_root_names_version_and_content_limit(taxii: TaxiiNode) -> None:
    document = taxii.get("").json()
    assert "application/taxii+json;version=2.1" in document["versions"]
    assert document["max_content_length"] == MAX_CONTENT_LENGTH
    assert document["title"]


def test_t5_20_a_status_is_kept_a_day_and_gone_some_time_later(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    status = taxii.post(shelf, envelope(note(1))).json()
    asked = taxii.get(f"status/{status['id']}/")
    assert asked.status_code == 200
    assert asked.json() == status
    taxii.doors.now = NOW + timedelta(hours=25)
    taxii.post(shelf, envelope(note(2)))
    assert taxii.get(f"status/{status['id']}/").status_code == 200
    taxii.doors.now = NOW + timedelta(hours=49)
    taxii.post(shelf, envelope(note(3)))
    assert taxii.get(f"status/{status['id']}/").status_code == 404
    assert taxii.get(f"status/{uuid.uuid4()}/").status_code == 404


def test_t5_22_counts_match_the_lists(taxii: TaxiiNode) -> None:
    broken = {"type": "note", "id": "note--x"}
    status = taxii.post(taxii.open(), envelope(note(1), broken, note(2))).json()
    assert status["status"] == "complete"
    assert (status["total_count"], status["success_count"]) == (3, 2)
    assert (status["failure_count"], status["pending_count"]) == (1, 0)
    assert [item["id"] for item in status["successes"]] == [note(1).stix_id, note(2).stix_id]
    assert status["failures"][0]["id"] == "note--x"
    assert status["failures"][0]["message"].startswith("malformed: ")


def test_t5_23_only_who_submitted_reads_the_status(taxii: TaxiiNode) -> None:
    status = taxii.post(taxii.open(), envelope(note(1))).json()
    assert taxii.get(f"status/{status['id']}/", "grid").status_code == 404


def test_t6_02_t6_05_t6_06_a_collection_tells_the_rights_of_who_asks(taxii: TaxiiNode) -> None:
    shelf = taxii.open(description="Everything about it")
    taxii.change(CERT, shelf, can_write=False)
    mine = taxii.get(f"collections/{shelf}/").json()
    assert mine == {
        "id": shelf,
        "title": "A case",
        "description": "Everything about it",
        "can_read": True,
        "can_write": False,
        "media_types": ["application/stix+json;version=2.1"],
    }
    assert taxii.get(f"collections/{shelf}/", "grid").json()["can_write"] is True
    assert taxii.get("collections/").json() == {"collections": [mine]}


def test_t6_10_t6_11_t6_12_the_manifest_has_a_record_per_version_and_no_next(
    taxii: TaxiiNode,
) -> None:
    shelf = taxii.open()
    taxii.add(shelf, note(1), note(1, minutes=1), note(2))
    every = {"match[version]": "all", "match[id]": note(1).stix_id}
    document = taxii.get(f"collections/{shelf}/manifest/", **every).json()
    assert [record["version"] for record in document["objects"]] == [
        note(1).version,
        note(1, minutes=1).version,
    ]
    assert {record["media_type"] for record in document["objects"]} == {
        "application/stix+json;version=2.1"
    }
    part = taxii.get(f"collections/{shelf}/manifest/", limit=1)
    assert set(part.json()) == {"more", "objects"}
    after = part.headers["X-TAXII-Date-Added-Last"]
    rest = taxii.get(f"collections/{shelf}/manifest/", added_after=after).json()
    assert [record["id"] for record in rest["objects"]] == [note(2).stix_id]


def test_t6_13_t6_22_t6_33_t6_51_rights_that_are_missing_are_403(taxii: TaxiiNode) -> None:
    shelf = taxii.open(can_read=False)
    taxii.add(shelf, note(1))
    one = f"objects/{note(1).stix_id}/"
    for what in ("manifest/", "objects/", one, one + "versions/"):
        assert taxii.get(f"collections/{shelf}/{what}").status_code == 403
    assert taxii.post(shelf, envelope(note(2))).status_code == 202
    taxii.change(CERT, shelf, can_read=True, can_write=False)
    assert taxii.post(shelf, envelope(note(3))).status_code == 403
    assert len(taxii.objects(shelf)) == 2


def test_t6_20_t6_21_t6_23_t6_24_one_object(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    taxii.add(shelf, note(1), note(1, minutes=1))
    one = f"collections/{shelf}/objects/{note(1).stix_id}/"
    assert taxii.get(one).json() == {"objects": [dict(note(1, minutes=1).value)]}
    assert taxii.get(one, **{"match[version]": "2020-01-01T00:00:00Z"}).json() == {}
    assert taxii.get(one, added_after="2030-01-01T00:00:00Z").json() == {}
    for unknown in (note(2).stix_id, "note--x", "x"):
        assert taxii.get(f"collections/{shelf}/objects/{unknown}/").status_code == 404
        missing = f"collections/{shelf}/objects/{unknown}/versions/"
        assert taxii.get(missing).status_code == 404


def test_t6_30_t6_36_order_in_the_envelope_is_the_order_in_the_collection(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    answer = taxii.post(shelf, envelope(note(2), note(1), note(3)))
    assert answer.status_code == 202
    assert [item["id"] for item in taxii.objects(shelf)] == [
        note(number).stix_id for number in (2, 1, 3)
    ]


def test_t6_32_t6_37_sending_twice_is_no_error_and_adds_nothing(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    first = taxii.post(shelf, envelope(note(1), note(2))).json()
    dates = taxii.get(f"collections/{shelf}/manifest/").json()
    second = taxii.post(shelf, envelope(note(1), note(2), note(1))).json()
    assert (first["success_count"], second["success_count"]) == (2, 3)
    assert taxii.get(f"collections/{shelf}/manifest/").json() == dates


def test_t6_35_another_content_for_a_version_fails_and_the_first_stands(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    taxii.post(shelf, envelope(note(1)))
    status = taxii.post(shelf, envelope(note(1, content="other"), note(2))).json()
    assert status["failures"][0]["message"].startswith("conflicting_object: ")
    assert status["success_count"] == 1
    assert taxii.objects(shelf)[0]["content"] == "note 1"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff{}", 400),
        (b'{"objects":[],"objects":[]}', 400),
        (b'{"objects":[{"id":"note--x","a":1,"a":1}]}', 400),
        (b'{"objects":[{"id":"note--x","a":NaN}]}', 400),
        (b'{"objects":[{"id":"note--x","a":9007199254740993}]}', 400),
        (b'{"objects":' + b"[" * 5000 + b"]" * 5000 + b"}", 400),
        (b"[]", 422),
        (b'"x"', 422),
        (b'{"objects":{}}', 422),
        (b'{"objects":[5]}', 422),
        (b'{"objects":[{"type":"note"}]}', 422),
        (b'{"objects":[{"id":5}]}', 422),
        (b'{"type":"bundle","id":"bundle--x","objects":[]}', 422),
        (b'{"things":[]}', 422),
        (b'{"X_y":1}', 422),
    ],
)
def test_t6_31_t6_38_t7_02_what_is_no_envelope_is_refused_whole(
    taxii: TaxiiNode, body: bytes, status: int
) -> None:
    shelf = taxii.open()
    answer = taxii.post(shelf, body)
    assert answer.status_code == status
    assert answer.json()["http_status"] == str(status)
    assert taxii.objects(shelf) == []


def test_t7_01_custom_properties_of_an_envelope_are_not_looked_at(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    body = envelope(note(1)) | {"x_ours": 1, "more": False}
    assert taxii.post(shelf, body).status_code == 202
    assert taxii.post(shelf, {}).json()["total_count"] == 0


@pytest.mark.parametrize(
    "broken",
    [
        {"id": "note--x", "type": "note"},
        {**dict(note(9).value), "modified": "yesterday"},
        {**dict(note(9).value), "content": "a\x00b"},
        {**dict(note(9).value), "content": "\ud800"},
        {**dict(note(9).value), "content": "x" * 1024 * 1024},
        {"id": "bundle--0f5a1f0e-6b0e-4c63-9a52-3a0b4c1d0001", "type": "bundle"},
    ],
    ids=range(6),
)
def test_t6_36_a_bad_object_fails_alone_but_beside_a_signed_bundle_all_fail(
    taxii: TaxiiNode, broken: dict[str, Any]
) -> None:
    import json  # noqa: PLC0415

    shelf = taxii.open()
    body = json.dumps(envelope(note(1), broken, BUNDLE)).encode()
    status = taxii.post(shelf, body).json()
    assert status["failure_count"] == status["total_count"] == 3
    assert taxii.objects(shelf) == []
    body = json.dumps(envelope(note(1), broken)).encode()
    status = taxii.post(shelf, body).json()
    assert (status["success_count"], status["failure_count"]) == (1, 1)
    assert len(taxii.objects(shelf)) == 1


def test_an_object_of_the_greatest_depth_fits_into_an_envelope(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    deep: Any = "x"
    for _ in range(31):
        deep = [deep]
    assert taxii.post(shelf, envelope(note(1, x_deep=deep))).json()["success_count"] == 1
    deeper = {**dict(note(2).value), "x_deep": [deep]}
    assert taxii.post(shelf, envelope(deeper)).status_code == 400


def padded(length: int) -> bytes:
    body = b'{"objects":[]}'
    return body + b" " * (length - len(body))


def pieces(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), 64 * 1024):
        yield body[start : start + 64 * 1024]


def test_t5_11_t6_39_the_limit_counts_whatever_was_announced(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    fits, too_long = padded(MAX_CONTENT_LENGTH), padded(MAX_CONTENT_LENGTH + 1)
    assert taxii.post(shelf, fits).status_code == 202
    assert taxii.post(shelf, pieces(fits)).status_code == 202
    assert taxii.post(shelf, too_long).status_code == 413
    assert taxii.post(shelf, pieces(too_long)).status_code == 413


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, identity", "x"])
def test_t6_39_content_encodings_are_refused_unread(taxii: TaxiiNode, encoding: str) -> None:
    shelf = taxii.open()
    bomb = gzip.compress(b" " * 10_000_000)
    answer = taxii.post(shelf, bomb, headers={"Content-Encoding": encoding})
    assert answer.status_code == 415
    assert taxii.objects(shelf) == []


@pytest.mark.parametrize(
    ("can_read", "can_write", "status"),
    [(False, False, 404), (True, False, 403), (False, True, 403), (True, True, 403)],
)
def test_t6_40_t6_42_nothing_is_deleted(
    taxii: TaxiiNode, can_read: bool, can_write: bool, status: int
) -> None:
    shelf = taxii.open()
    taxii.add(shelf, note(1))
    taxii.change(CERT, shelf, can_read=can_read, can_write=can_write)
    answer = taxii.ask("DELETE", f"collections/{shelf}/objects/{note(1).stix_id}/")
    assert answer.status_code == status
    taxii.change(CERT, shelf, can_read=True, can_write=True)
    assert len(taxii.objects(shelf)) == 1


def test_t6_50_versions_of_an_object_as_they_were_added(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    later, first, old = note(1, minutes=2), note(1), note(1, minutes=1, spec_version=None)
    taxii.add(shelf, later, first, old, note(2))
    path = f"collections/{shelf}/objects/{note(1).stix_id}/versions/"
    assert taxii.get(path).json() == {"versions": [later.version, first.version, old.version]}
    assert taxii.get(path, **{"match[spec_version]": "2.0"}).json() == {"versions": [old.version]}
    part = taxii.get(path, limit=2)
    assert part.json() == {"more": True, "versions": [later.version, first.version]}
    after = part.headers["X-TAXII-Date-Added-Last"]
    assert taxii.get(path, added_after=after).json() == {"versions": [old.version]}
    assert taxii.get(path, added_after="2030-01-01T00:00:00Z").json() == {}


def test_what_the_doors_refuse_is_told_and_leaves_nothing(
    taxii: TaxiiNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = taxii.open()
    outcomes = [Outcome(note(1).stix_id, note(1).version, "not_member: you are no member")]

    def refuse(*_arguments: object) -> list[Outcome]:
        return outcomes

    monkeypatch.setattr(type(taxii.doors), "accept", refuse)
    status = taxii.post(shelf, envelope(note(1))).json()
    assert status["failures"] == [
        {
            "id": note(1).stix_id,
            "version": note(1).version,
            "message": "not_member: you are no member",
        }
    ]
    assert taxii.objects(shelf) == []


def test_what_was_read_is_canonical_whatever_was_sent(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    sent = (
        b'{ "objects" : [ {"type":"url", "value":"\\u0078", "x_n": 1.0e0,'
        b' "id":"url--0f5a1f0e-6b0e-4c63-9a52-3a0b4c1d0001" } ] }'
    )
    assert taxii.post(shelf, sent).status_code == 202
    expected = StixObject.of(
        {"id": "url--0f5a1f0e-6b0e-4c63-9a52-3a0b4c1d0001", "type": "url", "value": "x", "x_n": 1}
    )
    answer = taxii.get(f"collections/{shelf}/objects/")
    assert answer.content == b'{"objects":[' + expected.content + b"]}"
