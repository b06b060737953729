"""A TAXII 2.1 client: pull pages of a collection, ask for objects by id, submit.

Built on taxii2-client over our own `Connection`.

Source: TAXII 2.1, 3.4, 3.5, 5.4, 5.5; wire format, 3 (submitting, pulling).
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from requests.auth import AuthBase
from taxii2client.exceptions import TAXIIServiceException
from taxii2client.v21 import ApiRoot, Collection

from policies.errors import InvalidError, TooLargeError
from sharing.canonical import plain_form, read_instant
from sharing.collections import PAGE_LIMIT
from sharing.objects import StixObject, is_stix_id
from sharing.taxii.connection import (
    Answer,
    BadAnswerError,
    BearerAuth,
    Connection,
    Limits,
    NoAnswerError,
    PeerRefusalError,
)
from sharing.taxii.resources import API_ROOT_PATH

__all__ = [
    "BadAnswerError",
    "BearerAuth",
    "Limits",
    "NoAnswerError",
    "PeerRefusalError",
    "PostedStatus",
    "PulledPage",
    "Reported",
    "TaxiiClient",
    "Unreadable",
]

LAST_HEADER: Final = "X-TAXII-Date-Added-Last"
_ID_BYTES: Final = 2500
"""How many bytes of ids go into one address; common servers take 4 KiB in all."""
_SMALL_BYTES: Final = 1024 * 1024
"""Up to here nobody asks the server first how much it takes."""
_SHOWN: Final = 300


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something in a page that is no STIX object.

    Args:
        claimed_id: the id that it gives itself, where that has the form of one.
        value: as it was parsed.
    """

    claimed_id: str | None
    reason: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class PulledPage:
    """One page of a collection, in the server's order, nothing of it proven.

    Args:
        last_added: with what to ask for the rest: `date_added` of the last object, as the server
            wrote it; `None` where the page is empty. Keep it only with the page.
    """

    objects: list[StixObject]
    unreadable: list[Unreadable]
    last_added: str | None
    more: bool


@dataclass(frozen=True, slots=True)
class Reported:
    """What a server says of one object of a submission."""

    object_id: str
    version: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class PostedStatus:
    """What became of a submission; while `pending` is not empty, ask again."""

    id: str
    successes: tuple[Reported, ...]
    failures: tuple[Reported, ...]
    pending: tuple[Reported, ...]
    complete: bool


class TaxiiClient:
    """Reads from and submits to the collections of one API root.

    Every call raises `NoAnswerError`, `PeerRefusalError` or `BadAnswerError`; all three are
    `CoordinationError`s. One thread uses it at a time.

    Args:
        base_url: origin of the server.
        auth: a `BearerAuth`, a pair of name and password, or nothing.
        ca_file: the authority that the server's certificate must come from.
        api_root: its path, as discovery gives it.
    """

    def __init__(
        self,
        base_url: str,
        auth: AuthBase | tuple[str, str] | None,
        *,
        ca_file: str | None = None,
        limits: Limits | None = None,
        api_root: str = API_ROOT_PATH,
    ) -> None:
        origin = base_url.rstrip("/")
        self._root = f"{origin}/{api_root.strip('/')}/"
        self._limits = limits or Limits()
        self._connection = Connection(origin, auth, ca_file=ca_file, limits=self._limits)
        self._max_content_length: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def pages(
        self,
        collection_id: str,
        added_after: str | None = None,
        limit: int = PAGE_LIMIT,
        *,
        stix_type: str | None = None,
    ) -> Generator[PulledPage, None, None]:
        """Pull every version of every object that was added later, page by page.

        Args:
            stix_type: objects of this type alone.

        Raises:
            BadAnswerError: also where a server says that there is more and does not get on.
        """
        filters = {"added_after": added_after, "limit": [limit], "version": "all"}
        if stix_type is not None:
            filters["type"] = stix_type
        yield from self._follow(collection_id, filters)

    def by_ids(self, collection_id: str, ids: Sequence[str]) -> Iterator[PulledPage]:
        """Pull every version of these objects, up to what is taken at once."""
        size = 0
        for part in _parts(ids):
            for page in self._follow(collection_id, {"id": part, "version": "all"}):
                yield page
                size += sum(len(stix.content) for stix in page.objects)
                if size > self._limits.asked_bytes:
                    return

    def post(self, collection_id: str, objects: Sequence[StixObject]) -> PostedStatus:
        """Submit objects in one envelope, in this order, as their stored bytes.

        Raises:
            TooLargeError: the server takes no envelope of this size; nothing was sent.
        """
        contents = b",".join(item.content for item in objects)
        body = b'{"objects":[' + contents + b"]}" if contents else b"{}"
        if len(body) > _SMALL_BYTES and len(body) > self.max_content_length():
            raise TooLargeError(
                f"{len(body)} bytes are more than the {self.max_content_length()} that this"
                " server takes at once"
            )
        with _answers_read():
            collection = self._collection(collection_id)
            status = collection.add_objects(body, wait_for_completion=False)
            return _read_status(status)

    def status(self, status_id: str) -> PostedStatus:
        """Ask what became of a submission."""
        with _answers_read():
            return _read_status(ApiRoot(self._root, conn=self._connection).get_status(status_id))

    def max_content_length(self) -> int:
        """Give the size of envelope that the server takes; asked once."""
        if self._max_content_length is None:
            with _answers_read():
                length = ApiRoot(self._root, conn=self._connection).max_content_length
                if not isinstance(length, int) or isinstance(length, bool) or length < 1:
                    raise BadAnswerError("The server names no size that it takes.")
                self._max_content_length = length
        return self._max_content_length

    def _collection(self, collection_id: str) -> Collection:
        facts = {"id": collection_id, "title": "-", "can_read": True, "can_write": True}
        url = f"{self._root}collections/{collection_id}/"
        return Collection(url, conn=self._connection, collection_info=facts)

    def _follow(
        self, collection_id: str, filters: Mapping[str, Any]
    ) -> Generator[PulledPage, None, None]:
        collection = self._collection(collection_id)
        asked = dict(filters)
        seen: set[str] = set()
        end = time.monotonic() + self._limits.pages_seconds
        while True:
            with _answers_read():
                answer: Answer = collection.get_objects(**asked)
                page = _read_page(answer)
            yield page
            if not page.more:
                return
            if time.monotonic() > end:
                raise NoAnswerError(
                    "The server always has more, for too long; the rest is asked for later."
                )
            asked = _next_question(asked, page, answer, seen)


def _parts(ids: Sequence[str]) -> Iterator[list[str]]:
    """Give as many ids at once as go into an address."""
    part: list[str] = []
    for stix_id in ids:
        if sum(len(item) + 3 for item in [*part, stix_id]) > _ID_BYTES and part:
            yield part
            part = []
        part.append(stix_id)
    if part:
        yield part


def _next_question(
    asked: Mapping[str, Any], page: PulledPage, answer: Answer, seen: set[str]
) -> dict[str, Any]:
    """Go on after the last object, or by `next` where the page names none; never in a circle."""
    after = asked.get("added_after")
    if page.last_added is not None and not asked.get("next"):
        if after is not None and read_instant(page.last_added) <= read_instant(str(after)):
            raise BadAnswerError("The server does not get on: its pages repeat themselves.")
        return {**asked, "added_after": page.last_added}
    token = answer.get("next")
    if not isinstance(token, str) or not token or token in seen:
        raise BadAnswerError("The server says that there is more, and not how to get it.")
    seen.add(token)
    return {**asked, "next": token}


def _read_page(answer: Answer) -> PulledPage:
    items, more = answer.get("objects", []), answer.get("more", False)
    if not isinstance(items, list) or not isinstance(more, bool):
        raise BadAnswerError("The answer is no envelope.")
    objects: list[StixObject] = []
    unreadable: list[Unreadable] = []
    for item in items:
        try:
            written = plain_form(item) if answer.is_plain else None
            objects.append(StixObject.of(item, written=written))
        except InvalidError as error:
            claimed = item.get("id") if isinstance(item, dict) else None
            known = claimed if isinstance(claimed, str) and is_stix_id(claimed) else None
            unreadable.append(Unreadable(known, error.message, item))
    last_added = answer.headers.get(LAST_HEADER)
    if last_added is not None:
        read_instant(last_added, field=LAST_HEADER)
    return PulledPage(objects, unreadable, last_added if items else None, more)


def _read_status(status: Any) -> PostedStatus:
    if not isinstance(status.id, str) or status.status not in ("complete", "pending"):
        raise BadAnswerError("The answer is no status.")
    return PostedStatus(
        id=status.id,
        successes=_read_reports(status.successes),
        failures=_read_reports(status.failures),
        pending=_read_reports(status.pendings),
        complete=status.status == "complete",
    )


def _read_reports(items: Any) -> tuple[Reported, ...]:
    return tuple(
        Reported(str(item["id"])[:_SHOWN], _text(item, "version"), _text(item, "message"))
        for item in items
    )


def _text(item: Mapping[str, Any], name: str) -> str | None:
    text = item.get(name)
    return text[:_SHOWN] if isinstance(text, str) else None


@contextmanager
def _answers_read() -> Iterator[None]:
    """Turn what taxii2-client makes of a strange answer into a refusal."""
    try:
        yield
    except (BadAnswerError, TooLargeError):
        raise
    except InvalidError as error:
        raise BadAnswerError(f"The answer can't be read: {error.message}.") from None
    except (TAXIIServiceException, KeyError, TypeError, AttributeError, ValueError) as error:
        raise BadAnswerError(f"The answer is not what TAXII names: {error!s:.300}") from error
