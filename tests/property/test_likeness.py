"""What two name to look for: laws of the rule. Source: domain, 2 (*Detect and report*)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from policies.likeness import Likeness, Thing, likeness

HOSTS = st.sampled_from(["a.example", "b.example", "c.example"])
HASHES = st.sampled_from("123").map(Thing)
PLACES = st.builds(lambda host, path: Thing(f"{host}/{path}", host), HOSTS, st.sampled_from("xyz"))
BARE = HOSTS.map(lambda host: Thing(host, host, is_host=True))
NAMED = st.frozensets(st.one_of(HASHES, PLACES, BARE), max_size=8)


@given(NAMED, NAMED)
def test_neither_comes_first(ours: frozenset[Thing], theirs: frozenset[Thing]) -> None:
    assert likeness(ours, theirs) == likeness(theirs, ours)


@given(NAMED)
def test_whoever_names_something_is_like_itself(ours: frozenset[Thing]) -> None:
    assert bool(likeness(ours, ours)) is bool(ours)
    assert (likeness(ours, ours).same > 0) is bool(ours)


@given(NAMED, NAMED)
def test_a_place_and_its_host_are_one_thing(
    ours: frozenset[Thing], theirs: frozenset[Thing]
) -> None:
    hosts = [
        frozenset(
            Thing(one.host, one.host, is_host=True)
            for one in side
            if one.host is not None and not one.is_host
        )
        for side in (ours, theirs)
    ]
    places = [{one for one in side if not one.is_host} for side in (ours, theirs)]
    before = likeness(*places)
    after = likeness(places[0] | hosts[0], places[1] | hosts[1])
    assert after == before


@given(HOSTS, st.sampled_from("xy"), st.sampled_from("vw"))
def test_two_places_on_one_host_are_the_same_host_and_no_more(host: str, x: str, v: str) -> None:
    bare = Thing(host, host, is_host=True)
    one, other = Thing(f"{host}/{x}", host), Thing(f"{host}/{v}", host)
    for ours in ({one}, {one, bare}):
        for theirs in ({other}, {other, bare}, {bare}):
            assert likeness(ours, theirs) == Likeness(0, 1)
    assert likeness({bare}, {bare}) == Likeness(1, 0)
    assert likeness({one, bare}, {one, bare}) == Likeness(1, 0)


@given(NAMED, NAMED)
def test_what_has_nothing_in_common_is_not_alike(
    ours: frozenset[Thing], theirs: frozenset[Thing]
) -> None:
    names = [
        {name for one in side for name in (one.key, one.host) if name is not None}
        for side in (ours, theirs)
    ]
    assert bool(likeness(ours, theirs)) is bool(names[0] & names[1])
