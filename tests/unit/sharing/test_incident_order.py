"""The order of the events of an incident (IE-10), and what supersedes what among impacts (IE-6)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sharing.incident.order import Arrangement, arrange, arrange_events, check_successions
from sharing.incident.readers import read_event, read_impact, read_incident
from tests.kit.incidents import an_event, an_id, an_impact, an_incident, core


@pytest.mark.parametrize(
    ("refs", "followers", "arranged"),
    [
        ("", {}, Arrangement((), (), ())),
        ("abc", {}, Arrangement(("a", "b", "c"), ("a", "b", "c"), ())),
        ("cab", {"a": "c"}, Arrangement(("a", "c", "b"), ("a", "b"), ())),
        ("abcd", {"a": "bc", "b": "d", "c": "d"}, Arrangement(tuple("abcd"), ("a",), ())),
        ("dcba", {"a": "bc", "b": "d", "c": "d"}, Arrangement(tuple("acbd"), ("a",), ())),
        ("ab", {"a": "xb", "x": "a"}, Arrangement(("a", "b"), ("a",), ())),
        ("aab", {"a": "bb"}, Arrangement(("a", "b"), ("a",), ())),
        ("a", {"a": "a"}, Arrangement(("a",), (), ("a",))),
        ("sabe", {"s": "a", "a": "b", "b": "ae"}, Arrangement(tuple("sabe"), ("s",), ("a", "b"))),
        ("feab", {"a": "b", "b": "ae", "e": "f"}, Arrangement(tuple("abef"), (), ("a", "b"))),
    ],
    ids=[
        "nothing",
        "as listed",
        "listed late",
        "in parallel",
        "listed backwards",
        "who is absent",
        "said twice",
        "after itself",
        "a circle",
        "behind a circle",
    ],
)
def test_nothing_stands_before_what_it_follows(
    refs: str, followers: Mapping[str, str], arranged: Arrangement
) -> None:
    assert arrange(refs, followers) == arranged


def test_a_long_circle_is_walked_once() -> None:
    refs = [str(number) for number in range(5000)]
    followers = {ref: (str((int(ref) + 1) % 5000), *refs[:3]) for ref in refs}
    assert set(arrange(refs, followers).circular) == set(refs)


def test_events_are_arranged_by_what_each_says_and_by_what_the_incident_says() -> None:
    incident = read_incident(
        an_incident(
            core(
                event_refs=[an_id("event", n) for n in (4, 3, 2, 1)],
                events=[
                    {
                        "event_ref": an_id("event", 2),
                        "next_steps": [{"event_ref": an_id("event", 3)}],
                    }
                ],
            )
        )
    )
    first = read_event(an_event(id=an_id("event", 1), next_event_refs=[an_id("event", 2)]))
    third = {
        "event_ref": an_id("event", 3),
        "next_steps": [{"event_ref": an_id("event", 4)}],
    }
    whole = read_event(an_event(id=an_id("event", 9), subevents=[third]))
    arranged = arrange_events(incident, [first, whole])
    assert arranged.refs == tuple(an_id("event", n) for n in (1, 2, 3, 4))
    assert arranged.starts == (an_id("event", 1),)
    assert arranged.circular == ()
    # Without those that are not here, they stand as listed.
    assert arrange_events(incident, []).refs == tuple(an_id("event", n) for n in (4, 2, 3, 1))


def an_impact_on(category: str, number: int, later: int | None) -> dict[str, object]:
    return an_impact(
        id=an_id("impact", number),
        impact_category=category,
        superseded_by_ref=None if later is None else an_id("impact", later),
    )


def successions(*told: tuple[str, int, int | None]) -> dict[str, str]:
    impacts = [read_impact(an_impact_on(*one)) for one in told]
    return {remark.field: remark.message for remark in check_successions(impacts)}


def test_impacts_follow_one_another_within_a_category() -> None:
    assert successions(("external", 1, 2), ("external", 2, 3), ("external", 3, None)) == {}
    # What followed was not shared.
    assert successions(("external", 1, 404)) == {}
    field = f"{an_id('impact', 1)}.superseded_by_ref"
    assert successions(("external", 1, 2), ("physical", 2, None)) == {
        field: "an impact on external is superseded by one on physical"
    }


def test_impacts_do_not_supersede_one_another_in_a_circle() -> None:
    found = successions(
        ("external", 1, 2), ("external", 2, 3), ("external", 3, 2), ("external", 4, None)
    )
    assert set(found) == {f"{an_id('impact', n)}.superseded_by_ref" for n in (2, 3)}
    assert all("circle" in message for message in found.values())
