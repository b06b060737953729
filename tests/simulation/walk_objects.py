"""Objects that words of a walk bring along, and what they could be about.

Source: lifecycles, 2 to 13.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from federation.judging.state import ChannelState
from federation.ledgers.desk import Desk
from policies.acts import ACTS, Act
from policies.decisions import Topic
from policies.tlp import TLP
from sharing import stix
from sharing.canonical import write_time
from sharing.incident.builders import event, incident
from sharing.objects import StixObject

_CARRIES: Final = {"event", "indicator", "opinion", "sighting"}
_KEPT: Final = stix.tlp_marking(TLP.GREEN).stix_id
"""What nobody takes back: every reader judges by it."""


@dataclass
class Spoken:
    """What was written in one channel so far, by anybody: the oldest first."""

    named: dict[str, list[str]] = field(default_factory=dict)
    about: dict[str, tuple[Topic, str | None]] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    """Version of a charter → hash of its words."""
    objects: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Maker:
    """Makes what somebody could write in a channel.

    Args:
        everybody: organisations that words could be about, who has no node among them.
        channels: that words could be about.
    """

    desk: Desk
    state: ChannelState
    spoken: Spoken
    everybody: tuple[str, ...]
    channels: tuple[str, ...]
    now: datetime
    random: Random

    def _described(self, body: Mapping[str, Any], new: list[StixObject]) -> dict[str, Any]:
        """Give what a member says of how to reach it; the words lie in identities."""
        points, facts = [dict(point) for point in body["points"]], dict(body["constituency"])
        for one in (*points, facts):
            name = f"Somebody {self.random.randrange(100)}"
            new.append(self._identity(name, stix_id=stix.new_id("identity"), marking=self._label()))
            one["ref"] = new[-1].stix_id
        return {"points": points, "constituency": facts}

    def _identity(self, name: str, *, stix_id: str, marking: TLP) -> StixObject:
        return stix.build(
            "identity",
            {"name": name, "identity_class": "organization"},
            created_by=self.desk.organisation,
            now=self.now,
            marking=marking,
            stix_id=stix_id,
        )

    def _carried(self, act: Act) -> list[StixObject]:
        kinds = _CARRIES & set(ACTS[act].objects)
        kind = self.random.choice(sorted(kinds)) if kinds and self._now_and_then(2) else ""
        by, about = self.desk.organisation, stix.channel_identity_id(self.state.channel)
        match kind:
            case "indicator":
                pattern = f"[file:name = '{self.random.randrange(5)}.exe']"
                return [
                    stix.indicator(
                        pattern, name="A file", created_by=by, now=self.now, marking=self._label()
                    )
                ]
            case "event":
                name = f"Something happened {self.random.randrange(100)}"
                return [
                    event("occurred", name=name, created_by=by, now=self.now, marking=self._label())
                ]
            case "opinion":
                return [
                    stix.opinion(
                        "agree", about=[about], created_by=by, now=self.now, marking=TLP.GREEN
                    )
                ]
            case "sighting":
                return [
                    stix.sighting(
                        self._object() if self._object().startswith("indicator") else about,
                        created_by=by,
                        now=self.now,
                        marking=TLP.GREEN,
                    )
                ]
        return []

    def _note(self) -> StixObject:
        return stix.note(
            f"Word {self.random.randrange(1000)}",
            about=[stix.channel_identity_id(self.state.channel)],
            created_by=self.desk.organisation,
            now=self.now,
            marking=self._label(),
            nonce=f"{self.random.getrandbits(128):032x}",
        )

    def _incident(self) -> StixObject:
        return incident(
            "Something",
            description="As reported",
            created_by=self.desk.organisation,
            now=self.now,
            marking=self._label(),
        )

    def _label(self) -> TLP:
        return self.random.choice([TLP.GREEN, TLP.AMBER, TLP.AMBER])

    def _object(self) -> str:
        known = self.spoken.objects
        if self._now_and_then(30):
            return _KEPT
        return self.random.choice(known[-8:]) if known else stix.new_id("note")

    def _somebody(self) -> str:
        return self.random.choice(self.everybody)

    def _some(self) -> list[str]:
        joined = [who for who in self.everybody if who in self.state.joined]
        others = [who for who in joined if who != self.desk.organisation]
        if not others or self._now_and_then(6):
            return [self._somebody()]
        return self.random.sample(others, self.random.randint(1, len(others)))

    def _soon(self) -> str:
        minutes = timedelta(minutes=self.random.choice([1, 30, 90]))
        return write_time(self.now + minutes)

    def _now_and_then(self, times: int) -> bool:
        """Tell whether it is so this time: once in so many."""
        return self.random.randrange(times) == 0
