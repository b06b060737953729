"""What Today says of charters: proposed, and not answered by us."""

from __future__ import annotations

from collections.abc import Iterator

from flask import url_for
from sqlalchemy.orm import Session

from federation.identity import node
from hub.accounts.actor import Actor
from hub.community import queries
from hub.web.models import Waiting


def proposed_charters(session: Session, actor: Actor) -> Iterator[Waiting]:
    """Give the versions of charters that wait for our answer."""
    own = node.find_node(session)
    if own is None:
        return
    for one in queries.visible_unanswered(session, actor, us=own.organisation):
        yield Waiting(
            title=f"A charter for {one.community}",
            sentence=(
                "It is in force there, and you have not said whether you accept it."
                if one.in_force
                else f"{one.proposed_by} proposes it. Read it, and accept it or say why not."
            ),
            href=url_for("pages.get_community", channel=one.channel),
            act="Read and answer",
            drawing="file-certificate",
            since=one.proposed_at,
            due=None if one.in_force else one.accept_by,
            tlp=one.ceiling,
        )
