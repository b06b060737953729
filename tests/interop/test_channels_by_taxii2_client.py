"""taxii2-client reads our channels with a person's token, like any TAXII 2.1 collection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from taxii2client.v21 import ApiRoot, Collection, Server, as_pages

from hub.cases import course
from policies.roles import PersonRole
from sharing.incident.extensions import INCIDENT_EXTENSION, suite_definitions
from sharing.taxii.resources import API_ROOT_PATH, TAXII_21
from tests.interop.channel_readers import Told, give_token, held
from tests.kit.nodes import RunningNode

pytestmark = pytest.mark.interop

NAME = "anything"
"""What stands before the token in HTTP Basic: nobody looks at it."""


@pytest.fixture(scope="module", params=["owner", "member"])
def node(request: pytest.FixtureRequest, told: Told) -> RunningNode:
    return told.cert if request.param == "owner" else told.grid


@pytest.fixture(scope="module")
def token(node: RunningNode) -> str:
    return give_token(node, PersonRole.HANDLER)


@pytest.fixture
def case(node: RunningNode, told: Told, token: str) -> Iterator[Collection]:
    url = f"{node.base_url}{API_ROOT_PATH}collections/{told.case}/"
    with Collection(url, user=NAME, password=token) as client:
        yield client


def test_the_client_finds_every_channel_from_discovery_on(
    node: RunningNode, told: Told, token: str
) -> None:
    with Server(f"{node.base_url}/taxii2/", user=NAME, password=token) as server:
        root = server.default
        assert isinstance(root, ApiRoot)
        found = {one.id: one for one in root.collections}
    assert {told.case, told.community} <= found.keys()
    assert (found[told.case].title, found[told.community].title) == ("3CX", "Energy")
    assert all(one.can_read and not one.can_write for one in found.values())
    # The two direct channels of the partnership are collections as well.
    assert len(found) == 4


@pytest.mark.parametrize("per_request", [1, 3, 7, 1000])
def test_pages_of_any_size_give_the_whole_ledger_in_order(
    node: RunningNode, told: Told, case: Collection, per_request: int
) -> None:
    pages = list(as_pages(case.get_objects, per_request=per_request, version="all"))
    objects = [item for page in pages for item in page["objects"]]
    assert objects == held(node, told.case)
    assert [len(page["objects"]) for page in pages[:-1]] == [per_request] * (len(pages) - 1)


def test_without_a_filter_the_newest_version_of_each_object_comes(
    told: Told, case: Collection
) -> None:
    newest = told.shared[-1]
    assert case.get_object(newest.stix_id)["objects"] == [dict(newest.value)]
    assert case.object_versions(newest.stix_id)["versions"] == [
        told.shared[2].version,
        newest.version,
    ]
    plain = [item["id"] for item in case.get_objects()["objects"]]
    assert len(plain) == len(set(plain))


def test_a_reader_without_our_protocol_asks_for_indicators_alone(
    told: Told, case: Collection
) -> None:
    found = case.get_objects(type="indicator", version="all")["objects"]
    assert found == [dict(one.value) for one in told.shared if one.stix_type == "indicator"]


def test_a_reader_of_a_case_finds_what_defines_its_incident(told: Told) -> None:
    cert = told.cert
    channel = cert.does(course.open_case, title="Trojanised update", text="A signed client.")
    token = give_token(cert, PersonRole.HANDLER, name="incident-reader")
    url = f"{cert.base_url}{API_ROOT_PATH}collections/{channel}/"
    with Collection(url, user=NAME, password=token) as client:
        (told_of,) = client.get_objects(type="incident")["objects"]
        defined = client.get_objects(type="extension-definition")["objects"]
    assert INCIDENT_EXTENSION in told_of["extensions"]
    known = {one["id"]: one for one in defined}
    assert set(told_of["extensions"]) <= known.keys()
    assert [known[one.stix_id] for one in suite_definitions()] == [
        dict(one.value) for one in suite_definitions()
    ]


def test_a_reader_goes_on_where_it_stopped(
    node: RunningNode, told: Told, case: Collection, token: str
) -> None:
    whole = held(node, told.case)
    seen: list[dict[str, Any]] = []
    url, last = f"{case.url}objects/", ""
    while True:
        query = {"limit": "5", "match[version]": "all"} | ({"added_after": last} if last else {})
        answer = requests.get(
            url, params=query, auth=(NAME, token), headers={"Accept": TAXII_21}, timeout=10
        )
        answer.raise_for_status()
        page = answer.json().get("objects", [])
        if not page:
            break
        seen += page
        last = answer.headers["X-TAXII-Date-Added-Last"]
    assert seen == whole


def test_the_manifest_tells_what_the_pages_hold(
    node: RunningNode, told: Told, token: str, case: Collection
) -> None:
    answer = requests.get(
        f"{case.url}manifest/",
        params={"match[version]": "all"},
        auth=(NAME, token),
        headers={"Accept": TAXII_21},
        timeout=10,
    )
    answer.raise_for_status()
    assert answer.headers["Content-Type"] == TAXII_21
    records = answer.json()["objects"]
    dates = [record["date_added"] for record in records]
    assert dates == sorted(set(dates))
    assert [record["id"] for record in records] == [one["id"] for one in held(node, told.case)]


def test_what_is_served_is_what_was_signed_byte_for_byte(
    node: RunningNode, told: Told, token: str, case: Collection
) -> None:
    answer = requests.get(
        f"{case.url}objects/",
        params={"match[version]": "all", "match[id]": told.shared[0].stix_id},
        auth=(NAME, token),
        headers={"Accept": TAXII_21},
        timeout=10,
    )
    assert answer.content == b'{"objects":[' + told.shared[0].content + b"]}"


def test_a_person_reads_by_tool_and_writes_by_the_hub(told: Told, case: Collection) -> None:
    assert not case.can_write
    with pytest.raises(requests.HTTPError) as error:
        case._conn.post(
            f"{case.url}objects/",
            headers={"Accept": TAXII_21, "Content-Type": TAXII_21},
            data=b'{"objects":[' + told.shared[0].content + b"]}",
        )
    assert error.value.response.status_code == 403


@pytest.mark.parametrize("password", ["", "tocsin_" + "x" * 43])
def test_nobody_reads_without_a_token(case: Collection, password: str) -> None:
    answer = requests.get(
        f"{case.url}objects/",
        auth=(NAME, password) if password else None,
        headers={"Accept": TAXII_21},
        timeout=10,
    )
    assert answer.status_code == 401
    assert "Basic" in answer.headers["WWW-Authenticate"]
