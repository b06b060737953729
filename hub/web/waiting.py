"""What waits for one person, and what is new: asked of each room, most urgent first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from flask import url_for
from sqlalchemy.orm import Session

from federation.identity import node
from federation.ledgers import describing
from federation.partners import partners
from federation.partners.partner_records import PartnerState
from federation.partners.partners import Partner
from federation.work import worker
from hub.accounts.actor import Actor
from hub.cases import decision_queries
from hub.cases import queries as cases
from hub.cases.expected import own_times
from hub.channels import history
from hub.channels.invitations import visible_invitations
from hub.channels.queries import ChannelSummary
from hub.health import BEAT_MAX_AGE
from hub.office import current_office
from hub.reports import queries as reports
from hub.reports.late import answer_by
from hub.web import words
from hub.web.calls_waiting import called_out
from hub.web.case_words import topic_words
from hub.web.channels_waiting import Channels, known_channels, of_channels
from hub.web.charters_waiting import proposed_charters
from hub.web.crises_waiting import advised_crises
from hub.web.forms import as_sentence
from hub.web.late_waiting import late_answers
from hub.web.models import Alarm, News, Today, Tone, Waiting
from policies.acts import ChannelKind
from policies.roles import Right
from sharing.db import reading

# A quiet partner is asked every five minutes; twice that without a word is worth a look.
IN_TOUCH: Final = timedelta(minutes=10)
SILENT_NAMED: Final = 3
NEWS_LOOKED_AT: Final = 30
_ROOMS: Final = {
    ChannelKind.CASE: "pages.get_case",
    ChannelKind.COMMUNITY: "pages.get_community",
}


def look_at_today(actor: Actor, *, now: datetime) -> Today:
    """Give what this person should see first; what the roles do not open does not wait."""
    with reading() as session:
        own = node.find_node(session)
        if own is None:
            hint = "Run “tocsin node init” on its machine."
            return Today(alarms=[Alarm("This node has not been set up yet.", hint)])
        channels = known_channels(session, actor)
        return Today(
            alarms=list(_alarms(session, actor, now=now)),
            waiting=_waiting(session, actor, channels, now=now),
            news=_news(session, actor, own.organisation, channels()),
        )


def count_waiting(actor: Actor, *, now: datetime) -> int:
    """Give how many things wait for this person, for the mark beside Today."""
    with reading() as session:
        if node.find_node(session) is None:
            return 0
        return len(_waiting(session, actor, known_channels(session, actor), now=now))


def is_silent(partner: Partner, *, now: datetime) -> bool:
    """Tell whether an active partner has not been heard for longer than is usual."""
    return partner.active and now - (partner.heard_at or partner.changed_at) > IN_TOUCH


def _waiting(session: Session, actor: Actor, channels: Channels, *, now: datetime) -> list[Waiting]:
    waiting = [
        *_partners(session, actor),
        *_doubtful(session, actor),
        *_reports(session, actor),
        *_cases(session, actor, channels),
        *advised_crises(session, actor),
        *late_answers(session, actor, now=now),
        *called_out(session, actor, now=now),
        *proposed_charters(session, actor),
        *_invitations(session, actor, now=now),
        *of_channels(session, actor, channels, now=now),
    ]
    waiting.sort(
        key=lambda one: (
            not one.first,
            one.tone is not Tone.TROUBLE,
            one.due or one.since or now,
        )
    )
    return waiting


def _alarms(session: Session, actor: Actor, *, now: datetime) -> Iterator[Alarm]:
    """Give states of the node that everybody should know."""
    beat = worker.find_last_beat(session)
    if beat is None or beat + BEAT_MAX_AGE < now:
        yield Alarm(
            "The worker of this node does not run.",
            "Nothing goes out or comes in, and nothing is lost. Have it started: tocsin worker.",
        )
    if not actor.may(Right.READ_PARTNERS):
        return
    silent = [one.name for one in partners.partners(session) if is_silent(one, now=now)]
    if silent:
        more = len(silent) - SILENT_NAMED
        named = ", ".join(silent[:SILENT_NAMED]) + (f" and {more} more" if more > 0 else "")
        yield Alarm(
            f"Not heard from: {named}.",
            "Their nodes do not answer. What we write waits and goes out by itself.",
            Tone.WAITING,
        )


def _partners(session: Session, actor: Actor) -> Iterator[Waiting]:
    """Give partnerships that an administrator has to look at."""
    if not actor.may(Right.MANAGE_PARTNERS):
        return
    for partner in partners.partners(session):
        one = _waiting_partner(partner)
        if one is not None:
            yield one


def _reports(session: Session, actor: Actor) -> Iterator[Waiting]:
    """Give reports that came to us and wait for an answer."""
    own = node.find_node(session)
    if own is None or not actor.may(Right.RUN_CASES):
        return
    unanswered = reports.visible_unanswered(session, actor, us=own.organisation)
    due = answer_by(session, unanswered, us=own.organisation)
    for one in unanswered:
        what = "does not leave it at how you closed it" if one.asked_again else "reports"
        yield Waiting(
            title=one.title,
            sentence=f"{one.reporter_name} {what}.{' They ask for help.' * one.help_wanted}",
            href=url_for("pages.get_report", channel=one.channel, report=one.report),
            act="Look and answer",
            drawing="notes",
            tone=Tone.TROUBLE if one.help_wanted else Tone.WAITING,
            since=one.changed_at if one.asked_again else one.submitted_at,
            due=due.get((one.channel, one.report)),
            tlp=one.tlp,
        )


def _cases(session: Session, actor: Actor, channels: Channels) -> Iterator[Waiting]:
    """Give questions that wait for our vote, and cases in which nothing was heard of us."""
    own = node.find_node(session)
    if own is None:
        return
    for channel, topic, until in decision_queries.visible_unvoted(
        session, actor, us=own.organisation
    ):
        known = channels().get(channel)
        if known is not None:
            yield Waiting(
                title=known.name,
                sentence=f"A vote waits for you: {topic_words(topic).lower()}.",
                href=url_for(_ROOMS[known.kind], channel=channel, _anchor="decisions"),
                act="Look and vote",
                drawing="list-check",
                due=until,
                tlp=known.ceiling,
            )
    unstated = cases.visible_unstated(session, actor, us=own.organisation)
    due = own_times(session, [case.channel for case in unstated], us=own.organisation)
    for case in unstated:
        yield Waiting(
            title=case.title,
            sentence=f"{case.owner_name} does not know yet whether you are affected.",
            href=url_for("pages.get_case", channel=case.channel),
            act="Look and say it",
            drawing="urgent",
            tone=Tone.TROUBLE if case.crisis else Tone.WAITING,
            since=case.opened_at,
            due=due.get(case.channel),
            tlp=case.tlp,
        )


def _doubtful(session: Session, actor: Actor) -> Iterator[Waiting]:
    """Give what stands in our name and was signed with a key that somebody else may have had."""
    if not actor.may(Right.MANAGE_KEYS):
        return
    desk = current_office().desk(session)
    admitted = describing.find_doubtful_admissions(session, desk)
    if admitted:
        entries = words.count(len(admitted), "entry", "entries")
        yield Waiting(
            f"Did they come like this? {entries} that you took in",
            "They were taken in with a key that was revoked. The words are their authors’ own; time"
            " and order may not be. Ask them.",
            url_for("pages.get_keys", _anchor="admitted"),
            "Look",
            "alert-triangle",
            since=admitted[-1][0].created_at,
        )
    rows = describing.find_doubtful(session, desk)
    if rows:
        entries = words.count(len(rows), "entry", "entries")
        yield Waiting(
            f"Was this you? {entries} in your name",
            "They were signed with a key that was revoked. Look at each, and disown what is not"
            " yours.",
            url_for("pages.get_keys", _anchor="doubtful"),
            "Look",
            "alert-triangle",
            tone=Tone.TROUBLE,
            since=rows[-1][0].created_at,
        )


def _waiting_partner(partner: Partner) -> Waiting | None:
    href = url_for("pages.get_partner", organisation=partner.organisation)
    if partner.stopped_by is not None and partner.state is not PartnerState.ENDED:
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


def _invitations(session: Session, actor: Actor, *, now: datetime) -> Iterator[Waiting]:
    """Give invitations that this person may answer."""
    if not actor.may(Right.ANSWER_INVITATIONS):
        return
    for row in visible_invitations(session, actor, now=now):
        reason = f" {as_sentence(row.reason)}" if row.reason else ""
        yield Waiting(
            f"Invitation to {row.name}",
            f"{row.owner_name} asks you to join as {' and '.join(row.roles)}.{reason}",
            url_for("pages.get_invitation", channel=row.channel),
            "Look and answer",
            "mail-forward",
            since=row.received_at,
            due=row.reply_by,
            tlp=row.ceiling,
        )


def _news(
    session: Session, actor: Actor, us: str, channels: Mapping[str, ChannelSummary]
) -> list[News]:
    """Give what others wrote last, one line for each channel."""
    news: dict[str, News] = {}
    for entry in history.visible_news(session, actor, us=us, limit=NEWS_LOOKED_AT):
        channel = channels.get(entry.channel)
        if channel is None:
            continue
        known = news.get(entry.channel)
        if known is not None:
            news[entry.channel] = replace(known, more_count=known.more_count + 1)
            continue
        said = next((item.text for item in entry.items if item.type == "note" and item.text), None)
        news[entry.channel] = News(
            at=entry.at,
            sentence=as_sentence(entry.sentence),
            place=channel.name,
            href=url_for("pages.get_channel", channel=entry.channel, _anchor="history"),
            tlp=channel.ceiling,
            said=_beginning(said) if said and not entry.void and not entry.doubtful else None,
        )
    return list(news.values())


def _beginning(text: str, length: int = 160) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else line[:length].rsplit(" ", 1)[0] + " …"
