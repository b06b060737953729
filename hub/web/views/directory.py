"""The directory of a community or a case: who is on duty now, and how to reach whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from flask import Response, flash, redirect, request, url_for
from pydantic import Field, StringConstraints
from werkzeug.wrappers import Response as BaseResponse

from federation.ledgers.channels import Written
from hub import clock
from hub.accounts.current import current_actor
from hub.audit import service as audit
from hub.channels.queries import get_visible_summary
from hub.channels.relay import Told
from hub.community import directory
from hub.community.directory import OURSELVES, Whom, newest_statement
from hub.community.directory_queries import visible_directory
from hub.community.directory_statement import StatedConstituency, StatedPoint
from hub.community.directory_words import read_hours
from hub.office import current_office
from hub.web import directory_words as shown
from hub.web.acting import DONE, attempt
from hub.web.forms import PageForm, read_form
from hub.web.frame import pages, show
from hub.web.relay_words import WAYS
from hub.web.seeing import seeing_of
from hub.web.views.channels import Where
from policies.directory import Duty, Sector, Way, WayKind
from policies.errors import InvalidError
from sharing.db import reading, transaction

Line = Annotated[str, StringConstraints(max_length=200)]
Clock = Annotated[str, StringConstraints(max_length=5)]
Ref = Annotated[str, StringConstraints(max_length=60)]
Facts = Annotated[str, StringConstraints(max_length=4_000)]
_LARGEST_AS_NUMBER = 2**32 - 1


class WhomForm(PageForm):
    """Whose contact points are meant; ours, where nobody is named."""

    organisation: Ref | None = None
    told_way: Literal["telephone", "in-person", "e-mail", "message", "other"] = "telephone"
    informant: Line | None = None


class PointForm(WhomForm):
    """A contact point: a name, one way at least, and hours where it is not always on duty."""

    ref: Ref | None = None
    name: Line
    kind1: WayKind = WayKind.TELEPHONE
    words1: Line
    out1: Literal["yes"] | None = None
    kind2: WayKind = WayKind.E_MAIL
    words2: Line | None = None
    out2: Literal["yes"] | None = None
    kind3: WayKind = WayKind.CHAT
    words3: Line | None = None
    out3: Literal["yes"] | None = None
    duty: Duty = Duty.PRIMARY
    order: Annotated[int, Field(ge=1, le=99)] | None = None
    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = Field(
        default_factory=list
    )
    begins: Clock | None = None
    ends: Clock | None = None
    zone: Annotated[str, StringConstraints(max_length=40)] | None = None


class RefForm(WhomForm):
    """One contact point; all, where none is named."""

    ref: Ref | None = None


class FactsForm(WhomForm):
    """For whom an organisation answers."""

    sectors: list[Sector] = Field(default_factory=list)
    domains: Facts | None = None
    ranges: Facts | None = None
    as_numbers: Facts | None = None
    services: Facts | None = None


class SearchForm(PageForm):
    """Part of a name."""

    name: Line | None = None


F = TypeVar("F", bound=WhomForm)


@pages.get("/communities/<uuid:channel>/directory")
@pages.get("/channels/<uuid:channel>/directory")
def get_directory(channel: UUID) -> Response:
    """Show how to reach whom; who read it is written down."""
    response = _show_directory(str(channel), {})
    with transaction() as session:
        audit.record(session, current_actor(), "channel.read", str(channel), now=clock.utcnow())
    return response


@pages.post("/channels/<uuid:channel>/directory/points")
def post_contact_point(channel: UUID) -> BaseResponse:
    """Add a contact point, or change one."""
    return _do(
        channel,
        PointForm,
        "point",
        lambda form, where, now: directory.set_point(
            *where, _point(form, where, now), whom=_whom(form, now), now=now
        ),
        "It stands in the directory.",
    )


@pages.post("/channels/<uuid:channel>/directory/removals")
def post_contact_removal(channel: UUID) -> BaseResponse:
    """Take a contact point back."""
    return _do(
        channel,
        RefForm,
        "other",
        lambda form, where, now: directory.remove_point(
            *where, form.ref or "", whom=_whom(form, now), now=now
        ),
        "It is taken back.",
    )


@pages.post("/channels/<uuid:channel>/directory/verifications")
def post_contact_verification(channel: UUID) -> BaseResponse:
    """Say that contact points are still right."""
    return _do(
        channel,
        RefForm,
        "other",
        lambda form, where, now: directory.verify(
            *where, refs=[form.ref] if form.ref else [], whom=_whom(form, now), now=now
        ),
        "They know that it is still right.",
    )


@pages.post("/channels/<uuid:channel>/directory/constituency")
def post_constituency(channel: UUID) -> BaseResponse:
    """Say for whom an organisation answers."""
    return _do(
        channel,
        FactsForm,
        "facts",
        lambda form, where, now: directory.set_constituency(
            *where,
            StatedConstituency(
                sectors=tuple(form.sectors),
                as_numbers=_numbers(form.as_numbers),
                domains=_parts(form.domains),
                ranges=_parts(form.ranges),
                services=_parts(form.services),
            ),
            whom=_whom(form, now),
            now=now,
        ),
        "It stands in the directory.",
    )


def _do(
    channel: UUID,
    model: type[F],
    slot: str,
    write: Callable[[F, Where, datetime], Written],
    done: str,
) -> BaseResponse:
    """Write what a form says; where that can't be, show the page again."""
    written: list[Written] = []

    def act(form: F) -> None:
        with transaction() as session:
            where = (session, current_office().desk(session), current_actor(), str(channel))
            written.append(write(form, where, clock.utcnow()))

    filled, status = attempt(model, act, shares=True)
    if status is not DONE:
        return _show_directory(str(channel), {slot: filled}, status)
    flash(done if written[0].entry is not None else "It is on its way to the coordinator.", "good")
    place = url_for("pages.get_directory", channel=channel)
    return redirect(place, HTTPStatus.SEE_OTHER)


def _show_directory(
    channel: str, forms: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK
) -> Response:
    actor, now = current_actor(), clock.utcnow()
    asked = read_form(SearchForm, request.args).form
    name = asked.name if asked is not None else None
    with reading() as session:
        us = current_office().desk(session).organisation
        listed = visible_directory(session, actor, channel, us=us, now=now, name=name)
        summary = get_visible_summary(session, actor, channel)
        editable = shown.editable(session, actor, summary, listed, us=us, now=now)
        seeing = seeing_of(session, actor, channel, us=us)
    on_duty = sum(point.is_on_duty for one in listed for point in one.contacts)
    return show(
        "communities/directory.html",
        "channels",
        status=status,
        now=now,
        channel=summary,
        us=us,
        listed=listed,
        on_duty_count=on_duty,
        editable=editable,
        seeing=seeing,
        name=name,
        forms=forms,
        ways=shown.way_choices(),
        told_ways=WAYS,
        words=shown,
    )


def _whom(form: WhomForm, now: datetime) -> Whom:
    if form.organisation is None:
        return OURSELVES
    return Whom(form.organisation, Told(form.told_way, now, form.informant))


def _point(form: PointForm, where: Where, now: datetime) -> StatedPoint:
    """Put a contact point together; what the form does not show stays as it was."""
    session, desk, _, channel = where
    organisation = form.organisation or desk.organisation
    stated = newest_statement(session, channel, organisation, us=desk.organisation).points
    before = next((one for one in stated if form.ref and one.ref == form.ref), None)
    typed = (
        (form.kind1, form.words1, form.out1),
        (form.kind2, form.words2, form.out2),
        (form.kind3, form.words3, form.out3),
    )
    kept = before.ways if before is not None else ()
    ways, lines = [], []
    for place, (kind, line, out) in enumerate(typed):
        if not line:
            continue
        same = kept[place] if place < len(kept) and kept[place].kind is kind else None
        way = Way(kind, out_of_band=out is not None)
        ways.append(replace(way, ceiling=same.ceiling) if same is not None else way)
        lines.append(line)
    if before is not None:
        ways += before.ways[len(typed) :]
        lines += before.lines[len(typed) :]
    return StatedPoint(
        name=form.name,
        ways=tuple(ways),
        lines=tuple(lines),
        duty=form.duty,
        order=form.order or (before.order if before is not None else _last(stated)),
        hours=read_hours(form.days, form.begins, form.ends, form.zone),
        verified_at=now,
        ref=form.ref,
    )


def _last(stated: Sequence[StatedPoint]) -> int:
    return min(99, 1 + max((one.order for one in stated), default=0))


def _parts(text: str | None) -> tuple[str, ...]:
    parts = (part.strip() for part in (text or "").replace("\n", ",").split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def _numbers(text: str | None) -> tuple[int, ...]:
    numbers = []
    for part in _parts(text):
        digits = part.upper().removeprefix("AS")
        if not (digits.isascii() and digits.isdigit()) or len(digits) > len(
            str(_LARGEST_AS_NUMBER)
        ):
            raise InvalidError("an AS number is like AS64496", field="as_numbers")
        number = int(digits)
        if not 0 < number <= _LARGEST_AS_NUMBER:
            raise InvalidError("an AS number is like AS64496", field="as_numbers")
        numbers.append(number)
    return tuple(dict.fromkeys(numbers))
