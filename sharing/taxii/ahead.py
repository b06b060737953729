"""The next page is fetched while its reader still works on the one before.

Source: TAXII 2.1, 3.4 (pages).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context

from sharing.taxii.client import PulledPage


def read_ahead(pages: Generator[PulledPage, None, None]) -> Iterator[PulledPage]:
    """Give pages one by one, each but the first asked for while the one before is in use.

    One thread at a time works on `pages`, in the context of who began; a single page takes none.
    Whoever stops early waits for the answer that is under way, which its time limit bounds.
    """
    with closing(pages):
        page = next(pages, None)
        if page is not None and page.more:
            yield from _by_thread(page, pages)
        elif page is not None:
            yield page


def _by_thread(page: PulledPage, pages: Iterator[PulledPage]) -> Iterator[PulledPage]:
    following: PulledPage | None = page
    context = copy_context()

    def fetch() -> PulledPage | None:
        return context.run(lambda: next(pages, None))

    with ThreadPoolExecutor(1, thread_name_prefix="pages") as pool:
        while following is not None:
            coming = pool.submit(fetch) if following.more else None
            yield following
            following = coming.result() if coming is not None else None
