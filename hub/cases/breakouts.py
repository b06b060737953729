"""Breakouts of a case as rooms of their own: some of its members, among themselves.

Source: protocol, 5 (*A breakout*).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from federation.ledgers.desk import Desk
from hub.accounts.actor import Actor
from hub.cases import course
from hub.cases.queries import get_case_row
from hub.channels import audience
from policies.roles import Right
from policies.tlp import TLP


def open_room(  # noqa: PLR0913 - what is opened, of which case and with whom
    session: Session,
    desk: Desk,
    actor: Actor,
    case: str,
    *,
    title: str,
    text: str,
    ceiling: TLP,
    members: Sequence[str],
    now: datetime,
) -> str:
    """Open a breakout with some of a case's members, and a case in it; give its channel.

    Nobody else learns that it exists: it stands in no other ledger. We coordinate it, whoever
    coordinates the case.

    Raises:
        ForbiddenError: the actor may not.
        NotFoundError: there is no such case, or somebody has no part in it.
        InvalidError: nobody is meant, or title, text or ceiling can't be used.
        ConflictError: we have no part in the case any more, or somebody is no active partner.
    """
    actor.may(Right.RUN_CASES).enforce()
    parent = get_case_row(session, actor, case)
    course.ensure_open(parent)
    course.check_title(title)
    record = audience.open_breakout(
        session, desk, actor, case, name=title.strip(), ceiling=ceiling, members=members, now=now
    )
    # Whoever is asked in joins after this entry, and is meant to read it under any label.
    course.describe(
        session,
        desk,
        actor,
        record.id,
        title=title,
        text=text,
        exercise=parent.exercise,
        later_members=True,
        now=now,
    )
    return record.id
