"""`/api/v1/me`: who am I here, my sessions, my password."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hub.accounts import sign_ins, users
from hub.accounts.records import SignIn
from hub.api.frame import Call, Resource
from hub.api.models import Document, Form, Moment
from policies.roles import PersonRole, Right

resource = Resource("me")


class MeOut(Document):
    """The person who asks."""

    id: str
    name: str
    roles: list[PersonRole]
    via: str
    scopes: list[str]
    rights: list[str]
    must_change_password: bool


class SignInOut(Document):
    """One session of mine."""

    id: str
    created_at: Moment
    last_seen_at: Moment
    expires_at: Moment
    address: str | None
    agent: str | None
    present: bool


class SignInsOut(Document):
    """My sessions."""

    items: list[SignInOut]


class EndedOut(Document):
    """How many sessions ended."""

    ended_count: int


class PasswordIn(Form):
    """A change of one's own password."""

    present: Annotated[str, Field(min_length=1, max_length=800)]
    password: Annotated[str, Field(min_length=1, max_length=800)]


@resource.reads("", gives=MeOut)
def get_me(call: Call) -> MeOut:
    """Tell who is asking, and what that person may do."""
    actor = call.actor
    return MeOut(
        id=actor.user_id,
        name=actor.name,
        roles=sorted(actor.roles),
        via=actor.via,
        scopes=sorted(actor.scopes),
        rights=sorted(right for right in Right if actor.may(right)),
        must_change_password=actor.must_change_password,
    )


@resource.writes("PUT", "/password", takes=PasswordIn, gives=EndedOut, action="user.password_set")
def put_password(call: Call, body: PasswordIn) -> EndedOut:
    """Change my password; all my other sessions end."""
    before = len(sign_ins.visible_sign_ins(call.session, call.actor, now=call.now))
    users.change_own_password(
        call.session, call.actor, present=body.present, new=body.password, now=call.now
    )
    after = len(sign_ins.visible_sign_ins(call.session, call.actor, now=call.now))
    return EndedOut(ended_count=before - after)


@resource.reads("/sessions", gives=SignInsOut)
def get_sessions(call: Call) -> SignInsOut:
    """Give my sessions, newest first."""
    rows = sign_ins.visible_sign_ins(call.session, call.actor, now=call.now)
    return SignInsOut(items=[_sign_in_document(row, call.actor.sign_in_id) for row in rows])


@resource.writes("DELETE", "/sessions", gives=EndedOut, action="sign_in.ended_everywhere")
def delete_sessions(call: Call) -> EndedOut:
    """Sign me out everywhere, here as well."""
    count = sign_ins.end_everywhere(call.session, call.actor, call.actor.user_id, now=call.now)
    return EndedOut(ended_count=count)


@resource.writes("DELETE", "/sessions/<session_id>", gives=EndedOut, action="sign_in.ended")
def delete_session(call: Call, session_id: str) -> EndedOut:
    """End one of my sessions."""
    sign_ins.end(call.session, call.actor, session_id, now=call.now)
    return EndedOut(ended_count=1)


def _sign_in_document(row: SignIn, present_id: str | None) -> SignInOut:
    return SignInOut(
        id=row.id,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        expires_at=row.expires_at,
        address=row.address,
        agent=row.agent,
        present=row.id == present_id,
    )
