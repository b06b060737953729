"""`tocsin user`: accounts of people."""

from __future__ import annotations

from typing import Any

import click

from hub import clock
from hub.accounts import users
from hub.accounts.records import User
from hub.commands import frame
from policies.roles import PersonRole
from sharing.db import reading, transaction

ROLES = click.Choice([role.value for role in PersonRole])
COLUMNS = {
    "name": "name",
    "roles": "roles",
    "active": "active",
    "last_sign_in_at": "last sign-in",
    "id": "id",
}


@click.group("user")
def command() -> None:
    """Make and manage accounts of people."""


@command.command("add")
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, type=ROLES, help="May be repeated.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@frame.as_json
@frame.refusing
def add(name: str, roles: tuple[str, ...], *, password_stdin: bool, as_json: bool) -> None:
    """Make an account; without --password-stdin, with a password made up and shown once.

    An account that is there already with just these roles stays as it is.
    """
    wanted = frozenset(PersonRole(role) for role in roles)
    password = frame.read_secret_line(True, "") if password_stdin else None  # noqa: FBT003
    with frame.node():
        with transaction() as session:
            user = users.find_user(session, name)
            made_up = None
            is_new = user is None or user.roles != wanted
            if user is None or is_new:
                user, made_up = users.create_user(
                    session,
                    frame.console_actor(),
                    name,
                    roles=wanted,
                    password=password,
                    now=clock.utcnow(),
                )
        line = f"{user.name} has an account" if is_new else f"{user.name} has this account already"
        if made_up is not None:
            line += f"; first password, to be changed at once: {made_up}"
        document = user_document(user) | {"created": is_new, "password": made_up}
        frame.show(document, as_json=as_json, line=line)


@command.command("list")
@frame.as_json
@frame.refusing
def list_users(*, as_json: bool) -> None:
    """List the accounts."""
    with frame.node(), reading() as session:
        actor = frame.console_actor()
        rows: list[dict[str, Any]] = []
        after: str | None = None
        while page := users.visible_users(session, actor, after=after, limit=200):
            rows += [user_document(user) for user in page]
            after = page[-1].name_key
    frame.show_table(rows, COLUMNS, as_json=as_json, nothing="nobody has an account yet")


@command.command("disable")
@click.argument("name")
@frame.as_json
@frame.refusing
def disable(name: str, *, as_json: bool) -> None:
    """Shut somebody out at once."""
    with frame.node():
        with transaction() as session:
            user_id = users.get_user_by_name(session, name).id
            user = users.disable_user(session, frame.console_actor(), user_id, now=clock.utcnow())
        frame.show(user_document(user), as_json=as_json, line=f"{user.name} is shut out")


@command.command("enable")
@click.argument("name")
@frame.as_json
@frame.refusing
def enable(name: str, *, as_json: bool) -> None:
    """Let somebody in again."""
    with frame.node():
        with transaction() as session:
            user_id = users.get_user_by_name(session, name).id
            user = users.enable_user(session, frame.console_actor(), user_id, now=clock.utcnow())
        frame.show(user_document(user), as_json=as_json, line=f"{user.name} may sign in")


@command.command("password")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@frame.as_json
@frame.refusing
def password(name: str, *, password_stdin: bool, as_json: bool) -> None:
    """Give somebody a new password, to be changed at the next sign-in; ends their sessions."""
    new = frame.read_secret_line(True, "") if password_stdin else None  # noqa: FBT003
    with frame.node():
        with transaction() as session:
            user = users.get_user_by_name(session, name)
            actor = frame.console_actor()
            made_up = users.set_password(session, actor, user.id, new, now=clock.utcnow())
        line = f"{user.name} has a new password"
        if made_up is not None:
            line += f", to be changed at once: {made_up}"
        frame.show(user_document(user) | {"password": made_up}, as_json=as_json, line=line)


@command.command("role")
@click.argument("name")
@click.argument("roles", nargs=-1, required=True, type=ROLES)
@frame.as_json
@frame.refusing
def role(name: str, roles: tuple[str, ...], *, as_json: bool) -> None:
    """Give somebody exactly these roles."""
    wanted = frozenset(PersonRole(role) for role in roles)
    with frame.node():
        with transaction() as session:
            user_id = users.get_user_by_name(session, name).id
            actor = frame.console_actor()
            user = users.set_roles(session, actor, user_id, wanted, now=clock.utcnow())
        names = ", ".join(sorted(user.roles))
        frame.show(user_document(user), as_json=as_json, line=f"{user.name} is {names}")


def user_document(user: User) -> dict[str, Any]:
    """Give an account as JSON shows it."""
    return {
        "id": user.id,
        "name": user.name,
        "roles": sorted(user.roles),
        "active": user.active,
        "must_change_password": user.must_change_password,
        "created_at": user.created_at,
        "last_sign_in_at": user.last_sign_in_at,
    }
