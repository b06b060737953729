"""The severity matrix: data that a charter may replace, and that gives a level for everything.

Impact gives a level to begin with; recoverability, the number of organisations and an essential
service raise it by steps; danger sets a floor. A matrix in which a worse input could lower the
level is refused, so no charter can break that law.

Source: domain, 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, TypeVar

from policies.assessment import Danger, FunctionalImpact, InformationImpact, Recoverability
from policies.errors import InvalidError
from policies.ladders import Ladder

_LONGEST_NAME: Final = 100
_MOST_BANDS: Final = 10
_MOST_ORGANISATIONS: Final = 1_000_000
_SHOWN: Final = 40

Word = TypeVar("Word", bound=Ladder)


class Level(Ladder):
    """How severe an incident is for all together.

    Source: domain, 5.
    """

    NEGLIGIBLE = "negligible", "negligible"
    LOW = "low", "low"
    MEDIUM = "medium", "medium"
    HIGH = "high", "high"
    CRITICAL = "critical", "critical"

    def raised(self, steps: int) -> Level:
        """Give the level so many steps above, and the highest where there are not so many."""
        return list(Level)[min(self.rank + steps, Level.CRITICAL.rank)]


_MOST_STEPS: Final = len(Level) - 1


@dataclass(frozen=True, slots=True)
class Band:
    """From so many affected organisations on, the level rises by so many steps."""

    organisations: int
    steps: int


@dataclass(frozen=True, slots=True)
class Matrix:
    """By which the level is found. `read_matrix` sees to it that it leaves nothing out.

    Args:
        name: which matrix it is, with its version.
        impact: functional impact → information impact → level.
        recoverability: by how many steps each raises the level.
        bands: of numbers of affected organisations, ascending; below the first nothing is raised.
        essential_service: by how many steps an essential service that is hit raises the level.
        danger: the level is at least this; for *none* there is no floor.
        spreading: by how many steps confirmed danger that still spreads raises the level.
    """

    name: str
    impact: Mapping[FunctionalImpact, Mapping[InformationImpact, Level]]
    recoverability: Mapping[Recoverability, int]
    bands: tuple[Band, ...]
    essential_service: int
    danger: Mapping[Danger, Level]
    spreading: int

    def steps_for(self, organisations: int) -> int:
        """Tell by how many steps so many affected organisations raise the level."""
        return max((b.steps for b in self.bands if b.organisations <= organisations), default=0)


def read_matrix(document: Any, *, at: str = "matrix") -> Matrix:
    """Read a matrix.

    Args:
        document: a JSON value, as `matrix_document` writes it.
        at: what a refusal calls it.

    Raises:
        InvalidError: a combination without a level, a word or number that can't stand there, or
            a worse input that would lower the level; the field is the one at fault.
    """
    names = ("name", "impact", *_STEPS, "organisations", "danger")
    parts = _object(document, names, at)
    impact = {
        functional: _levels(InformationImpact, row, f"{at}.impact.{functional}")
        for functional, row in _row(FunctionalImpact, parts["impact"], f"{at}.impact").items()
    }
    _refuse_lower_rows(impact, f"{at}.impact")
    recoverability = {
        word: _steps(value, f"{at}.recoverability.{word}")
        for word, value in _row(
            Recoverability, parts["recoverability"], f"{at}.recoverability"
        ).items()
    }
    _refuse_lower(recoverability, f"{at}.recoverability")
    danger = _object(parts["danger"], (Danger.POSSIBLE, Danger.CONFIRMED), f"{at}.danger")
    floors = {
        word: _level(danger[word], f"{at}.danger.{word}")
        for word in (Danger.POSSIBLE, Danger.CONFIRMED)
    }
    _refuse_lower({word: level.rank for word, level in floors.items()}, f"{at}.danger")
    return Matrix(
        name=_name(parts["name"], f"{at}.name"),
        impact=impact,
        recoverability=recoverability,
        bands=_bands(parts["organisations"], f"{at}.organisations"),
        essential_service=_steps(parts["essential_service"], f"{at}.essential_service"),
        danger={Danger.NONE: Level.NEGLIGIBLE, **floors},
        spreading=_steps(parts["spreading"], f"{at}.spreading"),
    )


def matrix_document(matrix: Matrix) -> dict[str, Any]:
    """Give the matrix as a JSON object."""
    return {
        "name": matrix.name,
        "impact": {
            functional.value: {word.value: level.value for word, level in row.items()}
            for functional, row in matrix.impact.items()
        },
        "recoverability": {word.value: steps for word, steps in matrix.recoverability.items()},
        "organisations": [{"from": b.organisations, "steps": b.steps} for b in matrix.bands],
        "essential_service": matrix.essential_service,
        "danger": {
            word.value: level.value
            for word, level in matrix.danger.items()
            if word is not Danger.NONE
        },
        "spreading": matrix.spreading,
    }


_STEPS: Final = ("recoverability", "essential_service", "spreading")


def _object(value: Any, names: tuple[str, ...], at: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidError("this is no object", field=at)
    for name in names:
        if name not in value:
            raise InvalidError(f"“{name}” is missing", field=f"{at}.{name}")
    for name in value:
        if name not in names:
            said = str(name)[:_SHOWN]
            raise InvalidError(f"there is no “{said}” here", field=f"{at}.{said}")
    return value


def _row(ladder: type[Word], value: Any, at: str) -> dict[Word, Any]:
    row = _object(value, tuple(word.value for word in ladder), at)
    return {word: row[word.value] for word in ladder}


def _levels(ladder: type[Word], value: Any, at: str) -> dict[Word, Level]:
    row = {word: _level(cell, f"{at}.{word}") for word, cell in _row(ladder, value, at).items()}
    _refuse_lower({word: level.rank for word, level in row.items()}, at)
    return row


def _level(value: Any, at: str) -> Level:
    for level in Level:
        if isinstance(value, str) and value == level.value:
            return level
    said = f"“{value[:_SHOWN]}”" if isinstance(value, str) else "this"
    raise InvalidError(f"{said} is no level", field=at, hint=f"one of {', '.join(Level)}")


def _steps(value: Any, at: str) -> int:
    return _number(value, at, least=0, most=_MOST_STEPS)


def _number(value: Any, at: str, *, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidError(f"this is no whole number from {least} to {most}", field=at)
    return value


def _name(value: Any, at: str) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_NAME:
        raise InvalidError(f"a name has 1 to {_LONGEST_NAME} characters", field=at)
    return value


def _bands(value: Any, at: str) -> tuple[Band, ...]:
    if not isinstance(value, list) or len(value) > _MOST_BANDS:
        raise InvalidError(f"this is no list of up to {_MOST_BANDS} bands", field=at)
    bands = []
    for number, item in enumerate(value):
        here = f"{at}[{number}]"
        parts = _object(item, ("from", "steps"), here)
        organisations = _number(parts["from"], f"{here}.from", least=1, most=_MOST_ORGANISATIONS)
        bands.append(Band(organisations, _steps(parts["steps"], f"{here}.steps")))
    for number, (fewer, more) in enumerate(pairwise(bands), start=1):
        if more.organisations <= fewer.organisations:
            raise InvalidError("the bands do not ascend", field=f"{at}[{number}].from")
        if more.steps < fewer.steps:
            raise InvalidError(
                "more organisations would lower the level", field=f"{at}[{number}].steps"
            )
    return tuple(bands)


def _refuse_lower(row: Mapping[Word, int], at: str) -> None:
    for better, worse in pairwise(row):
        if row[worse] < row[better]:
            raise InvalidError(
                f"“{worse}” is worse than “{better}” and would lower the level",
                field=f"{at}.{worse}",
            )


def _refuse_lower_rows(
    impact: Mapping[FunctionalImpact, Mapping[InformationImpact, Level]], at: str
) -> None:
    for better, worse in pairwise(impact):
        for word in InformationImpact:
            if impact[worse][word].rank < impact[better][word].rank:
                raise InvalidError(
                    f"“{worse}” is worse than “{better}” and would lower the level",
                    field=f"{at}.{worse}.{word}",
                )


def _default_impact() -> dict[str, dict[str, str]]:
    # Columns in the order of `InformationImpact`; N(egligible) L(ow) M(edium) H(igh) C(ritical).
    rows = {
        FunctionalImpact.NONE: "N L M M M M H H",
        FunctionalImpact.MINIMAL: "L L M M M M H H",
        FunctionalImpact.SIGNIFICANT: "M M M M M H H H",
        FunctionalImpact.DENIAL: "M M M H H H H C",
        FunctionalImpact.LOSS_OF_CONTROL: "H H H H H H C C",
    }
    letters = {level.value[0].upper(): level.value for level in Level}
    return {
        functional.value: {
            word.value: letters[letter]
            for word, letter in zip(InformationImpact, row.split(), strict=True)
        }
        for functional, row in rows.items()
    }


DEFAULT: Final = read_matrix(
    {
        "name": "Tocsin 1",
        "impact": _default_impact(),
        "recoverability": {
            "not-applicable": 0,
            "regular": 0,
            "supplemented": 0,
            "extended": 1,
            "not-recoverable": 1,
        },
        "organisations": [{"from": 3, "steps": 1}, {"from": 20, "steps": 2}],
        "essential_service": 1,
        "danger": {"possible": "high", "confirmed": "critical"},
        "spreading": 1,
    }
)
"""Where no charter says otherwise. Its figures are ours; none is CISA's."""
