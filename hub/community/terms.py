"""The terms that are in force somewhere, for whoever writes or shows: nothing else of a charter.

It knows views alone, so that channels may ask it.

Source: lifecycles, 7; domain, 2 (*Plan and prepare*).
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.cases.records import CaseView
from hub.community.records import CharterView
from policies.acts import Act
from policies.charter import Answering, Terms, opens_later, read_terms

IN_FORCE = "in force"


def find_in_force(session: Session, channel: str) -> CharterView | None:
    """Give the version of a community's charter that binds now."""
    return session.scalars(
        select(CharterView).where(CharterView.channel == channel, CharterView.state == IN_FORCE)
    ).first()


def terms_in(session: Session, channel: str) -> Terms:
    """Give the terms of a community, or of the charter that a case was opened under.

    A case names a version; where we do not read that community, all has its default.
    """
    row = find_in_force(session, channel)
    if row is None:
        case = session.get(CaseView, channel)
        named = case.charter if case is not None else None
        if named is not None and "channel" in named:
            row = session.get(CharterView, (named["channel"], named["charter"]))
            if row is not None and row.sha256 != named["sha256"]:
                row = None
    return read_terms(row.terms) if row is not None else Terms()


def reply_within(
    session: Session, channel: str, what: Answering, otherwise: timedelta
) -> timedelta:
    """Give how long an answer may take, by the charter."""
    minutes = terms_in(session, channel).reply_minutes.get(what)
    return timedelta(minutes=minutes) if minutes is not None else otherwise


def opens_later_in(session: Session, channel: str, act: Act) -> bool | None:
    """Tell whether what an act covers goes to later members; `None`: the charter is silent."""
    return opens_later(terms_in(session, channel), act)
