"""The terms that are in force somewhere, for whoever writes or shows: nothing else of a charter.

It knows views alone, so that channels may ask it.

Source: lifecycles, 7; domain, 2 (*Plan and prepare*).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.cases.records import CaseView
from hub.community.records import CharterView
from policies.acts import Act
from policies.charter import DEFAULT_SILENCE_MINUTES, Answering, Terms, opens_later, read_terms

IN_FORCE: Final = "in force"


def find_in_force(session: Session, channel: str) -> CharterView | None:
    """Give the version of a community's charter that binds now."""
    return session.scalars(
        select(CharterView).where(CharterView.channel == channel, CharterView.state == IN_FORCE)
    ).first()


def terms_in(session: Session, channel: str) -> Terms:
    """Give the terms of a community, or of the charter that a case was opened under.

    A case names a version; where we do not read that community, what the case took over is left.
    """
    row = find_in_force(session, channel)
    if row is None:
        case = session.get(CaseView, channel)
        named = case.charter if case is not None else None
        if case is None or named is None:
            return Terms()
        row = session.get(CharterView, (named.get("channel", ""), named["charter"]))
        if row is None or row.sha256 != named["sha256"]:
            return read_terms(case.terms or {})
    return read_terms(row.terms)


def reply_within(
    session: Session, channel: str, what: Answering, otherwise: timedelta
) -> timedelta:
    """Give how long an answer may take, by the charter."""
    minutes = terms_in(session, channel).reply_minutes.get(what)
    return timedelta(minutes=minutes) if minutes is not None else otherwise


def silence_in(session: Session, channel: str) -> timedelta:
    """Give after what time without a word a coordinator counts as silent."""
    return timedelta(minutes=terms_in(session, channel).silence_minutes or DEFAULT_SILENCE_MINUTES)


def opens_later_in(session: Session, channel: str, act: Act) -> bool | None:
    """Tell whether what an act covers goes to later members; `None`: the charter is silent."""
    return opens_later(terms_in(session, channel), act)
