"""Somebody else's software reads and writes our collections: taxii2-client and stix2."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import stix2
from stix2.datastore import DataSourceError
from taxii2client.v21 import ApiRoot, Collection, Server, as_pages

from sharing import stix
from sharing.objects import StixObject
from tests.integration.taxii_node import CERT, NOW, TaxiiNode, note

pytestmark = pytest.mark.interop


def collection(taxii: TaxiiNode, shelf: str, user: str = "cert") -> Collection:
    return Collection(f"{taxii.root}collections/{shelf}/", user=user, password="secret")


def test_the_client_finds_its_way_from_discovery_to_a_collection(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    with Server(f"{taxii.base_url}/taxii2/", user="cert", password="secret") as server:
        assert server.default.url == taxii.root
        (root,) = server.api_roots
        assert root.versions == ["application/taxii+json;version=2.1"]
        (found,) = root.collections
        assert (found.id, found.can_read, found.can_write) == (shelf, True, True)
        assert found.media_types == ["application/stix+json;version=2.1"]


def test_the_client_pages_through_objects_with_next(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    items = [note(number) for number in range(25)]
    taxii.add(shelf, *items)
    with collection(taxii, shelf) as client:
        pages = list(as_pages(client.get_objects, per_request=10))
        assert [len(page["objects"]) for page in pages] == [10, 10, 5]
        everything = [item for page in pages for item in page["objects"]]
        assert everything == [dict(item.value) for item in items]
        pages = list(as_pages(client.get_objects, per_request=5000))
        assert len(pages) == 1


def test_the_clients_default_page_size_is_ours(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    taxii.add(shelf, *(note(number) for number in range(1001)))
    with collection(taxii, shelf) as client:
        # It names no limit at all (release 2.3.0 leaves a limit of 0 out).
        pages = list(as_pages(client.get_objects))
    assert [len(page["objects"]) for page in pages] == [1000, 1]


def test_the_client_pages_where_our_page_is_smaller_than_what_it_asks_for(
    taxii: TaxiiNode,
) -> None:
    shelf = taxii.open()
    taxii.add(shelf, *(note(number) for number in range(2100)))
    with collection(taxii, shelf) as client:
        pages = list(as_pages(client.get_objects, per_request=2000))
    assert [len(page["objects"]) for page in pages] == [1000, 1000, 100]


def test_the_client_filters_reads_versions_and_the_manifest(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    old, new = note(1), note(1, minutes=1)
    taxii.add(shelf, old, new, note(2))
    with collection(taxii, shelf) as client:
        assert client.get_object(old.stix_id)["objects"] == [dict(new.value)]
        assert client.object_versions(old.stix_id)["versions"] == [old.version, new.version]
        every = client.get_objects(id=old.stix_id, version="all")["objects"]
        assert every == [dict(old.value), dict(new.value)]
        first = client.get_objects(version="first", type=["note", "tool"])["objects"]
        assert first == [dict(old.value), dict(note(2).value)]
        exact = client.get_objects(version=datetime(2026, 11, 20, 10, 1, tzinfo=UTC))["objects"]
        assert exact == [dict(new.value)]
        later = datetime(2026, 11, 20, 10, 0, 0, 1, tzinfo=UTC)
        assert len(client.get_objects(added_after=later)["objects"]) == 1
        manifest = client.get_manifest(version="all", limit=2)
        assert len(manifest["objects"]) == 2
        assert manifest["more"]


def test_the_client_adds_objects_and_reads_the_status(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    with collection(taxii, shelf) as client:
        status = client.add_objects({"objects": [dict(note(1).value), {"id": "x", "type": "note"}]})
        assert status.status == "complete"
        assert (status.success_count, status.failure_count) == (1, 1)
        asked = ApiRoot(taxii.root, user="cert", password="secret").get_status(status.id)
        assert asked.failures == status.failures
        with pytest.raises(requests.HTTPError):
            client.delete_object(note(1).stix_id)
        assert client.get_objects()["objects"] == [dict(note(1).value)]


def test_stix2_reads_a_collection_as_a_data_source(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    cert = stix.identity("Example CERT", stix_id=CERT, now=NOW)
    indicator = stix.indicator(
        "[domain-name:value = 'update.example.com']", name="C2", created_by=CERT, now=NOW
    )
    definition, creator = stix.signed_bundle_definition()
    bundle = StixObject.of(
        {
            "type": "signed-bundle",
            "spec_version": "2.1",
            "id": f"signed-bundle--{uuid.uuid4()}",
            "created_by_ref": CERT,
            "created": "2026-11-20T10:05:00.000Z",
            "modified": "2026-11-20T10:05:00.000Z",
            "extensions": {stix.SIGNED_BUNDLE_EXTENSION: {"extension_type": "new-sdo"}},
            "protocol": "1",
            "channel": shelf,
            "act": "intel.shared",
        }
    )
    second = stix.new_version(indicator, {"name": "C2 server"}, now=NOW)
    taxii.add(shelf, definition, creator, cert, indicator, bundle, second)
    with collection(taxii, shelf) as client:
        source = stix2.TAXIICollectionSource(client)
        found: Any = source.get(indicator.stix_id)
        assert found.name == "C2 server"
        assert len(source.all_versions(indicator.stix_id)) == 2
        ours = source.query([stix2.Filter("type", "=", "indicator")])
        assert [item.id for item in ours] == [indicator.stix_id]
        everything = {item["id"] for item in source.query([])}
        assert everything == {
            definition.stix_id,
            creator.stix_id,
            CERT,
            indicator.stix_id,
            bundle.stix_id,
        }
        assert source.get(note(9).stix_id) is None
        assert source.creator_of(found).name == "Example CERT"


def test_stix2_is_told_what_a_bundle_is_not(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    with collection(taxii, shelf) as client:
        sink = stix2.TAXIICollectionSink(client)
        with pytest.raises(requests.HTTPError) as error:
            sink.add(stix2.parse(dict(stix.identity("x", now=NOW).value)))
        assert error.value.response.status_code == 422
        assert "envelope" in error.value.response.json()["description"]


def test_stix2_is_not_told_of_what_it_may_not_read(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    taxii.change(CERT, shelf, can_read=False)
    with collection(taxii, shelf) as client, pytest.raises(DataSourceError):
        stix2.TAXIICollectionSource(client)
