"""Steps of keys: they rotate, are stolen, revoked by the recovery key, and acts are disowned.

Source: protocol, 2 (*Keys are state of the ledger*).
"""

from __future__ import annotations

from federation.judging.bundles import Position, items_of, make_bundle
from federation.ledgers.ledger import metadata_label
from policies.acts import Act
from policies.tlp import TLP
from tests.simulation.play import Play

STEP_OF_NTH = 50
"""How many of its victim's numbers a thief leaves out."""


class KeySteps(Play):
    """A world in which keys change."""

    def rotate(self, who: str) -> None:
        """Take a new signing key into use, and retire the old one."""
        self._step("rotate", who)
        self._try(self.nodes[who].rotate)

    def steal(self, who: str) -> None:
        """Copy the key that a node signs with now."""
        self._step("steal", who)
        self.stolen[who] = self.nodes[who].key()

    def forge(self, who: str, tlp: str | None) -> None:
        """Write to the owner in somebody's name, with the stolen key."""
        self._step("forge", who, tlp)
        victim, owner = self.nodes[who], self.writer()
        key, state = self.stolen.get(who), owner.state()
        if key is None or state is None or owner is victim:
            return
        own = [one for one in state["members"] if one["organisation"] == victim.organisation]
        if not own:
            return
        new = [self._make_note(who, victim.organisation, TLP(tlp) if tlp else None)]
        ceiling = metadata_label(TLP(state["things"]["ceiling:channel"]))
        labels = {one.sha256: TLP(tlp) if tlp else ceiling for one in new}
        bundle = make_bundle(
            key=key,
            author=victim.organisation,
            channel=self.channel,
            act=Act.NOTE_ADDED.value,
            body={},
            contents=items_of(new, labels),
            label=ceiling,
            now=self._clock(who)(),
            nth=own[0]["last_nth"] + STEP_OF_NTH,
            seen=Position.read(state["head"]),
        )
        contents = [*(one.content for one in new), bundle.stix.content]
        self._try(lambda: self._take(owner, victim.organisation, contents))

    def revoke(self, who: str, since: int) -> None:
        """Revoke the key that a node signs with, by its recovery key.

        Args:
            since: how many seconds ago the thief may have got it.
        """
        self._step("revoke", who, since)
        self._try(lambda: self.nodes[who].revoke(since))

    def disown(self, who: str, number: int) -> None:
        """Say that a bundle in one's name is not one's own; allowed where it is doubtful."""
        self._step("disown", who, number)
        node = self.nodes[who]
        own = [line for line in node.ledger() if line.acting["created_by_ref"] == node.organisation]
        if not own:
            return
        body = {
            "descriptors": [dict(node.documents()[-1])],
            "disowned": [own[-1 - number % len(own)].acting_hash],
        }
        self._write(who, Act.NODE_DESCRIBED, body)
