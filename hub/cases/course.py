"""The course of a case: opened, coordination started or declined, recovered, closed, a crisis.

Each act of the coordinator's brings a new version of the incident, which is what a plain reader of
STIX sees: its title, where it stands, how severe it is. State comes from acts alone.

Source: lifecycles, 4; domain, 2 (*Assess and decide*).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.orm import Session

from federation.ledgers import channels
from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import get_state
from hub.accounts.actor import Actor
from hub.audit import service as audit
from hub.cases.basis import find_basis
from hub.cases.incident import first_incident, next_incident
from hub.cases.queries import get_case_row
from hub.cases.records import CaseView
from hub.channels import service
from hub.channels.service import note_of
from policies.acts import Act, ChannelKind
from policies.decisions import Topic
from policies.errors import ConflictError, InvalidError
from policies.roles import Right
from policies.tlp import TLP
from sharing.canonical import write_time
from sharing.objects import StixObject

WATCHED_FOR: Final = timedelta(hours=24)
"""When a case that nobody decides on is looked at again."""
MAX_TITLE_CHARACTERS: Final = 200


def open_case(  # noqa: PLR0913 - what happened, and by which charter it is handled
    session: Session,
    desk: Desk,
    actor: Actor,
    *,
    title: str,
    text: str,
    ceiling: TLP = TLP.AMBER,
    exercise: bool = False,
    community: str | None = None,
    no_charter: str | None = None,
    now: datetime,
) -> str:
    """Open a case that we coordinate: its channel, and the incident in it; give the channel.

    Args:
        community: whose charter it goes by; the only one in force, where nobody says.
        no_charter: why it goes by none.

    Raises:
        ForbiddenError: the actor may not.
        NotFoundError: there is no such community.
        InvalidError: title, text or ceiling can't be used, or several charters are in force and
            nobody says which is meant.
        ConflictError: that community has no charter in force.
    """
    actor.may(Right.RUN_CASES).enforce()
    title = check_title(title)
    record = service.open_channel(
        session, desk, actor, kind=ChannelKind.CASE, name=title, ceiling=ceiling, now=now
    )
    describe(
        session,
        desk,
        actor,
        record.id,
        title=title,
        text=text,
        exercise=exercise,
        community=community,
        no_charter=no_charter,
        now=now,
    )
    return record.id


def describe(  # noqa: PLR0913 - what happened, by which charter it is handled, who reads it
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    title: str,
    text: str,
    exercise: bool = False,
    community: str | None = None,
    no_charter: str | None = None,
    later_members: bool | None = None,
    now: datetime,
) -> Written:
    """Open the case in a channel that is there already: say what the incident is.

    It takes over from the charter what it is decided by, and keeps it.

    Args:
        community: whose charter it goes by; the only one in force, where nobody says.
        no_charter: why it goes by none.
        later_members: whether they read it, whatever its label; TLP:RED takes a word.
    """
    actor.may(Right.RUN_CASES).enforce()
    basis = find_basis(session, actor, community=community, no_charter=no_charter)
    record = service.get_visible_channel(session, actor, channel)
    ceiling = get_state(session, record).ceiling
    incident = first_incident(channel, check_title(title), text.strip() or None, ceiling, now)
    body = {
        "incident": incident.stix_id,
        "exercise": exercise,
        "review_at": write_time(now + WATCHED_FOR),
        **basis.carried,
    }
    about = [incident.stix_id]
    why = note_of(desk, basis.why_none, about=about, marking=ceiling, now=now)
    act, objects = Act.CASE_OPENED, [incident, *why]
    return _write(
        session, desk, actor, channel, act, body, objects, later_members=later_members, now=now
    )


def start(
    session: Session, desk: Desk, actor: Actor, channel: str, *, decision: str, now: datetime
) -> Written:
    """Start coordination, as was decided."""
    row = get_case_row(session, actor, channel)
    version = next_incident(session, row, now, investigation_status="open")
    body = {"decision": decision}
    return _write(session, desk, actor, channel, Act.CASE_ACTIVATED, body, version, now=now)


def decline(
    session: Session, desk: Desk, actor: Actor, channel: str, *, decision: str, now: datetime
) -> Written:
    """Decline to coordinate, as was decided."""
    row = get_case_row(session, actor, channel)
    version = next_incident(session, row, now, investigation_status="closed")
    body = {"decision": decision}
    return _write(session, desk, actor, channel, Act.CASE_DECLINED, body, version, now=now)


def recovered(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    not_yet: Sequence[str] = (),
    reason: str | None = None,
    now: datetime,
) -> Written:
    """Say that those affected have recovered.

    Raises:
        InvalidError: somebody is named as not recovered without the reason why.
    """
    row = get_case_row(session, actor, channel)
    words = note_of(desk, reason, about=[row.incident], marking=row.tlp, now=now)
    if not_yet and not words:
        raise InvalidError("say why they have not recovered", field="reason")
    body: dict[str, Any] = {"except": sorted(not_yet)} if not_yet else {}
    return _write(session, desk, actor, channel, Act.CASE_RECOVERED, body, words, now=now)


def close(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    decision: str,
    early: str | None = None,
    now: datetime,
) -> Written:
    """Close a case, as was decided; before recovery it says why."""
    row = get_case_row(session, actor, channel)
    body = {"decision": decision} | ({"early": early} if early else {})
    more: dict[str, Any] = {}
    if early == "false-alarm":
        more["determination"] = "false-positive"
    version = next_incident(session, row, now, investigation_status="closed", **more)
    return _write(session, desk, actor, channel, Act.CASE_CLOSED, body, version, now=now)


def reopen(
    session: Session, desk: Desk, actor: Actor, channel: str, *, reason: str, now: datetime
) -> Written:
    """Open a case again: new facts.

    Raises:
        InvalidError: it says nothing new.
    """
    row = get_case_row(session, actor, channel)
    words = note_of(desk, reason, about=[row.incident], marking=row.tlp, now=now)
    if not words:
        raise InvalidError("say what is new", field="reason")
    version = next_incident(session, row, now, investigation_status="open")
    return _write(session, desk, actor, channel, Act.CASE_REOPENED, {}, [*version, *words], now=now)


def declare_crisis(  # noqa: PLR0913 - what is delegated, until when, and who is called
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    reason: str | None = None,
    topics: Sequence[Topic] = (),
    until: datetime | None = None,
    called: Sequence[str] = (),
    now: datetime,
) -> Written:
    """Declare a crisis; nobody votes on that.

    Args:
        called: who is called with it.

    Raises:
        InvalidError: something is delegated without an end in the future.
    """
    row = get_case_row(session, actor, channel)
    if topics and (until is None or until <= now):
        raise InvalidError("say until when this is delegated", field="until")
    body: dict[str, Any] = {"authority": "coordinator"}
    body |= {"addressees": list(called)} if called else {}
    if topics and until is not None:
        body |= {"topics": sorted(topic.value for topic in topics), "until": write_time(until)}
    words = note_of(desk, reason, about=[row.incident], marking=row.tlp, now=now)
    return _write(session, desk, actor, channel, Act.CASE_CRISIS_DECLARED, body, words, now=now)


def review_control(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    under_control: bool,
    reason: str | None = None,
    next_review: datetime | None = None,
    now: datetime,
) -> Written:
    """Say whether it is under control."""
    row = get_case_row(session, actor, channel)
    body = {"under_control": "yes" if under_control else "no"}
    body |= {"next_review": write_time(next_review)} if next_review else {}
    words = note_of(desk, reason, about=[row.incident], marking=row.tlp, now=now)
    return _write(session, desk, actor, channel, Act.CONTROL_REVIEWED, body, words, now=now)


def end_crisis(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    reason: str | None = None,
    now: datetime,
) -> Written:
    """End a crisis: a control review said yes, or a reason is given.

    Raises:
        InvalidError: neither is there.
    """
    row = get_case_row(session, actor, channel)
    words = note_of(desk, reason, about=[row.incident], marking=row.tlp, now=now)
    if row.control != "yes" and not words:
        raise InvalidError("say why it is over, or hold a control review first", field="reason")
    body = {"by": "control-review" if row.control == "yes" else "reason"}
    return _write(session, desk, actor, channel, Act.CASE_CRISIS_ENDED, body, words, now=now)


def ensure_open(row: CaseView) -> None:
    """Refuse what a case that is over takes no more.

    Raises:
        ConflictError: it is declined, closed or merged.
    """
    if row.state in {"declined", "closed", "merged"}:
        raise ConflictError(f"this case is {row.state}", hint="Reopen it first, if there is news.")


def _write(  # noqa: PLR0913 - who writes what, where and for whom
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    act: Act,
    body: Mapping[str, Any],
    objects: Sequence[StixObject],
    *,
    later_members: bool | None = None,
    now: datetime,
) -> Written:
    actor.may(Right.RUN_CASES).enforce()
    written = channels.write(
        session,
        desk,
        channel,
        act,
        body,
        objects,
        later_members=later_members,
        by=actor.name,
        now=now,
    )
    audit.record(session, actor, act.value, channel, now=now)
    return written


def check_title(title: str) -> str:
    """Give a case's title as it is kept.

    Raises:
        InvalidError: it has none, or it is too long.
    """
    title = title.strip()
    if not title:
        raise InvalidError("a case needs a name", field="title")
    if len(title) > MAX_TITLE_CHARACTERS:
        raise InvalidError(f"more than {MAX_TITLE_CHARACTERS} characters", field="title")
    return title
