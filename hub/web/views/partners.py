"""Partners: who they are, how the exchange goes, and pairing step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from flask import Response, flash, redirect, url_for
from pydantic import StringConstraints
from werkzeug.wrappers import Response as BaseResponse

from federation.identity.key_state import KeyState
from federation.identity.node import get_node
from federation.partners import pairing, partners, throttling
from federation.partners.invitations import Invitation
from federation.partners.partner_keys import find_key_state, newest_descriptor
from federation.partners.partner_records import PartnerState
from federation.partners.partners import Partner
from hub import clock, partnerships
from hub.accounts.current import current_actor
from hub.channels import queries
from hub.channels.queries import ChannelSummary
from hub.office import current_office
from hub.web.acting import DONE, attempt
from hub.web.channel_words import KIND_WORDS, Contribution, contribution_of
from hub.web.forms import Filled, PageForm, as_sentence
from hub.web.frame import pages, show
from hub.web.keys import KeysView, KeyView, key_view, keys_view
from hub.web.models import Alarm, State, Tone
from hub.web.waiting import is_silent
from policies.errors import NotFoundError, UnavailableError
from policies.roles import Right
from sharing.db import reading, transaction

PAIRING_HINTS: Final[Mapping[bool, str]] = {
    True: "Ask the other side’s administrator for a new invitation.",
    False: "Keep the line and paste it again later; it works until it runs out.",
}


class InvitationForm(PageForm):
    """For whom an invitation is meant."""

    note: Annotated[str, StringConstraints(max_length=200)] | None = None


class PasteForm(PageForm):
    """The line that the other side gave us."""

    invitation: Annotated[str, StringConstraints(max_length=1000)]


class ConfirmForm(PageForm):
    """Whether the phrase was compared."""

    compared: bool = False


class ReasonForm(PageForm):
    """Why, for our own record."""

    reason: Annotated[str, StringConstraints(max_length=1000)] | None = None


@dataclass(frozen=True)
class PartnerLine:
    """One partner in the list."""

    organisation: str
    name: str
    state: State
    sentence: str
    keys: KeysView | None = None
    waiting_count: int = 0


@dataclass(frozen=True)
class PartnerView:
    """One partner, all of it."""

    organisation: str
    name: str
    base_url: str
    recovery_thumbprint: str
    state: State
    sentence: str
    reason: str | None
    alarm: Alarm | None
    to_confirm: bool
    phrase: Sequence[str]
    heard_at: datetime | None
    failed_at: datetime | None
    failure: str | None
    confirmed_at: datetime | None
    confirmed_by: str | None
    phrase_compared: bool | None
    they_confirmed_at: datetime | None
    keys: Sequence[KeyView]
    key_state: KeysView | None
    acts: Sequence[str]
    channels: Sequence[ChannelSummary]
    outbox: Sequence[Contribution]


@pages.get("/partners")
def get_partners() -> Response:
    """Show all partners, those that wait for us first."""
    actor, now = current_actor(), clock.utcnow()
    actor.may(Right.READ_PARTNERS).enforce()
    with reading() as session:
        rows = list(partners.partners(session))
        keys = {row.organisation: find_key_state(session, row.organisation) for row in rows}
        given = pairing.invitations(session)
    rows.sort(key=lambda row: (_rank(row), row.name.casefold()))
    return show(
        "partners/list.html",
        "partners",
        now=now,
        partners=[_line(row, keys[row.organisation], now=now) for row in rows],
        invitations=[one for one in given if one.open_at(now)],
        may_manage=bool(actor.may(Right.MANAGE_PARTNERS)),
    )


@pages.get("/partners/new")
def get_pairing() -> Response:
    """Show both ways to begin."""
    current_actor().may(Right.MANAGE_PARTNERS).enforce()
    return _show_pairing()


@pages.post("/partners/invitations")
def post_invitation() -> BaseResponse:
    """Make an invitation and show it in the answer, since its secret is kept nowhere."""
    made: list[Invitation] = []

    def act(form: InvitationForm) -> None:
        with transaction() as session:
            actor, now = current_actor(), clock.utcnow()
            made.append(partnerships.invite(session, actor, note=form.note, now=now))

    filled, status = attempt(InvitationForm, act)
    if status is not DONE:
        return _show_pairing(note_form=filled, status=status)
    note = filled.form.note if filled.form else None
    return _show_pairing(invitation=made[0].line, invitation_note=note)


@pages.post("/partners/invitations/<uuid:invitation_id>/end")
def post_invitation_end(invitation_id: UUID) -> BaseResponse:
    """Take an invitation back."""
    with transaction() as session:
        partnerships.withdraw_invitation(
            session, current_actor(), invitation_id, now=clock.utcnow()
        )
    flash("The invitation is taken back. Whoever has the line can't use it any more.", "good")
    return redirect(url_for("pages.get_partners"), HTTPStatus.SEE_OTHER)


@pages.post("/partners")
def post_pairing() -> BaseResponse:
    """Answer an invitation: our node asks theirs, and both have something to confirm."""
    met: list[Partner] = []

    def act(form: PasteForm) -> None:
        try:
            met.append(
                partnerships.accept(
                    current_office().exchanges, current_actor(), form.invitation, now=clock.utcnow()
                )
            )
        except (NotFoundError, UnavailableError) as error:
            error.hint = error.hint or PAIRING_HINTS[isinstance(error, NotFoundError)]
            raise

    filled, status = attempt(PasteForm, act)
    if status is not DONE:
        return _show_pairing(paste_form=filled, status=status)
    flash(f"{met[0].name} answered. Now compare the words.", "good")
    return _to(met[0].organisation)


@pages.get("/partners/<organisation>")
def get_partner(organisation: str) -> Response:
    """Show one partner."""
    return show_partner(organisation)


@pages.post("/partners/<organisation>/confirmation")
def post_confirmation(organisation: str) -> BaseResponse:
    """Confirm that it is the organisation it claims to be."""

    def act(form: ConfirmForm) -> None:
        partner = partnerships.confirm(
            current_office().exchanges,
            current_actor(),
            organisation,
            compared=form.compared,
            now=clock.utcnow(),
        )
        if partner.active:
            flash(f"{partner.name} is confirmed by both sides. The exchange begins.", "good")
        else:
            flash(f"Confirmed. Now {partner.name} has to confirm you.", "good")

    filled, status = attempt(ConfirmForm, act)
    if status is not DONE:
        return show_partner(organisation, confirm_form=filled, status=status)
    return _to(organisation)


@pages.post("/partners/<organisation>/suspension")
def post_partner_suspend(organisation: str) -> BaseResponse:
    """Stop the exchange for now."""

    def act(form: ReasonForm) -> None:
        with transaction() as session:
            actor, now = current_actor(), clock.utcnow()
            partnerships.suspend(session, actor, organisation, reason=form.reason, now=now)

    filled, status = attempt(ReasonForm, act)
    if status is not DONE:
        return show_partner(organisation, suspend_form=filled, status=status)
    flash("The exchange with this partner has stopped.", "good")
    return _to(organisation)


@pages.post("/partners/<organisation>/resumption")
def post_partner_resume(organisation: str) -> BaseResponse:
    """Take the exchange up again."""
    with transaction() as session:
        partner = partnerships.resume(session, current_actor(), organisation, now=clock.utcnow())
    flash(f"The exchange with {partner.name} goes on.", "good")
    return _to(organisation)


@pages.post("/partners/<organisation>/end")
def post_partner_end(organisation: str) -> BaseResponse:
    """End the partnership."""

    def act(form: ReasonForm) -> None:
        with transaction() as session:
            actor, now = current_actor(), clock.utcnow()
            partnerships.end(session, actor, organisation, reason=form.reason, now=now)

    filled, status = attempt(ReasonForm, act)
    if status is not DONE:
        return show_partner(organisation, end_form=filled, status=status)
    flash("The partnership has ended.", "good")
    return _to(organisation)


def state_of(partner: Partner, *, now: datetime) -> State:
    """Say where a partnership stands; where it is active, whether we are in touch."""
    match partner.state:
        case PartnerState.INVITED:
            return State("being answered", Tone.WAITING)
        case PartnerState.TO_CONFIRM if partner.confirmed_at is None:
            return State("to confirm", Tone.WAITING)
        case PartnerState.TO_CONFIRM:
            return State("they have to confirm", Tone.CALM)
        case PartnerState.ACTIVE if is_silent(partner, now=now):
            return State("silent", Tone.TROUBLE)
        case PartnerState.ACTIVE:
            return State("in touch", Tone.GOOD)
        case PartnerState.SUSPENDED if partner.stopped_by is not None:
            return State("stopped", Tone.TROUBLE)
        case PartnerState.SUSPENDED:
            return State("suspended", Tone.ENDED)
        case _:
            return State("ended", Tone.ENDED)


def _sentence(partner: Partner, *, now: datetime) -> str:
    """Say in one sentence how it stands and what is missing."""
    match partner.state:
        case PartnerState.INVITED:
            return "Our answer to their invitation has not gone through yet."
        case PartnerState.TO_CONFIRM if partner.confirmed_at is None:
            return "Compare eight words over the telephone, then confirm."
        case PartnerState.TO_CONFIRM:
            return "You have confirmed; their administrator has yet to confirm you."
        case PartnerState.ACTIVE if partner.heard_at is None:
            return "Nothing was heard from their node yet."
        case PartnerState.ACTIVE if is_silent(partner, now=now):
            return "Their node does not answer. What we write waits and goes out by itself."
        case PartnerState.ACTIVE:
            return "Both nodes exchange what their channels hold."
        case PartnerState.SUSPENDED:
            return "Nothing is exchanged. Nothing was deleted."
        case _:
            return "The partnership has ended. A new invitation can begin another."


def _rank(partner: Partner) -> int:
    if partner.state is PartnerState.TO_CONFIRM and partner.confirmed_at is None:
        return 0
    return 2 if partner.state is PartnerState.ENDED else 1


def _line(partner: Partner, keys: KeyState | None, *, now: datetime) -> PartnerLine:
    return PartnerLine(
        organisation=partner.organisation,
        name=partner.name,
        state=state_of(partner, now=now),
        sentence=_sentence(partner, now=now),
        keys=keys_view(keys),
    )


def _to(organisation: str) -> BaseResponse:
    return redirect(url_for("pages.get_partner", organisation=organisation), HTTPStatus.SEE_OTHER)


def _show_pairing(
    *,
    note_form: Filled[InvitationForm] | None = None,
    paste_form: Filled[PasteForm] | None = None,
    invitation: str | None = None,
    invitation_note: str | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    return show(
        "partners/pairing.html",
        "partners",
        status=status,
        note_form=note_form,
        paste_form=paste_form,
        invitation=invitation,
        invitation_note=invitation_note,
    )


def show_partner(
    organisation: str,
    *,
    confirm_form: Filled[ConfirmForm] | None = None,
    suspend_form: Filled[ReasonForm] | None = None,
    end_form: Filled[ReasonForm] | None = None,
    quota_form: Filled[Any] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    """Show one partner, with the forms that came back."""
    actor, now = current_actor(), clock.utcnow()
    actor.may(Right.READ_PARTNERS).enforce()
    with reading() as session:
        row = partners.find_partner(session, organisation)
        if row is None:
            raise NotFoundError("there is no such partner")
        phrase = pairing.verification_phrase(get_node(session), row)
        key_state = keys_view(find_key_state(session, organisation))
        keys = [key_view(key) for key in newest_descriptor(session, organisation).keys]
        channels = queries.visible_channels_with(session, actor, organisation)
        throttled = throttling.find_throttled(session, organisation, now=now)
        percent = throttling.percent_of(session, organisation)
        theirs = {one.id: one.name for one in channels if one.owner == organisation}
        outbox = [
            contribution_of(session, one, place=theirs[one.channel])
            for one in queries.visible_pending(session, actor, now=now)
            if one.channel in theirs
        ]
    return show(
        "partners/partner.html",
        "partners",
        status=status,
        now=now,
        kind_words=KIND_WORDS,
        partner=_view(row, phrase, (keys, key_state), channels, outbox, now=now),
        may_manage=bool(actor.may(Right.MANAGE_PARTNERS)),
        confirm_form=confirm_form,
        suspend_form=suspend_form,
        end_form=end_form,
        quota_form=quota_form,
        throttled=throttled,
        percent=percent,
    )


def _view(
    row: Partner,
    phrase: Sequence[str],
    keys: tuple[Sequence[KeyView], KeysView | None],
    channels: Sequence[ChannelSummary],
    outbox: Sequence[Contribution],
    *,
    now: datetime,
) -> PartnerView:
    alarm = None
    if row.stopped_by is not None:
        alarm = Alarm(
            f"{row.name} showed two different descriptors of one version.",
            "The exchange was stopped by itself, and the evidence is kept. Call them: their"
            " recovery key can settle it, then resume; else end the partnership.",
        )
    acts = {
        PartnerState.INVITED: ("end",),
        PartnerState.TO_CONFIRM: ("end",),
        PartnerState.ACTIVE: ("suspend", "end"),
        PartnerState.SUSPENDED: ("resume", "end") if row.stopped_by is None else ("end",),
        PartnerState.ENDED: (),
    }[row.state]
    return PartnerView(
        organisation=row.organisation,
        name=row.name,
        base_url=row.base_url,
        recovery_thumbprint=row.recovery_thumbprint,
        state=state_of(row, now=now),
        sentence=_sentence(row, now=now),
        reason=as_sentence(row.reason) if row.reason else None,
        alarm=alarm,
        to_confirm=row.state is PartnerState.TO_CONFIRM and row.confirmed_at is None,
        phrase=phrase,
        heard_at=row.heard_at,
        failed_at=row.failed_at,
        failure=as_sentence(row.failure) if row.failure else None,
        confirmed_at=row.confirmed_at,
        confirmed_by=row.confirmed_by,
        phrase_compared=row.phrase_compared,
        they_confirmed_at=row.they_confirmed_at,
        keys=keys[0],
        key_state=keys[1],
        acts=acts,
        channels=channels,
        outbox=outbox,
    )
