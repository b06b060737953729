"""The worst of several organisations, and what a matrix makes of it, rule by rule.

Source: domain, 5.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from typing import Final, TypeVar, assert_never

from policies.assessment import (
    Danger,
    Field,
    FunctionalImpact,
    InformationImpact,
    Recoverability,
)
from policies.inputs import AFFECTED_FROM, Said
from policies.ladders import Ladder
from policies.matrix import Level, Matrix

Step = TypeVar("Step", bound=Ladder)


class Rule(StrEnum):
    """The rules, in the order in which they are asked."""

    IMPACT = "impact"
    RECOVERABILITY = "recoverability"
    ORGANISATIONS = "organisations"
    ESSENTIAL_SERVICE = "essential service"
    DANGER = "danger"
    SPREADING = "spreading"


FIELDS: Final[Mapping[Rule, tuple[Field, ...]]] = {
    Rule.IMPACT: (Field.FUNCTIONAL_IMPACT, Field.INFORMATION_IMPACT),
    Rule.RECOVERABILITY: (Field.RECOVERABILITY,),
    Rule.ORGANISATIONS: tuple(AFFECTED_FROM),
    Rule.ESSENTIAL_SERVICE: (Field.ESSENTIAL_SERVICE,),
    Rule.DANGER: (Field.DANGER,),
    Rule.SPREADING: (Field.DANGER, Field.STILL_SPREADING),
}
"""Rule → the fields that it looks at."""


_NO_SERVICE: Final = "No essential service is hit"
CRISIS: Final = "there is no level above critical; a crisis should be declared"


@dataclass(frozen=True, slots=True)
class Picture:
    """The worst of several organisations, field by field; the order of joining changes nothing.

    Args:
        affected: how many of the named are affected.
        unnamed: so many are affected that are not named; they may be among the named.
    """

    functional: FunctionalImpact = FunctionalImpact.NONE
    information: InformationImpact = InformationImpact.NONE
    recoverability: Recoverability = Recoverability.NOT_APPLICABLE
    essential_service: bool = False
    danger: Danger = Danger.NONE
    spreading: bool = False
    affected: int = 0
    unnamed: int = 0

    def joined(self, other: Picture) -> Picture:
        """Give the picture of both together."""
        return Picture(
            functional=worse(self.functional, other.functional),
            information=worse(self.information, other.information),
            recoverability=worse(self.recoverability, other.recoverability),
            essential_service=self.essential_service or other.essential_service,
            danger=worse(self.danger, other.danger),
            spreading=self.spreading or other.spreading,
            affected=self.affected + other.affected,
            unnamed=max(self.unnamed, other.unnamed),
        )

    @property
    def organisations(self) -> int:
        """How many organisations are affected, as far as is known."""
        return max(self.affected, self.unnamed)


def worse(one: Step, other: Step) -> Step:
    """Give the graver of two words of one ladder."""
    return one if one.rank >= other.rank else other


def joined(pictures: Iterable[Picture]) -> Picture:
    """Give the picture of all together; of nobody, the one in which nothing is the matter."""
    return reduce(Picture.joined, pictures, Picture())


def picture_of(said: Said) -> Picture:
    """Give the picture of one organisation; what it does not state is as the least word."""
    words = said.assessment
    return Picture(
        functional=words.functional_impact or FunctionalImpact.NONE,
        information=words.information_impact or InformationImpact.NONE,
        recoverability=words.recoverability or Recoverability.NOT_APPLICABLE,
        essential_service=words.essential_service is True,
        danger=words.danger or Danger.NONE,
        spreading=words.still_spreading is True,
        affected=int(said.affected),
    )


def crisis_advised(picture: Picture, matrix: Matrix) -> bool:
    """Tell whether confirmed danger that still spreads should raise what can't rise any more.

    There is no level above critical; a crisis should be declared instead.
    """
    critical = levels_of(picture, matrix)[Rule.DANGER] is Level.CRITICAL
    return critical and _spreading_steps(picture, matrix) > 0


def _spreading_steps(picture: Picture, matrix: Matrix) -> int:
    both = picture.danger is Danger.CONFIRMED and picture.spreading
    return matrix.spreading if both else 0


def levels_of(picture: Picture, matrix: Matrix) -> dict[Rule, Level]:
    """Give the level after each rule; the last is the result."""
    level = matrix.impact[picture.functional][picture.information]
    levels = {Rule.IMPACT: level}
    level = level.raised(matrix.recoverability[picture.recoverability])
    levels[Rule.RECOVERABILITY] = level
    level = level.raised(matrix.steps_for(picture.organisations))
    levels[Rule.ORGANISATIONS] = level
    level = level.raised(matrix.essential_service if picture.essential_service else 0)
    levels[Rule.ESSENTIAL_SERVICE] = level
    level = worse(level, matrix.danger[picture.danger])
    levels[Rule.DANGER] = level
    levels[Rule.SPREADING] = level.raised(_spreading_steps(picture, matrix))
    return levels


def sentence(
    rule: Rule,
    picture: Picture,
    stated: Collection[Field],
    levels: tuple[Level, Level],
    *,
    crisis: bool,
) -> str:
    """Tell what a rule made of the picture, in plain words and without a name.

    Args:
        stated: the fields in which anybody has stated anything.
        levels: before and after.
        crisis: what should raise the level finds it at the top.
    """
    before, after = levels
    rise = f"from {before.label} to {after.label}" if after is not before else "nothing changes"
    match rule:
        case Rule.IMPACT:
            return _impact(picture, stated, after)
        case Rule.RECOVERABILITY:
            known = Field.RECOVERABILITY in stated
            word = f"“{picture.recoverability.label}”" if known else "not stated"
            return f"Recoverability is {word}: {rise}."
        case Rule.ORGANISATIONS:
            return f"{_affected(picture)}: {rise}."
        case Rule.ESSENTIAL_SERVICE:
            return f"{_essential_service(picture, stated)}: {rise}."
        case Rule.DANGER:
            return f"{_danger(picture, stated)}: {rise}."
        case Rule.SPREADING:
            both = picture.danger is Danger.CONFIRMED and picture.spreading
            told = (
                "Confirmed danger still spreads"
                if both
                else "No confirmed danger is known to spread"
            )
            return f"{told}: {CRISIS if crisis else rise}."
    assert_never(rule)


def _impact(picture: Picture, stated: Collection[Field], after: Level) -> str:
    parts = [
        f"{field.label.lower()} is “{word.label}”"
        if field in stated
        else f"{field.label.lower()} is not stated"
        for field, word in (
            (Field.FUNCTIONAL_IMPACT, picture.functional),
            (Field.INFORMATION_IMPACT, picture.information),
        )
    ]
    told = " and ".join(parts)
    return f"{told[0].upper()}{told[1:]}: {after.label}."


def _affected(picture: Picture) -> str:
    number = picture.organisations
    if not number:
        return "No organisation is known to be affected"
    least = "at least " if picture.unnamed else ""
    said = f"{least}{number} organisation{'s are' if number > 1 else ' is'} affected"
    return f"{said[0].upper()}{said[1:]}"


def _essential_service(picture: Picture, stated: Collection[Field]) -> str:
    if Field.ESSENTIAL_SERVICE not in stated:
        return "Whether an essential service is hit is not stated"
    return "An essential service is hit" if picture.essential_service else _NO_SERVICE


def _danger(picture: Picture, stated: Collection[Field]) -> str:
    if Field.DANGER not in stated:
        return f"{Field.DANGER.label} is not stated"
    if picture.danger is Danger.NONE:
        return "There is no danger to life, health or safety systems"
    return f"{Field.DANGER.label} is {picture.danger.label}"
