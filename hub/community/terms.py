"""The terms that are in force somewhere, for whoever writes or shows: nothing else of a charter.

It knows views alone, so that channels may ask it.

Source: lifecycles, 7; domain, 2 (*Plan and prepare*).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from hub.cases.records import CaseView
from hub.channels.records import MemberView
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


def terms_of(session: Session, cases: Sequence[CaseView]) -> dict[str, Terms]:
    """Give the terms that each of these cases goes by: what `terms_in` gives, in one question."""
    named = {
        case.channel: (case.charter.get("channel", ""), case.charter["charter"], case)
        for case in cases
        if case.charter is not None
    }
    rows = session.scalars(
        select(CharterView).where(
            CharterView.charter.in_({charter for _, charter, _ in named.values()})
        )
    )
    known = {(row.channel, row.charter): row for row in rows}
    found = {case.channel: Terms() for case in cases}
    for channel, (community, charter, case) in named.items():
        row = known.get((community, charter))
        same = row is not None and case.charter is not None and row.sha256 == case.charter["sha256"]
        found[channel] = read_terms(row.terms if row is not None and same else case.terms or {})
    return found


def reply_among(
    session: Session, what: Answering, others: Collection[str], *, us: str
) -> dict[str, timedelta]:
    """Give within what time we and each of these partners answer each other.

    Outside of a channel it is what a community agreed that both are in, the shortest where there
    are several; who shares none with such a word is left out.
    """
    ours, theirs = aliased(MemberView), aliased(MemberView)
    rows = session.execute(
        select(theirs.organisation, CharterView.terms)
        .join(CharterView, CharterView.channel == theirs.channel)
        .join(ours, ours.channel == theirs.channel)
        .where(
            CharterView.state == IN_FORCE,
            ours.organisation == us,
            ours.state == "joined",
            theirs.state == "joined",
            theirs.organisation.in_(others),
        )
    )
    found: dict[str, timedelta] = {}
    for who, document in rows:
        minutes = read_terms(document).reply_minutes.get(what)
        if minutes is not None:
            within = timedelta(minutes=minutes)
            found[who] = min(within, found.get(who, within))
    return found
