"""What others may be told of words that were told to the coordinator alone: coarse figures.

A figure is made of what five or more organisations have told. The two gravest of their words, or
the two largest of their numbers, are set aside; of the rest the gravest word, or the sum, is taken,
and of that the band in which it lies. The bands are fixed beforehand. Whatever two contributors
say, the rest can make it come out the same; `discretion` tells what follows from that.

Source: domain, 1 (*For the coordinator alone*).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from policies.assessment import (
    Danger,
    Field,
    FunctionalImpact,
    InformationImpact,
    PersonalData,
    Recoverability,
    ResponseState,
    read_kind,
)
from policies.errors import InvalidError
from policies.inputs import Said, Value, rank

PROTECTED: Final = 2
"""Nothing is told that says anything about so many contributors together, or fewer."""
ASIDE: Final = PROTECTED
"""So many of the gravest words are set aside: no figure stands on them alone."""
LEAST: Final = 2 * PROTECTED + 1
"""No figure is made of fewer words: without the protected ones enough are left to explain it."""
SAY_SO: Final = ASIDE + 1
"""So many say at least what a figure says, because the graver ones were set aside."""

BANDS: Final[Mapping[Field, tuple[Value, ...]]] = {
    Field.FUNCTIONAL_IMPACT: (FunctionalImpact.NONE, FunctionalImpact.SIGNIFICANT),
    Field.INFORMATION_IMPACT: (
        InformationImpact.NONE,
        InformationImpact.PERSONAL_DATA,
        InformationImpact.CRITICAL_SYSTEMS,
    ),
    Field.RECOVERABILITY: (Recoverability.NOT_APPLICABLE, Recoverability.EXTENDED),
    Field.ESSENTIAL_SERVICE: (False, True),
    Field.DANGER: (Danger.NONE, Danger.POSSIBLE),
    Field.STILL_SPREADING: (False, True),
    Field.PERSONAL_DATA: (PersonalData.NONE, PersonalData.POSSIBLE),
    Field.RESPONSE: (ResponseState.NOT_AFFECTED, ResponseState.AFFECTED),
}
"""Field → the least word of each band. Confidence has none: nothing is told of it."""

_SHOWN: Final = 40
_DECADES: Final = 9
"""Numbers lie in 0 to 9, 10 to 99 and so on; from 10 to the power of this on, in one band."""


class Topic(NamedTuple):
    """What a figure is about: a field, and of the counts one kind of entity."""

    field: Field
    kind: str = ""


Contribution = tuple[int, int]
"""What of a word enters a figure: its band twice, or the lowest and the highest number."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What is told of one topic.

    Args:
        first: the band in which it lies; of counts, the band of the lowest numbers.
        last: the same; of counts, the band of the highest numbers.
        as_of: the position in the case's ledger at which it was first told like this.
    """

    topic: Topic
    first: int
    last: int
    as_of: int

    @property
    def word(self) -> Value | None:
        """The least word of its band; `None` where it is of counts."""
        return None if self.topic.field is Field.COUNTS else BANDS[self.topic.field][self.first]

    @property
    def span(self) -> tuple[int, int | None] | None:
        """Of counts, from where to where the sum lies without the two largest numbers.

        The upper end is `None` in the topmost band.
        """
        if self.topic.field is not Field.COUNTS:
            return None
        return _start(self.first), None if self.last == _DECADES else _start(self.last + 1) - 1

    @property
    def sentence(self) -> str:
        """In plain words, with its position and without a name."""
        label = self.topic.kind or self.topic.field.label
        told = f"{LEAST} or more have told the coordinator alone by entry {self.as_of}"
        return f"{label}, as {told}: {self._told}."

    @property
    def _told(self) -> str:
        if self.span is not None:
            low, high = self.span
            numbers = f"{low} or more" if high is None else f"{low} to {high}"
            return f"{numbers} in all, without the {ASIDE} largest numbers"
        bands = BANDS[self.topic.field]
        told = [f"{SAY_SO} or more say {_at_least(bands[self.first])}"] if self.first else []
        if self.first + 1 < len(bands):
            told.append(f"fewer than {SAY_SO} say {_at_least(bands[self.first + 1])}")
        return ", ".join(told)


def contribution(topic: Topic, said: Said) -> Contribution | None:
    """Give what of an organisation's words enters a figure; `None` where it states nothing.

    Whether it is affected enters as soon as there is a response state: *not known yet* counts as
    the least, so that nobody sees by a figure who has made up its mind.
    """
    if topic.field is Field.COUNTS:
        span = said.assessment.counts.get(topic.kind)
        return None if span is None else (span.low, span.high)
    word = said.response if topic.field is Field.RESPONSE else said.word(topic.field)
    if word is None:
        return None
    band = sum(rank(word) >= rank(least) for least in BANDS[topic.field]) - 1
    return band, band


def topics_of(said: Said) -> frozenset[Topic]:
    """Give what an organisation's words are about, as far as figures are made of it."""
    fields = {Topic(field) for field in BANDS}
    kinds = {Topic(Field.COUNTS, kind) for kind in said.assessment.counts}
    return frozenset(topic for topic in fields | kinds if contribution(topic, said) is not None)


def make_figure(topic: Topic, told: Collection[Contribution], *, as_of: int) -> Figure:
    """Make a figure of what was told.

    Args:
        told: `LEAST` contributions or more.

    Raises:
        ValueError: there are fewer.
    """
    if len(told) < LEAST:
        raise ValueError(f"no figure is made of fewer than {LEAST} contributions")
    first, last = (_rest(topic, [word[end] for word in told]) for end in (0, 1))
    return Figure(topic, first, last, as_of)


def figures_document(figures: Collection[Figure]) -> list[dict[str, Any]]:
    """Give figures as a JSON list, in the order of their topics."""
    return [_document(figure) for figure in sorted(figures, key=lambda figure: figure.topic)]


def read_figures(document: Any, *, at: str = "figures") -> tuple[Figure, ...]:
    """Read figures.

    Raises:
        InvalidError: what is no figure, no band of ours, or stands there twice.
    """
    if not isinstance(document, list):
        raise InvalidError("this is no list", field=at)
    figures = [_read(item, f"{at}[{number}]") for number, item in enumerate(document)]
    if len({figure.topic for figure in figures}) < len(figures):
        raise InvalidError("there are two figures of one thing", field=at)
    return tuple(sorted(figures, key=lambda figure: figure.topic))


def _rest(topic: Topic, numbers: list[int]) -> int:
    rest = sorted(numbers)[:-ASIDE]
    return _decade(sum(rest)) if topic.field is Field.COUNTS else max(rest)


def _decade(number: int) -> int:
    return min(len(str(number)) - 1, _DECADES)


def _start(decade: int) -> int:
    return 10**decade if decade else 0


def _at_least(word: Value) -> str:
    if isinstance(word, bool):
        return "yes"
    if isinstance(word, ResponseState):
        return f"that they are {word.label}"
    return f"“{word.label}” or worse"


def _document(figure: Figure) -> dict[str, Any]:
    document: dict[str, Any] = {"field": figure.topic.field.value, "as_of": figure.as_of}
    if figure.span is None:
        word = figure.word
        return document | {"at_least": word if isinstance(word, bool) else str(word)}
    low, high = figure.span
    document |= {"kind": figure.topic.kind, "low": low}
    return document if high is None else document | {"high": high}


def _read(value: Any, at: str) -> Figure:
    if not isinstance(value, Mapping):
        raise InvalidError("this is no object", field=at)
    topics = {topic_field.value: topic_field for topic_field in (*BANDS, Field.COUNTS)}
    name = value.get("field")
    if not isinstance(name, str) or name not in topics:
        raise InvalidError("there are no figures of this", field=f"{at}.field")
    counts = topics[name] is Field.COUNTS
    known = {"field", "as_of"} | ({"kind", "low", "high"} if counts else {"at_least"})
    unknown = sorted(set(map(str, value)) - known)
    if unknown:
        here = unknown[0][:_SHOWN]
        raise InvalidError(f"a figure of this has no “{here}”", field=f"{at}.{here}")
    as_of = value.get("as_of")
    if isinstance(as_of, bool) or not isinstance(as_of, int) or as_of < 0:
        raise InvalidError("this is no position in a ledger", field=f"{at}.as_of")
    if counts:
        topic = Topic(Field.COUNTS, read_kind(value.get("kind"), f"{at}.kind"))
        first, last = _read_span(value, at)
    else:
        topic = Topic(topics[name])
        first = last = _read_band(topic.field, value.get("at_least"), f"{at}.at_least")
    return Figure(topic, first, last, as_of)


def _read_band(topic_field: Field, value: Any, at: str) -> int:
    words = [word if isinstance(word, bool) else str(word) for word in BANDS[topic_field]]
    for band, word in enumerate(words):
        if type(value) is type(word) and value == word:
            return band
    raise InvalidError("no band begins here", field=at, hint=", ".join(map(str, words)))


def _read_span(value: Mapping[Any, Any], at: str) -> tuple[int, int]:
    starts = {_start(decade): decade for decade in range(_DECADES + 1)}
    ends = {_start(decade + 1) - 1: decade for decade in range(_DECADES)} | {None: _DECADES}
    low, high = value.get("low"), value.get("high")
    if isinstance(low, bool) or not isinstance(low, int) or low not in starts:
        raise InvalidError("no band begins here", field=f"{at}.low")
    if isinstance(high, bool) or not isinstance(high, int | None) or high not in ends:
        raise InvalidError("no band ends here", field=f"{at}.high")
    if ends[high] < starts[low]:
        raise InvalidError("it ends before it begins", field=f"{at}.high")
    return starts[low], ends[high]
