"""What `tocsin report` says to the other side: submitted, answered, closed, asked again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import click
from sqlalchemy.orm import Session

from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from hub import clock
from hub.accounts.actor import Actor
from hub.api.report_models import written_report
from hub.api.reports import local_with_channel
from hub.commands import frame
from hub.commands.channel_acts import write_act
from hub.commands.names import get_channel_named, get_partner_named
from hub.commands.report_names import get_report_named
from hub.commands.words import TEXT, TEXT_FILE, read_words
from hub.office import current_office
from hub.reports import exchange, publishing, recording
from hub.reports.named import Called, Side
from policies.acts import Act
from policies.reports import Attribution, FalseAlarm, LocalStep, ReportOutcome, Triage
from policies.tlp import read_tlp
from sharing.canonical import read_time
from sharing.db import transaction

ATTRIBUTIONS: Final = click.Choice([one.value for one in Attribution])
TRIAGES: Final = click.Choice([one.value for one in Triage])
FALSE_ALARMS: Final = click.Choice([one.value for one in FalseAlarm])
OUTCOMES: Final = click.Choice([one.value for one in ReportOutcome])

Writing = Callable[[Session, Desk, Actor, Called, datetime], Written]
"""Writes about a report that was named."""


@click.command("submit")
@click.argument("report")
@click.argument("partner")
@click.option(
    "--attribution",
    type=ATTRIBUTIONS,
    default=Attribution.NAMED.value,
    show_default=True,
    help="How others may be told of whom it comes from.",
)
@click.option("--title", help="Said instead of the recorded one: not all may leave.")
@TEXT
@TEXT_FILE
@click.option("--tlp", metavar="LEVEL", help="Its label; as recorded, if not given.")
@click.option("--help-wanted", is_flag=True, help="Ask for help.")
@click.option(
    "--observed-too", is_flag=True, help="What is not meant for detection (`to_ids` off), too."
)
@frame.as_json
@frame.refusing
def submit(  # noqa: PLR0913 - one argument for each option
    report: str,
    partner: str,
    attribution: str,
    title: str | None,
    text: str | None,
    file: Path | None,
    tlp: str | None,
    *,
    help_wanted: bool,
    observed_too: bool,
    as_json: bool,
) -> None:
    """Submit what was recorded here to PARTNER, through our direct channel to it.

    With --text or --file, these words leave instead of the recorded ones.
    """
    words = read_words(text, file)
    label = read_tlp(tlp) if tlp is not None else None

    def submitting(
        session: Session, desk: Desk, actor: Actor, found: Called, now: datetime
    ) -> Written:
        return exchange.submit(
            session,
            desk,
            actor,
            found.report,
            to=get_partner_named(session, partner).organisation,
            attribution=Attribution(attribution),
            title=title,
            text=words,
            tlp=label,
            help_wanted=help_wanted,
            observed_too=observed_too,
            now=now,
        )

    _write(report, Side.RECORDED, Act.REPORT_SUBMITTED, submitting, as_json=as_json)


@click.command("acknowledge")
@click.argument("report")
@click.option("--reference", help="As in CERT-2026-40782; one is made up, if not given.")
@click.option("--next-contact", metavar="TIME", help="When it will hear again: RFC 3339, UTC.")
@TEXT
@TEXT_FILE
@frame.as_json
@frame.refusing
def acknowledge(
    report: str,
    reference: str | None,
    next_contact: str | None,
    text: str | None,
    file: Path | None,
    *,
    as_json: bool,
) -> None:
    """Say that a report has arrived, under a reference that no other report has."""
    words = read_words(text, file)
    heard_at = read_time(next_contact, field="next_contact") if next_contact is not None else None

    def acknowledging(
        session: Session, desk: Desk, actor: Actor, found: Called, now: datetime
    ) -> Written:
        return exchange.acknowledge(
            session,
            desk,
            actor,
            *_place(found),
            reference=reference,
            next_contact=heard_at,
            text=words,
            now=now,
        )

    _write(report, Side.INCOMING, Act.REPORT_ACKNOWLEDGED, acknowledging, as_json=as_json)


@click.command("triage")
@click.argument("report")
@click.argument("taken_for", metavar="AS", type=TRIAGES)
@click.option("--reason", type=FALSE_ALARMS, help="Why it is a false alarm.")
@TEXT
@TEXT_FILE
@frame.as_json
@frame.refusing
def triage(
    report: str,
    taken_for: str,
    reason: str | None,
    text: str | None,
    file: Path | None,
    *,
    as_json: bool,
) -> None:
    """Say what a report is taken for."""
    words = read_words(text, file)

    def triaging(
        session: Session, desk: Desk, actor: Actor, found: Called, now: datetime
    ) -> Written:
        return exchange.triage(
            session,
            desk,
            actor,
            *_place(found),
            taken_for=Triage(taken_for),
            false_alarm=FalseAlarm(reason) if reason is not None else None,
            text=words,
            now=now,
        )

    _write(report, Side.INCOMING, Act.REPORT_TRIAGED, triaging, as_json=as_json)


@click.command("link")
@click.argument("report")
@click.argument("case")
@frame.as_json
@frame.refusing
def link(report: str, case: str, *, as_json: bool) -> None:
    """Make a report part of CASE, a case that we coordinate: its name or id.

    The reporter reads which only where it has a part in that case, or is invited to it.
    """

    def linking(
        session: Session, desk: Desk, actor: Actor, found: Called, now: datetime
    ) -> Written:
        channel = get_channel_named(session, actor, case)
        return exchange.link(session, desk, actor, *_place(found), case=channel, now=now)

    _write(report, Side.INCOMING, Act.REPORT_LINKED, linking, as_json=as_json)


@click.command("publish")
@click.argument("report")
@click.argument("community")
@click.option("--title", help="Another than the report's.")
@click.option("--text", help="Other words than the report's.")
@click.option("--again", is_flag=True, help="COMMUNITY was told of it before: as a correction.")
@frame.as_json
@frame.refusing
def publish(
    report: str,
    community: str,
    title: str | None,
    text: str | None,
    *,
    again: bool,
    as_json: bool,
) -> None:
    """Tell COMMUNITY, one that we coordinate, of a near-miss, without naming its source."""

    def publishing_it(
        session: Session, desk: Desk, actor: Actor, found: Called, now: datetime
    ) -> Written:
        channel = get_channel_named(session, actor, community)
        return publishing.publish(
            session,
            desk,
            actor,
            *_place(found),
            community=channel,
            title=title,
            text=text,
            again=again,
            now=now,
        )

    _write(report, Side.INCOMING, Act.INTEL_SHARED, publishing_it, as_json=as_json)


@click.command("close")
@click.argument("report")
@click.argument("outcome", metavar="OUTCOME", type=OUTCOMES)
@TEXT
@TEXT_FILE
@frame.as_json
@frame.refusing
def close(report: str, outcome: str, text: str | None, file: Path | None, *, as_json: bool) -> None:
    """Close a report, with what became of it."""
    words = read_words(text, file)

    def closing(
        session: Session, desk: Desk, actor: Actor, found: Called, now: datetime
    ) -> Written:
        became = ReportOutcome(outcome)
        place = _place(found)
        return exchange.close(session, desk, actor, *place, outcome=became, text=words, now=now)

    _write(report, Side.INCOMING, Act.REPORT_CLOSED, closing, as_json=as_json)


@click.command("reopen")
@click.argument("report")
@click.option("--reason", required=True, help="A dash reads it from standard input.")
@frame.as_json
@frame.refusing
def reopen(report: str, reason: str, *, as_json: bool) -> None:
    """Take up again what was set aside here, or what we have closed."""
    words = read_words(reason) or ""
    with frame.node():
        actor, now = frame.console_actor(), clock.utcnow()
        with transaction() as session:
            desk = current_office().desk(session)
            sides = (Side.RECORDED, Side.INCOMING)
            found = get_report_named(session, actor, report, *sides, us=desk.organisation)
            if found.side is Side.RECORDED:
                taken = LocalStep.REOPEN
                recording.set_aside(session, actor, found.report, taken, reason=words, now=now)
                us = desk.organisation
                local = local_with_channel(session, actor, found.report, us=us)
                line = f"“{local.title}” is {local.state}"
                document = local.model_dump(mode="json")
            else:
                place = _place(found)
                written = exchange.reopen(session, desk, actor, *place, text=words, now=now)
                answer = written_report(Act.REPORT_REOPENED, written)
                line = f"{answer.act} is entry {answer.epoch}/{answer.seq}"
                document = answer.model_dump(mode="json")
        frame.show(document, as_json=as_json, line=frame.printable(line))


@click.command("add")
@click.argument("report")
@click.argument("text")
@frame.as_json
@frame.refusing
def add(report: str, text: str, *, as_json: bool) -> None:
    """Add TEXT to a report of ours; a dash reads it from standard input.

    Each time, once more: unlike other commands, this one does something when it is repeated.
    """
    words = read_words(text) or ""

    def adding(session: Session, desk: Desk, actor: Actor, found: Called, now: datetime) -> Written:
        return exchange.add(session, desk, actor, *_place(found), text=words, now=now)

    _write(report, Side.OUTGOING, Act.REPORT_UPDATED, adding, as_json=as_json)


@click.command("withdraw")
@click.argument("report")
@click.option("--reason", help="A dash reads it from standard input.")
@frame.as_json
@frame.refusing
def withdraw(report: str, reason: str | None, *, as_json: bool) -> None:
    """Withdraw a report of ours; its words go by recalling them."""
    words = read_words(reason)

    def withdrawing(
        session: Session, desk: Desk, actor: Actor, found: Called, now: datetime
    ) -> Written:
        return exchange.withdraw(session, desk, actor, *_place(found), reason=words, now=now)

    _write(report, Side.OUTGOING, Act.REPORT_WITHDRAWN, withdrawing, as_json=as_json)


@click.command("ask-again")
@click.argument("report")
@click.argument("text")
@frame.as_json
@frame.refusing
def ask_again(report: str, text: str, *, as_json: bool) -> None:
    """Not leave it at how a report of ours was closed: TEXT, or a dash for standard input."""
    words = read_words(text) or ""

    def asking(session: Session, desk: Desk, actor: Actor, found: Called, now: datetime) -> Written:
        return exchange.ask_again(session, desk, actor, *_place(found), text=words, now=now)

    _write(report, Side.OUTGOING, Act.REPORT_REOPENED, asking, as_json=as_json)


COMMANDS: Final = (
    submit,
    acknowledge,
    triage,
    link,
    publish,
    close,
    reopen,
    add,
    withdraw,
    ask_again,
)


def _write(report: str, side: Side, act: Act, write: Writing, *, as_json: bool) -> None:
    """Write about the report that is named, in one transaction, and say what became of it."""

    def writing(
        session: Session, desk: Desk, actor: Actor, now: datetime
    ) -> tuple[str, Act, Written]:
        found = get_report_named(session, actor, report, side, us=desk.organisation)
        written = write(session, desk, actor, found, now)
        return written_report(act, written).channel, act, written

    write_act(writing, as_json=as_json)


def _place(found: Called) -> tuple[str, str]:
    """Give where a report between two organisations stands."""
    if found.channel is None:
        raise TypeError("this report has not left this node")
    return found.channel, found.report
