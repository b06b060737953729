from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import pytest
from pydantic import Field, StringConstraints
from werkzeug.datastructures import MultiDict

from hub.web.forms import PageForm, as_sentence, read_form
from policies.errors import ConflictError, InvalidError


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Example(PageForm):
    name: Annotated[str, StringConstraints(max_length=5)]
    colours: Annotated[list[Colour], Field(min_length=1, max_length=2)] = Field(
        default=[Colour.RED]
    )
    sure: bool = False
    note: Annotated[str, StringConstraints(max_length=5)] | None = None


def form(*pairs: tuple[str, str]) -> MultiDict[str, str]:
    return MultiDict(pairs)


def test_what_fits_becomes_a_value_and_blanks_at_the_rim_go() -> None:
    filled = read_form(Example, form(("name", " abc "), ("colours", "red"), ("colours", "blue")))
    assert filled.form == Example(name="abc", colours=[Colour.RED, Colour.BLUE])
    assert not filled.touched


def test_the_token_of_the_form_is_none_of_its_fields() -> None:
    assert read_form(Example, form(("name", "abc"), ("csrf_token", "x"), ("back", "/"))).form


def test_an_empty_field_counts_as_not_given() -> None:
    filled = read_form(Example, form(("name", ""), ("note", "")))
    assert filled.errors == {"name": "Please fill this in."}
    assert filled.values["name"] == ""


@pytest.mark.parametrize(
    ("pairs", "field", "sentence"),
    [
        ([("name", "abcdef")], "name", "This is too long: 5 characters at most."),
        ([("name", "a"), ("colours", "x")], "colours", "Please choose one of the options."),
        ([("name", "a"), ("sure", "perhaps")], "sure", "Please answer yes or no."),
        ([("name", "a"), ("other", "b")], "other", "This form has no such field."),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence_beside_its_field(
    pairs: list[tuple[str, str]], field: str, sentence: str
) -> None:
    filled = read_form(Example, form(*pairs))
    assert filled.form is None
    assert filled.errors == {field: sentence}
    assert filled.values["name"] == pairs[0][1]


def test_a_refusal_of_a_service_goes_to_the_field_that_it_names() -> None:
    filled = read_form(Example, form(("name", "abc")))
    refused = filled.refused(InvalidError("it is taken", field="body.name", hint="Try another."))
    assert refused.errors == {"name": "It is taken. Try another."}
    assert refused.problem is None
    assert refused.form is None


def test_a_refusal_that_names_no_field_stands_above_the_form() -> None:
    filled = read_form(Example, form(("name", "abc")))
    refused = filled.refused(ConflictError("it changed meanwhile", hint="Load it again."))
    assert (refused.problem, refused.hint) == ("It changed meanwhile.", "Load it again.")
    assert refused.touched


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("no", "No."),
        ("Is it?", "Is it?"),
        ("", ""),
        ("http://a:1 answered 410", "The node at http://a:1 answered 410."),
    ],
)
def test_a_reason_becomes_a_sentence(text: str, sentence: str) -> None:
    assert as_sentence(text) == sentence


def test_what_no_database_takes_is_refused_beside_its_field() -> None:
    filled = read_form(Example, form(("name", "a\x00b"), ("note", "abc")))
    assert filled.form is None
    assert filled.errors == {
        "name": "This holds a character that nobody sees: please type it anew."
    }
    assert filled.values == {"name": "ab", "note": "abc"}
    chosen = read_form(Example, form(("name", "abc"), ("colours", "r\x00ed")))
    assert list(chosen.errors) == ["colours"]
