"""What waits for one person in channels: what of ours was refused, what stopped, who calls us."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from flask import url_for
from sqlalchemy.orm import Session

from federation.identity import node
from federation.ledgers.ledger_records import Delivery, Standing
from hub.accounts.actor import Actor
from hub.channels import queries, relay
from hub.channels.queries import ChannelSummary, PendingRow
from hub.channels.ways_out import may_choose, visible_calls
from hub.web import words
from hub.web.channel_words import PENDING_WORDS
from hub.web.forms import as_sentence
from hub.web.models import Tone, Waiting
from policies.roles import Right

# What is missing mostly comes by itself; people are told when it has not.
TOLD_AFTER: Final = timedelta(minutes=10)

Channels = Callable[[], Mapping[str, ChannelSummary]]
"""Gives the channels that this person may read, by id; they are asked for when one is needed."""


def known_channels(session: Session, actor: Actor) -> Channels:
    """Give what asks for all channels at its first call."""
    return cache(lambda: {one.id: one for one in queries.visible_channels(session, actor)})


def of_channels(
    session: Session, actor: Actor, channels: Channels, *, now: datetime
) -> Iterator[Waiting]:
    """Give what waits in channels."""
    yield from _contributions(session, actor, channels, now=now)
    yield from _said_for_us(session, actor, channels)
    yield from _stopped(session, actor, now=now)
    yield from _called_upon(session, actor, channels)


def _contributions(
    session: Session, actor: Actor, channels: Channels, *, now: datetime
) -> Iterator[Waiting]:
    """Give what of ours was refused, or taken and not shown."""
    if not actor.may(Right.CONTRIBUTE):
        return
    for row in queries.visible_pending(session, actor, now=now):
        if row.state is Delivery.REFUSED or row.alarm:
            yield _waiting_contribution(row, channels().get(row.channel))


def _said_for_us(session: Session, actor: Actor, channels: Channels) -> Iterator[Waiting]:
    """Give the channels in which a coordinator spoke in our name, until we say whether it is so."""
    own = node.find_node(session)
    if own is None or not actor.may(Right.CONTRIBUTE):
        return
    rows = relay.visible_unanswered(session, actor, own.organisation)
    for channel_id, count in Counter(row.channel for row in rows).items():
        channel = channels().get(channel_id)
        if channel is None:
            continue
        yield Waiting(
            f"{words.count(count, 'statement')} in your name in {channel.name}",
            f"{channel.owner_name or 'The coordinator'} recorded what your people said. "
            "Confirm it or dispute it.",
            url_for("pages.get_channel", channel=channel_id, _anchor="history"),
            "Look and answer",
            "phone",
            since=min(row.written_at for row in rows if row.channel == channel_id),
            tlp=channel.ceiling,
        )


def _waiting_contribution(row: PendingRow, channel: ChannelSummary | None) -> Waiting:
    what = PENDING_WORDS.get(row.act, row.act)
    href = url_for("pages.get_channel", channel=row.channel, _anchor="pending")
    place = channel.name if channel is not None else "a channel"
    if row.alarm:
        return Waiting(
            f"{what} does not show in {place}",
            "The coordinator’s node took it and has not shown it to anybody since. Call them.",
            href,
            "Look",
            "alert-triangle",
            tone=Tone.TROUBLE,
            since=row.written_at,
        )
    return Waiting(
        f"{what} was refused in {place}",
        as_sentence(row.sentence or row.what_it_means or "no reason was given"),
        href,
        "See why",
        "hand-stop",
        tone=Tone.TROUBLE,
        since=row.written_at,
    )


def _stopped(session: Session, actor: Actor, *, now: datetime) -> Iterator[Waiting]:
    """Give channels that are frozen, or have waited for longer than it mostly takes."""
    for channel in queries.visible_stopped(session, actor):
        frozen = channel.standing is Standing.FROZEN
        behind = channel.standing is Standing.BEHIND
        late = channel.standing is Standing.WAITING and (
            channel.doubted_at is None or now - channel.doubted_at > TOLD_AFTER
        )
        if not (frozen or behind or late):
            continue
        settles = bool(actor.may(Right.SETTLE_FREEZES))
        way = "Look and choose a way out." if settles else "An administrator settles it."
        if late:
            way = "The node goes on asking for it."
        elif behind:
            way = f"The node asks the members by itself. If it lasts: {way[0].lower()}{way[1:]}"
        sentence = as_sentence(channel.sentence or "something is missing")
        how = "frozen" if frozen else "behind" if behind else "incomplete"
        yield Waiting(
            f"{channel.name} is {how} here",
            f"{sentence} {way}",
            url_for("pages.get_channel", channel=channel.id),
            "Look",
            "snowflake" if frozen else "clock-pause",
            tone=Tone.WAITING if late else Tone.TROUBLE,
            since=channel.doubted_at,
            tlp=channel.ceiling,
        )


def _called_upon(session: Session, actor: Actor, channels: Channels) -> Iterator[Waiting]:
    """Give channels that other members want us to take over."""
    if not may_choose(actor):
        return
    for channel, given in visible_calls(session, actor).items():
        summary = channels().get(channel)
        if summary is None:
            continue
        yield Waiting(
            f"You are asked to coordinate {summary.name}",
            f"{words.count(given, 'member')} endorsed you as successor of a coordinator that is "
            "silent or has forked. Call them; take over, or say that you will not.",
            url_for("pages.get_repair", channel=channel),
            "Look",
            "heart-handshake",
            tlp=summary.ceiling,
        )
