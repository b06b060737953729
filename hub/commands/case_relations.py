"""What `tocsin case` does between cases: links, merging, breakouts."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import click
from sqlalchemy.orm import Session

from hub import clock
from hub.accounts.actor import Actor
from hub.api.case_relations import alike_to_document, merger_document, neighbour_document
from hub.api.report_models import alike_document
from hub.cases import alike, breakouts, from_report, neighbours, related
from hub.cases.related import REFERENCE
from hub.commands import frame
from hub.commands.case_course import MAYBE_WHY, Where, write
from hub.commands.names import get_case_named, get_member_named
from hub.commands.report_names import get_report_named
from hub.office import current_office
from hub.reports.named import Side
from policies.acts import Act
from policies.links import Relation
from policies.tlp import read_tlp
from sharing.db import reading, transaction

COLUMNS: Final = {
    "tie": "how",
    "relation": "relation",
    "title": "title",
    "state": "state",
    "reference": "reference",
    "channel": "id",
}
ALIKE_COLUMNS: Final = {
    "what": "what",
    "title": "title",
    "from": "from",
    "same_name": "same name",
    "same_count": "the same",
    "same_host_count": "on the same host",
    "id": "id",
}
LIKELY_COLUMNS: Final = {
    "title": "title",
    "reporter_name": "from",
    "same_count": "the same",
    "same_host_count": "on the same host",
    "report": "id",
}
RELATIONS: Final = click.Choice([relation.value for relation in Relation])


@click.command("related")
@click.argument("case")
@frame.as_json
@frame.refusing
def related_to(case: str, *, as_json: bool) -> None:
    """List the cases that one has to do with."""
    with frame.node(), reading() as session:
        actor = frame.console_actor()
        channel = get_case_named(session, actor, case)
        rows = [
            neighbour_document(one).model_dump(mode="json")
            for one in neighbours.visible_neighbours(session, actor, channel)
        ]
    frame.show_table(rows, COLUMNS, as_json=as_json, nothing="it has to do with no other")


@click.command("link")
@click.argument("case")
@click.argument("other")
@click.option("--relation", type=RELATIONS, default="related", show_default=True)
@MAYBE_WHY
@frame.as_json
@frame.refusing
def link(case: str, other: str, relation: str, reason: str | None, *, as_json: bool) -> None:
    """Name another case in one of ours.

    OTHER is a case, or the STIX id of another coordinator's incident. Members who are not in it
    learn that it exists, and no title.
    """

    def find(where: Where, now: datetime) -> dict[str, Any]:
        del now
        session, _, actor, _ = where
        known = REFERENCE.fullmatch(other) is not None
        return {"other": other if known else get_case_named(session, actor, other)}

    write(
        case,
        Act.CASE_LINKED,
        related.link,
        find=find,
        relation=Relation(relation),
        reason=reason,
        as_json=as_json,
    )


@click.command("merge")
@click.argument("case")
@click.argument("into")
@click.option("--look", is_flag=True, help="Say what it would bring about, and do nothing.")
@MAYBE_WHY
@frame.as_json
@frame.refusing
def merge(case: str, into: str, reason: str | None, *, look: bool, as_json: bool) -> None:
    """Let a case go on in another of ours, for good; who is not in that is invited to it."""
    if look:
        _look(case, into, as_json=as_json)
        return

    def find(where: Where, now: datetime) -> dict[str, Any]:
        del now
        session, _, actor, _ = where
        return {"into": get_case_named(session, actor, into)}

    write(case, Act.CASE_MERGED, related.merge, find=find, reason=reason, as_json=as_json)


@click.command("breakout")
@click.argument("case")
@click.argument("title")
@click.option("--with", "names", metavar="NAME", multiple=True, required=True, help="Repeatable.")
@click.option("--text", default="", help="What it is about.")
@click.option("--tlp", default="red", show_default=True, metavar="LEVEL")
@frame.as_json
@frame.refusing
def breakout(
    case: str, title: str, names: tuple[str, ...], text: str, tlp: str, *, as_json: bool
) -> None:
    """Open a breakout with some of a case's members, as a room of its own."""
    ceiling, now = read_tlp(tlp), clock.utcnow()
    with frame.node(), transaction() as session:
        actor = frame.console_actor()
        desk = current_office().desk(session)
        channel = get_case_named(session, actor, case)
        us = desk.organisation
        opened = breakouts.open_room(
            session,
            desk,
            actor,
            channel,
            title=title,
            text=text,
            ceiling=ceiling,
            members=[
                get_member_named(session, actor, channel, name, us=us, now=now) for name in names
            ],
            now=now,
        )
    frame.show({"channel": opened}, as_json=as_json, line=opened)


def _look(case: str, into: str, *, as_json: bool) -> None:
    with frame.node(), reading() as session:
        actor = frame.console_actor()
        channel = get_case_named(session, actor, case)
        target = get_case_named(session, actor, into)
        desk, now = current_office().desk(session), clock.utcnow()
        plan = related.get_plan(session, desk, actor, channel, into=target, now=now)
    document = merger_document(channel, plan).model_dump(mode="json")
    invited = [one.name for one in plan.guests]
    lines = [
        f"there already     {', '.join(plan.there) or 'nobody but you'}",
        f"invited           {', '.join(invited) or 'nobody'}",
        *(f"can't be invited  {one.name}: {one.reason}" for one in plan.left_out),
        f"questions         {', '.join(plan.topics) or 'none'} (taken back)",
        f"calls             {', '.join(plan.call_kinds) or 'none'} (ended)",
        f"left unanswered   {', '.join(plan.others_asking) or 'nobody'}",
        "Nothing goes along by itself; a merged case takes no more, and that can't be undone.",
    ]
    shown = "\n".join(frame.printable(line) for line in lines)
    frame.show(document, as_json=as_json, line=shown)


@click.command("take-in")
@click.argument("case")
@click.argument("report")
@frame.as_json
@frame.refusing
def take_in(case: str, report: str, *, as_json: bool) -> None:
    """Make a report that came to us part of a case of ours."""

    def find(where: Where, now: datetime) -> dict[str, Any]:
        del now
        session, desk, actor, _ = where
        return {"place": _report(session, actor, report, us=desk.organisation)}

    write(case, Act.REPORT_LINKED, from_report.take_in, find=find, as_json=as_json)


@click.command("open-from")
@click.argument("report")
@click.option("--title", help="Another than the report's.")
@click.option("--text", help="Other words than the report's.")
@click.option("--tlp", default="amber", show_default=True, metavar="LEVEL")
@frame.as_json
@frame.refusing
def open_from(report: str, title: str | None, text: str | None, tlp: str, *, as_json: bool) -> None:
    """Open a case from a report that came to us, and make that part of it."""
    ceiling, now = read_tlp(tlp), clock.utcnow()
    with frame.node(), transaction() as session:
        actor, desk = frame.console_actor(), current_office().desk(session)
        channel, name = _report(session, actor, report, us=desk.organisation)
        opened = from_report.open_from_report(
            session,
            desk,
            actor,
            channel,
            name,
            title=title,
            text=text,
            ceiling=ceiling,
            now=now,
        )
    frame.show({"channel": opened}, as_json=as_json, line=opened)


@click.command("alike")
@click.argument("title")
@click.option("--text", default="", help="What is known.")
@frame.as_json
@frame.refusing
def alike_to(title: str, text: str, *, as_json: bool) -> None:
    """List the cases under way and the reports that are like a case called TITLE, to be opened."""
    with frame.node(), reading() as session:
        actor = frame.console_actor()
        us = current_office().desk(session).organisation
        found = alike.visible_alike_to(
            session, actor, title=title, text=text, us=us, now=clock.utcnow()
        )
        document = alike_to_document(found).model_dump(mode="json")
    if as_json:
        frame.show(document, as_json=True, line="")
        return
    rows = [
        {"what": "case", "id": one["channel"], "from": one["owner_name"]} | one
        for one in document["cases"]
    ]
    rows += [
        {"what": "report", "id": one["report"], "from": one["reporter_name"]} | one
        for one in document["reports"]
    ]
    frame.show_table(rows, ALIKE_COLUMNS, as_json=False, nothing="nothing is like it")


@click.command("likely-reports")
@click.argument("case")
@frame.as_json
@frame.refusing
def likely_reports(case: str, *, as_json: bool) -> None:
    """List the reports that may belong to a case of ours, and are part of none."""
    with frame.node(), reading() as session:
        actor = frame.console_actor()
        channel = get_case_named(session, actor, case)
        us = current_office().desk(session).organisation
        rows = [
            alike_document(one, how).model_dump(mode="json")
            for one, how in from_report.visible_likely(
                session, actor, channel, us=us, now=clock.utcnow()
            )
        ]
    frame.show_table(rows, LIKELY_COLUMNS, as_json=as_json, nothing="none names the same")


def _report(session: Session, actor: Actor, name: str, *, us: str) -> tuple[str, str]:
    found = get_report_named(session, actor, name, Side.INCOMING, us=us)
    return found.channel or "", found.report


COMMANDS: Final = (related_to, link, merge, breakout, open_from, take_in, alike_to, likely_reports)
