"""The queue itself, on both databases, with a clock that the test sets."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from federation.work import errands
from federation.work import values as errand_values
from federation.work.backoff import FIRST_WAIT, LONGEST_WAIT
from federation.work.errands import LEASE, Claimed, Done, Failed, Outcome, Waiting
from federation.work.records import ErrandRecord
from sharing.db import reading, transaction

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SILENT = Failed("The partner did not answer.", "unreachable")

pytestmark = pytest.mark.usefixtures("app_context")


def ask(
    subject: str, *, now: datetime = NOON, due: datetime | None = None, lane: str | None = None
) -> None:
    with transaction() as session:
        errands.ask(session, "deliver", subject, now=now, due=due, lane=lane)


def claim(count: int = 10, *, now: datetime = NOON, fresh_only: bool = False) -> list[Claimed]:
    with reading() as session:
        ready = errands.is_ready(session, now, fresh_only=fresh_only)
    with transaction() as session:
        claims = errands.claim(session, count, now, fresh_only=fresh_only)
    assert ready == bool(claims)
    return claims


def settle(
    claimed: Claimed, outcome: Outcome | None = None, *, now: datetime = NOON, chance: float = 0.5
) -> bool:
    with transaction() as session:
        return errands.settle(session, claimed, outcome or Done(), now=now, chance=chance)


def look(subject: str = "a") -> Waiting | None:
    with reading() as session:
        return errands.find_waiting(session, "deliver", subject)


def see(subject: str = "a") -> Waiting:
    waiting = look(subject)
    assert waiting is not None
    return waiting


def subjects(claims: list[Claimed]) -> list[str]:
    return [one.subject for one in claims]


def test_what_is_asked_for_is_done_once_and_gone() -> None:
    ask("a")
    (claimed,) = claim()
    assert (claimed.kind, claimed.subject, claimed.attempts) == ("deliver", "a", 0)
    assert claim() == []
    assert settle(claimed)
    assert look() is None
    assert claim(now=NOON + MINUTE) == []


def test_a_transaction_that_fails_asks_for_nothing() -> None:
    def fail() -> None:
        with transaction() as session:
            errands.ask(session, "deliver", "a", now=NOON)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert claim() == []


def test_a_savepoint_that_commits_writes_nothing_early_and_loses_nothing() -> None:
    with transaction() as session:
        errands.ask(session, "deliver", "a", now=NOON)
        with session.begin_nested():
            errands.ask(session, "deliver", "b", now=NOON)
        assert errands.find_waiting(session, "deliver", "a") is None
    assert subjects(claim()) == ["a", "b"]


def test_asking_many_times_makes_one_errand() -> None:
    with transaction() as session:
        for _ in range(5):
            errands.ask(session, "deliver", "a", now=NOON)
    ask("a")
    (claimed,) = claim()
    assert claimed.asked == 6
    settle(claimed)
    assert look() is None


def test_asking_while_it_runs_makes_it_run_once_more() -> None:
    ask("a")
    (claimed,) = claim()
    ask("a", now=NOON + MINUTE)
    ask("a", now=NOON + MINUTE)
    assert claim(now=NOON + timedelta(seconds=1)) == []
    settle(claimed, now=NOON + MINUTE)
    (again,) = claim(now=NOON + MINUTE)
    settle(again, now=NOON + MINUTE)
    assert look() is None


def test_the_earlier_date_counts() -> None:
    ask("a", due=NOON + 2 * MINUTE)
    ask("a", due=NOON + MINUTE)
    ask("a", due=NOON + 3 * MINUTE)
    assert claim(now=NOON + MINUTE - timedelta(microseconds=1)) == []
    assert subjects(claim(now=NOON + MINUTE)) == ["a"]


def test_in_one_transaction_the_earlier_date_counts_too() -> None:
    with transaction() as session:
        for minutes in (2, 1, 3):
            errands.ask(session, "deliver", "a", now=NOON, due=NOON + minutes * MINUTE)
    assert see().due_at == NOON + MINUTE


def test_what_comes_round_waits_for_its_date_unless_it_was_asked_for_sooner() -> None:
    ask("a")
    (claimed,) = claim()
    settle(claimed, Done(again_at=NOON + 10 * MINUTE))
    assert see().due_at == NOON + 10 * MINUTE
    (claimed,) = claim(now=NOON + 10 * MINUTE)
    ask("a", now=NOON + 11 * MINUTE)
    settle(claimed, Done(again_at=NOON + 20 * MINUTE), now=NOON + 12 * MINUTE)
    assert see().due_at == NOON + 11 * MINUTE


def test_a_failure_is_kept_with_its_reason_and_waits_longer_each_time() -> None:
    ask("a")
    now, waits = NOON, []
    for attempt in range(1, 13):
        (claimed,) = claim(now=now)
        settle(claimed, SILENT, now=now)
        waiting = see()
        assert (waiting.attempts, waiting.last_name) == (attempt, "unreachable")
        assert waiting.last_reason == "The partner did not answer."
        waits.append(waiting.due_at - now)
        assert claim(now=waiting.due_at - timedelta(microseconds=1)) == []
        now = waiting.due_at
    assert waits[0] == FIRST_WAIT * 0.75
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT * 0.75


def test_success_forgets_failures() -> None:
    ask("a")
    (claimed,) = claim()
    settle(claimed, SILENT)
    (claimed,) = claim(now=NOON + MINUTE)
    settle(claimed, Done(again_at=NOON + 2 * MINUTE))
    waiting = see()
    assert (waiting.attempts, waiting.last_name, waiting.last_reason) == (0, None, None)


def test_asking_does_not_end_a_wait_but_hastening_does() -> None:
    ask("partner-1 a", lane="partner-1")
    ask("partner-2 a", lane="partner-2")
    for claimed in claim():
        settle(claimed, SILENT, chance=0.9)
    ask("partner-1 a")
    assert claim() == []
    with transaction() as session:
        assert errands.hasten(session, "partner-1", now=NOON) == 1
    assert subjects(claim()) == ["partner-1 a"]
    with transaction() as session:
        assert errands.hasten_lane(session, "partner-2", now=NOON) == 1
    assert subjects(claim()) == ["partner-2 a"]


def test_a_prefix_is_text_and_no_pattern() -> None:
    ask("100% a")
    ask("1000 a")
    for claimed in claim():
        settle(claimed, SILENT)
    with transaction() as session:
        assert errands.hasten(session, "100%", now=NOON) == 1


def test_hastening_moves_nothing_that_waits_for_its_date() -> None:
    ask("a", due=NOON + MINUTE)
    with transaction() as session:
        assert errands.hasten(session, "a", now=NOON) == 0
    assert claim() == []


def test_who_is_heard_from_during_an_attempt_is_tried_again_soon() -> None:
    ask("a")
    now = NOON
    for _ in range(8):
        (claimed,) = claim(now=now)
        settle(claimed, SILENT, now=now)
        now = see().due_at
    (claimed,) = claim(now=now)
    with transaction() as session:
        errands.hasten(session, "a", now=now)
    settle(claimed, SILENT, now=now)
    assert see().due_at - now <= 2 * FIRST_WAIT


def test_the_other_side_may_ask_for_a_longer_wait() -> None:
    ask("a")
    (claimed,) = claim()
    settle(claimed, Failed("Busy.", "too_many", not_before=NOON + 10 * MINUTE))
    assert see().due_at == NOON + 10 * MINUTE


def test_the_other_side_puts_us_off_for_an_hour_at_most() -> None:
    ask("a")
    (claimed,) = claim()
    settle(claimed, Failed("Never.", "too_many", not_before=NOON + timedelta(days=11)))
    assert see().due_at == NOON + errand_values.NOT_BEFORE_AT_MOST


def test_long_reasons_are_cut() -> None:
    ask("a")
    (claimed,) = claim()
    settle(claimed, Failed("x" * 10_000, "y" * 1000))
    waiting = see()
    assert waiting.last_reason == "x" * errand_values.REASON_LENGTH
    assert waiting.last_name == "y" * errand_values.NAME_LENGTH


@pytest.mark.parametrize(
    ("kind", "subject", "lane"),
    [
        ("", "a", None),
        ("k" * 41, "a", None),
        ("k", "a" * 301, None),
        ("k", "a", ""),
        ("k", "a", "l" * 401),
    ],
)
def test_names_have_limits(kind: str, subject: str, lane: str | None) -> None:
    with pytest.raises(ValueError, match="can be called"), transaction() as session:
        errands.ask(session, kind, subject, now=NOON, lane=lane)


def test_one_lane_runs_one_errand_at_a_time_in_order() -> None:
    for number in range(3):
        ask(f"p{number}", lane="p", due=NOON - number * MINUTE)
        ask(f"q{number}", lane="q", due=NOON + number * MINUTE)
    first = claim(now=NOON + 5 * MINUTE)
    assert subjects(first) == ["q0", "p2"]
    assert claim(now=NOON + 5 * MINUTE) == []
    settle(first[1], now=NOON + 5 * MINUTE)
    assert subjects(claim(now=NOON + 5 * MINUTE)) == ["p1"]


def test_the_database_itself_refuses_two_of_one_lane() -> None:
    ask("a", lane="p")
    ask("b", lane="p")
    both = update(ErrandRecord).values(lease_until=NOON, holder="m/1/c", claimed=1)
    with pytest.raises(IntegrityError), transaction() as session:
        session.execute(both)


def test_a_lease_that_ends_is_taken_again_before_the_rest_of_its_lane() -> None:
    ask("late", lane="p")
    (lost,) = claim()
    ask("early", lane="p", due=NOON - MINUTE)
    assert claim(now=NOON + LEASE - timedelta(microseconds=1)) == []
    (again,) = claim(now=NOON + LEASE)
    assert again.subject == "late"
    assert not settle(lost, now=NOON + LEASE), "what a late holder says is not heard"
    assert not settle(lost, SILENT, now=NOON + LEASE)
    assert see("late").running
    assert (again.attempts, see("late").last_reason) == (1, errand_values.CUT_OFF_REASON)
    assert settle(again, now=NOON + LEASE)
    assert look("late") is None


def test_a_living_holder_keeps_its_lease() -> None:
    ask("a")
    (claimed,) = claim()
    with transaction() as session:
        assert errands.renew(session, [claimed], NOON + LEASE / 2) == {claimed.id}
    assert claim(now=NOON + LEASE) == []
    with transaction() as session:
        assert errands.renew(session, [], NOON) == frozenset()


def test_a_lost_lease_is_not_renewed() -> None:
    ask("a")
    (lost,) = claim()
    claim(now=NOON + LEASE)
    with transaction() as session:
        assert errands.renew(session, [lost], NOON + LEASE) == frozenset()


def test_what_failed_can_be_left_out_and_comes_after_what_did_not() -> None:
    ask("failed")
    (claimed,) = claim()
    settle(claimed, SILENT)
    later = NOON + MINUTE
    ask("fresh", now=later)
    assert subjects(claim(1, now=later)) == ["fresh"]
    assert claim(now=later, fresh_only=True) == []
    assert subjects(claim(now=later)) == ["failed"]


def test_partners_take_turns_whatever_one_of_them_has_waiting() -> None:
    """Source: protocol, 14: one partner's flood must not slow another."""
    for number in range(40):
        ask(f"flood{number}", lane=f"kind{number} Mallory")
    ask("honest", now=NOON + MINUTE, lane="deliver Grid")
    ask("modest", now=NOON + MINUTE, lane="deliver Water")
    first = claim(3, now=NOON + MINUTE)
    assert sorted(subjects(first)) == ["flood0", "honest", "modest"]
    ask("honest again", now=NOON + MINUTE, lane="bell Grid")
    for one in first:
        settle(one, now=NOON + MINUTE)
    assert "honest again" in subjects(claim(2, now=NOON + MINUTE))


def test_what_one_partner_has_under_way_counts_in_its_turn() -> None:
    for number in range(4):
        ask(f"flood{number}", lane=f"kind{number} Mallory")
    assert len(claim(3)) == 3
    later = NOON + timedelta(seconds=1)
    ask("honest", now=later, lane="deliver Grid")
    assert subjects(claim(1, now=later)) == ["honest"], "though another was due before it"
    assert subjects(claim(1, now=later)) == ["flood3"]


def test_one_partner_holds_only_so_many_threads() -> None:
    for number in range(5):
        ask(f"flood{number}", lane=f"kind{number} Mallory")
    ask("honest", now=NOON, lane="deliver Grid")
    with transaction() as session:
        first = errands.claim(session, 10, NOON, per_party=2)
    assert sorted(subjects(first)) == ["flood0", "flood1", "honest"]
    with reading() as session:
        assert not errands.is_ready(session, NOON, per_party=2)
        assert errands.is_ready(session, NOON)
    settle(next(one for one in first if one.subject == "flood1"))
    with transaction() as session:
        assert subjects(errands.claim(session, 10, NOON, per_party=2)) == ["flood2"]


def test_a_wait_that_takes_its_time_is_ended_by_nobody() -> None:
    ask("a", lane="pull Mallory")
    (claimed,) = claim()
    settle(claimed, Failed("More than fits here.", errand_values.STAGE_FULL))
    with transaction() as session:
        assert errands.hasten(session, "a", now=NOON) == 0
        assert errands.hasten_lane(session, "pull Mallory", now=NOON) == 0
    assert see().attempts == 1
    assert see().due_at > NOON


def test_only_known_kinds_are_taken() -> None:
    ask("a")
    with transaction() as session:
        assert errands.claim(session, 1, NOON, kinds={"other"}) == []
        assert errands.is_ready(session, NOON, kinds={"deliver"})
        assert len(errands.claim(session, 1, NOON, kinds={"deliver"})) == 1


def test_no_more_are_taken_than_were_wanted() -> None:
    for number in range(20):
        ask(str(number))
    assert [len(claim(7)) for _ in range(4)] == [7, 7, 6, 0]


def test_more_than_one_statement_can_hold_are_asked_for() -> None:
    with transaction() as session:
        for number in range(2500):
            errands.ask(session, "deliver", f"{number:04d}", now=NOON)
    with reading() as session:
        assert errands.count_errands(session, NOON).waiting == 2500


def test_figures_and_lists_tell_how_things_stand() -> None:
    ask("running", lane="p")
    claim()
    ask("failing", lane="q")
    (claimed,) = claim()
    settle(claimed, SILENT)
    ask("waiting", lane="p", due=NOON - MINUTE)
    ask("coming", due=NOON + MINUTE)
    with reading() as session:
        figures = errands.count_errands(session, NOON)
        assert (figures.waiting, figures.running, figures.failing) == (3, 1, 1)
        assert figures.oldest_due_at == NOON - MINUTE
        of_lane = errands.visible_waiting(session, lane="p")
        assert [(one.subject, one.running) for one in of_lane] == [
            ("waiting", False),
            ("running", True),
        ]
        assert len(errands.visible_waiting(session)) == 4


def test_nothing_waits_at_first() -> None:
    with reading() as session:
        assert errands.count_errands(session, NOON) == errands.Figures(0, 0, 0, None)


def test_the_next_date_is_that_of_an_errand_or_of_a_lease() -> None:
    def next_due() -> datetime | None:
        with reading() as session:
            return errands.find_next_due(session)

    assert next_due() is None
    ask("a", due=NOON - MINUTE)
    ask("b", due=NOON + MINUTE)
    assert next_due() == NOON - MINUTE
    claim()
    assert next_due() == NOON + LEASE
