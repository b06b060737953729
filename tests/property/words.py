"""What organisations may say, and matrices that a charter may hold, by chance."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

from hypothesis import strategies as st

from policies.assessment import (
    Assessment,
    Danger,
    FunctionalImpact,
    InformationImpact,
    PersonalData,
    Recoverability,
    ResponseState,
    Span,
)
from policies.inputs import Input
from policies.ladders import Ladder
from policies.matrix import Level, Matrix, read_matrix

ORGANISATIONS = [f"identity--00000000-0000-4000-8000-{n:012d}" for n in range(6)]

numbers = st.integers(0, 2**53 - 1) | st.integers(0, 120)
spans = st.tuples(numbers, numbers).map(lambda ends: Span(min(ends), max(ends)))
kinds = st.sampled_from(["computers-server", "individual", "our-turbines"])
assessments = st.builds(
    Assessment,
    functional_impact=st.none() | st.sampled_from(FunctionalImpact),
    information_impact=st.none() | st.sampled_from(InformationImpact),
    recoverability=st.none() | st.sampled_from(Recoverability),
    essential_service=st.none() | st.booleans(),
    danger=st.none() | st.sampled_from(Danger),
    still_spreading=st.none() | st.booleans(),
    personal_data=st.none() | st.sampled_from(PersonalData),
    confidence=st.none() | st.integers(0, 100),
    counts=st.dictionaries(kinds, spans, max_size=2),
)
responses = st.none() | st.sampled_from(ResponseState)


@st.composite
def said_inputs(draw: st.DrawFn) -> list[Input]:
    """Give words of some organisations, numbered as they came."""
    authors = draw(st.lists(st.sampled_from(ORGANISATIONS), max_size=8))
    return [
        Input(author, number, draw(st.none() | assessments), draw(responses))
        for number, author in enumerate(authors)
    ]


def _values(ladder: type[Ladder]) -> list[str]:
    return [word.value for word in ladder]


def _matrix(chance: Random) -> Matrix:
    levels = _values(Level)

    def rising(length: int) -> list[int]:
        return sorted(chance.choices(range(len(levels)), k=length))

    def named(names: list[str], values: Iterable[Any]) -> dict[str, Any]:
        return dict(zip(names, values, strict=True))

    row = [0] * len(InformationImpact)
    impact = {}
    for functional in FunctionalImpact:
        row = [max(pair) for pair in zip(row, rising(len(InformationImpact)), strict=True)]
        impact[functional.value] = named(_values(InformationImpact), (levels[n] for n in row))
    bands = sorted(chance.sample(range(1, 9), k=chance.randrange(4)))
    return read_matrix(
        {
            "name": "by chance",
            "impact": impact,
            "recoverability": named(_values(Recoverability), rising(len(Recoverability))),
            "organisations": [
                {"from": organisations, "steps": steps}
                for organisations, steps in zip(bands, rising(len(bands)), strict=True)
            ],
            "essential_service": chance.randrange(5),
            "danger": named(["possible", "confirmed"], (levels[n] for n in rising(2))),
            "spreading": chance.randrange(3),
        }
    )


matrices = st.integers(0, 2**32).map(lambda seed: _matrix(Random(seed)))
"""As a charter may hold them: whole, and rising everywhere. One draw each, which is quicker."""
