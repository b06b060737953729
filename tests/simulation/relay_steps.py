"""Steps of who has no node of its own: the coordinator speaks for it, until it can write itself.

Source: protocol, 5 (*Relay*).
"""

from __future__ import annotations

from typing import Any, Final

from federation.ledgers.ledger import metadata_label
from policies.acts import Act
from policies.tlp import TLP
from sharing.canonical import write_time
from tests.simulation.play import Play

ABSENT: Final = ("X", "Y")
"""Organisations that have no node at first."""
RELAYED: Final = {
    "join": Act.MEMBER_JOINED,
    "decline": Act.MEMBER_DECLINED,
    "leave": Act.MEMBER_LEFT,
    "note": Act.NOTE_ADDED,
    "share": Act.INTEL_SHARED,
}


def absent_id(name: str) -> str:
    """Give the id under which the ledger knows an organisation without a node."""
    return f"identity--0f5a1f0e-6b0e-4c63-9a52-3a0b4c1d9{ABSENT.index(name):03d}"


class RelaySteps(Play):
    """A world in which some have no node."""

    def absent(self, by: str, name: str) -> None:
        """Invite an organisation that has no node."""
        self._step("absent", by, name)
        node, organisation = self.nodes[by], absent_id(name)
        identity = self._make(
            "identity",
            node.organisation,
            metadata_label(TLP(self.ceiling)),
            by,
            id=organisation,
            name=f"Example {name}",
            identity_class="organization",
        )
        body = {
            "organisation": organisation,
            "role": "responder",
            "reply_by": "2027-11-20T10:00:00.000Z",
            "ceiling": self.ceiling_of(by),
            "older": "none",
            "without_node": True,
        }
        self._write(by, Act.MEMBER_INVITED, body, [identity])

    def relay(self, by: str, who: str, what: str, tlp: str | None = None) -> None:
        """Say something on behalf of an organisation, with a node or without."""
        self._step("relay", by, who, what, tlp)
        organisation = absent_id(who) if who in ABSENT else self.nodes[who].organisation
        told: dict[str, Any] = {
            "organisation": organisation,
            "way": "telephone",
            "at": write_time(self.now),
        }
        act, author, new = RELAYED[what], self.nodes[by].organisation, []
        body: dict[str, Any] = {"on_behalf_of": told}
        if act is Act.MEMBER_JOINED:
            body["role"] = "responder"
        if what in ("note", "share"):
            label = TLP(tlp) if tlp is not None else None
            person = self._make(
                "identity", author, label, by, name="Who told it", identity_class="individual"
            )
            told["informant"] = person.stix_id
            new = [self._make_note(by, author, label), person]
        self._write(by, act, body, new)

    def replace(self, by: str, who: str, name: str) -> None:
        """Invite an organisation with its node, in the place that it had without."""
        self._step("replace", by, who, name)

        def act() -> None:
            invited = self.nodes[by].invite(self.nodes[who], replaces=absent_id(name))
            self.invitations[who] = invited

        self._try(act)

    def answer_for(self, who: str, number: int, *, confirms: bool) -> None:
        """Confirm or dispute what was said on somebody's behalf."""
        self._step("answer_for", who, number, confirms=confirms)
        node = self.nodes[who]
        said = [line for line in node.ledger() if "on_behalf_of" in line.acting.get("body", {})]
        if not said:
            return
        line = said[number % len(said)]
        opinion = self._make(
            "opinion",
            node.organisation,
            metadata_label(TLP(self.ceiling)),
            who,
            opinion="strongly-agree" if confirms else "strongly-disagree",
            object_refs=[line.acting["id"]],
        )
        self._write(who, Act.OPINION_GIVEN, {"answers": line.acting_hash}, [opinion])

    def pretend(self, by: str, name: str, tlp: str | None) -> None:
        """Write something that is made out to be by who has no node to sign with."""
        self._step("pretend", by, name, tlp)
        label = TLP(tlp) if tlp is not None else None
        self._write(by, Act.NOTE_ADDED, {}, [self._make_note(by, absent_id(name), label)])
