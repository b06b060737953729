from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.api.idempotency import read_key
from hub.api.paging import cut, read_cursor, write_cursor
from policies.errors import InvalidError


@given(st.text(st.characters(exclude_characters="\0")), st.integers(1 - 2**53, 2**53 - 1))
def test_a_cursor_comes_back_as_it_went(text: str, number: int) -> None:
    try:
        cursor = write_cursor(text, number)
    except TypeError:  # a lone surrogate is in none of our keys
        return
    assert read_cursor(cursor, str, int) == (text, number)
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(st.text(max_size=80))
def test_a_cursor_of_somebody_else_is_refused_and_breaks_nothing(text: str) -> None:
    with suppress(InvalidError):
        key = read_cursor(text, int)
        assert key is not None
        assert write_cursor(*key)


@pytest.mark.parametrize(
    "cursor", ["", "%%%", "bm90anNvbg", write_cursor("a"), write_cursor(1, 2), "é"]
)
def test_a_cursor_for_another_list_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidError, match="none of ours"):
        read_cursor(cursor, int)
    assert read_cursor(None, int) is None


def test_one_more_row_than_asked_for_tells_that_there_are_more() -> None:
    assert cut([1, 2, 3], 2) == ([1, 2], True)
    assert cut([1, 2], 2) == ([1, 2], False)


@pytest.mark.parametrize("text", ["12345678", '"12345678"', "8e03978e-40d5-43e8-bc93-6894a57f9324"])
def test_a_key_may_have_quotes_around_it(text: str) -> None:
    assert read_key(text) == text.strip('"')


@pytest.mark.parametrize(
    "text", ["", "short", "x" * 201, "with a blank", "ümlaut-key", '"""""""""']
)
def test_a_key_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match="Idempotency-Key"):
        read_key(text)
