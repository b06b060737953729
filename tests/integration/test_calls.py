"""A coordinator warns, checks and asks; three whole nodes answer over HTTP, one by telephone.

Source: lifecycles, 1 (rules 2 and 6) and 2; domain, 1 (*Three in the morning*).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from federation.ledgers import rebuild
from federation.ledgers.ledger_records import ChannelRecord
from hub import own_keys
from hub.accounts.actor import Actor, Via
from hub.apply import VIEWS
from hub.calls import answering, calling, queries
from hub.calls.due import KEPT_CLOSE, NOT_HERE, Due, visible_due_counted
from hub.calls.values import Asked, Call
from hub.channels import relay, service
from hub.channels.relay import Told
from hub.web.models import Tone, Waiting
from hub.web.waiting import look_at_today
from policies.acts import Act, ChannelKind
from policies.calls import (
    Affected,
    AnswersTo,
    CallKind,
    DeclineReason,
    Reply,
    RequestOutcome,
    RequestResult,
)
from policies.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from policies.roles import PersonRole
from policies.tlp import TLP
from sharing import stix
from tests.integration.test_today_cost import statements
from tests.kit.hostile_peer import signed_in
from tests.kit.nodes import CONSOLE, RunningNode, running, settle

COORDINATOR = Actor("c", "cora", frozenset({PersonRole.COORDINATOR}), Via.SESSION)
HANDLER = Actor("h", "hana", frozenset({PersonRole.HANDLER}), Via.SESSION)
LIAISON = Actor("l", "lea", frozenset({PersonRole.LIAISON}), Via.SESSION)
AUDITOR = Actor("a", "ada", frozenset({PersonRole.AUDITOR}), Via.SESSION)
CONTACT = "+43 1 234, control room"


@dataclass
class Story:
    """A CERT that coordinates, a grid operator, a vendor; a water utility has a telephone."""

    cert: RunningNode
    grid: RunningNode
    vendor: RunningNode
    case: str
    water: str

    @property
    def nodes(self) -> tuple[RunningNode, ...]:
        return self.cert, self.grid, self.vendor

    def settle(self) -> None:
        settle(*self.nodes)

    def does(self, node: RunningNode, use_case: Any, *given: Any, **more: Any) -> Any:
        actor = more.pop("actor", CONSOLE)
        where = more.pop("channel", self.case)
        with node.writing() as session:
            desk = node.office.desk(session)
            return use_case(session, desk, actor, where, *given, now=node.now(), **more)

    def warns(self, text: str = "Pull the plug of the updater.", **more: Any) -> str:
        ref: str = self.does(self.cert, calling.warn, text=text, **more).ref
        self.settle()
        return ref

    def asks(self, node: RunningNode, text: str = "Who has seen this?", **more: Any) -> str:
        ref: str = self.does(node, calling.ask, text=text, **more).ref
        self.settle()
        return ref

    def acknowledges(self, node: RunningNode, ref: str, **more: Any) -> None:
        self.does(node, answering.acknowledge, ref, **more)
        self.settle()

    def sees(self, node: RunningNode, ref: str, actor: Actor = CONSOLE) -> Call:
        with node.reading() as session:
            return queries.get_call(
                session, actor, self.case, ref, us=node.organisation, now=node.now()
            )

    def of(self, who: RunningNode | str, ref: str, by: RunningNode | None = None) -> Asked:
        """Give how one organisation stands to a call, as a node sees it."""
        organisation = who if isinstance(who, str) else who.organisation
        call = self.sees(by or self.cert, ref)
        return next(one for one in call.addressees if one.organisation == organisation)

    def due(self, node: RunningNode, actor: Actor = CONSOLE) -> list[Call]:
        with node.reading() as session:
            return queries.visible_due(session, actor, us=node.organisation, now=node.now())

    def direct(self, node: RunningNode, name: str) -> str:
        """Give a direct channel of a node by its name."""
        with node.reading() as session:
            found = session.scalar(
                select(ChannelRecord.id).where(ChannelRecord.is_ours, ChannelRecord.name == name)
            )
        assert found is not None
        return found

    def today(self, node: RunningNode, actor: Actor = CONSOLE) -> list[Waiting]:
        with node.app.test_request_context("/"):
            return list(look_at_today(actor, now=node.now()).waiting)

    def told(self) -> Told:
        return Told("telephone", self.cert.now(), "Jo, shift leader")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("calls")
    with running(folder, "CERT", "Grid", "Vendor") as (cert, grid, vendor):
        case = cert.open("Pumps stand still")
        for node in (grid, vendor):
            cert.invite(case, node)
            settle(cert, grid, vendor)
            node.join(case)
        settle(cert, grid, vendor)
        water = cert.does(
            relay.add_absent, case, name="Water Utility", roles=["affected"], contact=CONTACT
        )
        made = Story(cert, grid, vendor, case, water)
        made.does(cert, relay.relay, organisation=water, act=Act.MEMBER_JOINED, told=made.told())
        made.settle()
        yield made


@pytest.fixture(autouse=True)
def _what_is_due_is_counted_as_it_is_shown(story: Story) -> Iterator[None]:
    """Compare, wherever a test has led, what the database counts with what is read one by one."""
    yield
    for node in story.nodes:
        for actor in (CONSOLE, HANDLER, AUDITOR):
            for span in (timedelta(), timedelta(hours=5), timedelta(days=3)):
                us, now = node.organisation, node.now() + span
                with node.reading() as session:
                    shown = queries.visible_due(session, actor, us=us, now=now)
                    counted = visible_due_counted(session, actor, us=us, now=now)
                assert counted == [_counted(one) for one in shown]


def _counted(call: Call) -> Due:
    """Count what is shown of a call."""
    ours = call.ours if call.waits_for_us else None
    return Due(
        channel=call.channel,
        channel_name=call.channel_name,
        ref=call.ref,
        kind=call.kind,
        author_name=call.author_name,
        is_ours=call.is_ours,
        text=call.text,
        tlp=call.tlp,
        issued_at=call.issued_at,
        next_update=call.next_update,
        addressees=len(call.addressees),
        overdue=len(call.overdue),
        overdue_since=min((one.reply_by for one in call.overdue), default=None),
        asked_at=ours.asked_at if ours is not None else None,
        reply_by=ours.reply_by if ours is not None else None,
    )


def test_a_warning_goes_to_all_and_the_silent_are_shown_with_how_to_reach_them(
    story: Story,
) -> None:
    indicator = stix.indicator(
        "[domain-name:value = 'evil.example']",
        name="evil.example",
        created_by=story.cert.organisation,
        now=story.cert.now(),
        marking=TLP.AMBER,
    )
    soon = story.cert.now() + timedelta(hours=4)
    ref = story.warns(objects=[indicator], next_update=soon)
    for node in story.nodes:
        call = story.sees(node, ref)
        assert (call.kind, call.text) == (CallKind.WARNING, "Pull the plug of the updater.")
        assert len(call.addressees) == 3
        assert call.is_ours is (node is story.cert)
        assert call.author_name == "CERT"
        with node.reading() as session:
            found = queries.visible_indicators(session, CONSOLE, call)
        assert [one.name for one in found] == ["evil.example"]
    story.cert.now.advance(minutes=4)  # type: ignore[attr-defined]
    story.acknowledges(story.grid, ref, affected=Affected.LOOKING)
    call = story.sees(story.cert, ref)
    assert [one.reply for one in call.addressees] == [Reply.WAITING] * 2 + [Reply.ANSWERED]
    assert {one.organisation: one.contact for one in call.silent} == {
        story.vendor.organisation: None,
        story.water: CONTACT,
    }
    grid = story.of(story.grid, ref)
    assert (grid.affected, grid.minutes, grid.late, grid.way) == (
        Affected.LOOKING,
        5,
        False,
        "node",
    )
    # Nobody else is told how to reach them.
    assert all(one.contact is None for one in story.sees(story.grid, ref).addressees)
    assert all(one.contact is None for one in story.sees(story.cert, ref, HANDLER).addressees)


def test_who_was_looking_says_later_what_it_found_and_the_first_answer_is_measured(
    story: Story,
) -> None:
    ref = story.warns("Look for the library.")
    story.acknowledges(story.grid, ref, affected=Affected.LOOKING)
    before = story.of(story.grid, ref)
    story.cert.now.advance(minutes=30)  # type: ignore[attr-defined]
    story.acknowledges(story.grid, ref, affected=Affected.YES, text="On two machines.")
    after = story.of(story.grid, ref, by=story.vendor)
    assert (after.affected, after.text) == (Affected.YES, "On two machines.")
    assert (after.answered_at, after.minutes) == (before.answered_at, before.minutes)
    with pytest.raises(ConflictError, match="acknowledged it already"):
        story.acknowledges(story.grid, ref, affected=Affected.YES)


def test_a_late_acknowledgement_counts_and_is_shown_late(story: Story) -> None:
    ref = story.warns("Change the passwords.")
    assert ref not in [one.ref for one in story.due(story.cert)]
    story.cert.now.advance(hours=2)  # type: ignore[attr-defined]
    assert {one.organisation for one in story.sees(story.cert, ref).overdue} == {
        story.grid.organisation,
        story.vendor.organisation,
        story.water,
    }
    assert ref in [one.ref for one in story.due(story.cert)]
    story.acknowledges(story.vendor, ref, affected=Affected.NO)
    vendor = story.of(story.vendor, ref)
    assert (vendor.reply, vendor.late) == (Reply.ANSWERED, True)
    assert story.sees(story.cert, ref).measured.within == ((5, 0), (15, 0), (30, 0), (60, 0))


def test_who_has_no_node_acknowledges_by_telephone_and_who_can_write_does_not(
    story: Story,
) -> None:
    ref = story.warns("Close the valves.")
    story.does(
        story.cert,
        answering.acknowledge_for,
        ref,
        organisation=story.water,
        told=story.told(),
        affected=Affected.NO,
        text="All valves are closed.",
    )
    story.settle()
    for node in story.nodes:
        water = story.of(story.water, ref, by=node)
        assert (water.reply, water.way, water.relayed) == (Reply.ANSWERED, "telephone", True)
        assert (water.affected, water.text) == (Affected.NO, "All valves are closed.")
    with pytest.raises(ConflictError, match="writes for itself"):
        story.does(
            story.cert,
            answering.acknowledge_for,
            ref,
            organisation=story.grid.organisation,
            told=story.told(),
        )
    # A node that has fallen silent is spoken for, by whoever reached its people.
    story.cert.now.advance(minutes=11)  # type: ignore[attr-defined]
    story.does(
        story.cert,
        answering.acknowledge_for,
        ref,
        organisation=story.vendor.organisation,
        told=story.told(),
        affected=Affected.LOOKING,
    )
    assert story.of(story.vendor, ref).way == "telephone"
    with pytest.raises(ConflictError, match="only the coordinator"):
        story.does(
            story.grid,
            answering.acknowledge_for,
            ref,
            organisation=story.water,
            told=story.told(),
            affected=Affected.YES,
        )


def test_an_update_asks_again_only_where_it_says_so(story: Story) -> None:
    ref = story.warns("Block the address.")
    story.acknowledges(story.grid, ref, affected=Affected.NO)
    story.does(story.cert, calling.add, ref, text="A second address.")
    story.settle()
    assert story.of(story.grid, ref).reply is Reply.ANSWERED
    story.does(story.cert, calling.add, ref, text="A third address.", again=True)
    story.settle()
    for node in story.nodes:
        grid = story.of(story.grid, ref, by=node)
        assert (grid.reply, grid.affected) == (Reply.WAITING, None)
    assert ref in [one.ref for one in story.due(story.grid)]
    story.acknowledges(story.grid, ref, affected=Affected.NO)
    grid = story.of(story.grid, ref)
    assert (grid.reply, grid.minutes) == (Reply.ANSWERED, 1)
    with story.vendor.reading() as session:
        said = queries.visible_updates(session, CONSOLE, story.sees(story.vendor, ref))
    assert [(one.text, one.asks_again) for one in said] == [
        ("A second address.", False),
        ("A third address.", True),
    ]


def test_after_the_end_nobody_is_asked_and_an_acknowledgement_is_refused_in_words(
    story: Story,
) -> None:
    ref = story.warns("It is over soon.")
    story.acknowledges(story.grid, ref)
    story.does(story.cert, calling.end, ref, text="All clear.")
    story.settle()
    for node in story.nodes:
        call = story.sees(node, ref)
        assert not call.is_open
        assert {one.reply for one in call.addressees} == {Reply.ANSWERED, Reply.UNANSWERED}
        assert ref not in [one.ref for one in story.due(node)]
    with pytest.raises(ConflictError, match="this warning was ended at"):
        story.acknowledges(story.vendor, ref)
    # Two coordinators at once: the second reads what the first did.
    with pytest.raises(ConflictError, match="this warning was ended at"):
        story.does(story.cert, calling.end, ref, actor=COORDINATOR)
    with pytest.raises(ConflictError, match="this warning was ended at"):
        story.does(story.cert, calling.add, ref, text="One more thing.")


def test_a_check_is_measured_by_ledger_time_and_asks_for_nothing_else(story: Story) -> None:
    ref = story.does(story.cert, calling.check).ref
    story.settle()
    assert story.sees(story.grid, ref).text == calling.CHECK_WORDS
    with pytest.raises(InvalidError, match="nothing else"):
        story.acknowledges(story.grid, ref, affected=Affected.NO)
    story.cert.now.advance(minutes=2)  # type: ignore[attr-defined]
    story.acknowledges(story.grid, ref)
    story.cert.now.advance(minutes=10)  # type: ignore[attr-defined]
    story.acknowledges(story.vendor, ref)
    measured = story.sees(story.cert, ref).measured
    assert (measured.asked, measured.answered) == (3, 2)
    assert measured.within == ((5, 1), (15, 2), (30, 2), (60, 2))
    assert (measured.middle, measured.slowest) == (3, 13)
    with pytest.raises(ConflictError, match="a check is not added to"):
        story.does(story.cert, calling.add, ref, text="More.")
    story.does(story.cert, calling.end, ref)
    story.settle()
    assert not story.sees(story.vendor, ref).is_open


def test_a_request_is_answered_declined_and_closed_by_who_asked(story: Story) -> None:
    ref = story.asks(story.grid, "Has anybody seen this address?")
    assert story.sees(story.cert, ref).author_name == "Grid"
    assert ref in [one.ref for one in story.due(story.vendor)]
    story.does(
        story.vendor, answering.answer, ref, result=RequestResult.NOTHING_FOUND, text="30 days."
    )
    story.does(story.cert, answering.decline, ref, reason=DeclineReason.NO_CAPACITY)
    story.settle()
    vendor, cert = (story.of(node, ref, by=story.grid) for node in (story.vendor, story.cert))
    assert (vendor.reply, vendor.result) == (Reply.ANSWERED, RequestResult.NOTHING_FOUND)
    assert vendor.text == "30 days."
    assert (cert.reply, cert.reason) == (Reply.DECLINED, DeclineReason.NO_CAPACITY)
    with pytest.raises(ConflictError, match="answered already"):
        story.does(story.vendor, answering.answer, ref, text="Again.")
    with pytest.raises(ConflictError, match="who asked adds"):
        story.does(story.vendor, calling.end, ref)
    story.does(story.grid, calling.end, ref)
    story.settle()
    for node in story.nodes:
        call = story.sees(node, ref)
        assert (call.is_open, call.outcome) == (False, RequestOutcome.ANSWERED)
        assert story.of(story.water, ref, by=node).reply is Reply.UNANSWERED


def test_an_answer_to_the_asker_alone_goes_through_the_direct_channel(story: Story) -> None:
    ref = story.asks(story.cert, "How many machines?", answers_to=AnswersTo.ASKER)
    where, _ = story.does(story.grid, answering.answer, ref, text="Four hundred.")
    assert where != story.case
    story.settle()
    grid = story.of(story.grid, ref)
    assert (grid.reply, grid.text) == (Reply.ANSWERED, "Four hundred.")
    assert story.of(story.grid, ref, by=story.grid).reply is Reply.ANSWERED
    # The others are not told, not even that it has answered.
    seen = story.of(story.grid, ref, by=story.vendor)
    assert (seen.reply, seen.text) == (Reply.KEPT, None)
    assert ref not in [one.ref for one in story.due(story.grid)]
    assert ref in [one.ref for one in story.due(story.vendor)]
    with pytest.raises(ConflictError, match="answered already"):
        story.does(story.grid, answering.decline, ref)
    with pytest.raises(ConflictError, match="for the asker alone"):
        story.does(
            story.cert,
            answering.answer_for,
            ref,
            organisation=story.water,
            told=story.told(),
            text="Seven.",
        )
    story.does(story.cert, answering.answer_for, ref, organisation=story.water, told=story.told())
    story.settle()
    assert story.of(story.water, ref, by=story.vendor).reply is Reply.ANSWERED


@pytest.mark.parametrize("answers", [True, False])
def test_closing_a_request_does_not_tell_whether_the_asker_alone_was_answered(
    story: Story, answers: bool
) -> None:
    ref = story.asks(story.cert, "How many machines?", answers_to=AnswersTo.ASKER)
    if answers:
        story.does(story.grid, answering.answer, ref, text="Four hundred.")
        story.settle()
    story.does(story.cert, calling.end, ref)
    story.settle()
    for node in story.nodes:
        assert story.sees(node, ref).outcome is RequestOutcome.NO_LONGER_NEEDED
    assert story.of(story.grid, ref, by=story.vendor).reply is Reply.KEPT


def test_who_asked_for_itself_may_say_that_it_was_answered(story: Story) -> None:
    ref = story.asks(story.cert, "How many machines?", answers_to=AnswersTo.ASKER)
    page = signed_in(story.cert, "asker").get(f"/channels/{story.case}/calls/{ref}").text
    assert "No longer needed; who has answered is not told" in page
    story.does(story.cert, calling.end, ref, outcome=RequestOutcome.ANSWERED)
    story.settle()
    assert story.sees(story.vendor, ref).outcome is RequestOutcome.ANSWERED


def test_a_word_in_a_direct_channel_answers_nobody_elses_question(story: Story) -> None:
    """A member can't answer for another, nor for a question that was not its to answer."""
    ref = story.asks(story.cert, "Only the vendor.", addressees=[story.vendor.organisation])
    direct = story.direct(story.grid, "Grid to CERT")
    body = {"request": ref, "result": "answered"}
    story.does(story.grid, service.write, Act.REQUEST_ANSWERED, body, (), channel=direct)
    story.settle()
    assert [one.reply for one in story.sees(story.cert, ref).addressees] == [Reply.WAITING]
    with pytest.raises(ConflictError, match="asks nothing of that organisation"):
        story.does(story.grid, answering.answer, ref, text="We, too.")


def test_nobody_asks_under_anothers_name_and_who_asked_closes(story: Story) -> None:
    ref = story.asks(story.grid, "Mine.", addressees=[story.cert.organisation])
    body = {
        "request": ref,
        "addressees": [story.grid.organisation],
        "needed_by": "2026-12-24T00:00:00.000Z",
        "answers_to": "all",
    }
    with pytest.raises(ConflictError, match="who alone asks it of others"):
        story.does(story.vendor, service.write, Act.REQUEST_OPENED, body, ())
    # Who asked may ask the same of one more.
    more = body | {"addressees": [story.vendor.organisation]}
    story.does(story.grid, service.write, Act.REQUEST_OPENED, more, ())
    story.settle()
    assert len(story.sees(story.cert, ref).addressees) == 2
    story.does(story.grid, calling.end, ref)
    story.settle()
    assert not any(story.sees(node, ref).is_open for node in story.nodes)


def test_what_is_on_its_way_does_not_wait_for_us_any_more(story: Story) -> None:
    ref = story.warns("The coordinator goes down now.")
    assert ref in [one.ref for one in story.due(story.grid)]
    story.does(story.grid, answering.acknowledge, ref, affected=Affected.NO)
    mine = story.sees(story.grid, ref)
    assert mine.is_under_way
    assert ref not in [one.ref for one in story.due(story.grid)]
    # Two people of one organisation at once: the second reads that it is done.
    with pytest.raises(ConflictError, match="on its way already"):
        story.does(story.grid, answering.acknowledge, ref, affected=Affected.YES, actor=HANDLER)
    story.settle()
    assert story.of(story.grid, ref).affected is Affected.NO


def test_a_member_that_is_suspended_is_asked_nothing_and_shown_as_silent(story: Story) -> None:
    ref = story.warns("Is your key in order?")
    who = {"organisation": story.vendor.organisation}
    story.does(story.cert, service.write, Act.MEMBER_SUSPENDED, who, ())
    story.settle()
    vendor = story.of(story.vendor, ref)
    assert (vendor.reply, vendor.membership) == (Reply.WAITING, "suspended")
    assert ref not in [one.ref for one in story.due(story.vendor)]
    with pytest.raises(ConflictError):
        story.acknowledges(story.vendor, ref)
    story.does(
        story.cert,
        answering.acknowledge_for,
        ref,
        organisation=story.vendor.organisation,
        told=story.told(),
        affected=Affected.NO,
    )
    assert story.of(story.vendor, ref).relayed
    story.does(story.cert, service.write, Act.MEMBER_RESUMED, who, ())
    story.settle()
    assert story.of(story.vendor, ref, by=story.vendor).relayed


def test_rights_are_asked_before_anything_is_written(story: Story) -> None:
    for actor in (HANDLER, AUDITOR, LIAISON):
        with pytest.raises(ForbiddenError):
            story.does(story.cert, calling.warn, text="No.", actor=actor)
        with pytest.raises(ForbiddenError):
            story.does(story.cert, calling.check, actor=actor)
    ref = story.warns("Who may answer?")
    question = story.asks(story.cert, "And who may answer that?")
    for actor in (AUDITOR, LIAISON):
        for use_case, named in (
            (answering.acknowledge, ref),
            (answering.answer, question),
            (answering.decline, question),
        ):
            with pytest.raises(ForbiddenError):
                story.does(story.grid, use_case, named, actor=actor)
        with pytest.raises(ForbiddenError):
            story.does(story.cert, calling.end, ref, actor=actor)
        assert story.sees(story.grid, ref, actor).text == "Who may answer?"
    story.acknowledges(story.grid, ref, actor=HANDLER)
    with pytest.raises(ConflictError, match="only the coordinator warns"):
        story.does(story.grid, calling.warn, text="No.")
    nobody = Actor("n", "nina", frozenset(), Via.SESSION)
    with pytest.raises(NotFoundError):
        story.sees(story.grid, ref, nobody)


def test_red_words_are_for_those_on_duty(story: Story) -> None:
    breakout = story.does(story.cert, _open_breakout, channel="Inner circle", parent=story.case)
    story.cert.invite(breakout, story.grid)
    story.settle()
    story.grid.join(breakout)
    story.settle()
    issued = story.does(
        story.cert, calling.warn, channel=breakout, text="The mole is at the vendor.", tlp=TLP.RED
    )
    story.settle()
    for actor, words in ((HANDLER, "The mole is at the vendor."), (AUDITOR, KEPT_CLOSE)):
        with story.grid.reading() as session:
            call = queries.get_call(
                session,
                actor,
                breakout,
                issued.ref,
                us=story.grid.organisation,
                now=story.grid.now(),
            )
        assert (call.text, call.tlp) == (words, TLP.RED)


def _open_breakout(session: Any, desk: Any, actor: Actor, name: str, **more: Any) -> str:
    record = service.open_channel(
        session, desk, actor, kind=ChannelKind.CASE, name=name, ceiling=TLP.RED, **more
    )
    return record.id


def test_bad_input_is_refused_by_its_field(story: Story) -> None:
    past = story.cert.now() - timedelta(minutes=1)
    for field, more in (
        ("text", {"text": " "}),
        ("text", {"text": "x" * 20_001}),
        ("reply_by", {"text": "Words", "reply_by": past}),
        ("next_update", {"text": "Words", "next_update": past}),
        ("addressees", {"text": "Words", "addressees": [story.cert.organisation]}),
    ):
        with pytest.raises(InvalidError) as refusal:
            story.does(story.cert, calling.warn, **more)
        assert refusal.value.field == field
    question = story.asks(story.cert, "Something?")
    with pytest.raises(InvalidError) as refusal:
        story.does(story.grid, answering.answer, question)
    assert refusal.value.field == "text"
    with pytest.raises(ConflictError, match="answered or declined, not acknowledged"):
        story.acknowledges(story.grid, question)
    alone = story.cert.open("Nobody here")
    with pytest.raises(ConflictError, match="nobody else has joined"):
        story.does(story.cert, calling.warn, text="Hello?", channel=alone)


def test_recalled_words_go_and_that_it_was_said_stays(story: Story) -> None:
    ref = story.warns("A false trail.")
    story.acknowledges(story.grid, ref, text="Our inventory: …")
    story.does(story.cert, service.write, Act.OBJECT_RECALLED, {"objects": [ref]}, ())
    story.settle()
    for node in story.nodes:
        call = story.sees(node, ref)
        assert call.text == NOT_HERE
        assert story.of(story.grid, ref, by=node).reply is Reply.ANSWERED


def test_in_a_direct_channel_one_is_asked_and_answers_in_its_own(story: Story) -> None:
    there, here = (
        story.direct(node, name)
        for node, name in ((story.vendor, "Vendor to CERT"), (story.cert, "CERT to Vendor"))
    )
    ref = story.does(story.vendor, calling.ask, channel=there, text="May we go public?").ref
    story.settle()
    call = next(one for one in story.due(story.cert) if one.ref == ref)
    assert (call.channel, call.author_name, call.waits_for_us) == (there, "Vendor", True)
    where, _ = story.does(story.cert, answering.answer, ref, channel=there, text="Not yet.")
    assert where == here
    story.settle()
    with story.vendor.reading() as session:
        us = story.vendor.organisation
        now = story.vendor.now()
        call = queries.get_call(session, CONSOLE, there, ref, us=us, now=now)
    assert [(one.reply, one.text) for one in call.addressees] == [(Reply.ANSWERED, "Not yet.")]
    with pytest.raises(ConflictError, match="in a community or a case"):
        story.does(story.cert, calling.warn, channel=here, text="No.")


def test_a_community_checks_who_can_be_reached(story: Story) -> None:
    community = story.cert.open("Energy", kind=ChannelKind.COMMUNITY)
    story.cert.invite(community, story.grid, "member")
    story.settle()
    story.grid.join(community)
    story.settle()
    ref = story.does(story.cert, calling.check, channel=community).ref
    story.settle()
    assert ref in [one.ref for one in story.due(story.grid)]
    story.does(story.grid, answering.acknowledge, ref, channel=community)
    story.settle()
    with story.cert.reading() as session:
        us = story.cert.organisation
        now = story.cert.now()
        found = queries.visible_calls(session, CONSOLE, community, us=us, now=now)
    assert [(one.measured.asked, one.measured.answered) for one in found] == [(1, 1)]


def test_who_joins_while_a_warning_stands_reads_it_and_is_asked_too(story: Story) -> None:
    case = story.cert.open("Grows")
    story.cert.invite(case, story.grid)
    story.settle()
    story.grid.join(case)
    story.settle()
    ref = story.does(story.cert, calling.warn, channel=case, text="Pull the plug.").ref
    with pytest.raises(ConflictError, match="all that have joined are asked"):
        story.does(story.cert, calling.ask_the_new, ref, channel=case)
    story.cert.invite(case, story.vendor)
    story.settle()
    story.vendor.join(case)
    story.settle()
    assert ref not in [one.ref for one in story.due(story.vendor)]
    story.does(story.cert, calling.ask_the_new, ref, channel=case)
    story.settle()
    found = next(one for one in story.due(story.vendor) if one.ref == ref)
    assert (found.text, len(found.addressees)) == ("Pull the plug.", 2)
    story.does(story.vendor, answering.acknowledge, ref, channel=case)
    story.settle()
    with story.cert.reading() as session:
        us, now = story.cert.organisation, story.cert.now()
        call = queries.get_call(session, CONSOLE, case, ref, us=us, now=now)
    assert {one.name: one.reply for one in call.addressees} == {
        "Grid": Reply.WAITING,
        "Vendor": Reply.ANSWERED,
    }


def test_an_acknowledgement_that_was_a_thiefs_leaves_its_author_silent(story: Story) -> None:
    ref = story.warns("Whose word is it?")
    since = story.grid.now()
    story.acknowledges(story.grid, ref, affected=Affected.NO, text="All is well, go home.")
    assert story.of(story.grid, ref).reply is Reply.ANSWERED
    with story.grid.writing() as session:
        own_keys.recover(
            session,
            story.grid.office,
            CONSOLE,
            recovery=story.grid.recovery,
            since=since,
            now=story.grid.now(),
        )
    story.settle()
    with story.grid.writing() as session:
        rows = own_keys.visible_doubtful(session, story.grid.office, CONSOLE)
        bundles = [row.entry.bundle for row in rows if row.entry.channel == story.case]
        own_keys.disown(
            session, story.grid.office, CONSOLE, story.case, bundles, now=story.grid.now()
        )
    story.settle()
    for node in story.nodes:
        grid = story.of(story.grid, ref, by=node)
        assert (grid.reply, grid.text) == (Reply.WAITING, None)
    # It is asked by telephone, or says itself what is so.
    story.acknowledges(story.grid, ref, affected=Affected.YES)
    assert story.of(story.grid, ref).affected is Affected.YES


def test_today_names_what_waits_first_and_whom_the_coordinator_has_to_call(
    story: Story,
) -> None:
    soon = story.cert.now() + timedelta(minutes=30)
    ref = story.warns("Today of all days.", next_update=soon)
    today = story.today(story.grid)
    mine = [one for one in today if one.href.endswith(ref)]
    assert [(one.title, one.act, one.tone) for one in mine] == [
        ("Today of all days.", "Look and answer", Tone.TROUBLE)
    ]
    # What others wait for stands above all else; among that, warnings.
    asked = [one.act == "Look and answer" for one in today]
    assert asked == sorted(asked, reverse=True)
    assert today[0].tone is Tone.TROUBLE
    story.cert.now.advance(hours=2)  # type: ignore[attr-defined]
    mine = [one for one in story.today(story.cert) if one.href.endswith(ref)]
    assert [one.title for one in mine] == [
        "3 organisations of 3 have not answered",
        "An update of your warning is due",
    ]
    for actor in (AUDITOR, LIAISON):
        assert not any(one.href.endswith(ref) for one in story.today(story.grid, actor))
    # Who does not run cases is not told to call; the coordinator of the node is.
    assert not any(one.href.endswith(ref) for one in story.today(story.cert, HANDLER))


def test_what_stands_on_every_page_costs_the_same_with_one_call_and_with_many(
    story: Story,
) -> None:
    story.warns("The first.")
    before = statements(story.grid), statements(story.cert)
    for number in range(3):
        story.warns(f"One more, {number}.")
        story.asks(story.grid, f"And one question more, {number}?")
    assert (statements(story.grid), statements(story.cert)) == before


def test_the_views_come_out_the_same_when_they_are_made_again(story: Story) -> None:
    for node in story.nodes:
        with node.reading() as session:
            channels = [row.id for row in session.scalars(select(ChannelRecord))]
        assert len(channels) >= 4
        for channel in channels:
            with node.writing() as session:
                desk = node.office.desk(session)
                assert not rebuild.rebuild(session, desk, channel, VIEWS).differences
