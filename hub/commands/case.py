"""`tocsin case`: cases opened, listed, read; their course, our own words, what is decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import click

from hub import clock
from hub.api.case_documents import case_line, case_of
from hub.audit import service as audit
from hub.cases import course, queries
from hub.commands import (
    case_course,
    case_decisions,
    case_relations,
    case_relay,
    case_rooms,
    case_words,
    frame,
)
from hub.commands.names import get_case_named, get_community_named
from hub.office import current_office
from policies.tlp import read_tlp
from sharing.db import reading, transaction

CASE_COLUMNS: Final = {
    "title": "title",
    "state": "state",
    "severity": "severity",
    "crisis": "crisis",
    "owner_name": "coordinated by",
    "changed_at": "changed",
    "channel": "id",
}
MEMBER_COLUMNS: Final = {
    "name": "name",
    "response": "how far",
    "assessment": "states",
    "told_alone": "told the coordinator alone",
    "assess_by": "to say it by",
    "roles": "roles",
}
DECISION_COLUMNS: Final = {
    "topic": "topic",
    "state": "state",
    "outcome": "outcome",
    "votes": "votes",
    "text": "words",
    "decision": "id",
}


@click.group("case")
def command() -> None:
    """Open, read and run cases; say how our organisation is hit; vote.

    CASE is its title, where only one has it, or its channel's id, or enough of the beginning of
    that.
    """


@command.command("open")
@click.argument("title")
@click.option("--text", default="", help="What is known so far.")
@click.option("--tlp", default="amber", show_default=True, metavar="LEVEL")
@click.option("--exercise", is_flag=True, help="It is an exercise; that never changes.")
@click.option("--community", metavar="NAME", help="Whose charter; the only one if not given.")
@click.option("--no-charter", metavar="REASON", help="Why it goes by none.")
@frame.as_json
@frame.refusing
def open_case(
    title: str,
    text: str,
    tlp: str,
    community: str | None,
    no_charter: str | None,
    *,
    exercise: bool,
    as_json: bool,
) -> None:
    """Open a case that we coordinate: each time, a new one."""
    ceiling = read_tlp(tlp)
    with frame.node():
        actor = frame.console_actor()
        with transaction() as session:
            desk = current_office().desk(session)
            home = get_community_named(session, actor, community) if community else None
            channel = course.open_case(
                session,
                desk,
                actor,
                title=title,
                text=text,
                ceiling=ceiling,
                exercise=exercise,
                community=home,
                no_charter=no_charter,
                now=clock.utcnow(),
            )
            document = case_of(session, actor, channel, us=desk.organisation)
        frame.show(document.model_dump(mode="json"), as_json=as_json, line=channel)


@command.command("list")
@frame.as_json
@frame.refusing
def list_cases(*, as_json: bool) -> None:
    """List the cases, the newest changed first."""
    with frame.node(), reading() as session:
        rows = [
            case_line(row).model_dump(mode="json")
            for row in queries.visible_cases(session, frame.console_actor())
        ]
    frame.show_table(rows, CASE_COLUMNS, as_json=as_json, nothing="no cases yet")


@command.command("show")
@click.argument("case")
@frame.as_json
@frame.refusing
def show(case: str, *, as_json: bool) -> None:
    """Show one case: what each states, what it comes to and why, what is decided."""
    with frame.node():
        actor = frame.console_actor()
        with reading() as session:
            us = current_office().desk(session).organisation
            found = get_case_named(session, actor, case)
            document = case_of(session, actor, found, us=us).model_dump(mode="json")
        with transaction() as session:
            audit.record(session, actor, "case.read", found, now=clock.utcnow())
    if as_json:
        frame.show(document, as_json=True)
        return
    _show(document)


for one in (
    *case_course.COMMANDS,
    *case_words.COMMANDS,
    *case_decisions.COMMANDS,
    *case_rooms.COMMANDS,
    *case_relations.COMMANDS,
):
    command.add_command(one)
command.add_command(case_relay.command)


def _show(document: dict[str, Any]) -> None:
    joint = document["joint"]
    crisis = ", a crisis" if document["crisis"] else ""
    exercise = ", an exercise" if document["exercise"] else ""
    said = joint["said"] or "not said yet"
    if joint["said_derived"]:
        said += f"; by what was stated, the coordinator says, {joint['said_derived']}"
    lines = [
        f"{document['title']}: {document['state']}{crisis}{exercise}, TLP {document['tlp']}",
        f"case          {document['channel']}",
        f"coordinator   {document['owner_name']}",
        f"severity      {said}",
        f"derived here  {joint['derived']}",
    ]
    lines += [f"  {one['before']} -> {one['after']}: {one['sentence']}" for one in joint["lines"]]
    lines += [f"  {one['sentence']}" for one in joint["figures"]]
    known = joint["known"]
    if known is not None and known["level"] != joint["derived"]:
        lines.append(f"you alone know {known['level']}")
    lines += [
        f"  {one['kind'] or one['field']}: {one['sentence']}"
        for one in (known["standings"] if known is not None else ())
    ]
    frame.show(None, as_json=False, line="\n".join(frame.printable(line) for line in lines))
    members = [
        one
        | {
            "response": _told(one["response"], one["response_told"])
            or ("silent" if one["is_silent"] else None),
            "assessment": [
                *_fields(one["assessment"]),
                *(["(told the coordinator)"] if one["assessment_told"] else []),
            ],
            "told_alone": [
                *([one["response_alone"]] if one["response_alone"] else []),
                *_fields(one["assessment_alone"]),
            ],
        }
        for one in document["organisations"]
    ]
    frame.show_table(members, MEMBER_COLUMNS, as_json=False, nothing="nobody is known yet")
    decisions = [
        one
        | {
            "state": f"{one['state']}, disowned" if one["disowned"] else one["state"],
            "votes": [f"{vote['name']}: {_ballot(vote)}" for vote in one["votes"]],
        }
        for one in document["decisions"]
    ]
    if decisions:
        frame.show_table(decisions, DECISION_COLUMNS, as_json=False, nothing="")


def _told(word: str | None, told: Any) -> str | None:
    """Give a word, marked where it is the coordinator's on somebody's behalf."""
    return f"{word} (told the coordinator)" if word is not None and told else word


def _fields(stated: dict[str, Any] | None) -> list[str]:
    return [f"{name}={_said(value)}" for name, value in (stated or {}).items()]


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{kind}:{one['low']}-{one['high']}" for kind, one in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _ballot(vote: Mapping[str, Any]) -> str:
    return vote["option"] or ("disowned" if vote["disowned"] else "silent")
