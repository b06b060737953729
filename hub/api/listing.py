"""Pages of lists that are short enough to be read whole: cut by the key of a row all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from hub.api.paging import PageQuery, cut, read_cursor, write_cursor
from policies.errors import InvalidError

T = TypeVar("T")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def cut_page(
    rows: Iterable[T],
    query: PageQuery,
    key: Callable[[T], tuple[str | int, ...]],
    *kinds: type[str | int],
) -> tuple[list[T], str | None]:
    """Give a page of rows in the order of their keys, and the cursor of the next.

    Args:
        key: what a row is sorted by, no two rows the same.
        kinds: the types of its parts.

    Raises:
        InvalidError: the cursor is none of ours.
    """
    after: tuple[Any, ...] | None = read_cursor(query.cursor, *kinds)
    ordered = sorted((key(row), place, row) for place, row in enumerate(rows))
    following = [row for row_key, _, row in ordered if after is None or row_key > after]
    page, more = cut(following, query.limit)
    return list(page), write_cursor(*key(page[-1])) if more else None


def newest_first(moment: datetime | None) -> int:
    """Give a time as a part of a key by which the newest comes first."""
    return 0 if moment is None else -((moment - _EPOCH) // timedelta(microseconds=1))


def oldest_first(moment: datetime) -> int:
    """Give a time as a part of a key by which the oldest comes first."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(part: int) -> datetime:
    """Give the time that `oldest_first` made a part of a key of.

    Raises:
        InvalidError: there is no such time: the cursor is none of ours.
    """
    try:
        return _EPOCH + timedelta(microseconds=part)
    except OverflowError:
        raise InvalidError("this cursor is none of ours", field="query.cursor") from None
