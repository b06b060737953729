"""What anybody could write at some point of a walk: bodies and objects, fitting or not.

Source: lifecycles, 2 to 13.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from policies.acts import ACTS, Act, ChannelKind
from policies.decisions import Topic
from policies.lifecycles import TABLES
from policies.roles import takes_part
from policies.tlp import TLP
from sharing import stix
from sharing.canonical import write_time
from sharing.incident.builders import incident
from sharing.objects import StixObject
from tests.simulation.walk_objects import Maker, Spoken
from tests.unit.policies.bodies import GOOD

SET: Final = TABLES["1"]
TABLE_OF: Final = {act: table for table in SET.tables.values() for act in table.acts}
NAMED: Final = ("report", "request", "call", "decision", "charter")
BEGINS: Final = frozenset(
    {
        Act.REPORT_SUBMITTED,
        Act.REQUEST_OPENED,
        Act.CHECK_CALLED,
        Act.WARNING_ISSUED,
        Act.DECISION_OPENED,
        Act.DECISION_TAKEN,
        Act.CHARTER_PROPOSED,
    }
)
"""Acts that mostly are about something new."""
_DECIDED: Final = {
    Act.CASE_ACTIVATED: Topic.START,
    Act.CASE_DECLINED: Topic.DECLINE,
    Act.CASE_CLOSED: Topic.CLOSE,
    Act.CHARTER_ENDED: Topic.CHARTER,
    Act.MEMBER_REMOVED: Topic.REMOVAL,
}
_ROLES: Final = ("responder", "advisor", "observer", "authority", ["affected", "supplier"])
_RESPONSES: Final = [state.replace(" ", "-") for state in SET.tables["response"].states]
_CHOICES: Final[Mapping[Act, tuple[str, Sequence[Any]]]] = {
    Act.CHANNEL_CEILING_CHANGED: ("ceiling", ["green", "amber", "amber+strict"]),
    Act.MEMBER_LIMITS_CHANGED: ("limits", [{}, {"markings": ["clear", "green"]}]),
    Act.MEMBER_ROLE_CHANGED: ("role", [*_ROLES, "coordinator"]),
    Act.RECALL_ANSWERED: ("answer", ["deleted", "quarantined", "kept"]),
    Act.RESPONSE_REPORTED: ("state", _RESPONSES),
    Act.CASE_CRISIS_ENDED: ("by", ["reason", "control-review"]),
    Act.CONTROL_REVIEWED: ("under_control", ["yes", "no"]),
    Act.DECISION_VOTED: ("option", ["yes", "yes", "no", "abstained", "maybe"]),
}
"""Act → what it may say of one property."""


@dataclass(frozen=True)
class Words:
    """One thing that could be written."""

    body: Mapping[str, Any]
    new: tuple[StixObject, ...]

    def keep(self, act: Act, spoken: Spoken) -> None:
        """Remember it, so that later words can be about it."""
        named = TABLE_OF[act].named
        if named in NAMED and self.body[named] not in spoken.named.setdefault(named, []):
            spoken.named[named].append(self.body[named])
        if "topic" in self.body:
            about = (Topic(self.body["topic"]), self.body.get("subject"))
            spoken.about[self.body["decision"]] = about
        if act is Act.CHARTER_PROPOSED:
            spoken.hashes[self.body["charter"]] = self.body["sha256"]
        spoken.objects += [one.stix_id for one in self.new]


class Speaker(Maker):
    """Somebody who could write in a channel."""

    def say(self, act: Act) -> Words:
        """Give words for an act: mostly such as could be meant, some that fit nobody."""
        body: dict[str, Any] = dict(GOOD[act])
        new: list[StixObject] = []
        named = TABLE_OF[act].named
        if named in NAMED:
            body[named] = self._named(act, named, new)
        for name in ("organisation", "successor", "candidate"):
            if name in body:
                body[name] = self._somebody()
        if "objects" in body:
            body["objects"] = [self._object()]
        if "addressees" in body:
            body["addressees"] = self._some()
        for name in ("needed_by", "reply_by", "next_update", "next_contact", "vote_until"):
            if name in body:
                body[name] = self._soon()
        if "case" in body:
            body["case"] = self.random.choice(self.channels)
        self._of_its_kind(act, body, new)
        if self._now_and_then(4) and not {"note"}.isdisjoint(ACTS[act].objects):
            new.append(self._note())
        new += self._carried(act)
        body.pop("answers", None)
        self._relays(act, body)
        if self._now_and_then(40):
            body["unheard-of"] = 1
        return Words(body, tuple(new))

    def _relays(self, act: Act, body: dict[str, Any]) -> None:
        """Speak for somebody: who coordinates does that now and then, others hardly ever."""
        owned = self.state.owner == self.desk.organisation
        if not self._now_and_then(3 if ACTS[act].relayed and owned else 60):
            return
        told = {"way": "telephone", "at": write_time(self.now)}
        absent = self._somebody()
        body["on_behalf_of"] = told | {"organisation": absent}
        if act in {Act.MEMBER_JOINED, Act.MEMBER_DECLINED}:
            body.pop("descriptors", None)
        if act is Act.MEMBER_JOINED and not self._now_and_then(3):
            offered = self.state.state_of("invited_role", absent)
            body["role"] = (offered or "responder").split("+")

    def is_said(self, words: Words, told: str) -> bool:
        """Tell whether words say this: `name=value`, `name=` (not said) or `name=@-1` (newest),
        `name=#1` (the second organisation).
        """
        name, _, wanted = told.partition("=")
        said = words.body.get(name)
        if wanted.startswith("@"):
            known = self.spoken.named.get(name, [])
            return bool(known) and said == known[int(wanted[1:])]
        if name == "new":
            return bool(words.new) == (wanted == "yes")
        if wanted.startswith("#"):
            wanted = self.everybody[int(wanted[1:])]
        if not wanted:
            return said is None
        return str(said or "").strip("[]'\"") == wanted

    def _of_its_kind(self, act: Act, body: dict[str, Any], new: list[StixObject]) -> None:
        if act in _CHOICES:
            name, choices = _CHOICES[act]
            body[name] = self.random.choice(choices)
        self._of_members(act, body, new)
        self._of_cases(act, body, new)
        self._of_agreements(act, body, new)
        if "case" in body and self.state.kind is ChannelKind.CASE and act is not Act.CASE_LINKED:
            del body["case"]
        body.pop("impacts", None)
        if act in _DECIDED:
            body["decision"] = self._decision_on(_DECIDED[act], body)
        if act is Act.MEMBER_REMOVED and self._now_and_then(2):
            del body["decision"]

    def _of_members(self, act: Act, body: dict[str, Any], new: list[StixObject]) -> None:
        match act:
            case Act.MEMBER_INVITED:
                self._invites(body, new)
            case Act.MEMBER_JOINED:
                offered = self.state.state_of("invited_role", self.desk.organisation)
                body["role"] = (offered or "responder").split("+")
                body["descriptors"] = [dict(one) for one in self.desk.node.documents]
                del body["limits"]
            case Act.MEMBER_REQUESTED:
                body["channel"] = self.random.choice(self.channels)
            case Act.MEMBER_DESCRIBED:
                body |= self._described(body, new)
            case Act.MEMBER_DECLINED:
                body["descriptors"] = [dict(one) for one in self.desk.node.documents]
            case Act.COORDINATOR_HANDED_OVER if self._now_and_then(2):
                body["successor"] = self.state.state_of("successor", "channel") or body["successor"]
            case _:
                pass

    def _of_cases(self, act: Act, body: dict[str, Any], new: list[StixObject]) -> None:
        match act:
            case Act.WARNING_UPDATED if self._now_and_then(2):
                del body["asks"]
            case Act.CASE_OPENED:
                self._opens(body, new)
            case Act.CASE_MERGED:
                body["into"] = self.random.choice(self.channels)
            case Act.CASE_RECOVERED:
                body["except"] = self._some()
            case Act.CASE_CRISIS_DECLARED:
                body["until"] = self._soon()
            case Act.CASE_CLOSED if self._now_and_then(2):
                del body["early"]
            case _:
                pass

    def _of_agreements(self, act: Act, body: dict[str, Any], new: list[StixObject]) -> None:
        match act:
            case Act.DECISION_OPENED:
                self._asks(body)
            case Act.DECISION_TAKEN:
                self._decides(body)
            case Act.CHARTER_PROPOSED:
                self._proposes(body, new)
            case Act.CHARTER_ACCEPTED:
                known = self.spoken.hashes.get(body["charter"])
                body["sha256"] = known if known and not self._now_and_then(5) else "0" * 64
            case _:
                pass

    def _named(self, act: Act, name: str, new: list[StixObject]) -> str:
        known = self.spoken.named.get(name, [])
        if self._now_and_then(10):
            # What is something else already, too.
            known = [one for other in NAMED for one in self.spoken.named.get(other, [])] or known
        if not known or (act in BEGINS and not self._now_and_then(4)) or self._now_and_then(12):
            new.append(self._note() if name != "report" else self._incident())
            return new[-1].stix_id
        return self.random.choice(known[-3:] if not self._now_and_then(4) else known)

    def _invites(self, body: dict[str, Any], new: list[StixObject]) -> None:
        absent = self.everybody[-1]
        body["role"] = self.random.choice([*_ROLES, "responder", "responder", "coordinator"])
        body["reply_by"] = self._soon()
        if self._now_and_then(3):
            del body["recovery_key"]
            body |= {"organisation": absent, "without_node": True, "older": "none"}
            new.append(self._identity("Absent", stix_id=absent, marking=TLP.GREEN))
        elif self._now_and_then(6):
            body["replaces"] = self.random.choice(self.everybody)

    def _opens(self, body: dict[str, Any], new: list[StixObject]) -> None:
        body.pop("charter")
        body["deputies"] = [{"organisation": self.everybody[1], "endorsements": 2}]
        body["rules"] = {
            topic: {"by": "majority"} | ({"quorum": 2} if self._now_and_then(2) else {})
            for topic in ("close", "removal", "start-coordination")
            if self._now_and_then(2)
        }
        if not body["rules"]:
            del body["rules"]
        creator = stix.channel_identity_id(self.state.channel)
        new.append(incident("A walk", created_by=creator, now=self.now, marking=TLP.AMBER))
        body["incident"] = new[-1].stix_id

    def _asks(self, body: dict[str, Any]) -> None:
        topic, subject = self._topic()
        body |= {"topic": topic.value} | ({"subject": subject} if subject else {})
        voters = [who for who, roles in self.state.joined.items() if takes_part(roles)]
        body["voters"] = voters if voters and not self._now_and_then(8) else self._some()
        rules = {one["by"]: one for one in ({"by": "majority"}, {"by": "unanimity"})}
        agreed = dict(
            item.split("=", 1)
            for item in (self.state.state_of("rules", "channel") or "").split()
            if "=" in item
        ).get(topic.value)
        by, _, quorum = (agreed or self.random.choice(sorted(rules))).partition("/")
        body["rule"] = {"by": by} | ({"quorum": int(quorum)} if quorum else {})
        if not quorum and agreed is None and self._now_and_then(3):
            body["rule"]["quorum"] = 3
        if self._now_and_then(12):
            body["rule"] = {"by": "coordinator"}
        if self._now_and_then(8):
            body["options"] = ["this", "that"]
        body["facts"] = self.state.head.document()

    def _decides(self, body: dict[str, Any]) -> None:
        topic, subject = self._topic()
        body["outcome"] = self.random.choice(["yes", "yes", "no"])
        body["facts"] = self.state.head.document()
        body["authority"] = self.random.choice(["vote", "coordinator", "delegation"])
        del body["topic"], body["subject"]
        if body["authority"] != "vote":
            body |= {"topic": topic.value} | ({"subject": subject} if subject else {})
        known = [one for one in self.spoken.named.get("decision", []) if one != body["decision"]]
        body.pop("replaces")
        if known and self._now_and_then(4):
            body["replaces"] = self.random.choice(known)

    def _topic(self) -> tuple[Topic, str | None]:
        topic = self.random.choice([*_DECIDED.values(), Topic.QUESTION])
        if topic is Topic.REMOVAL:
            return topic, self._somebody()
        charters = self.spoken.named.get("charter", [])
        if topic is Topic.CHARTER and charters:
            return topic, self.random.choice(charters[-2:])
        return topic, None

    def _decision_on(self, topic: Topic, body: Mapping[str, Any]) -> str:
        """Give a decision on a topic, the newest first; another where there is none."""
        about = body.get("organisation", body.get("charter"))
        fitting = [one for one, what in self.spoken.about.items() if what == (topic, about)]
        taken = [one for one in fitting if self.state.state_of("decision", one) == "taken"]
        if taken and not self._now_and_then(6):
            return taken[-1]
        known = self.spoken.named.get("decision", [])
        return self.random.choice(known) if known else stix.new_id("note")

    def _proposes(self, body: dict[str, Any], new: list[StixObject]) -> None:
        words = next((one for one in new if one.stix_id == body["charter"]), None)
        body["sha256"] = words.sha256 if words is not None else "0" * 64
        body["deputies"] = [{"organisation": self.everybody[1], "endorsements": 2}]
        body["rules"] = {"charter": {"by": self.random.choice(["coordinator", "majority"])}}
        del body["replaces"]
