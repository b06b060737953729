"""Who will see this: asked before something is written, of the rules that decide when it is.

A look at one channel answers for every form of a page. A form that is filled in is played through
by its own service in a transaction that is undone; what it would have written is looked at.

Source: protocol, 14 (over-sharing by mistake); domain, 8.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.orm import Session

from federation.branches.openings import find_direct
from federation.identity.node import find_node
from federation.judging.bundles import SignedBundle
from federation.ledgers.channels import audience_of, parties_of
from federation.ledgers.ledger import get_state, metadata_label
from federation.ledgers.ledger_facts import LedgerFacts
from federation.ledgers.ledger_records import ChannelRecord, ContributionRecord, EntryRecord
from federation.partners.partners import find_partner
from hub.accounts.actor import Actor
from hub.channels.names import names_in
from hub.channels.service import get_visible_channel
from hub.community.terms import terms_in
from policies.acts import ACTS, LATER_MEMBERS, TOLD_ALONE, Act, ChannelKind
from policies.audience import Audience, is_always_served
from policies.charter import Terms, opens_later, usual_label
from policies.errors import NotFoundError
from policies.marking import Labels
from policies.preview import Inside, Party, Preview, Reads, Seen, preview
from policies.tlp import TLP
from sharing import objects
from sharing.db import Rehearsal, rehearsing
from sharing.objects import StixObject

Wanted = bool | None
"""Whether later members read it, by its author's word; none where nobody says."""

_READS_AT_ALL: Final = frozenset({Reads.ALL, Reads.PART})
_BESIDES: Final = frozenset({Act.NODE_DESCRIBED, Act.CHANNEL_OPENED})
"""What is written of ourselves because something else is; it holds nothing of the form."""


@dataclass(frozen=True)
class Reader:
    """One organisation, whether it reads it, and why.

    Args:
        later: what it reads once it takes part (again); none where it reads now, or has no way in.
        is_told: it has no node, and is told by the coordinator.
    """

    organisation: str
    name: str
    is_us: bool
    reads: Reads
    reason: str
    later: Reads | None
    is_told: bool

    @property
    def gets_it(self) -> bool:
        """Tell whether it reads at least part of it, as things stand."""
        return self.reads in _READS_AT_ALL


@dataclass(frozen=True)
class Sight:
    """Who would read what is about to be written into one channel.

    Args:
        channel: where; none where it would be opened for it.
        says: what is done, in the words of the table of acts.
        readers: those who read first.
        later: what an organisation reads that joins afterwards; none where nobody can.
        contents: (type of object, label) → how many would be covered.
        is_exact: it was looked at as it would be written; else by its label alone.
        refusal: why it may not be written there.
    """

    channel: str | None
    name: str
    kind: ChannelKind
    act: Act
    readers: tuple[Reader, ...]
    later: Reads | None
    inside: Inside
    contents: Mapping[tuple[str, TLP], int]
    is_exact: bool
    refusal: str | None = None

    @property
    def says(self) -> str:
        """What is done, in the words of the table of acts."""
        return ACTS[self.act].says

    @property
    def others(self) -> tuple[Reader, ...]:
        """The other organisations that read it."""
        return tuple(one for one in self.readers if one.gets_it and not one.is_us)

    @property
    def withheld(self) -> tuple[Reader, ...]:
        """Who takes part but for a step, and would not get it even then, or not whole."""
        return tuple(one for one in self.readers if one.later not in (None, Reads.ALL))

    @property
    def without_node(self) -> tuple[Reader, ...]:
        """Whom the coordinator tells."""
        return tuple(one for one in self.readers if one.is_told)


class Outlook:
    """A look at who reads one channel: taken once, asked for each form.

    Args:
        us: our organisation.
        names: organisation → name.
        terms: the charter that it goes by.
    """

    def __init__(
        self,
        us: str,
        audience: Audience,
        parties: Sequence[Party],
        names: Mapping[str, str],
        *,
        channel: str | None = None,
        name: str = "",
        labels: Labels | None = None,
        terms: Terms | None = None,
    ) -> None:
        """Keep what every look needs."""
        self.us, self.audience, self.parties, self.names = us, audience, parties, names
        self.channel, self.name = channel, name
        self.labels = labels or Labels(lambda _ref: None)
        self.terms = terms or Terms()

    @classmethod
    def of(cls, session: Session, record: ChannelRecord, us: str) -> Outlook:
        """Look at a channel as its ledger stands here."""
        state = get_state(session, record)
        return cls(
            us,
            audience_of(state),
            parties_of(state),
            names_in(session, record.id),
            channel=record.id,
            name=record.name,
            labels=Labels(LedgerFacts(session, record.id).find_marking),
            terms=terms_in(session, record.id),
        )

    @property
    def usual_label(self) -> TLP:
        """The label that a form begins with."""
        return usual_label(self.terms, self.audience.ceiling)

    def by_label(
        self, act: Act, label: TLP | None = None, *, later_members: bool | None = None
    ) -> Sight:
        """Tell who would read words under a label, before there are any.

        Args:
            label: the one that a form begins with where none is given.
        """
        marked = {"type": "note", "object_marking_refs": [(label or self.usual_label).marking_id]}
        told = self._preview(act, [marked], later_members, Labels(lambda _ref: None))
        return self._sight(act, [], told, is_exact=False)

    def at(
        self, act: Act, covered: Sequence[Mapping[str, Any]], *, later_members: bool | None = None
    ) -> Sight:
        """Tell who would read these objects."""
        own = {one.get("id"): one for one in covered if one.get("type") == "marking-definition"}
        labels = Labels(lambda ref: own.get(ref) or self.labels.find_definition(ref))
        told = self._preview(act, covered, later_members, labels)
        return self._sight(act, covered, told, is_exact=True)

    def _preview(
        self, act: Act, covered: Sequence[Mapping[str, Any]], wanted: Wanted, labels: Labels
    ) -> Preview:
        return preview(
            self.audience,
            self.parties,
            act,
            covered,
            author=self.us,
            carrier=metadata_label(self.audience.ceiling),
            labels=labels,
            wanted=wanted,
            agreed=opens_later(self.terms, act),
        )

    def _sight(
        self, act: Act, covered: Sequence[Mapping[str, Any]], told: Preview, *, is_exact: bool
    ) -> Sight:
        kept = [one for one in covered if not is_always_served(one, self.audience.identity)]
        labels = told.labels if kept else ()
        contents = Counter(zip((str(one.get("type")) for one in kept), labels, strict=False))
        readers = sorted(map(self._reader, told.seen), key=_order)
        return Sight(
            channel=self.channel,
            name=self.name,
            kind=self.audience.kind,
            act=act,
            readers=tuple(readers),
            later=told.later,
            inside=told.inside,
            contents=contents,
            is_exact=is_exact,
            refusal=told.refusal,
        )

    def _reader(self, seen: Seen) -> Reader:
        return Reader(
            organisation=seen.organisation,
            name=self.names.get(seen.organisation, seen.organisation),
            is_us=seen.organisation == self.us,
            reads=seen.reads,
            reason=seen.reason,
            later=seen.later,
            is_told=seen.is_told,
        )


def visible_outlook(session: Session, actor: Actor, channel: str, *, us: str) -> Outlook | None:
    """Look at a channel; nothing where none of it has been read yet.

    Raises:
        NotFoundError: there is none, or this actor may not know of it.
    """
    record = get_visible_channel(session, actor, channel)
    return Outlook.of(session, record, us) if record.state is not None else None


def direct_outlook(session: Session, *, us: str, to: str) -> Outlook:
    """Look at our direct channel to another organisation; it may not be open yet."""
    record = find_direct(session, us, to)
    if record is not None:
        return Outlook.of(session, record, us)
    both = frozenset({us, to})
    node, partner = find_node(session), find_partner(session, to)
    our_name = node.name if node is not None else us
    name = partner.name if partner is not None else to
    return Outlook(
        us,
        Audience(ChannelKind.DIRECT, us, both, TLP.RED),
        [Party(us, "joined"), Party(to, "joined")],
        {us: our_name, to: name},
        name=f"{our_name} to {name}",
    )


def get_preview(
    session: Session,
    actor: Actor,
    channel: str,
    *,
    us: str,
    act: Act,
    label: TLP | None = None,
    later_members: bool | None = None,
    covered: Sequence[StixObject] = (),
) -> Sight:
    """Tell who would read an act in a channel: these objects, or words under a label.

    Args:
        label: of words; the channel's usual one where none is given, and no objects.

    Raises:
        NotFoundError: there is no such channel, or this actor may not know of it.
    """
    outlook = visible_outlook(session, actor, channel, us=us)
    if outlook is None:
        raise NotFoundError("nothing of this channel has been read yet")
    if covered and label is None:
        return outlook.at(act, [one.value for one in covered], later_members=later_members)
    if not covered:
        return outlook.by_label(act, label, later_members=later_members)
    words = {"type": "note", "object_marking_refs": [label.marking_id]} if label else {}
    listed = [*(one.value for one in covered), words]
    return outlook.at(act, listed, later_members=later_members)


def rehearse(act: Callable[[], object]) -> tuple[Sight, ...]:
    """Play an act through, keep nothing, and tell who would have read what it writes.

    Args:
        act: writes in transactions of its own and does nothing besides.

    Raises:
        CoordinationError: it would be refused.
    """
    found: list[Sight] = []

    def look(session: Session, added: Sequence[EntryRecord | ContributionRecord]) -> None:
        found.extend(_sights(session, added))

    with rehearsing(Rehearsal((EntryRecord, ContributionRecord), look)):
        act()
    return tuple(found)


def _sights(session: Session, added: Sequence[EntryRecord | ContributionRecord]) -> list[Sight]:
    """Give one sight for each channel, and for each word on later members in it."""
    groups: dict[tuple[str, bool, bool], tuple[Act, list[Mapping[str, Any]]]] = {}
    authors: dict[str, str] = {}
    for one in added:
        act = Act(one.act)
        if act in _BESIDES:
            continue
        bundle = _bundle_of(session, one)
        hashes = [item.sha256 for item in bundle.contents]
        contents = objects.find_contents(session, hashes)
        covered = [
            StixObject.read(contents[sha256]).value for sha256 in hashes if sha256 in contents
        ]
        key = (one.channel, bundle.body.get(LATER_MEMBERS) is True, act in TOLD_ALONE)
        authors[one.channel] = bundle.author
        groups.setdefault(key, (act, []))[1].extend(covered)
    sights = []
    for (channel, later, _), (act, covered) in groups.items():
        record = session.get_one(ChannelRecord, channel)
        outlook = Outlook.of(session, record, authors[channel])
        sights.append(outlook.at(act, covered, later_members=later))
    return sights


def _bundle_of(session: Session, one: EntryRecord | ContributionRecord) -> SignedBundle:
    if isinstance(one, ContributionRecord):
        return SignedBundle.read(StixObject.read(one.bundle))
    content = objects.find_contents(session, [one.object_sha256])[one.object_sha256]
    return SignedBundle.read(StixObject.read(content))


def _order(reader: Reader) -> tuple[bool, bool, bool, str]:
    return (not reader.gets_it, not reader.is_us, reader.later is None, reader.name.casefold())
