from __future__ import annotations

from datetime import UTC, datetime

import pytest

from federation.archive.report import Failure, Report, What
from federation.judging.doubt import PLAIN_WORDS, Consequence, Doubt, consequence
from federation.ledgers.ledger_records import ChannelRecord, Standing
from hub.channels.member_queries import MemberRow
from hub.channels.queries import WHEN_BEHIND, ChannelSummary, Verification, way_out_of
from hub.channels.ways_out import WayOut, ways_of
from hub.web import channel_words as shown
from hub.web.models import Tone
from policies.acts import Act, ChannelKind
from policies.charter import Terms, usual_label
from policies.tlp import TLP
from tests.kit.nodes import CONSOLE

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


def summary(
    standing: Standing, kind: ChannelKind = ChannelKind.CASE, *, ours: bool = False
) -> ChannelSummary:
    return ChannelSummary(
        id="a",
        kind=kind,
        name="a case",
        owner="identity--1",
        owner_name="National CERT",
        is_ours=ours,
        ceiling=TLP.AMBER,
        standing=standing,
        doubt=None,
        sentence=None,
        doubted_at=None,
        epoch=1,
        seq=0,
        head_sha256="ab",
        head_at=NOW,
        applied_at=NOW,
        pending_count=0,
    )


def member(name: str, state: str = "joined", *, us: bool = False, late: bool = False) -> MemberRow:
    return MemberRow(
        organisation=name,
        name=name,
        roles=("affected",),
        state=state,
        since=NOW,
        reply_by=NOW,
        late=late,
        is_us=us,
    )


@pytest.mark.parametrize("standing", Standing)
def test_each_standing_has_a_badge_and_a_sentence(standing: Standing) -> None:
    assert shown.state_of(summary(standing)).text
    assert shown.sentence_of(summary(standing)).endswith(".")


def test_who_coordinates_and_who_writes_is_said() -> None:
    assert shown.sentence_of(summary(Standing.CURRENT, ours=True)) == "You coordinate it."
    assert shown.sentence_of(summary(Standing.CURRENT)) == "National CERT coordinates it."
    direct = summary(Standing.CURRENT, ChannelKind.DIRECT)
    assert shown.sentence_of(direct) == "National CERT writes here, to you alone."


def test_only_labels_under_the_ceiling_are_offered_and_red_is_never_the_first_choice() -> None:
    assert shown.labels_under(TLP.GREEN) == [TLP.GREEN, TLP.CLEAR]
    assert usual_label(Terms(), TLP.GREEN) is TLP.GREEN
    assert usual_label(Terms(), TLP.RED) is TLP.AMBER
    assert usual_label(Terms(default_marking=TLP.RED), TLP.RED) is TLP.AMBER
    assert usual_label(Terms(default_marking=TLP.GREEN), TLP.AMBER) is TLP.GREEN
    assert usual_label(Terms(default_marking=TLP.AMBER), TLP.GREEN) is TLP.GREEN


def test_of_the_acts_about_a_member_only_those_that_are_open_are_offered() -> None:
    acts = frozenset({Act.MEMBER_REMOVED, Act.NOTE_ADDED})
    assert shown.member_of(member("A"), acts).acts == {"member.removed"}
    assert shown.member_of(member("A"), frozenset()).acts == frozenset()
    late = shown.member_of(member("A", "invited", late=True), frozenset())
    assert (late.state.text, late.state.tone) == ("invited, late", Tone.WAITING)


def test_a_frozen_channel_says_what_it_means_and_the_way_out() -> None:
    frozen = Verification(
        standing=Standing.FROZEN,
        doubt=Doubt.FORK.value,
        sentence="two entries with number 7",
        what_it_means="The owner signed two histories",
        way_out="Call the other members.",
        since=NOW,
        entries=8,
        voids=1,
        withheld=2,
    )
    alarm = shown.alarm_of(frozen, ["It is frozen here."])
    assert alarm is not None
    assert alarm.sentence == "The owner signed two histories. Call the other members."
    assert shown.kept_sentence(frozen) == "8 entries, 1 without effect, 2 objects withheld or gone"


def test_what_is_missing_for_a_moment_alarms_nobody() -> None:
    waiting = Verification(Standing.WAITING, Doubt.GAP.value, "a gap", "It waits", "", NOW, 8, 0, 0)
    assert shown.alarm_of(waiting, []) is None
    told = shown.alarm_of(waiting, ["Something has not arrived."])
    assert told is not None
    assert told.title == "Something of this channel is missing."


def test_a_check_says_in_one_sentence_whether_the_ledger_proves() -> None:
    assert shown.verdict_of(Report(What.EXPORT))[1] == "good"
    failures = (Failure(Doubt.BAD_SIGNATURE, "entry 3 was altered"), Failure(Doubt.GAP, "a gap"))
    sentence, tone = shown.verdict_of(Report(What.EXPORT, failures=failures))
    assert tone == "trouble"
    assert sentence.startswith("It does not prove: Entry 3 was altered. And 1 more.")


@pytest.mark.parametrize("doubt", Doubt)
@pytest.mark.parametrize("is_ours", [False, True], ids=["another's", "ours"])
def test_each_doubt_has_a_sentence_and_a_way_out_that_is_open(doubt: Doubt, is_ours: bool) -> None:
    assert PLAIN_WORDS[doubt].endswith(".")
    follows = consequence(doubt)
    standing = Standing.FROZEN if follows is Consequence.FREEZE else Standing.WAITING
    said = way_out_of(standing, doubt, is_ours=is_ours)
    assert said is not None
    assert said.endswith(".")
    if follows in (Consequence.VOID, Consequence.IGNORE):
        # Nothing is stopped by it: there is nothing to choose.
        return
    ways = ways_of(CONSOLE, record(standing, is_ours=is_ours), (), None)
    # What the sentence names can be chosen, and what can't is not named.
    assert WayOut.RETRY in ways
    assert ("leave" in said) <= (WayOut.LEAVE in ways)
    assert ("new epoch" in said) <= (WayOut.REOPEN in ways)
    alarm = shown.alarm_of(verification(standing, doubt, said), ["something is wrong"])
    assert alarm is not None
    assert PLAIN_WORDS[doubt] in alarm.sentence
    assert said in alarm.sentence


@pytest.mark.parametrize("standing", Standing)
@pytest.mark.parametrize("is_ours", [False, True], ids=["another's", "ours"])
def test_each_standing_ends_in_something_to_do_or_nothing_is_wrong(
    standing: Standing, is_ours: bool
) -> None:
    ways = ways_of(CONSOLE, record(standing, is_ours=is_ours), (), None)
    match standing:
        case Standing.WAITING | Standing.FROZEN:
            assert {WayOut.RETRY, WayOut.REOPEN if is_ours else WayOut.LEAVE} <= set(ways)
        case Standing.BEHIND:
            assert WayOut.RETRY in ways
            assert (WayOut.REOPEN in ways) == is_ours
            assert way_out_of(standing, None, is_ours=is_ours) == WHEN_BEHIND
        case Standing.JOINING:
            assert "call them" in shown.sentence_of(summary(standing))
        case Standing.ENDED:
            assert "takes an invitation" in shown.sentence_of(summary(standing))
            assert ways == []
        case Standing.CURRENT:
            assert WayOut.RETRY not in ways


def record(standing: Standing, *, is_ours: bool) -> ChannelRecord:
    return ChannelRecord(
        id="a", kind=ChannelKind.CASE, standing=standing, is_ours=is_ours, state={"members": []}
    )


def verification(standing: Standing, doubt: Doubt, way_out: str) -> Verification:
    return Verification(
        standing=standing,
        doubt=doubt.value,
        sentence="something happened",
        what_it_means=PLAIN_WORDS[doubt],
        way_out=way_out,
        since=NOW,
        entries=1,
        voids=0,
        withheld=0,
    )
