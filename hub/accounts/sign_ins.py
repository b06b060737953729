"""Sessions of people: begun by a password, found by a hash, ended by time or by hand."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from hub.accounts import passwords, throttle
from hub.accounts.actor import Actor, Via
from hub.accounts.records import SignIn, ThrottleKind, User
from hub.audit import service as audit
from hub.audit.records import Outcome
from policies.errors import NotFoundError, UnverifiedError
from policies.roles import Right

# A row is kept for a while after its end: it tells an address that was good before.
REMEMBERED: Final = timedelta(days=30)
TOUCH_EVERY: Final = timedelta(minutes=1)
WRONG: Final = "name or password is wrong"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that is counted and not yet decided.

    Between `begin` and `finish` the password is checked, with no transaction open: that takes a
    tenth of a second.
    """

    name: str
    address: str | None
    user_id: str | None
    kept: str | None

    def proves(self, password: str) -> bool:
        """Tell whether the password is right, as slowly for nobody as for somebody."""
        return passwords.verify_password(password, self.kept) and self.user_id is not None


def begin(session: Session, name: str, *, address: str | None, now: datetime) -> Attempt:
    """Count a sign-in, as failed for now.

    Raises:
        TooManyError: too many have failed for this name or from this address.
    """
    key = key_of_name(name)
    user = session.scalars(select(User).where(User.name_key == key)).one_or_none()
    if address is not None:
        throttle.check(session, ThrottleKind.ADDRESS, address, now=now)
    # Whoever signed in from here before is not shut out by a stranger's guesses elsewhere.
    if user is None or address is None or not _knows(session, user.id, address, now=now):
        throttle.check(session, ThrottleKind.ACCOUNT, key, now=now)
    throttle.count(session, ThrottleKind.ACCOUNT, key, now=now)
    if address is not None:
        throttle.count(session, ThrottleKind.ADDRESS, address, now=now)
    if user is None or not user.active:
        return Attempt(name, address, None, None)
    return Attempt(name, address, user.id, user.password_hash)


def refuse(session: Session, attempt: Attempt, *, now: datetime) -> None:
    """Write down that a sign-in failed; its name only where there is such an account."""
    who = audit.Unknown("", Via.SESSION, attempt.address)
    audit.record(
        session,
        who,
        "sign_in.begun",
        attempt.user_id,
        outcome=Outcome.REFUSED,
        reason=WRONG,
        now=now,
    )


def finish(
    session: Session,
    attempt: Attempt,
    password: str,
    *,
    life: timedelta,
    agent: str | None,
    now: datetime,
) -> tuple[SignIn, str]:
    """Begin a session for a proven attempt, always under a new secret.

    Args:
        password: the proven one, kept anew if the cost of hashing has been raised since.

    Returns:
        The session, and the secret that the browser keeps; only its hash is kept here.

    Raises:
        UnverifiedError: the account was disabled or its password changed meanwhile.
    """
    user = session.get(User, attempt.user_id, populate_existing=True) if attempt.user_id else None
    if user is None or not user.active or user.password_hash != attempt.kept:
        raise UnverifiedError(WRONG)
    if user.password_hash is not None and passwords.needs_new_hash(user.password_hash):
        user.password_hash = passwords.hash_password(password)
    throttle.forgive(session, ThrottleKind.ACCOUNT, user.name_key)
    if attempt.address is not None:
        throttle.forgive(session, ThrottleKind.ADDRESS, attempt.address)
    secret = secrets.token_urlsafe(32)
    sign_in = SignIn(
        id=str(uuid.uuid4()),
        secret_hash=hash_of(secret),
        user=user,
        created_at=now,
        last_seen_at=now,
        expires_at=now + life,
        address=attempt.address,
        agent=None if agent is None else agent[:200],
    )
    user.last_sign_in_at = now
    session.add(sign_in)
    session.flush()
    audit.record(session, actor_of(sign_in), "sign_in.begun", sign_in.id, now=now)
    return sign_in, secret


def find(session: Session, secret: str, *, idle: timedelta, now: datetime) -> SignIn | None:
    """Find the session of a secret, if it is still good."""
    query = select(SignIn).where(SignIn.secret_hash == hash_of(secret))
    sign_in = session.scalars(query).one_or_none()
    if sign_in is None or sign_in.ended_at is not None or not sign_in.user.active:
        return None
    if sign_in.expires_at <= now or sign_in.last_seen_at + idle <= now:
        return None
    return sign_in


def needs_touch(sign_in: SignIn, *, now: datetime) -> bool:
    """Tell whether it is time to note that the session is in use."""
    return sign_in.last_seen_at + TOUCH_EVERY <= now


def touch(session: Session, sign_in_id: str, *, now: datetime) -> None:
    """Note that a session is in use; never backwards."""
    session.execute(
        update(SignIn)
        .where(SignIn.id == sign_in_id, SignIn.last_seen_at < now)
        .values(last_seen_at=now)
    )


def visible_sign_ins(session: Session, actor: Actor, *, now: datetime) -> Sequence[SignIn]:
    """Give the actor's own sessions that have not ended or run out, newest first."""
    query = (
        select(SignIn)
        .where(SignIn.user_id == actor.user_id, SignIn.ended_at.is_(None), SignIn.expires_at > now)
        .order_by(SignIn.last_seen_at.desc(), SignIn.id)
        .limit(100)
    )
    return session.scalars(query).all()


def end(session: Session, actor: Actor, sign_in_id: str, *, now: datetime) -> None:
    """End one of the actor's own sessions; ending it twice is harmless.

    Raises:
        NotFoundError: the actor has no such session.
    """
    sign_in = session.get(SignIn, sign_in_id)
    if sign_in is None or sign_in.user_id != actor.user_id:
        raise NotFoundError("you have no such session")
    if sign_in.ended_at is None:
        sign_in.ended_at = now
        session.flush()
        audit.record(session, actor, "sign_in.ended", sign_in.id, now=now)


def end_secret(session: Session, secret: str, *, now: datetime) -> None:
    """End the session of a secret, whoever holds it; without one, nothing happens."""
    query = select(SignIn).where(SignIn.secret_hash == hash_of(secret))
    sign_in = session.scalars(query).one_or_none()
    if sign_in is not None and sign_in.ended_at is None:
        sign_in.ended_at = now
        session.flush()
        audit.record(session, actor_of(sign_in), "sign_in.ended", sign_in.id, now=now)


def end_everywhere(session: Session, actor: Actor, user_id: str, *, now: datetime) -> int:
    """Sign somebody out everywhere: oneself, or anybody if one administers people.

    Returns:
        How many sessions that ended.

    Raises:
        ForbiddenError: it is somebody else, and the actor does not administer people.
    """
    if user_id != actor.user_id:
        actor.may(Right.MANAGE_ACCOUNTS).enforce()
    count = end_all(session, user_id, now=now)
    audit.record(session, actor, "sign_in.ended_everywhere", user_id, now=now)
    return count


def end_all(session: Session, user_id: str, *, now: datetime, but: str | None = None) -> int:
    """End all sessions of an account, `but` one; for services that ask no further."""
    statement = (
        update(SignIn)
        .where(SignIn.user_id == user_id, SignIn.ended_at.is_(None), SignIn.expires_at > now)
        .values(ended_at=now)
        .returning(SignIn.id)
    )
    if but is not None:
        statement = statement.where(SignIn.id != but)
    return len(session.scalars(statement).all())


def tidy(session: Session, *, now: datetime) -> None:
    """Drop sessions that ran out long ago, and counts of failures that nobody asks about."""
    session.execute(delete(SignIn).where(SignIn.expires_at < now - REMEMBERED))
    throttle.tidy(session, now=now)


def actor_of(sign_in: SignIn, *, address: str | None = None) -> Actor:
    """Give who acts in a session."""
    return Actor(
        user_id=sign_in.user.id,
        name=sign_in.user.name,
        roles=sign_in.user.roles,
        via=Via.SESSION,
        address=address or sign_in.address,
        sign_in_id=sign_in.id,
        must_change_password=sign_in.user.must_change_password,
    )


def hash_of(secret: str) -> str:
    """Give the form in which secrets of 256 random bits are kept; no salt or cost is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def key_of_name(name: str) -> str:
    """Give the form by which names are compared: two people never differ by case or form alone."""
    text = unicodedata.normalize("NFKC", name.strip()).casefold()
    # What no database takes becomes a name that nobody has.
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def _knows(session: Session, user_id: str, address: str, *, now: datetime) -> bool:
    query = (
        select(SignIn.id)
        .where(
            SignIn.user_id == user_id,
            SignIn.address == address,
            SignIn.created_at > now - REMEMBERED,
        )
        .limit(1)
    )
    return session.scalars(query).first() is not None
