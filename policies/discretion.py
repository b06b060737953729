"""What the others in a case are told of what organisations told the coordinator alone.

**What is told.** Of each topic (a field of the assessment, the response state, one kind of entity
counted) a coarse figure, see `figures`, and nothing else: not how many have told it beyond *five or
more*, not who, not when one of them changed its word, not that who is silent in the open has spoken
here. All else that others see of the joint severity (level, derivation, what would change in it,
coverage) is made of open words and those figures: `publishable_severity` is given nothing more, and
every member can make it again.

**What "can be derived" means.** Take everything that others see or may know: these rules and the
matrix, every open word, who told each topic alone and from when to when, when the coordinator's
node looked, and every figure that ever stood, with its position. Now let any one or two of those
who told it have said whatever else you like, each time. Then there are words of the others by which
every figure would have stood exactly as it did, at every look. So what others are shown in the
whole history of a case speaks neither for nor against any word of fewer than three contributors;
and one contributor that adds its own knowledge learns nothing about any other single one.

**Why it holds.** A figure is made of five words or more, so beside any two there are three others.
Let these three say just the band that stands (of counts: where it begins), and the rest the least.
If the two say more, they are set aside; if they say less, two of the three are, and one still says
it; a sum lies between once and three times the beginning of its band, within the decade. When the
band that stands changes, these three have changed their words, so the figure may be renewed; as
long as it does not, every look finds the same. Topics do not mix.

**Differences.** A figure is renewed only if at least three contributors' words differ, as far as
they enter it, from those of which it was made when it last changed, and from those of which it was
last made. Else it stays, with its position, even if those who told it withdraw. A figure that comes
out the same stays too, with its old position: else others would see that three have spoken.

**Who has stated it openly** counts by its open word alone, whatever it told alone before or after.
So an open word never changes because of one that was told alone, and nobody is counted twice.

**Not protected**: contributors that put their words together (two of them learn something of a
third), or one that later says openly what it had told alone, which lends its word to everybody; a
coordinator that sets a level by hand; that somebody has told a topic alone, where hardly more than
five could have; and what somebody learns who knows from elsewhere which contributors changed their
words at which look, and puts figures together that did not follow each other.

Source: domain, 1 (*For the coordinator alone*); lifecycles, 5 (`assessment.joined`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from policies.assessment import Assessment, Field
from policies.errors import InvalidError
from policies.figures import (
    LEAST,
    PROTECTED,
    SAY_SO,
    Contribution,
    Figure,
    Topic,
    contribution,
    figures_document,
    make_figure,
    read_figures,
    topics_of,
)
from policies.inputs import Input, Said, newest
from policies.matrix import DEFAULT, Matrix
from policies.severity import LEVEL_FIELDS, Floor, Severity, severity_of

FRESH: Final = PROTECTED + 1
"""A figure is renewed only if so many contributors' words differ."""

Told = Mapping[str, Contribution]
"""Organisation → what it contributes to one topic."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the coordinator's node keeps of one figure.

    Args:
        figure: that stands, for everybody.
        changed: of what it was made when it last changed. It never leaves the node.
        made: of what it was last made, whether it came out otherwise or not. Nor does this.
    """

    figure: Figure
    changed: Told = field(repr=False)
    made: Told = field(repr=False)


@dataclass(frozen=True, slots=True)
class Memory:
    """What the coordinator's node keeps; only `figures` is for others.

    It is kept in the transaction that writes the figures into the ledger. A node that has none of
    it (a new coordinator, or one whose backup is older than the ledger) begins anew.
    """

    kept: Mapping[Topic, Kept] = field(default_factory=dict, repr=False)

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The figures that stand, in the order of their topics."""
        return tuple(self.kept[topic].figure for topic in sorted(self.kept))


@dataclass(frozen=True, slots=True)
class OwnSeverity:
    """The severity by everything that the coordinator knows. It never leaves its node.

    It is a type of its own, so that nothing takes it that takes what may be told.
    """

    severity: Severity = field(repr=False)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one topic stands, for the coordinator alone.

    Args:
        told: by how many it was told alone.
        sentence: why others are told nothing of it, or nothing newer.
    """

    topic: Topic
    told: int
    sentence: str


def disclose(
    openly: Iterable[Input], alone: Iterable[Input], memory: Memory, *, position: int
) -> Memory:
    """Give the figures that others may be told now, with what is to be kept for the next time.

    Where the figures are those of before, there is nothing to be told, and nothing is written: an
    entry that says nothing new would say that somebody has spoken.

    Args:
        openly: what organisations stated in the case.
        alone: what organisations told the coordinator alone.
        memory: of the last time; an empty one at the beginning.
        position: the head of the case's ledger.
    """
    told = _told(newest(openly), newest(alone))
    kept = dict(memory.kept)
    for topic, words in told.items():
        after = _renewed(topic, words, kept.get(topic), position)
        if after is not None:
            kept[topic] = after
    return Memory(kept)


def publishable_severity(
    openly: Iterable[Input], figures: Iterable[Figure], matrix: Matrix = DEFAULT
) -> Severity:
    """Find the joint severity that others may see, by what they see.

    Args:
        openly: what organisations stated in the case; an organisation that was asked and stated
            nothing there is silent, whatever it told alone.
        figures: that stand.
        matrix: of the charter.
    """
    return severity_of(newest(openly), matrix, floors=_floors(figures))


def own_severity(
    openly: Iterable[Input], alone: Iterable[Input], matrix: Matrix = DEFAULT
) -> OwnSeverity:
    """Find the joint severity by everything that the coordinator knows.

    Of each field an organisation's newest word counts, be it open or told alone.

    Args:
        openly: what organisations stated in the case.
        alone: what they told the coordinator alone; the orders go on from one to the other.
        matrix: of the charter.
    """
    open_said, alone_said = newest(openly), newest(alone)
    names = sorted({*open_said, *alone_said})
    both = {
        name: _merged(open_said.get(name, Said()), alone_said.get(name, Said())) for name in names
    }
    return OwnSeverity(severity_of(both, matrix))


def standings(
    openly: Iterable[Input], alone: Iterable[Input], memory: Memory
) -> tuple[Standing, ...]:
    """Tell the coordinator of each topic that was told alone where it stands, and why."""
    told = _told(newest(openly), newest(alone))
    topics = sorted({*told, *memory.kept})
    return tuple(
        Standing(topic, len(told.get(topic, {})), _sentence(topic, told.get(topic, {}), memory))
        for topic in topics
    )


def memory_document(memory: Memory) -> list[dict[str, Any]]:
    """Give what the coordinator's node keeps as a JSON list. It never leaves the node."""
    documents = figures_document(memory.figures)
    kept = [memory.kept[figure.topic] for figure in memory.figures]
    return [
        {"figure": document, "changed": _words(one.changed), "made": _words(one.made)}
        for document, one in zip(documents, kept, strict=True)
    ]


def read_memory(document: Any, *, at: str = "memory") -> Memory:
    """Read what the coordinator's node has kept.

    Raises:
        InvalidError: it has another form.
    """
    if not isinstance(document, list):
        raise InvalidError("this is no list", field=at)
    kept: dict[Topic, Kept] = {}
    for number, item in enumerate(document):
        here = f"{at}[{number}]"
        if not isinstance(item, Mapping):
            raise InvalidError("this is no object", field=here)
        figure = read_figures([item.get("figure")], at=f"{here}.figure")[0]
        changed, made = (
            _read_words(item.get(name), f"{here}.{name}") for name in ("changed", "made")
        )
        kept[figure.topic] = Kept(figure, changed, made)
    return Memory(kept)


def _told(
    openly: Mapping[str, Said], alone: Mapping[str, Said]
) -> dict[Topic, dict[str, Contribution]]:
    """Give what counts as told alone: topic → organisation → what it contributes."""
    told: dict[Topic, dict[str, Contribution]] = {}
    for organisation, said in alone.items():
        stated = openly.get(organisation, Said())
        for topic in topics_of(said):
            word = contribution(topic, said)
            if word is not None and not _stated(topic, stated):
                told.setdefault(topic, {})[organisation] = word
    return told


def _stated(topic: Topic, openly: Said) -> bool:
    if topic.field is Field.COUNTS:
        return topic.kind in openly.assessment.counts
    return openly.states(topic.field)


def _renewed(topic: Topic, told: Told, kept: Kept | None, position: int) -> Kept | None:
    """Give what is kept after a look; the same where the figure may not be renewed."""
    # 1. Enough have told it.
    if len(told) < LEAST:
        return kept
    # 2. Enough of them differ from what the figure was made of.
    if kept is not None and _fewest_differing(told, kept) < FRESH:
        return kept
    # 3. What comes out the same stays as it was told.
    figure = make_figure(topic, told.values(), as_of=position)
    if kept is not None and (figure.first, figure.last) == (kept.figure.first, kept.figure.last):
        return replace(kept, made=told)
    return Kept(figure, told, told)


def _fewest_differing(told: Told, kept: Kept) -> int:
    return min(_differing(told, kept.changed), _differing(told, kept.made))


def _differing(one: Told, other: Told) -> int:
    return sum(one.get(name) != other.get(name) for name in {*one, *other})


def _floors(figures: Iterable[Figure]) -> Iterable[Floor]:
    for figure in figures:
        if figure.topic.field in LEVEL_FIELDS and figure.first and figure.word is not None:
            yield Floor(figure.topic.field, figure.word, SAY_SO)


def _merged(openly: Said, alone: Said) -> Said:
    """Give of each field the newest word; of two of one order, the one told alone."""
    later = _order(alone.assessed) >= _order(openly.assessed)
    older, newer = (openly, alone) if later else (alone, openly)
    stated = {
        name.value: getattr((newer if newer.states(name) else older).assessment, name)
        for name in Field
        if name not in (Field.RESPONSE, Field.COUNTS)
    }
    counts = {**older.assessment.counts, **newer.assessment.counts}
    answers_alone = _order(alone.responded) >= _order(openly.responded)
    first, second = (alone, openly) if answers_alone else (openly, alone)
    response = second.response if first.response is None else first.response
    return Said(Assessment(**stated, counts=counts), response)


def _order(order: int | None) -> int:
    return -1 if order is None else order


def _sentence(topic: Topic, told: Told, memory: Memory) -> str:
    kept = memory.kept.get(topic)
    have = f"{len(told)} {'has' if len(told) == 1 else 'have'} told it alone"
    if kept is None:
        return f"{have}; others are told nothing of it before {LEAST} have."
    stands = f"Others are told how it was at entry {kept.figure.as_of}"
    if len(told) < LEAST:
        return f"{stands}; {have}, and it is renewed when {LEAST} have."
    differing = _fewest_differing(told, kept)
    if not differing:
        return f"{stands}."
    return f"{stands}; it is renewed when {FRESH} words differ, and {differing} do now."


def _words(told: Told) -> dict[str, list[int]]:
    return {organisation: list(told[organisation]) for organisation in sorted(told)}


def _read_words(value: Any, at: str) -> dict[str, Contribution]:
    if not isinstance(value, Mapping):
        raise InvalidError("this is no object", field=at)
    words = {}
    for organisation, ends in value.items():
        match ends:
            case [int(low), int(high)]:
                words[str(organisation)] = (low, high)
            case _:
                raise InvalidError("this is no pair of numbers", field=at)
    return words
