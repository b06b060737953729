"""How a node in memory takes part in a succession: it endorses, takes over, follows, offers again.

Which branch holds is asked of the real rules. A branch is tried as a whole, and left again where it
does not lead on.

Source: protocol, 8 and 11.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from copy import copy

from federation.branches.branches import outranks
from federation.judging.bundles import Position, SignedBundle, make_bundle
from federation.judging.doubt import DoubtError
from federation.judging.facts import MemoryFacts
from federation.judging.judge import OWNERS_ALONE, situation_of
from federation.judging.judged import Judged
from federation.judging.state import ChannelState
from federation.ledgers.ledger import metadata_label
from policies.acts import Act
from policies.errors import ConflictError
from policies.lifecycles import rule
from policies.tlp import TLP
from sharing.canonical import write_time
from sharing.objects import SIGNED_BUNDLE, StixObject
from tests.simulation.kept import Kept
from tests.simulation.nodes import Connect


class Branching(Kept):
    """A node whose ledger may go back, and lead on under another owner."""

    def endorse(self, candidate: str, epoch: int, round_: int) -> bytes:
        """Endorse a member for an epoch and round; give what is posted to it.

        Raises:
            ConflictError: another was endorsed in that round, or the epoch is not the next.
        """
        state = self._known()
        if self.owns() or not state.is_member(self.organisation) or epoch != state.head.epoch + 1:
            raise ConflictError("nobody to endorse")
        held = self._endorsed.get((epoch, round_))
        if held is not None and held.body["candidate"] != candidate:
            raise ConflictError("another was endorsed in this round")
        if held is None:
            self._nth += 1
            held = make_bundle(
                key=self._own.key,
                author=self.organisation,
                channel=self._channel,
                act=Act.SUCCESSION_ENDORSED.value,
                body={
                    "epoch": epoch,
                    "round": round_,
                    "candidate": candidate,
                    "head": state.head.document(),
                    "because": "silence",
                },
                contents=(),
                label=metadata_label(state.ceiling),
                now=self._now(),
                nth=self._nth,
                seen=state.head,
            )
            self._endorsed[epoch, round_] = held
        if candidate == self.organisation:
            self._endorsements[held.sha256] = held
        return held.stix.content

    def take_over(self) -> None:
        """Open the next epoch with the endorsements of one round; the rules count them.

        Raises:
            ConflictError, DoubtError: it is not open to us.
        """
        state = self._known()
        if self.owns() or not state.is_member(self.organisation):
            raise ConflictError("nothing to take over")
        rounds: dict[int, list[SignedBundle]] = {}
        for one in self._endorsements.values():
            head = Position.read(one.body["head"])
            known = self._facts.hash_at(head.epoch, head.seq) == head.sha256
            if one.body["epoch"] == state.head.epoch + 1 and known:
                rounds.setdefault(one.body["round"], []).append(one)
        if not rounds:
            raise ConflictError("nobody endorses us")
        best = max(rounds, key=lambda number: (len(rounds[number]), number))
        body = {"opened_by": "succession", "round": best}
        with self._whole():
            self._open_epoch(state, body, [one.stix for one in rounds[best]])
            self._offer_again()

    def _take_endorsement(self, bundle: SignedBundle) -> str | None:
        """Take somebody's wish that we take over, and nothing else."""
        if bundle.act != Act.SUCCESSION_ENDORSED:
            return "stale_epoch: another organisation owns this channel"
        if bundle.body["candidate"] != self.organisation:
            return "not_permitted: an endorsement goes to its candidate"
        self._endorsements[bundle.sha256] = bundle
        return None

    def look(self, connect: Connect, other: str) -> None:
        """Look at what another member holds, and follow it where it leads our ledger on."""
        state = self._state
        if state is None or not state.is_member(self.organisation):
            return
        pages = connect(other).pages(-1)
        found = [StixObject.read(one) for page in pages for one in page.contents]
        self._follow([one for one in found if one.sha256 not in self._rows])

    def _follow(self, found: Sequence[StixObject]) -> None:
        """Take the best of the openings among what was found and what is staged."""
        state = self._known()
        entries: dict[str, SignedBundle] = {}
        for stix in (*found, *self._staged_bundles()):
            bundle = SignedBundle.read(stix) if stix.stix_type == SIGNED_BUNDLE else None
            if bundle is not None and bundle.is_entry and bundle.channel == self._channel:
                entries[bundle.sha256] = bundle
        ours = {judged.entry.sha256: judged.entry for judged in self._entries}
        held = {entry.place: entry for entry in ours.values()}
        openings = [one for one in entries.values() if one.place[1] == 0 and one.place[0] > 1]
        for opening in sorted(openings, key=lambda one: one.place):
            same = held.get(opening.place)
            if opening.place[0] > state.head.epoch + 1 or opening.sha256 in ours:
                continue
            if same is not None and not outranks(opening, same):
                continue
            at, length = opening.seen, 1
            while at is not None and at.sha256 not in ours and at.sha256 in entries:
                at, length = entries[at.sha256].seen, length + 1
            if at is None or at.sha256 not in ours:
                continue
            contested = length == 1 and any(
                one.place == state.next_place and one.seen == state.head for one in entries.values()
            )
            if same is None and at == state.head and not contested and not found:
                # It follows what we hold: its turn comes.
                continue
            if self._try_branch(at, opening, found):
                self._follow(found)
                return

    def _try_branch(self, at: Position, opening: SignedBundle, found: Sequence[StixObject]) -> bool:
        """Go back to an entry, and on by an opening; stay there if it holds."""
        before = copy(self.__dict__)
        for name in ("_spans", "_entries", "_staged", "_in_force"):
            setattr(self, name, copy(before[name]))
        self._rows = {sha256: copy(row) for sha256, row in self._rows.items()}
        with self._whole():
            left, again = self._go_back(at), self._entries[-1].state
            self._following = opening
            for stix in found:
                if stix.sha256 not in self._rows:
                    self._staged[stix.sha256] = stix
                    self._facts.add_object(stix)
            self._apply()
            self._following = None
            if opening.sha256 not in {judged.entry.sha256 for judged in self._entries}:
                dies = self.dies
                self.__dict__.clear()
                self.__dict__.update(before)
                self.dies = dies
                self._staged.pop(opening.stix.sha256, None)
                return False
            self._abandoned += left
            if left:
                self._hold_back(left[-1].state, again, left)
            self._offer_again()
        return True

    def _go_back(self, head: Position) -> list[Judged]:
        """Make an entry the head again; give what followed it. What it recalled stays in force."""
        count = 1 + next(
            place
            for place, judged in enumerate(self._entries)
            if judged.entry.sha256 == head.sha256
        )
        kept, left = self._entries[:count], self._entries[count:]
        last = self._spans[kept[-1].entry.place][1]
        facts, disowned = MemoryFacts(), {one for each in left for one in each.disowned.hidden}
        for judged in left:
            for ref in judged.recalled:
                self._in_force[ref] = self._in_force.get(ref, False) or ref in judged.erased
            self._spans.pop(judged.entry.place, None)
        for sha256, row in list(self._rows.items()):
            if row.date > last:
                del self._rows[sha256]
                is_bundle = row.stix.stix_type == SIGNED_BUNDLE
                is_entry = is_bundle and SignedBundle.read(row.stix).is_entry
                if row.stix.stix_id not in self._in_force and not is_entry:
                    self._staged[sha256] = row.stix
                continue
            if row.released_from is not None and row.released_from > last:
                row.released_from = None
            if sha256 in disowned and row.stix.stix_id not in self._in_force:
                row.hidden = False
            if sha256 in self._facts.pool:
                facts.add_object(row.stix)
        for stix in self._staged.values():
            facts.add_object(stix)
        for judged in kept:
            facts.record(judged)
        self._facts, self._entries, self._state = facts, kept, kept[-1].state
        return left

    def _hold_back(self, before: ChannelState, after: ChannelState, left: Iterable[Judged]) -> None:
        """Keep what we wrote above GREEN from those who read again since the ledger went back."""
        newly = set(after.joined) - set(before.joined) - {self.organisation}
        if not newly:
            return
        self._written = [one for one in self._written if not _is_close(one[0])]
        self._outbox = [one for one in self._outbox if not _is_close(one[0])]
        close = [judged for judged in left if _is_close(judged.entry)]
        self._abandoned = [one for one in self._abandoned if not any(one is x for x in close)]

    def _offer_again(self) -> None:
        """Offer the new epoch what of ours it does not hold."""
        state = self._known()
        if not state.is_member(self.organisation):
            return
        lacking = [one for one in self._written if not self._facts.is_admitted(one[0].sha256)]
        own = [one for one in self._abandoned if one.entry.author == self.organisation]
        self._written, self._outbox, anew = [], [], False
        for bundle, new in lacking:
            anew = anew or self._is_out_of_place(bundle)
            with suppress(DoubtError):
                self._offer(bundle, new, anew=anew)
        self._abandoned = []
        for judged in own:
            if judged.contribution is None and judged.entry.act not in OWNERS_ALONE:
                self._offer_entry(judged)

    def _offer(self, bundle: SignedBundle, new: Sequence[StixObject], *, anew: bool) -> None:
        state = self._known()
        if not self.owns():
            if anew:
                label = metadata_label(state.ceiling)
                act = Act(bundle.act)
                self._contribute(act, bundle.body, new, seen=state.head, label=label)
            else:
                self._outbox.append((bundle, tuple(new)))
                self._written.append((bundle, tuple(new)))
        elif self._is_out_of_place(bundle):
            self._append(Act(bundle.act), bundle.body, new)
        else:
            for stix in (*new, bundle.stix):
                self._facts.add_object(stix)
            self._append(Act.ADMITTED, {}, (), admits=bundle)

    def _offer_entry(self, judged: Judged) -> None:
        state, entry = self._known(), judged.entry
        new = [one.stix for one in judged.covered if one.stix is not None and one.is_first]
        act, now = Act(entry.act), write_time(self._now())
        situation = situation_of(state, self.organisation, entry.body, self._facts, now)
        if not rule(state.tables, act, situation).decision:
            return
        if self.owns():
            with suppress(DoubtError):
                self._append(act, entry.body, new)
            return
        label = metadata_label(state.ceiling)
        self._contribute(act, entry.body, new, seen=state.head, label=label)

    def _is_out_of_place(self, bundle: SignedBundle) -> bool:
        state = self._known()
        member = state.members[self.organisation]
        if bundle.nth is not None and bundle.nth <= member.last_nth:
            return True
        seen = bundle.seen
        if seen is None:
            return False
        known = self._facts.hash_at(seen.epoch, seen.seq)
        return known != seen.sha256 and (known is not None or seen.epoch >= state.head.epoch)


def _is_close(bundle: SignedBundle) -> bool:
    return any(one.tlp is not None and not TLP.GREEN.allows(one.tlp) for one in bundle.contents)
