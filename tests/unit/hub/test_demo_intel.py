import json
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import pytest
from stix2patterns.validator import run_validator
from stix2validator import ValidationOptions, validate_instance

from hub.demo.intel import PublishedEvent, build_indicators, published_event_3cx, read_event
from policies.errors import InvalidError
from policies.tlp import TLP

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CERT = "identity--2f1c9f0a-6c0b-4f3a-9a5f-0d7a5a1f4f11"


def misp(*attributes: dict[str, Any], **thing: Any) -> bytes:
    event = {
        "uuid": "8a0f0f0e-3f0f-4b63-9a0e-1f1a3c5d7e90",
        "info": "Something happened",
        "date": "2026-02-01",
        "Orgc": {"name": "Somebody"},
        "Object": [{"name": "file", "uuid": "1", "Attribute": list(attributes), **thing}],
    }
    return json.dumps({"response": [{"Event": event}]}).encode()


def attribute(kind: str, value: str, *, to_ids: bool = True) -> dict[str, Any]:
    return {"type": kind, "object_relation": kind, "value": value, "to_ids": to_ids}


def patterns(event: PublishedEvent) -> list[str]:
    return [finding.pattern for finding in event.findings]


def test_the_story_has_four_files_and_three_addresses() -> None:
    event = published_event_3cx()
    assert event.publisher == "ESET"
    assert event.date == datetime(2023, 4, 20, tzinfo=UTC)
    assert [finding.name for finding in event.findings] == [
        "Url https://od.lk/d/NTJfMzg4MDE1NzJf/vxmedia",
        "Url https://journalide.org/djour.php",
        "File guiconfigd",
        "File HSBC_job_offer.pdf",
        "File HSBC_job_offer.pdf.zip",
        "Url tcp://23.254.211.230",
        "File sysnetd",
    ]
    tea = event.findings[2]
    assert tea.description == "SimplexTea for Linux. Detected as Linux/NukeSped.E."
    assert tea.first_seen == datetime(2023, 3, 20, 12, 0, 35, tzinfo=UTC)
    assert "eebb01932de0b5605dd460cc82844d8693c00ea8ab5ffdf8dbede6528c1c18fd" in tea.pattern


def test_a_file_host_that_honest_people_use_is_not_an_indicator() -> None:
    assert "[domain-name:value = 'od.lk']" not in patterns(published_event_3cx())


def test_indicators_are_valid_stix_of_whoever_shares_them_and_name_their_source() -> None:
    event = published_event_3cx()
    indicators = build_indicators(event, created_by=CERT, marking=TLP.AMBER, now=NOON)
    assert len({one.stix_id for one in indicators}) == len(event.findings)
    for one in indicators:
        result = validate_instance(dict(one.value), ValidationOptions(version="2.1", strict=True))
        assert result.is_valid, result.errors
        assert result.warnings == []
        assert run_validator(one.value["pattern"], stix_version="2.1") == []
        assert one.value["created_by_ref"] == CERT
        assert one.value["object_marking_refs"] == [TLP.AMBER.marking_id]
        (source,) = one.value["external_references"]
        assert source == {
            "source_name": "ESET",
            "description": event.title,
            "external_id": "72f7a401-5a65-4977-8f43-4c34dda37b2f",
        }
    assert indicators[2].value["valid_from"] == "2023-03-20T12:00:35.000Z"


def test_the_licence_lies_beside_the_data() -> None:
    folder = resources.files("hub.demo").joinpath("data/3cx")
    assert "Redistribution and use" in folder.joinpath("LICENSE").read_text("utf-8")
    assert "ESET" in folder.joinpath("NOTICE").read_text("utf-8")


def test_domains_given_for_detection_are_found() -> None:
    data = misp(
        attribute("domain", "evil.example"), attribute("domain", "ok.example", to_ids=False)
    )
    assert patterns(read_event(data)) == ["[domain-name:value = 'evil.example']"]


def test_values_are_quoted() -> None:
    (found,) = patterns(read_event(misp(attribute("url", "https://x.example/it's\\here"))))
    assert found == r"[url:value = 'https://x.example/it\'s\\here']"
    assert run_validator(found, stix_version="2.1") == []


def test_what_was_first_seen_nobody_knows_when_is_valid_from_the_date_of_the_event() -> None:
    event = read_event(misp(attribute("md5", "aac5a52b939f3fe792726a13ff7a1747")))
    (one,) = build_indicators(event, created_by=CERT, marking=TLP.GREEN, now=NOON)
    assert one.value["valid_from"] == "2026-02-01T00:00:00.000Z"
    assert one.value["name"] == "File aac5a52b939f3fe792726a13ff7a1747"
    assert one.value["description"] == "Published by Somebody."


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"response": []}',
        b'{"response": [{"Event": 1}]}',
        b'{"response": [{"Event": {"Object": [1]}}]}',
        misp({"type": "md5"}),
        misp(attribute("md5", "0"), comment=1),
    ],
)
def test_what_is_no_event_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidError):
        read_event(data)
