"""Pages cut anew: nothing is lost or turned round, and no cursor passes what is still held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.ledgers.stage import Brought
from federation.replicas import pulled
from federation.replicas.pulled import PulledPage, whole_entries
from policies.acts import Act
from policies.errors import UnavailableError
from sharing.objects import StixObject
from tests.kit.ledger_kit import LedgerKit, grid, vendor


def in_ledger_order() -> list[StixObject]:
    kit = LedgerKit.opened(grid(), vendor())
    objects: list[StixObject] = []
    for number in range(4):
        notes = [kit.owner.note(10 * number + place) for place in range(number + 1)]
        judged = kit.write(Act.NOTE_ADDED, {}, notes)
        objects += [*notes, judged.entry.stix]
    return objects


OBJECTS = in_ledger_order()


def pages(objects: Sequence[StixObject], cuts: Sequence[int]) -> list[PulledPage]:
    """Cut objects into pages; a page's cursor is the number of objects up to its end."""
    places = sorted({*cuts, len(objects)})
    given = []
    for start, end in zip([0, *places], places, strict=False):
        more = end < len(objects)
        given.append(PulledPage(Brought(list(objects[start:end]), []), str(end), more))
    return given


@given(
    cuts=st.lists(st.integers(1, len(OBJECTS) - 1), max_size=6),
    at_once=st.sampled_from([1, 3, 100]),
    limit=st.sampled_from([0, 1500, 10**6]),
)
def test_everything_comes_in_order_and_the_cursor_stays_before_what_is_held(
    cuts: list[int], at_once: int, limit: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pulled, "OBJECTS_AT_ONCE", at_once)
        patch.setattr(pulled, "HELD_LIMIT_BYTES", limit)
        taken: list[StixObject] = []
        for page in whole_entries(pages(OBJECTS, cuts)):
            taken += page.brought.objects
            assert int(page.last_added or 0) <= len(taken)
    assert taken == OBJECTS
    assert page.last_added == str(len(OBJECTS))


def test_what_an_entry_covers_comes_with_it_though_the_pages_part_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pulled, "OBJECTS_AT_ONCE", 1)
    given = list(whole_entries(pages(OBJECTS, [1, 4, 7, 10])))
    assert len(given) > 1
    for page in given:
        if page.brought:
            assert "epoch" in page.brought.objects[-1].value


def test_the_cursor_follows_though_every_page_ends_within_an_entry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pulled, "OBJECTS_AT_ONCE", 1)
    cuts = [place for place in range(1, len(OBJECTS)) if "epoch" not in OBJECTS[place - 1].value]
    cursors = [page.last_added for page in whole_entries(pages(OBJECTS, cuts))]
    assert cursors[-2] is not None
    assert cursors == sorted(cursors, key=lambda one: int(one or 0))


def test_small_pages_are_taken_in_together() -> None:
    assert len(list(whole_entries(pages(OBJECTS, [2, 5, 9])))) == 1


def test_what_came_before_a_failure_is_given_first() -> None:
    def breaking() -> Iterator[PulledPage]:
        yield from pages(OBJECTS, [2, 5, 9])[:2]
        raise UnavailableError("the way is cut")

    given = whole_entries(breaking())
    page = next(given)
    assert page.brought.objects == OBJECTS[:5]
    assert page.last_added == "5"
    with pytest.raises(UnavailableError, match="the way is cut"):
        next(given)


def test_what_could_not_be_read_is_given_on_once() -> None:
    first, *others = pages(OBJECTS, [2, 5])
    odd = PulledPage(Brought(first.brought.objects, ["odd"]), first.last_added, more=True)
    given = list(whole_entries([odd, *others]))
    assert [value for page in given for value in page.brought.unreadable] == ["odd"]
