"""Who acts: a value that services and rules ask, whatever way the person came in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from policies.decision import Decision
from policies.roles import PersonRole, Right, may


class Via(StrEnum):
    """The way in."""

    SESSION = "session"
    TOKEN = "token"  # noqa: S105 - a word, no secret
    COMMAND = "command"


class TokenScope(StrEnum):
    """What a personal token is good for, at most; its owner's roles bound it as well."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


ALL_SCOPES: Final = frozenset(TokenScope)
CONSOLE_ID: Final = "console"
# What a token allows only with the scope `admin`, whoever holds it.
ADMIN_RIGHTS: Final = frozenset(
    {
        Right.MANAGE_ACCOUNTS,
        Right.MANAGE_KEYS,
        Right.MANAGE_PARTNERS,
        Right.MANAGE_CONNECTORS,
        Right.MAKE_BACKUPS,
        Right.SETTLE_FREEZES,
        Right.CONFIRM_DELETIONS,
    }
)


@dataclass(frozen=True, slots=True)
class Actor:
    """A person who is known, with the roles that count right now.

    Args:
        user_id: the account; `console` for whoever runs a command on the node itself.
        scopes: what the way in allows; a session and a command allow everything.
        address: where the request came from, for the audit trail.
        sign_in_id: the session in use, so that pages can tell it from the others.
    """

    user_id: str
    name: str
    roles: frozenset[PersonRole]
    via: Via
    scopes: frozenset[TokenScope] = ALL_SCOPES
    address: str | None = None
    sign_in_id: str | None = None
    must_change_password: bool = False

    @classmethod
    def at_the_console(cls, login: str) -> Actor:
        """Give the actor of a command: whoever may read the node's keys can do all that it can."""
        roles = frozenset({PersonRole.ADMINISTRATOR, PersonRole.COORDINATOR})
        return cls(CONSOLE_ID, login, roles, Via.COMMAND)

    def may(self, right: Right) -> Decision:
        """Tell whether this person's roles and way in allow something."""
        if right in ADMIN_RIGHTS and TokenScope.ADMIN not in self.scopes:
            return Decision.no("this token lacks the scope “admin”")
        return may(self.roles, right)

    def may_write(self) -> Decision:
        """Tell whether the way in allows changes at all."""
        if self.scopes & {TokenScope.WRITE, TokenScope.ADMIN}:
            return Decision.yes()
        return Decision.no("this token may only read")

    def may_read(self) -> Decision:
        """Tell whether the way in allows reading."""
        if self.scopes & {TokenScope.READ, TokenScope.WRITE, TokenScope.ADMIN}:
            return Decision.yes()
        return Decision.no("this token may not read")
