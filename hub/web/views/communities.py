"""Communities: the charter that their members live by, the one proposed, and who says what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeVar
from uuid import UUID

from flask import Response, flash, redirect, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from federation.ledgers.desk import Desk
from hub import clock
from hub.accounts.actor import Actor
from hub.accounts.current import current_actor
from hub.audit import service as audit
from hub.cases import deciding, decision_queries
from hub.channels.member_queries import visible_members
from hub.channels.queries import visible_pending
from hub.channels.relay import Told
from hub.community import charters, queries
from hub.community.terms import find_in_force
from hub.office import current_office
from hub.web import case_words
from hub.web import charter_words as shown
from hub.web.acting import DONE, attempt
from hub.web.case_forms import MaybeReasonForm, OutcomeForm, VoteForm
from hub.web.charter_forms import (
    DEPUTIES,
    RULED,
    CharterForm,
    EndingForm,
    RefusalForm,
    ToldForm,
    terms_of,
    typed_terms,
)
from hub.web.forms import Filled, PageForm, as_utc
from hub.web.frame import pages, show
from hub.web.relay_words import WAYS, speakers_in
from hub.web.seeing import seeing_of
from hub.web.views.channels import NoForm
from policies.acts import Act
from policies.charter import Answering, Terms, Widened, read_terms
from policies.criteria import Criterion
from policies.decisions import ABSTAINED, Topic
from policies.matrix import Level
from policies.roles import Right
from policies.tlp import TLP
from sharing.db import reading, transaction

F = TypeVar("F", bound=PageForm)
Where = tuple[Session, Desk, Actor, str]


@pages.get("/communities")
def get_communities() -> Response:
    """Show the communities that we have a part in."""
    actor, now = current_actor(), clock.utcnow()
    actor.may(Right.READ_CHANNELS).enforce()
    with reading() as session:
        found = queries.visible_communities(session, actor)
    return show(
        "communities/list.html",
        "communities",
        now=now,
        communities=found,
        may_open=bool(actor.may(Right.OPEN_CHANNELS)),
    )


@pages.get("/communities/<uuid:channel>")
def get_community(channel: UUID) -> Response:
    """Show the home of one community."""
    response = show_community(str(channel), {})
    with transaction() as session:
        audit.record(session, current_actor(), "channel.read", str(channel), now=clock.utcnow())
    return response


@pages.get("/communities/<uuid:channel>/charters/new")
def get_new_charter(channel: UUID) -> Response:
    """Show the form for the next version of the charter."""
    current_actor().may(Right.MANAGE_MEMBERS).enforce()
    return _show_new(str(channel), None)


@pages.post("/communities/<uuid:channel>/charters")
def post_charter(channel: UUID) -> BaseResponse:
    """Propose a version of the charter."""

    def act(form: CharterForm) -> None:
        with transaction() as session:
            charters.propose(
                session,
                current_office().desk(session),
                current_actor(),
                str(channel),
                text=form.text,
                terms=terms_of(form),
                accept_by=as_utc(form.accept_by),
                now=clock.utcnow(),
            )

    filled, status = attempt(CharterForm, act, shares=True)
    if status is not DONE:
        return _show_new(str(channel), filled, status)
    flash("Proposed. Every member is asked, and you have accepted it by that.", "good")
    return _to_community(str(channel))


@pages.post("/communities/<uuid:channel>/charters/<charter>/acceptance")
def post_charter_accepted(channel: UUID, charter: str) -> BaseResponse:
    """Accept a version for our organisation."""
    return _write(
        channel,
        NoForm,
        "answer",
        lambda _, where, now: charters.accept(*where, charter, now=now),
        "Accepted for your organisation.",
    )


@pages.post("/communities/<uuid:channel>/charters/<charter>/refusal")
def post_charter_declined(channel: UUID, charter: str) -> BaseResponse:
    """Decline a version for our organisation."""
    return _write(
        channel,
        RefusalForm,
        f"declined {charter}",
        lambda form, where, now: charters.decline(*where, charter, reason=form.reason, now=now),
        "Declined, with the reason. You may change your mind.",
    )


@pages.post("/communities/<uuid:channel>/charters/<charter>/told")
def post_charter_told(channel: UUID, charter: str) -> BaseResponse:
    """Record what somebody told us about a version."""
    return _write(
        channel,
        ToldForm,
        f"told {charter}",
        lambda form, where, now: charters.relay_answer(
            *where,
            charter,
            organisation=form.organisation,
            accepts=form.answer == "accepted",
            told=Told(form.way, now, form.informant),
            text=form.text,
            now=now,
        ),
        "Recorded as your statement, on their behalf.",
    )


@pages.post("/communities/<uuid:channel>/charters/<charter>/force")
def post_charter_in_force(channel: UUID, charter: str) -> BaseResponse:
    """Let a version bind from now on."""
    return _write(
        channel,
        NoForm,
        "force",
        lambda _, where, now: charters.put_in_force(*where, charter, now=now),
        "The charter is in force. Cases that are opened from now on go by it.",
    )


@pages.post("/communities/<uuid:channel>/charters/<charter>/withdrawal")
def post_charter_withdrawn(channel: UUID, charter: str) -> BaseResponse:
    """Take a proposed version back."""
    return _write(
        channel,
        RefusalForm,
        f"withdrawn {charter}",
        lambda form, where, now: charters.withdraw(*where, charter, reason=form.reason, now=now),
        "Taken back, with the reason.",
    )


@pages.post("/communities/<uuid:channel>/ending")
def post_charter_ended(channel: UUID) -> BaseResponse:
    """End the charter in force, or put that to the vote where it says so."""
    return _write(
        channel,
        EndingForm,
        "ending",
        lambda form, where, now: charters.end(
            *where, reason=form.reason, vote_until=as_utc(form.vote_until), now=now
        ),
        "Everybody is told.",
    )


@pages.post("/communities/<uuid:channel>/decisions/<decision>/votes")
def post_community_vote(channel: UUID, decision: str) -> BaseResponse:
    """Vote for our organisation."""
    return _write(
        channel,
        VoteForm,
        "vote",
        lambda form, where, now: deciding.vote(
            *where, decision, option=form.option, dissent=form.dissent, now=now
        ),
        "Your vote is cast. The newest counts, until it is taken.",
    )


@pages.post("/communities/<uuid:channel>/decisions/<decision>/outcome")
def post_community_outcome(channel: UUID, decision: str) -> BaseResponse:
    """Say what the votes have come to; a charter that is ended by it, ends."""
    return _write(
        channel,
        OutcomeForm,
        "vote",
        lambda form, where, now: charters.take(*where, decision, outcome=form.outcome, now=now),
        "It is decided.",
    )


@pages.post("/communities/<uuid:channel>/decisions/<decision>/withdrawal")
def post_community_question_withdrawn(channel: UUID, decision: str) -> BaseResponse:
    """Take a question back."""
    return _write(
        channel,
        MaybeReasonForm,
        f"withdrawn {decision}",
        lambda form, where, now: deciding.withdraw(*where, decision, reason=form.reason, now=now),
        "Taken back.",
    )


def show_community(
    channel: str, forms: dict[str, Any], status: HTTPStatus = HTTPStatus.OK
) -> Response:
    """Show the home of one community, with the forms that came back."""
    actor, now = current_actor(), clock.utcnow()
    with reading() as session:
        us = current_office().desk(session).organisation
        community = queries.get_visible_community(session, actor, channel)
        versions = queries.visible_charters(session, actor, channel, us=us, now=now)
        decisions = decision_queries.visible_decisions(session, actor, channel, us=us)
        rows = visible_members(session, actor, channel, us=us, now=now)
        speakers = speakers_in(session, actor, channel, rows, now=now)
        pending = len(visible_pending(session, actor, channel, now=now))
        seeing = seeing_of(session, actor, channel, us=us)
    names = {one.organisation: one.name for one in rows}
    runs = community.is_ours and bool(actor.may(Right.MANAGE_MEMBERS))
    return show(
        "communities/community.html",
        "communities",
        status=status,
        now=now,
        community=community,
        in_force=next((one for one in versions if one.state == "in force"), None),
        proposed=[one for one in versions if one.state == "proposed"],
        earlier=[one for one in versions if one.state not in ("in force", "proposed")],
        decisions=decisions,
        names=names,
        speakers=speakers,
        ways=WAYS,
        pending=pending,
        seeing=seeing,
        words=shown,
        case_words=case_words,
        runs=runs,
        may_vote=bool(actor.may(Right.VOTE)),
        may_decide=community.is_ours and bool(actor.may(Right.RUN_CASES)),
        acts=Act,
        abstained=ABSTAINED,
        forms=forms,
    )


def _show_new(
    channel: str, filled: Filled[CharterForm] | None, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    actor, now = current_actor(), clock.utcnow()
    with reading() as session:
        us = current_office().desk(session).organisation
        community = queries.get_visible_community(session, actor, channel)
        rows = visible_members(session, actor, channel, us=us, now=now)
        row = find_in_force(session, channel)
        terms = read_terms(row.terms) if row is not None else Terms()
        text = row.text if row is not None else None
        seeing = seeing_of(session, actor, channel, us=us)
    begins: Filled[CharterForm] = Filled(values=typed_terms(terms, text))
    return show(
        "communities/new.html",
        "communities",
        status=status,
        now=now,
        community=community,
        filled=filled or begins,
        seeing=seeing,
        replaces=row is not None,
        ways=[(by.value, word) for by, word in shown.WAYS.items()],
        topics=[
            (topic.value.replace("-", "_"), case_words.topic_words(topic.value))
            for topic in RULED
            if topic not in (Topic.START, Topic.CHARTER)
        ],
        levels=list(Level),
        members=[
            (one.organisation, one.name) for one in rows if one.state == "joined" and not one.is_us
        ],
        deputies=range(1, DEPUTIES + 1),
        answering=[(one.value, shown.ANSWERS_WITHIN[one]) for one in Answering],
        criteria=[(one.value, shown.CRITERIA_WORDS[one]) for one in Criterion],
        widened=[(one.value, shown.WIDENED[one]) for one in Widened],
        attribution=[(one.value, word) for one, word in shown.ATTRIBUTION.items()],
        labels=[one for one in TLP if community.ceiling.allows(one)],
        span_pairs=shown.span_pairs,
    )


def _write(
    channel: UUID,
    model: type[F],
    slot: str,
    write: Callable[[F, Where, datetime], object],
    done: str,
) -> BaseResponse:
    def act(form: F) -> None:
        with transaction() as session:
            desk, actor = current_office().desk(session), current_actor()
            queries.get_community(session, actor, str(channel))
            write(form, (session, desk, actor, str(channel)), clock.utcnow())

    filled, status = attempt(model, act, shares=True)
    if status is not DONE:
        return show_community(str(channel), {slot: filled}, status)
    flash(done, "good")
    return _to_community(str(channel))


def _to_community(channel: str) -> BaseResponse:
    return redirect(url_for("pages.get_community", channel=channel), HTTPStatus.SEE_OTHER)
