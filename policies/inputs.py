"""What counts of the organisations' words: of each its newest assessment and response state.

Source: lifecycles, 5 (newest counts).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from policies.assessment import (
    LADDERS,
    YES_OR_NO,
    Assessment,
    Field,
    FunctionalImpact,
    InformationImpact,
    ResponseState,
)
from policies.errors import InvalidError
from policies.ladders import Ladder

Value = Ladder | ResponseState | bool
"""A word that may be stated in one of the fields of `CHOICES`."""

CHOICES: Final[Mapping[Field, tuple[Value, ...]]] = {
    **{name: tuple(ladder) for name, ladder in LADDERS.items()},
    **dict.fromkeys(YES_OR_NO, (False, True)),
    Field.RESPONSE: (ResponseState.NOT_AFFECTED, ResponseState.AFFECTED),
}
"""Field → what may be stated in it, the least first; of response states, those that differ here."""

AFFECTED_FROM: Final[Mapping[Field, Value]] = {
    Field.RESPONSE: ResponseState.AFFECTED,
    Field.FUNCTIONAL_IMPACT: FunctionalImpact.MINIMAL,
    Field.INFORMATION_IMPACT: InformationImpact.PERSONAL_DATA,
}
"""Field → from which word on whoever states it counts as affected."""


NOTHING: Final = Assessment()
"""The assessment that states nothing."""


@dataclass(frozen=True, slots=True)
class Input:
    """What one organisation stated at one time; with neither, it was asked and has not answered.

    Args:
        order: rises with time among the words of one organisation.
        assessment: `None` where this word says nothing of it; an empty one takes the last one back.
        response: `None` where this word says nothing of it.
    """

    organisation: str
    order: int = 0
    assessment: Assessment | None = None
    response: ResponseState | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What counts of one organisation's words: the newest of each kind.

    Args:
        assessed: the order of the assessment; `None` where there is none.
        responded: the order of the response state; `None` where there is none.
    """

    assessment: Assessment = NOTHING
    response: ResponseState | None = None
    assessed: int | None = None
    responded: int | None = None

    def states(self, field: Field) -> bool:
        """Tell whether it states anything in this field.

        A response state by which it is not known yet whether it is affected states nothing.
        """
        if field is Field.RESPONSE:
            return self.response is not None and self.response.affected is not None
        stated = getattr(self.assessment, field)
        return bool(stated) if field is Field.COUNTS else stated is not None

    def word(self, field: Field) -> Value | None:
        """Give the word in one of the fields of `CHOICES`; `None` is *not stated*."""
        if field is Field.RESPONSE:
            return self.response if self.states(field) else None
        word: Value | None = getattr(self.assessment, field)
        return word

    def with_word(self, field: Field, word: Value | None) -> Said:
        """Give the same with another word in one of the fields of `CHOICES`."""
        if field is Field.RESPONSE:
            return replace(self, response=word if isinstance(word, ResponseState) else None)
        other: dict[str, Any] = {field.value: word}
        return replace(self, assessment=replace(self.assessment, **other))

    @property
    def affected(self) -> bool:
        """Tell whether it counts as affected: by its response state or by its impacts.

        One that says it is not affected and states an impact counts: the worse word stands.
        """
        return any(makes_affected(field, self.word(field)) for field in AFFECTED_FROM)


def newest(inputs: Iterable[Input]) -> dict[str, Said]:
    """Give what counts of each organisation's words, by organisation, in the order of their ids.

    Raises:
        InvalidError: an organisation has two different words of the same order.
    """
    said: dict[str, Said] = {}
    for word in sorted(inputs, key=lambda word: (word.organisation, word.order)):
        before = said.get(word.organisation, Said())
        after = before
        if word.assessment is not None:
            after = replace(after, assessment=word.assessment, assessed=word.order)
        if word.response is not None:
            after = replace(after, response=word.response, responded=word.order)
        other_assessment = after.assessment != before.assessment
        if (other_assessment and after.assessed == before.assessed) or (
            after.response != before.response and after.responded == before.responded
        ):
            raise InvalidError(
                f"two different words of {word.organisation[:60]} are number {word.order}",
                field="inputs",
            )
        said[word.organisation] = after
    return said


def rank(word: Value) -> int:
    """Give how grave a word is among those of its field."""
    if isinstance(word, Ladder):
        return word.rank
    return int(word.affected is True) if isinstance(word, ResponseState) else int(word)


def makes_affected(field: Field, word: Value | None) -> bool:
    """Tell whether whoever states this word counts as affected."""
    return word is not None and field in AFFECTED_FROM and rank(word) >= rank(AFFECTED_FROM[field])
