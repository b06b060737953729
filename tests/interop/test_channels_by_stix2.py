"""What our channels hold is STIX 2.1 to the stix2 library and to the validator of OASIS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import stix2
from sqlalchemy import select
from taxii2client.v21 import Collection

from federation.ledgers.ledger_records import ChannelRecord
from policies.roles import PersonRole
from sharing.stix import SIGNED_BUNDLE_EXTENSION
from sharing.taxii.resources import API_ROOT_PATH
from tests.interop.channel_readers import Told, give_token, held

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def token(told: Told) -> str:
    return give_token(told.grid, PersonRole.LIAISON)


@pytest.fixture
def source(told: Told, token: str) -> Iterator[Any]:
    url = f"{told.grid.base_url}{API_ROOT_PATH}collections/{told.case}/"
    with Collection(url, user="stix2", password=token) as client:
        yield stix2.TAXIICollectionSource(client)


@pytest.fixture(scope="module")
def everything(told: Told) -> list[dict[str, Any]]:
    """Every object of every channel of both nodes, the direct ones included, once each."""
    found: dict[str, dict[str, Any]] = {}
    for node in told.nodes:
        with node.reading() as session:
            channels = session.scalars(select(ChannelRecord.id)).all()
        for channel in channels:
            for value in held(node, channel):
                found[f"{value['id']} {value.get('modified')} {channel}"] = value
    return list(found.values())


def test_the_source_finds_indicators_by_filter(told: Told, source: Any) -> None:
    ours = {one.stix_id for one in told.shared if one.stix_type == "indicator"}
    found = source.query([stix2.Filter("type", "=", "indicator")])
    assert {one.id for one in found} == ours
    assert {one.created_by_ref for one in found} == {told.grid.organisation}


def test_the_source_gives_the_newest_version_and_all(told: Told, source: Any) -> None:
    newest = told.shared[-1]
    assert source.get(newest.stix_id).description == "Seen again."
    assert len(source.all_versions(newest.stix_id)) == 2


def test_the_source_walks_relations_to_their_creator(told: Told, source: Any) -> None:
    first = source.get(told.shared[0].stix_id)
    (link,) = source.relationships(first, "derived-from", source_only=True)
    assert link.target_ref == told.shared[1].stix_id
    assert source.creator_of(first).name == "Grid"


def test_the_source_reads_signed_bundles_by_their_definition(told: Told, source: Any) -> None:
    bundles = source.query([stix2.Filter("type", "=", "signed-bundle")])
    acts = {bundle["act"] for bundle in bundles}
    assert {"channel.opened", "member.joined", "admitted", "intel.shared", "note.added"} <= acts
    definition = source.get(SIGNED_BUNDLE_EXTENSION)
    assert definition.extension_types == ["new-sdo"]
    assert source.creator_of(definition).name == "Tocsin"


def test_everything_is_parsed_strictly(everything: list[dict[str, Any]]) -> None:
    for value in everything:
        # A new type of object needs `allow_custom` in this library, by whatever right it comes.
        custom = value["type"] == "signed-bundle"
        parsed = stix2.parse(value, allow_custom=custom)
        assert parsed["id"] == value["id"]


def test_everything_passes_the_validator(everything: list[dict[str, Any]]) -> None:
    from stix2validator import ValidationOptions, validate_instance  # noqa: PLC0415 - slow

    options = ValidationOptions(version="2.1")
    types = {value["type"] for value in everything}
    assert types == {
        "extension-definition",
        "identity",
        "indicator",
        "marking-definition",
        "note",
        "opinion",
        "relationship",
        "sighting",
        "signed-bundle",
    }
    for value in everything:
        result = validate_instance(dict(value), options)
        assert result.is_valid, (value["id"], [str(error) for error in result.errors])


def test_a_bundle_of_a_whole_channel_passes_the_validator(told: Told) -> None:
    from stix2validator import ValidationOptions, validate_instance  # noqa: PLC0415 - slow

    document = {
        "type": "bundle",
        "id": f"bundle--{told.case}",
        "objects": held(told.cert, told.case),
    }
    result = validate_instance(document, ValidationOptions(version="2.1"))
    assert result.is_valid, [str(error) for error in result.errors]
