"""What `tocsin case` shows of the rooms of a case: its timeline, its intelligence, its members."""

from __future__ import annotations

from typing import Final, TextIO

import click

from hub import clock
from hub.api.case_intel_documents import intel_document, recognition_document
from hub.api.case_member_documents import case_member_document
from hub.api.case_rooms import moment_document
from hub.audit import service as audit
from hub.cases import intel, timeline
from hub.cases.members import visible_case_members
from hub.commands import frame
from hub.commands.case_course import write
from hub.commands.names import get_case_named
from hub.office import current_office
from hub.reports.intel import MAX_PASTED_CHARACTERS, check_pasted, find_intel
from hub.web import intel_words, timeline_words
from policies.acts import Act
from policies.intel import Verdict
from policies.timeline import GREATEST_COUNT
from policies.tlp import read_tlp
from sharing.db import reading, transaction

STATUSES: Final = click.Choice([status for status, _ in timeline_words.STATUSES])
MOMENT_COLUMNS: Final = {
    "when": "when",
    "name": "organisation",
    "what": "what",
    "remark": "remark",
    "tlp": "tlp",
}

INTEL_COLUMNS: Final = {
    "name": "organisation",
    "kind": "kind",
    "what": "what",
    "standing": "standing",
    "words": "found by",
    "tlp": "tlp",
    "ref": "id",
}
MEMBER_COLUMNS: Final = {
    "name": "name",
    "roles": "roles",
    "state": "part",
    "response": "how far",
    "takes": "takes up to",
    "sentence": "what it holds",
}


@click.command("members")
@click.argument("case")
@frame.as_json
@frame.refusing
def show_members(case: str, *, as_json: bool) -> None:
    """Show who takes part, who was asked to, and how far each holds the ledger."""
    with frame.node():
        actor, now = frame.console_actor(), clock.utcnow()
        with reading() as session:
            found = get_case_named(session, actor, case)
            us = current_office().desk(session).organisation
            members = visible_case_members(session, actor, found, us=us, now=now)
        with transaction() as session:
            audit.record(session, actor, "case.members_read", found, now=now)
    rows = [case_member_document(one).model_dump(mode="json") for one in members]
    if not as_json:
        for row in rows:
            held = row["holding"]
            row["sentence"] = held["sentence"] if held is not None else None
            row["state"] = "no answer in time" if row["late"] else row["state"]
            row["response"] = "silent" if row["is_silent"] else row["response"]
    frame.show_table(rows, MEMBER_COLUMNS, as_json=as_json, nothing="nobody is known yet")


@click.command("timeline")
@click.argument("case")
@click.option(
    "--limit",
    type=click.IntRange(1, GREATEST_COUNT),
    default=GREATEST_COUNT,
    show_default=True,
    help="How many at most, the newest.",
)
@frame.as_json
@frame.refusing
def show_timeline(case: str, limit: int, *, as_json: bool) -> None:
    """Show what happened when, and what the ledger tells, what began last first."""
    with frame.node():
        actor = frame.console_actor()
        with reading() as session:
            found = get_case_named(session, actor, case)
            moments = timeline.visible_moments(session, actor, found, limit=limit)
        with transaction() as session:
            audit.record(session, actor, "case.timeline_read", found, now=clock.utcnow())
    rows = [
        moment_document(one).model_dump(mode="json")
        | {
            "when": timeline_words.when(one),
            "what": timeline_words.what(one),
            "remark": timeline_words.remark(one),
        }
        for one in moments
    ]
    frame.show_table(rows, MOMENT_COLUMNS, as_json=as_json, nothing="nothing here yet")


@click.command("event")
@click.argument("case")
@click.argument("text")
@click.option(
    "--when", required=True, metavar="TIME", help="As much as is known: 2026-03-01 14:30, UTC."
)
@click.option("--until", metavar="TIME", help="At the latest.")
@click.option("--lasting", is_flag=True, help="It went on all that time.")
@click.option("--status", type=STATUSES, default="occurred", show_default=True)
@click.option("--tlp", metavar="LEVEL", help="As the case has it, where none is given.")
@frame.as_json
@frame.refusing
def add_event(
    case: str,
    text: str,
    when: str,
    until: str | None,
    status: str,
    tlp: str | None,
    *,
    lasting: bool,
    as_json: bool,
) -> None:
    """Put something that happened on the timeline."""
    write(
        case,
        Act.EVENT_ADDED,
        timeline.add_event,
        text=text,
        when=when,
        until=until,
        lasting=lasting,
        status=status,
        tlp=read_tlp(tlp) if tlp is not None else None,
        as_json=as_json,
    )


@click.command("intel")
@click.argument("case")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@frame.as_json
@frame.refusing
def show_intel(case: str, limit: int, *, as_json: bool) -> None:
    """Show what is shared to look for, who found it, and notes, newest first."""
    with frame.node():
        actor, now = frame.console_actor(), clock.utcnow()
        with reading() as session:
            found = get_case_named(session, actor, case)
            items = intel.visible_intel(session, actor, found, limit=limit, now=now)
        with transaction() as session:
            audit.record(session, actor, "case.intel_read", found, now=now)
    rows = [
        intel_document(one).model_dump(mode="json")
        | {"what": intel_words.what(one), "words": intel_words.found(one)}
        for one in items
    ]
    frame.show_table(rows, INTEL_COLUMNS, as_json=as_json, nothing="nothing here yet")


@click.command("share")
@click.argument("case")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--tlp", metavar="LEVEL", help="As the case has it, where none is given.")
@click.option(
    "--observed-too", is_flag=True, help="What is not meant for detection (`to_ids` off), too."
)
@frame.as_json
@frame.refusing
def share_intel(
    case: str, file: TextIO, tlp: str | None, *, observed_too: bool, as_json: bool
) -> None:
    """Share what FILE names, text, a MISP event or STIX, as indicators; `-` reads from stdin."""
    write(
        case,
        Act.INTEL_SHARED,
        intel.share,
        pasted=file.read(MAX_PASTED_CHARACTERS + 1),
        observed_too=observed_too,
        tlp=read_tlp(tlp) if tlp is not None else None,
        as_json=as_json,
    )


@click.command("sight")
@click.argument("case")
@click.argument("ref")
@click.argument("verdict", type=click.Choice([verdict.value for verdict in Verdict]))
@frame.as_json
@frame.refusing
def sight(case: str, ref: str, verdict: str, *, as_json: bool) -> None:
    """Say what we found of REF, the STIX id of something to look for."""
    write(
        case,
        Act.SIGHTING_REPORTED,
        intel.sight,
        ref=ref,
        verdict=Verdict(verdict),
        as_json=as_json,
    )


@click.command("revoke")
@click.argument("case")
@click.argument("ref")
@frame.as_json
@frame.refusing
def revoke(case: str, ref: str, *, as_json: bool) -> None:
    """Say that REF, the STIX id of something we shared, does not hold any more."""
    write(case, Act.INTEL_REVOKED, intel.revoke, ref=ref, as_json=as_json)


@click.command("recognise")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@frame.as_json
@frame.refusing
def recognise_intel(file: TextIO, *, as_json: bool) -> None:
    """Show what `share` would share of FILE, and what it leaves out; `-` reads from stdin."""
    pasted = file.read(MAX_PASTED_CHARACTERS + 1)
    check_pasted(pasted)
    found = recognition_document(find_intel("", pasted)).model_dump(mode="json")
    lines = [f"goes out  {one['name']}" for one in found["findings"]]
    lines += [f"observed  {one['name']}" for one in found["observed"]]
    if found["more_count"]:
        lines.append(f"too many  {found['more_count']} more")
    for one in found["left_out"]:
        values = f" ({', '.join(one['values'])})" if one["values"] else ""
        lines.append(f"left out  {one['count']} × {one['what']}: {one['reason']}{values}")
    line = "\n".join(lines) or "nothing to look for was recognised in it"
    frame.show(found, as_json=as_json, line=line)


COMMANDS: Final = (
    show_intel,
    share_intel,
    recognise_intel,
    sight,
    revoke,
    show_timeline,
    add_event,
    show_members,
)
