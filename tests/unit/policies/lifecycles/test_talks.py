"""Source: lifecycles, 2."""

from __future__ import annotations

import pytest

from policies.acts import Act, ChannelKind
from policies.roles import Role
from tests.unit.policies.bodies import GOOD
from tests.unit.policies.worlds import CERT, GRID, STRANGER, VENDOR, World, object_of, relay

NOTE = object_of(CERT)
REPORT = "incident--6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c0003"
LATER = "2026-11-21T10:00:00.000Z"


@pytest.fixture
def world() -> World:
    return World.opened()


@pytest.fixture
def direct() -> World:
    return World.opened(ChannelKind.DIRECT, (GRID,))


def asked(world: World, *whom: str, by: str = CERT) -> None:
    world.must(
        by,
        Act.REQUEST_OPENED,
        request=NOTE,
        addressees=list(whom),
        needed_by=LATER,
        answers_to="all",
    )


def state(world: World, thing: str, stix_id: str, who: str) -> str | None:
    return world.states.get((thing, f"{stix_id} {who}"))


def test_a_reporters_ledger_tells_its_side_of_a_report(direct: World) -> None:
    direct.must(CERT, Act.REPORT_SUBMITTED, **GOOD[Act.REPORT_SUBMITTED])
    direct.must(CERT, Act.REPORT_UPDATED, report=REPORT)
    assert "not open" in direct.refusal(CERT, Act.REPORT_SUBMITTED, **GOOD[Act.REPORT_SUBMITTED])
    direct.must(CERT, Act.REPORT_WITHDRAWN, report=REPORT)
    assert "not open" in direct.refusal(CERT, Act.REPORT_UPDATED, report=REPORT)


def test_the_other_sides_ledger_tells_how_far_the_answer_is(direct: World) -> None:
    direct.must(CERT, Act.REPORT_ACKNOWLEDGED, report=REPORT, reference="CERT-1")
    assert "not open" in direct.refusal(CERT, Act.REPORT_LINKED, report=REPORT)
    direct.must(CERT, Act.REPORT_TRIAGED, report=REPORT, **{"as": "not-yet"})
    direct.must(CERT, Act.REPORT_TRIAGED, report=REPORT, **{"as": "incident"})
    direct.must(CERT, Act.REPORT_LINKED, report=REPORT)
    direct.must(CERT, Act.REPORT_CLOSED, report=REPORT, outcome="handled-in-case")
    direct.must(CERT, Act.REPORT_REOPENED, report=REPORT)
    assert direct.states["report", REPORT] == "acknowledged"


def test_a_report_goes_through_the_direct_channel(world: World) -> None:
    assert "does not belong" in world.refusal(
        GRID, Act.REPORT_SUBMITTED, **GOOD[Act.REPORT_SUBMITTED]
    )


def test_each_that_is_asked_answers_for_itself(world: World) -> None:
    asked(world, GRID, VENDOR)
    world.must(GRID, Act.REQUEST_ANSWERED, request=NOTE, result="searched-nothing-found")
    assert state(world, "request", NOTE, GRID) == "answered"
    assert state(world, "request", NOTE, VENDOR) == "open"
    world.must(VENDOR, Act.REQUEST_DECLINED, request=NOTE, reason="legal-limit")
    assert "not open" in world.refusal(GRID, Act.REQUEST_ANSWERED, request=NOTE, result="found")


def test_only_who_asked_closes_what_was_asked(world: World) -> None:
    asked(world, CERT, VENDOR, by=GRID)
    assert "who alone closes it" in world.refusal(
        CERT, Act.REQUEST_CLOSED, request=NOTE, addressees=[VENDOR]
    )
    world.must(GRID, Act.REQUEST_CLOSED, request=NOTE, addressees=[CERT, VENDOR])
    assert state(world, "request", NOTE, CERT) == "closed"


@pytest.mark.parametrize("whom", [CERT, STRANGER])
def test_one_asks_other_members_and_nobody_else(world: World, whom: str) -> None:
    reason = world.refusal(
        CERT,
        Act.REQUEST_OPENED,
        request=NOTE,
        addressees=[GRID, whom],
        needed_by=LATER,
        answers_to="all",
    )
    assert "nobody asks itself" in reason or "has not joined" in reason
    assert state(world, "request", NOTE, GRID) is None


def test_an_observer_answers_what_it_is_asked(world: World) -> None:
    world.members[GRID] = frozenset({Role.OBSERVER})
    asked(world, GRID)
    world.must(GRID, Act.REQUEST_ANSWERED, request=NOTE, result="found")


def test_who_was_not_asked_has_nothing_to_answer(world: World) -> None:
    asked(world, GRID)
    assert "not open" in world.refusal(VENDOR, Act.REQUEST_ANSWERED, request=NOTE, result="found")


def test_a_warning_is_acknowledged_updated_and_ended(world: World) -> None:
    both = [GRID, VENDOR]
    world.must(CERT, Act.WARNING_ISSUED, call=NOTE, addressees=both, reply_by=LATER)
    world.must(GRID, Act.WARNING_ACKNOWLEDGED, call=NOTE, way="node", affected="looking")
    world.must(GRID, Act.WARNING_ACKNOWLEDGED, call=NOTE, way="node", affected="yes")
    world.must(CERT, Act.WARNING_UPDATED, call=NOTE, addressees=both)
    assert state(world, "call", NOTE, GRID) == "acknowledged"
    world.must(CERT, Act.WARNING_UPDATED, call=NOTE, addressees=both, asks="again")
    assert state(world, "call", NOTE, GRID) == "called"
    told = relay(VENDOR)
    world.must(CERT, Act.WARNING_ACKNOWLEDGED, call=NOTE, way="telephone", on_behalf_of=told)
    assert state(world, "call", NOTE, VENDOR) == "acknowledged"
    world.must(CERT, Act.WARNING_ENDED, call=NOTE, addressees=both)
    assert "not open" in world.refusal(GRID, Act.WARNING_ACKNOWLEDGED, call=NOTE, way="node")


def test_only_a_coordinator_warns(world: World) -> None:
    reason = world.refusal(GRID, Act.WARNING_ISSUED, call=NOTE, addressees=[VENDOR], reply_by=LATER)
    assert "is for the owner of the epoch" in reason
