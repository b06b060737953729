"""Partners whose direct channels say of reports what nobody asked them: over real HTTP.

Each harms itself alone: another organisation's report, its answers and its words stay what they
are. Source: lifecycles, 2; docs/threat-model.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from federation.identity.node import get_node
from federation.ledgers import rebuild
from federation.ledgers.ledger_facts import LedgerFacts
from hub import own_keys
from hub.accounts.actor import Actor, Via
from hub.apply import VIEWS
from hub.reports import exchange, queries
from hub.reports.alike import visible_alike
from hub.reports.queries import Travelled
from policies.acts import Act
from policies.reports import FalseAlarm, ReportOutcome, ReportState, Triage
from policies.roles import PersonRole
from policies.tlp import TLP
from sharing import stix
from sharing.canonical import write_time
from sharing.objects import StixObject
from tests.integration.test_reports import Story
from tests.kit.hostile_peer import HostileChannel, HostilePeer, honest, note_by, peers
from tests.kit.nodes import CONSOLE, RunningNode, running, settle

AUDITOR = Actor("a", "ada", frozenset({PersonRole.AUDITOR}), Via.SESSION)
SCRIPT = "<script>alert(1)</script>\x1b[31m"


@dataclass
class Games(Story):
    """The same CERT and grid operator, and a partner of both that plays games."""

    mallory: HostilePeer

    def open_direct(self, node: RunningNode, *, ceiling: TLP = TLP.AMBER) -> HostileChannel:
        """Open one more direct channel from Mallory to an honest node."""
        made = HostileChannel.opened(self.mallory, honest(node), kind="direct", ceiling=ceiling)
        made.kit.now = self.cert.now()
        return made

    def says_in(
        self,
        direct: HostileChannel,
        node: RunningNode,
        act: Act,
        body: dict[str, Any],
        *objects: StixObject,
        **changed: Any,
    ) -> str:
        """Write what no honest node writes; give the hash of its bundle."""
        direct.kit.now = self.cert.now()
        judged = direct.kit.write(act, body, objects, **changed)
        direct.publish()
        self.mallory.ring(node, direct.id)
        settle(node)
        assert node.channel(direct.id).seq == direct.kit.head.seq
        return judged.acting.sha256

    def submits(
        self, direct: HostileChannel, node: RunningNode, told: StixObject, **more: Any
    ) -> str:
        """Submit a report from Mallory."""
        body = {"report": told.stix_id, "kind": "incident", "state": "suspected"}
        body |= {"attribution": "named"} | more.pop("body", {})
        objects = more.pop("objects", (told,))
        return self.says_in(direct, node, Act.REPORT_SUBMITTED, body, *objects, **more)

    def text_of(self, found: Travelled) -> StixObject:
        """Give the newest version of the object that says what is reported, as the CERT has it."""
        with self.cert.reading() as session:
            facts = LedgerFacts(session, found.channel)
            hashes = facts.covered_contents(found.report)
            versions = [facts.find_object(one) for one in hashes]
        return max((one for one in versions if one is not None), key=lambda one: one.version_ns)

    def reports_to(self, to: HostilePeer) -> Travelled:
        """Have Grid report something to the hostile partner."""
        report = self.record("For Mallory")
        self._do(self.grid, exchange.submit, report, to=to.organisation)
        self.settle()
        return self.outgoing()[0]


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Games]:
    folder = tmp_path_factory.mktemp("games")
    with running(folder, "CERT", "Grid") as (cert, grid), peers(cert.now, "Mallory") as (mallory,):
        mallory.pair(cert)
        mallory.pair(grid)
        made = Games(cert, grid, mallory)
        made.settle()
        yield made


def said(games: Games, title: str = "False", *, stix_id: str = "", **more: Any) -> StixObject:
    """Make an object of Mallory's that says what is reported."""
    moment = write_time(games.cert.now())
    value = {
        "type": "incident",
        "spec_version": "2.1",
        "id": stix_id or f"incident--{uuid4()}",
        "created_by_ref": games.mallory.id,
        "created": moment,
        "modified": moment,
        "name": title,
        "description": f"{title}, says Mallory.",
        "object_marking_refs": [TLP.AMBER.marking_id],
    }
    return StixObject.of({name: item for name, item in (value | more).items() if item is not None})


def indicator(games: Games, pattern: str, *, tlp: TLP = TLP.AMBER, **more: Any) -> StixObject:
    """Make an indicator of Mallory's."""
    moment = write_time(games.cert.now())
    return StixObject.of(
        {
            "type": "indicator",
            "spec_version": "2.1",
            "id": f"indicator--{uuid4()}",
            "created_by_ref": games.mallory.id,
            "created": moment,
            "modified": moment,
            "pattern": pattern,
            "pattern_type": "stix",
            "valid_from": moment,
            "object_marking_refs": [tlp.marking_id],
        }
        | more
    )


def seen(games: Games, report: str, channel: str | None = None) -> list[Travelled]:
    """Give how a report that came to the CERT stands there."""
    found = (one for one in games.incoming() if one.report == report)
    return [one for one in found if channel in {None, one.channel}]


def test_an_answer_from_who_was_not_asked_counts_nowhere(games: Games) -> None:
    found = games.submitted(title="For CERT alone")
    direct = games.open_direct(games.grid)
    games.says_in(
        direct,
        games.grid,
        Act.REPORT_ACKNOWLEDGED,
        {"report": found.report, "reference": "MALLORY-1", "answers": found.bundle},
        note_by(games.mallory.id, direct.id, "We have it.", games.cert.now()),
    )
    alarm = {"report": found.report, "as": "false-alarm", "reason": "scan"}
    games.says_in(direct, games.grid, Act.REPORT_TRIAGED, alarm)
    closing = {"report": found.report, "outcome": "false-alarm"}
    games.says_in(direct, games.grid, Act.REPORT_CLOSED, closing)
    ours = next(one for one in games.outgoing() if one.report == found.report)
    assert (ours.state, ours.reference, ours.outcome) == (ReportState.SUBMITTED, None, None)
    assert games.words(games.grid, ours) == []
    games.answer(found, exchange.acknowledge)
    ours = games.both(found)[1]
    assert (ours.state, ours.addressee_name) == (ReportState.ACKNOWLEDGED, "CERT")
    assert ours.reference != "MALLORY-1"


def test_a_squatted_id_is_another_report_and_takes_nothing_from_the_first(games: Games) -> None:
    found = games.submitted(title="The true one")
    direct = games.open_direct(games.cert)
    games.submits(direct, games.cert, said(games, "The true one", stix_id=found.report))
    true, false = (seen(games, found.report, one)[0] for one in (found.channel, direct.id))
    assert (true.reporter_name, false.reporter_name) == ("Grid", "Mallory")
    assert false.text == "The true one, says Mallory."
    games.answer(true, exchange.acknowledge, text="For Grid.")
    games.says_in(
        direct,
        games.cert,
        Act.REPORT_UPDATED,
        {"report": found.report},
        note_by(games.mallory.id, direct.id, "Nonsense.", games.cert.now()),
    )
    games.says_in(direct, games.cert, Act.REPORT_WITHDRAWN, {"report": found.report})
    assert [one.state for one in games.both(found)] == [ReportState.ACKNOWLEDGED] * 2
    assert seen(games, found.report, direct.id)[0].state is ReportState.WITHDRAWN
    for node in (games.cert, games.grid):
        assert [one.text for one in games.words(node, true)] == ["For Grid."]
    assert [one.text for one in games.words(games.cert, false)] == ["Nonsense.", None]


def test_our_own_report_that_comes_back_to_us_stays_ours(games: Games) -> None:
    """Whoever got a report of ours can send it back as its own; ours is not touched."""
    ours = games.reports_to(games.mallory)
    direct = games.open_direct(games.grid)
    games.submits(direct, games.grid, said(games, "Yours", stix_id=ours.report))
    games.says_in(direct, games.grid, Act.REPORT_WITHDRAWN, {"report": ours.report})
    assert games.outgoing()[0] == ours
    with games.grid.reading() as session:
        back = queries.visible_incoming(session, CONSOLE, us=games.grid.organisation)
    assert [one.state for one in back if one.report == ours.report] == [ReportState.WITHDRAWN]


def test_two_direct_channels_that_answer_one_report_do_not_make_two_of_it(games: Games) -> None:
    ours = games.reports_to(games.mallory)
    for number in (1, 2):
        direct = games.open_direct(games.grid)
        body = {"report": ours.report, "reference": f"M-{number}", "answers": ours.bundle}
        games.says_in(direct, games.grid, Act.REPORT_ACKNOWLEDGED, body)
    listed = [one for one in games.outgoing() if one.report == ours.report]
    assert [one.reference for one in listed] == ["M-2"], "the newest answer counts"


def test_a_report_dated_into_the_future_is_not_the_newest_for_ever(games: Games) -> None:
    direct = games.open_direct(games.cert)
    ahead = datetime(2099, 1, 1, tzinfo=UTC)
    told = said(games, "Look here first")
    games.submits(direct, games.cert, told, now=ahead)
    assert seen(games, told.stix_id)[0].submitted_at == ahead
    assert games.incoming()[0].report == told.stix_id
    games.submit(games.record("What came after it"))
    assert games.incoming()[0].title == "What came after it"


def test_what_has_no_name_is_not_said_to_be_taken_back(games: Games) -> None:
    direct = games.open_direct(games.cert)
    nameless = said(games, name=None)
    games.submits(direct, games.cert, nameless)
    assert seen(games, nameless.stix_id)[0].title == queries.UNTITLED
    missing = said(games)
    games.submits(direct, games.cert, missing, objects=())
    found = seen(games, missing.stix_id)[0]
    assert (found.title, found.text) == (queries.UNTITLED, None)
    games.says_in(direct, games.cert, Act.OBJECT_RECALLED, {"objects": [nameless.stix_id]})
    assert seen(games, nameless.stix_id)[0].title == queries.TAKEN_BACK


def test_reports_that_name_the_same_are_found_however_often_they_name_it(games: Games) -> None:
    """A partner that repeats itself makes nobody's page count it a million times over."""
    direct = games.open_direct(games.cert)
    same = "[domain-name:value = 'akamaitechcloudservices.com']"
    many = [indicator(games, same) for _ in range(120)]
    one, other, third = (said(games, title) for title in ("One", "Other", "Third"))
    games.submits(direct, games.cert, one, objects=(one, *many[:60]))
    games.submits(direct, games.cert, other, objects=(other, *many[60:]))
    # The very indicator that the first one named.
    games.submits(direct, games.cert, third, objects=(third, many[0]))
    found = seen(games, one.stix_id)[0]
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    with games.cert.reading() as session:
        handle: Any = session.connection().connection.dbapi_connection
        handle.set_progress_handler(count, 100)
        alike = visible_alike(session, CONSOLE, found, us=games.cert.organisation)
        handle.set_progress_handler(None, 0)
        assert len(queries.visible_indicators(session, CONSOLE, found)) == 1, "one thing, once"
    assert {(item.title, how.same, how.hosts) for item, how in alike} == {
        ("Other", 1, 0),
        ("Third", 1, 0),
    }
    assert steps < 150, "linear in what is kept, not in its square"


def test_hints_come_from_what_this_person_may_read(games: Games) -> None:
    direct = games.open_direct(games.cert, ceiling=TLP.RED)
    red = [indicator(games, "[file:name = 'names.xlsx']", tlp=TLP.RED) for _ in range(2)]
    empty = [indicator(games, "") for _ in range(2)]
    one, other = said(games, "One"), said(games, "Other")
    for told, objects in ((one, (red[0], empty[0])), (other, (red[1], empty[1]))):
        games.submits(direct, games.cert, told, objects=(told, *objects))
    found = seen(games, one.stix_id)[0]
    for actor, count in ((CONSOLE, 1), (AUDITOR, 0)):
        with games.cert.reading() as session:
            alike = visible_alike(session, actor, found, us=games.cert.organisation)
        assert [(item.title, how.same) for item, how in alike] == [("Other", 1)] * count


def test_a_newer_version_of_what_is_looked_for_takes_the_place_of_the_older(games: Games) -> None:
    direct = games.open_direct(games.cert)
    told, first = said(games, "Corrected"), indicator(games, "[file:name = 'wrong']")
    games.submits(direct, games.cert, told, objects=(told, first))
    later = write_time(games.cert.now())
    second = StixObject.of(
        {**first.value, "modified": later, "pattern": "[file:name = 'right']", "name": SCRIPT}
    )
    games.says_in(direct, games.cert, Act.REPORT_UPDATED, {"report": told.stix_id}, second)
    found = seen(games, told.stix_id)[0]
    with games.cert.reading() as session:
        (kept,) = queries.visible_indicators(session, CONSOLE, found)
    assert (kept.pattern, kept.name) == ("[file:name = 'right']", SCRIPT)


def test_a_flood_of_words_does_not_fill_the_page(games: Games) -> None:
    direct = games.open_direct(games.cert)
    told = said(games, "Talks much")
    games.submits(direct, games.cert, told)
    count = queries.WORDS_SHOWN + 5
    for number in range(count):
        note = note_by(games.mallory.id, direct.id, f"Word {number}", games.cert.now())
        direct.kit.now = games.cert.now()
        direct.kit.write(Act.REPORT_UPDATED, {"report": told.stix_id}, [note])
    direct.publish()
    games.mallory.ring(games.cert, direct.id)
    settle(games.cert)
    words = games.words(games.cert, seen(games, told.stix_id)[0])
    assert [one.text for one in words] == [f"Word {number}" for number in range(5, count)]


def test_asking_again_counts_for_the_closing_that_stands_alone(games: Games) -> None:
    direct = games.open_direct(games.cert)
    told = said(games, "Never content")
    games.submits(direct, games.cert, told)
    found = seen(games, told.stix_id)[0]
    games.answer(found, exchange.triage, taken_for=Triage.FALSE_ALARM, false_alarm=FalseAlarm.SCAN)
    games.answer(found, exchange.close, outcome=ReportOutcome.FALSE_ALARM)
    for named in ("0" * 64, found.bundle):
        body = {"report": told.stix_id, "answers": named}
        games.says_in(direct, games.cert, Act.REPORT_REOPENED, body)
        assert seen(games, told.stix_id)[0].state is ReportState.CLOSED


def test_what_a_thief_added_goes_when_its_victim_disowns_it(games: Games) -> None:
    found = games.submitted(title="What Grid says")
    since = games.grid.now()
    with games.grid.reading() as session:
        stolen = get_node(session).signing_key(games.grid.office.keys.ring())
    words = games.text_of(found)
    lie = stix.new_version(words, {"name": "A lie", "description": "A lie."}, now=since)
    false = stix.indicator(
        "[file:name = 'a lie']",
        name="A lie",
        created_by=games.grid.organisation,
        now=since,
        marking=TLP.AMBER,
    )
    note = note_by(games.grid.organisation, found.channel, "A lie.", since)
    body = {"report": found.report}
    games.grid.write(found.channel, Act.REPORT_UPDATED, body, [lie, false, note])
    games.submit(games.record("A lie from the start"))
    wrong = games.incoming()[0]
    games.settle()
    assert [one.title for one in games.both(found)] == ["A lie"] * 2
    games.cert.now.advance(minutes=1)  # type: ignore[attr-defined]
    with games.grid.writing() as session:
        own_keys.revoke(
            session,
            games.grid.office,
            CONSOLE,
            stolen.thumbprint,
            recovery=games.grid.recovery,
            since=since,
            now=games.grid.now(),
        )
    with games.grid.writing() as session:
        rows = own_keys.visible_doubtful(session, games.grid.office, CONSOLE)
        bundles = [row.entry.bundle for row in rows if row.entry.act.startswith("report.")]
        assert len(bundles) == 2
        own_keys.disown(
            session, games.grid.office, CONSOLE, found.channel, bundles, now=games.grid.now()
        )
    games.settle()
    for node, one in zip((games.cert, games.grid), games.both(found), strict=True):
        assert (one.title, one.text) == (queries.TAKEN_BACK, None)
        with node.reading() as session:
            assert queries.visible_indicators(session, CONSOLE, one) == []
        assert games.words(node, one) == []
        with node.writing() as session:
            desk = node.office.desk(session)
            assert not rebuild.rebuild(session, desk, found.channel, VIEWS).differences
    assert seen(games, wrong.report) == []
    # Its author says anew what it has to say.
    right = stix.new_version(lie, {"name": "It was us"}, now=games.grid.now())
    games.grid.write(found.channel, Act.REPORT_UPDATED, body, [right])
    games.settle()
    assert [one.title for one in games.both(found)] == ["It was us"] * 2
