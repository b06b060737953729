"""Nodes that keep everything in memory: the rules at full speed, without a database.

Signing, judging, withholding and the tables are the real ones; what stage, collections and the
outbox do for a node in earnest is done here in a few lines, and by `stored` for real.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from federation.judging.bundles import Position, SignedBundle, items_of, make_bundle
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.facts import MemoryFacts
from federation.judging.judge import judge_entry
from federation.judging.judged import Judged
from federation.judging.reader import OWNER, Reader
from federation.judging.state import MEMBERSHIP, ChannelState
from federation.ledgers.ledger import items_kept, labels_of, ledger_time, metadata_label
from federation.ledgers.ledger_facts import FactsAhead
from policies.acts import LATER_MEMBERS, Act
from policies.audience import opens_to_later_members
from policies.errors import ConflictError, InvalidError, NotFoundError, UnavailableError
from policies.tlp import TLP
from sharing import stix as builders
from sharing.canonical import write_time
from sharing.objects import SIGNED_BUNDLE, StixObject
from sharing.selection import Scope
from tests.kit.ledger_kit import Organisation
from tests.simulation.nodes import (
    Clock,
    Connect,
    CrashError,
    Given,
    Invitation,
    Server,
    SimNode,
)
from tests.simulation.oracle import Line

REPLY_BY = "2027-11-20T10:00:00.000Z"


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


class MemoryNode:
    """One organisation's node in one channel."""

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

    # What people do.

    def open(self, *, ceiling: TLP, parent: str | None) -> str:
        self._channel = "6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c0003"
        body: dict[str, Any] = {
            "kind": "case",
            "owner": self.organisation,
            "ceiling": ceiling.value,
            "acts": "1",
            "members": [
                {
                    "organisation": self.organisation,
                    "role": "coordinator",
                    "descriptors": self._own.documents,
                }
            ],
        }
        if parent is not None:
            body["parent"] = parent
        identity = builders.identity(
            "Simulated",
            stix_id=f"identity--{self._channel}",
            identity_class="group",
            now=self._now(),
            marking=metadata_label(ceiling),
        )
        new = [self._identity, identity]
        self._append(Act.CHANNEL_OPENED, body, new, position=(1, 0), label=metadata_label(ceiling))
        return self._channel

    def enter(self, channel: str) -> None:
        self._channel = channel

    def write(
        self, act: Act, body: Mapping[str, Any], new: Sequence[StixObject], *, later: bool | None
    ) -> None:
        state = self._known()
        label = metadata_label(state.ceiling)
        if later is None:
            labels = labels_of(new, label, self._facts)
            later = opens_to_later_members(act, state.kind, labels.values())
        full = dict(body) | ({LATER_MEMBERS: True} if later else {})
        if self.owns():
            self._append(act, full, new)
        else:
            self._contribute(act, full, new, seen=state.head, label=label)

    def invite(self, other: SimNode) -> Invitation:
        assert isinstance(other, MemoryNode)
        state = self._known()
        if not self.owns():
            raise ConflictError("only the owner invites")
        body = {
            "organisation": other.organisation,
            "role": "responder",
            "reply_by": REPLY_BY,
            "ceiling": state.ceiling.value,
            "older": "released",
            "recovery_key": other._own.recovery.public.thumbprint,
        }
        self._append(Act.MEMBER_INVITED, body, [other._identity])
        state = self._known()
        return Invitation(self._channel, self.organisation, state.genesis, state.head, "responder")

    def answer(self, invitation: Invitation, act: Act) -> None:
        known = self._state
        if self._inviter is not None or (known and known.is_member(self.organisation)):
            raise ConflictError("this invitation has been answered")
        body: dict[str, Any] = {"descriptors": self._own.documents}
        self._answers_to = invitation.owner
        if act is Act.MEMBER_JOINED:
            body["role"] = invitation.role
            self._inviter = invitation.owner
            self._cursors.pop(invitation.owner, None)
        self._contribute(act, body, (), seen=invitation.head, label=TLP.CLEAR)

    # What the worker does.

    def deliver(self, connect: Connect) -> None:
        while self._outbox:
            bundle, new = self._outbox[0]
            known = self._state
            is_member = known is not None and known.is_member(self.organisation)
            owner = known.owner if known is not None and is_member else self._answers_to
            if owner is None:
                return
            contents = [one.content for one in new if one.sha256 not in self._rows]
            if bundle.act == Act.OBJECT_RELEASED:
                # An owner that joined late may lack what it is asked to serve.
                wanted = {
                    h for ref in bundle.body["objects"] for h in self._facts.covered_contents(ref)
                }
                found = (self._facts.find_object(one) for one in sorted(wanted))
                contents += [one.content for one in found if one is not None]
            failure = connect(owner).post([*contents, bundle.stix.content])
            if failure is not None and failure.partition(":")[0] in (
                "gap",
                "missing_object",
                "hash_mismatch",
                "unknown_key",
                "stale_epoch",
            ):
                return
            self._outbox.pop(0)

    def pull(self, connect: Connect) -> None:
        for _ in range(5):
            source = self._source()
            if source is None:
                return
            server = connect(source)
            for page in server.pages(self._cursors.get(source, -1)):
                self._stage(page.contents)
                self._apply()
                # Only now: what died before this is pulled again.
                if page.last is not None:
                    self._cursors[source] = page.last
            self._ask_for(connect, server)
            if self._source() == source:
                return

    def rewind(self) -> None:
        self._cursors.clear()

    # What others ask.

    def serve(
        self, reader: str, after: int, limit: int, refs: Iterable[str] | None = None
    ) -> Given:
        scope = self._scope(reader)
        wanted = None if refs is None else set(refs)
        shown = [
            row
            for row in self._rows.values()
            if row.date > after
            and not row.hidden
            and (wanted is None or row.stix.stix_id in wanted)
            and scope.shows(row.date, row.claimed, released_from=row.released_from)
        ][:limit]
        return Given([row.stix.content for row in shown], shown[-1].date if shown else None)

    def take(self, author: str, contents: Sequence[bytes]) -> str | None:
        *new, last = (StixObject.read(content) for content in contents)
        bundle = SignedBundle.read(last)
        if bundle.author != author:
            return "malformed: a contribution is posted by its author"
        member = self._state.members.get(author) if self._state is not None else None
        if member is None or not self.owns() or not (member.is_joined or member.state == "invited"):
            raise NotFoundError("there is no such collection")
        if self._facts.is_admitted(bundle.sha256):
            return None
        for stix in (*new, last):
            self._facts.add_object(stix)
        try:
            self._append(Act.ADMITTED, {}, (), admits=bundle)
        except (DoubtError, CrashError) as error:
            for stix in (*new, last):
                self._drop(stix)
            if isinstance(error, CrashError):
                raise
            return f"{error.doubt}: {error.message}"
        return None

    # What the simulation looks at.

    def ledger(self) -> list[Line]:
        return [
            Line(
                one.entry.stix.value,
                one.contribution.stix.value if one.contribution is not None else None,
            )
            for one in self._entries
        ]

    def held(self) -> set[str]:
        here = set(self._staged) | set(self._facts.pool)
        return here | {one.sha256 for _, new in self._outbox for one in new}

    def state(self) -> Mapping[str, Any] | None:
        return self._state.document() if self._state is not None else None

    def trouble(self) -> str | None:
        return str(self._doubt) if self._doubt is not None else None

    def pending(self) -> int:
        return len(self._outbox)

    def owns(self) -> bool:
        return self._state is not None and self._state.owner == self.organisation

    def rebuilt(self, *, anew: bool) -> list[str]:
        done = self._again.entries
        if anew or done != self._entries[: len(done)]:
            self._again = Again()
        again = self._again
        for stix in self._facts.pool.values():
            if stix.sha256 not in again.facts.pool:
                again.facts.add_object(stix)
        for old in self._entries[len(again.entries) :]:
            again.facts.add_object(old.entry.stix)
            if old.contribution is not None:
                again.facts.add_object(old.contribution.stix)
            judged = judge_entry(again.state, old.entry, again.facts, Reader(lenient=True))
            again.facts.record(judged)
            again.state = judged.state
            again.entries.append(old)
        return [] if again.state == self._state else ["the channel's state"]

    # How it keeps its ledger.

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
        self._die("after commit")

    def _keep(self, judged: Judged) -> None:
        self._die("before commit")
        self._facts.record(judged)
        self._state = judged.state
        self._entries.append(judged)
        start = len(self._rows)
        for item in items_kept(judged):
            stix, date = item.object, len(self._rows)
            self._facts.add_object(stix)
            row = Row(date, stix, item.claimed, released_from=date if item.released else None)
            self._rows.setdefault(stix.sha256, row)
            self._staged.pop(stix.sha256, None)
        last = len(self._rows) - 1
        self._spans[judged.entry.place] = start, last
        for row in self._rows.values():
            if row.stix.stix_id in judged.recalled:
                row.hidden = True
            if row.stix.stix_id in judged.erased:
                self._facts.pool.pop(row.stix.sha256, None)
            if row.stix.stix_id in judged.released and row.released_from is None:
                row.released_from = last
        if judged.state.is_member(self.organisation):
            self._inviter = None
        self._die("after commit")

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

    def _apply(self) -> None:
        self._doubt = None
        while True:
            entry = self._next(self._state)
            if entry is None:
                break
            try:
                judged = self._judge(entry)
            except DoubtError as error:
                self._doubt = error
                return
            self._keep(judged)
            state = self._known()
            if state.ended and state.things.get("successor:channel") == self.organisation:
                self._open_epoch(state)
                return
        if any(SignedBundle.read(one).is_entry for one in self._staged_bundles()):
            known = self._state
            if known is None or known.is_member(self.organisation):
                self._doubt = DoubtError(Doubt.GAP, "entries are missing")

    def _staged_bundles(self) -> list[StixObject]:
        return [one for one in self._staged.values() if one.stix_type == SIGNED_BUNDLE]

    def _next(self, state: ChannelState | None) -> SignedBundle | None:
        places = [(1, 0)] if state is None else [state.next_place, (state.head.epoch + 1, 0)]
        for stix in self._staged_bundles():
            bundle = SignedBundle.read(stix)
            if bundle.is_entry and bundle.place in places and bundle.channel == self._channel:
                return bundle
        return None

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

    def _open_epoch(self, state: ChannelState) -> None:
        members = []
        for who, roles in state.joined.items():
            names = sorted(role.value for role in roles)
            role: Any = names[0] if len(names) == 1 else names
            if who == state.owner:
                role = "responder"
            if who == self.organisation:
                role = "coordinator"
            documents = [dict(one.jws) for one in state.chains[who]]
            members.append({"organisation": who, "role": role, "descriptors": documents})
        body = {
            "kind": state.kind.value,
            "owner": self.organisation,
            "ceiling": state.ceiling.value,
            "acts": "1",
            "members": members,
            "opened_by": "hand-over",
            "round": 0,
        }
        if state.parent is not None:
            body["parent"] = state.parent
        self._append(Act.CHANNEL_OPENED, body, (), position=(state.head.epoch + 1, 0))

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


def note(author: str, number: int, tlp: TLP | None, channel: str, now: Clock) -> StixObject:
    """Write a note whose id anybody could guess."""
    moment = write_time(now())
    value = {
        "type": "note",
        "spec_version": "2.1",
        "id": f"note--00000000-0000-4000-8000-{number:012d}",
        "created_by_ref": author,
        "created": moment,
        "modified": moment,
        "content": f"Note {number} in {channel}.",
        "object_refs": [author],
    }
    if tlp is not None:
        value["object_marking_refs"] = [tlp.marking_id]
    try:
        return StixObject.of(value)
    except InvalidError as error:  # pragma: no cover - it is ours
        raise AssertionError(error) from error
