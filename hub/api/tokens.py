"""`/api/v1/tokens`: personal tokens for scripts and tools."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from pydantic import Field

from hub.accounts import tokens
from hub.accounts.actor import TokenScope
from hub.accounts.records import ApiToken
from hub.api.frame import PREFIX, Call, Resource
from hub.api.models import Document, Form, Moment
from hub.api.paging import PageQuery, cut, read_cursor, write_cursor
from sharing.canonical import read_time, write_time

resource = Resource("tokens")


class TokenQuery(PageQuery):
    """Whose tokens."""

    user_id: Annotated[
        str | None,
        Field(max_length=40, description="Somebody else's, for who manages accounts."),
    ] = None


class TokenOut(Document):
    """One token, without its secret."""

    id: str
    user_id: str
    name: str
    beginning: Annotated[str, Field(description="Its first characters, to know it by.")]
    scopes: list[TokenScope]
    networks: list[str]
    created_at: Moment
    expires_at: Moment
    revoked_at: Moment | None
    last_used_at: Moment | None
    last_used_address: str | None


class TokensOut(Document):
    """A page of tokens, newest first."""

    items: list[TokenOut]
    next: str | None


class TokenIn(Form):
    """A new token."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    scopes: Annotated[list[TokenScope], Field(min_length=1, max_length=len(TokenScope))]
    networks: Annotated[
        tuple[Annotated[str, Field(max_length=60)], ...],
        Field(max_length=20, description="Addresses or CIDR networks; none: from anywhere."),
    ] = ()
    expires_at: Annotated[
        Moment | None, Field(description="In 90 days if not given; in a year at most.")
    ] = None


class NewTokenOut(Document):
    """A new token with its secret."""

    token: TokenOut
    secret: Annotated[str, Field(description="Shown this once.")]


@resource.reads("", gives=TokensOut, query=TokenQuery)
def get_tokens(call: Call, query: TokenQuery) -> TokensOut:
    """Give my tokens, newest first."""
    key = read_cursor(query.cursor, str, str)
    rows, more = cut(
        tokens.visible_tokens(
            call.session,
            call.actor,
            user_id=query.user_id,
            after=_key(key) if key else None,
            limit=query.limit + 1,
        ),
        query.limit,
    )
    last = rows[-1] if rows else None
    return TokensOut(
        items=[token_document(row) for row in rows],
        next=write_cursor(_precise(last.created_at), last.id) if last and more else None,
    )


@resource.writes(
    "POST", "", takes=TokenIn, gives=NewTokenOut, status=HTTPStatus.CREATED, action="token.created"
)
def post_token(call: Call, body: TokenIn) -> tuple[NewTokenOut, str]:
    """Make a token for me; its secret is in this answer and nowhere else."""
    token, secret = tokens.create_token(
        call.session,
        call.actor,
        body.name,
        scopes=body.scopes,
        networks=body.networks,
        expires_at=body.expires_at,
        now=call.now,
    )
    document = NewTokenOut(token=token_document(token), secret=secret)
    return document, f"{PREFIX}/tokens/{token.id}"


@resource.reads("/<token_id>", gives=TokenOut)
def get_token(call: Call, token_id: str) -> TokenOut:
    """Give one token."""
    return token_document(tokens.get_visible_token(call.session, call.actor, token_id))


@resource.writes("DELETE", "/<token_id>", gives=TokenOut, action="token.revoked")
def delete_token(call: Call, token_id: str) -> TokenOut:
    """Revoke a token, at once and for good; it stays in the list."""
    return token_document(tokens.revoke_token(call.session, call.actor, token_id, now=call.now))


def token_document(token: ApiToken) -> TokenOut:
    """Give a token as the API shows it."""
    return TokenOut(
        id=token.id,
        user_id=token.user_id,
        name=token.name,
        beginning=token.beginning,
        scopes=[TokenScope(scope) for scope in token.scopes],
        networks=token.networks,
        created_at=token.created_at,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
        last_used_at=token.last_used_at,
        last_used_address=token.last_used_address,
    )


def _key(parts: tuple[str, str]) -> tuple[datetime, str]:
    return read_time(parts[0], field="query.cursor"), parts[1]


def _precise(moment: datetime) -> str:
    """Write a time to the microsecond, since `write_time` rounds."""
    return f"{write_time(moment)[:-5]}.{moment.microsecond:06d}Z"
