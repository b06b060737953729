"""Who may do what: roles of persons on their node, roles of organisations in a channel.

A person's right is the role on the own node *and* the organisation's role in the channel: the
first is answered here, the second by the life-cycle tables.

Source: lifecycles, 3 (roles in a case); domain, 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

from policies.decision import Decision
from policies.errors import InvalidError


class Role(StrEnum):
    """What an organisation is in a channel."""

    COORDINATOR = "coordinator"
    DEPUTY = "deputy"
    AFFECTED = "affected"
    SUPPLIER = "supplier"
    RESPONDER = "responder"
    ADVISOR = "advisor"
    AUTHORITY = "authority"
    OBSERVER = "observer"
    MEMBER = "member"
    """Of a community or a direct channel, without another office."""


HELD_ALONE: Final = frozenset({Role.AUTHORITY, Role.OBSERVER, Role.MEMBER})
"""Roles that do not go with any other."""

WITHOUT_VOTE: Final = frozenset({Role.AUTHORITY, Role.OBSERVER})
"""Roles that take no task and cast no vote: every other joined organisation is an *M*."""


def read_roles(value: Any, *, field: str = "body.role") -> frozenset[Role]:
    """Read one role or a list of roles.

    Raises:
        InvalidError: no such role, none at all, or roles that do not go together.
    """
    names = value if isinstance(value, list) else [value]
    known = {role.value: role for role in Role}
    unknown = [name for name in names if not isinstance(name, str) or name not in known]
    if unknown or not names:
        choices = ", ".join(known)
        message = f"“{str(unknown[0])[:40]}” is no role" if unknown else "a role is missing"
        raise InvalidError(message, field=field, hint=f"one or more of {choices}")
    roles = frozenset(known[name] for name in names)
    alone = roles & HELD_ALONE
    if alone and len(roles) > 1:
        name = min(alone)
        raise InvalidError(f"{name} goes with no other role", field=field)
    return roles


def takes_part(roles: Iterable[Role]) -> bool:
    """Tell whether these are the roles of an *M*: a member that is not observer or authority."""
    return bool(roles := frozenset(roles)) and not roles & WITHOUT_VOTE


class PersonRole(StrEnum):
    """What a person is on the own node."""

    ADMINISTRATOR = "administrator"
    COORDINATOR = "coordinator"
    HANDLER = "handler"
    LIAISON = "liaison"
    AUDITOR = "auditor"


class Right(StrEnum):
    """What a person may do on the own node."""

    MANAGE_ACCOUNTS = "manage accounts"
    MANAGE_KEYS = "manage keys"
    MANAGE_PARTNERS = "manage partners"
    MANAGE_CONNECTORS = "manage connectors"
    MAKE_BACKUPS = "make and restore backups"
    SETTLE_FREEZES = "settle a frozen channel"
    CONFIRM_DELETIONS = "confirm deletions"
    OPEN_CHANNELS = "open channels"
    MANAGE_MEMBERS = "invite and manage members"
    HAND_OVER = "hand over, take over and endorse coordination"
    ANSWER_INVITATIONS = "join, decline and leave"
    CONTRIBUTE = "contribute to channels"
    RUN_CASES = "run cases, warn and decide for the coordinator"
    VOTE = "vote for the organisation"
    RECALL = "recall and release objects"
    READ_CHANNELS = "read channels"
    READ_PARTNERS = "read partners and deliveries"
    READ_AUDIT = "read the audit log"
    VERIFY_LEDGERS = "verify and export ledgers"
    TAKE_IN_FILES = "take in files"
    HOLD_TOKENS = "hold personal tokens"


_HANDLER: Final = frozenset(
    {
        Right.CONTRIBUTE,
        Right.VOTE,
        Right.RECALL,
        Right.READ_CHANNELS,
        Right.READ_PARTNERS,
        Right.VERIFY_LEDGERS,
        Right.HOLD_TOKENS,
    }
)

RIGHTS: Final[Mapping[PersonRole, frozenset[Right]]] = {
    PersonRole.ADMINISTRATOR: frozenset(
        {
            Right.MANAGE_ACCOUNTS,
            Right.MANAGE_KEYS,
            Right.MANAGE_PARTNERS,
            Right.MANAGE_CONNECTORS,
            Right.MAKE_BACKUPS,
            Right.SETTLE_FREEZES,
            Right.CONFIRM_DELETIONS,
            Right.TAKE_IN_FILES,
            Right.READ_CHANNELS,
            Right.READ_PARTNERS,
            Right.READ_AUDIT,
            Right.VERIFY_LEDGERS,
            Right.HOLD_TOKENS,
        }
    ),
    PersonRole.COORDINATOR: _HANDLER
    | {
        Right.OPEN_CHANNELS,
        Right.MANAGE_MEMBERS,
        Right.RUN_CASES,
        Right.HAND_OVER,
        Right.ANSWER_INVITATIONS,
        Right.TAKE_IN_FILES,
    },
    PersonRole.HANDLER: _HANDLER | {Right.ANSWER_INVITATIONS},
    PersonRole.LIAISON: frozenset({Right.READ_CHANNELS, Right.HOLD_TOKENS}),
    PersonRole.AUDITOR: frozenset(
        {
            Right.READ_CHANNELS,
            Right.READ_PARTNERS,
            Right.READ_AUDIT,
            Right.VERIFY_LEDGERS,
            Right.HOLD_TOKENS,
        }
    ),
}


def may(person_roles: Iterable[PersonRole], right: Right) -> Decision:
    """Decide whether a person with these roles on the own node has the right.

    Source: domain, 1 (who takes part).
    """
    held = frozenset(person_roles)
    granting = sorted(role.value for role in held if right in RIGHTS[role])
    if granting:
        return Decision.yes(f"{granting[0]} may {right}")
    needed = " or ".join(role.value for role in PersonRole if right in RIGHTS[role])
    have = ", ".join(sorted(role.value for role in held)) or "no role"
    return Decision.no(f"to {right} takes the role {needed}; this account has {have}")
