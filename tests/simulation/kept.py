"""How a node in memory keeps its ledger: what it has, how it appends, stages, judges and asks.

Signing, judging, withholding and the tables are the real ones; what stage, collections and the
outbox do for a node in earnest is done here in a few lines, and by `stored` for real.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from federation.identity.descriptor_chain import news_for
from federation.judging.bundles import Position, SignedBundle, items_of, make_bundle
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.facts import MemoryFacts
from federation.judging.judge import judge_entry
from federation.judging.judged import Judged
from federation.judging.reader import OWNER, Reader
from federation.judging.state import MEMBERSHIP, ChannelState
from federation.ledgers.ledger import items_kept, labels_of, ledger_time, metadata_label
from federation.ledgers.ledger_facts import FactsAhead
from policies.acts import Act
from policies.errors import ConflictError, NotFoundError, UnavailableError
from policies.tlp import TLP
from sharing.objects import SIGNED_BUNDLE, StixObject
from sharing.selection import Scope
from tests.kit.ledger_kit import Organisation
from tests.simulation.nodes import Clock, Connect, CrashError, Server


@cache
def _founded(name: str, number: int) -> Organisation:
    return Organisation(f"simulated {name}", number, f"Example {name}")


def founded(name: str, number: int) -> Organisation:
    """Give an organisation as it was when its node was set up; each world has its own."""
    one = copy(_founded(name, number))
    one.chain, one.keys = one.chain[:], one.keys[:]
    return one


@dataclass
class Row:
    """One object in the collection."""

    date: int
    stix: StixObject
    claimed: TLP | None
    hidden: bool = False
    released_from: int | None = None


@dataclass
class Again:
    """A ledger that is made again from its entries, as far as that has come."""

    entries: list[Judged] = field(default_factory=list)
    facts: MemoryFacts = field(default_factory=MemoryFacts)
    state: ChannelState | None = None


class Kept:
    """One organisation's ledger of one channel, in memory."""

    def __init__(self, name: str, number: int, now: Clock) -> None:
        self.name, self._now = name, now
        self._own = founded(name, number)
        self._identity = self._own.identity
        self.organisation = self._own.id
        self.dies: str | None = None
        self._channel = ""
        self._state: ChannelState | None = None
        self._facts = MemoryFacts()
        self._rows: dict[str, Row] = {}
        self._spans: dict[tuple[int, int], tuple[int, int]] = {}
        self._entries: list[Judged] = []
        self._again = Again()
        self._staged: dict[str, StixObject] = {}
        self._cursors: dict[str, int] = {}
        self._inviter: str | None = None
        self._answers_to: str | None = None
        self._outbox: list[tuple[SignedBundle, tuple[StixObject, ...]]] = []
        self._nth = 0
        self._doubt: DoubtError | None = None
        self._asked: set[str] = set()
        self._date = 0
        self._written: list[tuple[SignedBundle, tuple[StixObject, ...]]] = []
        """What we contributed and nobody refused for good."""
        self._endorsed: dict[tuple[int, int], SignedBundle] = {}
        self._endorsements: dict[str, SignedBundle] = {}
        self._abandoned: list[Judged] = []
        self._in_force: dict[str, bool] = {}
        """What a branch that was left had recalled → whether its bytes go."""
        self._following: SignedBundle | None = None

    def _known(self) -> ChannelState:
        if self._state is None:
            raise ConflictError("nothing of this channel has been read yet")
        return self._state

    def _append(
        self,
        act: Act,
        body: Mapping[str, Any],
        new: Sequence[StixObject],
        *,
        admits: SignedBundle | None = None,
        **opening: Any,
    ) -> None:
        state = self._state
        for stix in new:
            self._facts.add_object(stix)
        if state is not None:
            opening = {
                "position": state.next_place,
                "seen": state.head,
                "label": metadata_label(state.ceiling),
            } | opening
        contents = items_of(new, labels_of(new, opening["label"], self._facts))
        if admits is not None:
            contents = (admits.item, *contents)
        now = self._now()
        entry = make_bundle(
            key=self._own.key,
            author=self.organisation,
            channel=self._channel,
            act=act.value,
            body=body,
            contents=contents,
            now=ledger_time(state, now) if state is not None else now,
            **opening,
        )
        try:
            judged = judge_entry(state, entry, self._facts, OWNER)
            self._keep(judged)
        except (DoubtError, CrashError) as error:
            if isinstance(error, DoubtError) or str(error) == "before commit":
                for stix in new:
                    self._drop(stix)
            raise

    def _contribute(
        self,
        act: Act,
        body: Mapping[str, Any],
        new: Sequence[StixObject],
        *,
        seen: Position,
        label: TLP,
    ) -> None:
        self._die("before commit")
        self._nth += 1
        bundle = make_bundle(
            key=self._own.key,
            author=self.organisation,
            channel=self._channel,
            act=act.value,
            body=body,
            contents=items_of(new, labels_of(new, label, self._facts)),
            label=label,
            now=self._now(),
            nth=self._nth,
            seen=seen,
        )
        self._outbox.append((bundle, tuple(new)))
        self._written.append((bundle, tuple(new)))
        self._die("after commit")

    def _keep(self, judged: Judged) -> None:  # noqa: C901 - one commit, in order
        self._die("before commit")
        self._facts.record(judged)
        self._state = judged.state
        self._entries.append(judged)
        start = self._date
        for item in items_kept(judged):
            stix, date = item.object, self._date
            self._facts.add_object(stix)
            row = Row(date, stix, item.claimed, released_from=date if item.released else None)
            if stix.sha256 not in self._rows:
                self._rows[stix.sha256] = row
                self._date += 1
            self._staged.pop(stix.sha256, None)
            if stix.stix_id in self._in_force:
                self._rows[stix.sha256].hidden = True
                if self._in_force[stix.stix_id]:
                    self._facts.pool.pop(stix.sha256, None)
        last = self._date - 1
        self._spans[judged.entry.place] = start, last
        for row in self._rows.values():
            if row.stix.stix_id in judged.recalled:
                row.hidden = True
            if row.stix.sha256 in judged.disowned.hidden:
                row.hidden = True
            if row.stix.stix_id in judged.erased:
                self._facts.pool.pop(row.stix.sha256, None)
            if row.stix.stix_id in judged.released and row.released_from is None:
                row.released_from = last
        if judged.recalled or judged.act is Act.CHANNEL_OPENED:
            self._forget_recalled()
        if judged.state.is_member(self.organisation):
            self._inviter = None
        if judged.contribution is not None and judged.contribution.author == self.organisation:
            # Somebody with our key may have counted on.
            self._nth = max(self._nth, judged.contribution.nth or 0)
        self._die("after commit")

    def _forget_recalled(self) -> None:
        """Drop what is staged although it stands here and was recalled, here or on a branch."""
        for sha256, stix in list(self._staged.items()):
            covered = sha256 in self._facts.covered_contents(stix.stix_id)
            if covered and (self._facts.is_recalled(sha256) or stix.stix_id in self._in_force):
                del self._staged[sha256]
                self._facts.pool.pop(sha256, None)

    def _describe(self) -> None:
        """Tell the ledger of our keys where it does not say what we say."""
        state, own = self._state, self._own.chain
        if state is None or not state.is_member(self.organisation):
            return
        known = state.chains[self.organisation]
        waiting = [bundle.body for bundle, _ in self._outbox if bundle.act == Act.NODE_DESCRIBED]
        if known[-1].sha256 == own[-1].sha256 or any(
            body["descriptors"][-1] == own[-1].jws for body in waiting
        ):
            return
        body = {"descriptors": [dict(one.jws) for one in news_for(known, own)]}
        if self.owns():
            self._append(Act.NODE_DESCRIBED, body, ())
        else:
            label = metadata_label(state.ceiling)
            self._contribute(Act.NODE_DESCRIBED, body, (), seen=state.head, label=label)

    def owns(self) -> bool:
        return self._state is not None and self._state.owner == self.organisation

    def _drop(self, stix: StixObject) -> None:
        """Forget what came with something that was refused."""
        row = self._rows.get(stix.sha256)
        if (row is None or row.hidden) and stix.sha256 not in self._staged:
            self._facts.pool.pop(stix.sha256, None)
            if stix.stix_type == SIGNED_BUNDLE:
                self._facts.bundles.pop(SignedBundle.read(stix).sha256, None)

    def _source(self) -> str | None:
        state = self._state
        if state is None or not state.is_member(self.organisation):
            if state is not None and state.state_of(MEMBERSHIP, self.organisation) == "suspended":
                return self._inviter or state.owner
            return self._inviter
        successor = state.things.get("successor:channel") if state.ended else None
        source = successor or state.owner
        return None if source == self.organisation else source

    def _stage(self, contents: Iterable[bytes]) -> None:
        for content in contents:
            stix = StixObject.read(content)
            if stix.sha256 not in self._rows:
                self._staged[stix.sha256] = stix
                self._facts.add_object(stix)

    def _follow(self, found: Sequence[StixObject]) -> None:
        raise NotImplementedError

    def _offer_again(self) -> None:
        raise NotImplementedError

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Do several things with one commit."""
        self._die("before commit")
        dies, self.dies = self.dies, None
        try:
            yield
        finally:
            self.dies = dies
        self._die("after commit")

    def _apply(self) -> None:
        self._doubt = None
        if self._state is not None and self._following is None:
            self._follow(())
        while True:
            entry = self._next(self._state)
            if entry is None:
                break
            try:
                judged = self._judge(entry)
            except DoubtError as error:
                self._doubt = error
                return
            opens = judged.act is Act.CHANNEL_OPENED and judged.entry.place[0] > 1
            if self._following is not None or not opens:
                self._keep(judged)
            else:
                with self._whole():
                    self._keep(judged)
                    self._offer_again()
            state = self._known()
            if state.ended and state.things.get("successor:channel") == self.organisation:
                with self._whole():
                    self._open_epoch(state, {"opened_by": "hand-over", "round": 0})
                    self._offer_again()
                return
        self._forget_late()
        if any(SignedBundle.read(one).is_entry for one in self._staged_bundles()):
            known = self._state
            if known is None or known.is_member(self.organisation):
                self._doubt = DoubtError(Doubt.GAP, "entries are missing")

    def _staged_bundles(self) -> list[StixObject]:
        return [one for one in self._staged.values() if one.stix_type == SIGNED_BUNDLE]

    def _next(self, state: ChannelState | None) -> SignedBundle | None:
        places = [(1, 0)] if state is None else [state.next_place, (state.head.epoch + 1, 0)]
        head = state.head if state is not None else None
        fitting: dict[tuple[int, int], SignedBundle] = {}
        for stix in self._staged_bundles():
            bundle = SignedBundle.read(stix)
            if not bundle.is_entry or bundle.channel != self._channel:
                continue
            if bundle is self._following and bundle.seen == head:
                return bundle
            if bundle.place not in fitting or bundle.seen == head:
                fitting[bundle.place] = bundle
        return next((fitting[place] for place in places if place in fitting), None)

    def _forget_late(self) -> None:
        """Leave what belongs to an epoch that is over, or to a branch that does not hold."""
        state = self._state
        if state is None:
            return
        here = (state.head.epoch, state.head.seq)
        for stix in self._staged_bundles():
            bundle = SignedBundle.read(stix)
            if not bundle.is_entry or bundle.channel != self._channel:
                continue
            other = bundle.place[0] == here[0] and bundle.author != state.owner
            if bundle.place <= here or other:
                self._staged.pop(stix.sha256, None)

    def _judge(self, entry: SignedBundle) -> Judged:
        try:
            return judge_entry(self._state, entry, self._facts, Reader(self.organisation))
        except DoubtError as error:
            if self._state is None or not error.refs:
                raise
            recalled, end = self._look_ahead(self._state, entry)
            gone = self._asked.issuperset(error.refs) and end.ends_for(self.organisation)
            reader = Reader(self.organisation, frozenset(recalled), gone=gone)
            return judge_entry(self._state, entry, self._facts, reader)

    def _look_ahead(
        self, state: ChannelState, entry: SignedBundle
    ) -> tuple[set[str], ChannelState]:
        """Verify what is staged ahead of its objects; give what it recalls, and where it ends."""
        facts = FactsAhead(MemoryFacts(), self._facts)
        recalled: set[str] = set()
        following: SignedBundle | None = entry
        while following is not None:
            try:
                judged = judge_entry(state, following, facts, Reader(lenient=True))
            except DoubtError:
                break
            facts.ahead.record(judged)
            for ref in judged.recalled:
                recalled |= facts.covered_contents(ref)
            recalled.update(judged.disowned.hidden)
            state = judged.state
            following = self._next(state)
        return recalled, state

    def _ask_for(self, connect: Connect, server: Server) -> None:
        """Ask for what is missing by its id: the source, then the other members."""
        self._asked.clear()
        while refs := self._missing():
            fellows = self._state.joined if self._state is not None else ()
            self._stage(server.by_ids(refs))
            for other in fellows:
                if other != self.organisation:
                    with suppress(UnavailableError, NotFoundError):
                        self._stage(connect(other).by_ids(refs))
            self._asked.update(refs)
            self._apply()
            if self._missing() == refs:
                return

    def _missing(self) -> tuple[str, ...]:
        return self._doubt.refs if self._doubt is not None else ()

    def _open_epoch(
        self, state: ChannelState, how: Mapping[str, Any], new: Sequence[StixObject] = ()
    ) -> None:
        members = []
        for who, roles in state.joined.items():
            names = sorted(role.value for role in roles)
            role: Any = names[0] if len(names) == 1 else names
            if who == state.owner:
                role = "responder"
            if who == self.organisation:
                role = "coordinator"
            named: dict[str, Any] = {"organisation": who, "role": role}
            if state.members[who].without_node:
                members.append(named | {"without_node": True})
                continue
            documents = [dict(one.jws) for one in state.chains[who]]
            members.append(named | {"descriptors": documents})
        body = {
            "kind": state.kind.value,
            "owner": self.organisation,
            "ceiling": state.ceiling.value,
            "acts": "1",
            "members": members,
            **how,
        }
        if state.parent is not None:
            body["parent"] = state.parent
        self._append(Act.CHANNEL_OPENED, body, new, position=(state.head.epoch + 1, 0))

    def _scope(self, reader: str) -> Scope:
        member = self._state.members.get(reader) if self._state is not None else None
        if member is None or not member.stays:
            raise NotFoundError("there is no such collection")
        return Scope(
            tuple(
                (
                    self._spans[stay.joined][0],
                    None if stay.ended is None else self._spans[stay.ended][1],
                )
                for stay in member.stays
            )
        )

    def _die(self, where: str) -> None:
        if self.dies == where:
            self.dies = None
            raise CrashError(where)
