"""What there is to look for in a case: shared, sighted in one click, with notes."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Literal, TypeVar
from uuid import UUID

from flask import Response, flash, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from federation.ledgers.ledger import get_state
from hub import clock
from hub.accounts.current import current_actor
from hub.api.paging import read_cursor, write_cursor
from hub.audit import service as audit
from hub.cases import intel, queries, timeline
from hub.channels import service
from hub.community.terms import terms_in
from hub.office import current_office
from hub.reports.intel import MAX_PASTED_CHARACTERS, Intel, find_intel
from hub.web import case_words, intel_words
from hub.web.acting import DONE, attempt
from hub.web.case_forms import Text
from hub.web.channel_words import labels_under
from hub.web.forms import Filled, PageForm
from hub.web.frame import pages, show
from hub.web.seeing import seeing_of
from policies.charter import usual_label
from policies.intel import Verdict
from policies.roles import Right
from policies.tlp import TLP
from sharing.db import reading, transaction

F = TypeVar("F", bound=PageForm)


class ShareForm(PageForm):
    """What is to be shared; how long it may be is asked where it is read."""

    pasted: str
    observed_too: Literal["yes"] | None = None
    tlp: TLP | None = None


class SightingForm(PageForm):
    """What we found."""

    ref: str
    verdict: Verdict


class RevocationForm(PageForm):
    """What does not hold any more."""

    ref: str


class NoteForm(PageForm):
    """A note for all members."""

    text: Text


@pages.get("/cases/<uuid:channel>/intel")
def get_case_intel(channel: UUID) -> Response:
    """Show what there is to look for in a case."""
    response = _show(str(channel), {})
    with transaction() as session:
        audit.record(session, current_actor(), "case.read", str(channel), now=clock.utcnow())
    return response


@pages.post("/cases/<uuid:channel>/intel")
def post_case_intel(channel: UUID) -> BaseResponse:
    """Share what was pasted."""
    return _write(
        channel,
        ShareForm,
        "share",
        lambda form, where: intel.share(
            *where,
            pasted=form.pasted,
            observed_too=form.observed_too is not None,
            tlp=form.tlp,
            now=clock.utcnow(),
        ),
        "Shared.",
    )


@pages.post("/cases/<uuid:channel>/intel/sightings")
def post_case_sighting(channel: UUID) -> BaseResponse:
    """Say what we found."""
    return _write(
        channel,
        SightingForm,
        "sight",
        lambda form, where: intel.sight(
            *where, ref=form.ref, verdict=form.verdict, now=clock.utcnow()
        ),
        "Said.",
    )


@pages.post("/cases/<uuid:channel>/intel/revocations")
def post_case_revocation(channel: UUID) -> BaseResponse:
    """Revoke what we shared."""
    return _write(
        channel,
        RevocationForm,
        "revoke",
        lambda form, where: intel.revoke(*where, ref=form.ref, now=clock.utcnow()),
        "Revoked: all members are told that it does not hold any more.",
    )


@pages.post("/cases/<uuid:channel>/intel/notes")
def post_case_note(channel: UUID) -> BaseResponse:
    """Add a note."""
    return _write(
        channel,
        NoteForm,
        "note",
        lambda form, where: service.add_note(*where, text=form.text, now=clock.utcnow()),
        "Noted, for all members.",
    )


def _write(
    channel: UUID,
    model: type[F],
    slot: str,
    write: Callable[[F, tuple[Any, ...]], object],
    done: str,
) -> BaseResponse:
    def act(form: F) -> None:
        with transaction() as session:
            desk, actor = current_office().desk(session), current_actor()
            queries.get_case_row(session, actor, str(channel))
            write(form, (session, desk, actor, str(channel)))

    filled, status = attempt(model, act, shares=True)
    if status is not DONE:
        return _show(str(channel), {slot: filled}, status)
    flash(done, "good")
    return redirect(url_for("pages.get_case_intel", channel=channel), HTTPStatus.SEE_OTHER)


def _show(
    channel: str, forms: dict[str, Filled[Any]], status: HTTPStatus = HTTPStatus.OK
) -> Response:
    actor, now = current_actor(), clock.utcnow()
    key = read_cursor(request.args.get("before"), str, str)
    before = None if key is None else timeline.read_key(*key)
    with reading() as session:
        case = queries.get_visible_case(session, actor, channel)
        found = intel.visible_intel(
            session, actor, channel, before=before, limit=intel.PAGE + 1, now=now
        )
        ceiling = get_state(session, service.get_visible_channel(session, actor, channel)).ceiling
        terms = terms_in(session, channel)
        us = current_office().desk(session).organisation
        seeing = seeing_of(session, actor, channel, us=us)
        kept_close = intel.keeps_some_close(session, actor, channel)
    items, older = found[: intel.PAGE], None
    if len(found) > intel.PAGE:
        cursor = write_cursor(*intel.key_of(items[-1]))
        older = url_for("pages.get_case_intel", channel=channel, before=cursor)
    return show(
        "cases/intel.html",
        "cases",
        status=status,
        now=now,
        case=case,
        case_words=case_words,
        words=intel_words,
        items=items,
        older=older,
        newest=before is None,
        kept_close=kept_close,
        us=us,
        recognised=_recognised(forms.get("share")),
        may_add=case.state not in {"declined", "closed", "merged"}
        and bool(actor.may(Right.CONTRIBUTE)),
        labels=labels_under(ceiling),
        usual_label=usual_label(terms, ceiling),
        forms=forms,
        seeing=seeing,
    )


def _recognised(filled: Filled[Any] | None) -> Intel | None:
    """Give what was recognised in what is about to be shared; `None` where nothing is."""
    pasted = str(filled.values.get("pasted") or "") if filled is not None else ""
    if not pasted.strip() or len(pasted) > MAX_PASTED_CHARACTERS:
        return None
    observed_too = filled is not None and bool(filled.values.get("observed_too"))
    return find_intel("", pasted, observed_too=observed_too)
