"""Source: domain, 1; lifecycles, 3 (roles in a case)."""

from __future__ import annotations

from typing import Any

import pytest

from policies.acts import ACTS
from policies.decision import Decision
from policies.errors import CoordinationError, ForbiddenError, InvalidError, TooManyError
from policies.roles import PersonRole, Right, Role, may, read_roles, takes_part


@pytest.mark.parametrize(
    ("value", "roles"),
    [
        ("observer", {Role.OBSERVER}),
        (["coordinator", "affected"], {Role.COORDINATOR, Role.AFFECTED}),
        (["deputy", "affected", "supplier", "responder", "advisor", "coordinator"], None),
    ],
)
def test_an_organisation_holds_one_role_or_several_of_the_first_six(
    value: Any, roles: set[Role] | None
) -> None:
    assert read_roles(value) == (roles or {Role(name) for name in value})


@pytest.mark.parametrize("alone", ["observer", "authority", "member"])
def test_some_roles_go_with_no_other(alone: str) -> None:
    with pytest.raises(InvalidError, match=f"{alone} goes with no other role"):
        read_roles([alone, "responder"])


@pytest.mark.parametrize("value", ["king", [], [7], None, {"role": "observer"}])
def test_what_is_no_role_is_refused(value: Any) -> None:
    with pytest.raises(InvalidError) as refusal:
        read_roles(value, field="body.members[2].role")
    assert refusal.value.field == "body.members[2].role"
    assert "coordinator" in str(refusal.value.hint)


def test_observers_and_authorities_take_no_part_in_votes_and_tasks() -> None:
    assert not takes_part([])
    assert {role for role in Role if not takes_part([role])} == {Role.OBSERVER, Role.AUTHORITY}


@pytest.mark.parametrize("right", list(Right))
def test_each_right_belongs_to_somebody_and_not_to_everybody(right: Right) -> None:
    holders = {role for role in PersonRole if may([role], right)}
    assert holders
    if right not in {Right.HOLD_TOKENS, Right.READ_CHANNELS}:
        assert holders != set(PersonRole)


def test_a_refusal_names_the_role_that_it_takes() -> None:
    decision = may([PersonRole.LIAISON, PersonRole.AUDITOR], Right.OPEN_CHANNELS)
    assert decision.reason == (
        "to open channels takes the role coordinator; this account has auditor, liaison"
    )
    assert "no role" in may([], Right.READ_CHANNELS).reason


def test_an_auditor_changes_nothing() -> None:
    auditor = {right for right in Right if may([PersonRole.AUDITOR], right)}
    assert auditor == {
        Right.READ_CHANNELS,
        Right.READ_PARTNERS,
        Right.READ_AUDIT,
        Right.VERIFY_LEDGERS,
        Right.HOLD_TOKENS,
    }
    assert not auditor & {line.right for line in ACTS.values()}


def test_an_administrator_writes_nothing_but_the_nodes_own_description() -> None:
    administrator = {right for right in Right if may([PersonRole.ADMINISTRATOR], right)}
    assert administrator & {line.right for line in ACTS.values()} == {Right.MANAGE_KEYS}


def test_several_roles_give_the_rights_of_each() -> None:
    both = [PersonRole.ADMINISTRATOR, PersonRole.HANDLER]
    assert may(both, Right.MANAGE_KEYS)
    assert may(both, Right.CONTRIBUTE)


def test_a_decision_is_true_where_it_allows_and_enforces_where_it_does_not() -> None:
    assert Decision.yes()
    Decision.yes().enforce()
    with pytest.raises(ForbiddenError, match="not today"):
        Decision.no("not today").enforce()


def test_a_refusal_keeps_its_field_hint_and_when_to_ask_again() -> None:
    error = TooManyError("too many", field="body", hint="wait", retry_after_seconds=7)
    assert isinstance(error, CoordinationError)
    assert (error.message, error.field, error.hint) == ("too many", "body", "wait")
    assert error.retry_after_seconds == 7
