"""Cases as the API and `--json` show them, for the person who asks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from federation.ledgers.channels import Written
from hub.accounts.actor import Actor
from hub.api.case_models import (
    BallotOut,
    BasisOut,
    CaseLineOut,
    CaseOut,
    CaseWordsOut,
    ChangeOut,
    CountOut,
    CoverageOut,
    DecisionOut,
    FigureOut,
    FindingOut,
    GroundOut,
    JointOut,
    KnownOut,
    LineOut,
    MemberStateOut,
    StandingOut,
    ToldOut,
)
from hub.api.channel_documents import written_document
from hub.api.channel_models import WrittenOut
from hub.cases import decision_queries, queries
from hub.cases.basis import ShownBasis, visible_basis
from hub.cases.expected import assess_by
from hub.cases.joining import Shown, visible_picture
from hub.cases.told import Mark
from hub.cases.weighing import visible_findings
from hub.channels.history import READERS_OF_RED
from policies.acts import Act
from policies.assessment import Assessment, assessment_document
from policies.charter import terms_document
from policies.discretion import Standing
from policies.figures import Figure, figures_document
from policies.inputs import Value
from policies.roles import Role
from policies.severity import Change, Ground, Severity


def case_line(row: queries.CaseSummary) -> CaseLineOut:
    """Give a case in a list as the API shows it."""
    return CaseLineOut(**_line(row))


def case_of(session: Session, actor: Actor, channel: str, *, us: str) -> CaseOut:
    """Give one case as this person may see it.

    Raises:
        NotFoundError: there is none, or the actor may not know of it.
    """
    row = queries.get_visible_case(session, actor, channel)
    members = queries.visible_organisations(session, actor, channel, us=us)
    case = queries.get_case_row(session, actor, channel)
    knows = row.is_ours and bool(actor.roles & READERS_OF_RED)
    until = assess_by(session, case, [one for one in members if knows or one.is_us])
    decisions = decision_queries.visible_decisions(session, actor, channel, us=us)
    return CaseOut(
        **_line(row),
        text=row.text,
        control=row.control,
        review_at=row.review_at,
        organisations=[_member(one, until.get(one.organisation)) for one in members],
        words=[_words(one) for one in queries.visible_case_words(session, actor, channel)],
        decisions=[decision_of(one) for one in decisions],
        joint=_joint(row, visible_picture(session, actor, channel)),
        basis=_basis(visible_basis(session, actor, channel)),
        criteria=[
            FindingOut.model_validate(one, from_attributes=True)
            for one in visible_findings(session, actor, channel)
        ],
    )


def written_in(channel: str, act: Act, written: Written) -> WrittenOut:
    """Give what became of a write; where it went into a direct channel, that one is named."""
    there = written.entry.entry.channel if written.entry is not None else channel
    return written_document(there, act, written)


def _basis(row: ShownBasis) -> BasisOut:
    return BasisOut(
        community=row.community[0] if row.community else None,
        charter=row.charter,
        why_none=row.why_none,
        replaced=row.replaced,
        took_over=terms_document(row.terms),
    )


def _line(row: queries.CaseSummary) -> Mapping[str, Any]:
    return {name: getattr(row, name) for name in CaseLineOut.model_fields}


def _member(row: queries.OrganisationRow, until: datetime | None) -> MemberStateOut:
    return MemberStateOut(
        organisation=row.organisation,
        name=row.name,
        roles=[Role(role) for role in row.roles],
        is_us=row.is_us,
        takes_part=row.takes_part,
        is_silent=row.is_silent,
        assess_by=until,
        response=row.response,
        since=row.since,
        since_earliest=row.since_earliest,
        responded_at=row.responded_at,
        assessment=_stated(row.stated),
        assessed_at=row.assessed_at,
        relayed=row.relayed,
        response_told=_told(row.response_told),
        assessment_told=_told(row.stated_told),
        suspended=row.suspended,
        response_alone=row.response_alone,
        assessment_alone=_stated(row.stated_alone),
    )


def _told(mark: Mark | None) -> ToldOut | None:
    if mark is None:
        return None
    return ToldOut(bundle=mark.bundle, way=mark.way, at=mark.at, answer=mark.answer)


def _words(row: queries.Words) -> CaseWordsOut:
    return CaseWordsOut(
        about=row.about,
        author=row.author,
        author_name=row.author_name,
        behalf=row.behalf,
        act=Act(row.act),
        text=row.text,
        tlp=row.tlp,
        at=row.at,
    )


def _stated(stated: Assessment | None) -> dict[str, Any] | None:
    return None if stated is None else assessment_document(stated)


def decision_of(row: decision_queries.Decision) -> DecisionOut:
    """Give something that is asked or was decided as the API shows it."""
    return DecisionOut(
        decision=row.decision,
        topic=row.topic,
        state=row.state,  # type: ignore[arg-type]
        text=row.text,
        tlp=row.tlp,
        by=row.rule.by if row.rule is not None else None,
        quorum=row.rule.quorum if row.rule is not None else None,
        options=list(row.options),
        vote_until=row.vote_until,
        votes=[
            BallotOut(
                organisation=one.organisation,
                name=one.name,
                option=one.option,
                relayed=one.relayed,
                disowned=one.disowned,
            )
            for one in row.votes
        ],
        count=(
            CountOut(
                outcome=row.count.outcome,
                quorate=row.count.quorate,
                settled=row.count.settled,
                votes=dict(row.count.votes),
                abstained=row.count.abstained,
                silent=row.count.silent,
            )
            if row.count is not None
            else None
        ),
        outcome=row.outcome,
        authority=row.authority,
        facts_seq=row.facts["seq"] if row.facts is not None else None,
        disowned=row.disowned,
        is_doubted=row.is_doubted,
        opened_at=row.opened_at,
        taken_at=row.taken_at,
        review_at=row.review_at,
    )


def _joint(row: queries.CaseSummary, picture: Shown) -> JointOut:
    told = picture.told
    return JointOut(
        said=row.severity,
        said_derived=row.derived,
        said_at=row.joined_at,
        derived=told.level,
        lines=_lines(told),
        would_change=[_change(one) for one in told.would_change if one.level is not told.level],
        coverage=[
            CoverageOut(field=field, stated=one.stated, asked=one.asked)
            for field, one in told.coverage.items()
        ],
        affected=told.affected,
        asked=picture.asked,
        crisis_advised=told.crisis_advised,
        figures=[
            _figure(one, document)
            for one, document in zip(
                sorted(picture.figures, key=lambda figure: figure.topic),
                figures_document(picture.figures),
                strict=True,
            )
        ],
        known=(
            KnownOut(
                level=picture.own.level,
                lines=_lines(picture.own),
                standings=[_standing(one) for one in picture.standings],
            )
            if picture.own is not None
            else None
        ),
    )


def _lines(severity: Severity) -> list[LineOut]:
    return [
        LineOut(
            rule=line.rule.value,
            before=line.before,
            after=line.after,
            sentence=line.sentence,
            grounds=[_ground(one) for one in line.grounds],
        )
        for line in severity.lines
    ]


def _ground(one: Ground) -> GroundOut:
    return GroundOut(organisation=one.organisation, field=one.field, word=_word(one.word))


def _change(one: Change) -> ChangeOut:
    return ChangeOut(
        organisation=one.organisation,
        field=one.field,
        stated=_word(one.stated),
        word=_word(one.word),
        level=one.level,
    )


def _word(word: Value | None) -> str | bool | None:
    if word is None or isinstance(word, bool):
        return word
    return word.value


def _figure(figure: Figure, document: Mapping[str, Any]) -> FigureOut:
    return FigureOut(
        field=figure.topic.field,
        kind=figure.topic.kind or None,
        as_of=figure.as_of,
        at_least=document.get("at_least"),
        low=document.get("low"),
        high=document.get("high"),
        sentence=figure.sentence,
    )


def _standing(one: Standing) -> StandingOut:
    return StandingOut(
        field=one.topic.field, kind=one.topic.kind or None, told=one.told, sentence=one.sentence
    )
