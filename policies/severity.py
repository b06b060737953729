"""The joint severity: one level from what each organisation states, line by line.

Of each field the worst word of any organisation is taken, those that are affected are counted, and
the matrix gives the level. So a worse word never lowers it, the order of words changes nothing, and
what nobody states is as if nobody had been asked: it neither raises nor lowers, and shows in the
coverage alone.

Source: domain, 2 (assess and decide) and 5; lifecycles, 5.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import Final

from policies.assessment import Field
from policies.errors import InvalidError
from policies.inputs import CHOICES, Input, Said, Value, makes_affected, newest, rank
from policies.matrix import DEFAULT, Level, Matrix
from policies.picture import (
    FIELDS,
    Picture,
    Rule,
    crisis_advised,
    joined,
    levels_of,
    picture_of,
    sentence,
)

LEVEL_FIELDS: Final = (
    Field.FUNCTIONAL_IMPACT,
    Field.INFORMATION_IMPACT,
    Field.RECOVERABILITY,
    Field.RESPONSE,
    Field.ESSENTIAL_SERVICE,
    Field.DANGER,
    Field.STILL_SPREADING,
)
"""The fields that make the level. Confidence, counts and personal data are shown beside it."""

_Alternative = tuple[Field, Value | None, Value | None, Picture]
_Stands = tuple[Value | None, ...]
"""An organisation's words in `LEVEL_FIELDS`, in their order."""
_Other = tuple[Field, Value | None, Value | None, Level]
"""A field, what is stated in it, what might be, and the level then."""


@dataclass(frozen=True, slots=True)
class Floor:
    """What may be told of several organisations that are not named: so many state at least this.

    Args:
        field: one of `LEVEL_FIELDS`.
    """

    field: Field
    word: Value
    organisations: int


@dataclass(frozen=True, slots=True)
class Ground:
    """A word that a line stands on; without an organisation it is a floor's."""

    organisation: str | None
    field: Field
    word: Value


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the derivation: what a rule made of which words.

    Args:
        grounds: the words that decide it, by organisation; none where nothing was stated.
        sentence: says the same in plain words, without naming anybody.
    """

    rule: Rule
    grounds: tuple[Ground, ...]
    before: Level
    after: Level
    sentence: str


@dataclass(frozen=True, slots=True)
class Change:
    """What the level would be if one organisation stated another word in one field.

    Args:
        stated: its word now; `None` is *not stated*, here and in `word`.
    """

    organisation: str
    field: Field
    stated: Value | None
    word: Value | None
    level: Level


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of those that were asked have stated a field."""

    stated: int
    asked: int


@dataclass(frozen=True, slots=True)
class _Basis:
    """What it goes by: each organisation's words in `LEVEL_FIELDS`, and who is not named."""

    stands: Mapping[str, _Stands]
    unnamed: Picture
    matrix: Matrix


@dataclass(frozen=True)
class Severity:
    """The joint severity, and how it came about.

    Args:
        lines: one for each rule; each begins where the last one ended, the first at negligible.
        affected: how many organisations are affected, as far as is stated.
        crisis_advised: confirmed danger still spreads, and no level was left to rise to. There is
            none above critical; a crisis should be declared instead.
    """

    level: Level
    lines: tuple[Line, ...]
    coverage: Mapping[Field, Coverage]
    affected: int
    crisis_advised: bool
    basis: _Basis = dataclasses.field(repr=False)

    @cached_property
    def would_change(self) -> tuple[Change, ...]:
        """Each other word that an organisation might state in a field that counts.

        It is found when somebody asks: of fifty organisations that is more than all the rest.
        """
        return tuple(_changes(self.basis))


@dataclass(frozen=True, slots=True)
class Overridden:
    """A level that a person set, and beside it the one that was derived."""

    level: Level
    reason: str
    derived: Severity


def joint_severity(
    inputs: Iterable[Input], matrix: Matrix = DEFAULT, *, floors: Iterable[Floor] = ()
) -> Severity:
    """Find the joint severity.

    Args:
        inputs: words in any order; an organisation that was asked and is silent has one without
            content. The newest of each organisation count.
        matrix: of the charter.
        floors: what may be told of organisations that are not named.

    Raises:
        InvalidError: an organisation has two different words of the same order.
    """
    return severity_of(newest(inputs), matrix, floors=floors)


def severity_of(
    said: Mapping[str, Said], matrix: Matrix = DEFAULT, *, floors: Iterable[Floor] = ()
) -> Severity:
    """Find the joint severity of what counts of each organisation's words."""
    listed = sorted(floors, key=lambda floor: (floor.field, rank(floor.word), floor.organisations))
    unnamed = joined(_picture_of_floor(floor) for floor in listed)
    stands = {
        who: tuple(words.word(field) for field in LEVEL_FIELDS) for who, words in said.items()
    }
    picture = unnamed.joined(joined(picture_of(words) for words in said.values()))
    levels = levels_of(picture, matrix)
    grounds = [*_grounds(said), *(Ground(None, floor.field, floor.word) for floor in listed)]
    crisis = crisis_advised(picture, matrix)
    return Severity(
        level=levels[Rule.SPREADING],
        lines=tuple(_lines(picture, levels, grounds, crisis=crisis)),
        coverage={
            field: Coverage(sum(words.states(field) for words in said.values()), len(said))
            for field in Field
        },
        affected=picture.organisations,
        crisis_advised=crisis,
        basis=_Basis(stands, unnamed, matrix),
    )


def override(severity: Severity | Overridden, level: Level, reason: str) -> Overridden:
    """Set another level; the derived one stays beside it, also where it was overridden before.

    Raises:
        InvalidError: there is no reason, or the level is the derived one.
    """
    derived = severity.derived if isinstance(severity, Overridden) else severity
    if not reason.strip():
        raise InvalidError("who overrides the level says why", field="reason")
    if level is derived.level:
        raise InvalidError(f"the derived level is {level.label} already", field="level")
    return Overridden(level, reason, derived)


def _picture_of_floor(floor: Floor) -> Picture:
    picture = picture_of(Said().with_word(floor.field, floor.word))
    return replace(picture, affected=0, unnamed=floor.organisations * picture.affected)


def _grounds(said: Mapping[str, Said]) -> Iterator[Ground]:
    for organisation, words in said.items():
        for field in LEVEL_FIELDS:
            word = words.word(field)
            if word is not None:
                yield Ground(organisation, field, word)


def _deciding(rule: Rule, grounds: Sequence[Ground]) -> Iterator[Ground]:
    """Give the worst words in the rule's fields; of organisations, those that are affected."""
    for field in FIELDS[rule]:
        here = [ground for ground in grounds if ground.field is field]
        worst = max((rank(ground.word) for ground in here), default=0)
        for ground in here:
            if rule is Rule.ORGANISATIONS:
                if makes_affected(field, ground.word):
                    yield ground
            elif rank(ground.word) == worst:
                yield ground


def _lines(
    picture: Picture, levels: Mapping[Rule, Level], grounds: Sequence[Ground], *, crisis: bool
) -> Iterator[Line]:
    stated = frozenset(ground.field for ground in grounds)
    before = Level.NEGLIGIBLE
    for rule, after in levels.items():
        told = sentence(rule, picture, stated, (before, after), crisis=crisis)
        yield Line(rule, tuple(_deciding(rule, grounds)), before, after, told)
        before = after


def _changes(basis: _Basis) -> Iterator[Change]:
    """Tell of each organisation what every other word would make of the level.

    The pictures of those before and those behind an organisation are joined once, so fifty
    organisations take fifty times the work of one; what says the same beside the same others is
    looked at once.
    """
    pictures = [picture_of(_said(stands)) for stands in basis.stands.values()]
    ahead = accumulate(pictures, Picture.joined, initial=basis.unnamed)
    behind = [*accumulate(reversed(pictures), Picture.joined, initial=Picture())][-2::-1]
    known: dict[tuple[Picture, _Stands], list[_Other]] = {}
    levels: dict[Picture, Level] = {}
    for (organisation, stands), one, other in zip(
        basis.stands.items(), ahead, behind, strict=False
    ):
        others = one.joined(other)
        if (others, stands) not in known:
            known[others, stands] = [
                (field, stated, word, _level_of(others.joined(picture), basis.matrix, levels))
                for field, stated, word, picture in _alternatives(stands)
            ]
        for field, stated, word, level in known[others, stands]:
            yield Change(organisation, field, stated, word, level)


def _said(stands: _Stands) -> Said:
    said = Said()
    for field, word in zip(LEVEL_FIELDS, stands, strict=True):
        said = said.with_word(field, word)
    return said


@lru_cache(maxsize=1024)
def _alternatives(stands: _Stands) -> tuple[_Alternative, ...]:
    """Give every other word that an organisation might state, and its picture with it."""
    said = _said(stands)
    return tuple(
        (field, stated, word, picture_of(said.with_word(field, word)))
        for field, stated in zip(LEVEL_FIELDS, stands, strict=True)
        for word in (None, *CHOICES[field])
        if not _same(stated, word)
    )


def _level_of(picture: Picture, matrix: Matrix, known: dict[Picture, Level]) -> Level:
    if picture not in known:
        known[picture] = levels_of(picture, matrix)[Rule.SPREADING]
    return known[picture]


def _same(one: Value | None, other: Value | None) -> bool:
    if one is None or other is None:
        return one is other
    return rank(one) == rank(other)
