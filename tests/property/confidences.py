"""Cases in which some speak openly and some to the coordinator alone, look by look, by chance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

from policies.assessment import LADDERS, Assessment, Field, ResponseState, Span
from policies.discretion import Memory, disclose, publishable_severity
from policies.figures import BANDS, Figure, Topic, topics_of
from policies.inputs import Input, Said, rank
from policies.severity import Severity

NAMES: Final = [f"identity--{n}" for n in range(8)]
KIND: Final = "computers-server"
COUNTED: Final = Topic(Field.COUNTS, KIND)
TOPICS: Final = [*(Topic(field) for field in BANDS), COUNTED]


@dataclass(frozen=True)
class Look:
    """What everybody has said when the coordinator's node looks."""

    openly: Mapping[str, Said]
    alone: Mapping[str, Said]


def inputs(said: Mapping[str, Said]) -> list[Input]:
    return [Input(name, 1, words.assessment, words.response) for name, words in said.items()]


def figures_of(looks: Sequence[Look]) -> list[tuple[Figure, ...]]:
    """Give the figures that stand after each look."""
    memory = Memory()
    steps = []
    for position, look in enumerate(looks):
        memory = disclose(inputs(look.openly), inputs(look.alone), memory, position=position)
        steps.append(memory.figures)
    return steps


def published(looks: Sequence[Look]) -> list[tuple[tuple[Figure, ...], Severity]]:
    """Give all that others are shown after each look."""
    return [
        (figures, publishable_severity(asked(look), figures))
        for look, figures in zip(looks, figures_of(looks), strict=True)
    ]


def asked(look: Look) -> list[Input]:
    """Give the open words, and everybody who was asked."""
    return [*inputs(look.openly), *(Input(name) for name in NAMES)]


def random_word(chance: Random, topic: Topic, gravity: float) -> Any:
    """Give a word of the topic; the higher the gravity, the more likely a grave one."""
    grave = chance.random() < gravity
    if topic == COUNTED:
        low = chance.choice([0, 3, 40, 99, 100, 7_000]) if grave else chance.randrange(12)
        return Span(low, low + chance.choice([0, 0, 5, 90, 5_000]))
    if topic.field is Field.RESPONSE:
        return chance.choice([state for state in ResponseState if bool(state.affected) is grave])
    words = [False, True] if topic.field not in LADDERS else list(LADDERS[topic.field])
    border = rank(BANDS[topic.field][1])
    return chance.choice([word for word in words if (rank(word) >= border) is grave])


def with_word(said: Said, topic: Topic, word: Any) -> Said:
    if topic == COUNTED:
        return replace(said, assessment=replace(said.assessment, counts={KIND: word}))
    return said.with_word(topic.field, word)


def random_said(chance: Random, topics: Iterable[Topic], gravity: float) -> Said:
    said = Said(Assessment(confidence=chance.randrange(101)))
    for topic in topics:
        said = with_word(said, topic, random_word(chance, topic, gravity))
    return said


def random_looks(chance: Random, *, names: Sequence[str] = NAMES, length: int = 6) -> list[Look]:
    """Give a case: most of them tell the coordinator alone, some speak openly now and then."""
    topics = chance.sample(TOPICS, k=chance.randrange(2, 5))
    openly: dict[str, Said] = {}
    alone: dict[str, Said] = {}
    looks = []
    for _ in range(chance.randrange(1, length + 1)):
        gravity = chance.choice([0.1, 0.5, 0.9])
        restless = chance.choice([0.1, 0.5, 0.9])
        for name in names:
            if chance.random() < restless:
                stated = [topic for topic in topics if chance.random() < 0.9]
                alone[name] = random_said(chance, stated, gravity)
            if chance.random() < 0.05:
                alone.pop(name, None)
            if chance.random() < 0.08:
                openly[name] = random_said(chance, chance.sample(topics, k=1), gravity)
            if chance.random() < 0.3:
                openly.pop(name, None)
        looks.append(Look(dict(openly), dict(alone)))
    return looks


def tells(look: Look, name: str) -> frozenset[Topic]:
    """Give the topics that an organisation tells alone: those that it does not state openly."""
    stated = look.openly.get(name, Said())
    openly = topics_of(stated) - (
        frozenset() if stated.states(Field.RESPONSE) else {Topic(Field.RESPONSE)}
    )
    return topics_of(look.alone.get(name, Said())) - openly


def raw(said: Said, topic: Topic) -> Any:
    """Give the whole word, not only what of it enters a figure."""
    if topic == COUNTED:
        return said.assessment.counts.get(KIND)
    return said.response if topic.field is Field.RESPONSE else said.word(topic.field)
