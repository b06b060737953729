"""What `tocsin community` does for the directory of a community or a case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, ParamSpec

import click
from sqlalchemy.orm import Session

from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from hub import clock
from hub.accounts.actor import Actor
from hub.api.directory_models import listed_document, people_document
from hub.channels.relay import WAYS, Told
from hub.commands import frame
from hub.commands.channel_acts import write_act
from hub.commands.names import get_channel_named, get_member_named
from hub.community import directory
from hub.community.directory import OURSELVES, Where, Whom, newest_statement
from hub.community.directory_queries import Contact, visible_directory, visible_people
from hub.community.directory_statement import StatedConstituency, StatedPoint
from hub.community.directory_words import DUTY_WORDS, hours_words, read_hours
from hub.office import current_office
from policies.acts import Act
from policies.directory import DAYS, Duty, Freshness, OnDuty, Sector, Way, WayKind
from policies.errors import InvalidError, NotFoundError
from policies.tlp import read_tlp
from sharing.db import reading

Done = tuple[str, Act, Written]
P = ParamSpec("P")

COLUMNS: Final = {
    "name": "organisation",
    "contact": "whom",
    "duty": "for",
    "on_duty": "on duty",
    "hours": "hours",
    "ways": "how",
    "verified": "verified",
    "reached": "last reached",
}
_KINDS: Final = {kind.value: kind for kind in WayKind}


def _of_whom(function: Callable[P, None]) -> Callable[P, None]:
    """Add the options by which we speak for an organisation that can't write."""
    for option in (
        click.option("--informant", help="Who told it."),
        click.option("--told", type=click.Choice(WAYS), default=WAYS[0], show_default=True),
        click.option("--for", "organisation", metavar="MEMBER", help="Who can't write itself."),
    ):
        function = option(function)
    return function


@click.command("directory")
@click.argument("channel")
@click.option("--name", help="Part of the name of an organisation or of a contact point.")
@frame.as_json
@frame.refusing
def show_directory(channel: str, name: str | None, *, as_json: bool) -> None:
    """Show how to reach each member of CHANNEL, those with somebody on duty now first."""
    with frame.node(), reading() as session:
        actor, us = frame.console_actor(), current_office().desk(session).organisation
        found = get_channel_named(session, actor, channel)
        listed = visible_directory(session, actor, found, us=us, now=clock.utcnow(), name=name)
        if as_json:
            rows: list[dict[str, Any]] = [
                listed_document(one).model_dump(mode="json") for one in listed
            ]
        else:
            rows = [
                _row(one.name, point) | {"reached": one.reached.at if one.reached else None}
                for one in listed
                for point in one.contacts or (None,)
            ]
        frame.show_table(rows, COLUMNS, as_json=as_json, nothing="nobody")


@click.command("whom")
@click.argument("channel")
@frame.as_json
@frame.refusing
def show_people(channel: str, *, as_json: bool) -> None:
    """Show whom to call at each other member of CHANNEL, from all that we share with it."""
    with frame.node(), reading() as session:
        actor, us = frame.console_actor(), current_office().desk(session).organisation
        found = get_channel_named(session, actor, channel)
        people = visible_people(session, actor, found, us=us, now=clock.utcnow())
        if as_json:
            rows: list[dict[str, Any]] = [
                people_document(one).model_dump(mode="json") for one in people
            ]
        else:
            rows = [_row(one.name, point) for one in people for point in one.people or (None,)]
        columns = {key: word for key, word in COLUMNS.items() if key != "reached"}
        frame.show_table(rows, columns, as_json=as_json, nothing="nobody")


@click.command("describe")
@click.argument("channel")
@click.argument("name")
@click.option("--way", "ways", metavar="KIND:WORDS", multiple=True, help="Repeatable.")
@click.option(
    "--out-of-band",
    "apart",
    metavar="KIND:WORDS",
    multiple=True,
    help="A way that works when the organisation's own systems are down. Repeatable.",
)
@click.option(
    "--duty",
    type=click.Choice([duty.value for duty in Duty]),
    default=Duty.PRIMARY.value,
    show_default=True,
)
@click.option("--order", type=click.IntRange(1, 99), default=1, show_default=True)
@click.option("--day", "days", type=click.Choice(DAYS), multiple=True, help="Repeatable.")
@click.option("--from", "begins", metavar="HH:MM", help="When duty begins; always, without any.")
@click.option("--until", "ends", metavar="HH:MM", help="When duty ends.")
@click.option("--zone", metavar="ZONE", help="Like Europe/Vienna, or +01:00; UTC if not given.")
@click.option("--tlp", metavar="LEVEL", help="The label of names and numbers; as before.")
@_of_whom
@frame.as_json
@frame.refusing
def describe(  # noqa: PLR0913, PLR0917 - one argument for each option
    channel: str,
    name: str,
    ways: tuple[str, ...],
    apart: tuple[str, ...],
    duty: str,
    order: int,
    days: tuple[str, ...],
    begins: str | None,
    ends: str | None,
    zone: str | None,
    tlp: str | None,
    organisation: str | None,
    told: str,
    informant: str | None,
    *,
    as_json: bool,
) -> None:
    """State the contact point NAME; one that has this name is replaced.

    KIND is telephone, e-mail, chat, phone-bridge, portal, node, courier or other.
    """
    read = [
        *(_way(text, out_of_band=True) for text in apart),
        *(_way(text, out_of_band=False) for text in ways),
    ]
    hours, label = read_hours(days, begins, ends, zone), read_tlp(tlp) if tlp else None

    def write(where: Where, whom: Whom, now: datetime) -> Written:
        same = [one for one in _points(where, whom) if one.name == name]
        point = StatedPoint(
            name=name,
            ways=tuple(way for way, _ in read),
            lines=tuple(words for _, words in read),
            duty=Duty(duty),
            order=order,
            hours=hours,
            verified_at=now,
            ref=same[0].ref if same else None,
        )
        return directory.set_point(*where, point, whom=whom, tlp=label, now=now)

    _write(channel, organisation, told, informant, write, as_json=as_json)


@click.command("verify")
@click.argument("channel")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@_of_whom
@frame.as_json
@frame.refusing
def verify(
    channel: str,
    names: tuple[str, ...],
    organisation: str | None,
    told: str,
    informant: str | None,
    *,
    as_json: bool,
) -> None:
    """Say that contact points are still right: those named, or all."""

    def write(where: Where, whom: Whom, now: datetime) -> Written:
        refs = [_ref(where, whom, name) for name in names]
        return directory.verify(*where, refs=refs, whom=whom, now=now)

    _write(channel, organisation, told, informant, write, as_json=as_json)


@click.command("take-back")
@click.argument("channel")
@click.argument("name")
@_of_whom
@frame.as_json
@frame.refusing
def take_back(
    channel: str,
    name: str,
    organisation: str | None,
    told: str,
    informant: str | None,
    *,
    as_json: bool,
) -> None:
    """Take the contact point NAME back."""

    def write(where: Where, whom: Whom, now: datetime) -> Written:
        return directory.remove_point(*where, _ref(where, whom, name), whom=whom, now=now)

    _write(channel, organisation, told, informant, write, as_json=as_json)


@click.command("answers-for")
@click.argument("channel")
@click.option(
    "--sector",
    "sectors",
    type=click.Choice([sector.value for sector in Sector]),
    multiple=True,
    help="Repeatable.",
)
@click.option("--domain", "domains", multiple=True, help="Repeatable.")
@click.option("--range", "ranges", multiple=True, help="Like 192.0.2.0/24. Repeatable.")
@click.option("--as-number", "numbers", type=click.IntRange(1, 2**32 - 1), multiple=True)
@click.option("--service", "services", multiple=True, help="What it offers others. Repeatable.")
@_of_whom
@frame.as_json
@frame.refusing
def answers_for(  # noqa: PLR0913, PLR0917 - one argument for each option
    channel: str,
    sectors: tuple[str, ...],
    domains: tuple[str, ...],
    ranges: tuple[str, ...],
    numbers: tuple[int, ...],
    services: tuple[str, ...],
    organisation: str | None,
    told: str,
    informant: str | None,
    *,
    as_json: bool,
) -> None:
    """Say for whom we answer; contact points stay as they are."""
    facts = StatedConstituency(
        sectors=tuple(Sector(one) for one in dict.fromkeys(sectors)),
        as_numbers=tuple(dict.fromkeys(numbers)),
        domains=domains,
        ranges=ranges,
        services=services,
    )

    def write(where: Where, whom: Whom, now: datetime) -> Written:
        return directory.set_constituency(*where, facts, whom=whom, now=now)

    _write(channel, organisation, told, informant, write, as_json=as_json)


COMMANDS: Final = (show_directory, show_people, describe, verify, take_back, answers_for)


def _write(
    channel: str,
    organisation: str | None,
    told: str,
    informant: str | None,
    write: Callable[[Where, Whom, datetime], Written],
    *,
    as_json: bool,
) -> None:
    def act(session: Session, desk: Desk, actor: Actor, now: datetime) -> Done:
        found = get_channel_named(session, actor, channel)
        whom = OURSELVES
        if organisation is not None:
            member = get_member_named(
                session, actor, found, organisation, us=desk.organisation, now=now
            )
            whom = Whom(member, Told(told, now, informant))
        return found, Act.MEMBER_DESCRIBED, write((session, desk, actor, found), whom, now)

    write_act(act, as_json=as_json)


def _points(where: Where, whom: Whom) -> Sequence[StatedPoint]:
    session, desk, _, channel = where
    us = desk.organisation
    return newest_statement(session, channel, whom.organisation or us, us=us).points


def _ref(where: Where, whom: Whom, name: str) -> str:
    found = [one.ref for one in _points(where, whom) if name in {one.name, one.ref}]
    if not found or found[0] is None:
        raise NotFoundError(
            f"there is no contact point “{name}”", hint="See: tocsin community directory"
        )
    if len(found) > 1:
        raise InvalidError(f"several contact points are called “{name}”", hint="Give the id.")
    return found[0]


def _way(text: str, *, out_of_band: bool) -> tuple[Way, str]:
    kind, _, words = text.partition(":")
    if kind not in _KINDS or not words.strip():
        choices = ", ".join(_KINDS)
        raise InvalidError(
            f"“{text[:60]}” is no way to reach somebody",
            field="way",
            hint=f"It is like telephone:+4312345; before the colon stands one of {choices}.",
        )
    return Way(_KINDS[kind], out_of_band), words.strip()


def _row(name: str, point: Contact | None) -> dict[str, Any]:
    if point is None:
        return {"name": name}
    return {
        "name": name,
        "contact": point.name,
        "duty": DUTY_WORDS[point.duty],
        "on_duty": _on_duty(point),
        "hours": hours_words(point.hours),
        "ways": "; ".join(
            f"{way.kind.value} {way.words or 'not shown'}"
            + (" (out of band)" if way.out_of_band else "")
            for way in point.ways
        ),
        "verified": (
            point.verified_at
            if point.freshness is Freshness.FRESH
            else f"{point.freshness.value}: ask"
        ),
    }


def _on_duty(point: Contact) -> str:
    if point.on_duty is OnDuty.NO and point.next_at is not None:
        return f"from {point.next_at:%a %H:%M} UTC"
    return point.on_duty.value
