"""What `tocsin case` does for the coordinator: the course of a case, and its joint severity."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import click
from sqlalchemy.orm import Session

from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from hub.accounts.actor import Actor
from hub.cases import at_once, course, joining
from hub.commands import frame
from hub.commands.channel_acts import write_act
from hub.commands.names import get_case_named, get_member_named
from policies.acts import Act
from policies.decisions import Topic
from policies.matrix import Level
from sharing.canonical import read_time

EARLY: Final = click.Choice(["false-alarm", "one-organisation", "taken-on"])
TOPICS: Final = click.Choice([topic.value for topic in Topic])
LEVELS: Final = click.Choice([level.value for level in Level])
WHY: Final = click.option("--reason", required=True, help="Why; all members read it.")
MAYBE_WHY: Final = click.option("--reason", help="Why; all members read it.")
Where = tuple[Session, Desk, Actor, str]


def read_maybe_time(text: str | None, field: str) -> datetime | None:
    """Read a time that may be left out."""
    return read_time(text, field=field) if text is not None else None


def write(
    case: str,
    act: Act,
    use_case: Callable[..., Written],
    *,
    as_json: bool,
    find: Callable[[Where, datetime], dict[str, Any]] | None = None,
    **given: Any,
) -> None:
    """Write one act in a case, and say what became of it.

    Args:
        find: looks up what is named in the case.
    """

    def writing(
        session: Session, desk: Desk, actor: Actor, now: datetime
    ) -> tuple[str, Act, Written]:
        where = (session, desk, actor, get_case_named(session, actor, case))
        found = find(where, now) if find is not None else {}
        written = use_case(*where, **found, **given, now=now)
        there = written.entry.entry.channel if written.entry is not None else where[3]
        return there, act, written

    write_act(writing, as_json=as_json)


@click.command("start")
@click.argument("case")
@WHY
@frame.as_json
@frame.refusing
def start(case: str, reason: str, *, as_json: bool) -> None:
    """Decide to coordinate, and start."""
    write(case, Act.CASE_ACTIVATED, at_once.start, reason=reason, as_json=as_json)


@click.command("decline")
@click.argument("case")
@WHY
@frame.as_json
@frame.refusing
def decline(case: str, reason: str, *, as_json: bool) -> None:
    """Decide not to coordinate."""
    write(case, Act.CASE_DECLINED, at_once.decline, reason=reason, as_json=as_json)


@click.command("recovered")
@click.argument("case")
@click.option(
    "--except", "names", metavar="NAME", multiple=True, help="Has not; say why. Repeatable."
)
@MAYBE_WHY
@frame.as_json
@frame.refusing
def recovered(case: str, names: tuple[str, ...], reason: str | None, *, as_json: bool) -> None:
    """Say that those affected have recovered."""

    def find(where: Where, now: datetime) -> dict[str, Any]:
        session, desk, actor, channel = where
        members = {
            get_member_named(session, actor, channel, name, us=desk.organisation, now=now)
            for name in names
        }
        return {"not_yet": sorted(members)}

    write(case, Act.CASE_RECOVERED, course.recovered, find=find, reason=reason, as_json=as_json)


@click.command("close")
@click.argument("case")
@click.option("--early", type=EARLY, help="Why it ends before recovery.")
@WHY
@frame.as_json
@frame.refusing
def close(case: str, early: str | None, reason: str, *, as_json: bool) -> None:
    """Decide to close, and close."""
    write(case, Act.CASE_CLOSED, at_once.close, reason=reason, early=early, as_json=as_json)


@click.command("reopen")
@click.argument("case")
@WHY
@frame.as_json
@frame.refusing
def reopen(case: str, reason: str, *, as_json: bool) -> None:
    """Open a case again: new facts."""
    write(case, Act.CASE_REOPENED, course.reopen, reason=reason, as_json=as_json)


@click.command("crisis")
@click.argument("case")
@click.option("--end", "ends", is_flag=True, help="It is over.")
@click.option(
    "--delegate", "topics", type=TOPICS, multiple=True, help="To the coordinator. Repeatable."
)
@click.option("--until", metavar="TIME", help="Until when that is: RFC 3339, UTC.")
@MAYBE_WHY
@frame.as_json
@frame.refusing
def crisis(
    case: str,
    topics: tuple[str, ...],
    until: str | None,
    reason: str | None,
    *,
    ends: bool,
    as_json: bool,
) -> None:
    """Declare a crisis, and call all who have joined; or end it. Nobody votes on that."""
    if ends:
        if topics or until is not None:
            raise click.UsageError("What is delegated goes with the beginning of a crisis.")
        act = Act.CASE_CRISIS_ENDED
        write(case, act, course.end_crisis, reason=reason, as_json=as_json)
        return
    write(
        case,
        Act.CASE_CRISIS_DECLARED,
        lambda *where, **given: at_once.declare_crisis(*where, **given).written,
        reason=reason,
        topics=[Topic(topic) for topic in sorted(set(topics))],
        until=read_maybe_time(until, "until"),
        as_json=as_json,
    )


@click.command("control")
@click.argument("case")
@click.argument("answer", type=click.Choice(["yes", "no"]))
@click.option("--next-review", metavar="TIME", help="RFC 3339, UTC.")
@MAYBE_WHY
@frame.as_json
@frame.refusing
def control(
    case: str, answer: str, next_review: str | None, reason: str | None, *, as_json: bool
) -> None:
    """Say whether it is under control."""
    write(
        case,
        Act.CONTROL_REVIEWED,
        course.review_control,
        under_control=answer == "yes",
        reason=reason,
        next_review=read_maybe_time(next_review, "next_review"),
        as_json=as_json,
    )


@click.command("join")
@click.argument("case")
@click.option("--level", type=LEVELS, help="Another level than the derived one; say why.")
@click.option(
    "--seen-at",
    metavar="TIME",
    help="When you looked: RFC 3339, UTC. Refused if another of you has told all since.",
)
@MAYBE_WHY
@frame.as_json
@frame.refusing
def join(
    case: str, level: str | None, seen_at: str | None, reason: str | None, *, as_json: bool
) -> None:
    """Put the assessments together, and tell all what they come to."""
    write(
        case,
        Act.ASSESSMENT_JOINED,
        joining.join_assessments,
        level=Level.of(level) if level is not None else None,
        seen_at=read_maybe_time(seen_at, "seen_at"),
        reason=reason,
        as_json=as_json,
    )


COMMANDS: Final = (start, decline, recovered, close, reopen, crisis, control, join)
