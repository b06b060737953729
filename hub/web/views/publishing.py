"""A near-miss is told to a community, without its source: what goes out is shown before."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from flask import Response, flash, redirect, url_for
from pydantic import StringConstraints
from werkzeug.wrappers import Response as BaseResponse

from hub import clock
from hub.accounts.current import current_actor
from hub.office import current_office
from hub.reports import publishing
from hub.web.acting import DONE, attempt
from hub.web.forms import Filled, PageForm
from hub.web.frame import pages, show
from hub.web.report_forms import Text, Title
from sharing.db import reading, transaction


class PublicationForm(PageForm):
    """What goes out, and to which community."""

    community: Annotated[str, StringConstraints(max_length=36)]
    title: Title
    text: Text
    again: bool = False


@pages.get("/reports/<uuid:channel>/<report>/publication")
def get_report_publication(channel: UUID, report: str) -> Response:
    """Show what would go out."""
    return _show(str(channel), report, None)


@pages.post("/reports/<uuid:channel>/<report>/publication")
def post_report_publication(channel: UUID, report: str) -> BaseResponse:
    """Tell a community of ours."""

    def act(form: PublicationForm) -> None:
        with transaction() as session:
            publishing.publish(
                session,
                current_office().desk(session),
                current_actor(),
                str(channel),
                report,
                community=form.community,
                title=form.title,
                text=form.text,
                again=form.again,
                now=clock.utcnow(),
            )

    filled, status = attempt(PublicationForm, act)
    if status is not DONE:
        return _show(str(channel), report, filled, status)
    flash("Published, in your name and without its source.", "good")
    address = url_for("pages.get_report", channel=channel, report=report)
    return redirect(address, HTTPStatus.SEE_OTHER)


def _show(
    channel: str,
    report: str,
    filled: Filled[PublicationForm] | None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    with reading() as session:
        desk = current_office().desk(session)
        preview = publishing.get_preview(session, desk, current_actor(), channel, report)
    return show(
        "reports/publish.html",
        "reports",
        status=status,
        preview=preview,
        published=preview.published,
        filled=filled,
    )
