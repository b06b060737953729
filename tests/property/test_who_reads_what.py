"""Who reads what: what a server shows and what a reader may lack are one rule, whatever happens.

Nodes in memory: each judges by the real rules and keeps what the real rules keep; a member sees
of another's collection what the real scope shows. Beside them stands what the protocol says in a
few lines, and both have to come to the same.

Source: coordination protocol, 5 (*Late joiners*, breakouts), 7 and 12.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from federation.judging.bundles import SignedBundle
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.facts import MemoryFacts
from federation.judging.judge import judge_entry
from federation.judging.judged import Judged
from federation.judging.reader import OWNER, Reader
from federation.judging.state import ChannelState, Place
from federation.ledgers.ledger import items_kept
from policies.acts import LATER_MEMBERS, Act
from policies.tlp import TLP
from sharing.objects import SIGNED_BUNDLE, StixObject
from sharing.selection import Scope
from tests.kit.ledger_kit import LedgerKit, Organisation, grid, vendor, water

RANDOM: Final = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)


@dataclass
class Row:
    """One row of a node's collection."""

    date: int
    stix: StixObject
    claimed: TLP | None
    released_from: int | None
    hidden: bool = False


@dataclass
class Node:
    """One organisation's copy of the channel, without a database."""

    organisation: Organisation
    state: ChannelState | None = None
    facts: MemoryFacts = field(default_factory=MemoryFacts)
    rows: dict[str, Row] = field(default_factory=dict)
    dates: dict[Place, int] = field(default_factory=dict)
    staged: dict[str, StixObject] = field(default_factory=dict)

    def shown_to(self, reader: str) -> list[StixObject]:
        """Give what this node's server shows to a member, oldest first."""
        member = self.state.members.get(reader) if self.state is not None else None
        if member is None or not member.stays:
            return []
        before = {
            place: 1 + max((d for d in self.dates.values() if d < date), default=-1)
            for place, date in self.dates.items()
        }
        scope = Scope(
            tuple(
                (before[stay.joined], None if stay.ended is None else self.dates[stay.ended])
                for stay in member.stays
            )
        )
        rows = sorted(self.rows.values(), key=lambda row: row.date)
        return [
            row.stix
            for row in rows
            if not row.hidden
            and scope.shows(row.date, row.claimed, released_from=row.released_from)
        ]

    def judge(self, entry: SignedBundle, reader: Reader) -> Judged:
        """Judge the next entry with what is here, and keep what it brings."""
        judged = judge_entry(self.state, entry, self._facts(), reader)
        self.facts.record(judged)
        for item in items_kept(judged):
            date = len(self.rows)
            released_from = date if item.released else None
            self.rows.setdefault(
                item.object.sha256, Row(date, item.object, item.claimed, released_from)
            )
        self.dates[entry.place] = self.rows[entry.stix.sha256].date
        for row in self.rows.values():
            if row.stix.stix_id in judged.released and row.released_from is None:
                row.released_from = self.dates[entry.place]
            row.hidden |= row.stix.stix_id in judged.recalled
        gone = {one.item.sha256 for one in judged.covered} | {due.stix.sha256 for due in judged.due}
        self.staged = {key: stix for key, stix in self.staged.items() if key not in gone}
        self.state = judged.state
        return judged

    def pull(self, source: Node, others: list[Node]) -> None:
        """Read all that a server shows, and of what it lacks what other members show."""
        me = self.organisation.id
        shown = source.shown_to(me)
        self.stage(shown)
        bundles = [SignedBundle.read(one) for one in shown if one.stix_type == SIGNED_BUNDLE]
        known = self.state.head if self.state is not None else None
        chain = sorted(
            (one for one in bundles if one.is_entry and (not known or one.place > _place(known))),
            key=lambda one: one.place,
        )
        ahead, gone = self._look_ahead(chain)
        for entry in chain:
            missing = self._try(entry, Reader(organisation=me, recalled_ahead=ahead))
            while missing:
                before = len(self.staged)
                for other in others:
                    self.stage(one for one in other.shown_to(me) if one.stix_id in missing)
                asked_in_vain = len(self.staged) == before
                assert gone or not asked_in_vain, f"{self.organisation.name} lacks {missing}"
                reader = Reader(organisation=me, recalled_ahead=ahead, gone=asked_in_vain)
                missing = self._try(entry, reader)

    def _try(self, entry: SignedBundle, reader: Reader) -> tuple[str, ...]:
        """Judge the next entry; give what is missing for it."""
        try:
            self.judge(entry, reader)
        except DoubtError as error:
            if error.doubt is not Doubt.MISSING_OBJECT:
                raise
            return error.refs
        return ()

    def stage(self, objects: Any) -> None:
        for stix in objects:
            if stix.sha256 not in self.rows:
                self.staged[stix.sha256] = stix

    def holds(self, sha256: str) -> bool:
        return sha256 in self.rows

    def _facts(self) -> MemoryFacts:
        here = MemoryFacts(**{**vars(self.facts), "pool": {}, "bundles": {}, "versions": set()})
        for stix in (*(row.stix for row in self.rows.values()), *self.staged.values()):
            here.add_object(stix)
        return here

    def _look_ahead(self, chain: list[SignedBundle]) -> tuple[frozenset[str], bool]:
        """Look along the chain, as a replica does where something is missing.

        Gives what it recalls further on, and whether it ends this node's own part.
        """
        looking = Node(self.organisation, self.state, _copy(self.facts), dict(self.rows))
        looking.staged = dict(self.staged)
        recalled: set[str] = set()
        for entry in chain:
            judged = looking.judge(entry, Reader(lenient=True))
            for ref in judged.recalled:
                recalled |= looking.facts.covered_contents(ref)
        assert looking.state is not None or not chain
        members = looking.state.members if looking.state is not None else {}
        member = members.get(self.organisation.id)
        return frozenset(recalled), member is not None and not member.is_joined


@dataclass
class Content:
    """One content that the ledger covers, as the protocol speaks of it."""

    stix: StixObject
    author: str
    place: Place
    label: TLP
    later: bool
    released_at: Place | None = None
    recalled: bool = False


class World:
    """A channel, its nodes, and what the protocol says of who reads what."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.kit = LedgerKit.opened(grid(), ceiling=TLP.AMBER_STRICT)
        self.people = [self.kit.owner, self.kit.others[0], vendor(), water()]
        self.kit.others = self.people
        self.nodes = {one.id: Node(one) for one in self.people}
        self.contents: dict[str, Content] = {}
        self.notes = 0
        opening = self.kit.steps[0].judged
        self.owner.stage(self.kit.founding_objects())
        self._take(opening.entry, OWNER)
        self.pull(self.kit.others[1])

    @property
    def owner(self) -> Node:
        return self.nodes[self.kit.owner.id]

    @property
    def joined(self) -> list[Organisation]:
        assert self.owner.state is not None
        return [one for one in self.people if one.id in self.owner.state.joined]

    def pull(self, who: Organisation) -> None:
        """Have a node read, and see that it is shown nothing that it must not have."""
        if who.id == self.kit.owner.id:
            return
        sources = [self.nodes[one.id] for one in self.joined if one.id != who.id]
        for source in (self.owner, *sources):
            for stix in source.shown_to(who.id):
                content = self.contents.get(stix.sha256)
                if content is None or (content.recalled and source is not self.owner):
                    # Who has not heard of the recall yet shows it still.
                    continue
                assert self.may_have(who, content), f"{who.name}: {stix.stix_id}"
        self.nodes[who.id].pull(self.owner, sources)

    def may_have(self, who: Organisation, content: Content) -> bool:
        """Say it as the protocol does."""
        assert self.owner.state is not None
        member = self.owner.state.members.get(who.id)
        if member is None or not member.stays or content.recalled:
            return False
        if any(
            stay.joined <= content.place <= (stay.ended or content.place) for stay in member.stays
        ):
            return True
        end = member.stays[-1].ended or (10**9, 0)
        if content.place > end:
            return False
        open_to_all = TLP.GREEN.allows(content.label) or content.later
        return open_to_all or (content.released_at is not None and content.released_at <= end)

    def write(
        self, by: Organisation, act: Act, body: dict[str, Any], objects: list[StixObject]
    ) -> bool:
        """Write as an honest node does; tell whether the owner took it."""
        kit = self.kit
        kit.tick()
        here = self.nodes[by.id]
        try:
            if by.id == kit.owner.id:
                here.stage(objects)
                self._take(kit.draft(act, body, objects), OWNER)
                return True
            self.pull(by)
            bundle = kit.contribution(by, act, body, objects)
            posted = [one for one in objects if not here.holds(one.sha256)]
            if act is Act.OBJECT_RELEASED:
                posted += [
                    row.stix for row in here.rows.values() if row.stix.stix_id in body["objects"]
                ]
            self.owner.stage([*posted, bundle.stix])
            self._take(kit.draft(Act.ADMITTED, admits=bundle), OWNER)
        except DoubtError:
            self.owner.staged.clear()
            return False
        return True

    def _take(self, entry: SignedBundle, reader: Reader) -> None:
        owner = self.owner
        owner.staged[entry.stix.sha256] = entry.stix
        judged = owner.judge(entry, reader)
        owner.staged.clear()
        self.kit.state = judged.state
        by_id = {one.id: one for one in self.people}
        self.kit.owner = by_id[judged.state.owner]
        for bundle in filter(None, (judged.contribution, judged.entry)):
            later = bundle.body.get(LATER_MEMBERS) is True
            for one in judged.covered:
                if one.author != bundle.author or one.stix is None:
                    continue
                if one.item.ref.startswith((SIGNED_BUNDLE, f"identity--{self.kit.channel}")):
                    continue
                label = one.item.tlp or TLP.AMBER_STRICT
                content = Content(one.stix, one.author, entry.place, label, later)
                self.contents.setdefault(one.item.sha256, content)
        for content in self.contents.values():
            if content.stix.stix_id in judged.recalled:
                content.recalled = True
            if content.stix.stix_id in judged.released and content.released_at is None:
                content.released_at = entry.place

    def draw(self, strategy: st.SearchStrategy[Any], label: str = "drawn") -> Any:
        return self.data.draw(strategy, label=label)

    def one_of(self, organisations: list[Organisation], label: str) -> Organisation:
        names = [one.name for one in organisations]
        return organisations[names.index(self.draw(st.sampled_from(names), label))]

    def something(self) -> None:
        """Let something happen that can happen in a channel."""
        acts = ["write", "write", "again", "join", "gone", "release", "recall", "ceiling", "hand"]
        match self.draw(st.sampled_from([*acts, "pull", "pull"]), label="what"):
            case "write":
                self.write_note()
            case "again":
                self.cover_again()
            case "join":
                self.join_or_return()
            case "gone":
                self.go()
            case "release":
                self.about_objects(Act.OBJECT_RELEASED)
            case "recall":
                self.about_objects(Act.OBJECT_RECALLED)
            case "ceiling":
                ceiling = self.draw(st.sampled_from([TLP.GREEN, TLP.AMBER, TLP.AMBER_STRICT]))
                body = {"ceiling": ceiling.value}
                if self.write(self.kit.owner, Act.CHANNEL_CEILING_CHANGED, body, []):
                    self.kit.ceiling = ceiling
            case "hand":
                self.hand_over()
            case _:
                self.pull(self.one_of(self.people, "reader"))

    def write_note(self) -> None:
        by = self.one_of(self.joined, "by")
        self.notes += 1
        label = self.draw(st.sampled_from([TLP.GREEN, TLP.AMBER, TLP.AMBER_STRICT, None]))
        body = {LATER_MEMBERS: True} if self.draw(st.booleans(), label="consent") else {}
        self.write(by, Act.NOTE_ADDED, body, [by.note(self.notes, tlp=label)])

    def cover_again(self) -> None:
        """Cover what somebody else wrote, with or without a word on later members."""
        by = self.one_of(self.joined, "by")
        here = self.nodes[by.id]
        known = [one.stix for key, one in self.contents.items() if here.holds(key)]
        if known:
            body = {LATER_MEMBERS: True} if self.draw(st.booleans(), label="consent") else {}
            number = self.draw(st.integers(0, len(known) - 1), "again")
            stix = known[number]
            self.write(by, Act.NOTE_ADDED, body, [stix])

    def join_or_return(self) -> None:
        state = self.owner.state
        assert state is not None
        away = [one for one in self.people if one.id not in state.joined]
        if not away:
            return
        one = self.one_of(away, "who")
        standing = state.state_of("membership", one.id)
        if standing == "suspended":
            self.write(self.kit.owner, Act.MEMBER_RESUMED, {"organisation": one.id}, [])
            return
        if standing != "invited":
            self.write(self.kit.owner, Act.MEMBER_INVITED, self.kit.invitation(one), [])
        kit = self.kit
        kit.tick()
        body = {"role": "responder", "descriptors": one.documents}
        bundle = kit.contribution(one, Act.MEMBER_JOINED, body, [one.identity])
        self.owner.stage([one.identity, bundle.stix])
        try:
            self._take(kit.draft(Act.ADMITTED, admits=bundle), OWNER)
        except DoubtError:
            self.owner.staged.clear()

    def go(self) -> None:
        others = [one for one in self.joined if one.id != self.kit.owner.id]
        if others:
            one = self.one_of(others, "who")
            if self.draw(st.booleans(), label="suspended"):
                self.write(self.kit.owner, Act.MEMBER_SUSPENDED, {"organisation": one.id}, [])
            else:
                self.write(one, Act.MEMBER_LEFT, {}, [])

    def about_objects(self, act: Act) -> None:
        known = [one.stix.stix_id for one in self.contents.values()]
        by = self.one_of(self.joined, "by")
        own = [one.stix.stix_id for one in self.contents.values() if one.author == by.id]
        refs = own or known
        if refs:
            ref = self.draw(st.sampled_from(sorted(refs)), label="which")
            self.write(by, act, {"objects": [ref]}, [])

    def hand_over(self) -> None:
        former = self.kit.owner
        others = [one for one in self.joined if one.id != former.id]
        if not others:
            return
        to = self.one_of(others, "to")
        body = {"successor": to.id}
        if (
            self.write(former, Act.HANDOVER_OFFERED, body, [])
            and self.write(to, Act.HANDOVER_ACCEPTED, {}, [])
            and self.write(former, Act.COORDINATOR_HANDED_OVER, body, [])
        ):
            self.pull(to)
            kit = self.kit
            kit.tick()
            opening = kit.reopening(to, "hand-over")
            place = (kit.head.epoch + 1, 0)
            kit.owner = to
            self._take(kit.draft(Act.CHANNEL_OPENED, opening, by=to, position=place), OWNER)

    def everybody_entitled(self) -> Iterator[tuple[Organisation, Content]]:
        for who in self.joined:
            for content in self.contents.values():
                if self.may_have(who, content):
                    yield who, content


@RANDOM
@given(st.data())
def test_nobody_gets_what_the_rules_exclude_and_the_entitled_get_everything(
    data: st.DataObject,
) -> None:
    world = World(data)
    for _ in range(data.draw(st.integers(3, 25), label="happenings")):
        world.something()
    for who in world.joined:
        world.pull(who)
    states = [world.nodes[who.id].state for who in world.joined]
    assert all(state == states[0] for state in states)
    for who, content in world.everybody_entitled():
        owns = who.id == world.kit.owner.id
        held = world.nodes[who.id].holds(content.stix.sha256)
        assert held or owns, f"{who.name} lacks {content.stix.stix_id}"


def _place(head: Any) -> Place:
    return head.epoch, head.seq


def _copy(facts: MemoryFacts) -> MemoryFacts:
    copied = MemoryFacts()
    for name, value in vars(facts).items():
        setattr(
            copied,
            name,
            {k: set(v) if isinstance(v, set) else v for k, v in value.items()}
            if isinstance(value, dict)
            else set(value),
        )
    return copied
