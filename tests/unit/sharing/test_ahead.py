"""Pages that are read ahead: in order, one thread, and nobody asks on for who has stopped."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator

import pytest

from policies.errors import UnavailableError
from sharing.taxii.ahead import read_ahead
from sharing.taxii.client import PulledPage


class Server:
    """Gives so many pages, and notes what was asked of it."""

    def __init__(self, count: int, *, fails_at: int | None = None) -> None:
        self.count, self.fails_at = count, fails_at
        self.asked = 0
        self.threads: set[int] = set()
        self.closed = False

    def pages(self) -> Generator[PulledPage, None, None]:
        try:
            for number in range(self.count):
                self.asked += 1
                self.threads.add(threading.get_ident())
                if number == self.fails_at:
                    raise UnavailableError("the way is cut")
                yield PulledPage([], [], str(number), more=number + 1 < self.count)
        finally:
            self.closed = True


def cursors(pages: Iterator[PulledPage]) -> list[str | None]:
    return [page.last_added for page in pages]


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_every_page_comes_once_and_in_order(count: int) -> None:
    server = Server(count)
    assert cursors(read_ahead(server.pages())) == [str(number) for number in range(count)]
    assert server.closed


def test_a_single_page_takes_no_thread() -> None:
    server = Server(1)
    cursors(read_ahead(server.pages()))
    assert server.threads == {threading.get_ident()}


def test_who_stops_early_has_asked_for_one_page_more_at_most() -> None:
    server = Server(9)
    given = read_ahead(server.pages())
    assert next(given).last_added == "0"
    assert isinstance(given, Generator)
    given.close()
    assert server.asked <= 2
    assert server.closed


def test_what_came_before_a_failure_is_given_first() -> None:
    given = read_ahead(Server(5, fails_at=2).pages())
    assert [next(given).last_added, next(given).last_added] == ["0", "1"]
    with pytest.raises(UnavailableError, match="the way is cut"):
        next(given)
