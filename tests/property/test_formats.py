"""Laws of recognising: it is total, finds what was written however it was, and invents nothing."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from stix2patterns.validator import run_validator

from policies.errors import InvalidError
from policies.tlp import TLP
from sharing.formats.hosts import read_host
from sharing.formats.labels import read_label
from sharing.formats.patterns import pattern_of, read_simple
from sharing.formats.recognise import recognise
from sharing.formats.recognised import ContextKind, Form, Kind, Recognised
from sharing.formats.refang import refang

Thing = tuple[Kind | ContextKind, str]

FRAGMENTS = [
    "evil", ".com", "gopher", "[.]", "(dot)", "hxxp", "http", "://", ":", "/", "//", "\\", "\\.",
    "@", "[at]", "-", "_", "1", "2.3", "10.0.0.1", "185.220.101.5", "/24", ":80", "::", "2a01:4f8",
    "[", "]", "(", ")", "{", "}", "'", '"', "`", ",", ";", " ", "\n", "\t", "…", "...", "%",
    "%TEMP%", "C:\\", "\\\\srv", ".exe", ".zip", ".sh", "/opt/x", "~/", "AS", "ASN ", "13335",
    "CVE-2021-44228", "T1059.001", "bc1q", "version ", "v1.2.3.4", "imphash:", "TLP:", "AMBER",
    "+STRICT", "PAP:RED", "é", "\u200b", "\u0130", "d41d8cd98f00b204e9800998ecf8427e",
    "7986bbaee8940da11ce089383521ab42", "?a=1", "&", "#", "=", "|",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "example.com", "github.com", ".onion", "It",
    "пример.рф", "\x00", "\ud800", "co.uk", "²", "\uff14", "\u0661",
]  # fmt: skip
mixed_text = st.lists(st.sampled_from(FRAGMENTS), max_size=24).map("".join)

NAMES = [
    "Event", "response", "info", "Attribute", "Object", "Tag", "name", "type", "value", "to_ids",
    "deleted", "comment", "first_seen", "date", "uuid", "Orgc", "ObjectReference",
    "relationship_type", "referenced_uuid", "object_relation", "objects", "id", "spec_version",
    "pattern", "pattern_type", "created", "modified", "object_marking_refs", "granular_markings",
    "marking_ref", "selectors", "external_references", "external_id", "confidence",
    "created_by_ref", "published", "object_refs", "revoked", "extensions", "definition",
    "definition_type",
]  # fmt: skip
INDICATOR_ID = "indicator--00000000-0000-4000-8000-000000000001"
WORDS = [
    "bundle", "indicator", "marking-definition", "report", "vulnerability", "ipv4-addr",
    "signed-bundle", INDICATOR_ID, "report--00000000-0000-4000-8000-000000000002",
    TLP.RED.marking_id, "stix", "yara", "[domain-name:value = 'evil.com']", "[", "2.1",
    "2026-02-01T10:00:00.000Z", "2026-02-01", "md5", "domain", "domain|ip", "ip-dst|port", "url",
    "filename", "filename|md5", "regkey|value", "AS", "text", "vulnerability", "evil.com",
    "d41d8cd98f00b204e9800998ecf8427e", "a.exe", "13335", "CVE-2021-44228", "tlp:amber",
    "PAP:RED", "tlp:ex:chr", "av-signature", "signature", "detected-as", "\ud800", "\x00",
    'misp-galaxy:mitre-attack-pattern="x - T1059.001"', "1",
]  # fmt: skip
leaves = (
    st.none() | st.booleans() | st.integers(-1, 2**60) | st.floats() | st.sampled_from(WORDS)
    | st.text(max_size=8)
)  # fmt: skip
documents = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=8)
    ),
    max_leaves=30,
)
attributes = st.fixed_dictionaries(
    {"type": st.sampled_from(WORDS), "value": leaves, "to_ids": st.just("1") | leaves},
    optional=dict.fromkeys(("Tag", "comment", "deleted", "first_seen"), documents),
)
events = st.fixed_dictionaries(
    {"info": leaves, "Attribute": st.lists(attributes | documents, max_size=4)},
    optional={
        "Tag": documents,
        "date": leaves,
        "Orgc": documents,
        "Object": st.lists(
            st.fixed_dictionaries(
                {"Attribute": st.lists(attributes, max_size=4)},
                optional=dict.fromkeys(("name", "uuid", "ObjectReference", "Tag"), documents),
            )
            | documents,
            max_size=3,
        ),
    },
).map(lambda event: {"Event": event})
indicators = st.fixed_dictionaries(
    {"type": st.just("indicator"), "id": st.just(INDICATOR_ID), "pattern": leaves},
    optional=dict.fromkeys(
        (
            "pattern_type", "object_marking_refs", "granular_markings", "created_by_ref", "name",
            "confidence", "revoked", "spec_version",
        ),
        documents,
    ),
)  # fmt: skip
bundles = st.lists(indicators | documents, min_size=1, max_size=5).map(
    lambda objects: {"type": "bundle", "objects": objects}
)


def recognise_or_refuse(data: bytes | str) -> Recognised | None:
    """Recognise; a refusal says what is wrong and where."""
    refusal = None
    try:
        return recognise(data)
    except InvalidError as error:
        refusal = error
    assert refusal.message
    assert refusal.field
    return None


def check(recognised: Recognised) -> None:
    """Check what holds of whatever was recognised."""
    for finding in recognised.findings:
        assert finding.value
        assert finding.name
        assert (
            finding.marking.stricter(recognised.marking)
            == recognised.marking.stricter(finding.marking)
            or len(recognised.marking.undecided) > 1
        )
        if finding.marking.tlp is not None:
            assert recognised.marking.tlp is not None
            assert finding.marking.tlp.rank <= recognised.marking.tlp.rank
        if recognised.form is not Form.STIX:
            assert not list(run_validator(finding.pattern, stix_version="2.1")), finding
    assert len({finding.pattern for finding in recognised.findings}) == len(recognised.findings)
    for one in recognised.left_out:
        assert one.count >= len(one.values)
        assert one.count > 0
        assert one.reason
    if recognised.form is not Form.STIX:
        assert recognised.objects == ()


@settings(max_examples=1000)
@given(st.binary(max_size=200) | st.text(max_size=200) | mixed_text | mixed_text.map(
    lambda text: text.encode("utf-8", "surrogatepass")
))  # fmt: skip
def test_whatever_comes_in_is_recognised_or_refused(data: bytes | str) -> None:
    recognised = recognise_or_refuse(data)
    if recognised is not None:
        check(recognised)


@given(documents | events | bundles | st.lists(events, max_size=2) | st.lists(bundles, max_size=2))
@settings(max_examples=200)
def test_whatever_document_comes_in_is_recognised_or_refused(document: Any) -> None:
    recognised = recognise_or_refuse(json.dumps(document))
    if recognised is not None:
        check(recognised)


def appears_in(kind: Kind, value: str, text: str) -> bool:
    """Tell whether a value stands in a text that was written out."""
    if value.lower() in text.lower():
        return True
    if kind is Kind.AS_NUMBER:
        return value.removeprefix("AS") in text
    if kind is Kind.IPV6 or value.startswith("["):
        address = value.partition("/")[0].strip("[").partition("]")[0]
        words = re.findall(r"[0-9A-Fa-f:.]+", text)
        return any(
            is_address(word.rstrip(part), address) for word in words for part in ("", ".", ":")
        )
    return False


def is_address(word: str, address: str) -> bool:
    try:
        return ipaddress.IPv6Address(word) == ipaddress.IPv6Address(address)
    except ValueError:
        return False


@given(mixed_text)
@settings(max_examples=1000)
def test_nothing_is_found_that_does_not_stand_in_the_text(text: str) -> None:
    if text.lstrip()[:1] in ("[", "{"):
        text = f"x {text}"
    recognised = recognise_or_refuse(text)
    if recognised is not None:
        written_out = refang(text).text
        for finding in recognised.findings:
            assert appears_in(finding.kind, finding.value, written_out), (finding.value, text)
        for one in recognised.context:
            assert one.value.lower() in written_out.lower()


hex_digits = "0123456789abcdef"
labels = st.from_regex(r"[a-z][a-z0-9]{2,9}(-[a-z0-9]{2,5})?", fullmatch=True)
tlds = st.sampled_from(["com", "net", "org", "info", "ru", "top", "co.uk", "xyz", "cn"])


def is_taken(text: str) -> bool:
    host = read_host(text)
    return host is not None and host.reason is None


domains = (
    st.tuples(st.lists(labels, min_size=1, max_size=3).map(".".join), tlds)
    .map(".".join)
    .filter(lambda name: is_taken(name) and name.split(".")[0] not in ("com", "net", "org"))
)
ipv4s = st.ip_addresses(v=4).map(str).filter(is_taken)
ipv6s = st.ip_addresses(v=6, network="2000::/3").map(str).filter(is_taken)
hosts = domains | ipv4s
paths = st.from_regex(r"(/[a-z0-9_]{1,8}){0,3}(\.php)?(\?[a-z]=[a-z0-9]{1,5})?", fullmatch=True)


def digests(kind: Kind, length: int) -> st.SearchStrategy[Thing]:
    texts = st.text(hex_digits, min_size=length, max_size=length)
    return (
        texts.filter(lambda text: not text.isdigit() and not text.isalpha() and len(set(text)) > 1)
        .map(lambda text: (kind, text))
    )  # fmt: skip


def of(kind: Kind | ContextKind, values: st.SearchStrategy[str]) -> st.SearchStrategy[Thing]:
    return values.map(lambda value: (kind, value))


things: st.SearchStrategy[Thing] = st.one_of(
    of(Kind.DOMAIN, domains),
    of(Kind.IPV4, ipv4s),
    of(Kind.IPV6, ipv6s),
    of(Kind.ENDPOINT, st.builds("{}:{}".format, hosts, st.integers(1, 65535))),
    of(Kind.URL, st.builds("{}://{}/{}".format, st.sampled_from(["http", "https"]), hosts, paths)),
    of(Kind.EMAIL, st.builds("{}@{}".format, labels, domains)),
    digests(Kind.MD5, 32),
    digests(Kind.SHA1, 40),
    digests(Kind.SHA256, 64),
    digests(Kind.SHA512, 128),
    of(ContextKind.VULNERABILITY, st.builds("CVE-{}-{}".format, st.integers(1999, 2030),
       st.integers(1000, 9_999_999))),
    of(ContextKind.TECHNIQUE, st.integers(0, 1999).map("T{:04}".format)),
    of(Kind.AS_NUMBER, st.integers(131072, 4_199_999_999).map("AS{}".format)),
    of(Kind.FILE_NAME, st.builds("{}_{}.{}".format, labels, labels,
       st.sampled_from(["exe", "dll", "zip", "pdf.zip", "sh"]))),
    of(Kind.FILE_PATH, st.builds("C:\\{}\\{}.{}".format, labels, labels,
       st.sampled_from(["exe", "dll", "ps1"]))),
    of(Kind.BITCOIN, st.sampled_from(
        ["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"])),
)  # fmt: skip

CAPITALISED = {Kind.DOMAIN, Kind.IPV6, Kind.MD5, Kind.SHA1, Kind.SHA256, Kind.SHA512}
DEFANGABLE = {Kind.DOMAIN, Kind.IPV4, Kind.URL, Kind.EMAIL, Kind.ENDPOINT}
dots = st.sampled_from([".", "[.]", "(.)", "[dot]", "(dot)", "{.}", " [.] ", "\\."])
ats = st.sampled_from(["@", "[at]", "(at)", "[@]", " [at] "])
schemes = st.sampled_from(["http", "hxxp", "hXXp"])
marks = st.sampled_from(["://", "[:]//", "[://]"])
prose: st.SearchStrategy[Callable[[str], str]] = st.sampled_from(
    [
        lambda text: f"The actor used {text} and more. ",
        lambda text: f"- {text}\n",
        lambda text: f"({text})\n",
        lambda text: f'"{text}", ',
        lambda text: f"<{text}> ",
        lambda text: f"it was {text}.\n",
        lambda text: f"| {text} | yes |\n",
        lambda text: f"“{text}” ",
        lambda text: f"Indicator: {text};\n",
        lambda text: f"`{text}`\t",
    ]
)


@st.composite
def written(draw: st.DrawFn) -> tuple[Thing, str]:
    """Give a thing, and the sentence in which somebody wrote it, made harmless or not."""
    kind, value = draw(things)
    text = value
    if kind in DEFANGABLE and draw(st.booleans()):
        scheme, mark, rest = value.rpartition("://")
        host, slash, path = rest.partition("/")
        host = host.replace(".", draw(dots)).replace("@", draw(ats))
        text = f"{host}{slash}{path}"
        if mark:
            text = f"{draw(schemes)}{scheme.removeprefix('http')}{draw(marks)}{text}"
    elif kind in CAPITALISED and draw(st.booleans()):
        text = value.upper()
    return (kind, value), draw(prose)(text)


@given(st.lists(written(), max_size=8))
@settings(max_examples=300)
def test_what_was_written_is_found_in_order_and_nothing_else(
    given_things: list[tuple[Thing, str]],
) -> None:
    recognised = recognise("Report.\n" + "".join(text for _, text in given_things))
    expected = list(dict.fromkeys(thing for thing, _ in given_things))
    found = [(one.kind, one.value) for one in recognised.findings]
    assert found == [(kind, value) for kind, value in expected if isinstance(kind, Kind)]
    context = [(one.kind, one.value) for one in recognised.context]
    assert context == [one for one in expected if isinstance(one[0], ContextKind)]
    assert recognised.left_out == ()


@given(st.text(min_size=1, max_size=60).filter(lambda text: not re.search("[\ud800-\udfff]", text)))
def test_any_value_is_quoted_so_that_it_reads_back(value: str) -> None:
    pattern = pattern_of(Kind.FILE_NAME, value)
    assert not list(run_validator(pattern, stix_version="2.1"))
    assert read_simple(pattern) == (Kind.FILE_NAME, value)


@given(st.text(max_size=40), st.sampled_from(["tlp:", "TLP:", "pap:", "PAP:", ""]))
def test_what_is_written_like_a_label_is_one(name: str, protocol: str) -> None:
    marking = read_label(protocol + name)
    if protocol[:3].lower() == "tlp":
        assert marking.tlp is not None
    elif protocol:
        assert marking.pap is not None
