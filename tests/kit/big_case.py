"""A large case as a coordinator's node holds it, written in bulk: real signatures, really judged.

Five hundred entries are kept at a time (`KeptLedger.keep_together`); `rebuild` finds nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from federation.judging.state import ChannelState
from federation.ledgers.sources import expect_direct
from hub.cases import course
from hub.channels import relay
from policies.acts import Act
from policies.tlp import TLP
from sharing.canonical import write_time
from sharing.incident import builders
from sharing.incident.times import Moment
from sharing.objects import StixObject
from tests.kit.kept_ledger import KeptLedger, continued, organisations, ourselves
from tests.kit.ledger_kit import Organisation
from tests.kit.nodes import CONSOLE, LocalNode

WITHOUT_NODE: Final = 6
ALONE: Final = 10
"""How many tell the coordinator something alone."""
BATCH: Final = 500
"""Entries in one transaction."""
OPEN: Final = 4
"""Warnings and requests that stand open at once."""
CYCLE: Final = 1000
"""Entries after which there is another warning, another request and another decision."""
_FUNCTIONAL: Final = ("none", "minimal", "significant", "denial")
_INFORMATION: Final = ("none", "suspected", "personal-data", "proprietary")
_RESPONSES: Final = ("investigating", "affected", "contained", "eradicated", "recovered")


@dataclass
class BigCase:
    """What people write in a large case, in turn.

    Args:
        members: those that take part with nodes of their own.
    """

    ledger: KeptLedger
    members: list[Organisation]
    objects: int = 0
    waiting: list[tuple[Organisation, str, dict[str, Any]]] = field(default_factory=list)
    """Answers and votes that are due next."""
    ending: list[tuple[Act, dict[str, Any]]] = field(default_factory=list)
    """What ends the warnings and requests that stand open, the oldest first."""
    closing: dict[str, Any] | None = None
    """The decision that the votes decide."""

    def grow(self, entries: int) -> Iterator[None]:
        """Write until the ledger has so many entries; stop for a commit now and then."""
        state = self._state
        start = state.head.seq + 1
        for number in range(start, entries):
            self.ledger.tick(10)
            self._write(number)
            if number % BATCH == 0:
                self.ledger.keep_together()
                yield
        self.ledger.keep_together()
        yield

    @property
    def _state(self) -> ChannelState:
        assert self.ledger.state is not None
        return self.ledger.state

    def _write(self, number: int) -> None:
        phase = number % CYCLE
        if phase == 0:
            self._warn()
        elif phase == CYCLE // 3:
            self._ask()
        elif phase == 2 * CYCLE // 3:
            self._put_to_the_vote()
        elif self.waiting:
            who, act, body = self.waiting.pop(0)
            self.ledger.contribute(who, act, body)
        elif len(self.ending) > OPEN:
            self.ledger.write(*self.ending.pop(0))
        elif self.closing is not None:
            self.ledger.tick(7200)
            self.ledger.write(Act.DECISION_TAKEN, self.closing)
            self.closing = None
        else:
            self._say(number)

    def _say(self, number: int) -> None:
        who = self.members[number % len(self.members)]
        kind = number // len(self.members) % 10
        if kind == 0:
            state = _RESPONSES[number // 400 % len(_RESPONSES)]
            since = write_time(self.ledger.now - timedelta(hours=2))
            body: dict[str, Any] = {"state": state, "since": since}
            self.ledger.contribute(who, Act.RESPONSE_REPORTED, body, [self._note(who)])
        elif kind == 1:
            body = {"assessment": stated(number)}
            self.ledger.contribute(who, Act.ASSESSMENT_SUBMITTED, body, [self._note(who)])
        elif kind == 2:
            found = [self._indicator(who) for _ in range(3)]
            self.ledger.contribute(who, Act.INTEL_SHARED, {}, found)
        elif kind == 3:
            self.ledger.contribute(who, Act.EVENT_ADDED, {}, [self._event(who)])
        elif kind == 4:
            note = self._note(self.ledger.owner)
            self.ledger.write(Act.NOTE_ADDED, {}, [note])
        else:
            self.ledger.contribute(who, Act.NOTE_ADDED, {}, [self._note(who)])

    def _warn(self) -> None:
        note = self._note(self.ledger.owner)
        body: dict[str, Any] = {"call": note.stix_id, "reply_by": self._later(4)}
        body["addressees"] = [one.id for one in self.members]
        self.ledger.write(Act.WARNING_ISSUED, body, [note])
        self.ending.append(
            (Act.WARNING_ENDED, {"call": note.stix_id, "addressees": body["addressees"]})
        )
        answer = {"call": note.stix_id, "way": "node", "affected": "looking"}
        self.waiting += [(one, Act.WARNING_ACKNOWLEDGED, answer) for one in self.members[:-5]]

    def _ask(self) -> None:
        note = self._note(self.ledger.owner)
        body: dict[str, Any] = {"request": note.stix_id, "answers_to": "all"}
        body["needed_by"] = self._later(4)
        body["addressees"] = [one.id for one in self.members[:10]]
        self.ledger.write(Act.REQUEST_OPENED, body, [note])
        result = {"request": note.stix_id, "addressees": body["addressees"]}
        self.ending.append((Act.REQUEST_CLOSED, result))
        answer = {"request": note.stix_id, "result": "searched-nothing-found"}
        self.waiting += [(one, Act.REQUEST_ANSWERED, answer) for one in self.members[:8]]

    def _put_to_the_vote(self) -> None:
        note = self._note(self.ledger.owner)
        body = {
            "decision": note.stix_id,
            "topic": "question",
            "options": ["yes", "no"],
            "rule": {"by": "majority"},
            "voters": sorted(self._state.joined),
            "vote_until": self._later(2),
            "facts": self._state.head.document(),
        }
        self.ledger.write(Act.DECISION_OPENED, body, [note])
        vote = {"decision": note.stix_id, "option": "yes"}
        self.waiting += [(one, Act.DECISION_VOTED, vote) for one in self.members]
        self.closing = {"decision": note.stix_id, "outcome": "yes", "authority": "vote"}

    def _later(self, hours: int) -> str:
        return write_time(self.ledger.now + timedelta(hours=hours))

    def _note(self, who: Organisation) -> StixObject:
        return self._object(
            who,
            "note",
            content=f"Seen by {who.name}: the update service asked a host that it never asked "
            "before. We hold the logs, and look for the same on the other machines.",
            object_refs=[self._state.identity],
        )

    def _indicator(self, who: Organisation) -> StixObject:
        number = self.objects
        host = f"h{number}.example"
        return self._object(
            who,
            "indicator",
            name=f"C2 host {number}",
            indicator_types=["malicious-activity"],
            pattern=f"[domain-name:value = '{host}']",
            pattern_type="stix",
            valid_from=write_time(self.ledger.now),
        )

    def _event(self, who: Organisation) -> StixObject:
        return builders.event(
            "occurred",
            name="Update installed",
            start=Moment(self.ledger.now - timedelta(hours=3)),
            created_by=who.id,
            now=self.ledger.now,
            marking=TLP.AMBER,
        )

    def _object(self, who: Organisation, kind: str, **more: Any) -> StixObject:
        self.objects += 1
        moment = write_time(self.ledger.now)
        number = UUID(int=(0x4000 << 64) + (0x9 << 60) + self.objects)
        value = {
            "type": kind,
            "spec_version": "2.1",
            "id": f"{kind}--{number}",
            "created_by_ref": who.id,
            "created": moment,
            "modified": moment,
            "object_marking_refs": [TLP.AMBER.marking_id],
        }
        return StixObject.of(value | more)


def stated(number: int) -> Mapping[str, Any]:
    """Give what an organisation may state."""
    return {
        "functional_impact": _FUNCTIONAL[number % len(_FUNCTIONAL)],
        "information_impact": _INFORMATION[number // 7 % len(_INFORMATION)],
        "counts": {"computers-server": {"low": number % 9, "high": number % 9 + number % 5}},
    }


def write_big_case(node: LocalNode, *, members: int, entries: int) -> str:
    """Have a node coordinate a case of so many organisations and entries; give its channel."""
    others = organisations(members - 1 - WITHOUT_NODE)
    channel = open_case(node, "A trojanised update", "Signed, and it phones home.")
    for number in range(WITHOUT_NODE):
        absent(node, channel, f"Works {number}")
    with node.writing() as session:
        desk = node.office.desk(session)
        case = BigCase(continued(session, desk, channel, (), 1), others)
        case.ledger.together = True
        for one in others:
            case.ledger.join(one, "affected")
        for _pause in case.grow(entries):
            session.commit()
            session.expire_all()
    for number, one in enumerate(others[:ALONE]):
        tell_alone(node, channel, one, number)
    return channel


def open_case(node: LocalNode, title: str, text: str) -> str:
    with node.writing() as session:
        desk, now = node.office.desk(session), node.now()
        return course.open_case(session, desk, CONSOLE, title=title, text=text, now=now)


def absent(node: LocalNode, channel: str, name: str) -> None:
    """Take in an organisation without node, and write down what it says by telephone."""
    with node.writing() as session:
        desk, now = node.office.desk(session), node.now()
        organisation = relay.add_absent(
            session, desk, CONSOLE, channel, name=name, roles=["affected"], contact="0123", now=now
        )
    told = relay.Told("telephone", now)
    said: tuple[tuple[Act, dict[str, Any]], ...] = (
        (Act.MEMBER_JOINED, {}),
        (Act.RESPONSE_REPORTED, {"state": "affected"}),
        (Act.ASSESSMENT_SUBMITTED, {"assessment": {"functional_impact": "denial"}}),
    )
    for act, body in said:
        with node.writing() as session:
            relay.relay(
                session,
                node.office.desk(session),
                CONSOLE,
                channel,
                organisation=organisation,
                act=act,
                told=told,
                body=body,
                now=node.now(),
            )


def tell_alone(node: LocalNode, channel: str, one: Organisation, number: int) -> None:
    """Have an organisation tell us something alone, in a direct channel of its own."""
    direct = str(UUID(int=(0x4000 << 64) + (0x8 << 60) + (7 << 32) + number))
    with node.writing() as session:
        desk = node.office.desk(session)
        record = expect_direct(session, one.id, direct, now=node.now())
        ledger = KeptLedger(
            one,
            (ourselves(desk),),
            kind="direct",
            channel=direct,
            now=node.now(),
            bundle_count=(number + 1000) * 1_000_000,
            session=session,
            desk=desk,
            record=record,
        )
        ledger.write(Act.CHANNEL_OPENED, ledger.opening(), ledger.founding_objects())
        body = {"case": channel, "assessment": stated(3 * number + 1)}
        ledger.write(Act.ASSESSMENT_SUBMITTED, body)
        ledger.write(Act.RESPONSE_REPORTED, {"case": channel, "state": "affected"})


def write_cases(node: LocalNode, count: int, *, members: int = 5) -> list[str]:
    """Have a node coordinate so many small cases."""
    others, found = organisations(members), []
    for number in range(count):
        channel = open_case(node, f"Phishing wave {number}", "Mail that asks for passwords.")
        with node.writing() as session:
            ledger = continued(session, node.office.desk(session), channel, (), 2000 + number)
            ledger.together = True
            for one in others:
                ledger.join(one, "affected")
            ledger.keep_together()
        found.append(channel)
    return found
