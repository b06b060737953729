"""Administration: people, keys of this node, and who did what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

from flask import Response, flash, redirect, request, url_for
from pydantic import BeforeValidator, Field, StringConstraints
from werkzeug.wrappers import Response as BaseResponse

from hub import clock
from hub.accounts import users
from hub.accounts.current import current_actor
from hub.accounts.records import User
from hub.audit import service as audit
from hub.audit.records import AuditRecord, Outcome
from hub.web.acting import DONE, attempt
from hub.web.forms import Filled, PageForm, as_sentence, read_form
from hub.web.frame import pages, show
from hub.web.models import State, Tone
from policies.roles import PersonRole, Right
from sharing.db import reading, transaction

PEOPLE_PER_PAGE = 50
RECORDS_PER_PAGE = 50
MAX_PEOPLE_IN_FILTER = 200

ROLE_WORDS = {
    PersonRole.ADMINISTRATOR: "Administrator",
    PersonRole.COORDINATOR: "Incident coordinator",
    PersonRole.HANDLER: "Incident handler",
    PersonRole.LIAISON: "Liaison",
    PersonRole.AUDITOR: "Auditor",
}
ROLES = [(role.value, word) for role, word in ROLE_WORDS.items()]


class UserForm(PageForm):
    """Somebody who is to have an account."""

    name: Annotated[str, StringConstraints(max_length=100)]
    roles: Annotated[list[PersonRole], Field(min_length=1, max_length=5)]


class RolesForm(PageForm):
    """All the roles that somebody is to have."""

    roles: Annotated[list[PersonRole], Field(min_length=1, max_length=5)]


def _in_utc(value: Any) -> Any:
    """Read `2026-03-01 14:30` or a date alone as UTC."""
    if not isinstance(value, str):
        return value
    try:
        at = datetime.fromisoformat(value.removesuffix("UTC").strip())
    except ValueError:
        message = "please give date and time in UTC, like 2026-03-01 14:30"
        raise ValueError(message) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


Moment = Annotated[datetime, BeforeValidator(_in_utc)]


class AuditForm(PageForm):
    """What to look for in the log."""

    actor: Annotated[str, StringConstraints(max_length=100)] | None = None
    action: Annotated[str, StringConstraints(max_length=60)] | None = None
    subject: Annotated[str, StringConstraints(max_length=200)] | None = None
    outcome: Outcome | None = None
    since: Moment | None = None
    until: Moment | None = None
    before: Annotated[int, Field(ge=1)] | None = None


@dataclass(frozen=True)
class UserView:
    """One person's account as administrators see it."""

    id: str
    name: str
    roles: list[str]
    state: State
    active: bool
    last_sign_in_at: datetime | None
    created_at: datetime
    password_changed_at: datetime | None
    must_change_password: bool


@dataclass(frozen=True)
class AuditLine:
    """One line of the log."""

    at: datetime
    machine_time: str
    time_text: str
    actor_name: str
    via: str
    address: str | None
    action: str
    subject: str | None
    refused: bool
    state: State
    reason: str | None


@pages.get("/administration")
def get_administration() -> Response:
    """Show who has an account; an auditor may look, an administrator may act."""
    return _show_users()


@pages.post("/administration/accounts")
def post_user() -> BaseResponse:
    """Make an account and show the password that was made up, once."""
    made: list[tuple[str, str]] = []

    def act(form: UserForm) -> None:
        with transaction() as session:
            actor, now = current_actor(), clock.utcnow()
            user, password = users.create_user(
                session, actor, form.name, roles=form.roles, password=None, now=now
            )
            made.append((user.name, password or ""))

    filled, status = attempt(UserForm, act)
    if status is not DONE:
        return _show_users(user_form=filled, status=status)
    return _show_users(made_up=made[0])


@pages.get("/administration/accounts/<user_id>")
def get_user(user_id: str) -> Response:
    """Show one account."""
    return _show_user(user_id)


@pages.post("/administration/accounts/<user_id>/roles")
def post_user_roles(user_id: str) -> BaseResponse:
    """Give somebody exactly these roles."""

    def act(form: RolesForm) -> None:
        with transaction() as session:
            users.set_roles(session, current_actor(), user_id, form.roles, now=clock.utcnow())

    filled, status = attempt(RolesForm, act)
    if status is not DONE:
        return _show_user(user_id, roles_form=filled, status=status)
    flash("The roles are changed.", "good")
    return redirect(url_for("pages.get_user", user_id=user_id), HTTPStatus.SEE_OTHER)


@pages.post("/administration/accounts/<user_id>/password")
def post_user_password(user_id: str) -> BaseResponse:
    """Make up a new password and show it, once."""
    with transaction() as session:
        actor = current_actor()
        password = users.set_password(session, actor, user_id, None, now=clock.utcnow())
        name = users.get_user(session, user_id).name
    return _show_user(user_id, made_up=(name, password or ""))


@pages.post("/administration/accounts/<user_id>/disabled")
def post_user_disabled(user_id: str) -> BaseResponse:
    """Shut somebody out."""
    with transaction() as session:
        user = users.disable_user(session, current_actor(), user_id, now=clock.utcnow())
    flash(f"{user.name} is shut out, as of now.", "good")
    return redirect(url_for("pages.get_user", user_id=user_id), HTTPStatus.SEE_OTHER)


@pages.post("/administration/accounts/<user_id>/enabled")
def post_user_enabled(user_id: str) -> BaseResponse:
    """Let somebody in again."""
    with transaction() as session:
        user = users.enable_user(session, current_actor(), user_id, now=clock.utcnow())
    flash(f"{user.name} may sign in again.", "good")
    return redirect(url_for("pages.get_user", user_id=user_id), HTTPStatus.SEE_OTHER)


@pages.get("/administration/audit")
def get_audit() -> Response:
    """Show who did, tried or read what; the filter lives in the address."""
    actor, now = current_actor(), clock.utcnow()
    actor.may(Right.READ_AUDIT).enforce()
    filled = read_form(AuditForm, request.args)
    wanted = filled.form or AuditForm()
    status = HTTPStatus.OK if filled.form else HTTPStatus.BAD_REQUEST
    conditions = audit.AuditFilter(
        actor_id=wanted.actor,
        action=wanted.action,
        subject=wanted.subject,
        outcome=wanted.outcome,
        since=wanted.since,
        until=wanted.until,
    )
    with transaction() as session:
        rows = audit.visible_records(
            session, conditions, before=wanted.before, limit=RECORDS_PER_PAGE
        )
        people = [
            (user.id, user.name)
            for user in users.visible_users(session, actor, limit=MAX_PEOPLE_IN_FILTER)
        ]
        audit.record(session, actor, "audit.read", now=now)
    more = len(rows) == RECORDS_PER_PAGE
    given = wanted.model_dump(exclude_none=True, exclude={"before"}, mode="json")
    return show_section(
        "administration/audit.html",
        "audit",
        status=status,
        now=now,
        filled=filled,
        filtered=bool(given),
        people=people,
        records=[_audit_line(row) for row in rows],
        next_page=url_for("pages.get_audit", **given, before=rows[-1].id) if more else None,
    )


def _show_users(
    *,
    user_form: Filled[UserForm] | None = None,
    made_up: tuple[str, str] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    actor = current_actor()
    with reading() as session:
        rows = users.visible_users(
            session, actor, after=request.args.get("after"), limit=PEOPLE_PER_PAGE
        )
        views = [_user_view(row) for row in rows]
    more = len(rows) == PEOPLE_PER_PAGE
    return show_section(
        "administration/accounts.html",
        "accounts",
        status=status,
        users=views,
        roles=ROLES,
        user_form=user_form,
        made_up=made_up,
        may_manage=bool(actor.may(Right.MANAGE_ACCOUNTS)),
        next_page=url_for("pages.get_administration", after=rows[-1].name_key) if more else None,
    )


def _show_user(
    user_id: str,
    *,
    roles_form: Filled[RolesForm] | None = None,
    made_up: tuple[str, str] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    actor = current_actor()
    actor.may(Right.READ_AUDIT).enforce()
    with reading() as session:
        view = _user_view(users.get_visible_user(session, actor, user_id))
    return show(
        "administration/account.html",
        "administration",
        status=status,
        user=view,
        roles=ROLES,
        roles_form=roles_form,
        made_up=made_up,
        may_manage=bool(actor.may(Right.MANAGE_ACCOUNTS)),
    )


def show_section(template: str, section: str, **values: Any) -> Response:
    """Draw one section of the administration."""
    sections = [
        ("accounts", "Accounts", url_for("pages.get_administration")),
        ("keys", "Keys", url_for("pages.get_keys")),
        ("audit", "Audit log", url_for("pages.get_audit")),
    ]
    return show(template, "administration", section=section, sections=sections, **values)


def _user_view(row: User) -> UserView:
    state = State("active", Tone.GOOD) if row.active else State("disabled", Tone.ENDED)
    return UserView(
        id=row.id,
        name=row.name,
        roles=[role.value for role in ROLE_WORDS if role in row.roles],
        state=state,
        active=row.active,
        last_sign_in_at=row.last_sign_in_at,
        created_at=row.created_at,
        password_changed_at=row.password_changed_at,
        must_change_password=row.must_change_password,
    )


def _audit_line(row: AuditRecord) -> AuditLine:
    done = row.outcome is Outcome.DONE
    at = row.at.astimezone(UTC)
    return AuditLine(
        at=at,
        machine_time=at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        time_text=at.strftime("%Y-%m-%d %H:%M:%S"),
        actor_name=row.actor_name,
        via=row.via,
        address=row.address,
        action=row.action,
        subject=row.subject,
        refused=not done,
        state=State("done", Tone.CALM) if done else State("refused", Tone.TROUBLE),
        reason=as_sentence(row.reason) if row.reason else None,
    )
