"""Personal tokens: for a person's scripts and tools, never more than the person may."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hub.accounts.actor import Actor, TokenScope, Via
from hub.accounts.records import ApiToken
from hub.accounts.sign_ins import hash_of
from hub.audit import service as audit
from policies.errors import ConflictError, InvalidError, NotFoundError, UnverifiedError
from policies.roles import Right

BEGINNING: Final = "tocsin_"
DEFAULT_LIFE: Final = timedelta(days=90)
LONGEST_LIFE: Final = timedelta(days=366)
MAX_TOKENS: Final = 50
MAX_NETWORKS: Final = 20
NAME_LENGTH: Final = 100
TOUCH_EVERY: Final = timedelta(minutes=1)
WRONG: Final = "this token is unknown, has run out or was revoked"


def create_token(
    session: Session,
    actor: Actor,
    name: str,
    *,
    scopes: Iterable[TokenScope],
    networks: Iterable[str] = (),
    expires_at: datetime | None = None,
    now: datetime,
    user_id: str | None = None,
) -> tuple[ApiToken, str]:
    """Make a token for the actor.

    Args:
        networks: addresses or CIDR networks that it may be used from; none: from anywhere.
        expires_at: 90 days from now if not given, a year at most.
        user_id: for whom, if it isn't the actor: only a command on the node may.

    Returns:
        The token, and its secret, to be shown once.

    Raises:
        ForbiddenError: the actor holds no tokens, or a token asks for more than it has itself.
        InvalidError: name, scopes, networks or expiry are not acceptable.
        ConflictError: the person has a live token of that name, or too many of them.
    """
    owner_id = actor.user_id
    if actor.via is Via.COMMAND and user_id is not None:
        owner_id = user_id
    else:
        actor.may(Right.HOLD_TOKENS).enforce()
    name = name.strip()
    if not 1 <= len(name) <= NAME_LENGTH or not name.isprintable():
        raise InvalidError(
            f"a token needs a name of up to {NAME_LENGTH} printable characters", field="name"
        )
    wanted = frozenset(scopes)
    if not wanted:
        raise InvalidError("a token needs at least one scope", field="scopes")
    if not wanted <= actor.scopes:
        raise InvalidError("a token can't give what it lacks itself", field="scopes")
    expires_at = expires_at or now + DEFAULT_LIFE
    if not now < expires_at <= now + LONGEST_LIFE:
        raise InvalidError(
            f"a token ends in the future, within {LONGEST_LIFE.days} days", field="expires_at"
        )
    live = _live(session, owner_id, now=now)
    if len(live) >= MAX_TOKENS:
        raise ConflictError(
            f"nobody needs more than {MAX_TOKENS} tokens", hint="Revoke one that is not used."
        )
    if any(token.name == name for token in live):
        raise ConflictError(f"there is a token called “{name}” already", field="name")
    secret = BEGINNING + secrets.token_urlsafe(32)
    token = ApiToken(
        id=str(uuid.uuid4()),
        secret_hash=hash_of(secret),
        beginning=secret[: len(BEGINNING) + 5],
        user_id=owner_id,
        name=name,
        scopes=sorted(wanted),
        networks=read_networks(networks),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(token)
    session.flush()
    audit.record(session, actor, "token.created", token.id, now=now)
    return token, secret


def read_networks(texts: Iterable[str]) -> list[str]:
    """Read addresses and networks into CIDR form.

    Raises:
        InvalidError: one of them is neither.
    """
    networks: list[str] = []
    for text in texts:
        try:
            networks.append(str(ip_network(text.strip(), strict=False)))
        except ValueError:
            raise InvalidError(
                f"“{text[:60]}” is not an address or network like 192.0.2.0/24", field="networks"
            ) from None
    if len(networks) > MAX_NETWORKS:
        raise InvalidError(f"at most {MAX_NETWORKS} networks", field="networks")
    return list(dict.fromkeys(networks))


def visible_tokens(
    session: Session,
    actor: Actor,
    *,
    user_id: str | None = None,
    after: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> Sequence[ApiToken]:
    """Give a page of the actor's own tokens, newest first; of anybody's to who manages accounts.

    Args:
        after: creation time and id of the last one of the page before.

    Raises:
        ForbiddenError: they are somebody else's, and the actor does not manage accounts.
    """
    owner_id = user_id or actor.user_id
    if owner_id != actor.user_id:
        actor.may(Right.MANAGE_ACCOUNTS).enforce()
    query = (
        select(ApiToken)
        .where(ApiToken.user_id == owner_id)
        .order_by(ApiToken.created_at.desc(), ApiToken.id.desc())
        .limit(limit)
    )
    if after is not None:
        at, token_id = after
        query = query.where(
            (ApiToken.created_at < at) | ((ApiToken.created_at == at) & (ApiToken.id < token_id))
        )
    return session.scalars(query).all()


def get_visible_token(session: Session, actor: Actor, token_id: str) -> ApiToken:
    """Give a token that this actor may know of.

    Raises:
        NotFoundError: there is none, or it is somebody else's.
    """
    token = session.get(ApiToken, token_id)
    if token is None or (token.user_id != actor.user_id and not actor.may(Right.MANAGE_ACCOUNTS)):
        raise NotFoundError("there is no such token")
    return token


def revoke_token(session: Session, actor: Actor, token_id: str, *, now: datetime) -> ApiToken:
    """End a token at once; revoking it twice is harmless.

    Raises:
        NotFoundError: there is none, or it is somebody else's.
    """
    token = get_visible_token(session, actor, token_id)
    if token.revoked_at is None:
        token.revoked_at = now
        session.flush()
        audit.record(session, actor, "token.revoked", token.id, now=now)
    return token


def verify_token(
    session: Session, secret: str, *, address: str | None, now: datetime
) -> tuple[ApiToken, Actor]:
    """Give the token of a secret, and who acts by it; changes nothing.

    Raises:
        UnverifiedError: unknown, run out, revoked, from a foreign network, or of a disabled
            account. One sentence for all: whoever found a token learns nothing about it.
    """
    query = select(ApiToken).where(ApiToken.secret_hash == hash_of(secret))
    token = session.scalars(query).one_or_none() if secret.startswith(BEGINNING) else None
    if (
        token is None
        or token.revoked_at is not None
        or token.expires_at <= now
        or not token.user.active
        or not may_come_from(token.networks, address)
    ):
        raise UnverifiedError(WRONG)
    actor = Actor(
        user_id=token.user.id,
        name=token.user.name,
        roles=token.user.roles,
        via=Via.TOKEN,
        scopes=frozenset(TokenScope(scope) for scope in token.scopes),
        address=address,
    )
    return token, actor


def may_come_from(networks: Sequence[str], address: str | None) -> bool:
    """Tell whether a token with these networks may be used from an address."""
    if not networks:
        return True
    try:
        caller = ip_address(address or "")
    except ValueError:
        return False
    return any(caller in ip_network(network) for network in networks)


def needs_touch(token: ApiToken, *, now: datetime) -> bool:
    """Tell whether it is time to note that the token is in use."""
    return token.last_used_at is None or token.last_used_at + TOUCH_EVERY <= now


def touch(session: Session, token_id: str, *, address: str | None, now: datetime) -> None:
    """Note that a token is in use, and from where."""
    session.execute(
        update(ApiToken)
        .where(ApiToken.id == token_id)
        .values(last_used_at=now, last_used_address=address)
    )


def _live(session: Session, user_id: str, *, now: datetime) -> Sequence[ApiToken]:
    query = select(ApiToken).where(
        ApiToken.user_id == user_id, ApiToken.revoked_at.is_(None), ApiToken.expires_at > now
    )
    return session.scalars(query).all()
