"""What has to hold in a simulated world whenever it has come to rest."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from policies.errors import NotFoundError
from sharing.objects import StixObject
from tests.simulation.laws import Laws
from tests.simulation.nodes import SimNode
from tests.simulation.oracle import Line, Oracle
from tests.simulation.play import PAGE, Play


class Checks(Play):
    """A world that can be looked at."""

    # What has to hold.

    def owner(self) -> SimNode:
        """Give the node that writes the ledger."""
        owners = [node for node in self.nodes.values() if node.owns()]
        if len(owners) != 1:
            self._broken(f"{len(owners)} nodes write the ledger")
        return owners[0]

    def _check(self, *, anew: bool) -> None:
        owner = self.owner()
        ledger = owner.ledger()
        oracle = Oracle(ledger, self.made)
        self._check_gapless(ledger)
        laws = Laws(oracle)
        if laws.broken:
            self._broken(laws.broken[0])
        for node in self.nodes.values():
            self._check_replica(node, ledger, oracle, owner)
            self._check_holdings(node, oracle)
            self._check_serving(node)
            self._check_answers(node, oracle, laws)
            if differences := node.rebuilt(anew=anew):
                self._broken(f"{node.name} rebuilds otherwise: {differences}")

    def _check_gapless(self, ledger: Sequence[Line]) -> None:
        places = [(line.entry["epoch"], line.entry["seq"]) for line in ledger]
        for before, after in itertools.pairwise(places):
            if after not in ((before[0], before[1] + 1), (before[0] + 1, 0)):
                self._broken(f"{after} follows {before}")

    def _check_replica(
        self, node: SimNode, ledger: Sequence[Line], oracle: Oracle, owner: SimNode
    ) -> None:
        until = oracle.reads_until(node.organisation)
        if node.ledger() != list(ledger[: until + 1]):
            self._broken(
                f"{node.name} has {len(node.ledger())} entries and is to have {until + 1};"
                f" it says {node.trouble()}"
            )
        if node.organisation not in oracle.members():
            return
        if (trouble := node.trouble()) is not None:
            self._broken(f"{node.name} stands still: {trouble}")
        if node.state() != owner.state():
            self._broken(f"{node.name} makes another state of the same ledger")

    def _check_holdings(self, node: SimNode, oracle: Oracle) -> None:
        held = node.held() & set(self.made)
        for sha256 in held:
            own = self.authors[sha256] == node.organisation
            if own and not oracle.is_erased(node.organisation, sha256):
                continue
            if not oracle.may_hold(node.organisation, sha256):
                self._broken(f"{node.name} holds {self.made[sha256]['id']}, which is not for it")
        if node.organisation not in oracle.members():
            return
        for sha256, thing in oracle.things.items():
            due = oracle.may_be_served(node.organisation, sha256)
            if due and sha256 not in held:
                self._broken(f"{node.name} lacks {thing.ref}, which is due to it")

    def _check_answers(self, node: SimNode, oracle: Oracle, laws: Laws) -> None:
        """Compare what a node shows of relayed statements with what the ledger says."""
        answers = node.answers()
        if answers is None or node.organisation not in oracle.members():
            return
        for sha256, said in laws.answers.items():
            if answers.get(sha256) not in (said, "withheld"):
                self._broken(f"{node.name} shows {answers.get(sha256)} where it is {said}")

    def _check_serving(self, server: SimNode) -> None:
        """Ask a server for everything, by every id there is, as everybody else."""
        ledger = server.ledger()
        oracle = Oracle(ledger, self.made)
        held = server.held()
        refs = {thing["id"] for thing in self.made.values()}
        refs |= {bundle["id"] for line in ledger for bundle in line.bundles}
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
                got = [one for one in given if one.stix_type == "signed-bundle"]
                if [one.stix_id for one in got] != bundles:
                    self._broken(f"{server.name} serves {reader.name} other entries than it reads")
                things = {one.sha256 for one in given if one.sha256 in self.made}
                due = {
                    sha256
                    for sha256 in oracle.things
                    if oracle.may_be_served(reader.organisation, sha256) and sha256 in held
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
