"""What `tocsin case relay` records: what organisations tell us that can't write now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeVar

import click

from federation.ledgers.channels import Written
from hub import clock
from hub.cases import relaying, standing_in
from hub.channels.relay import WAYS, Told
from hub.commands import frame
from hub.commands.case_course import Where, read_maybe_time, write
from hub.commands.case_words import STATES, TEXT, read_stated, stating
from hub.commands.names import get_case_named, get_decision_named, get_member_named
from hub.office import current_office
from policies.acts import Act
from policies.assessment import ResponseState
from sharing.db import transaction

F = TypeVar("F", bound=Callable[..., Any])

_CAME: Final = (
    click.argument("case"),
    click.argument("name"),
    click.option("--way", type=click.Choice(WAYS), default=WAYS[0], show_default=True),
    click.option(
        "--at", metavar="TIME", help="When it was said: RFC 3339, UTC; now, if not given."
    ),
    click.option("--informant", help="Who told it; all members read it."),
)


@click.group("relay")
def command() -> None:
    """Record in a case of ours what NAME told us, which can't write now.

    It is our own statement on its behalf, and all members read it. Invite an organisation without
    a node with `tocsin channel add-absent`.
    """


def _told(function: F) -> F:
    """Give a command CASE and NAME, and the options that say how it came."""
    for one in reversed(_CAME):
        function = one(function)
    return function


@command.command("join")
@_told
@click.option("--declines", is_flag=True, help="It does not take part.")
@frame.as_json
@frame.refusing
def join(*, declines: bool, **told: Any) -> None:
    """Record that NAME, which is invited and has no node, takes part."""
    act = Act.MEMBER_DECLINED if declines else Act.MEMBER_JOINED
    _record(act, relaying.answer_for, told, joins=not declines)


@command.command("stand-in")
@_told
@frame.as_json
@frame.refusing
def stand_in(
    case: str,
    name: str,
    way: str,
    at: str | None,
    informant: str | None,
    *,
    as_json: bool,
) -> None:
    """Let NAME, an invited partner whose node is silent, take part by telephone.

    Its node finds an invitation into that place, and takes it over once it works.
    """
    said_at, now = read_maybe_time(at, "at"), clock.utcnow()
    with frame.node(), transaction() as session:
        actor, desk = frame.console_actor(), current_office().desk(session)
        channel = get_case_named(session, actor, case)
        us = desk.organisation
        place = standing_in.stand_in(
            session,
            desk,
            actor,
            channel,
            organisation=get_member_named(session, actor, channel, name, us=us, now=now),
            told=Told(way, said_at or now, informant),
            now=now,
        )
    document = {"channel": channel, "organisation": place}
    frame.show(document, as_json=as_json, line=place)


@command.command("respond")
@_told
@click.argument("state", type=STATES)
@click.option("--since", metavar="TIME", help="Since when, at the latest: RFC 3339, UTC.")
@click.option("--since-earliest", metavar="TIME", help="Where that is uncertain: at the earliest.")
@TEXT
@frame.as_json
@frame.refusing
def respond(
    state: str, since: str | None, since_earliest: str | None, text: str | None, **told: Any
) -> None:
    """Record how far NAME says that it is."""
    _record(
        Act.RESPONSE_REPORTED,
        relaying.respond_for,
        told,
        state=ResponseState(state),
        since=read_maybe_time(since, "since"),
        since_earliest=read_maybe_time(since_earliest, "since_earliest"),
        text=text,
    )


@command.command("assess")
@_told
@stating
@TEXT
@frame.as_json
@frame.refusing
def assess(
    case: str,
    name: str,
    way: str,
    at: str | None,
    informant: str | None,
    counts: tuple[str, ...],
    text: str | None,
    *,
    as_json: bool,
    **stated: Any,
) -> None:
    """Record how NAME says that it is hit; what is left out is not stated, unlike none."""
    told = {"case": case, "name": name, "way": way, "at": at, "informant": informant}
    _record(
        Act.ASSESSMENT_SUBMITTED,
        relaying.assess_for,
        {**told, "as_json": as_json},
        assessment=read_stated(counts, stated),
        text=text,
    )


@command.command("vote")
@_told
@click.argument("decision")
@click.argument("option")
@click.option("--dissent", help="Why otherwise; all members read it.")
@frame.as_json
@frame.refusing
def vote(decision: str, option: str, dissent: str | None, **told: Any) -> None:
    """Record that NAME votes OPTION on DECISION: an option, or abstained."""
    _record(
        Act.DECISION_VOTED,
        relaying.vote_for,
        told,
        decision=decision,
        option=option,
        dissent=dissent,
    )


def _record(
    act: Act,
    use_case: Callable[..., Written],
    told: dict[str, Any],
    *,
    decision: str | None = None,
    **given: Any,
) -> None:
    at = read_maybe_time(told["at"], "at")

    def find(where: Where, now: datetime) -> dict[str, Any]:
        session, desk, actor, channel = where
        us = desk.organisation
        found: dict[str, Any] = {
            "organisation": get_member_named(session, actor, channel, told["name"], us=us, now=now),
            "told": Told(told["way"], at or now, told["informant"]),
        }
        if decision is not None:
            found["decision"] = get_decision_named(session, actor, channel, decision, us=us)
        return found

    write(told["case"], act, use_case, find=find, as_json=told["as_json"], **given)
