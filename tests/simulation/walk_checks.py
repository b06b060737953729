"""What must hold when everything has arrived: views and tables agree, and every no has a reason."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from sqlalchemy import select

from federation.ledgers import rebuild
from federation.ledgers.ledger import find_channel
from federation.ledgers.ledger_records import (
    ChannelRecord,
    ContributionRecord,
    Delivery,
    Standing,
)
from hub.apply import VIEWS
from hub.channels.kept_out import kept_out_of
from hub.channels.queries import visible_pending
from sharing.objects import find_contents
from tests.kit.nodes import CONSOLE, START, RunningNode
from tests.simulation.walk_rows import Walked
from tests.simulation.walk_views import differences, look, untold

_EXPLAINED: Final = re.compile(r".{5,}; \w+( of .+)? is [a-z ]+; open now: .+")
_FEWEST_WORDS: Final = 3
_GOING_ON: Final = frozenset({Standing.CURRENT, Standing.WAITING, Standing.JOINING})
_WAITING: Final = select(ContributionRecord.channel).where(
    ContributionRecord.state.in_([Delivery.PENDING, Delivery.ADMITTED])
)
_HEADS: Final = select(
    ChannelRecord.id, ChannelRecord.standing, ChannelRecord.is_ours, ChannelRecord.head_sha256
)
Nodes = Mapping[str, RunningNode]


def is_explained(sentence: str | None) -> bool:
    """Tell whether a refusal says anything to a person."""
    return sentence is not None and len(sentence.split()) >= _FEWEST_WORDS


def what_breaks(nodes: Nodes, places: Mapping[str, str], walked: Walked) -> Iterator[str]:
    """Say what does not hold."""
    for place, channel in places.items():
        yield from _disagreements(nodes, place, channel, walked)
    for name, node in nodes.items():
        yield from _unexplained(name, node)


def rebuilt_otherwise(
    nodes: Nodes, names: Iterable[str], places: Mapping[str, str], walked: Walked
) -> Iterator[str]:
    """Make again what nodes hold of each channel; say what was otherwise before."""
    count = 0
    for name in names:
        for place, channel in places.items():
            if recorded(nodes[name], channel, "state"):
                count += 1
                for sentence in _rebuilt(nodes[name], channel):
                    yield f"{place} rebuilt on {name}: {sentence}"
    walked.rebuilt.append(count)


def answers(nodes: Nodes) -> Iterator[str]:
    """Give why contributions were refused, by any coordinator."""
    query = select(ContributionRecord.sentence).where(ContributionRecord.state == Delivery.REFUSED)
    for node in nodes.values():
        with node.reading() as session:
            yield from (sentence for sentence in session.scalars(query) if sentence)


def anything_waits(nodes: Nodes, up: Collection[str]) -> bool:
    """Tell whether something is still on its way, or has not been read yet.

    Args:
        up: those that can be reached.
    """
    heads, follows, waits = {}, [], False
    for name in up:
        with nodes[name].reading() as session:
            standings = {}
            rows = session.execute(_HEADS).all()
            kept_out = kept_out_of(session, [row.id for row in rows])
            for row in rows:
                standings[row.id] = Standing.ENDED if row.id in kept_out else row.standing
                if row.is_ours:
                    heads[row.id] = row.head_sha256
                elif standings[row.id] in _GOING_ON:
                    follows.append((row.id, row.head_sha256))
            waits |= any(
                standings.get(one, Standing.CURRENT) in _GOING_ON
                for one in session.scalars(_WAITING)
            )
    return waits or any(head != heads.get(channel, head) for channel, head in follows)


def recorded(node: RunningNode, channel: str, column: str) -> Any:
    """Give what a node has recorded of a channel, or nothing."""
    with node.reading() as session:
        record = session.get(ChannelRecord, channel)
        return getattr(record, column) if record is not None else None


def _disagreements(nodes: Nodes, place: str, channel: str, walked: Walked) -> Iterator[str]:
    owners = [name for name, node in nodes.items() if recorded(node, channel, "is_ours")]
    if len(owners) != 1:
        yield f"{place} is coordinated by {owners or 'nobody'}"
        return
    owner = nodes[owners[0]]
    state = owner.state(channel)
    with owner.reading() as session:
        rows = look(session, channel)
    for sentence in untold(state, rows):
        yield f"{place}: {sentence}"
    for name, node in nodes.items():
        if node is owner or node.organisation not in state.joined:
            continue
        if not recorded(node, channel, "id"):
            yield f"{name} is a member of {place} and has none of it"
            continue
        if node.state(channel).document() != state.document():
            yield f"{place}: {name} has another state than {owners[0]}"
        with node.reading() as session:
            ours = look(session, channel)
            walked.views |= {view for view, *_ in ours}
            for sentence in differences(session, channel, ours, rows):
                yield f"{place} on {name} and {owners[0]}: {sentence}"


def _rebuilt(node: RunningNode, channel: str) -> Iterator[str]:
    with node.writing() as session:
        try:
            made = rebuild.rebuild(session, node.office.desk(session), channel, VIEWS)
        except Exception as error:  # noqa: BLE001 - whatever it is, the walk tells how it came
            yield repr(error)
            return
        yield from made.differences


def _unexplained(name: str, node: RunningNode) -> Iterator[str]:
    """See that what waits or was refused says why, and that its words are still here."""
    with node.reading() as session:
        told = {row.sha256: row.sentence for row in visible_pending(session, CONSOLE, now=START)}
        for row in session.scalars(select(ContributionRecord)):
            record = find_channel(session, row.channel)
            over = record is None or record.standing is not Standing.CURRENT
            if row.state is Delivery.PENDING and not over and not is_explained(told[row.sha256]):
                yield f"{row.act} of {name} waits: {told[row.sha256]}"
            if row.state is not Delivery.REFUSED:
                continue
            if not is_explained(row.sentence):
                yield f"a refusal without a reason: {row.sentence!r}"
            elif row.doubt == "not_permitted" and not _EXPLAINED.fullmatch(row.sentence or ""):
                yield f"it names nothing that is open: {row.sentence}"
            if set(row.objects) - find_contents(session, set(row.objects)).keys():
                yield f"words of {name} that were refused are gone"
