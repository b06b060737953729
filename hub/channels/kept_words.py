"""What our people wrote and no ledger took: kept here, read here, offered as a note.

Source: lifecycles, 1, rule 3: the sender's node keeps what was written and offers it as a note.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.orm import Session

from federation.ledgers.ledger_records import ContributionRecord, Delivery
from hub.accounts.actor import Actor
from hub.channels.history import READERS_OF_RED
from hub.channels.names import names_in
from hub.channels.plain_words import describe_entry
from hub.channels.queries import PendingRow
from hub.channels.service import get_visible_channel
from policies.acts import Act
from policies.assessment import Field, describe_stated, read_assessment
from policies.errors import InvalidError, NotFoundError
from policies.marking import MarkingError, own_label
from policies.tlp import TLP, strictest
from sharing import objects

LONGEST: Final = 20_000
"""So long may a note be."""


@dataclass(frozen=True)
class KeptWords:
    """What a contribution of ours says.

    Args:
        text: in full, as a note would say it; `None` where this person may not read it.
        tlp: the strictest label on it, `None` where it has none.
        refused: the owner refused it: it can be said again as a note.
    """

    text: str | None
    tlp: TLP | None
    refused: bool


def get_kept_words(session: Session, actor: Actor, channel: str, sha256: str) -> KeptWords:
    """Give what one contribution of ours says.

    Raises:
        NotFoundError: there is none, or the actor may not know of it.
    """
    get_visible_channel(session, actor, channel)
    row = session.get(ContributionRecord, sha256)
    if row is None or row.channel != channel:
        raise NotFoundError("there is no such contribution")
    return _words(session, actor, row)


def kept_words_of(
    session: Session, actor: Actor, rows: Sequence[PendingRow]
) -> dict[str, KeptWords]:
    """Give hash → what it says, for contributions that this person was given."""
    found = {}
    for one in rows:
        row = session.get(ContributionRecord, one.sha256)
        if row is not None:
            found[one.sha256] = _words(session, actor, row)
    return found


def _words(session: Session, actor: Actor, row: ContributionRecord) -> KeptWords:
    bundle = objects.StixObject.read(row.bundle).value
    contents = objects.find_contents(session, row.objects)
    covered = [
        objects.StixObject.read(contents[sha256]).value
        for sha256 in row.objects
        if sha256 in contents
    ]
    notes = [one for one in covered if one.get("type") == "note"]
    tlp, close = _label(covered)
    refused = row.state is Delivery.REFUSED
    if close and not actor.roles & READERS_OF_RED:
        return KeptWords(None, tlp, refused)
    said = [str(one.get("content") or "").strip() for one in notes]
    if row.act != Act.NOTE_ADDED or not said:
        names = names_in(session, row.channel)
        us = str(bundle.get("created_by_ref", ""))
        body: Mapping[str, Any] = bundle.get("body", {})
        refs = [str(one.get("id")) for one in covered]
        sentence = describe_entry(row.act, body, names.get(us, "Our organisation"), names, refs)
        stated = [*_stated(body), *_others(covered)]
        said = [": ".join([sentence, "; ".join(stated)] if stated else [sentence]) + ".", *said]
    return KeptWords("\n\n".join(part for part in said if part)[:LONGEST], tlp, refused)


def _stated(body: Mapping[str, Any]) -> Iterator[str]:
    """Give what an assessment states, question by question."""
    try:
        stated = read_assessment(body.get("assessment", {}))
    except InvalidError:
        return
    for field in Field:
        word = describe_stated(stated, field)
        if word is not None:
            yield f"{field.label.lower()} {word}"


def _others(covered: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Give what else came along that has words of its own: indicators, events, opinions."""
    for one in covered:
        if one.get("type") in {"note", "identity", "impact"}:
            continue
        words = one.get("pattern") or one.get("explanation") or one.get("description")
        parts = [str(part) for part in (one.get("name"), words) if part]
        yield from [" – ".join(parts)] if parts else []


def _label(covered: Sequence[Mapping[str, Any]]) -> tuple[TLP | None, bool]:
    """Give the strictest label, and whether it is for coordinators and handlers."""
    try:
        labels = [own_label(one, lambda _: None) for one in covered]
    except MarkingError:
        return None, True
    tlp = strictest(label for label in labels if label is not None)
    return tlp, tlp is TLP.RED
