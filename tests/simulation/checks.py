"""What has to hold in a simulated world whenever it has come to rest."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from policies.errors import NotFoundError
from sharing.objects import StixObject
from tests.simulation.laws import Laws, ranks
from tests.simulation.nodes import SimNode
from tests.simulation.oracle import Line, Oracle
from tests.simulation.play import PAGE, Play


@dataclass
class Rest:
    """A world at rest: the ledger that holds, and who writes it."""

    owner: SimNode
    ledger: list[Line]
    oracle: Oracle
    laws: Laws

    @cached_property
    def entries(self) -> set[str]:
        return {line.entry["id"] for line in self.ledger}

    def follows(self, ledger: Sequence[Line]) -> bool:
        """Tell whether somebody's ledger is that one, as far as it goes."""
        return list(ledger) == self.ledger[: len(ledger)]


class Checks(Play):
    """A world that can be looked at."""

    def owner(self) -> SimNode:
        """Give the node that writes the ledger that holds."""
        return self._rest().owner

    def _rest(self) -> Rest:
        owners = [node for node in self.nodes.values() if node.owns()]
        if not owners:
            self._broken("nobody writes the ledger")
        owner = max(owners, key=lambda node: ranks(node.ledger()))
        ledger = owner.ledger()
        oracle = Oracle(ledger, self.made)
        return Rest(owner, ledger, oracle, Laws(oracle, self.endorsed))

    def _check(self, *, anew: bool) -> None:
        rest = self._rest()
        self._check_gapless(rest.ledger)
        if rest.laws.broken:
            self._broken(rest.laws.broken[0])
        self._check_branches(rest)
        gone = self._gone(self.nodes)
        for node in self.nodes.values():
            if rest.follows(node.ledger()) or self._has_to_follow(node, rest):
                self._check_replica(node, rest, gone)
                self._check_answers(node, rest)
            self._check_holdings(node, rest)
            self._check_serving(node)
            if differences := node.rebuilt(anew=anew):
                self._broken(f"{node.name} rebuilds otherwise: {differences}")

    def _check_gapless(self, ledger: Sequence[Line]) -> None:
        for one, other in itertools.pairwise(ledger):
            before = (one.entry["epoch"], one.entry["seq"])
            after = (other.entry["epoch"], other.entry["seq"])
            if after not in ((before[0], before[1] + 1), (before[0] + 1, 0)):
                self._broken(f"{after} follows {before}")
            seen = other.entry["seen"]
            if seen != {"epoch": before[0], "seq": before[1], "sha256": one.entry_hash}:
                self._broken(f"{after} does not name the entry before it")

    def _check_branches(self, rest: Rest) -> None:
        """Of two openings of one epoch the better one holds, wherever it could be heard of."""
        for ledger in self.openings.values():
            author = self._by_id[ledger[-1].entry["created_by_ref"]]
            heard = rest.follows(author.ledger())
            if heard and ranks(ledger) > ranks(rest.ledger):
                self._broken(f"the opening by {author.name} holds no more, and is the better one")

    def _has_to_follow(self, node: SimNode, rest: Rest) -> bool:
        """Tell whether a node is a member, and hears of the ledger that holds from a member.

        Who has read on another branch that its part ended reads no more; and nobody shows a
        branch to who has no part in it.
        """
        state = node.state()
        if node.organisation not in rest.oracle.members():
            return False
        if state is None:
            return True
        joined = {one["organisation"] for one in state["members"] if one["state"] == "joined"}
        if node.organisation not in joined:
            return False
        return any(
            other.organisation in joined and other is not node and rest.follows(other.ledger())
            for other in self.nodes.values()
        )

    def _gone(self, names: Iterable[str]) -> set[str]:
        """Give ids of what was recalled on branches that these nodes have left: it stays so."""
        gone: set[str] = set()
        for name in names:
            for ledger in self.past[name]:
                oracle = Oracle(ledger, self.made)
                gone |= set(oracle.recalled)
                gone |= {oracle.things[sha256].ref for sha256 in oracle.hidden}
        return gone

    def _check_replica(self, node: SimNode, rest: Rest, gone: set[str]) -> None:
        until = rest.oracle.reads_until(node.organisation)
        trouble = node.trouble()
        if trouble is not None and any(ref in trouble for ref in gone):
            # What a branch that was left had erased nobody can show; its author offers the
            # recall again.
            return
        ledger = node.ledger()
        if ledger != rest.ledger[: until + 1]:
            self._broken(
                f"{node.name} has {len(ledger)} entries and is to have {until + 1};"
                f" it says {trouble}"
            )
        if node.organisation not in rest.oracle.members():
            return
        if trouble is not None:
            self._broken(f"{node.name} stands still: {trouble}")
        if node.state() != rest.owner.state():
            self._broken(f"{node.name} makes another state of the same ledger")
        held = node.held() & set(self.made)
        for sha256, thing in rest.oracle.things.items():
            due = rest.oracle.may_be_served(node.organisation, sha256)
            if due and sha256 not in held and thing.ref not in gone:
                self._broken(f"{node.name} lacks {thing.ref}, which is due to it")

    def _check_holdings(self, node: SimNode, rest: Rest) -> None:
        """Nothing lies on a node but what a ledger that it follows, or followed, entitles it to."""
        oracles = [rest.oracle]
        if not rest.follows(node.ledger()):
            oracles.append(Oracle(node.ledger(), self.made))
        oracles += [Oracle(ledger, self.made) for ledger in self.past[node.name]]
        for sha256 in node.held() & set(self.made):
            own = self.authors[sha256] == node.organisation
            if own and not rest.oracle.is_erased(node.organisation, sha256):
                continue
            if not any(one.may_hold(node.organisation, sha256) for one in oracles):
                self._broken(f"{node.name} holds {self.made[sha256]['id']}, which is not for it")

    def _check_answers(self, node: SimNode, rest: Rest) -> None:
        """Compare what a node shows of relayed statements with what the ledger says."""
        answers = node.answers()
        if answers is None or node.organisation not in rest.oracle.members():
            return
        for sha256, said in rest.laws.answers.items():
            if answers.get(sha256) not in (said, "withheld"):
                self._broken(f"{node.name} shows {answers.get(sha256)} where it is {said}")

    def _check_serving(self, server: SimNode) -> None:
        """Ask a server for everything, by every id there is, as everybody else.

        What lies on a branch that it left is asked for as well, and is served to nobody.
        """
        ledger, held = server.ledger(), server.held()
        oracle, gone = Oracle(ledger, self.made), self._gone((server.name,))
        refs = {thing["id"] for thing in self.made.values()}
        for each in (ledger, *itertools.chain(*self.past.values())):
            refs |= {bundle["id"] for line in each for bundle in line.bundles}
        for reader in self.nodes.values():
            if reader is server:
                continue
            until = oracle.reads_until(reader.organisation)
            for asked in (None, sorted(refs)):
                given = self._served(server, reader, asked)
                if until < 0:
                    if given:
                        self._broken(f"{server.name} serves {reader.name}, which is no member")
                    continue
                bundles = [bundle["id"] for line in ledger[: until + 1] for bundle in line.bundles]
                got = [one.stix_id for one in given if one.stix_type == "signed-bundle"]
                if [ref for ref in got if ref not in self.carried] != bundles:
                    self._broken(f"{server.name} serves {reader.name} other entries than it reads")
                things = {one.sha256 for one in given if one.sha256 in self.made}
                due = {
                    sha256
                    for sha256, thing in oracle.things.items()
                    if sha256 in held
                    and thing.ref not in gone
                    and oracle.may_be_served(reader.organisation, sha256)
                }
                # What a replica was never due itself it can't serve, released or not.
                if things - due:
                    names = [self.made[one]["id"] for one in things - due]
                    self._broken(f"{server.name} serves {reader.name} {names}")
                if server.owns() and due - things:
                    names = [self.made[one]["id"] for one in due - things]
                    self._broken(f"{server.name} keeps {names} from {reader.name}")

    def _served(
        self, server: SimNode, reader: SimNode, refs: Iterable[str] | None
    ) -> list[StixObject]:
        try:
            given = server.serve(reader.organisation, -1, PAGE, refs)
        except NotFoundError:
            return []
        for content in given.contents:
            if content not in self._read:
                self._read[content] = StixObject.read(content)
        return [self._read[content] for content in given.contents]
