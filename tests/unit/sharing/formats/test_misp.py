"""MISP events: what is given for detection, its pattern and marking; the rest by count."""

import json
from collections import Counter
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from stix2patterns.validator import run_validator

from policies.errors import InvalidError, TooLargeError
from policies.pap import PAP
from policies.tlp import TLP
from sharing.formats.misp import find_events, read_events
from sharing.formats.misp_types import is_detectable
from sharing.formats.recognised import LIMIT_COUNT, ContextKind, Form, Kind, Recognised

DATA = Path(__file__).parents[3] / "data" / "misp"
SHA256 = "7986bbaee8940da11ce089383521ab420c443ab7b15ed42aed91fd31ce833896"
SHA1 = "3dc840d32ce86cebf657b17cef62814646ba8e98"
MD5 = "d5101c3b86d973a848ab7ed79cd11e5a"
NOT_GIVEN = "not given for detection by its publisher (to_ids is off)"
NO_KIND = "of a type that tells of the attack, or that no pattern is made of here"
OUT_OF_FORM = "not well formed for its type"
UNREADABLE = "no attribute that could be read"
DELETED = "deleted by its publisher"


def attribute(kind: str, value: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "value": value, "to_ids": True, **more}


def event(*attributes: Any, **more: Any) -> dict[str, Any]:
    return {
        "uuid": "8a0f0f0e-3f0f-4b63-9a0e-1f1a3c5d7e90",
        "info": "Something happened",
        "date": "2026-02-01",
        "Orgc": {"name": "Somebody"},
        "Attribute": list(attributes),
        **more,
    }


def thing(*attributes: Any, **more: Any) -> dict[str, Any]:
    return {"name": "file", "uuid": "1", "Attribute": list(attributes), **more}


def tags(*names: str) -> list[dict[str, str]]:
    return [{"name": name} for name in names]


def read(*attributes: Any, **more: Any) -> Recognised:
    return read_events([event(*attributes, **more)])


def left_out(recognised: Recognised) -> list[tuple[str, str, int]]:
    return [(one.what, one.reason, one.count) for one in recognised.left_out]


@pytest.mark.parametrize(
    ("kind", "given", "value", "pattern"),
    [
        ("ip-src", "185.220.101.5", "185.220.101.5", "[ipv4-addr:value = '185.220.101.5']"),
        ("ip-dst", "185.0.0.0/24", "185.0.0.0/24", "[ipv4-addr:value ISSUBSET '185.0.0.0/24']"),
        ("ip-dst", "2A01:4F8::1", "2a01:4f8::1", "[ipv6-addr:value = '2a01:4f8::1']"),
        (
            "ip-dst|port", "185.220.101.5|443", "185.220.101.5:443",
            ("[network-traffic:dst_ref.type = 'ipv4-addr'"
            " AND network-traffic:dst_ref.value = '185.220.101.5'"
            " AND network-traffic:dst_port = 443]"),
        ),
        (
            "ip-src|port", "2a01:4f8::1|53", "[2a01:4f8::1]:53",
            ("[network-traffic:src_ref.type = 'ipv6-addr'"
            " AND network-traffic:src_ref.value = '2a01:4f8::1'"
            " AND network-traffic:src_port = 53]"),
        ),
        (
            "hostname|port", "evil.com|443", "evil.com:443",
            ("[network-traffic:dst_ref.type = 'domain-name'"
            " AND network-traffic:dst_ref.value = 'evil.com'"
            " AND network-traffic:dst_port = 443]"),
        ),
        ("domain", "Evil.COM", "evil.com", "[domain-name:value = 'evil.com']"),
        ("hostname", "a.evil.com.", "a.evil.com", "[domain-name:value = 'a.evil.com']"),
        (
            "domain|ip", "evil.com|185.220.101.5", "evil.com",
            ("[domain-name:value = 'evil.com'"
            " AND domain-name:resolves_to_refs[*].value = '185.220.101.5']"),
        ),
        ("url", "http://evil.com/it's", "http://evil.com/it's",
         r"[url:value = 'http://evil.com/it\'s']"),
        ("url", "evil.com/x", "evil.com/x",
         "[url:value IN ('http://evil.com/x', 'https://evil.com/x')]"),
        ("uri", "http://evil.com/x", "http://evil.com/x", "[url:value = 'http://evil.com/x']"),
        ("uri", "/gate.php", "/gate.php",
         "[network-traffic:extensions.'http-request-ext'.request_value = '/gate.php']"),
        ("md5", MD5.upper(), MD5, f"[file:hashes.'MD5' = '{MD5}']"),
        ("sha1", SHA1, SHA1, f"[file:hashes.'SHA-1' = '{SHA1}']"),
        ("sha256", SHA256, SHA256, f"[file:hashes.'SHA-256' = '{SHA256}']"),
        ("sha512", SHA256 * 2, SHA256 * 2, f"[file:hashes.'SHA-512' = '{SHA256 * 2}']"),
        ("sha3-256", SHA256, SHA256, f"[file:hashes.'SHA3-256' = '{SHA256}']"),
        ("filename", "a.exe", "a.exe", "[file:name = 'a.exe']"),
        ("filename", r"C:\x\a.exe", r"C:\x\a.exe",
         r"[file:name = 'a.exe' AND file:parent_directory_ref.path = 'C:\\x']"),
        ("filename|sha256", f"a|b.exe|{SHA256}", SHA256, f"[file:hashes.'SHA-256' = '{SHA256}']"),
        ("filename|md5", f"b.exe|{MD5}", MD5, f"[file:hashes.'MD5' = '{MD5}']"),
        ("malware-sample", f"b.exe|{MD5}", MD5, f"[file:hashes.'MD5' = '{MD5}']"),
        ("email", "a@evil.com", "a@evil.com", "[email-addr:value = 'a@evil.com']"),
        ("email-src", "a@evil.com", "a@evil.com", "[email-message:from_ref.value = 'a@evil.com']"),
        ("email-dst", "a@evil.com", "a@evil.com",
         "[email-message:to_refs[*].value = 'a@evil.com']"),
        ("email-subject", "Your 'order'", "Your 'order'",
         r"[email-message:subject = 'Your \'order\'']"),
        ("email-attachment", "a.doc", "a.doc",
         "[email-message:body_multipart[*].body_raw_ref.name = 'a.doc']"),
        ("email-message-id", "<1@evil.com>", "<1@evil.com>",
         "[email-message:message_id = '<1@evil.com>']"),
        ("email-reply-to", "a@evil.com", "a@evil.com",
         "[email-message:additional_header_fields.'Reply-To' = 'a@evil.com']"),
        ("email-x-mailer", "X 1.0", "X 1.0",
         "[email-message:additional_header_fields.'X-Mailer' = 'X 1.0']"),
        ("mutex", r"Global\x", r"Global\x", r"[mutex:name = 'Global\\x']"),
        ("regkey", r"HKLM\Software\x", r"HKLM\Software\x",
         r"[windows-registry-key:key = 'HKEY_LOCAL_MACHINE\\Software\\x']"),
        ("regkey|value", r"HKCU\Run|a|b", r"HKCU\Run|a|b",
         (r"[windows-registry-key:key = 'HKEY_CURRENT_USER\\Run'"
         " AND windows-registry-key:values[*].data = 'a|b']")),
        ("user-agent", "Mozilla/4.0 (evil)", "Mozilla/4.0 (evil)",
         ("[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent'"
         " = 'Mozilla/4.0 (evil)']")),
        ("x509-fingerprint-sha1", SHA1, SHA1, f"[x509-certificate:hashes.'SHA-1' = '{SHA1}']"),
        ("x509-fingerprint-md5", ":".join(MD5[i : i + 2] for i in range(0, 32, 2)), MD5,
         f"[x509-certificate:hashes.'MD5' = '{MD5}']"),
        ("mac-address", "00-11-22-33-44-5A", "00:11:22:33:44:5a",
         "[mac-addr:value = '00:11:22:33:44:5a']"),
        ("AS", "13335", "AS13335", "[autonomous-system:number = 13335]"),
        ("AS", "AS13335", "AS13335", "[autonomous-system:number = 13335]"),
        ("btc", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
         "[cryptocurrency-wallet:value = '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa']"),
    ],
)  # fmt: skip
def test_the_pattern_of_each_type(kind: str, given: str, value: str, pattern: str) -> None:
    recognised = read(attribute(kind, f" {given} "))
    (finding,) = recognised.findings
    assert (finding.value, finding.pattern) == (value, pattern)
    assert run_validator(pattern, stix_version="2.1") == []
    assert recognised.left_out == ()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("ip-dst", "18.12.416.0"), ("ip-dst", "185.220.101.05"), ("ip-dst", "evil.com"),
        ("ip-dst|port", "185.220.101.5"), ("ip-dst|port", "185.220.101.5|70000"),
        ("ip-dst|port", "185.0.0.0/24|80"), ("hostname|port", "evil.com|"), ("domain", "evil com"),
        ("domain", "localhost"), ("domain|ip", "evil.com"), ("domain|ip", "evil.com|evil.com"),
        ("url", ""), ("url", "http://a b"), ("url", "http://a\x00"), ("url", "http://\ud800"),
        ("md5", "0"), ("md5", SHA1), ("sha1", "x" * 40), ("filename|md5", MD5 + "|a"),
        ("filename", "a\nb"), ("filename", "x/"), ("email", "evil.com"), ("email-src", " "),
        ("regkey|value", "HKLM"), ("mac-address", "00:11:22:33:44"), ("AS", "0"), ("AS", "x1"),
        ("AS", "4294967296"), ("btc", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"), ("btc", "x"),
        ("x509-fingerprint-sha256", SHA1),
    ],
)  # fmt: skip
def test_what_is_not_well_formed_is_left_out(kind: str, value: str) -> None:
    recognised = read(attribute(kind, value))
    assert recognised.findings == ()
    assert left_out(recognised) == [(kind, OUT_OF_FORM, 1)]


def test_a_value_that_no_pattern_can_hold_is_left_out() -> None:
    recognised = read(attribute("mutex", "x" * 9000))
    assert recognised.findings == ()
    (one,) = recognised.left_out
    assert (one.what, one.count) == (Kind.MUTEX, 1)
    assert one.values == ("x" * 199 + "…",)


def test_what_was_taken_and_what_was_not_add_up_by_type_and_reason() -> None:
    recognised = read(
        attribute("domain", "evil.com"),
        attribute("domain", "honest.com", to_ids=False),
        attribute("domain", "other.com", to_ids=False),
        attribute("domain", "gone.com", deleted=True),
        attribute("domain", "evil com"),
        attribute("yara", "rule x {}"),
        attribute("ssdeep", "3:a:b"),
        attribute("text", "words"),
        {"type": "domain", "value": "unsaid.com"},
        {"type": "domain", "to_ids": True},
        {"type": 1, "value": "x"},
        "nonsense",
        ShadowAttribute=[attribute("domain", "proposed.com")],
        EventReport=[{"content": "words"}, {"content": "more"}],
    )
    assert [one.value for one in recognised.findings] == ["evil.com"]
    assert left_out(recognised) == [
        (
            "ShadowAttribute",
            "proposed by somebody else than the publisher, and not accepted",
            1,
        ),
        ("EventReport", "a report in prose; taken by itself, as text, it is read", 2),
        ("domain", DELETED, 1),
        ("domain", OUT_OF_FORM, 1),
        ("yara", NO_KIND, 1),
        ("ssdeep", NO_KIND, 1),
        ("text", NO_KIND, 1),
        ("domain", UNREADABLE, 1),
        ("attribute", UNREADABLE, 2),
    ]
    given = {(one.what, one.reason): one.values for one in recognised.left_out}
    assert [one.value for one in recognised.observed] == ["honest.com", "other.com", "unsaid.com"]
    assert given["domain", DELETED] == ()


def test_what_a_publisher_gives_for_detection_is_not_judged() -> None:
    recognised = read(attribute("domain", "github.com"), attribute("domain", "evil.example"))
    assert [one.value for one in recognised.findings] == ["github.com", "evil.example"]


def test_a_file_is_one_finding_by_all_its_hashes_under_its_name() -> None:
    recognised = read(
        Object=[
            thing(
                attribute("filename", "a.exe", to_ids=False),
                attribute("md5", MD5),
                attribute("sha256", SHA256, comment="seen twice"),
                attribute("sha1", SHA1, to_ids=False),
                attribute("filename", "b.exe"),
                attribute("url", "http://evil.com/a"),
                comment="A loader.",
                first_seen="2026-01-02T03:04:05+01:00",
            )
        ]
    )
    file, name, url = recognised.findings
    assert (file.kind, file.value, file.name) == (Kind.SHA256, SHA256, "File a.exe")
    assert file.pattern == f"[file:hashes.'SHA-256' = '{SHA256}' OR file:hashes.'MD5' = '{MD5}']"
    assert file.description == "A loader. seen twice"
    assert file.first_seen == datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)
    assert (name.kind, name.value) == (Kind.FILE_NAME, "b.exe")
    assert (url.value, url.description) == ("http://evil.com/a", "A loader.")
    (seen,) = recognised.observed
    assert (seen.name, seen.pattern) == ("File a.exe", f"[file:hashes.'SHA-1' = '{SHA1}']")
    assert left_out(recognised) == []


def test_what_is_not_meant_for_detection_is_kept_apart_and_counts_once() -> None:
    recognised = read(
        attribute("domain", "evil.com"),
        attribute("domain", "evil.com", to_ids=False),
        attribute("domain", "seen.com", to_ids=False, Tag=tags("tlp:red")),
        Object=[thing(attribute("filename", "a.exe"), attribute("md5", MD5, to_ids=False))],
    )
    assert [one.value for one in recognised.findings] == ["evil.com", "a.exe"]
    assert [(one.value, one.marking.tlp) for one in recognised.observed] == [
        ("seen.com", TLP.RED),
        (MD5, None),
    ]
    assert recognised.marking.tlp is TLP.RED


def test_hashes_beside_each_other_in_an_event_are_different_files() -> None:
    recognised = read(
        attribute("md5", MD5), attribute("sha1", SHA1), attribute("filename", "x.exe")
    )
    assert [one.name for one in recognised.findings] == [
        f"File {MD5}",
        f"File {SHA1}",
        "File x.exe",
    ]


def test_a_name_beside_a_hash_names_the_file() -> None:
    recognised = read(attribute("filename|sha1", f"a.exe|{SHA1}"))
    assert [one.name for one in recognised.findings] == ["File a.exe"]
    recognised = read(Object=[thing(attribute("filename|sha1", f"a.exe|{SHA1}"))])
    assert [one.name for one in recognised.findings] == ["File a.exe"]
    recognised = read(Object=[thing(attribute("filename", "a.exe"))])
    assert [one.value for one in recognised.findings] == ["a.exe"]


def test_what_scanners_call_a_file_is_told() -> None:
    recognised = read(
        Object=[
            thing(
                attribute("md5", MD5),
                ObjectReference=[
                    {"relationship_type": "detected-as", "referenced_uuid": "9"},
                    {"relationship_type": "detected-as", "referenced_uuid": "8"},
                    {"relationship_type": "other", "referenced_uuid": "9"},
                    "nonsense",
                ],
            ),
            {
                "name": "av-signature",
                "uuid": "9",
                "Attribute": [
                    {
                        "object_relation": "signature",
                        **attribute("text", "Win32/Evil", to_ids=False),
                    }
                ],
            },
        ]
    )
    assert recognised.findings[0].description == "Detected as Win32/Evil."


def test_a_deleted_object_is_left_out_with_all_its_attributes() -> None:
    recognised = read(Object=[thing(attribute("md5", MD5), deleted=True), 7])
    assert recognised.findings == ()
    assert left_out(recognised) == [("md5", DELETED, 1), ("object", UNREADABLE, 1)]


@pytest.mark.parametrize(
    ("of_event", "of_attribute", "tlp", "pap", "undecided"),
    [
        ([], [], None, None, ()),
        (["tlp:green"], [], TLP.GREEN, None, ()),
        (["tlp:green"], ["tlp:red"], TLP.RED, None, ()),
        (["tlp:amber+strict"], ["tlp:clear"], TLP.AMBER_STRICT, None, ()),
        (["tlp:white", "PAP:GREEN"], ["PAP:RED"], TLP.CLEAR, PAP.RED, ()),
        (["TLP:AMBER", "pap:white"], [], TLP.AMBER, PAP.CLEAR, ()),
        (["tlp:green", "tlp:amber"], [], TLP.AMBER, None, ()),
        (["tlp:green"], ["tlp:ex:chr"], TLP.RED, None, ("tlp:ex:chr",)),
        (["tlp:unclear", "PAP:BLUE"], [], TLP.RED, PAP.RED, ("tlp:unclear", "PAP:BLUE")),
        (["workflow:state=draft", "tlp"], ["atlp:red"], None, None, ()),
    ],
)
def test_the_stricter_marking_of_event_and_attribute_counts(
    of_event: list[str],
    of_attribute: list[str],
    tlp: TLP | None,
    pap: PAP | None,
    undecided: tuple[str, ...],
) -> None:
    recognised = read(attribute("domain", "evil.com", Tag=tags(*of_attribute)), Tag=tags(*of_event))
    (finding,) = recognised.findings
    for marking in (finding.marking, recognised.marking):
        assert (marking.tlp, marking.pap, marking.undecided) == (tlp, pap, undecided)


def test_the_marking_of_one_attribute_is_not_that_of_its_neighbour() -> None:
    recognised = read(
        attribute("domain", "a.com", Tag=tags("tlp:red")),
        attribute("domain", "b.com"),
        Tag=tags("tlp:green"),
    )
    assert [one.marking.tlp for one in recognised.findings] == [TLP.RED, TLP.GREEN]
    assert recognised.marking.tlp is TLP.RED


def test_a_file_has_the_strictest_marking_of_its_hashes() -> None:
    hashes = (attribute("md5", MD5), attribute("sha1", SHA1, Tag=tags("tlp:amber")))
    recognised = read(Object=[thing(*hashes)], Tag=tags("tlp:clear"))
    assert recognised.findings[0].marking.tlp is TLP.AMBER


def test_a_tag_without_a_name_may_have_been_a_marking() -> None:
    recognised = read(attribute("domain", "a.com"), Tag=[{"colour": "#fff"}])
    assert recognised.marking.tlp is TLP.RED
    assert recognised.marking.undecided == ("a tag without a name",)


def test_the_same_thing_twice_is_one_finding_under_the_stricter_marking() -> None:
    recognised = read(
        attribute("domain", "a.com", first_seen="2026-01-02T00:00:00"),
        attribute(
            "hostname", "A.com", comment="again", first_seen="2026-01-01", Tag=tags("tlp:red")
        ),
    )
    (finding,) = recognised.findings
    assert finding.description == "again"
    assert finding.first_seen == datetime(2026, 1, 1, tzinfo=UTC)
    assert finding.marking.tlp is TLP.RED


@pytest.mark.parametrize(
    ("of_event", "of_attribute", "confidence"),
    [
        ([], [], None),
        (['admiralty-scale:information-credibility="1"'], [], 90),
        (['admiralty-scale:information-credibility="5"'], [], 10),
        (['admiralty-scale:information-credibility="6"'], [], None),
        (['estimative-language:likelihood-probability="very-likely"'], [], 85),
        (
            ['admiralty-scale:information-credibility="1"'],
            ['admiralty-scale:information-credibility="4"'],
            30,
        ),
    ],
)
def test_how_sure_a_publisher_is(
    of_event: list[str], of_attribute: list[str], confidence: int | None
) -> None:
    """Source: STIX 2.1, appendix A."""
    recognised = read(attribute("domain", "evil.com", Tag=tags(*of_attribute)), Tag=tags(*of_event))
    assert recognised.findings[0].confidence == confidence


def test_vulnerabilities_and_techniques_are_context() -> None:
    recognised = read(
        attribute("vulnerability", "cve-2021-44228", to_ids=False),
        attribute("vulnerability", "a hole", to_ids=False),
        Tag=tags(
            'misp-galaxy:mitre-attack-pattern="Web Protocols - T1071.001"',
            'misp-galaxy:mitre-attack-pattern="a - b - T1083"',
            'misp-galaxy:threat-actor="T1083"',
        ),
    )
    assert [(one.kind, one.value) for one in recognised.context] == [
        (ContextKind.TECHNIQUE, "T1071.001"),
        (ContextKind.TECHNIQUE, "T1083"),
        (ContextKind.VULNERABILITY, "CVE-2021-44228"),
    ]
    assert left_out(recognised) == [("vulnerability", NOT_GIVEN, 1)]


@pytest.mark.parametrize(
    "seen", ["never", "2026-13-01", "0001-01-01T00:00:00+14:00", "", 5, None, ["x"], "9" * 5000]
)
def test_a_time_that_is_none_is_no_time(seen: Any) -> None:
    recognised = read(attribute("domain", "a.com", first_seen=seen), date=seen)
    assert recognised.findings[0].first_seen is None
    assert recognised.publications[0].date is None


def test_several_events_keep_their_publications_apart() -> None:
    recognised = read_events(
        [event(attribute("domain", "a.com")), event(attribute("domain", "b.com"), info="Other")]
    )
    assert [one.title for one in recognised.publications] == ["Something happened", "Other"]
    first, second = recognised.findings
    assert (first.publication, second.publication) == recognised.publications
    assert recognised.publications[0].publisher == "Somebody"
    assert recognised.publications[0].reference == "8a0f0f0e-3f0f-4b63-9a0e-1f1a3c5d7e90"


def test_more_attributes_than_are_read_at_once_are_refused() -> None:
    most = [attribute("domain", "a.com")] * LIMIT_COUNT
    assert len(read(*most).findings) == 1
    with pytest.raises(TooLargeError, match="10000 attributes that are read at once"):
        read(*most, Object=[thing(attribute("md5", MD5))])


@pytest.mark.parametrize("name", ["response", "list", "event", "bare", "object", "single"])
def test_the_shapes_in_which_events_come(name: str) -> None:
    one = event(attribute("domain", "a.com"))
    shapes: dict[str, Any] = {
        "response": {"response": [{"Event": one}]},
        "list": [{"Event": one}],
        "event": {"Event": one},
        "bare": one,
        "object": {"response": {"Event": one}},
        "single": {"info": "x", "Object": []},
    }
    events = find_events(shapes[name])
    assert events is not None
    assert read_events(events).form is Form.MISP


@pytest.mark.parametrize(
    "document",
    [
        None, 1, "x", [], {}, [1], [{"Event": 1}], {"Event": {"System": {}}}, {"response": 1},
        {"response": {"x": 1}}, {"response": [1]}, {"info": "x"}, {"Attribute": []},
        [{"Event": event()}, {"type": "x"}],
    ],
)  # fmt: skip
def test_what_is_no_misp_document(document: Any) -> None:
    assert find_events(document) is None


def test_an_answer_without_events_is_refused() -> None:
    with pytest.raises(InvalidError, match="holds no event"):
        find_events({"response": []})


def test_attributes_without_their_events_are_refused_as_their_marking_is_unknown() -> None:
    with pytest.raises(InvalidError, match="nobody knows their marking") as refusal:
        find_events({"response": {"Attribute": []}})
    assert refusal.value.hint == "Export the events that they belong to."


def test_what_stands_for_an_event_and_is_none_is_refused() -> None:
    events = find_events({"response": [{"Event": event()}, {"Event": 1}]})
    assert events is not None
    with pytest.raises(InvalidError, match="no MISP event") as refusal:
        read_events(events)
    assert refusal.value.field == "Event[1]"


def test_every_type_that_is_named_is_read() -> None:
    for kind in ("md5", "filename|sha3-512", "x509-fingerprint-sha256", "regkey|value"):
        assert is_detectable(kind)
    for kind in ("imphash", "yara", "comment", "filename|ssdeep", "x509-fingerprint-sha512"):
        assert not is_detectable(kind)


def test_the_published_event_of_the_3cx_attack() -> None:
    path = resources.files("hub.demo").joinpath("data/3cx/event.misp.json")
    events = find_events(json.loads(path.read_text("utf-8")))
    assert events is not None
    recognised = read_events(events)
    assert [one.kind for one in recognised.findings].count(Kind.URL) == 3
    assert [one.kind for one in recognised.findings].count(Kind.SHA256) == 4
    assert len(recognised.findings) == 7
    assert len(recognised.context) == 20
    assert left_out(recognised) == [
        ("text", NOT_GIVEN, 21),
        ("text", NO_KIND, 2),
        ("port", NOT_GIVEN, 2),
    ]
    assert Counter(one.kind for one in recognised.observed) == {Kind.IPV4: 3, Kind.DOMAIN: 2}


def test_a_published_event_that_gives_nothing_for_detection() -> None:
    events = find_events(json.loads((DATA / "gaming.misp.json").read_text("utf-8")))
    assert events is not None
    recognised = read_events(events)
    assert recognised.findings == ()
    assert recognised.publications[0].title == "Asian gaming industry supply-chain attacks"
    assert recognised.publications[0].publisher == "ESET"
    assert recognised.publications[0].date == datetime(2019, 3, 18, tzinfo=UTC)
    assert [one.value for one in recognised.context] == [
        "T1043", "T1079", "T1032", "T1009", "T1195", "T1050", "T1022",
    ]  # fmt: skip
    assert left_out(recognised) == [
        ("text", NOT_GIVEN, 4),
    ]
    assert Counter(one.kind for one in recognised.observed) == {
        Kind.SHA1: 11,
        Kind.URL: 5,
        Kind.DOMAIN: 2,
    }
    assert all(len(one.values) == one.count for one in recognised.left_out)


def test_the_licence_lies_beside_the_data() -> None:
    assert "Redistribution and use" in (DATA / "LICENSE").read_text("utf-8")
    assert "ESET" in (DATA / "NOTICE").read_text("utf-8")
