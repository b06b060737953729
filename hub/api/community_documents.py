"""Communities as the API and `--json` show them, for the person who asks."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from hub.accounts.actor import Actor
from hub.api.case_documents import decision_of
from hub.api.community_models import (
    CharterAnswerOut,
    CharterDifferenceOut,
    CharterOut,
    CommunityLineOut,
    CommunityOut,
    TermsDocument,
)
from hub.cases.decision_queries import visible_decisions
from hub.community import queries
from policies.charter import Terms, read_terms, terms_document


def community_line(row: queries.Community) -> CommunityLineOut:
    """Give a community in a list as the API shows it."""
    return CommunityLineOut.model_validate(row, from_attributes=True)


def community_of(
    session: Session, actor: Actor, channel: str, *, us: str, now: datetime
) -> CommunityOut:
    """Give one community as this person may see it.

    Raises:
        NotFoundError: there is none, or the actor may not know of it.
    """
    line = community_line(queries.get_visible_community(session, actor, channel))
    versions = queries.visible_charters(session, actor, channel, us=us, now=now)
    decisions = visible_decisions(session, actor, channel, us=us)
    return CommunityOut(
        **line.model_dump(),
        charters=[_charter(one) for one in versions],
        decisions=[decision_of(one) for one in decisions],
    )


def terms_as_document(terms: Terms) -> TermsDocument:
    """Give terms as the API shows them."""
    return TermsDocument.model_validate(terms_document(terms))


def terms_from_document(document: TermsDocument) -> Terms:
    """Give the terms that were sent."""
    return read_terms(document.model_dump(mode="json", exclude_none=True))


def _charter(row: queries.Charter) -> CharterOut:
    return CharterOut(
        charter=row.charter,
        state=row.state,  # type: ignore[arg-type]
        text=row.text,
        tlp=row.tlp,
        sha256=row.sha256,
        readable=row.readable,
        terms=terms_as_document(row.terms),
        accept_by=row.accept_by,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        in_force_at=row.in_force_at,
        changed_at=row.changed_at,
        reason=row.reason,
        answers=[CharterAnswerOut.model_validate(one, from_attributes=True) for one in row.answers],
        differs=[CharterDifferenceOut(clause=one.clause, of=one.of) for one in row.differs],
        words_differ=row.words_differ,
        lacks=row.lacks,
        disowned=row.disowned,
    )
