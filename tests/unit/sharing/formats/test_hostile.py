"""Text that almost matches, by the megabyte: what it costs grows as its length does, and no faster.

Compared are CPU times of one process at two lengths. Eight times the text may take twelve times as
long, which leaves room for noise; what is searched again from each place would take up to 64 times
as long.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from policies.errors import InvalidError
from sharing.formats.misp import read_events
from sharing.formats.recognise import recognise
from sharing.formats.recognised import TEXT_LIMIT_BYTES
from sharing.formats.refang import refang
from sharing.formats.stix_objects import read_objects

SHORT, LONG = 32 * 1024, 256 * 1024
MOST_GROWTH = 12
ATTEMPTS = 4

NEAR_MATCHES = [
    "a", "a.", "a-", "a@", "a.b@c.", "1.1.", "1.2.3.4:", "8.8.8.8/", "0123456789abcdef", "::",
    "a:b:", "::1 ", "[0", "[0000:", "http://", "http:", "://", "(http://", "http://[",
    "http://a)", "http://a.com,", "'http://a'", "http://a…", "a.com/?)", "a.com/?", "a.b.com/",
    "C:\\a\\", '"C:\\', '"C:\\a b', "\\\\", "\\\\a\\", "%a", "%a%\\", "/a", "/opt/a", "~/", "[.]",
    " [.] ", "(", "[", "h*", "h**p", "hxxp", "h(tt)p", "fxp", "\\.", "a\\.", "a\\b\\.", "TLP:",
    "TLP:A", "TLP ", "CVE-", "CVE-2021-", "T1000.", "bc1", "bc1q", "1A1z", "AS1", "ASN 1 ",
    "version 1.2.3.4 ", ".\n", ".", "_", "xn--.", "é.", "\u200b", "\u0130.com/?a ", "-",
    "a_b.zip ", '{"', '"to_ids" ', '{"a":', "[[", "[1,",
]  # fmt: skip


def cpu_seconds(run: Callable[[], object]) -> float:
    begun = time.process_time()
    run()
    return time.process_time() - begun


def grows_like_its_length(run: Callable[[int], object]) -> bool:
    """Tell whether a longer run costs in proportion; noise only ever makes one look dearer."""
    short = long = float("inf")
    for _ in range(ATTEMPTS):
        short = min(short, cpu_seconds(lambda: run(SHORT)))
        long = min(long, cpu_seconds(lambda: run(LONG)))
        if long < MOST_GROWTH * short:
            return True
    return False


def repeated(unit: str, length: int) -> str:
    return (unit * (length // len(unit) + 1))[:length]


def test_the_measure_sees_what_is_searched_again_from_each_place() -> None:
    def searched_again(length: int) -> None:
        text = "a" * (length // 64)
        for place in range(len(text)):
            text.count("b", place)

    assert not grows_like_its_length(searched_again)


@pytest.mark.parametrize("unit", NEAR_MATCHES)
def test_text_of_near_matches_costs_what_its_length_costs(unit: str) -> None:
    def run(length: int) -> None:
        with suppress(InvalidError):
            recognise(repeated(unit, length))

    assert grows_like_its_length(run)


def test_as_much_text_as_is_searched_at_once_of_all_kinds_of_near_matches() -> None:
    share = TEXT_LIMIT_BYTES * 9 // 10 // len(NEAR_MATCHES)
    text = " ".join(repeated(unit, share) for unit in NEAR_MATCHES)
    assert len(text.encode()) > TEXT_LIMIT_BYTES * 9 // 10
    refanged = refang(text).text.lower()
    found = recognise(text).findings
    assert found
    for finding in found:
        assert finding.value.removeprefix("AS").lower() in refanged


@pytest.mark.parametrize(
    "labels", ["TLP:A{} ", "PAP:B{} ", "x{}.example.com ", "10.0.{}.1 ", "evil[.]q{}q "]
)
def test_different_ones_of_one_kind_cost_what_their_number_costs(labels: str) -> None:
    def run(length: int) -> None:
        recognise("".join(labels.format(number) for number in range(length // 16)))

    assert grows_like_its_length(run)


def many(count: int) -> range:
    return range(count // 64)


@pytest.mark.parametrize(
    "build",
    [
        lambda count: {"info": "x", "Tag": [{"name": f"tlp:{n}"} for n in many(count)]},
        lambda count: {"info": "x", "Tag": [5 for _ in many(count)]},
        lambda count: {
            "info": "x",
            "Tag": [{"name": 'misp-galaxy:mitre-a="' + " - T" * count}],
        },
        lambda count: {
            "info": "x",
            "Object": [
                {"name": "av-signature", "uuid": str(n), "Attribute": [
                    {"object_relation": "signature", "value": "x"}]}
                for n in many(count)
            ] + [
                {
                    "ObjectReference": [
                        {"relationship_type": "detected-as", "referenced_uuid": str(n)}
                        for n in many(count)
                    ],
                    "Attribute": [
                        {"type": "domain", "to_ids": True, "value": f"e{n}.com"}
                        for n in many(count)
                    ],
                }
            ],
        },
        lambda count: {
            "info": "x",
            "Object": [{"Attribute": [
                {"type": "md5", "to_ids": True, "value": f"{n:032x}", "comment": str(n)}
                for n in many(count // 8)
            ]}],
        },
        lambda count: {"info": "x", "Attribute": [
            {"type": f"t{n}", "to_ids": True, "value": "\ud800" * 50} for n in many(count)
        ]},
    ],
)  # fmt: skip
def test_events_cost_what_their_size_costs(build: Callable[[int], Any]) -> None:
    built = {size: build(size) for size in (SHORT, LONG)}
    assert grows_like_its_length(lambda size: read_events([built[size]]))


def stix_id(stix_type: str, number: int) -> str:
    return f"{stix_type}--00000000-0000-4000-8000-{number:012d}"


@pytest.mark.parametrize(
    "build",
    [
        lambda n: {
            "type": "indicator", "id": stix_id("indicator", n),
            "pattern": f"[domain-name:value = '{n}'", "created_by_ref": stix_id("identity", n),
            "object_marking_refs": [stix_id("marking-definition", n)],
        },
        lambda n: {"type": "identity", "id": stix_id("identity", n), "name": str(n)},
        lambda n: {
            "type": "indicator", "id": stix_id("indicator", n),
            "pattern": "[" + "domain-name:value = 'a' OR " * 200,
        },
        lambda n: {
            "type": "indicator", "id": stix_id("indicator", n),
            "pattern": "[domain-name:value = '" + "\\" * 5000 + "]",
        },
        lambda n: {
            "type": "report", "id": stix_id("report", n), "object_refs": [stix_id("indicator", n)],
        },
        lambda n: {"type": f"t{n}", "id": n},
    ],
)  # fmt: skip
def test_bundles_cost_what_their_size_costs(build: Callable[[int], Any]) -> None:
    anything = {"type": "x-any", "id": stix_id("x-any", 0)}
    built = {size: [anything, *(build(n) for n in many(size))] for size in (SHORT, LONG)}
    assert grows_like_its_length(lambda size: read_objects(built[size]))


def test_one_pattern_as_large_as_an_object_may_be_is_passed_over() -> None:
    pattern = "[file:name = '" + "\\\\" * 200_000 + "']"
    indicator = {"type": "indicator", "id": stix_id("indicator", 1), "pattern": pattern}
    recognised = recognise(json.dumps([indicator]))
    assert recognised.findings == ()
    assert len(recognised.objects) == 1
