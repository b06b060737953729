"""What Today says of crises: those that should be declared."""

from __future__ import annotations

from collections.abc import Iterator

from flask import url_for
from sqlalchemy.orm import Session

from federation.identity import node
from hub.accounts.actor import Actor
from hub.cases.crises import visible_advised
from hub.web.models import Tone, Waiting


def advised_crises(session: Session, actor: Actor) -> Iterator[Waiting]:
    """Give the cases of ours in which a crisis should be declared: nothing goes before it."""
    own = node.find_node(session)
    if own is None:
        return
    for case in visible_advised(session, actor, us=own.organisation):
        yield Waiting(
            title=case.title,
            sentence="A crisis should be declared: danger to life is confirmed, and it still"
            " spreads. All are called with it.",
            href=url_for("pages.get_case", channel=case.channel, _anchor="crisis"),
            act="Look and declare it",
            drawing="urgent",
            tone=Tone.TROUBLE,
            since=case.changed_at,
            tlp=case.tlp,
            first=True,
        )
