"""STIX objects as they came, and their indicators as findings.

Source: STIX 2.1, 3.2, 4.7, 7.2 and 8.
"""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from policies.errors import InvalidError, TooLargeError
from policies.pap import PAP
from policies.tlp import MARKINGS, TLP, TLP1_MARKING_IDS
from sharing.formats.recognised import LIMIT_COUNT, ContextKind, Form, Kind, Recognised
from sharing.formats.stix_objects import find_objects, read_objects

MOMENT = "2026-02-01T10:00:00.000Z"
CERT = "identity--0f5a1f0e-6b0e-4c63-9a52-3a0b4c1d0001"
PAP_RED = "marking-definition--740d36e5-7714-4c30-961a-3ae632ceee0e"
STRANGE = "marking-definition--0f5a1f0e-6b0e-4c63-9a52-3a0b4c1d0009"


def stix_id(stix_type: str, number: int) -> str:
    return f"{stix_type}--00000000-0000-4000-8000-{number:012d}"


def build(stix_type: str, number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "type": stix_type,
        "spec_version": "2.1",
        "id": stix_id(stix_type, number),
        "created": MOMENT,
        "modified": MOMENT,
        **more,
    }


def indicator(number: int = 1, pattern: str | None = None, **more: Any) -> dict[str, Any]:
    pattern = pattern or f"[domain-name:value = 'evil{number}.com']"
    return build(
        "indicator", number, pattern=pattern, pattern_type="stix", valid_from=MOMENT, **more
    )


def left_out(recognised: Recognised) -> list[tuple[str, int]]:
    return [(one.what, one.count) for one in recognised.left_out]


def test_objects_are_kept_as_they_came_and_indicators_are_findings_too() -> None:
    objects = [
        indicator(1, name="C2", description="Its server.", confidence=70, created_by_ref=CERT),
        build("x-unknown-thing", 2, x_words="kept"),
        {"type": "identity", "spec_version": "2.1", "id": CERT, "name": "Example CERT"},
    ]
    recognised = read_objects(objects)
    assert recognised.form is Form.STIX
    assert [dict(one.value) for one in recognised.objects] == objects
    (finding,) = recognised.findings
    assert (finding.kind, finding.value) == (Kind.DOMAIN, "evil1.com")
    assert finding.pattern == "[domain-name:value = 'evil1.com']"
    assert (finding.name, finding.description, finding.confidence) == ("C2", "Its server.", 70)
    assert finding.object_id == stix_id("indicator", 1)
    assert finding.first_seen is None
    assert finding.publication is not None
    assert finding.publication.publisher == "Example CERT"
    assert recognised.publications == (finding.publication,)
    assert recognised.left_out == ()


def test_an_indicator_without_name_gets_one_and_a_hard_pattern_is_shown_as_it_is() -> None:
    hard = "[process:name = 'a'] FOLLOWEDBY [file:name = 'b']"
    recognised = read_objects([indicator(1), indicator(2, hard)])
    assert [(one.kind, one.value, one.name) for one in recognised.findings] == [
        (Kind.DOMAIN, "evil1.com", "Domain evil1.com"),
        (Kind.PATTERN, hard, f"Pattern {hard}"),
    ]


def test_indicators_that_are_no_findings_are_kept_and_counted() -> None:
    objects = [
        indicator(1, revoked=True),
        indicator(2) | {"pattern_type": "yara", "pattern": "rule x {}"},
        indicator(3) | {"pattern_type": "sigma"},
        indicator(4) | {"pattern": 7},
        indicator(5) | {"pattern": " "},
        indicator(6, f"[mutex:name = '{'x' * 9000}']"),
    ]
    recognised = read_objects(objects)
    assert recognised.findings == ()
    assert len(recognised.objects) == len(objects)
    assert {one.reason for one in recognised.left_out} == {
        "revoked by its publisher; kept as an object",
        "a rule in the language “yara”; kept as an object",
        "a rule in the language “sigma”; kept as an object",
        "an indicator without a pattern; kept as an object",
        "longer than a pattern of 8192 bytes can hold",
    }
    assert sum(one.count for one in recognised.left_out) == len(objects)


def test_an_indicator_of_stix_2_0_has_a_pattern_of_stix() -> None:
    old = indicator(1)
    del old["pattern_type"], old["spec_version"]
    assert read_objects([old]).findings[0].value == "evil1.com"


def test_observables_tell_what_was_seen_and_not_what_is_bad() -> None:
    address = {"type": "ipv4-addr", "id": stix_id("ipv4-addr", 1), "value": "185.220.101.5"}
    recognised = read_objects([address])
    assert recognised.findings == ()
    assert [one.stix_id for one in recognised.objects] == [address["id"]]
    assert left_out(recognised) == [("ipv4-addr", 1)]


def test_vulnerabilities_and_techniques_are_context() -> None:
    recognised = read_objects(
        [
            build("vulnerability", 1, name="CVE-2021-44228"),
            build("vulnerability", 2, name="a hole", external_references=[
                {"source_name": "cve", "external_id": "CVE-2023-29059"}, 5,
            ]),
            build("attack-pattern", 3, name="x", external_references=[
                {"source_name": "mitre-attack", "external_id": "T1195.002"},
                {"source_name": "capec", "external_id": "CAPEC-437"},
            ]),
            build("attack-pattern", 4, name="y", external_references={}),
        ]
    )  # fmt: skip
    assert [(one.kind, one.value) for one in recognised.context] == [
        (ContextKind.VULNERABILITY, "CVE-2021-44228"),
        (ContextKind.VULNERABILITY, "CVE-2023-29059"),
        (ContextKind.TECHNIQUE, "T1195.002"),
    ]


def test_a_report_tells_title_publisher_and_date() -> None:
    report = build(
        "report", 1, name="On 3CX", published="2026-01-05T00:00:00Z", created_by_ref=CERT,
        object_refs=[stix_id("indicator", 1), 5],
    )  # fmt: skip
    identity = {"type": "identity", "spec_version": "2.1", "id": CERT, "name": "Example CERT"}
    recognised = read_objects([indicator(1), indicator(2), report, identity])
    (publication,) = recognised.publications
    assert (publication.title, publication.publisher) == ("On 3CX", "Example CERT")
    assert publication.date == datetime(2026, 1, 5, tzinfo=UTC)
    assert publication.reference == report["id"]
    assert [one.publication for one in recognised.findings] == [publication, None]


@pytest.mark.parametrize("published", [None, 7, "yesterday", "2026-13-01T00:00:00Z"])
def test_a_report_without_a_date_has_none(published: Any) -> None:
    more = {} if published is None else {"published": published}
    (publication,) = read_objects([build("report", 1, **more)]).publications
    assert (publication.title, publication.publisher, publication.date) == (None, None, None)


@pytest.mark.parametrize(
    ("refs", "tlp", "pap", "undecided"),
    [
        (None, None, None, 0),
        ([TLP.GREEN.marking_id], TLP.GREEN, None, 0),
        ([next(iter(TLP1_MARKING_IDS))], TLP.CLEAR, None, 0),
        ([TLP.AMBER.marking_id, PAP_RED], TLP.AMBER, PAP.RED, 0),
        ([TLP.GREEN.marking_id, TLP.RED.marking_id], TLP.RED, None, 1),
        ([STRANGE], TLP.RED, None, 1),
        ([], TLP.RED, None, 1),
        ("nonsense", TLP.RED, None, 1),
    ],
)
def test_markings_of_an_indicator(
    refs: Any, tlp: TLP | None, pap: PAP | None, undecided: int
) -> None:
    more = {} if refs is None else {"object_marking_refs": refs}
    recognised = read_objects([indicator(1, **more)])
    marking = recognised.findings[0].marking
    assert (marking.tlp, marking.pap, len(marking.undecided)) == (tlp, pap, undecided)
    assert recognised.marking == marking
    assert all(stix_id("indicator", 1) in words for words in marking.undecided)


def test_a_definition_that_lies_about_tlp_is_believed_by_nobody() -> None:
    forged = dict(MARKINGS[TLP.RED]) | {"extensions": MARKINGS[TLP.CLEAR]["extensions"]}
    recognised = read_objects([indicator(1, object_marking_refs=[TLP.RED.marking_id]), forged])
    assert recognised.marking.tlp is TLP.RED
    assert len(recognised.marking.undecided) == 2


def test_the_marking_of_all_is_the_strictest_of_anything() -> None:
    recognised = read_objects(
        [
            indicator(1, object_marking_refs=[TLP.GREEN.marking_id]),
            build("note", 2, content="x", object_marking_refs=[TLP.AMBER_STRICT.marking_id]),
        ]
    )
    assert recognised.findings[0].marking.tlp is TLP.GREEN
    assert recognised.marking.tlp is TLP.AMBER_STRICT


def test_a_signed_bundle_belongs_into_its_ledger() -> None:
    with pytest.raises(InvalidError, match="signed bundle") as refusal:
        read_objects([indicator(1), {"type": "signed-bundle", "id": "x"}])
    assert refusal.value.hint == "Take the file in with `tocsin import FILE`."


def test_each_object_is_kept_once_and_of_two_contents_the_first() -> None:
    first = indicator(1, name="first")
    recognised = read_objects(
        [
            first,
            dict(first),
            indicator(1, name="second"),
            indicator(1, name="later") | {"modified": "2026-03-01T10:00:00.000Z"},
        ]
    )
    assert [one.value["name"] for one in recognised.objects] == ["first", "later"]
    assert left_out(recognised) == [("indicator", 1)]
    assert recognised.left_out[0].reason == (
        "another content under an id and version that stood before it"
    )


def test_what_is_no_object_is_left_out_and_the_rest_is_taken() -> None:
    recognised = read_objects(
        [
            indicator(1),
            {"type": "indicator", "id": "indicator--1"},
            {"type": "malware", "id": stix_id("indicator", 2)},
            indicator(3) | {"created": "yesterday"},
            {"type": 7},
            5,
        ]
    )
    assert len(recognised.objects) == 1
    assert left_out(recognised) == [
        ("indicator", 1), ("malware", 1), ("indicator", 1), ("object", 1), ("object", 1),
    ]  # fmt: skip
    assert recognised.left_out[0].reason == (
        "“id” is missing or no STIX id (type--UUID, lower case)"
    )


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ([], "it is empty"),
        ([5], "a STIX object is a JSON object"),
        ([{"type": "malware", "id": "x"}], "“id” is missing or no STIX id"),
        ([indicator(1, name="x" * 2**20)], "1048865 bytes are more than"),
    ],
)
def test_what_holds_no_object_at_all_is_refused(items: list[Any], reason: str) -> None:
    sentence = f"this looks like STIX, but nothing of it can be taken: {reason}"
    with pytest.raises(InvalidError, match=re.escape(sentence)) as refusal:
        read_objects(items)
    assert refusal.value.hint == "An object has a “type” and an “id” of the form type--UUID."


def test_more_objects_than_are_read_at_once_are_refused() -> None:
    with pytest.raises(TooLargeError, match="10000 objects that are read at once"):
        read_objects([5] * (LIMIT_COUNT + 1))


def test_the_shapes_in_which_objects_come() -> None:
    one, two = indicator(1), indicator(2)
    bundle = {"type": "bundle", "id": "bundle--1", "objects": [one, two]}
    assert find_objects(bundle) == [one, two]
    assert find_objects(one) == [one]
    assert find_objects([one, two]) == [one, two]
    assert find_objects([bundle, bundle]) == [one, two, one, two]
    assert find_objects({"more": False, "objects": [one]}) == [one]
    assert find_objects([one, 5]) == [one, 5]
    assert find_objects({"type": "bundle"}) == []


@pytest.mark.parametrize(
    "document",
    [None, 1, "x", [], {}, [1], {"objects": []}, {"objects": 5}, {"type": "x"}, {"id": "a--b"},
     {"type": "x", "id": "x-1"}, [{"type": "x", "id": 5}]],
)  # fmt: skip
def test_what_is_no_stix(document: Any) -> None:
    assert find_objects(document) is None


@pytest.mark.parametrize("confidence", [-1, 101, True, "70", 7.5])
def test_a_confidence_that_stix_does_not_have_is_none(confidence: Any) -> None:
    assert read_objects([indicator(1, confidence=confidence)]).findings[0].confidence is None
