"""What waits for one person, and what is new: asked of each room, most urgent first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from flask import url_for
from sqlalchemy.orm import Session

from federation import node, partners
from federation.partner_records import PartnerState
from federation.partners import Partner
from hub.accounts.actor import Actor
from hub.web.models import Alarm, Today, Tone, Waiting
from policies.roles import Right
from sharing.db import reading


def look_at_today(actor: Actor, *, now: datetime) -> Today:
    """Give what this person should see first; what the roles do not open does not wait."""
    del now
    with reading() as session:
        if node.find_node(session) is None:
            hint = "Run “tocsin node init” on its machine."
            return Today(alarms=[Alarm("This node has not been set up yet.", hint)])
        waiting = list(_partners(session, actor))
    waiting.sort(key=lambda one: (one.tone is not Tone.TROUBLE, one.since is None, one.since))
    return Today(waiting=waiting)


def _partners(session: Session, actor: Actor) -> Iterator[Waiting]:
    """Give partnerships that an administrator has to look at."""
    if not actor.may(Right.MANAGE_PARTNERS):
        return
    for partner in partners.partners(session):
        one = _waiting_partner(partner)
        if one is not None:
            yield one


def _waiting_partner(partner: Partner) -> Waiting | None:
    href = url_for("pages.get_partner", organisation=partner.organisation)
    if partner.stopped_by is not None:
        return Waiting(
            f"The exchange with {partner.name} was stopped",
            "Their node showed two different descriptors of one version. Call them.",
            href,
            "Look",
            "shield-x",
            tone=Tone.TROUBLE,
            since=partner.changed_at,
        )
    if partner.state is PartnerState.TO_CONFIRM and partner.confirmed_at is None:
        return Waiting(
            f"{partner.name} wants to be your partner",
            "Call their administrator and compare eight words.",
            href,
            "Compare and confirm",
            "phone",
            since=partner.paired_at,
        )
    return None
