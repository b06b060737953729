"""Nothing that fewer than three told the coordinator alone can be derived from what others see.

What *derived* means, and why it holds, stands in `policies.discretion`.

Source: domain, 1 (*For the coordinator alone*).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import combinations, pairwise, product
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.assessment import (
    Field,
    InformationImpact,
    Span,
)
from policies.discretion import (
    Memory,
    disclose,
    memory_document,
    own_severity,
    publishable_severity,
    read_memory,
)
from policies.figures import BANDS, Figure, Topic, figures_document, read_figures, topics_of
from policies.inputs import Input, Said
from tests.property.confidences import (
    COUNTED,
    NAMES,
    TOPICS,
    Look,
    asked,
    figures_of,
    inputs,
    published,
    random_looks,
    random_said,
    random_word,
    raw,
    tells,
    with_word,
)

untimed = settings(deadline=None)
chances = st.integers(0, 2**32).map(Random)


# Nothing below so many contributors


@untimed
@given(chances, st.integers(0, 4))
def test_what_fewer_than_five_tell_changes_nothing_that_others_see(
    chance: Random, many: int
) -> None:
    looks = random_looks(chance)
    few = [
        replace(look, alone={name: look.alone[name] for name in NAMES[:many] if name in look.alone})
        for look in looks
    ]
    silent = [replace(look, alone={}) for look in looks]
    assert published(few) == published(silent)
    assert not any(figures_of(few))


# Who said it


@untimed
@given(chances)
def test_who_said_what_changes_nothing(chance: Random) -> None:
    looks = [replace(look, openly={}) for look in random_looks(chance)]
    others = list(NAMES)
    chance.shuffle(others)
    renamed = dict(zip(NAMES, others, strict=True))
    mixed = [
        replace(look, alone={renamed[name]: said for name, said in look.alone.items()})
        for look in looks
    ]
    assert published(mixed) == published(looks)


@untimed
@given(chances)
def test_words_may_change_places_among_those_who_told_them(chance: Random) -> None:
    look = random_looks(chance, length=1)[0]
    moved = dict(look.alone)
    for topic in TOPICS:
        names = [name for name in NAMES if topic in tells(look, name)]
        others = list(names)
        chance.shuffle(others)
        for name, other in zip(names, others, strict=True):
            moved[name] = with_word(moved[name], topic, raw(look.alone[other], topic))
    assert published([replace(look, alone=moved)]) == published([look])


# Differences


def renewals(looks: Sequence[Look]) -> list[tuple[Topic, int, int]]:
    """Give each topic with the look at which a figure began to stand and the one of its next."""
    found = []
    before: Mapping[Topic, Figure] = {}
    for number, figures in enumerate(figures_of(looks)):
        now = {figure.topic: figure for figure in figures}
        assert set(before) <= set(now), "a figure that stood is gone"
        for topic, figure in before.items():
            if now[topic] != figure:
                assert now[topic].as_of == number
                found.append((topic, figure.as_of, number))
        before = now
    return found


@untimed
@given(chances)
def test_a_figure_changes_only_if_three_words_differ_from_when_it_began_to_stand(
    chance: Random,
) -> None:
    looks = random_looks(chance)
    for topic, began, number in renewals(looks):
        was, now = looks[began], looks[number]
        differing = {
            name
            for name in NAMES
            if (raw(was.alone[name], topic) if topic in tells(was, name) else None)
            != (raw(now.alone[name], topic) if topic in tells(now, name) else None)
        }
        assert len(differing) >= 3


@untimed
@given(chances, st.lists(st.sampled_from(NAMES), max_size=2))
def test_what_one_or_two_do_after_a_look_changes_no_figure(
    chance: Random, changing: list[str]
) -> None:
    # Each figure that stands after the first look is made of its words.
    looks = random_looks(chance, length=1)
    stands = set(figures_of(looks)[-1])
    for _ in range(3):
        alone = dict(looks[-1].alone)
        for name in changing:
            alone.pop(name, None)
            if chance.random() < 0.8:
                alone[name] = random_said(chance, TOPICS, chance.random())
        looks.append(replace(looks[-1], alone=alone))
        assert stands <= set(figures_of(looks)[-1])


# Everything remains possible


def explained(looks: Sequence[Look], pair: Sequence[str], chance: Random) -> list[Look]:
    """Let two say something else throughout, and the others what explains what was shown.

    Who tells what alone at which look stays as it was.
    """
    others = []
    for look, figures in zip(looks, figures_of(looks), strict=True):
        stands = {figure.topic: figure for figure in figures}
        alone = dict(look.alone)
        for topic in TOPICS:
            telling = [name for name in NAMES if topic in tells(look, name)]
            explaining = [name for name in telling if name not in pair]
            for name in set(telling) & set(pair):
                word = random_word(chance, topic, chance.random())
                alone[name] = with_word(alone[name], topic, word)
            for number, name in enumerate(explaining):
                figure = stands.get(topic) if number < 3 else None
                alone[name] = with_word(alone[name], topic, least_word(topic, figure))
        others.append(replace(look, alone=alone))
    return others


def least_word(topic: Topic, figure: Figure | None) -> Any:
    """Give the least word in the band of the figure; without one, the least of all."""
    first, last = (0, 0) if figure is None else (figure.first, figure.last)
    if topic == COUNTED:
        return Span(10**first if first else 0, 10**last if last else 0)
    return BANDS[topic.field][first]


@settings(deadline=None, max_examples=300)
@given(chances)
def test_whatever_two_have_said_the_others_can_explain_all_that_was_shown(chance: Random) -> None:
    looks = random_looks(chance)
    others = explained(looks, chance.sample(NAMES, k=2), chance)
    assert figures_of(others) == figures_of(looks)


def test_the_cases_by_chance_show_and_renew_figures_of_every_topic() -> None:
    """Else the laws above would say nothing."""
    shown: Counter[Topic] = Counter()
    renewed: Counter[Topic] = Counter()
    stayed = 0
    for seed in range(250):
        looks = random_looks(Random(seed))
        steps = figures_of(looks)
        shown.update(figure.topic for figure in steps[-1])
        renewed.update(topic for topic, _, _ in renewals(looks))
        stayed += sum(one == other for one, other in pairwise(steps) if one)
    assert set(shown) == set(TOPICS)
    assert set(renewed) == set(TOPICS)
    assert min(renewed.values()) >= 3
    assert stayed > 20


YES_NO: Final = Topic(Field.ESSENTIAL_SERVICE)
LADDER: Final = Topic(Field.INFORMATION_IMPACT)
WORDS: Final[Mapping[Topic, Sequence[Any]]] = {
    YES_NO: [False, True],
    LADDER: [
        InformationImpact.NONE,
        InformationImpact.PROPRIETARY,
        InformationImpact.CRITICAL_DESTROYED,
    ],
    COUNTED: [Span(0, 0), Span(10, 10), Span(100, 100)],
}


@pytest.mark.parametrize(
    ("topic", "telling"),
    [
        (YES_NO, ["abcde", "abcde", "abcde"]),
        (YES_NO, ["abcdef", "abcdef"]),
        (YES_NO, ["abcde", "bcdef", "abcde"]),
        (YES_NO, ["abcde", "bcde", "abcde"]),
        (LADDER, ["abcde", "abcde"]),
        (COUNTED, ["abcdef"]),
    ],
)
def test_of_all_possible_words_those_of_any_two_are_possible_whatever_is_shown(
    topic: Topic, telling: list[str]
) -> None:
    """Every world there is, sorted by what others see of it; none is left out by chance."""
    words = [with_word(Said(), topic, word) for word in WORDS[topic]]
    pairs = list(combinations(sorted(set("".join(telling))), 2))
    seen: dict[Any, dict[Any, set[Any]]] = defaultdict(lambda: defaultdict(set))

    def go_on(number: int, memory: Memory, world: tuple[int, ...], shown: tuple[Any, ...]) -> None:
        if number == len(telling):
            for pair in pairs:
                seen[shown][pair].add(tuple(world[place] for place in places_of(pair, telling)))
            return
        for choice in product(range(len(words)), repeat=len(telling[number])):
            told = [
                Input(name, 1, words[word].assessment)
                for name, word in zip(telling[number], choice, strict=True)
            ]
            after = disclose([], told, memory, position=number)
            go_on(number + 1, after, world + choice, (*shown, after.figures))

    go_on(0, Memory(), (), ())
    assert len(seen) > 1
    for possible in seen.values():
        for pair in pairs:
            assert len(possible[pair]) == len(words) ** len(places_of(pair, telling))


@cache
def _places(pair: tuple[str, ...], telling: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(place for place, name in enumerate("".join(telling)) if name in pair)


def places_of(pair: tuple[str, ...], telling: list[str]) -> tuple[int, ...]:
    return _places(pair, tuple(telling))


# What is open, and what the coordinator knows


@untimed
@given(chances)
def test_what_is_told_alone_beside_an_open_word_changes_nothing(chance: Random) -> None:
    looks = random_looks(chance)
    others = []
    for look in looks:
        alone = dict(look.alone)
        for name in set(look.openly) & set(alone):
            for topic in topics_of(alone[name]) - tells(look, name):
                word = random_word(chance, topic, chance.random())
                alone[name] = with_word(alone[name], topic, word)
        others.append(replace(look, alone=alone))
    assert figures_of(others) == figures_of(looks)


@untimed
@given(chances)
def test_others_never_see_more_than_the_coordinator_knows(chance: Random) -> None:
    look = random_looks(chance, length=1)[0]
    alone = {name: said for name, said in look.alone.items() if name not in look.openly}
    look = replace(look, alone=alone)
    seen = publishable_severity(asked(look), figures_of([look])[-1])
    own = own_severity(asked(look), inputs(alone)).severity
    assert seen.level.rank <= own.level.rank
    assert seen.affected <= own.affected


@untimed
@given(chances)
def test_who_tells_something_alone_is_as_silent_as_who_says_nothing(chance: Random) -> None:
    looks = random_looks(chance)
    for look, (figures, severity) in zip(looks, published(looks), strict=True):
        openly = publishable_severity(asked(look), [])
        assert severity.coverage == openly.coverage
        stated = [
            (change.organisation, change.field, change.stated) for change in openly.would_change
        ]
        assert stated == [
            (change.organisation, change.field, change.stated) for change in severity.would_change
        ]
        named = {ground.organisation for line in severity.lines for ground in line.grounds}
        assert named <= {None, *look.openly}
        assert figures or severity == openly


# Documents


@untimed
@given(chances)
def test_figures_and_memory_are_read_as_they_were_written(chance: Random) -> None:
    memory = Memory()
    for position, look in enumerate(random_looks(chance)):
        memory = disclose(inputs(look.openly), inputs(look.alone), memory, position=position)
        told = json.loads(json.dumps(figures_document(memory.figures)))
        assert read_figures(told) == memory.figures
        assert read_memory(json.loads(json.dumps(memory_document(memory)))) == memory
