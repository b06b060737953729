"""What the TAXII server asks of the floors above: who calls, what they see, what they bring in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from flask import Request
from sqlalchemy.orm import Session

from sharing.objects import StixObject
from sharing.selection import Scope


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking.

    Args:
        identity: the STIX id of an organisation.
        kind: how it proved itself: a word that the floors above understand.
    """

    identity: str
    kind: str = "node"


@dataclass(frozen=True, slots=True)
class Shelf:
    """A collection as one caller may use it.

    Args:
        id: of the collection, a UUID.
        scope: what of it the caller may read.
        hide_types: object types that are served only where `match[type]` or an id asks for them.
    """

    id: str
    title: str
    description: str | None
    can_read: bool
    can_write: bool
    scope: Scope
    hide_types: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one object of a submission.

    Args:
        version: its `modified`, else `created`, else none.
        failure: `<name>: <sentence>`, or `None` where it was taken.
    """

    object_id: str
    version: str | None
    failure: str | None


class Doors(Protocol):
    """What lies behind the server; `hub/app.py` hands one in."""

    def caller(self, request: Request) -> Caller:
        """Tell who is asking; raise `UnverifiedError` where nobody knows."""

    def collections(self, session: Session, caller: Caller) -> Sequence[Shelf]:
        """Give the collections that the caller may know of."""

    def shelf(self, session: Session, caller: Caller, collection_id: str) -> Shelf:
        """Give one of them; raise `NotFoundError` for whoever may not know of it."""

    def accept(self, caller: Caller, shelf: Shelf, objects: Sequence[StixObject]) -> list[Outcome]:
        """Take a submission in a transaction of its own; give what became of each, in order."""
