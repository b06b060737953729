"""`/api/v1/users`: accounts of people."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from pydantic import Field

from hub.accounts import sign_ins, users
from hub.accounts.records import User
from hub.api.frame import PREFIX, Call, Resource, require_match
from hub.api.me import EndedOut
from hub.api.models import Document, Form, Moment
from hub.api.paging import PageQuery, cut, read_cursor, write_cursor
from policies.roles import PersonRole

resource = Resource("users")

Password = Annotated[
    str | None,
    Field(max_length=800, description="Without one, one is made up and shown once."),
]
Roles = Annotated[list[PersonRole], Field(min_length=1, max_length=len(PersonRole))]


class UserOut(Document):
    """One account."""

    id: str
    name: str
    roles: list[PersonRole]
    active: bool
    must_change_password: bool
    created_at: Moment
    changed_at: Moment
    last_sign_in_at: Moment | None


class UsersOut(Document):
    """A page of accounts, by name."""

    items: list[UserOut]
    next: str | None


class UserIn(Form):
    """A new account."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    roles: Roles
    password: Password = None


class UserChangeIn(Form):
    """What is to change; what is left out stays."""

    roles: Roles | None = None
    active: bool | None = None


class NewPasswordIn(Form):
    """A new password for somebody."""

    password: Password = None


class NewUserOut(Document):
    """A new account, with the password that was made up for it."""

    user: UserOut
    password: Annotated[str | None, Field(description="Shown this once.")]


@resource.reads("", gives=UsersOut, query=PageQuery, audited="users.read")
def get_users(call: Call, query: PageQuery) -> UsersOut:
    """Give the accounts by name."""
    after = read_cursor(query.cursor, str)
    rows, more = cut(
        users.visible_users(
            call.session, call.actor, after=after[0] if after else None, limit=query.limit + 1
        ),
        query.limit,
    )
    return UsersOut(
        items=[user_document(row) for row in rows],
        next=write_cursor(rows[-1].name_key) if more else None,
    )


@resource.writes(
    "POST", "", takes=UserIn, gives=NewUserOut, status=HTTPStatus.CREATED, action="user.created"
)
def post_user(call: Call, body: UserIn) -> tuple[NewUserOut, str]:
    """Make an account."""
    user, made_up = users.create_user(
        call.session,
        call.actor,
        body.name,
        roles=body.roles,
        password=body.password,
        now=call.now,
    )
    return NewUserOut(user=user_document(user), password=made_up), f"{PREFIX}/users/{user.id}"


@resource.reads("/<user_id>", gives=UserOut, audited="user.read")
def get_user(call: Call, user_id: str) -> UserOut:
    """Give one account."""
    return user_document(users.get_visible_user(call.session, call.actor, user_id))


@resource.writes("PATCH", "/<user_id>", takes=UserChangeIn, gives=UserOut, action="user.changed")
def patch_user(call: Call, user_id: str, body: UserChangeIn) -> UserOut:
    """Change somebody's roles, shut them out or let them in again; `If-Match` is heeded."""
    session, actor, now = call.session, call.actor, call.now
    user = users.get_visible_user(session, actor, user_id)
    require_match(user_document(user))
    if body.roles is not None:
        user = users.set_roles(session, actor, user_id, body.roles, now=now)
    if body.active is True:
        user = users.enable_user(session, actor, user_id, now=now)
    if body.active is False:
        user = users.disable_user(session, actor, user_id, now=now)
    return user_document(user)


@resource.writes(
    "PUT",
    "/<user_id>/password",
    takes=NewPasswordIn,
    gives=NewUserOut,
    action="user.password_set",
)
def put_user_password(call: Call, user_id: str, body: NewPasswordIn) -> NewUserOut:
    """Give somebody a new password, to be changed at the next sign-in; their sessions end."""
    made_up = users.set_password(call.session, call.actor, user_id, body.password, now=call.now)
    user = users.get_user(call.session, user_id)
    return NewUserOut(user=user_document(user), password=made_up)


@resource.writes("DELETE", "/<user_id>/sessions", gives=EndedOut, action="sign_in.ended_everywhere")
def delete_user_sessions(call: Call, user_id: str) -> EndedOut:
    """Sign somebody out everywhere."""
    user = users.get_visible_user(call.session, call.actor, user_id)
    count = sign_ins.end_everywhere(call.session, call.actor, user.id, now=call.now)
    return EndedOut(ended_count=count)


def user_document(user: User) -> UserOut:
    """Give an account as the API shows it."""
    return UserOut(
        id=user.id,
        name=user.name,
        roles=sorted(user.roles),
        active=user.active,
        must_change_password=user.must_change_password,
        created_at=user.created_at,
        changed_at=user.changed_at,
        last_sign_in_at=user.last_sign_in_at,
    )
