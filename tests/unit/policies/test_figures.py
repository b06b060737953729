"""Source: domain, 1 (*For the coordinator alone*)."""

from __future__ import annotations

from typing import Any

import pytest

from policies.assessment import (
    LADDERS,
    Assessment,
    Danger,
    Field,
    FunctionalImpact,
    InformationImpact,
    ResponseState,
    Span,
)
from policies.errors import InvalidError
from policies.figures import (
    BANDS,
    LEAST,
    SAY_SO,
    Figure,
    Topic,
    contribution,
    figures_document,
    make_figure,
    read_figures,
    topics_of,
)
from policies.inputs import CHOICES, Said, rank

FUNCTIONAL = Topic(Field.FUNCTIONAL_IMPACT)
INFORMATION = Topic(Field.INFORMATION_IMPACT)
SERVICE = Topic(Field.ESSENTIAL_SERVICE)
AFFECTED = Topic(Field.RESPONSE)
SERVERS = Topic(Field.COUNTS, "computers-server")


def of_words(field: Field, *words: Any) -> Figure:
    told = [contribution(Topic(field), Said().with_word(field, word)) for word in words]
    return make_figure(Topic(field), [one for one in told if one is not None], as_of=57)


def of_numbers(*numbers: tuple[int, int]) -> Figure:
    return make_figure(SERVERS, numbers, as_of=57)


def test_the_two_gravest_words_are_set_aside() -> None:
    none, denial = FunctionalImpact.NONE, FunctionalImpact.DENIAL
    assert of_words(Field.FUNCTIONAL_IMPACT, denial, denial, none, none, none).word is none
    three = of_words(Field.FUNCTIONAL_IMPACT, denial, denial, denial, none, none)
    assert three.word is FunctionalImpact.SIGNIFICANT


def test_the_two_largest_numbers_are_set_aside_and_the_rest_is_a_decade() -> None:
    five = [(4, 4), (5, 60), (3, 3), (9_000, 9_000), (1_000_000, 1_000_000)]
    assert of_numbers(*five).span == (10, 99)
    assert of_numbers(*five[:3], (7, 7), (7, 7)).span == (10, 99)
    assert of_numbers((0, 0), (0, 0), (0, 0), (3, 3), (9, 9)).span == (0, 9)
    assert of_numbers(*[(30, 40)] * 5).span == (10, 999)
    assert of_numbers(*[(10**9, 2**53 - 1)] * 5).span == (10**9, None)
    assert of_numbers(*[(10**9 // 3, 10**9 // 3)] * 5).span == (10**8, 10**9 - 1)


def test_no_figure_is_made_of_fewer_than_five() -> None:
    assert LEAST == 5
    with pytest.raises(ValueError, match="fewer than 5"):
        of_numbers(*[(1, 1)] * 4)


def test_a_band_names_nobodys_word() -> None:
    for field, bands in BANDS.items():
        assert bands[0] == CHOICES[field][0]
        assert [rank(word) for word in bands] == sorted({rank(word) for word in bands})
        if field in LADDERS:
            words = len(LADDERS[field])
            ends = [*(rank(word) for word in bands[1:]), words]
            sizes = [end - rank(least) for least, end in zip(bands, ends, strict=True)]
            assert all(size > 1 for size in sizes[1:])


@pytest.mark.parametrize(
    ("state", "band"),
    [
        (ResponseState.UNKNOWN, 0),
        (ResponseState.INVESTIGATING, 0),
        (ResponseState.NOT_AFFECTED, 0),
        (ResponseState.AFFECTED, 1),
        (ResponseState.RECOVERED, 1),
    ],
)
def test_who_does_not_know_yet_contributes_like_who_is_not_affected(
    state: ResponseState, band: int
) -> None:
    assert contribution(AFFECTED, Said(response=state)) == (band, band)


def test_what_is_not_stated_contributes_nothing() -> None:
    assert topics_of(Said()) == frozenset()
    said = Said(
        Assessment(danger=Danger.NONE, essential_service=False, counts={"system": Span(0, 0)}),
        ResponseState.UNKNOWN,
    )
    assert topics_of(said) == {
        Topic(Field.DANGER),
        SERVICE,
        AFFECTED,
        Topic(Field.COUNTS, "system"),
    }
    assert contribution(SERVERS, said) is None
    assert contribution(Topic(Field.COUNTS, "system"), said) == (0, 0)
    assert topics_of(Said(Assessment(confidence=50))) == frozenset()


@pytest.mark.parametrize(
    ("figure", "sentence"),
    [
        (
            Figure(FUNCTIONAL, 0, 0, 57),
            (
                "Functional impact, as 5 or more have told the coordinator alone by entry 57:"
                " fewer than 3 say “significant” or worse."
            ),
        ),
        (
            Figure(FUNCTIONAL, 1, 1, 57),
            (
                "Functional impact, as 5 or more have told the coordinator alone by entry 57:"
                " 3 or more say “significant” or worse."
            ),
        ),
        (
            Figure(INFORMATION, 1, 1, 3),
            (
                "Information impact, as 5 or more have told the coordinator alone by entry 3:"
                " 3 or more say “personal data breached” or worse,"
                " fewer than 3 say “data of critical systems breached” or worse."
            ),
        ),
        (
            Figure(SERVICE, 1, 1, 3),
            (
                "An essential service is hit, as 5 or more have told the coordinator alone"
                " by entry 3: 3 or more say yes."
            ),
        ),
        (
            Figure(AFFECTED, 0, 0, 3),
            (
                "Response state, as 5 or more have told the coordinator alone by entry 3:"
                " fewer than 3 say that they are affected."
            ),
        ),
        (
            Figure(SERVERS, 1, 2, 3),
            (
                "computers-server, as 5 or more have told the coordinator alone by entry 3:"
                " 10 to 999 in all, without the 2 largest numbers."
            ),
        ),
        (
            Figure(SERVERS, 9, 9, 3),
            (
                "computers-server, as 5 or more have told the coordinator alone by entry 3:"
                " 1000000000 or more in all, without the 2 largest numbers."
            ),
        ),
    ],
)
def test_a_figure_is_told_in_a_sentence(figure: Figure, sentence: str) -> None:
    assert figure.sentence == sentence
    assert SAY_SO == 3


def test_figures_are_data() -> None:
    figures = (
        Figure(SERVERS, 1, 2, 3),
        Figure(Topic(Field.COUNTS, "system"), 0, 9, 4),
        Figure(SERVICE, 1, 1, 5),
        Figure(FUNCTIONAL, 1, 1, 57),
        Figure(AFFECTED, 0, 0, 0),
    )
    document = figures_document(figures[::-1])
    assert document == [
        {"field": "counts", "as_of": 3, "kind": "computers-server", "low": 10, "high": 999},
        {"field": "counts", "as_of": 4, "kind": "system", "low": 0},
        {"field": "essential_service", "as_of": 5, "at_least": True},
        {"field": "functional_impact", "as_of": 57, "at_least": "significant"},
        {"field": "response", "as_of": 0, "at_least": "not-affected"},
    ]
    assert read_figures(document) == figures


@pytest.mark.parametrize(
    ("item", "field", "says"),
    [
        (7, "figures[0]", "no object"),
        ({"as_of": 3}, "figures[0].field", "no figures of this"),
        ({"field": "confidence", "as_of": 3}, "figures[0].field", "no figures of this"),
        ({"field": ["danger"], "as_of": 3}, "figures[0].field", "no figures of this"),
        ({"field": "danger", "at_least": "none"}, "figures[0].as_of", "no position"),
        ({"field": "danger", "at_least": "none", "as_of": -1}, "figures[0].as_of", "no position"),
        ({"field": "danger", "at_least": "none", "as_of": True}, "figures[0].as_of", "no position"),
        ({"field": "danger", "as_of": 3}, "figures[0].at_least", "no band begins here"),
        (
            {"field": "danger", "at_least": "confirmed", "as_of": 3},
            "figures[0].at_least",
            "no band begins here",
        ),
        (
            {"field": "essential_service", "at_least": 1, "as_of": 3},
            "figures[0].at_least",
            "no band begins here",
        ),
        (
            {"field": "danger", "at_least": "none", "as_of": 3, "contributors": 5},
            "figures[0].contributors",
            "has no “contributors”",
        ),
        ({"field": "counts", "as_of": 3, "low": 0}, "figures[0].kind", "no kind"),
        (
            {"field": "counts", "as_of": 3, "kind": "system", "low": 11, "high": 99},
            "figures[0].low",
            "no band begins here",
        ),
        (
            {"field": "counts", "as_of": 3, "kind": "system", "low": False, "high": 99},
            "figures[0].low",
            "no band begins here",
        ),
        (
            {"field": "counts", "as_of": 3, "kind": "system", "low": 10, "high": 98},
            "figures[0].high",
            "no band ends here",
        ),
        (
            {"field": "counts", "as_of": 3, "kind": "system", "low": 10, "high": "99"},
            "figures[0].high",
            "no band ends here",
        ),
        (
            {"field": "counts", "as_of": 3, "kind": "system", "low": 100, "high": 99},
            "figures[0].high",
            "ends before it begins",
        ),
    ],
)
def test_what_is_no_figure_is_refused_by_its_field(item: Any, field: str, says: str) -> None:
    with pytest.raises(InvalidError, match=says) as refusal:
        read_figures([item])
    assert refusal.value.field == field


def test_figures_are_a_list_and_one_for_each_thing() -> None:
    with pytest.raises(InvalidError, match="no list"):
        read_figures({})
    twice = figures_document([Figure(SERVICE, 1, 1, 5), Figure(SERVICE, 0, 0, 6)])
    with pytest.raises(InvalidError, match="two figures of one thing"):
        read_figures(twice)


def test_the_words_of_bands_are_words_of_the_field() -> None:
    assert InformationImpact.PERSONAL_DATA in BANDS[Field.INFORMATION_IMPACT]
    assert Field.CONFIDENCE not in BANDS
    assert set(BANDS) == set(CHOICES)
