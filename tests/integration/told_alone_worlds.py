"""One community and one case, played by the same script whatever the coordinator alone is told.

Grid is the one that tells; Vendor is a third member that looks on, and tells a little itself; Port
is invited when all has been told.

Source: domain, 1 (*For the coordinator alone*); decision 21.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.branches import openings
from federation.ledgers.ledger_records import CoveredRecord, EntryRecord
from federation.partners.partner_keys import get_chain
from hub.accounts import tokens, users
from hub.accounts.actor import TokenScope
from hub.calls import answering, calling
from hub.calls.queries import visible_calls
from hub.cases import at_once, course, intel, joining, own_words
from hub.channels import relay, service
from hub.channels.queries import visible_channels
from hub.reports import exchange, publishing, recording
from hub.reports.intel import find_intel, indicators_of
from hub.reports.queries import Travelled, visible_incoming
from hub.reports.recording import Said
from policies.acts import TOLD_ALONE, Act, ChannelKind
from policies.assessment import (
    Assessment,
    Danger,
    FunctionalImpact,
    Recoverability,
    ResponseState,
    Span,
)
from policies.calls import AnswersTo
from policies.errors import ConflictError
from policies.reports import ReportKind, ReportState, Triage
from policies.roles import PersonRole
from policies.tlp import TLP
from sharing import collections
from sharing.objects import StixObject
from sharing.records import CollectionRow
from sharing.stix import NONCE_EXTENSION
from tests.integration.told_alone import (
    COORDINATOR,
    LATER,
    NOTES,
    REPORTS,
    SERVERS,
    SHARED_THING,
    TELLER,
    THINGS,
    THIRD,
    Answer,
    Reported,
    Secrets,
    Word,
)
from tests.kit.looking import Look, Person, Seen
from tests.kit.nodes import CONSOLE, RunningNode, settle
from tests.kit.staged import Nodes, Stage, Steps

T = TypeVar("T")
_HASH: Final = re.compile(r"\b[0-9a-f]{64}\b")
_JWS: Final = re.compile(r"\beyJ[\w-]+\.([\w-]*)\.[\w-]+")
People = dict[tuple[str, PersonRole], Person]

AWAY: Final = ("Water", "Rail", "Bank")
"""With them there are five who tell something alone; they are off when the worlds begin."""
_BAND: Final = Assessment(danger=Danger.POSSIBLE, counts={SERVERS: Span(10, 10)})
_EXTENDED: Final = Recoverability.EXTENDED
TOLD_BY_OTHERS: Final = {
    "Water": (replace(_BAND, recoverability=_EXTENDED), ResponseState.AFFECTED),
    "Rail": (replace(_BAND, recoverability=_EXTENDED), ResponseState.AFFECTED),
    "Bank": (_BAND, ResponseState.AFFECTED),
    THIRD: (
        Assessment(danger=Danger.NONE, counts={SERVERS: Span(0, 2)}, recoverability=_EXTENDED),
        ResponseState.NOT_AFFECTED,
    ),
}
"""Three say just the band that is told of: so it is told whatever the teller says (decision 21).
Of anything besides only four tell, the teller among them."""
WHO_LOOKS: Final = {
    COORDINATOR: (PersonRole.AUDITOR, PersonRole.LIAISON),
    THIRD: (PersonRole.COORDINATOR,),
}


class Community:
    """The past that all worlds share, and the people who look on in each of them.

    Args:
        away: who takes part besides and tells something alone before the worlds begin.
    """

    def __init__(self, folder: Path, away: Sequence[str] = ()) -> None:
        self.people: People = {}
        self._members = (TELLER, THIRD, *away)
        names = (COORDINATOR, *self._members, LATER)
        self._stage = Stage(folder, names, self._play, away=away)

    @contextmanager
    def world(self, secrets: Secrets) -> Iterator[World]:
        """Let a world go by in which these things are told alone, and give it at its end."""
        with self._stage.world() as (nodes, steps):
            yield World(nodes, steps, secrets, self.people)

    def _play(self, nodes: Nodes) -> None:
        cert = nodes[COORDINATOR]
        circle = cert.open("Energy circle", kind=ChannelKind.COMMUNITY)
        with cert.writing() as session:
            case = course.open_case(
                session,
                cert.office.desk(session),
                CONSOLE,
                title="Trojanised update",
                text="It phones home.",
                now=cert.now(),
            )
        third, teller = nodes[THIRD], nodes[TELLER]
        guests = {case: [nodes[name] for name in self._members], circle: [third, teller]}
        for channel, others in guests.items():
            for node in others:
                cert.invite(channel, node)
        settle(*nodes.values())
        for channel, others in guests.items():
            for node in others:
                node.join(channel)
        settle(*nodes.values())
        cert.does(calling.ask, case, text="Which version?", answers_to=AnswersTo.ASKER)
        little = Assessment(functional_impact=FunctionalImpact.MINIMAL)
        third.does(own_words.assess, case, assessment=little)
        for name in self._members[1:]:
            assessment, state = TOLD_BY_OTHERS[name]
            nodes[name].does(own_words.assess, case, assessment=assessment, alone=True)
            nodes[name].does(own_words.respond, case, state=state, alone=True)
        settle(*nodes.values())
        for name, roles in WHO_LOOKS.items():
            for role in roles:
                self.people[name, role] = _give_account(nodes[name], role)


class World:
    """One world: what happens in it, step by step."""

    def __init__(self, nodes: Nodes, steps: Steps, secrets: Secrets, people: People) -> None:
        self.nodes, self.steps, self.secrets, self.people = nodes, steps, secrets, people
        self.cert, self.teller = nodes[COORDINATOR], nodes[TELLER]
        self.third, self.later = nodes[THIRD], nodes[LATER]
        with self.cert.reading() as session:
            channels = visible_channels(session, CONSOLE)
            self.case, self.circle = (
                next(one.id for one in channels if one.kind is kind)
                for kind in (ChannelKind.CASE, ChannelKind.COMMUNITY)
            )
            us, now = self.cert.organisation, steps()
            self.request = visible_calls(session, CONSOLE, self.case, us=us, now=now)[0].ref
        self.told_in = _open_direct(self.teller, self.cert)
        self.answered_in = _open_direct(self.cert, self.teller)
        self._play()

    def look_at(self, name: str) -> Look:
        """Look at a node: at what is shared, and at what goes between teller and coordinator."""
        between = (self.told_in, self.answered_in)
        channels = (self.case, self.circle, *between)
        return Look(self.nodes[name], channels, self.steps, closely=between)

    def what_can_be_tried_out(self) -> list[str]:
        """Give what some read by id and hash alone, and could guess for lack of anything random.

        That is what is withheld from the later member, and what the teller has told alone.
        """
        with self.later.reading() as session:
            query = select(CollectionRow.sha256).where(CollectionRow.collection_id == self.case)
            held = set(session.scalars(query))
        with self.cert.reading() as session:
            found = [
                *_withheld(session, self.case, held),
                *_withheld(session, self.told_in, ()),
            ]
        kinds = {one.stix_type for one in found}
        assert {"note", "indicator", "impact", "incident"} <= kinds, kinds
        return [
            one.stix_id for one in found if NONCE_EXTENSION not in one.value.get("extensions", {})
        ]

    def blinded(self, seen: Seen) -> Seen:
        """Put other names for the hashes of what goes between the coordinator and the teller.

        They follow from what is told, and say nothing of it: each is over something random that is
        shown to nobody who may not read the rest, the id of a bundle that was told alone or what is
        random in an object. That no such id is shown is asked here, and of objects by
        `what_can_be_tried_out`. Of a receipt its payload is compared.
        """
        names: dict[str, str] = {}
        with self.cert.reading() as session:
            for channel in (self.told_in, self.answered_in):
                entries = session.scalars(
                    select(EntryRecord)
                    .where(EntryRecord.channel == channel)
                    .order_by(EntryRecord.epoch, EntryRecord.seq)
                ).all()
                for row in entries:
                    names[row.sha256] = f"(entry {row.seq} of {channel})"
                covered = select(CoveredRecord).where(CoveredRecord.channel == channel)
                for one in session.scalars(covered):
                    what = f"(object {one.place} of entry {one.seq} of {channel})"
                    names.setdefault(one.sha256, what)
                told = [row.object_sha256 for row in entries if row.act in TOLD_ALONE]
                bundles = collections.find_contents(session, channel, told).values()
                ids = [StixObject.read(one).stix_id for one in bundles if channel == self.told_in]
                shown = [one for one in ids if any(one in text for text in seen.values())]
                assert not shown, "with its id, what a hash stands for could be tried out"
        return {path: _renamed(_JWS.sub(_said_in, text), names) for path, text in seen.items()}

    def answers(self, role: PersonRole, below: str) -> Seen:
        """Give what somebody at the coordinator's gets as a program, below an address."""
        return self.look_at(COORDINATOR).answers(self.people[COORDINATOR, role], below)

    def collections(self, role: PersonRole) -> Seen:
        """Give what a tool of somebody at the coordinator's reads."""
        return self.look_at(COORDINATOR).collections(self.people[COORDINATOR, role].headers)

    def tell_once_more(self) -> None:
        """Let the teller say again what it said first, and the coordinator tell all."""
        self._say(self.teller, self.secrets.first)
        self._settle(COORDINATOR, TELLER)
        self._join()
        self._settle(COORDINATOR, THIRD)

    def report_alone(self, reported: Reported | None) -> None:
        """Let the teller report something, and hear that it has arrived; or let that time pass."""
        self._report(reported)
        self._settle(COORDINATOR, TELLER)
        one = self._newest_of(self.teller)
        when = reported is not None
        self._do(self.cert, exchange.acknowledge, one.channel, one.report, when=when)
        self._settle(COORDINATOR, TELLER)

    def report_once_more(self) -> None:
        """Let the third member report something, and hear that it has arrived."""
        said = Said(ReportKind.EVENT, "More traffic", "Beacons to elsewhere.")
        local = self._do_here(self.third, recording.record, said)
        self._do(self.third, exchange.submit, local.id, to=self.cert.organisation)
        self._settle(COORDINATOR, THIRD)
        one = self._newest_of(self.third)
        self._do(self.cert, exchange.acknowledge, one.channel, one.report)
        self._settle(COORDINATOR, THIRD)

    def _play(self) -> None:
        self._tell_first()
        self._answer_reports()
        self._publish_near_miss()
        self._go_on_openly()
        self._tell_again()
        self._let_in_later()

    def _tell_first(self) -> None:
        secrets, direct = self.secrets, self.told_in
        self._say(self.teller, secrets.first)
        for reported in _padded(secrets.reports, REPORTS):
            self._report(reported)
        for text in _padded(secrets.notes, NOTES):
            self._do(self.teller, service.add_note, direct, text=text, tlp=TLP.RED, when=text)
        for thing in _padded(secrets.things, THINGS):
            self._share_alone(thing)
        self._answer(secrets.answer)
        said = Said(ReportKind.EVENT, "A call", secrets.phoned, tlp=TLP.RED)
        self._do_here(self.cert, recording.record, said)
        self._do(
            self.cert,
            relay.add_absent,
            self.case,
            name=secrets.own_name,
            contact=secrets.contact,
            shown=False,
            roles=["affected"],
        )
        self._settle(COORDINATOR, TELLER)

    def _answer_reports(self) -> None:
        """Let the coordinator say that reports have arrived, and what it takes them for."""
        with self.cert.reading() as session:
            found = visible_incoming(session, CONSOLE, us=self.cert.organisation)
        found.sort(key=lambda one: one.submitted_at)
        for one in _padded(found, REPORTS):
            where = (one.channel, one.report) if one else ()
            open_ = one is not None and one.state is not ReportState.WITHDRAWN
            self._do(self.cert, exchange.acknowledge, *where, text="Thank you.", when=open_)
            self._do(self.cert, exchange.triage, *where, taken_for=Triage.INCIDENT, when=open_)
        self._settle(COORDINATOR, TELLER)

    def _publish_near_miss(self) -> None:
        source = self.nodes[self.secrets.near_miss_by]
        said = Said(ReportKind.NEAR_MISS, "A strange update", "It came from evil-updates.com.")
        local = self._do_here(source, recording.record, said)
        self._do(source, exchange.submit, local.id, to=self.cert.organisation)
        self._settle(COORDINATOR, TELLER, LATER)
        one = self._newest_of(source)
        where = (one.channel, one.report)
        self._do(self.cert, publishing.publish, *where, community=self.circle)

    def _go_on_openly(self) -> None:
        """Let the third member say something, and the coordinator everything it says openly."""
        self.report_once_more()
        self._do(self.third, intel.share, self.case, pasted=SHARED_THING)
        self._settle(COORDINATOR, THIRD)
        self._do(self.cert, service.add_note, self.case, text="We look into it.")
        self.joined = [self._join()]
        self._do(self.cert, at_once.start, self.case, reason="It concerns several.")
        self._do(self.cert, calling.warn, self.case, text="Stop the updater.")
        self._settle(COORDINATOR, THIRD)

    def _tell_again(self) -> None:
        self._say(self.teller, self.secrets.second)
        self._settle(COORDINATOR, TELLER)
        self._do(self.third, own_words.respond, self.case, state=ResponseState.CONTAINED)
        self._settle(COORDINATOR, THIRD)
        self.joined.append(self._join())
        self._do(self.cert, calling.end, self.case, self.request)
        self._do(self.cert, at_once.declare_crisis, self.case, reason="It spreads.")
        self._settle(COORDINATOR, THIRD)

    def _let_in_later(self) -> None:
        guest = {"organisation": self.later.organisation, "roles": ["affected"]}
        self._do(self.cert, service.invite, self.case, **guest)
        self._settle(COORDINATOR, LATER)
        self._do(self.later, service.join, self.case)
        self._settle(*self.nodes)

    def _newest_of(self, reporter: RunningNode) -> Travelled:
        """Give the newest report of an organisation that has come to the coordinator."""
        with self.cert.reading() as session:
            found = visible_incoming(session, CONSOLE, us=self.cert.organisation)
        return next(one for one in found if one.reporter == reporter.organisation)

    def _say(self, node: RunningNode, word: Word) -> None:
        assessed = word.assessment is not None
        self._do(
            node,
            own_words.assess,
            self.case,
            assessment=word.assessment,
            text=word.text,
            alone=True,
            when=assessed,
        )
        self._do(
            node, own_words.respond, self.case, state=word.response, alone=True, when=word.response
        )

    def _report(self, reported: Reported | None) -> None:
        teller = self.teller
        if reported is None:
            self.steps.skip(4)
            return
        said = Said(reported.kind, reported.title, reported.text, tlp=TLP.RED)
        local = self._do_here(teller, recording.record, said)
        more = {"attribution": reported.attribution, "help_wanted": reported.help_wanted}
        self._do(teller, exchange.submit, local.id, to=self.cert.organisation, **more)
        with teller.reading() as session:
            report = recording.at_hand(session, CONSOLE, local.id).report
        where = (self.told_in, report)
        self._do(teller, exchange.add, *where, text=reported.added, when=reported.added)
        self._do(teller, exchange.withdraw, *where, when=reported.withdrawn)

    def _share_alone(self, thing: str | None) -> None:
        self.steps.go_on()
        if thing is not None:
            found = find_intel("", thing, observed_too=False).findings
            now, by = self.teller.now(), self.teller.organisation
            objects = indicators_of(found, author=by, tlp=TLP.RED, now=now)
            self.teller.write(self.told_in, Act.INTEL_SHARED, {}, objects)

    def _answer(self, answer: Answer | None) -> None:
        if answer is None:
            self.steps.skip(1)
        elif answer.result is None:
            more = {"reason": answer.reason, "text": answer.text}
            self._do(self.teller, answering.decline, self.case, self.request, **more)
        else:
            more = {"result": answer.result, "text": answer.text}
            self._do(self.teller, answering.answer, self.case, self.request, **more)

    def _join(self) -> bool:
        """Let the coordinator tell all what it comes to; tell whether there was anything new."""
        try:
            self._do(self.cert, joining.join_assessments, self.case)
        except ConflictError:
            return False
        return True

    def _do(self, node: RunningNode, how: Any, *args: Any, when: object = True, **more: Any) -> Any:
        """Let a node do something in a step of its own, which passes where it does not."""
        self.steps.go_on()
        return node.does(how, *args, **more) if when else None

    def _do_here(self, node: RunningNode, how: Any, *args: Any) -> Any:
        """Let a node do something of which it tells nobody."""
        self.steps.go_on()
        with node.writing() as session:
            done = how(session, CONSOLE, *args, now=node.now())
            session.flush()
            session.expunge(done)
            return done

    def _settle(self, *names: str) -> None:
        self.steps.go_on()
        settle(*(self.nodes[name] for name in names))


def _withheld(session: Session, channel: str, held: Container[str]) -> Iterator[StixObject]:
    query = select(CollectionRow.sha256).where(
        CollectionRow.collection_id == channel,
        CollectionRow.claimed.not_in((TLP.CLEAR, TLP.GREEN)),
    )
    hashes = [one for one in session.scalars(query) if one not in held]
    for content in collections.find_contents(session, channel, hashes).values():
        yield StixObject.read(content)


def _renamed(text: str, names: Mapping[str, str]) -> str:
    return _HASH.sub(lambda found: names.get(found[0], found[0]), text)


def _said_in(jws: re.Match[str]) -> str:
    """Give what a receipt says; nothing of a signature whose words stand elsewhere."""
    payload = jws[1]
    return b64decode(payload + "=" * (-len(payload) % 4), altchars=b"-_").decode()


def _padded(things: Sequence[T], count: int) -> list[T | None]:
    return [*things[:count], *[None] * (count - len(things))]


def _open_direct(node: RunningNode, other: RunningNode) -> str:
    with node.writing() as session:
        chain = get_chain(session, other.organisation)
        desk = node.office.desk(session)
        return openings.ensure_direct(session, desk, chain, now=node.now()).id


def _give_account(node: RunningNode, role: PersonRole) -> Person:
    password = "correct horse battery"
    with node.writing() as session:
        user, _ = users.create_user(
            session, CONSOLE, role.value, roles=(role,), password=password, now=node.now()
        )
        _, secret = tokens.create_token(
            session,
            CONSOLE,
            "tool",
            scopes=(TokenScope.READ,),
            user_id=user.id,
            now=node.now(),
        )
    return Person(role.value, password, {"Authorization": f"Bearer {secret}"})
