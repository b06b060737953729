"""Entries of channels in plain words, with what the person may read of their objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.judging.contents import Chains
from federation.judging.disowning import doubt_about, doubt_about_admission
from federation.ledgers.ledger_records import (
    CoveredRecord,
    EntryRecord,
)
from hub.accounts.actor import Actor
from hub.channels.history_pages import EntryPage
from hub.channels.plain_words import describe_clock, describe_entry
from hub.channels.relay_records import RelayAnswer
from hub.channels.service import get_visible_channel
from policies.roles import PersonRole, Right
from policies.tlp import TLP
from sharing import objects
from sharing.canonical import read_time

PAGE: Final = 25
MAX_PAGE: Final = 100
READERS_OF_RED: Final = frozenset({PersonRole.COORDINATOR, PersonRole.HANDLER})


@dataclass(frozen=True)
class EntryItem:
    """An object that an entry covers, as a person sees it.

    Args:
        text: its words; `None` where this person may not read them, or they are not here.
        absence: why they are not here: withheld, recalled, disowned; empty where they are.
    """

    ref: str
    type: str
    tlp: TLP | None
    title: str
    text: str | None
    absence: str
    later: bool | None = None
    """Whether later members read it; none where its label alone lets everybody."""
    may_open: bool = False
    """It is ours, and can be opened to later members."""

    @property
    def is_named(self) -> bool:
        """Tell whether it is an identity whose name this person may read."""
        return self.type == "identity" and not self.absence


@dataclass(frozen=True)
class Relayed:
    """That an entry is the coordinator's word on behalf of another organisation.

    Args:
        answer: what that organisation itself said of it, none so far where it said nothing.
        is_ours: it was said in our name: we confirm or dispute it.
    """

    organisation: str
    name: str
    way: str
    told_at: datetime
    informant: str | None
    answer: RelayAnswer
    answered_at: datetime | None
    is_ours: bool


@dataclass(frozen=True)
class Entry:
    """An entry in plain words.

    Args:
        void: the failure's name where it has no effect.
        doubtful: why it may not be its author's: the key was revoked since.
        doubtful_admission: why it may not have come when and in the order that it stands here: the
            key that admitted it was revoked since. Its words are its author's.
        admitted_by: name of who admitted it; none where it is its author's own entry.
        disowned: its author has said that it is not.
    """

    channel: str
    epoch: int
    seq: int
    act: str
    author: str
    author_name: str
    sentence: str
    at: datetime
    received_at: datetime
    sha256: str
    bundle: str
    void: str | None
    void_sentence: str | None
    known: bool
    doubtful: str | None
    doubtful_admission: str | None
    admitted_by: str | None
    disowned: bool
    items: tuple[EntryItem, ...]
    more_items: int
    relayed: Relayed | None = None
    clock: str | None = None
    """What its times do not agree on, in words; order and deadlines go by the ledger alone."""
    told_alone: bool = False
    """It was told us alone, and this person is not among those who answer: nothing of it is shown,
    not even how many objects it has, which would tell what is stated."""

    @property
    def withheld(self) -> tuple[str, ...]:
        """Ids of what is withheld from us: its author is asked for it."""
        return tuple(one.ref for one in self.items if one.absence == "withheld")

    @property
    def kept_close(self) -> tuple[str, ...]:
        """Ids of what is ours and later members do not read so far."""
        return tuple(one.ref for one in self.items if one.may_open)

    @property
    def opened(self) -> bool:
        """Tell whether later members read something here whatever its label."""
        return any(one.later for one in self.items)


def answers_what_is_told_alone(actor: Actor) -> bool:
    """Tell whether a person is among those who read what a partner tells us alone."""
    return bool(actor.roles & READERS_OF_RED)


def visible_entries(
    session: Session,
    actor: Actor,
    channel: str,
    *,
    before: tuple[int, int] | None = None,
    limit: int = PAGE,
) -> list[Entry]:
    """Give entries of a channel, newest first, older than `before` (epoch, seq).

    Args:
        limit: a page at most, and one more to see whether any follow.
    """
    get_visible_channel(session, actor, channel)
    query = select(EntryRecord).where(EntryRecord.channel == channel)
    if before is not None:
        epoch, seq = before
        query = query.where(
            (EntryRecord.epoch < epoch) | ((EntryRecord.epoch == epoch) & (EntryRecord.seq < seq))
        )
    query = query.order_by(EntryRecord.epoch.desc(), EntryRecord.seq.desc())
    rows = list(session.scalars(query.limit(max(1, min(limit, MAX_PAGE + 1)))))
    return entries_of(session, actor, rows)


def visible_news(session: Session, actor: Actor, *, us: str, limit: int = 15) -> list[Entry]:
    """Give what others wrote last, over all channels, newest first."""
    if not actor.may(Right.READ_CHANNELS):
        return []
    query = (
        select(EntryRecord)
        .where(EntryRecord.author != us, ~EntryRecord.disowned)
        .order_by(EntryRecord.applied_at.desc(), EntryRecord.date_added.desc())
        .limit(limit)
    )
    return entries_of(session, actor, list(session.scalars(query)))


def entries_of(session: Session, actor: Actor, rows: Sequence[EntryRecord]) -> list[Entry]:
    """Give entries, of one channel or of several, in plain words and in the same order."""
    if not rows:
        return []
    page = EntryPage(session, rows)
    return [_entry(actor, row, page) for row in rows]


def _entry(actor: Actor, row: EntryRecord, page: EntryPage) -> Entry:
    chains, covered, shown = page.chains(row.channel), page.covered(row), page.shown(row)
    close = page.was_told_alone(row) and not answers_what_is_told_alone(actor)
    if close:
        covered, shown = (), ()
    bundle = page.content(row.channel, row.contribution_object or row.object_sha256)
    body: Mapping[str, Any] = {}
    dated = row.created_at
    if bundle is not None:
        value = objects.StixObject.read(bundle).value
        body, dated = value.get("body", {}), read_time(str(value["created"]))
    items = tuple(_item(actor, one, page) for one in shown)
    # Who told it is named by an identity that came along, for those who may read it.
    known = page.names.get(row.channel, {})
    names = {**{one.ref: one.title for one in items if one.is_named}, **known}
    author = names.get(row.author, row.author)
    return Entry(
        channel=row.channel,
        epoch=row.epoch,
        seq=row.seq,
        act=row.act,
        author=row.author,
        author_name=author,
        sentence=(
            f"{author} told something for coordinators and handlers."
            if close
            else describe_entry(row.act, body, author, names, [one.ref for one in covered])
        ),
        at=row.created_at,
        received_at=row.applied_at,
        sha256=row.sha256,
        bundle=row.contribution_sha256 or row.sha256,
        void=row.void,
        void_sentence=row.sentence,
        known=row.known,
        doubtful=(
            doubt_about(chains.get(row.author, ()), row.kid, row.created_ns)
            if row.void is None
            else None
        ),
        doubtful_admission=_doubtful_admission(row, chains),
        admitted_by=(
            names.get(row.admitted_by, row.admitted_by) if row.admitted_by is not None else None
        ),
        disowned=row.disowned,
        items=items,
        more_items=len(covered) - len(shown),
        relayed=_relayed(row, page, names) if "on_behalf_of" in body else None,
        clock=describe_clock(author, dated, row.created_at, row.applied_at),
        told_alone=close,
    )


def _doubtful_admission(row: EntryRecord, chains: Chains) -> str | None:
    if row.admitted_by is None or row.admitted_kid is None or row.void is not None:
        return None
    chain = chains.get(row.admitted_by, ())
    return doubt_about_admission(chain, row.admitted_kid, row.created_ns)


def _relayed(row: EntryRecord, page: EntryPage, names: Mapping[str, str]) -> Relayed | None:
    kept = page.relayed(row)
    if kept is None or page.us is None:
        return None
    return Relayed(
        organisation=kept.organisation,
        name=names.get(kept.organisation, kept.organisation),
        way=kept.way,
        told_at=kept.told_at,
        informant=names.get(kept.informant) if kept.informant else None,
        answer=kept.answer,
        answered_at=kept.answered_at,
        is_ours=page.is_ours_to_answer(kept),
    )


def _item(actor: Actor, row: CoveredRecord, page: EntryPage) -> EntryItem:
    """Give an object, with whether later members read it, and whether we can open it to them."""
    item = _content_of(actor, row, page.content(row.channel, row.sha256))
    later = page.later(row)
    return replace(item, later=later, may_open=later is False and page.is_ours(row))


def _content_of(actor: Actor, row: CoveredRecord, content: bytes | None) -> EntryItem:
    stix_type = row.ref.partition("--")[0]
    red = row.claimed is TLP.RED and not actor.roles & READERS_OF_RED
    if row.disowned:
        return EntryItem(row.ref, stix_type, row.claimed, "disowned", None, "disowned")
    if row.recalled:
        return EntryItem(row.ref, stix_type, row.claimed, "recalled", None, "recalled")
    if content is None:
        return EntryItem(row.ref, stix_type, row.claimed, "withheld", None, "withheld")
    if red:
        title = "for coordinators and handlers"
        return EntryItem(row.ref, stix_type, row.claimed, title, None, "red")
    value = objects.StixObject.read(content).value
    title = str(value.get("name") or value.get("abstract") or stix_type)[:200]
    words = value.get("content") or value.get("description") or value.get("pattern")
    words = words or value.get("explanation")
    text = str(words)[:4000] if words else None
    return EntryItem(row.ref, stix_type, row.claimed, title, text, "")
