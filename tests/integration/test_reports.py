"""A partner reports to a coordinator, which answers: between two whole nodes over HTTP.

Source: lifecycles, 2; domain, 2 (*Detect and report*).
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from federation.branches.openings import find_direct
from federation.ledgers import rebuild
from federation.ledgers.ledger_records import ChannelRecord
from hub.accounts.actor import Actor, Via
from hub.apply import VIEWS
from hub.channels import service
from hub.reports import exchange, queries, recorded, recording
from hub.reports.named import Side, visible_called
from hub.reports.queries import Travelled
from hub.reports.recorded import Local
from hub.reports.recording import Said
from policies.acts import Act, ChannelKind
from policies.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from policies.likeness import Likeness
from policies.reports import (
    Attribution,
    Certainty,
    FalseAlarm,
    LocalState,
    LocalStep,
    ReportKind,
    ReportOutcome,
    ReportState,
    Triage,
)
from policies.roles import PersonRole
from policies.tlp import TLP
from sharing import stix
from tests.integration.test_today_cost import statements
from tests.kit.nodes import CONSOLE, RunningNode, running, settle

HANDLER = Actor("h", "hana", frozenset({PersonRole.HANDLER}), Via.SESSION)
AUDITOR = Actor("a", "ada", frozenset({PersonRole.AUDITOR}), Via.SESSION)

GAMING = Path(__file__).parents[1] / "data" / "misp" / "gaming.misp.json"


@dataclass
class Story:
    """A CERT that coordinates and a grid operator that reports."""

    cert: RunningNode
    grid: RunningNode

    def settle(self) -> None:
        settle(self.cert, self.grid)

    def record(self, title: str = "Updater phones home", **more: Any) -> str:
        said = Said(ReportKind.INCIDENT, title, "The 3CX client loads a library.", **more)
        with self.grid.writing() as session:
            return recording.record(session, HANDLER, said, now=self.grid.now()).id

    def submit(self, report: str, **more: Any) -> None:
        to = self.cert.organisation
        self._do(self.grid, exchange.submit, report, to=to, **more)
        self.settle()

    def submitted(self, **more: Any) -> Travelled:
        self.submit(self.record(**more))
        return self.incoming()[0]

    def answer(self, found: Travelled, how: Any, **more: Any) -> None:
        self._do(self.cert, how, found.channel, found.report, **more)
        self.settle()

    def says(self, found: Travelled, how: Any, **more: Any) -> None:
        self._do(self.grid, how, found.channel, found.report, **more)
        self.settle()

    def incoming(self, actor: Actor = CONSOLE) -> list[Travelled]:
        with self.cert.reading() as session:
            return queries.visible_incoming(session, actor, us=self.cert.organisation)

    def outgoing(self) -> list[Travelled]:
        with self.grid.reading() as session:
            return queries.visible_outgoing(session, CONSOLE, us=self.grid.organisation)

    def both(self, found: Travelled) -> list[Travelled]:
        """Give how both sides see a report."""
        return [
            next(one for one in side if (one.channel, one.report) == (found.channel, found.report))
            for side in (self.incoming(), self.outgoing())
        ]

    def direct(self) -> str:
        """Give the channel in which the CERT answers."""
        with self.cert.reading() as session:
            found = find_direct(session, self.cert.organisation, self.grid.organisation)
            assert found is not None
            return found.id

    def locals(self) -> list[Local]:
        with self.grid.reading() as session:
            return recorded.visible_locals(session, CONSOLE)

    def words(self, node: RunningNode, found: Travelled, actor: Actor = CONSOLE) -> list[Any]:
        with node.reading() as session:
            return queries.visible_words(session, actor, found)

    @staticmethod
    def _do(node: RunningNode, how: Any, *args: Any, **more: Any) -> None:
        with node.writing() as session:
            how(session, node.office.desk(session), CONSOLE, *args, now=node.now(), **more)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with running(tmp_path_factory.mktemp("reports"), "CERT", "Grid") as (cert, grid):
        made = Story(cert, grid)
        made.settle()
        yield made


def test_what_is_recorded_stays_here_until_it_is_submitted(story: Story) -> None:
    before = len(story.incoming())
    report = story.record("Somebody tried a door", certainty=Certainty.SUSPECTED)
    story.settle()
    assert len(story.incoming()) == before
    with story.grid.writing() as session:
        now = story.grid.now()
        recording.assess(
            session,
            HANDLER,
            report,
            kind=ReportKind.NEAR_MISS,
            certainty=Certainty.ACTUAL,
            category="brute-force",
            now=now,
        )
        recording.set_aside(session, HANDLER, report, LocalStep.DISCARD, reason="A test.", now=now)
    assert next(one for one in story.locals() if one.id == report).state is LocalState.FALSE_ALARM
    with pytest.raises(ConflictError, match="open: reopen"):
        story.submit(report)
    with story.grid.writing() as session:
        recording.set_aside(
            session, HANDLER, report, LocalStep.REOPEN, reason="No test.", now=story.grid.now()
        )
    story.submit(report)
    assert report not in [one.id for one in story.locals()]
    found = story.incoming()[0]
    assert (found.kind, found.category) == (ReportKind.NEAR_MISS, "brute-force")
    assert found.title == "Somebody tried a door"


def test_a_report_is_acknowledged_triaged_linked_and_closed_and_both_sides_agree(
    story: Story,
) -> None:
    found = story.submitted()
    assert [one.state for one in story.both(found)] == [ReportState.SUBMITTED] * 2
    soon = story.cert.now() + timedelta(hours=2)
    story.answer(found, exchange.acknowledge, next_contact=soon, text="We look into it.")
    here, there = story.both(found)
    assert here.state is there.state is ReportState.ACKNOWLEDGED
    assert here.reference == there.reference
    assert re.fullmatch(rf"CERT-{story.cert.now().year}-[0-9]{{5}}", str(here.reference))
    assert there.next_contact == soon.replace(microsecond=soon.microsecond // 1000 * 1000)
    story.says(found, exchange.add, text="It also asks for a strange name.")
    story.answer(found, exchange.triage, taken_for=Triage.INCIDENT)
    case = story.cert.open("3CX")
    story.answer(found, exchange.link, case=case)
    here, there = story.both(found)
    assert here.state is there.state is ReportState.LINKED
    assert there.case is None, "the reporter has no part in that case"
    story.answer(found, exchange.close, outcome=ReportOutcome.HANDLED_IN_CASE, text="Thank you.")
    here, there = story.both(found)
    assert here.outcome is there.outcome is ReportOutcome.HANDLED_IN_CASE
    said = [(one.author_name, one.act, one.text) for one in story.words(story.grid, found)]
    assert said == [(one.author_name, one.act, one.text) for one in story.words(story.cert, found)]
    assert [text for _, _, text in said if text] == [
        "We look into it.",
        "It also asks for a strange name.",
        "Thank you.",
    ]


def test_whoever_reports_need_not_leave_it_at_how_it_was_closed(story: Story) -> None:
    found = story.submitted()
    with pytest.raises(ConflictError, match="was not closed"):
        story.says(found, exchange.ask_again, text="Too early.")
    story.answer(found, exchange.triage, taken_for=Triage.FALSE_ALARM, false_alarm=FalseAlarm.SCAN)
    story.answer(found, exchange.close, outcome=ReportOutcome.FALSE_ALARM)
    story.says(found, exchange.ask_again, text="It came back.")
    assert [one.state for one in story.both(found)] == [ReportState.ACKNOWLEDGED] * 2
    assert all(one.outcome is None for one in story.both(found))
    story.answer(found, exchange.reopen, text="You are right.")
    story.answer(found, exchange.triage, taken_for=Triage.INCIDENT)
    story.answer(found, exchange.close, outcome=ReportOutcome.RESOLVED)
    # What asked again was about the first closing alone.
    assert [one.state for one in story.both(found)] == [ReportState.CLOSED] * 2


def test_a_case_is_named_to_a_reporter_that_is_invited_to_it(story: Story) -> None:
    found = story.submitted()
    case = story.cert.open("Shared")
    story.cert.invite(case, story.grid)
    story.answer(found, exchange.triage, taken_for=Triage.INCIDENT)
    story.answer(found, exchange.link, case=case)
    assert story.both(found)[1].case == case


def test_a_report_is_withdrawn_and_its_words_go_by_recalling_them(story: Story) -> None:
    found = story.submitted(title="A false trail")
    story.says(found, exchange.withdraw, reason="Wrong machine.")
    assert [one.state for one in story.both(found)] == [ReportState.WITHDRAWN] * 2
    story.grid.does(
        service.write,
        found.channel,
        Act.OBJECT_RECALLED,
        {"objects": [found.report]},
        [],
    )
    story.settle()
    for one in story.both(found):
        assert (one.title, one.text) == (queries.TAKEN_BACK, None)


def test_another_text_may_leave_than_the_one_recorded(story: Story) -> None:
    report = story.record("Inside matter")
    story.submit(
        report,
        text="Something at a grid operator.",
        attribution=Attribution.SECTOR,
        help_wanted=True,
    )
    found = story.incoming()[0]
    assert found.text == "Something at a grid operator."
    assert (found.redacted, found.help_wanted) == (True, True)
    assert found.attribution is Attribution.SECTOR


def test_red_words_are_for_those_on_duty(story: Story) -> None:
    found = story.submitted(title="Names of victims", tlp=TLP.RED)
    story.says(found, exchange.add, text="One more name.")
    for actor, title in ((HANDLER, "Names of victims"), (AUDITOR, queries.KEPT_CLOSE)):
        seen = next(one for one in story.incoming(actor) if one.report == found.report)
        assert seen.title == title
        assert (seen.text is None) is (actor is AUDITOR)
    assert story.words(story.cert, found, AUDITOR)[0].text == queries.KEPT_CLOSE


def test_each_side_does_what_is_its_own(story: Story) -> None:
    found = story.submitted()
    with pytest.raises(ConflictError, match="the other side answers it"):
        story.says(found, exchange.acknowledge)
    with pytest.raises(ConflictError, match="another organisation’s"):
        story.answer(found, exchange.add, text="No.")
    with pytest.raises(NotFoundError):
        story.answer(found, exchange.link, case=story.grid.organisation[-36:])


def test_bad_input_is_refused_by_its_field(story: Story) -> None:
    for field, said in (
        ("title", Said(ReportKind.EVENT, " ", "Text")),
        ("title", Said(ReportKind.EVENT, "x" * 201, "Text")),
        ("text", Said(ReportKind.EVENT, "Title", "x" * 20_001)),
        ("category", Said(ReportKind.EVENT, "Title", "Text", category="nonsense")),
        (
            "occurred_at",
            Said(
                ReportKind.EVENT,
                "Title",
                "Text",
                occurred_at=story.grid.now() + timedelta(days=1),
            ),
        ),
    ):
        with story.grid.writing() as session, pytest.raises(InvalidError) as refusal:
            recording.record(session, HANDLER, said, now=story.grid.now())
        assert refusal.value.field == field
    with story.grid.writing() as session, pytest.raises(ForbiddenError):
        recording.record(
            session, AUDITOR, Said(ReportKind.EVENT, "Title", "Text"), now=story.grid.now()
        )
    found = story.submitted()
    with pytest.raises(InvalidError, match="says why"):
        story.answer(found, exchange.triage, taken_for=Triage.FALSE_ALARM)


def test_what_waits_for_an_answer_is_found_however_much_came_since(story: Story) -> None:
    found = story.submitted(title="The oldest of all")
    with story.cert.reading() as session:
        us = story.cert.organisation
        waiting = queries.visible_unanswered(session, CONSOLE, us=us)
        every = queries.visible_incoming(session, CONSOLE, us=us)
    assert found.report in [one.report for one in waiting]
    assert [one for one in every if queries.waits(one)] == waiting
    # What stands on every page costs the same with few reports and with many.
    before = statements(story.cert)
    for number in range(3):
        story.submit(story.record(f"One more, {number}"))
    assert statements(story.cert) == before


def test_what_a_report_names_is_recognised_and_two_of_the_same_are_held_together(
    story: Story,
) -> None:
    words = "It beacons to hxxps://msstorageazure[.]com/window and to 185.220.101.5."
    misp = {
        "Event": {
            "uuid": "5f5b3f2e-1c1c-4d5a-9e58-0a7b8a0f0001",
            "info": "3CX",
            "Attribute": [{"type": "domain", "value": "officestoragebox.com", "to_ids": True}],
        }
    }

    def report(title: str, text: str, pasted: str | None = None) -> Travelled:
        said = Said(ReportKind.INCIDENT, title, text, pasted=pasted)
        with story.grid.writing() as session:
            recorded = recording.record(session, HANDLER, said, now=story.grid.now()).id
        story.submit(recorded)
        return next(one for one in story.incoming() if one.title == title)

    first = report("With words", words, json.dumps(misp))
    with story.cert.reading() as session:
        named = queries.visible_indicators(session, CONSOLE, first)
    assert {one.pattern for one in named} == {
        "[url:value = 'https://msstorageazure.com/window']",
        "[ipv4-addr:value = '185.220.101.5']",
        "[domain-name:value = 'officestoragebox.com']",
    }
    second = report("The same again", "Seen: 185[.]220[.]101[.]5")
    us = story.cert.organisation
    with story.cert.reading() as session:
        alike = queries.visible_alike(session, CONSOLE, second, us=us)
    assert [(one.report, how) for one, how in alike] == [(first.report, Likeness(1, 0))]


@pytest.mark.parametrize(("observed_too", "count"), [(False, 0), (True, 18)])
def test_what_is_not_meant_for_detection_goes_with_a_report_by_a_word_alone(
    story: Story, observed_too: bool, count: int
) -> None:
    title = f"Gaming, {observed_too}"
    said = Said(ReportKind.INCIDENT, title, "As published.", pasted=GAMING.read_text("utf-8"))
    with story.grid.writing() as session:
        row = recording.record(session, HANDLER, said, now=story.grid.now()).id
    story.submit(row, observed_too=observed_too)
    report = next(one for one in story.incoming() if one.title == title)
    with story.cert.reading() as session:
        assert len(queries.visible_indicators(session, CONSOLE, report)) == count


def test_what_is_pasted_and_cant_be_read_is_refused_by_its_field(story: Story) -> None:
    broken = '{"type": "bundle", "id": "bundle--x", "objects": [{"type": "indicator"}]}'
    said = Said(ReportKind.EVENT, "Title", "Text", pasted=broken)
    with story.grid.writing() as session, pytest.raises(InvalidError) as refusal:
        recording.record(session, HANDLER, said, now=story.grid.now())
    assert refusal.value.field == "pasted"


def test_the_views_come_out_the_same_when_they_are_made_again(story: Story) -> None:
    for node in (story.cert, story.grid):
        with node.reading() as session:
            channels = [row.id for row in session.scalars(select(ChannelRecord))]
        assert len(channels) >= 2
        for channel in channels:
            with node.writing() as session:
                desk = node.office.desk(session)
                assert not rebuild.rebuild(session, desk, channel, VIEWS).differences


@pytest.fixture
def story_on_postgresql(tmp_path: Path, postgresql_url: str) -> Iterator[Story]:
    """The same, with the CERT on PostgreSQL."""
    databases = iter([postgresql_url, ""])
    with running(tmp_path, "CERT", "Grid", new_database=lambda: next(databases)) as (cert, grid):
        made = Story(cert, grid)
        made.settle()
        yield made


def test_what_is_looked_for_may_be_longer_than_an_index_takes(story_on_postgresql: Story) -> None:
    story = story_on_postgresql
    found = story.submitted()
    pattern = f"[file:hashes.'SHA-256' = '{secrets.token_hex(4_000)}']"
    long = stix.indicator(
        pattern, name="Long", created_by=story.grid.organisation, now=story.grid.now()
    )
    story.grid.write(found.channel, Act.REPORT_UPDATED, {"report": found.report}, [long])
    story.settle()
    story.submit(story.record("Another"))
    again = story.outgoing()[0]
    same = stix.indicator(
        pattern, name="Same", created_by=story.grid.organisation, now=story.grid.now()
    )
    story.grid.write(again.channel, Act.REPORT_UPDATED, {"report": again.report}, [same])
    story.settle()
    newest, oldest = story.incoming()
    assert (newest.report, oldest.report) == (again.report, found.report)
    us, place = story.cert.organisation, (newest.received_at, newest.channel, newest.report)
    with story.cert.reading() as session:
        (kept,) = queries.visible_indicators(session, CONSOLE, oldest)
        alike = queries.visible_alike(session, AUDITOR, oldest, us=us)
        rest = queries.visible_incoming(session, CONSOLE, us=us, before=place)
        called = visible_called(session, CONSOLE, "another", sides=tuple(Side), us=us)
        assert [one.title for one in recorded.visible_recorded(session, AUDITOR)] == []
    assert kept.pattern == pattern
    assert [(one.report, how) for one, how in alike] == [(newest.report, Likeness(1, 0))]
    assert rest == [oldest]
    assert [one.report for one in called] == [newest.report]


def acknowledged(story: Story, **more: Any) -> Travelled:
    """Give a report that has its reference, as the CERT sees it."""
    found = story.submitted()
    story.answer(found, exchange.acknowledge, **more)
    return story.both(found)[0]


def test_no_reference_is_given_twice(story: Story) -> None:
    first, second = acknowledged(story), acknowledged(story)
    year = f"CERT-{story.cert.now().year}-"
    assert first.reference != second.reference
    # Said again, later, by somebody else: the report keeps the reference that it has.
    story.answer(first, exchange.acknowledge, text="We are still looking.")
    assert story.both(first)[1].reference == first.reference
    third = story.submitted()
    with pytest.raises(ConflictError, match="another report") as refusal:
        story.answer(third, exchange.acknowledge, reference=second.reference)
    assert refusal.value.field == "reference"
    with pytest.raises(InvalidError):
        story.answer(third, exchange.acknowledge, reference="two words")
    story.answer(third, exchange.acknowledge, reference=f"{year}00002")
    assert story.both(third)[0].reference == f"{year}00002"
    assert acknowledged(story, reference="HOTLINE-7").reference == "HOTLINE-7"
    assert acknowledged(story, reference=f"{year}FIRE").reference == f"{year}FIRE"


def test_a_reference_does_not_tell_how_many_others_have_reported(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    year = f"CERT-{story.cert.now().year}-"
    # What was given already is not given again, however often chance would have it.
    thrown = iter([40782, 40782, 311])
    monkeypatch.setattr("hub.reports.exchange.secrets.randbelow", lambda _most: next(thrown))
    given = [acknowledged(story).reference for _ in range(2)]
    assert given == [f"{year}40782", f"{year}00311"]


def test_two_people_who_acknowledge_at_once_give_two_references(
    tmp_path: Path, postgresql_url: str
) -> None:
    databases = iter([postgresql_url, "", ""])
    names = ("CERT", "Grid", "Water")
    with running(tmp_path, *names, new_database=lambda: next(databases)) as (cert, grid, water):
        stories = [Story(cert, grid), Story(cert, water)]
        settle(cert, grid, water)
        one, other = (story.submitted() for story in stories)
        at_once = threading.Thread(target=stories[1].answer, args=(other, exchange.acknowledge))
        with cert.writing() as session:
            desk = cert.office.desk(session)
            place = (one.channel, one.report)
            exchange.acknowledge(session, desk, CONSOLE, *place, now=cert.now())
            at_once.start()
            # Long enough to have given the same one, were it not kept waiting.
            at_once.join(1)
        at_once.join()
        settle(cert, grid, water)
        references = {one.reference for one in stories[0].incoming()}
        assert len(references) == 2


def test_a_report_is_linked_to_a_case_and_its_own_node_remembers_which(story: Story) -> None:
    found = story.submitted()
    story.answer(found, exchange.triage, taken_for=Triage.INCIDENT)
    for wrong in (story.direct(), story.cert.open("Everybody", kind=ChannelKind.COMMUNITY)):
        with pytest.raises(ConflictError, match="to a case that we coordinate"):
            story.answer(found, exchange.link, case=wrong)
    case = story.cert.open("Ours alone")
    story.answer(found, exchange.link, case=case)
    here, there = story.both(found)
    assert (here.case, there.case) == (case, None)


def test_what_is_withdrawn_or_closed_takes_no_more_of_it(story: Story) -> None:
    found = story.submitted()
    story.answer(found, exchange.triage, taken_for=Triage.NEAR_MISS)
    story.answer(found, exchange.close, outcome=ReportOutcome.NO_ACTION)
    ours: tuple[tuple[Any, dict[str, Any]], ...] = (
        (exchange.add, {"text": "More."}),
        (exchange.withdraw, {}),
    )
    for how, more in ours:
        with pytest.raises(ConflictError, match="closed") as refusal:
            story.says(found, how, **more)
        assert "ask again" in str(refusal.value.hint).lower()
    found = story.submitted()
    story.says(found, exchange.withdraw)
    theirs: tuple[tuple[Any, dict[str, Any]], ...] = (
        (exchange.acknowledge, {}),
        (exchange.triage, {"taken_for": Triage.INCIDENT}),
        (exchange.close, {"outcome": ReportOutcome.RESOLVED}),
    )
    for how, more in theirs:
        with pytest.raises(ConflictError, match="withdrawn"):
            story.answer(found, how, **more)
    assert [one.state for one in story.both(found)] == [ReportState.WITHDRAWN] * 2


def test_answers_are_for_who_runs_cases_whatever_door_they_take(story: Story) -> None:
    found = story.submitted()
    story.answer(found, exchange.acknowledge)
    story.answer(found, exchange.triage, taken_for=Triage.INCIDENT)
    story.answer(found, exchange.close, outcome=ReportOutcome.RESOLVED)
    body, now = {"report": found.report}, story.cert.now()
    with story.cert.writing() as session:
        who = (session, story.cert.office.desk(session), HANDLER)
        with pytest.raises(InvalidError, match="by itself"):
            service.write(*who, story.direct(), Act.REPORT_REOPENED, body, [], now=now)
        with pytest.raises(ForbiddenError):
            exchange.reopen(*who, found.channel, found.report, text="Again.", now=now)
    assert story.both(found)[0].state is ReportState.CLOSED


def test_what_is_no_text_is_refused_before_a_database_sees_it(story: Story) -> None:
    for field, said in (
        ("title", Said(ReportKind.EVENT, "Two\nlines", "Text")),
        ("title", Said(ReportKind.EVENT, "Nul\0", "Text")),
        ("text", Said(ReportKind.EVENT, "Title", "Nul\0")),
        ("text", Said(ReportKind.EVENT, "Title", "Half a character \ud800")),
    ):
        with story.grid.writing() as session, pytest.raises(InvalidError) as refusal:
            recording.record(session, HANDLER, said, now=story.grid.now())
        assert refusal.value.field == field
    asked, now = (HANDLER, story.record(), LocalStep.DISCARD), story.grid.now()
    for reason in ("Nul\0", "x" * 20_001, "\ud800"):
        with story.grid.writing() as session, pytest.raises(InvalidError) as refusal:
            recording.set_aside(session, *asked, reason=reason, now=now)
        assert refusal.value.field == "reason"


def test_another_title_may_leave_than_the_one_recorded(story: Story) -> None:
    report = story.record("Transformer 7 of Grid")
    story.submit(report, title="An operator", text="Something at an operator.")
    found = story.incoming()[0]
    assert (found.title, found.redacted) == ("An operator", True)
    for field, words in (("title", {"title": " "}), ("text", {"text": ""})):
        with pytest.raises(InvalidError) as refusal:
            story.submit(story.record(), **words)
        assert refusal.value.field == field


def test_who_has_read_an_older_version_does_not_write_over_a_newer_one(story: Story) -> None:
    report = story.record("First")
    said = Said(ReportKind.EVENT, "Second", "Text")
    for version, refused in ((1, False), (1, True), (None, False), (3, False)):
        with ExitStack() as stack:
            session = stack.enter_context(story.grid.writing())
            if refused:
                stack.enter_context(pytest.raises(ConflictError, match="meanwhile"))
            recording.change(session, HANDLER, report, said, version=version, now=story.grid.now())
    assert next(one for one in story.locals() if one.id == report).version == 4


def test_a_list_for_who_reads_no_red_is_as_long_as_it_could_be(story: Story) -> None:
    story.record("For everybody")
    for number in range(3):
        story.record(f"Red {number}", tlp=TLP.RED)
    with story.grid.reading() as session:
        assert [one.title for one in recorded.visible_locals(session, AUDITOR, limit=1)] == [
            "For everybody"
        ]
