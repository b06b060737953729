"""Accounts of people: make, find, change, disable."""

from __future__ import annotations

import re
import secrets
import unicodedata
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.accounts import passwords, sign_ins
from hub.accounts.actor import Actor
from hub.accounts.records import User, UserRole
from hub.accounts.sign_ins import key_of_name
from hub.audit import service as audit
from policies.decision import Decision
from policies.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from policies.roles import PersonRole, Right

# Letters and digits of any script, and what stands in mail addresses; no blanks, no controls.
NAME_LENGTH: Final = 100
_NAME: Final = re.compile(r"\w[\w.@+\-]*")


def create_user(
    session: Session,
    actor: Actor,
    name: str,
    *,
    roles: Iterable[PersonRole],
    password: str | None,
    now: datetime,
) -> tuple[User, str | None]:
    """Make an account.

    Args:
        password: `None` makes one up, which the person has to change at the first sign-in.

    Returns:
        The account, and the password that was made up, to be shown once.

    Raises:
        ForbiddenError: the actor does not administer people.
        InvalidError: the name or the password is not acceptable, or there is no role.
        ConflictError: somebody has that name.
    """
    actor.may(Right.MANAGE_ACCOUNTS).enforce()
    name = unicodedata.normalize("NFC", name.strip())
    if not _NAME.fullmatch(name) or len(name) > NAME_LENGTH:
        raise InvalidError(
            f"a name has up to {NAME_LENGTH} letters, digits and . _ @ + -, and begins with"
            " a letter or digit",
            field="name",
        )
    wanted = _some_roles(roles)
    if find_user(session, name) is not None:
        raise ConflictError(f"somebody is called “{name}” already", field="name")
    made_up = None
    if password is None:
        password = made_up = secrets.token_urlsafe(15)
    passwords.check_password(password, name=name)
    user = User(
        id=str(uuid.uuid4()),
        name=name,
        name_key=key_of_name(name),
        password_hash=passwords.hash_password(password),
        must_change_password=made_up is not None,
        password_changed_at=now,
        created_at=now,
        changed_at=now,
        role_rows=[UserRole(role=role) for role in sorted(wanted)],
    )
    session.add(user)
    session.flush()
    audit.record(session, actor, "user.created", user.id, now=now)
    return user, made_up


def find_user(session: Session, name: str) -> User | None:
    """Find an account by its name, however it is written."""
    return session.scalars(select(User).where(User.name_key == key_of_name(name))).one_or_none()


def get_user(session: Session, user_id: str) -> User:
    """Give an account by its id.

    Raises:
        NotFoundError: there is none.
    """
    user = session.get(User, user_id)
    if user is None:
        raise NotFoundError("there is no such account")
    return user


def get_user_by_name(session: Session, name: str) -> User:
    """Give an account by its name.

    Raises:
        NotFoundError: there is none.
    """
    user = find_user(session, name)
    if user is None:
        raise NotFoundError(f"nobody here is called “{name[:NAME_LENGTH]}”")
    return user


def may_see_users(actor: Actor) -> Decision:
    """Decide whether this actor may see who has an account: to manage them, or to audit."""
    return actor.may(Right.READ_AUDIT) or actor.may(Right.MANAGE_ACCOUNTS)


def get_visible_user(session: Session, actor: Actor, user_id: str) -> User:
    """Give an account that this actor may look at: all of them, or one's own.

    Raises:
        NotFoundError: there is none, or the actor may not know of it.
    """
    if actor.user_id != user_id and not may_see_users(actor):
        raise NotFoundError("there is no such account")
    return get_user(session, user_id)


def visible_users(
    session: Session, actor: Actor, *, after: str | None = None, limit: int = 50
) -> Sequence[User]:
    """Give a page of accounts by name.

    Args:
        after: the `name_key` of the last one of the page before.

    Raises:
        ForbiddenError: the actor may not see who has an account.
    """
    may_see_users(actor).enforce()
    query = select(User).order_by(User.name_key).limit(limit)
    if after is not None:
        query = query.where(User.name_key > after)
    return session.scalars(query).all()


def set_roles(
    session: Session, actor: Actor, user_id: str, roles: Iterable[PersonRole], *, now: datetime
) -> User:
    """Give somebody exactly these roles.

    Raises:
        ForbiddenError: the actor does not administer people.
        NotFoundError: there is no such account.
        InvalidError: no role at all.
        ConflictError: nobody would be left to administer this node.
    """
    actor.may(Right.MANAGE_ACCOUNTS).enforce()
    user = get_user(session, user_id)
    wanted = _some_roles(roles)
    if wanted == user.roles:
        return user
    if PersonRole.ADMINISTRATOR not in wanted:
        _keep_an_administrator(session, user)
    user.role_rows = [
        *(row for row in user.role_rows if row.role in wanted),
        *(UserRole(role=role) for role in sorted(wanted - user.roles)),
    ]
    user.changed_at = now
    session.flush()
    names = ", ".join(sorted(wanted))
    audit.record(session, actor, "user.roles_set", user.id, reason=names, now=now)
    return user


def disable_user(session: Session, actor: Actor, user_id: str, *, now: datetime) -> User:
    """Shut somebody out at once: no sign-in, no session, no token; undone by `enable_user`.

    Raises:
        ForbiddenError: the actor does not administer people.
        NotFoundError: there is no such account.
        ConflictError: it is the actor's own account, or that of the last administrator.
    """
    actor.may(Right.MANAGE_ACCOUNTS).enforce()
    user = get_user(session, user_id)
    if not user.active:
        return user
    if user.id == actor.user_id:
        raise ConflictError("nobody disables their own account", hint="Ask a colleague to do it.")
    _keep_an_administrator(session, user)
    user.disabled_at = user.changed_at = now
    sign_ins.end_all(session, user.id, now=now)
    session.flush()
    audit.record(session, actor, "user.disabled", user.id, now=now)
    return user


def enable_user(session: Session, actor: Actor, user_id: str, *, now: datetime) -> User:
    """Let somebody in again who was disabled.

    Raises:
        ForbiddenError: the actor does not administer people.
        NotFoundError: there is no such account.
    """
    actor.may(Right.MANAGE_ACCOUNTS).enforce()
    user = get_user(session, user_id)
    if not user.active:
        user.disabled_at = None
        user.changed_at = now
        session.flush()
        audit.record(session, actor, "user.enabled", user.id, now=now)
    return user


def set_password(
    session: Session, actor: Actor, user_id: str, password: str | None, *, now: datetime
) -> str | None:
    """Give somebody else a new password, to be changed at the next sign-in; end their sessions.

    Args:
        password: `None` makes one up.

    Returns:
        The password that was made up, to be shown once.

    Raises:
        ForbiddenError: the actor does not administer people.
        NotFoundError: there is no such account.
        InvalidError: the password is not acceptable.
    """
    actor.may(Right.MANAGE_ACCOUNTS).enforce()
    user = get_user(session, user_id)
    made_up = secrets.token_urlsafe(15) if password is None else None
    _keep_password(user, password or made_up or "", now=now)
    user.must_change_password = user.id != actor.user_id
    sign_ins.end_all(session, user.id, now=now)
    session.flush()
    audit.record(session, actor, "user.password_set", user.id, now=now)
    return made_up


def change_own_password(
    session: Session, actor: Actor, *, present: str, new: str, now: datetime
) -> User:
    """Change one's own password, knowing the present one; end all other sessions.

    The session in use ends as well if the caller does not name it in `actor.sign_in_id`.

    Raises:
        ForbiddenError: the present password is wrong, or there is no account behind this actor.
        InvalidError: the new password is not acceptable.
    """
    user = session.get(User, actor.user_id)
    if user is None or not user.active:
        raise ForbiddenError("there is no account whose password could be changed")
    if not passwords.verify_password(present, user.password_hash):
        raise ForbiddenError("the present password is wrong", field="present")
    if passwords.normalised(present) == passwords.normalised(new):
        raise InvalidError("the new password is the old one", field="password")
    _keep_password(user, new, now=now)
    user.must_change_password = False
    sign_ins.end_all(session, user.id, now=now, but=actor.sign_in_id)
    session.flush()
    audit.record(session, actor, "user.password_changed", user.id, now=now)
    return user


def _keep_password(user: User, password: str, *, now: datetime) -> None:
    passwords.check_password(password, name=user.name)
    user.password_hash = passwords.hash_password(password)
    user.password_changed_at = user.changed_at = now


def _some_roles(roles: Iterable[PersonRole]) -> frozenset[PersonRole]:
    wanted = frozenset(roles)
    if not wanted:
        raise InvalidError("a person has at least one role", field="roles")
    return wanted


def _keep_an_administrator(session: Session, leaving: User) -> None:
    if PersonRole.ADMINISTRATOR not in leaving.roles:
        return
    # Locked in one order, so that two administrators can't remove each other at once.
    query = (
        select(User)
        .join(UserRole)
        .where(UserRole.role == PersonRole.ADMINISTRATOR, User.disabled_at.is_(None))
        .order_by(User.id)
        .with_for_update(of=User)
    )
    if all(user.id == leaving.id for user in session.scalars(query)):
        raise ConflictError(
            "this is the last administrator", hint="Make somebody else administrator first."
        )
