"""Submissions: an envelope read within bounds, and the status that its submitter may ask for.

Source: TAXII 2.1, 4.3 and 5.5.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from policies.errors import InvalidError, NotFoundError, TooLargeError
from sharing.canonical import MAX_DEPTH, read_json, version_text
from sharing.objects import SIGNED_BUNDLE, StixObject
from sharing.records import TaxiiStatus
from sharing.taxii.doors import Outcome
from sharing.taxii.resources import TaxiiError, document_bytes, status_document

OBJECTS_LIMIT: Final = 20_000
ENVELOPE_DEPTH: Final = MAX_DEPTH + 2
KEPT_FOR: Final = timedelta(hours=48)
"""How long a status is kept. Source: TAXII 2.1, 4.3 (at least 24 hours)."""

_ENVELOPE: Final = frozenset({"objects", "more", "next"})
_CUSTOM: Final = re.compile(r"x_[a-z0-9_]{1,248}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Submission:
    """An envelope, read.

    Args:
        objects: those that are STIX objects, in their order.
        outcomes: per object of the envelope its failure, or `None` for the next of `objects`.
    """

    objects: tuple[StixObject, ...]
    outcomes: tuple[Outcome | None, ...]


def read_submission(data: bytes, *, limit_bytes: int) -> Submission:
    """Read an envelope. An object that can't be taken fails alone.

    Only where the envelope holds a signed bundle do all fail with it: what a bundle covers stays
    together or is not there at all.

    Raises:
        TooLargeError: more than `limit_bytes`.
        MalformedError: not I-JSON; nothing of it is looked at.
        TaxiiError: no envelope, or an object without an id by which to report on it (422).
    """
    value = read_json(data, limit_bytes=limit_bytes, field="body", max_depth=ENVELOPE_DEPTH)
    items = _read_envelope(value)
    taken: list[StixObject] = []
    outcomes: list[Outcome | None] = []
    for index, item in enumerate(items):
        name = _name(item, index)
        try:
            taken.append(StixObject.of(item))
        except InvalidError as error:
            kind = "too_large" if isinstance(error, TooLargeError) else "malformed"
            failure = f"{kind}: {error.message}"
            outcomes.append(Outcome(name, version_text(item), failure))
        else:
            outcomes.append(None)
    together = any(item.get("type") == SIGNED_BUNDLE for item in items)
    if together and len(taken) < len(items):
        failed = [
            outcome or Outcome(item["id"], version_text(item), "malformed: an object beside it is")
            for outcome, item in zip(outcomes, items, strict=True)
        ]
        return Submission((), tuple(failed))
    return Submission(tuple(taken), tuple(outcomes))


def submit(
    submission: Submission, accept: Callable[[Sequence[StixObject]], Sequence[Outcome]]
) -> list[Outcome]:
    """Hand on what can be taken; give what became of each object of the envelope, in order."""
    accepted = iter(accept(submission.objects) if submission.objects else ())
    return [outcome or next(accepted) for outcome in submission.outcomes]


def save_status(
    session: Session, submitter: str, outcomes: Sequence[Outcome], *, now: datetime
) -> bytes:
    """Keep the status of a submission, drop those that are old; give its document."""
    status_id = str(uuid.uuid4())
    document = document_bytes(status_document(status_id, now, outcomes))
    session.execute(delete(TaxiiStatus).where(TaxiiStatus.requested_at < now - KEPT_FOR))
    session.add(TaxiiStatus(id=status_id, submitter=submitter, requested_at=now, document=document))
    return document


def get_status(session: Session, submitter: str, status_id: str) -> bytes:
    """Give the document of a submission's status to its submitter.

    Raises:
        NotFoundError: there is none, it is too old, or somebody else submitted.
    """
    query = select(TaxiiStatus.document).where(
        TaxiiStatus.id == status_id, TaxiiStatus.submitter == submitter
    )
    document = session.scalar(query)
    if document is None:
        raise NotFoundError("There is no such status.")
    return document


def _read_envelope(value: Any) -> list[Mapping[str, Any]]:
    if not isinstance(value, dict):
        raise _unprocessable("The body is no envelope.")
    if value.get("type") == "bundle":
        raise _unprocessable("The body is a STIX bundle; TAXII 2.1 takes an envelope.")
    for name in value.keys() - _ENVELOPE:
        if _CUSTOM.fullmatch(name) is None:
            raise _unprocessable(f"An envelope has no property “{name[:60]}”.")
    items = value.get("objects", [])
    if not isinstance(items, list):
        raise _unprocessable("“objects” is not a list.")
    if len(items) > OBJECTS_LIMIT:
        raise _unprocessable(f"An envelope holds at most {OBJECTS_LIMIT} objects.")
    return items


def _name(item: Any, index: int) -> str:
    name = item.get("id") if isinstance(item, dict) else None
    if not isinstance(name, str) or not name:
        raise _unprocessable(f"objects[{index}] is no object with an “id”. Nothing was taken.")
    return name


def _unprocessable(message: str) -> TaxiiError:
    return TaxiiError(HTTPStatus.UNPROCESSABLE_ENTITY, message)
