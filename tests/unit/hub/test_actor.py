from __future__ import annotations

import pytest

from hub.accounts.actor import ADMIN_RIGHTS, Actor, TokenScope, Via
from policies.errors import ForbiddenError
from policies.roles import PersonRole, Right, may


def actor(*scopes: TokenScope, role: PersonRole = PersonRole.ADMINISTRATOR) -> Actor:
    return Actor("id", "ada", frozenset({role}), Via.TOKEN, frozenset(scopes))


@pytest.mark.parametrize("right", Right)
@pytest.mark.parametrize("role", PersonRole)
def test_a_token_never_allows_more_than_the_role(role: PersonRole, right: Right) -> None:
    for scope in TokenScope:
        if actor(scope, role=role).may(right):
            assert may({role}, right)


def test_administration_takes_the_scope_admin() -> None:
    for right in ADMIN_RIGHTS & {Right.MANAGE_ACCOUNTS, Right.MANAGE_KEYS}:
        assert actor(TokenScope.ADMIN).may(right)
        refused = actor(TokenScope.READ, TokenScope.WRITE).may(right)
        assert not refused
        assert "admin" in refused.reason


def test_a_token_for_reading_changes_nothing() -> None:
    assert actor(TokenScope.READ).may_read()
    with pytest.raises(ForbiddenError, match="only read"):
        actor(TokenScope.READ).may_write().enforce()
    with pytest.raises(ForbiddenError, match="may not read"):
        actor().may_read().enforce()
    assert actor(TokenScope.WRITE).may_write()


def test_the_console_administers() -> None:
    console = Actor.at_the_console("root at the console")
    assert console.via is Via.COMMAND
    assert console.may(Right.MANAGE_ACCOUNTS)
    assert console.may_write()
