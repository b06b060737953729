"""How much one partner may ask of this node."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from flask import flash, redirect, url_for
from pydantic import Field
from werkzeug.wrappers import Response as BaseResponse

from federation.partners.throttling import LEAST_PERCENT, MOST_PERCENT
from hub import clock, partnerships
from hub.accounts.current import current_actor
from hub.web.acting import DONE, attempt
from hub.web.forms import PageForm
from hub.web.frame import pages
from hub.web.views.partners import show_partner
from sharing.db import transaction


class QuotaForm(PageForm):
    """How much, of what is usual."""

    percent: Annotated[int, Field(ge=LEAST_PERCENT, le=MOST_PERCENT)]


@pages.post("/partners/<organisation>/quota")
def post_partner_quota(organisation: str) -> BaseResponse:
    """Allow a partner more or less than is usual."""

    def act(form: QuotaForm) -> None:
        with transaction() as session:
            actor, now = current_actor(), clock.utcnow()
            partnerships.set_quota(session, actor, organisation, form.percent, now=now)

    filled, status = attempt(QuotaForm, act)
    if status is not DONE:
        return show_partner(organisation, quota_form=filled, status=status)
    flash("It holds within a quarter of a minute.", "good")
    where = url_for("pages.get_partner", organisation=organisation)
    return redirect(where, HTTPStatus.SEE_OTHER)
