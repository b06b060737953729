"""`tocsin token`: personal tokens, made at the console."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from hub import clock
from hub.accounts import tokens, users
from hub.accounts.actor import TokenScope
from hub.accounts.records import ApiToken
from hub.commands import frame
from policies.errors import NotFoundError
from sharing.db import reading, transaction

SCOPES = click.Choice([scope.value for scope in TokenScope])
COLUMNS = {
    "name": "name",
    "beginning": "begins with",
    "scopes": "scopes",
    "expires_at": "ends",
    "revoked_at": "revoked",
    "last_used_at": "last used",
    "id": "id",
}


@click.group("token")
def command() -> None:
    """Make and manage personal tokens."""


@command.command("add")
@click.argument("user")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, type=SCOPES, help="Repeatable.")
@click.option("--network", "networks", multiple=True, help="Only from there; may be repeated.")
@click.option("--days", default=90, show_default=True, type=click.IntRange(1, 366))
@frame.as_json
@frame.refusing
def add(
    user: str,
    name: str,
    scopes: tuple[str, ...],
    networks: tuple[str, ...],
    days: int,
    *,
    as_json: bool,
) -> None:
    """Make a token for USER; its secret is shown this once."""
    with frame.node():
        now = clock.utcnow()
        with transaction() as session:
            token, secret = tokens.create_token(
                session,
                frame.console_actor(),
                name,
                scopes=[TokenScope(scope) for scope in scopes],
                networks=networks,
                expires_at=now + timedelta(days=days),
                now=now,
                user_id=users.get_user_by_name(session, user).id,
            )
        document = token_document(token) | {"secret": secret}
        frame.show(document, as_json=as_json, line=secret)


@command.command("list")
@click.argument("user")
@frame.as_json
@frame.refusing
def list_tokens(user: str, *, as_json: bool) -> None:
    """List the tokens of USER."""
    with frame.node(), reading() as session:
        user_id = users.get_user_by_name(session, user).id
        rows = [
            token_document(token)
            for token in tokens.visible_tokens(
                session, frame.console_actor(), user_id=user_id, limit=1000
            )
        ]
    frame.show_table(rows, COLUMNS, as_json=as_json, nothing=f"{user} has no tokens")


@command.command("revoke")
@click.argument("user")
@click.argument("name_or_id")
@frame.as_json
@frame.refusing
def revoke(user: str, name_or_id: str, *, as_json: bool) -> None:
    """End a token of USER at once."""
    with frame.node():
        actor = frame.console_actor()
        with transaction() as session:
            user_id = users.get_user_by_name(session, user).id
            owned = tokens.visible_tokens(session, actor, user_id=user_id, limit=1000)
            found = [token for token in owned if name_or_id in {token.id, token.name}]
            if not found:
                raise NotFoundError(f"{user} has no token “{name_or_id}”")
            # Names come back after a revocation; the newest is the one that may still live.
            token = tokens.revoke_token(session, actor, found[0].id, now=clock.utcnow())
        line = f"“{token.name}” opens nothing any more"
        frame.show(token_document(token), as_json=as_json, line=line)


def token_document(token: ApiToken) -> dict[str, Any]:
    """Give a token as JSON shows it."""
    return {
        "id": token.id,
        "name": token.name,
        "beginning": token.beginning,
        "scopes": token.scopes,
        "networks": token.networks,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
        "last_used_at": token.last_used_at,
        "last_used_address": token.last_used_address,
    }
