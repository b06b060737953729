"""Cases: a room for one incident: what organisations state, what it comes to, what is decided."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from flask import Response, flash, make_response, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from hub import clock
from hub.accounts.current import current_actor
from hub.audit import service as audit
from hub.cases import (
    course,
    deciding,
    decision_queries,
    expected,
    from_report,
    intel,
    joining,
    queries,
    relaying,
    standing_in,
    timeline,
)
from hub.cases.alike import Alike, visible_alike_to
from hub.cases.basis import visible_basis
from hub.cases.weighing import visible_findings
from hub.channels import inviting
from hub.channels.history import READERS_OF_RED
from hub.channels.queries import get_visible_summary, visible_pending
from hub.channels.relay import known_names
from hub.channels.service import get_visible_channel, usual_reply
from hub.community.directory_queries import visible_contacts
from hub.community.queries import visible_under
from hub.community.terms import terms_in
from hub.office import current_office
from hub.reports.alike import visible_alike
from hub.reports.queries import Travelled, get_travelled
from hub.web import case_words as shown
from hub.web import charter_words, directory_words, intel_words, related_words, timeline_words
from hub.web.acting import DONE, attempt
from hub.web.case_forms import CaseForm
from hub.web.channel_words import CASE_ROLES, ROLE_WORDS
from hub.web.forms import Filled
from hub.web.frame import pages, show
from hub.web.relay_words import WAYS
from hub.web.report_words import likeness_words
from hub.web.seeing import seeing_of
from policies.criteria import speaks_for_coordination
from policies.decisions import ABSTAINED, Topic
from policies.errors import ConflictError
from policies.likeness import Likeness
from policies.matrix import Level
from policies.roles import Right
from policies.tlp import TLP
from sharing.db import reading, transaction

NEWEST: Final = 3
"""How many moments of the timeline the overview shows."""
PAGE: Final = 50
"""Cases on one page of the list."""
CHANGES: Final = 20
"""Words that would make another level, on the overview."""
NEWEST_SAID: Final = 10
"""What was said with acts, on the overview; all of it stands in the history."""
DECIDED: Final = 5
"""How much of what was decided the overview shows, beside open questions."""
CAN_BE_OPENED: Final = (TLP.GREEN, TLP.AMBER, TLP.AMBER_STRICT)


@pages.get("/cases")
def get_cases() -> Response:
    """Show all cases, those that need somebody first."""
    actor, now = current_actor(), clock.utcnow()
    actor.may(Right.READ_CHANNELS).enforce()
    after = _read_place(request.args.get("after"))
    with reading() as session:
        cases = queries.visible_cases(session, actor, after=after, limit=PAGE + 1)
    cases, more = cases[:PAGE], len(cases) > PAGE
    over = {"declined", "closed", "merged"}
    return show(
        "cases/list.html",
        "cases",
        now=now,
        groups=[
            ([one for one in cases if one.state not in over], "Under way"),
            ([one for one in cases if one.state in over], "Ended"),
        ],
        any_case=bool(cases) or after is not None,
        older_page=url_for("pages.get_cases", after=_place_of(cases[-1])) if more else None,
        words=shown,
        may_open=bool(actor.may(Right.RUN_CASES)),
    )


@pages.get("/cases/new")
def get_new_case() -> Response:
    """Show the form for a case of ours."""
    current_actor().may(Right.RUN_CASES).enforce()
    return _show_new(None, place=request.args.get("report"))


@pages.post("/cases")
def post_case() -> BaseResponse:
    """Open a case that we coordinate."""
    opened: list[str] = []

    def act(form: CaseForm) -> None:
        given: dict[str, Any] = {
            "title": form.title,
            "text": form.text,
            "ceiling": form.ceiling,
            "exercise": form.exercise is not None,
            "community": form.community if form.no_charter is None else None,
            "no_charter": form.no_charter,
            "now": clock.utcnow(),
        }
        with transaction() as session:
            where = (session, current_office().desk(session), current_actor())
            if form.report is None and form.alike_seen is None:
                _ensure_nothing_alike(session, form)
            if form.report is None:
                opened.append(course.open_case(*where, **given))
            else:
                channel, report = _place(form.report)
                opened.append(from_report.open_from_report(*where, channel, report, **given))

    filled, status = attempt(CaseForm, act)
    if status is not DONE:
        return _show_new(filled, status, place=filled.values.get("report") or None)
    flash("The case is open. Now invite those who are needed.", "good")
    return to_case(opened[0])


@pages.get("/cases/<uuid:channel>")
def get_case(channel: UUID) -> BaseResponse:
    """Show the room of one case; while we are on the way in, that it opens by itself."""
    with reading() as session:
        coming = queries.is_coming(session, current_actor(), str(channel))
        name = get_visible_channel(session, current_actor(), str(channel)).name
    if coming:
        return show("cases/coming.html", "cases", name=name, channel=str(channel))
    if coming is False:
        return redirect(url_for("pages.get_channel", channel=channel), HTTPStatus.SEE_OTHER)
    if request.headers.get("HX-Target") == "coming":
        # The page that waits for the room asks: it is led in as a whole.
        opened = make_response("", HTTPStatus.NO_CONTENT)
        opened.headers["HX-Redirect"] = url_for("pages.get_case", channel=channel)
        return opened
    response = show_case(str(channel), {})
    with transaction() as session:
        audit.record(session, current_actor(), "case.read", str(channel), now=clock.utcnow())
    return response


def _place_of(case: queries.CaseSummary) -> str:
    return f"{case.changed_at.isoformat()}_{case.channel}"


def _read_place(text: str | None) -> tuple[datetime, str] | None:
    """Read after which case a page begins; what is none begins with the first."""
    moment, _, channel = (text or "").partition("_")
    try:
        found = datetime.fromisoformat(moment), str(UUID(channel))
    except ValueError:
        return None
    return found if found[0].tzinfo is not None else None


def to_case(channel: str) -> BaseResponse:
    """Lead back to the room after an act."""
    return redirect(url_for("pages.get_case", channel=channel), HTTPStatus.SEE_OTHER)


def _place(text: str) -> tuple[str, str]:
    """Read where a report stands: its channel and its id."""
    channel, _, report = text.partition("/")
    return channel, report


def _ensure_nothing_alike(session: Session, form: CaseForm) -> None:
    """Stop once where there may be a case of it already: a person decides.

    Raises:
        ConflictError: there is something to look at first.
    """
    if _alike_to(session, form.title, form.text):
        raise ConflictError(
            "look at these first: there may be a case of it already",
            hint="If it is another matter, say so below, and open it.",
        )


def _alike_to(session: Session, title: str, text: str) -> Alike:
    us = current_office().desk(session).organisation
    return visible_alike_to(
        session, current_actor(), title=title, text=text, us=us, now=clock.utcnow()
    )


def _show_new(
    filled: Filled[CaseForm] | None,
    status: HTTPStatus = HTTPStatus.OK,
    *,
    place: str | None = None,
) -> Response:
    actor, report = current_actor(), None
    alike: list[tuple[Travelled, Likeness]] = []
    if place is not None:
        there, name = _place(place)
        with reading() as session:
            us = current_office().desk(session).organisation
            report = get_travelled(session, actor, there, name, us=us)
            alike = visible_alike(session, actor, report, us=us)
    there_already = Alike()
    if place is None and filled is not None:
        with reading() as session:
            typed = (str(filled.values.get(name) or "") for name in ("title", "text"))
            there_already = _alike_to(session, *typed)
        alike = list(there_already.reports)
    fits = report is not None and TLP.AMBER_STRICT.allows(report.tlp)
    with reading() as session:
        communities = visible_under(session, actor)
        usual = terms_in(session, communities[0].channel).default_marking if communities else None
    return show(
        "cases/new.html",
        "cases",
        status=status,
        filled=filled,
        labels=CAN_BE_OPENED,
        usual=usual if usual in CAN_BE_OPENED and len(communities) == 1 else TLP.AMBER,
        communities=[(one.channel, one.name) for one in communities],
        report=report,
        alike=alike,
        alike_cases=there_already.cases,
        fits=fits,
        ceiling=max(report.tlp, TLP.AMBER, key=lambda one: one.rank) if report and fits else None,
        likeness_words=likeness_words,
    )


def guests_of(members: Sequence[queries.OrganisationRow]) -> list[tuple[str, str]]:
    """Give who of a case may be asked into a breakout: who has a node, other than us."""
    return [(one.organisation, one.name) for one in members if not one.is_us and one.has_node]


def show_case(channel: str, forms: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Show the room of one case, with the forms that came back."""
    actor, now = current_actor(), clock.utcnow()
    with reading() as session:
        desk = current_office().desk(session)
        us = desk.organisation
        # Held until the end: the session lets go of rows that nobody holds, and asks for them anew.
        record = get_visible_channel(session, actor, channel)
        row = queries.get_case_row(session, actor, channel)
        case = queries.get_visible_case(session, actor, channel)
        members = queries.visible_organisations(session, actor, channel, us=us)
        over = None if request.args.get("decisions") == "all" else DECIDED + 1
        decisions = decision_queries.visible_decisions(session, actor, channel, us=us, over=over)
        said = queries.visible_case_words(session, actor, channel, limit=NEWEST_SAID + 1)
        picture = joining.visible_picture(session, actor, channel)
        basis = visible_basis(session, actor, channel)
        findings = visible_findings(session, actor, channel, picture.told)
        alone = deciding.decides_alone(session, desk, record, Topic.START, now=now)
        newest = timeline.visible_moments(session, actor, channel, limit=NEWEST)
        newest_intel = intel.visible_intel(session, actor, channel, limit=NEWEST, now=now)
        summary = get_visible_summary(session, actor, channel)
        related = related_words.related_part(
            session, actor, summary, state=row.state, is_ours=case.is_ours
        )
        runs = case.is_ours and bool(actor.may(Right.RUN_CASES))
        likely = from_report.visible_likely(session, actor, channel, us=us, now=now) if runs else []
        spoken_for = relaying.visible_spoken_for(session, actor, channel, now=now)
        silent_guests = standing_in.visible_silent_guests(session, actor, channel, now=now)
        pending = len(visible_pending(session, actor, channel, now=now))
        candidates = inviting.visible_candidates(session, actor, channel)
        seeing = seeing_of(session, actor, channel, us=us)
        silent = [one for one in members if one.is_silent and not one.is_us and not one.coordinates]
        called = [one.organisation for one in silent]
        people = visible_contacts(session, actor, called, us=us, now=now)
        due = expected.assess_by(session, row, members)
        usual = charter_words.minutes_words(usual_reply(session, channel))
        absent = known_names(session, actor, channel)
        noted = {who: absent[who].contact for who in called if who in absent}
    decided = [one for one in decisions if one.state != "open"]
    more_decided = over is not None and len(decided) == over
    if more_decided:
        decisions = decisions[:-1]
    names = {one.organisation: one.name for one in members}
    own = next((one for one in members if one.is_us), None)
    is_over = case.state in {"declined", "closed", "merged"}
    return show(
        "cases/case.html",
        "cases",
        status=status,
        now=now,
        case=case,
        standing=summary.standing.value,
        members=members,
        readers=[one.name for one in members if not one.is_us and not one.suspended],
        silent=sorted(silent, key=lambda one: due.get(one.organisation, now)),
        due=due if case.is_ours and actor.roles & READERS_OF_RED else {},
        own_due=due.get(us),
        usual_reply=usual,
        people=people,
        noted=noted,
        directory_words=directory_words,
        pending=pending,
        candidates=candidates,
        own=own,
        seeing=seeing,
        decisions=decisions,
        more_decided=more_decided,
        newest=newest,
        newest_intel=newest_intel,
        intel_words=intel_words,
        timeline_words=timeline_words,
        related=related,
        likely=[] if is_over else likely,
        likeness_words=likeness_words,
        related_words=related_words,
        guests=guests_of(members),
        said=[one for one in said[-NEWEST_SAID:] if one.text],
        more_said=len(said) > NEWEST_SAID,
        picture=picture,
        basis=basis,
        findings=findings,
        speaks=speaks_for_coordination(findings),
        starts_alone=alone,
        asked_to_start=any(one.state == "open" and one.topic == Topic.START for one in decisions),
        charter_words=charter_words,
        changes=shown.would_change(picture.told, names, limit=CHANGES),
        knows_more=picture.knows_more,
        words=shown,
        names=names,
        levels=list(Level),
        runs=runs and not is_over,
        may_reopen=runs and case.state in {"declined", "closed"},
        states_own=own is not None
        and own.takes_part
        and not is_over
        and bool(actor.may(Right.CONTRIBUTE)),
        may_vote=not is_over and bool(actor.may(Right.VOTE)),
        abstained=ABSTAINED,
        spoken_for=spoken_for,
        silent_guests=[] if is_over else silent_guests,
        ways=WAYS,
        may_be_told={one.organisation for one in spoken_for},
        may_add_absent=runs and not is_over and bool(actor.may(Right.MANAGE_MEMBERS)),
        roles=[(role.value, ROLE_WORDS[role]) for role in CASE_ROLES],
        forms=forms,
    )
