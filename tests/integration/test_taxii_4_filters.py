"""TAXII 2.1 checklist, T4: date headers, order, filters, pages. Names cite the numbers."""

from __future__ import annotations

import uuid
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from policies.tlp import TLP
from sharing.collections import PAGE_LIMIT, Scope, stamp_text
from sharing.objects import StixObject
from tests.integration.taxii_node import CERT, GRID, NOW, TaxiiNode, envelope, note

FIRST, LAST = "X-TAXII-Date-Added-First", "X-TAXII-Date-Added-Last"


def path(shelf: str, what: str = "objects/") -> str:
    return f"collections/{shelf}/{what}"


def test_t4_01_t4_02_date_headers_tell_the_first_and_last_of_this_answer(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    dates = taxii.add(shelf, *(note(number) for number in range(3)))
    for what in ("objects/", "manifest/"):
        answer = taxii.get(path(shelf, what), limit=2)
        assert answer.headers[FIRST] == stamp_text(dates[0])
        assert answer.headers[LAST] == stamp_text(dates[1])
    one = path(shelf, f"objects/{note(2).stix_id}/")
    for what in (one, one + "versions/"):
        assert taxii.get(what).headers[FIRST] == stamp_text(dates[2])
    empty = taxii.get(path(shelf), added_after=stamp_text(dates[2]))
    assert empty.json() == {}
    assert FIRST not in empty.headers
    assert LAST not in empty.headers


def test_t4_03_everything_is_sorted_by_the_time_it_was_added(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    items = [note(3), note(1, minutes=2), note(2), note(1)]
    taxii.add(shelf, *items)
    served = taxii.objects(shelf, match_version="all")
    assert served == [dict(item.value) for item in items]
    manifest = taxii.get(path(shelf, "manifest/"), **{"match[version]": "all"}).json()["objects"]
    assert [record["id"] for record in manifest] == [item.stix_id for item in items]
    dates = [record["date_added"] for record in manifest]
    assert all(earlier < later for earlier, later in pairwise(dates))
    versions = taxii.get(path(shelf, f"objects/{note(1).stix_id}/versions/")).json()["versions"]
    assert versions == [items[1].version, items[3].version]


def test_t4_04_collections_come_in_one_order(taxii: TaxiiNode) -> None:
    shelves = {taxii.open() for _ in range(5)}
    listed = [item["id"] for item in taxii.get("collections/").json()["collections"]]
    assert listed == sorted(shelves)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=+1",
        "limit=1.5",
        "limit=ten",
        "limit=",
        "limit=9007199254740993",
        "limit=99999999999999999999",
        "limit=1&limit=2",
        "limit=%D9%A1",
        "next=",
        "next=AAAA",
        "next=%00",
        "next=ÿ",
        "added_after=",
        "added_after=yesterday",
        "added_after=2026-11-20",
        "added_after=2026-11-20T10:00:00",
        "added_after=2026-11-20T10:00:00%2B01:00",
        "added_after=2026-11-20T10:00:00.0000000001Z",
        "added_after=2026-02-30T10:00:00Z",
        "added_after=2026-11-20T10:00:00Z&added_after=2026-11-20T10:00:00Z",
        "match[id]=",
        "match[id]=note",
        "match[id]=note--x",
        "match[id]=,",
        "match[type]=",
        "match[type]=note,",
        "match[type]=note&match[type]=tool",
        "match[type]=NOTE",
        "match[version]=",
        "match[version]=newest",
        "match[version]=all,last",
        "match[version]=all,all",
        "match[spec_version]=",
        "match[spec_version]=two",
        "match[spec_version]=2.1,,2.0",
    ],
)
def test_t4_05_t4_23_t4_24_malformed_parameters_are_400(taxii: TaxiiNode, query: str) -> None:
    shelf = taxii.open()
    for what in ("objects/", "manifest/"):
        answer = taxii.ask("GET", f"{path(shelf, what)}?{query}")
        assert answer.status_code == 400, query
        assert answer.json()["http_status"] == "400"


def test_t4_06_added_after_is_strict_and_about_the_time_of_adding(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    first, second = taxii.add(shelf, note(1), note(2))
    assert len(taxii.objects(shelf, added_after=stamp_text(first - 1))) == 2
    assert len(taxii.objects(shelf, added_after=stamp_text(first))) == 1
    assert len(taxii.objects(shelf, added_after=stamp_text(second))) == 0
    finer = stamp_text(first)[:-1] + "999Z"
    assert len(taxii.objects(shelf, added_after=finer)) == 1
    assert len(taxii.objects(shelf, added_after="1950-01-01T00:00:00Z")) == 2
    assert len(taxii.objects(shelf, added_after="9999-12-31T23:59:59Z")) == 0


def test_t1_07_readers_take_none_to_nine_digits(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    for digits in ("", ".1", ".12345", ".123456789"):
        moment = f"2026-11-20T09:00:00{digits}Z"
        assert taxii.get(path(shelf), added_after=moment).status_code == 200


def test_t4_07_t4_08_limit_is_kept_and_more_is_told(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    taxii.add(shelf, *(note(number) for number in range(3)))
    two = taxii.get(path(shelf), limit=2).json()
    assert (len(two["objects"]), two["more"]) == (2, True)
    assert two["next"]
    three = taxii.get(path(shelf), limit=3).json()
    assert set(three) == {"objects"}


def follow(taxii: TaxiiNode, shelf: str, **parameters: Any) -> list[list[str]]:
    """Follow `next` to the end; give the ids of each page."""
    pages: list[list[str]] = []
    while True:
        answer = taxii.get(path(shelf), **parameters)
        assert answer.status_code == 200, answer.text
        document = answer.json()
        pages.append([item["id"] for item in document.get("objects", [])])
        if not document.get("more"):
            return pages
        parameters["next"] = document["next"]


def test_t4_09_t4_10_next_and_added_after_lead_to_the_same_end(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    ids = [note(number).stix_id for number in range(7)]
    taxii.add(shelf, *(note(number) for number in range(7)))
    assert follow(taxii, shelf, limit=3) == [ids[:3], ids[3:6], ids[6:]]
    seen, after = [], "1970-01-01T00:00:00Z"
    while True:
        answer = taxii.get(path(shelf), limit=3, added_after=after)
        seen += [item["id"] for item in answer.json().get("objects", [])]
        if not answer.json().get("more"):
            break
        after = answer.headers[LAST]
    assert seen == ids


def test_t4_12_t4_25_our_own_page_size_caps_what_is_asked_for(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    taxii.add(shelf, *(note(number) for number in range(PAGE_LIMIT + 1)))
    for limit in (PAGE_LIMIT + 1, 2**53 - 1):
        document = taxii.get(path(shelf), limit=limit).json()
        assert len(document["objects"]) == PAGE_LIMIT
        assert document["more"]
    assert len(taxii.get(path(shelf)).json()["objects"]) == PAGE_LIMIT


def test_t4_13_t4_15_t4_16_fields_are_anded_and_their_values_ored(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    url = StixObject.of({"type": "url", "id": f"url--{uuid.UUID(int=1)}", "value": "x"})
    taxii.add(shelf, note(1), note(2), url)
    ids = f"{note(1).stix_id},{url.stix_id}"
    assert len(taxii.objects(shelf, match_id=ids)) == 2
    assert taxii.objects(shelf, match_id=ids, match_type="url") == [dict(url.value)]
    assert len(taxii.objects(shelf, match_type="url,note")) == 3
    assert taxii.objects(shelf, match_type="malware,x-unheard-of") == []
    assert taxii.objects(shelf, match_id=note(9).stix_id) == []


def test_t4_14_t4_21_what_no_table_defines_is_not_looked_at(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    taxii.add(shelf, note(1))
    assert len(taxii.objects(shelf, match_colour="red", colour="")) == 1
    one = path(shelf, f"objects/{note(1).stix_id}/")
    assert len(taxii.get(one, **{"match[type]": "tool"}).json()["objects"]) == 1
    assert taxii.get(one + "versions/", **{"match[version]": "nonsense"}).status_code == 200


def test_t4_17_without_spec_version_only_the_newest_form_of_a_version(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    old, new, other = note(1, spec_version=None), note(1), note(2, spec_version=None)
    taxii.add(shelf, old, new, other)
    assert taxii.objects(shelf) == [dict(new.value), dict(other.value)]
    assert taxii.objects(shelf, match_spec_version="2.0") == [dict(old.value), dict(other.value)]
    assert len(taxii.objects(shelf, match_spec_version="2.0,2.1")) == 3
    assert taxii.objects(shelf, match_spec_version="2.2") == []


def test_t4_18_t4_19_versions_first_last_all_and_exact_without_doubles(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    first, middle, last = note(1), note(1, minutes=1), note(1, minutes=2)
    taxii.add(shelf, middle, last, first)

    def ask(versions: str) -> list[str]:
        return [item["modified"] for item in taxii.objects(shelf, match_version=versions)]

    assert ask("last") == [last.version]
    assert ask("first") == [first.version]
    assert ask("first,last") == [last.version, first.version]
    assert ask("all") == [middle.version, last.version, first.version]
    exact = "2026-11-20T10:01:00Z"
    assert ask(exact) == [middle.version]
    assert ask(f"{exact},2026-11-20T10:01:00.000000000Z") == [middle.version]
    assert ask(f"last,{last.version}") == [last.version]
    assert ask(f"first,{exact}") == [middle.version, first.version]
    assert ask("2026-11-20T10:01:00.000000001Z") == []


def test_t4_20_what_has_no_modified_goes_by_created_and_else_by_a_constant(
    taxii: TaxiiNode,
) -> None:
    shelf = taxii.open()
    url = StixObject.of({"type": "url", "id": f"url--{uuid.UUID(int=1)}", "value": "x"})
    marking = StixObject.of(
        {
            "type": "marking-definition",
            "spec_version": "2.1",
            "id": f"marking-definition--{uuid.UUID(int=1)}",
            "created": "2026-11-20T10:00:00.000Z",
            "definition_type": "statement",
            "definition": {"statement": "x"},
        }
    )
    taxii.add(shelf, url, marking)
    records = taxii.get(path(shelf, "manifest/")).json()["objects"]
    versions = [record["version"] for record in records]
    assert versions == ["1970-01-01T00:00:00.000Z", "2026-11-20T10:00:00.000Z"]
    for version, item in zip(versions, (url, marking), strict=True):
        assert taxii.objects(shelf, match_version=version) == [dict(item.value)]


def test_t4_22_what_may_be_read_is_judged_anew_for_each_page(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    dates = taxii.add(shelf, *(note(number) for number in range(6)))
    page = taxii.get(path(shelf), limit=2).json()
    taxii.change(CERT, shelf, scope=Scope(((0, dates[2]),)))
    rest = taxii.get(path(shelf), limit=2, next=page["next"]).json()
    assert [item["id"] for item in rest["objects"]] == [note(2).stix_id]
    taxii.change(CERT, shelf, can_read=False)
    assert taxii.get(path(shelf), limit=2, next=page["next"]).status_code == 403


def test_t4_24_next_belongs_to_collection_caller_endpoint_and_filters(taxii: TaxiiNode) -> None:
    shelf, other = taxii.open(), taxii.open()
    items = [note(number) for number in range(6)]
    versions = [note(1, minutes=minutes) for minutes in range(1, 4)]
    for name in (shelf, other):
        taxii.add(name, *items, *versions)
    token = taxii.get(path(shelf), limit=2, **{"match[type]": "note"}).json()["next"]
    asked = {"match[type]": "note", "next": token}
    assert taxii.get(path(shelf), limit=3, **asked).status_code == 200
    wrong = [
        taxii.get(path(other), **asked),
        taxii.get(path(shelf), "grid", **asked),
        taxii.get(path(shelf), next=token),
        taxii.get(path(shelf), **asked, **{"match[version]": "all"}),
        taxii.get(path(shelf), **asked, added_after=stamp_text(5)),
        taxii.get(path(shelf, "manifest/"), **asked),
        taxii.get(path(shelf), **(asked | {"next": token[:-2] + "AA"})),
        taxii.get(path(shelf), **(asked | {"next": token * 2})),
    ]
    assert [answer.status_code for answer in wrong] == [400] * len(wrong)
    one = path(shelf, f"objects/{note(1).stix_id}/")
    every = {"match[version]": "all"}
    token = taxii.get(one, limit=1, **every).json()["next"]
    assert taxii.get(one, next=token, **every).status_code == 200
    wrong = [
        taxii.get(path(shelf, f"objects/{note(2).stix_id}/"), next=token, **every),
        taxii.get(path(shelf), next=token, **every),
        taxii.get(one + "versions/", next=token),
    ]
    assert [answer.status_code for answer in wrong] == [400] * len(wrong)


def test_a_late_joiner_gets_what_is_open_and_pages_through_the_gap(taxii: TaxiiNode) -> None:
    shelf = taxii.open(GRID)
    taxii.add(shelf, *(note(number) for number in range(20)), claimed=TLP.AMBER)
    taxii.add(shelf, note(20), claimed=TLP.GREEN)
    taxii.add(shelf, *(note(number) for number in range(21, 40)), claimed=TLP.RED)
    (joined,) = taxii.add(shelf, note(40), claimed=TLP.RED)
    taxii.open(CERT)
    taxii.doors.shelves[CERT, shelf] = taxii.doors.shelves[GRID, shelf]
    taxii.change(CERT, shelf, scope=Scope(((joined, None),)))
    assert follow(taxii, shelf, limit=1) == [[note(20).stix_id], [note(40).stix_id]]
    assert taxii.get(path(shelf, f"objects/{note(1).stix_id}/")).status_code == 404
    assert taxii.get(path(shelf, f"objects/{note(1).stix_id}/versions/")).status_code == 404


def test_types_that_are_hidden_are_served_where_they_are_asked_for(taxii: TaxiiNode) -> None:
    shelf = taxii.open(hide_types=frozenset({"note"}))
    taxii.add(shelf, note(1))
    assert taxii.objects(shelf) == []
    assert len(taxii.objects(shelf, match_type="note")) == 1
    assert taxii.get(path(shelf, f"objects/{note(1).stix_id}/")).status_code == 200


def test_a_page_holds_the_stored_bytes_as_they_are(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    odd = note(1, content="€ \u2028 \U0001f514", x_number=1e21)
    taxii.add(shelf, odd)
    assert taxii.get(path(shelf)).content == b'{"objects":[' + odd.content + b"]}"


def test_dates_go_on_though_our_clock_goes_back(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    taxii.doors.now = NOW + timedelta(days=1)
    taxii.post(shelf, envelope(note(1)))
    last = taxii.get(path(shelf)).headers[LAST]
    taxii.doors.now = NOW
    taxii.post(shelf, envelope(note(2)))
    assert [item["id"] for item in taxii.objects(shelf, added_after=last)] == [note(2).stix_id]
