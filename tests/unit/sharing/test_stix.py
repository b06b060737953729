"""Builders of STIX objects, and the limits of what we take from others."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from policies.errors import InvalidError, TooLargeError
from policies.tlp import MARKINGS, TLP
from sharing import stix
from sharing.canonical import MalformedError, canonical
from sharing.limits import read_stix_limits
from sharing.objects import StixObject, is_stix_id
from sharing.stix import SIGNED_BUNDLE_EXTENSION, signed_bundle_definition, signed_bundle_schema

NOW = datetime(2026, 11, 20, 10, 0, 0, 999, tzinfo=UTC)
CERT = "identity--0f5a1f0e-6b0e-4c63-9a52-3a0b4c1d0001"


def test_an_identity_is_its_own_creator_and_leaves_out_what_is_empty() -> None:
    built = stix.identity("Example CERT", now=NOW)
    assert built.value["created_by_ref"] == built.stix_id
    assert built.value["created"] == built.value["modified"] == "2026-11-20T10:00:00.000Z"
    assert "sectors" not in built.value
    assert "description" not in built.value


def test_a_new_version_is_later_though_the_clock_went_back() -> None:
    first = stix.note("a", about=[CERT], created_by=CERT, now=NOW, abstract="short")
    second = stix.new_version(
        first, {"content": "b", "abstract": None}, now=NOW - timedelta(hours=1)
    )
    assert second.version_ns > first.version_ns
    assert second.value["content"] == "b"
    assert "abstract" not in second.value
    assert second.value["created"] == first.value["created"]


def test_tlp_markings_are_those_of_oasis() -> None:
    for label in TLP:
        assert stix.tlp_marking(label).content == canonical(dict(MARKINGS[label]))


def test_the_definition_of_the_signed_bundle_never_changes() -> None:
    definition, creator = signed_bundle_definition()
    assert definition.stix_id == SIGNED_BUNDLE_EXTENSION
    assert json.loads(definition.value["schema"]) == signed_bundle_schema()
    # Ledgers cover these bytes by hash. Who changes them gives them a new `modified`.
    assert definition.sha256 == "e3f9bd9795ff45da968efb5d2d5488a744f643b57bc28d938aecc1d96646754b"
    assert creator.sha256 == "8d57990da6bfa18798a425e70ef562e71fd3608189b7ac63fe0c50c7d0899119"


def signed_bundle(**more: Any) -> dict[str, Any]:
    return {
        "type": "signed-bundle",
        "spec_version": "2.1",
        "id": "signed-bundle--9c1d2e3f-0000-4000-8000-000000000001",
        "created_by_ref": CERT,
        "created": "2026-11-20T10:05:00.000Z",
        "modified": "2026-11-20T10:05:00.000Z",
        "extensions": {SIGNED_BUNDLE_EXTENSION: {"extension_type": "new-sdo"}},
        "protocol": "1",
        "channel": "6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c0003",
        "act": "note.added",
        "signature": "eyJ..abc",
        **more,
    }


SEEN = {"epoch": 1, "seq": 0, "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("more", "valid"),
    [
        ({"nth": 1, "seen": SEEN}, True),
        ({"epoch": 1, "seq": 0}, True),
        ({"epoch": 1, "seq": 1, "seen": SEEN}, True),
        ({"nth": 1}, False),
        ({"nth": 1, "seen": SEEN, "epoch": 1}, False),
        ({"nth": 0, "seen": SEEN}, False),
        ({"nth": 1, "seen": SEEN, "contents": []}, False),
        ({"nth": 1, "seen": SEEN, "protocol": "2"}, False),
        ({"nth": 1, "seen": SEEN, "contents": [{"ref": CERT, "sha256": "0" * 64}]}, True),
        ({"nth": 1, "seen": SEEN, "contents": [{"ref": CERT, "sha256": "0" * 63}]}, False),
    ],
)
def test_the_schema_tells_contributions_and_entries_from_others(
    more: dict[str, Any],
    valid: bool,
) -> None:
    Draft202012Validator.check_schema(signed_bundle_schema())
    assert Draft202012Validator(signed_bundle_schema()).is_valid(signed_bundle(**more)) is valid


@pytest.mark.parametrize(
    "text",
    [
        CERT,
        "x509-certificate--0f5a1f0e-6b0e-4c63-9a52-3a0b4c1d0001",
        "signed-bundle--9c1d2e3f-0000-4000-8000-000000000001",
    ],
)
def test_a_stix_id_is_a_type_and_a_uuid(text: str) -> None:
    assert is_stix_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "identity",
        CERT.upper(),
        CERT + "0",
        CERT.replace("identity", "id_entity"),
        CERT.replace("identity", "a--b"),
        CERT.replace("identity", "ab"),
        CERT.replace("identity", "a" * 251),
        CERT + "\n",
        CERT.replace("0001", "000٣"),
    ],
)
def test_what_is_no_stix_id(text: str) -> None:
    assert not is_stix_id(text)


def base(**more: Any) -> dict[str, Any]:
    return {
        "type": "identity",
        "spec_version": "2.1",
        "id": CERT,
        "created": "2026-11-20T09:00:00.000Z",
        "modified": "2026-11-20T09:00:00.000Z",
        "name": "x",
        **more,
    }


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([], "JSON object"),
        ({}, "type"),
        (base(type="Identity"), "type"),
        (base(type="bundle", id="bundle--" + CERT[10:]), "container"),
        (base(id="note--" + CERT[10:]), "does not begin"),
        (base(id=5), "no STIX id"),
        (base(modified=5), "modified"),
        (base(modified="yesterday"), "UTC time"),
        (base(created="2026-02-30T00:00:00Z"), "not a time"),
        (base(name="\x00"), "U+0000"),
        (base(count=2**53), "integer"),
    ],
)
def test_what_is_no_stix_object_is_refused_with_a_reason(value: Any, reason: str) -> None:
    with pytest.raises(MalformedError) as refusal:
        StixObject.of(value)
    assert reason in refusal.value.message


def test_an_object_has_at_most_a_mebibyte_and_a_signed_bundle_four() -> None:
    StixObject.of(base(name="x" * 1_000_000))
    with pytest.raises(TooLargeError):
        StixObject.of(base(name="x" * 1024 * 1024))
    StixObject.of(signed_bundle(body={"x": "x" * 2 * 1024 * 1024}))
    with pytest.raises(TooLargeError):
        StixObject.of(signed_bundle(body={"x": "x" * 4 * 1024 * 1024}))


def test_versions_are_compared_as_instants_and_kept_as_text() -> None:
    short = StixObject.of(base(modified="2026-11-20T09:00:00.5Z"))
    long = StixObject.of(base(modified="2026-11-20T09:00:00.500000000Z"))
    assert short.version_ns == long.version_ns
    assert short.version == "2026-11-20T09:00:00.5Z"
    timeless = StixObject.of({"type": "url", "id": "url--" + CERT[10:], "value": "x"})
    assert (timeless.version, timeless.version_ns) == (None, 0)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"severity": "high"}, "reserves"),
        ({"description": None}, "null"),
        ({"sectors": []}, "empty"),
        ({"name": "x" * (256 * 1024 + 1)}, "text"),
        ({"pattern": "x" * (8 * 1024 + 1)}, "pattern"),
        ({"object_refs": ["x"] * 10_001}, "list"),
        ({"object_refs": ["x"] * 5_001}, "references"),
        ({"x": {str(number): 1 for number in range(1001)}}, "dictionary"),
        ({"modified": "2026-11-20T10:05:01.000Z"}, "future"),
        ({"modified": "2026-11-20T08:59:00.000Z"}, "before"),
        ({"external_references": [{"source_name": "x", "url": None}]}, "null"),
    ],
)
def test_limits_of_what_others_write(more: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidError) as refusal:
        read_stix_limits(base(**more), now=NOW)
    assert reason in refusal.value.message


def test_within_the_limits_everything_is_taken() -> None:
    read_stix_limits(base(object_refs=["x"] * 5000, modified="2026-11-20T10:05:00.000Z"), now=NOW)
    read_stix_limits(base(payload_bin="x" * 300_000), now=NOW)
